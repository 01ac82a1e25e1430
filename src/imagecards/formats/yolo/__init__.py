"""YOLO: a text file an image, a line an object: ``class x y width height``, or with ``yolo-seg`` a polygon.

What polygons mean is not said by the format. By default they are outlines that go along the edges of pixels, as those
of COCO do. Where all outlines were traced from masks they are what OpenCV fills, from centre to centre of the outermost
pixels; our ``data.yaml`` says so (``imagecards: {outlines: pixels}``), and the masks come back bit for bit.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import get_args

from imagecards.datasets import Place, is_image_name, scan_folder
from imagecards.errors import FormatError, InvalidInputError, StorageError
from imagecards.formats.building import DatasetBuilder
from imagecards.formats.documents import read_text
from imagecards.formats.format import Format
from imagecards.formats.parallel import batches, map_ordered
from imagecards.formats.yolo.data import FILE_NAMES, YoloData, parse_names, read_data
from imagecards.formats.yolo.images import LabelledImage, labelled_images, tell_of_orphans
from imagecards.formats.yolo.keypoints import Keypoints, keypoints_in
from imagecards.formats.yolo.labels import Kind, Labels, Outlines, parse_labels
from imagecards.formats.yolo.layout import Group, find_data_file, find_groups
from imagecards.formats.yolo.lists import class_names, list_reader, tell_of_unlisted
from imagecards.formats.yolo.numbers import LEAST_DECIMALS, MOST_DECIMALS
from imagecards.formats.yolo.sniffing import LOOKED_AT, has_polygons, numbers_of
from imagecards.formats.yolo.turning import inverse, shown_size, turned
from imagecards.formats.yolo.writing import write_yolo, write_yolo_seg

_BATCH = 256


def read_yolo(path: Path, builder: DatasetBuilder, *, names: object = None, exif: bool = True) -> None:
    """Read boxes.

    Args:
        path: The folder, or its ``data.yaml``.
        builder: Takes what is found.
        names: The names of the classes, in place of those of ``data.yaml``; without any a class is called ``"0"``.
        exif: Whether fractions are of images as they are shown, turned as their EXIF says: so OpenCV loads them, and
            all who train with it. Else they are of the pixels as they are stored.
    """
    _read(path, builder, names, polygons=False, outlines=None, exif=exif)


def read_yolo_seg(
    path: Path,
    builder: DatasetBuilder,
    *,
    names: object = None,
    outlines: Outlines | None = None,
    exif: bool = True,
) -> None:
    """Read polygons; a line of four numbers is a box here, too.

    Args:
        path: The folder, or its ``data.yaml``.
        builder: Takes what is found.
        names: The names of the classes, in place of those of ``data.yaml``; without any a class is called ``"0"``.
        outlines: ``"vertices"`` keeps polygons as they are; ``"pixels"`` fills them as ``cv2.fillPoly`` does, into
            masks. By default what ``data.yaml`` says, and else vertices.
        exif: See `read_yolo`.

    Raises:
        InvalidInputError: The outlines are neither.
    """
    if outlines is not None and outlines not in get_args(Outlines):
        raise InvalidInputError(f"outlines={outlines!r} is neither 'vertices' nor 'pixels'")
    _read(path, builder, names, polygons=True, outlines=outlines, exif=exif)


def _read(
    path: Path, builder: DatasetBuilder, names: object, *, polygons: bool, outlines: Outlines | None, exif: bool
) -> None:
    if not isinstance(exif, bool):
        raise InvalidInputError(f"exif={exif!r} is neither true nor false")
    base = path if path.is_dir() else path.parent
    data = _read_data(path, base, builder)
    apart = builder.root != base
    files = frozenset(found.name for found in scan_folder(base).files) if apart else builder.files
    classes = data.names if names is None else parse_names(names)
    if classes is None:
        classes = class_names(base, files, builder)
    read_list = list_reader(data, base, files, builder)
    groups = _groups(data, builder, apart, _called(find_data_file(path), base), read_list)
    said = data.own.get("outlines")
    decimals = str(data.own.get("decimals", ""))
    images = list(labelled_images(groups, builder, files, base, apart, exif))
    keypoints = data.keypoints
    if keypoints is None and not data.own and outlines is None:
        keypoints = _keypoints(base, images, builder)
    kind = Kind(
        classes,
        polygons and keypoints is None,
        outlines or ("pixels" if said == "pixels" else "vertices"),
        int(decimals) if decimals in map(str, range(LEAST_DECIMALS, MOST_DECIMALS + 1)) else LEAST_DECIMALS,
        keypoints,
    )
    tell_of_orphans(groups, {image.label for image in images}, files, builder)
    builder.annotation_files.update({image.label: str(base / image.label) for image in images if image.label})
    used: set[str] = set()
    posed: Counter[str] = Counter()
    shown: list[str] = []
    work = map_ordered(partial(_parse_batch, base, kind), batches(images, _BATCH), builder.executor)
    for image, labels in ((image, labels) for batch in work for image, labels in batch):
        used.update(entry["category"] for entry in _add(image, labels, builder))
        if isinstance(labels, Labels) and labels.keypoints:
            posed[image.label or image.file] += labels.keypoints
        if image.orientation > 1 and isinstance(labels, Labels) and labels.objects:
            shown.append(image.label or image.file)
    if shown and not data.own:
        many = "1 image is" if len(shown) == 1 else f"{len(shown):,} images are"
        message = (
            f"{many} turned by EXIF: the fractions are taken to be of the images as they are "
            "shown, as OpenCV loads them; exif=false (--from-option) if they are of the pixels as they are stored"
        )
        builder.warn("turned-images", message, shown[0])
    if posed:
        many = "1 object" if posed.total() == 1 else f"{posed.total():,} objects"
        message = f"the keypoints of {many} are left out: boxes are read"
        builder.warn("keypoints-dropped", message, next(iter(posed)))
    if classes is None:
        classes = {int(name): name for name in sorted(used, key=int)}
    builder.attributes["categories"] = [{"id": number, "name": name} for number, name in sorted(classes.items())]


def _read_data(path: Path, base: Path, builder: DatasetBuilder) -> YoloData:
    file = find_data_file(path)
    if file is None:
        return YoloData()
    called = _called(file, base)
    try:
        data = read_data(file)
    except FormatError as error:
        builder.error("unreadable-file", str(error), called)
        return YoloData()
    if file.name not in FILE_NAMES and path != file and data.names is None and not data.own:
        return YoloData()  # some other YAML
    for rule, message, name, value in data.problems:
        builder.error(rule, message, called, where=name, value=value)
    for rule, message, name, value in data.warnings:
        builder.warn(rule, message, called, where=name, value=value)
    builder.annotation_files[called] = str(file)
    return data


def _called(file: Path | None, base: Path) -> str:
    return file.relative_to(base).as_posix() if file is not None else ""


def _groups(
    data: YoloData,
    builder: DatasetBuilder,
    apart: bool,
    data_file: str,
    read_list: Callable[[str], Sequence[str] | None],
) -> list[Group]:
    """The folders of images; tells what of ``data.yaml`` is not so, and what it does not name."""
    groups, misplaced = find_groups(data, builder.files, builder.root, apart=apart, read_list=read_list)
    for key, value, message in misplaced:
        builder.warn("misplaced-split", message, data_file, where=key, value=value)
    if not groups and not any(map(is_image_name, builder.files)):
        builder.warn("no-images", "there is no image in the folder", data_file or builder.root.name)
    if data.splits and "splits" not in data.own:
        tell_of_unlisted(
            groups, find_groups(YoloData(), builder.files, builder.root, apart=apart)[0], builder, data_file
        )
    return groups


def _keypoints(base: Path, images: Sequence[LabelledImage], builder: DatasetBuilder) -> Keypoints | None:
    """What lines have behind their box, where nothing says so, by the first of them."""
    lines: list[list[float]] = []
    read = 0
    for image in images:
        if image.label is None or read == LOOKED_AT:
            continue
        with suppress(FormatError, StorageError):
            found = numbers_of(read_text(base / image.label))
            read += bool(found)
            lines += found
    keypoints, certain = keypoints_in(lines)
    if keypoints is not None and not certain:
        message = (
            f"lines of {keypoints.length} numbers: a box and {keypoints.points} keypoints, or a polygon? "
            f"Say kpt_shape: [{keypoints.points}, 2] in data.yaml, or outlines='vertices' (--from-option)"
        )
        builder.error("keypoints-or-polygons", message, next(image.label for image in images if image.label))
    return keypoints


def _parse_batch(base: Path, kind: Kind, images: Sequence[LabelledImage]) -> list[tuple[LabelledImage, Labels | str]]:
    """Read label files; where one can't be read at all, what is wrong with it."""
    results: list[tuple[LabelledImage, Labels | str]] = []
    for image in images:
        if image.label is None or image.size is None:
            results.append((image, Labels()))
            continue
        try:
            size = shown_size(image.size, image.orientation)
            labels = parse_labels(read_text(base / image.label), size, kind)
            if image.orientation > 1:
                back = inverse(image.orientation)
                labels.objects = [turned(entry, size, back) for entry in labels.objects]
            results.append((image, labels))
        except (FormatError, StorageError) as error:
            results.append((image, str(error)))
    return results


