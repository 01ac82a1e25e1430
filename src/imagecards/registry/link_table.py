"""Where the linked images of a version lie, without an object for each image."""

from array import array

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_STORED = -1


class LinkTable:
    """Finds by its row where an image lies.

    A list of a million links takes 340 MB, and each worker process that was forked copies the pages of what it looks
    at. Arrays stay shared (see `imagecards.registry.name_index.NameIndex`), and a folder is kept once.

    Args:
        records: A records table with the columns `imagecards.registry.contents.LINK_COLUMNS`, its URLs checked.

    Example:
        >>> columns = {"url": ["s3://bucket/a.png", None], "etag": ["0f", None], "version": [None, None]}
        >>> links = LinkTable(pa.table(columns))
        >>> links.get(0), links.get(1)
        (('s3://bucket/a.png', '0f', None), None)
    """

    def __init__(self, records: pa.Table) -> None:
        parts = pc.split_pattern(records["url"].cast(pa.large_string()), "/", max_splits=1, reverse=True)
        folders = pc.list_element(parts, 0).combine_chunks().dictionary_encode()
        self._folder: array[int] = array("i", pc.fill_null(folders.indices, _STORED).to_numpy().tobytes())
        self._folders = _Texts(folders.dictionary)
        self._files = _Texts(pc.list_element(parts, 1))
        self._etags = _Texts(records["etag"])
        self._versions = _Texts(records["version"])

    def __contains__(self, row: int) -> bool:
        """Whether an image is linked."""
        return self._folder[row] != _STORED

    def get(self, row: int) -> tuple[str, str | None, str | None] | None:
        """URL, ETag and version of the object that an image is; ``None`` for one that is stored."""
        if row not in self:
            return None
        url = f"{self._folders[self._folder[row]]}/{self._files[row]}"
        return url, self._etags[row], self._versions[row]


class _Texts:
    """Texts, or nulls, in one run of bytes."""

    def __init__(self, texts: pa.Array | pa.ChunkedArray) -> None:
        self._there = texts.is_valid().to_numpy(zero_copy_only=False).tobytes()
        filled = pc.fill_null(texts.cast(pa.large_string()), "")
        filled = filled.combine_chunks() if isinstance(filled, pa.ChunkedArray) else filled
        ends = np.concatenate([[0], pc.binary_length(filled).to_numpy().cumsum()])
        self._ends = array("q", ends.astype(np.int64).tobytes())
        together = pc.binary_join(pa.LargeListArray.from_arrays([0, len(filled)], filled), pa.scalar("", filled.type))
        self._text = together[0].as_buffer().to_pybytes()

    def __getitem__(self, row: int) -> str | None:
        return self._text[self._ends[row] : self._ends[row + 1]].decode() if self._there[row] else None
