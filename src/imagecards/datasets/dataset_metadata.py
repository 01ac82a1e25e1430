"""What a dataset reads of its folder: the metadata files, and the layout that they and the images make."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

import pyarrow as pa

from imagecards.datasets.documents import (
    METADATA_NAME,
    Document,
    documents_among,
    find_documents,
    given_document,
    join_documents,
    read_document,
)
from imagecards.datasets.folder import FolderSource
from imagecards.datasets.layout import Layout, lay_out
from imagecards.datasets.root import Root
from imagecards.datasets.scan import FolderScan
from imagecards.errors import InvalidInputError
from imagecards.records.issues import Report
from imagecards.records.metadata import ImageMetadata

_LEARNT = ("documents", "facts", "metadata", "names", "records", "splits", "summary", "table")


class DatasetMetadata:
    """The metadata of an `imagecards.datasets.ImageDataset`, read when they are asked for."""

    _folder: str | None
    _root: Root | None
    _given: str | ImageMetadata | None

    if TYPE_CHECKING:

        @cached_property
        def table(self) -> pa.Table:
            """The records; the dataset has them."""

    @cached_property
    def metadata(self) -> ImageMetadata:
        """What is said of the images, line by line as it was written.

        Raises:
            InvalidMetadataError: It breaks rules; ``.issues`` has all of it.
        """
        if self._root is None:
            return ImageMetadata.from_table(self.table)
        if isinstance(self._given, ImageMetadata):
            return self._given
        documents = self._documents
        table, mixed = join_documents(documents)
        Report.joined([mixed, *(document.report for document in documents)]).raise_errors()
        if len(documents) == 1 and not documents[0].prefix and documents[0].metadata is not None:
            return documents[0].metadata
        return ImageMetadata.from_table(table)

    @cached_property
    def documents(self) -> Mapping[str, ImageMetadata]:
        """The metadata files of the folder by path; an `ImageMetadata` in their place as ``metadata.jsonl``.

        Raises:
            InvalidMetadataError: One of them breaks rules; ``.issues`` has all of it.
        """
        documents = self._documents
        Report.joined(document.report for document in documents).raise_errors()
        if isinstance(self._given, ImageMetadata):
            return MappingProxyType({METADATA_NAME: self._given})
        return MappingProxyType({each.path: each.metadata for each in documents if each.metadata is not None})

    @property
    def metadata_file(self) -> str | None:
        """The metadata file that was named; ``""`` where those of the folder count, ``None`` for an object."""
        if self._root is None or isinstance(self._given, ImageMetadata):
            return None
        return self._given or ""

    def scan(self) -> FolderScan:
        """List the files of the folder; nothing is opened. One behind a URL was listed when it was bound.

        Raises:
            StorageError: The folder can't be read.
            InvalidInputError: The dataset is not a folder.
        """
        if self._root is None:
            raise InvalidInputError("only a dataset that is a folder can be scanned; this one was checked before")
        return self._root.scan()

    def lay_out(self, scan: FolderScan | None = None) -> Layout:
        """Read the folder's metadata and hold it against its files; images are not opened.

        Everything is read anew, and what this finds is what the dataset says of itself from now on.

        Args:
            scan: What `scan` found just now; the folder is scanned without it.

        Raises:
            StorageError: The folder can't be read.
            InvalidInputError: The dataset is not a folder.
        """
        scan = scan or self.scan()
        names = [file.name for file in scan.files] + [issue.file for issue in scan.issues]
        documents = self._read_documents(documents_among(names))
        splits = [] if self._given is not None else [each.prefix[:-1] for each in documents if each.prefix]
        layout = lay_out(scan, documents, splits)
        for name in _LEARNT:
            self.__dict__.pop(name, None)
        self.__dict__.update(_documents=documents, _layout=layout)
        return layout

    @cached_property
    def _documents(self) -> list[Document]:
        assert self._root is not None
        if self._folder is not None:
            return self._read_documents(find_documents(self._folder))
        return self._read_documents(documents_among(file.name for file in self.scan().files))

    def _read_documents(self, paths: Sequence[str]) -> list[Document]:
        """Read the metadata that was given; without any, that of the metadata files in the folder."""
        assert self._root is not None
        if isinstance(self._given, ImageMetadata):
            return [given_document(self._given)]
        root = FolderSource(self._folder) if self._folder is not None else self._root
        return [read_document(root, path) for path in (paths if self._given is None else [self._given])]

    @cached_property
    def _layout(self) -> Layout:
        return self.lay_out()

    def _valid_layout(self) -> Layout:
        self._layout.report.raise_errors()
        return self._layout
