"""Annotations against files: what is listed and missing, present and unlisted, outside of its image."""

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from imagecards.datasets.scan import are_image_names, is_image_name
from imagecards.paths import collision_key
from imagecards.records.issues import MAX_KEPT_ISSUES, Issue, Report, shown
from imagecards.records.sound import unsafe_names

_MOST_GUESSES = 50  # missing files for which a similar name is looked for: each takes milliseconds
_MOST_CANDIDATES = 2000
_NOT_ON_WINDOWS = r'[?*<>|"]'  # of what `check_relative` accepts
_ROUNDING = 1e-3  # pixels; coordinates that went through 32-bit floats are off by less
_SLIP = 1.0  # pixels; annotation tools that count from the other side of a pixel are off by one


class Place(NamedTuple):
    """Where a record is: a metadata file and a line in it, where it has any."""

    file: str
    line: int | None


Places = Callable[[str], Place]
"""Tells for the name of a listed image where its record is."""


def check_names(listed: pa.Array, present: pa.Array, places: Places, *, all_listed: bool = True) -> Report:
    """Compare the images that the metadata lists with the files that are there.

    Args:
        listed: The distinct file names of the records, an array of strings.
        present: The names of the files, metadata files left out.
        places: Where the record of a listed image is.
        all_listed: Whether every image should be listed: not so without metadata, or where it can't all be
            read.
    """
    # Of most datasets all that is listed is there, and so little is left to be looked at name by name.
    named = are_image_names(present)
    images = present.filter(named)
    unlisted = images.filter(_not_in(images, listed))
    unknown: list[str] = listed.filter(_not_in(listed, images)).to_pylist()
    others = present.filter(pc.and_not(_not_in(present, listed), named))
    issues: list[Issue] = [_no_image_name(name, places(name)) for name in unknown if not is_image_name(name)]
    missing = [name for name in unknown if is_image_name(name)]
    issues += _missing(missing, images.to_pylist() if missing else (), places)
    if all_listed:
        issues += [_unlisted(name) for name in unlisted.to_pylist()]
    # Of listed names each part was checked, but not what a split's folder in front of them makes of them.
    issues += _unsafe(pa.chunked_array([listed, unlisted]))
    issues += _unportable(pa.chunked_array([listed, unlisted]))
    if len(unlisted):  # among the listed ones alone they were found before
        issues += _collisions(listed.to_pylist(), unlisted.to_pylist(), places)
    issues += _not_registered(others.to_pylist())
    return Report(issues)


def check_boxes(table: pa.Table, places: Places | None = None) -> Report:
    """Find boxes that reach beyond their image: by up to a pixel a warning, by more an error.

    Args:
        table: One row an image: ``file_name``, ``objects``, ``width`` and ``height`` (null where not known).
        places: Where the record of an image is.
    """
    return Report(_outside(table, places or (lambda name: Place(name, None))))


def check_sizes(stated: pa.Table, found: pa.Table) -> Report:
    """Find images that have another size than annotations say of them.

    Args:
        stated: One row an image: ``file_name``, and ``width`` and ``height`` where they are stated.
        found: The same of the files, in the same order.
    """
    sides = ("width", "height")
    if not set(sides) <= set(stated.column_names):
        return Report()
    differ = pc.or_(*(pc.fill_null(pc.not_equal(stated[side], found[side]), False) for side in sides))
    said, real = (table.select(["file_name", *sides]).filter(differ).to_pylist() for table in (stated, found))
    return Report(
        Issue(
            one["file_name"],
            None,
            "",
            f"{one['width']} x {one['height']}",
            "size-differs",
            f"{one['width']} x {one['height']} pixels are said of it, and it has {other['width']} x {other['height']}",
        )
        for one, other in zip(said, real, strict=True)
    )


def _outside(table: pa.Table, places: Places) -> Iterator[Issue]:
    objects = table["objects"].combine_chunks()
    rows: npt.NDArray[np.int64] = pc.list_parent_indices(objects).to_numpy().astype(np.int64)
    boxes = pc.struct_field(pc.list_flatten(objects), "bbox")
    corners = pc.list_flatten(boxes).to_numpy(zero_copy_only=False).astype(float).reshape(-1, 4)
    width, height = (table[side].to_numpy().astype(float)[rows] for side in ("width", "height"))
    x, y, w, h = corners.T
    # beyond the left, top, right and bottom edge; NaN (no size known) is beyond nothing
    beyond = np.stack([-x, -y, x + w - width, y + h - height], axis=1)
    worst = np.fmax.reduce(beyond, axis=1, initial=0.0)
    wrong = np.flatnonzero(np.isfinite(width) & (worst > _ROUNDING))
    first = np.searchsorted(rows, rows[wrong])
    # As Python values by the column: one by one they would take far longer to come out of Arrow and numpy.
    names = table["file_name"].take(pa.array(rows[wrong])).to_pylist()
    sizes = np.stack([width, height], axis=1)[wrong].astype(int).tolist()
    numbers = zip((wrong - first).tolist(), corners[wrong].tolist(), beyond[wrong].tolist(), strict=True)
    made: dict[bool, list[Issue]] = {True: [], False: []}
    for name, size, (index, box, excess) in zip(names, sizes, numbers, strict=True):
        issues = made[max(excess) > _SLIP]
        if len(issues) < MAX_KEPT_ISSUES:
            issues.append(_box_outside(name, index, box, excess, size, places(name)))
        yield issues[-1]  # a report keeps no more than these, and counts the others


