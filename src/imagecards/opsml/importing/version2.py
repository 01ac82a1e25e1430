"""Datasets of opsml 2: from shards of pixels to image files and records."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import orjson

from imagecards.datasets import ImageDataset, replaced
from imagecards.destination import new_folder
from imagecards.errors import FormatError
from imagecards.opsml.importing.naming import new_names
from imagecards.opsml.importing.pixels import encoded, mode_of
from imagecards.opsml.importing.shards import METADATA, ShardRow, read_rows
from imagecards.records import ImageMetadata, Issue, Report, printable
from imagecards.records.issues import shown

_DEEPEST = 200  # folders; nobody has so many
_BOM = b"\xef\xbb\xbf"


def unpack(
    folder: Path, splits: Mapping[str | None, Sequence[Path]], to: Path
) -> tuple[ImageDataset, Literal[2], dict[str, str], tuple[str, ...]]:
    """Write the images of all shards as files, and bind them to their records.

    An image that is in several splits, as opsml 2 wrote it where their metadata named it, is one image.

    Args:
        folder: Where the shards are.
        splits: The shards of each split.
        to: A new folder for the images.

    Returns:
        The dataset, the version of opsml, the names that are others now, and notes of what was not kept.

    Raises:
        InvalidMetadataError: The metadata break rules, or name images that no shard has.
        FormatError: A shard is damaged, or has what can't be an image.
    """
    endings: dict[str, str] = {}
    members: dict[str, dict[str, None]] = {}
    for split, row in _every(folder, splits, pixels=False):
        endings[row.path] = mode_of(row).ending
        if split is not None:
            members.setdefault(split, {})[row.path] = None
    names = new_names(endings)
    texts = [_renamed(folder, split, names) for split in splits]
    metadata = ImageMetadata.from_jsonl(b"\n".join(texts), METADATA)
    palettes = _write(folder, splits, names, to)
    dataset = ImageDataset(image_dir=to, metadata=metadata)
    left_out = sorted(set(names.values()) - set(dataset.names))
    if left_out:
        message = f"{shown(left_out[0])} would be passed over, as hidden files and those that are no images are"
        raise FormatError(f"{message}: rename it where it comes from")
    dataset.validate().raise_errors()
    parts = {split: [names[path] for path in paths] for split, paths in members.items()}
    notes: tuple[str, ...] = ()
    if palettes:
        notes = (
            f"{palettes:,} of the images had a palette, which opsml 2 did not keep: they are grey, and each grey "
            "value is the number of a colour",
        )
    renamed = {old: new for old, new in sorted(names.items()) if old != new}
    return replaced(dataset, splits=parts), 2, renamed, notes


def _write(folder: Path, splits: Mapping[str | None, Sequence[Path]], names: Mapping[str, str], to: Path) -> int:
    """Write every image once, and count those that had a palette."""
    written: dict[str, bytes] = {}
    palettes = 0
    with new_folder(to) as write:
        for _, row in _every(folder, splits):
            digest = sha256(f"{row.height} {row.width} {row.mode} ".encode() + row.data).digest()
            if written.setdefault(row.path, digest) is not digest:
                if written[row.path] != digest:
                    message = f"{row.place}: {printable(row.path)} has other pixels than in a row before: rename one"
                    raise FormatError(message)
                continue
            write(names[row.path], [encoded(row)])
            palettes += row.mode == "P"
    return palettes


def _every(
    folder: Path, splits: Mapping[str | None, Sequence[Path]], *, pixels: bool = True
) -> Iterator[tuple[str | None, ShardRow]]:
    for split, shards in splits.items():
        for shard in shards:
            for row in read_rows(shard, _shown(shard, folder), pixels=pixels):
                yield split, row


def _renamed(folder: Path, split: str | None, names: Mapping[str, str]) -> bytes:
    """The metadata of a split as ours are written: the names of images in the place of paths on somebody's disk.

    Raises:
        InvalidMetadataError: A line breaks rules, or names an image that no shard has.
    """
    place = folder / METADATA if split is None else folder / split / METADATA
    file = _shown(place, folder)
    if not place.is_file():
        return b""  # images of which nothing is said
    lines = place.read_bytes().removeprefix(_BOM).split(b"\n")
    depth = _depth(lines, names)
    issues: list[Issue] = []
    for index, line in enumerate(lines):
        record = _record(line)
        path = record.get("filepath") if record is not None else None
        if record is None or not isinstance(path, str):
            continue  # what is wrong with the line is told when it is read
        found = names.get(_below(path, depth))
        if found is None:
            message = "no shard has this image: it is another dataset's metadata, or a shard is missing"
            issues.append(Issue(file, index + 1, "filepath", shown(path), "missing-file", message))
        del record["filepath"]
        record.pop("size", None)  # of the file that is lost
        lines[index] = orjson.dumps(record | {"file_name": found or "missing.png"})
    text = b"\n".join(lines)
    Report(issues).raise_errors()
    ImageMetadata.from_jsonl(text, file)
    return text


def _depth(lines: Iterable[bytes], names: Mapping[str, str]) -> int:
    """How many folders lead to the dataset in the paths of its metadata: so many that they name images behind them."""
    paths = [record["filepath"] for line in lines if (record := _record(line)) and "filepath" in record]
    texts = [path for path in paths if isinstance(path, str)]
    if not texts:
        return 0
    deepest = min(*(path.count("/") for path in texts), _DEEPEST)
    fits = {depth: sum(_below(path, depth) in names for path in texts) for depth in range(deepest + 1)}
    return max(fits, key=lambda depth: (fits[depth], -depth))


def _below(path: str, depth: int) -> str:
    return path.split("/", depth)[-1]


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = orjson.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _shown(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix()
