"""What a record and a dataset are, as digests: independent of files, machines, and library versions.

The digest of a record is the SHA-256 of the canonical JSON (RFC 8785) of::

    {"file_name": ..., "caption": ..., "categories": [...],
     "objects": [{"bbox": [x, y, width, height], "category": ..., ...}, ...],
     "extra": {...}, "image": "sha256:..."}

Whatever is null is left out, and so is ``extra`` when nothing is in it; an empty list stays. So the digest of
a record depends on nothing but what is said of that image and on the image's bytes.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from imagecards.digests import canonical_text, number_text, sorted_keys
from imagecards.records.values import without_nulls

_Texts: TypeAlias = Sequence[str | None]

_BATCH_ROWS = 16_384
_HEADER = b"imagecards dataset 1\n"


def record_digests(merged: pa.Table, image_digests: Sequence[bytes]) -> list[bytes]:
    """Return the digest of each record, 32 bytes each.

    Args:
        merged: One row an image, as the columns that `imagecards.records.schema` describes.
        image_digests: The SHA-256 of each image's bytes, in the same order.

    Raises:
        ValueError: There are not as many digests as rows.
    """
    if len(image_digests) != len(merged):
        raise ValueError(f"there are {len(merged)} records but {len(image_digests)} image digests")
    texts = canonical_records(merged, image_digests)
    return [hashlib.sha256(text.encode()).digest() for text in texts]


def canonical_records(merged: pa.Table, image_digests: Sequence[bytes]) -> Iterator[str]:
    """Yield the canonical JSON text of each record; see `record_digests`."""
    for start in range(0, len(merged), _BATCH_ROWS):
        batch = merged.slice(start, _BATCH_ROWS).combine_chunks()
        columns = {name: _column_texts(name, batch[name]) for name in batch.column_names}
        columns["image"] = [f'"sha256:{sha.hex()}"' for sha in image_digests[start : start + _BATCH_ROWS]]
        yield from _object_texts(columns)


def dataset_digest(names: Sequence[str], digests: Sequence[bytes], splits: Mapping[str, Sequence[str]]) -> str:
    """Return the digest of a dataset: ``sha256:`` and the digest of these lines.

    ``imagecards dataset 1``, then the digest of each record in hexadecimal in the order of the file names'
    UTF-8 bytes, then for each split by name ``split "<name>" <digest>``, where the digest is the SHA-256 of
    the split's sorted file names, a line each. Every line ends with a line feed.

    Args:
        names: The file name of each record.
        digests: What `record_digests` returns.
        splits: The file names in each split.

    Example:
        >>> dataset_digest([], [], {})
        'sha256:5e5a4ad234f87e286dfbf9bb00b7d35542d777d2e2c2f3fe8855d9ad15d26385'
    """
    dataset = hashlib.sha256(_HEADER)
    # The order of code points, by which Python sorts, is that of UTF-8 bytes.
    for _, digest in sorted(zip(names, digests, strict=True)):
        dataset.update(digest.hex().encode() + b"\n")
    for split in sorted(splits):
        members = "".join(f"{name}\n" for name in sorted(splits[split]))
        sha = hashlib.sha256(members.encode()).hexdigest()
        dataset.update(f"split {canonical_text(split)} {sha}\n".encode())
    return f"sha256:{dataset.hexdigest()}"


def _column_texts(name: str, column: pa.ChunkedArray) -> _Texts:
    """Return the canonical text of each value of a column, ``None`` where there is nothing to say."""
    array = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if name == "objects":
        return _list_texts(array, _all_object_texts(array.flatten()))
    if name == "categories":
        return _list_texts(array, list(map(canonical_text, array.flatten().to_pylist())))
    if name == "extra":
        extras = (without_nulls(extra) for extra in array.to_pylist())
        return [canonical_text(extra) if extra else None for extra in extras]
    return _value_texts(array)


def _all_object_texts(objects: pa.StructArray) -> list[str]:
    fields = {field.name: objects.field(index) for index, field in enumerate(objects.type)}
    columns = {name: _box_texts(array) if name == "bbox" else _value_texts(array) for name, array in fields.items()}
    return list(_object_texts(columns))


def _object_texts(columns: Mapping[str, _Texts]) -> Iterator[str]:
    """Yield the text of each row of ``columns`` as an object, without what is ``None``."""
    names = sorted_keys(columns)
    keys = [canonical_text(name) + ":" for name in names]
    rows = zip(*(columns[name] for name in names), strict=True)
    if not any(None in columns[name] for name in names):
        template = "{" + ",".join(key.replace("%", "%%") + "%s" for key in keys) + "}"
        return (template % row for row in rows)
    return (
        "{" + ",".join([key + text for key, text in zip(keys, row, strict=True) if text is not None]) + "}"
        for row in rows
    )


def _list_texts(lists: pa.ListArray, texts: Sequence[str]) -> _Texts:
    """Return the text of each list, given those of all entries."""
    lengths = pc.list_value_length(lists).to_pylist()
    stops = np.cumsum([length or 0 for length in lengths]).tolist()
    return [
        None if length is None else f"[{','.join(texts[stop - length : stop])}]"
        for length, stop in zip(lengths, stops, strict=True)
    ]


def _box_texts(boxes: pa.ListArray) -> list[str]:
    texts = iter(_number_texts(boxes.flatten().to_numpy()))
    return [f"[{x},{y},{width},{height}]" for x, y, width, height in zip(texts, texts, texts, texts, strict=True)]


def _number_texts(numbers: NDArray[np.float64]) -> list[str]:
    """Write doubles as `number_text` does, whole columns at a time."""
    sizes = np.abs(numbers)
    # Within these bounds Python writes no exponent, as ECMAScript doesn't, and whole numbers are exact.
    plain = ((sizes >= 1e-4) & (sizes < 2**53)) | (sizes == 0)
    if not plain.all():
        return list(map(number_text, numbers.tolist()))
    whole = numbers.astype(np.int64)
    if np.array_equal(whole, numbers):
        return list(map(str, whole.tolist()))
    return [text.removesuffix(".0") for text in map(repr, (numbers + 0.0).tolist())]  # + 0.0 makes -0.0 zero


def _value_texts(array: pa.Array) -> _Texts:
    """Return the canonical texts of values of any type; those of the usual ones without a call for each."""
    if array.null_count == 0:
        if pa.types.is_integer(array.type):
            return list(map(str, array.to_pylist()))
        if pa.types.is_string(array.type):
            return list(map(canonical_text, array.to_pylist()))
        if pa.types.is_floating(array.type):
            return _number_texts(array.to_numpy())
    return [None if value is None else canonical_text(without_nulls(value)) for value in array.to_pylist()]