def _box_outside(name: str, index: int, box: list[float], beyond: list[float], size: list[int], place: Place) -> Issue:
    excess = max(beyond)
    side = ("left", "top", "right", "bottom")[beyond.index(excess)]
    image = f"{name} ({size[0]} x {size[1]})" if place.file != name else f"the image ({size[0]} x {size[1]})"
    left, top = max(box[0], 0.0), max(box[1], 0.0)
    right, bottom = min(box[0] + box[2], size[0]), min(box[1] + box[3], size[1])
    hint = None
    if left <= right and top <= bottom:
        clipped = ", ".join(f"{value:g}" for value in (left, top, right - left, bottom - top))
        hint = f"[{clipped}] is the part inside"
    return Issue(
        place.file,
        place.line,
        f"objects.bbox[{index}]",
        shown(box),
        "box-outside-image",
        f"the box reaches {excess:g} pixels beyond the {side} edge of {image}",
        severity="error" if excess > _SLIP else "warning",
        suggestion=hint,
    )


def _no_image_name(name: str, place: Place) -> Issue:
    message = "this is not the name of a JPEG, PNG, TIFF, WebP, BMP or GIF file"
    return Issue(place.file, place.line, "file_name", shown(name), "not-an-image", message)


def _missing(missing: Iterable[str], images: Sequence[str], places: Places) -> Iterator[Issue]:
    by_key: dict[str, str] | None = None
    for number, name in enumerate(missing):
        if by_key is None:
            by_key = {collision_key(image): image for image in images}
        place = places(name)
        similar = by_key.get(collision_key(name))
        if similar is None and number < _MOST_GUESSES:
            similar = _similar(name, images)
        hint = f"did you mean {similar}?" if similar else None
        message = "there is no such file"
        if "/." in f"/{name}":
            message, hint = "hidden files and folders are not part of a dataset", "rename it"
        yield Issue(place.file, place.line, "file_name", shown(name), "missing-file", message, suggestion=hint)


def _similar(name: str, images: Sequence[str]) -> str | None:
    base = name.rpartition("/")[2]
    for image in images:  # the right file in another folder
        if image.rpartition("/")[2] == base:
            return image
    found = difflib.get_close_matches(name, images[:_MOST_CANDIDATES], n=1, cutoff=0.8)
    return found[0] if found else None


def _unlisted(name: str) -> Issue:
    message = "the image has no record in the metadata; it is part of the dataset, without annotations"
    return Issue(name, None, "", "", "unlisted-image", message, severity="warning")


def _not_in(names: pa.Array, others: pa.Array) -> pa.Array:
    return pc.invert(pc.is_in(names, others))


def _unsafe(names: pa.ChunkedArray) -> Iterator[Issue]:
    for name, reason in unsafe_names(names):
        yield Issue(name, None, "", "", "unsafe-path", f"the path {reason}", suggestion="rename it")


def _unportable(names: pa.ChunkedArray) -> Iterator[Issue]:
    for name in names.filter(pc.match_substring_regex(names, _NOT_ON_WINDOWS)).to_pylist():
        message = "the name has a character that Windows can't hold: it can't be fetched there"
        hint = 'take out ? * < > | and "'
        yield Issue(name, None, "", "", "unportable-name", message, severity="warning", suggestion=hint)


def _collisions(listed: Sequence[str], unlisted: Sequence[str], places: Places) -> Iterator[Issue]:
    """Names that some file system takes for one, an unlisted one among them."""
    keys: dict[str, str] = {_key(name): name for name in listed}
    recorded = set(listed)
    for name in unlisted:
        other = keys.setdefault(_key(name), name)
        if other != name:
            where = f" ({places(other).file})" if other in recorded else ""
            message = f"some file systems can't tell this name from {other}{where}"
            yield Issue(name, None, "", "", "name-collision", message, suggestion="rename one of them")


def _key(name: str) -> str:
    return name.lower() if name.isascii() else collision_key(name)


def _not_registered(names: Iterable[str]) -> Iterator[Issue]:
    groups: dict[str, list[str]] = {}
    for name in names:
        stem, _, suffix = name.rpartition("/")[2].rpartition(".")
        groups.setdefault(f".{suffix.lower()}" if stem else "", []).append(name)
    for suffix, members in groups.items():
        count = f"{len(members):,} files{f' ({suffix})' if suffix else ''} are" if len(members) > 1 else "this file is"
        message = f"{count} neither image nor metadata and will not be registered"
        hint = "attach what belongs to the dataset as an artifact"
        yield Issue(members[0], None, "", "", "not-registered", message, severity="warning", suggestion=hint)
