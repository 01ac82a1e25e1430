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
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from imagecards.digests import canonical_json, canonical_text
from imagecards.records.canonical import column_texts, object_texts, quoted

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
    digests: list[bytes] = []
    for texts in canonical_records(merged, image_digests):
        digests += [hashlib.sha256(text).digest() for text in texts.cast(pa.large_binary()).to_pylist()]
    return digests


def canonical_records(merged: pa.Table, image_digests: Sequence[bytes]) -> Iterator[pa.Array]:
    """Yield the canonical JSON texts of the records, many at a time; see `record_digests`."""
    for start in range(0, len(merged), _BATCH_ROWS):
        batch = merged.slice(start, _BATCH_ROWS).combine_chunks()
        columns = {name: column_texts(batch[name].chunk(0)) for name in batch.column_names}
        if "extra" in columns:
            columns["extra"] = pc.if_else(pc.equal(columns["extra"], "{}"), None, columns["extra"])
        columns["image"] = _image_texts(image_digests[start : start + _BATCH_ROWS])
        yield object_texts(columns)


def dataset_digest(
    names: Sequence[str],
    digests: Sequence[bytes],
    splits: Mapping[str, Sequence[str]],
    attributes: Mapping[str, Any] = MappingProxyType({}),
) -> str:
    """Return the digest of a dataset: ``sha256:`` and the digest of these lines.

    ``imagecards dataset 1``, then the digest of each record in hexadecimal in the order of the file names'
    UTF-8 bytes, then for each split by name ``split "<name>" <digest>``, where the digest is the SHA-256 of
    the split's sorted file names, a line each; last, where anything is said of the dataset as a whole,
    ``attributes <digest>``, the SHA-256 of its canonical JSON. Every line ends with a line feed.

    Args:
        names: The file name of each record.
        digests: What `record_digests` returns.
        splits: The file names in each split.
        attributes: What is said of the dataset as a whole.

    Example:
        >>> dataset_digest([], [], {})
        'sha256:5e5a4ad234f87e286dfbf9bb00b7d35542d777d2e2c2f3fe8855d9ad15d26385'
    """
    # The order of code points, by which Python sorts, is that of UTF-8 bytes.
    ordered = b"".join([digest for _, digest in sorted(zip(names, digests, strict=True))])
    dataset = hashlib.sha256(_HEADER)
    dataset.update(ordered.hex("\n", 32).encode() + b"\n" * bool(ordered))
    for split in sorted(splits):
        members = "".join(f"{name}\n" for name in sorted(splits[split]))
        sha = hashlib.sha256(members.encode()).hexdigest()
        dataset.update(f"split {canonical_text(split)} {sha}\n".encode())
    if attributes:
        dataset.update(f"attributes {hashlib.sha256(canonical_json(dict(attributes))).hexdigest()}\n".encode())
    return f"sha256:{dataset.hexdigest()}"


def _image_texts(digests: Sequence[bytes]) -> pa.Array:
    digits = pa.py_buffer(b"".join(digests).hex().encode())
    starts = np.arange(0, 64 * len(digests) + 1, 64)
    hexadecimal = pa.LargeStringArray.from_buffers(len(digests), pa.py_buffer(starts), digits)
    return quoted(hexadecimal, "sha256:")
