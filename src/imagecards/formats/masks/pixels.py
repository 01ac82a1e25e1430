"""One mask: from the values of its pixels to objects."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imagecards.errors import FormatError
from imagecards.formats.masks.table import Kind, MaskTable
from imagecards.geometry import bounds, instances_of, runs_to_coco
from imagecards.images import MAX_PIXELS, decode

_MOST_COLOURS = 4096  # a picture with more is no mask
_MOST_RUNS = 1 << 23  # each is held by numbers of 64 bits: a small file of stripes must not fill the memory
_PNG = b"\x89PNG\r\n\x1a\n"


class Found(NamedTuple):
    """What a mask says: the image's size, its objects, and rule, message, value and count of what is wrong."""

    size: tuple[int, int] | None
    objects: list[dict[str, Any]]
    values: list[str]
    problems: list[tuple[str, str, str, str]]


def read_mask(
    data: bytes, kind: Kind | None, table: MaskTable, instances: Mapping[int, str | int] | None = None
) -> Found:
    """Read one mask.

    Args:
        data: The file.
        kind: What its pixels are, where that is said.
        table: What is said of the masks as a whole.
        instances: The category of each instance, where that is said.

    Raises:
        FormatError: It is no mask.
    """
    image = decode(data, max_pixels=MAX_PIXELS)
    if image.format == "JPEG":
        raise FormatError("JPEG changes the values of pixels: masks are PNG files")
    mode = image.mode
    pixels = _pixels(np.asarray(image), mode, data, kind)
    kind = kind or ("instances" if mode in ("1", "L", "I", "I;16") else "colours")
    if np.count_nonzero(pixels[1:] != pixels[:-1]) > _MOST_RUNS:
        raise FormatError(f"its values change more than {_MOST_RUNS:,} times: this is no mask")
    coloured = kind == "colours" and pixels.dtype == np.uint32
    if coloured and table.colours is None and np.unique(pixels).size > _MOST_COLOURS:
        raise FormatError(f"it has more than {_MOST_COLOURS:,} colours: this is no mask")
    found = Found((image.width, image.height), [], [], [])
    missing = set(instances or ())
    for value, runs in instances_of(pixels):
        missing.discard(value)
        category: str | int | None
        if kind == "instances":
            category = "object" if instances is None else instances.get(value)
        elif coloured:
            category = f"#{value:06x}" if table.colours is None else table.colours.get(value)
        else:
            category = str(value) if table.classes is None else table.classes.get(value)
        if category is None:
            what = f"#{value:06x}" if coloured else str(value)
            covered = int(runs.counts[1::2].sum())
            message = f"{covered:,} pixels have a value that stands for no category"
            found.problems.append(("unknown-value", message, f"pixels {what}", what))
            continue
        box = [float(side) for side in bounds(runs)]
        found.objects.append({"bbox": box, "category": category, "segmentation": runs_to_coco(runs)})
        found.values.append(f"pixels {value}")
        if kind == "instances":
            found.objects[-1]["instance"] = value
    if [entry.get("instance") for entry in found.objects] == list(range(1, len(found.objects) + 1)):
        for entry in found.objects:  # the place among the others says as much
            del entry["instance"]
    for value in sorted(missing) if kind == "instances" else ():
        message = "there is a category for this instance, and no pixel of it"
        found.problems.append(("missing-instance", message, f"pixels {value}", str(value)))
    return found


def _pixels(array: NDArray[Any], mode: str, data: bytes, kind: Kind | None) -> NDArray[Any]:
    """The value of each pixel; colours as one number of 32 bits."""
    if mode in ("1", "P"):
        return array.astype(np.uint8)
    if mode == "L":
        # Pillow stretches grey of 2 and 4 bits to 8: the values that were written are wanted
        depth = data[24] if data.startswith(_PNG) and data[25] == 0 else 8
        return array // (255 // (2**depth - 1)) if depth < 8 else array
    if mode == "I;16":
        return array
    if mode == "I":
        if array.size and (array.min() < 0 or array.max() > 65_535):
            raise FormatError("values of pixels go beyond 16 bits: number them anew")
        return array.astype(np.uint16)
    if mode in ("RGB", "RGBA"):
        red, green, blue = (array[:, :, channel] for channel in range(3))
        if kind in (None, "colours"):
            colours = red.astype(np.uint32)
            for channel in (green, blue):
                colours <<= 8
                colours |= channel
            return colours
        if np.array_equal(red, green) and np.array_equal(red, blue):
            return red
        raise FormatError(f"a mask of {kind} has one number a pixel, and this has colours: read it with kind='colours'")
    raise FormatError(f"pixels of the type {mode} are no masks: store whole numbers, or colours")