def _add(image: LabelledImage, labels: Labels | str, builder: DatasetBuilder) -> list[dict[str, str]]:
    """Add an image; an image whose labels can't be read is one of which nothing is known."""
    place = Place(image.label or image.file, None)
    if isinstance(labels, str):
        builder.error("unreadable-file", labels, place.file)
        builder.image(image.name, file=image.file, split=image.split, size=image.size, place=place)
        return []
    for severity, rule, message, line, name, value in labels.problems:
        tell = builder.error if severity == "error" else builder.warn
        tell(rule, message, place.file, line, name, value)
    builder.image(
        image.name,
        file=image.file,
        split=image.split,
        size=image.size,
        objects=labels.objects,
        place=place,
        object_place=partial(_place_of_object, labels.lines),
    )
    return labels.objects


def _place_of_object(lines: Sequence[int], number: int) -> tuple[int, str]:
    return lines[number], "object"


_EXTENSIONS = (".txt", ".yaml", ".yml")

FORMAT = Format(
    name="yolo",
    title="YOLO with boxes (Ultralytics: data.yaml, images and labels)",
    extensions=_EXTENSIONS,
    holds=frozenset({"boxes", "splits"}),
    sniff=lambda path: has_polygons(path) is False,
    read=read_yolo,
    write=write_yolo,
)

SEGMENTS = Format(
    name="yolo-seg",
    title="YOLO with polygons (Ultralytics: data.yaml, images and labels)",
    extensions=_EXTENSIONS,
    holds=frozenset({"boxes", "polygons", "masks", "splits"}),
    sniff=lambda path: has_polygons(path) is True,
    read=read_yolo_seg,
    write=write_yolo_seg,
)
