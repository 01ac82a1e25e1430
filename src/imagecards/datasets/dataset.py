"""ImageDataset: images and what is said of them."""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from functools import cached_property
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from imagecards.datasets.arguments import check_arguments
from imagecards.datasets.dataset_images import DatasetImages
from imagecards.datasets.dataset_metadata import DatasetMetadata
from imagecards.datasets.examine import examine_folder, examine_source
from imagecards.datasets.facts import FILE_FACTS
from imagecards.datasets.folder import FolderSource
from imagecards.datasets.remote import RemoteSource
from imagecards.datasets.remote.examine import examine_objects
from imagecards.datasets.root import Root
from imagecards.datasets.source import Source
from imagecards.datasets.summary import Summary, summarize
from imagecards.datasets.validate import missing_folder, validate_folder, validate_root, validate_source
from imagecards.errors import NotFoundError
from imagecards.images import MAX_PIXELS
from imagecards.records.issues import Report
from imagecards.records.metadata import ImageMetadata
from imagecards.records.record import ImageRecord

_log = logging.getLogger("imagecards")

_READ_ONLY = ("documents", "splits")


class ImageDataset(DatasetMetadata, DatasetImages):
    """Images in a folder, or in a registry, and their records.

    Binding a folder only sees that it and its metadata are there; they are read when something is asked of
    them. Nothing is ever written into the folder.

    Args:
        image_dir: The folder; or the URL of one, ``s3://bucket/images`` or ``hf://datasets/owner/repo@revision/images``,
            which is listed at once, and read as it was listed. Or a zip, on disk or behind a URL, whose members are
            read without being unpacked.
        metadata: An `ImageMetadata`, or the name of a metadata file in the folder. By default
            ``metadata.jsonl`` at the top of the folder, and in each direct sub-folder: one that has its own
            is a split of that name, with file names relative to it. A folder without any is a dataset of
            images without annotations.

    Raises:
        pydantic.ValidationError: The folder or the metadata file does not exist, or an argument has a wrong
            type.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> ImageDataset(image_dir=folder, metadata="blah.jsonl")
        Traceback (most recent call last):
        pydantic_core._pydantic_core.ValidationError: 1 validation error for ImageDataset
        metadata
          metadata file blah.jsonl does not exist in image_dir ...
        >>> len(ImageDataset(image_dir=folder))
        0
    """

    def __init__(
        self,
        image_dir: str | os.PathLike[str],
        metadata: str | os.PathLike[str] | ImageMetadata | None = None,
    ) -> None:
        self._bind(*check_arguments(image_dir, metadata))

    @classmethod
    def read(
        cls, path: str | os.PathLike[str], format: str | None = None, *, strict: bool = True, **options: object
    ) -> "ImageDataset":
        """Read annotations of any format that `imagecards.formats` knows, and bind their images.

        Args:
            path: The folder or annotation file; or a zip of a folder, on disk or behind a URL, which is unpacked into a
                temporary folder for as long as the dataset is there.
            format: The format's name, ``"coco"``; by default it is found out.
            strict: Whether anything wrong is an error; otherwise what is sound is kept, and the rest is logged.
            options: Those of `imagecards.formats.read` and of the format.

        Raises:
            InvalidMetadataError: The annotations break rules; ``.issues`` has all of it.
            FormatError: The format is not clear, or a file is not of its format.
            NotFoundError: There is nothing.
        """
        from imagecards.formats import read

        reading = read(path, format, strict=strict, **options)  # type: ignore[arg-type]
        if len(reading.report):
            _log.warning("%s", reading.report.render())
        return reading.dataset

    @classmethod
    def from_source(
        cls,
        source: Source,
        table: pa.Table,
        splits: Mapping[str, Sequence[str]] | None = None,
        *,
        attributes: Mapping[str, Any] | None = None,
        annotation_files: Mapping[str, str] | None = None,
    ) -> "ImageDataset":
        """Make a dataset of records and a source of their images.

        Args:
            source: Where the images are read from.
            table: One row an image: its record as in `ImageMetadata.table`, and what is known of its file,
                where anything is: the columns of `imagecards.datasets.FILE_FACTS`.
            splits: The file names of each split.
            attributes: See the property of this name.
            annotation_files: See the property of this name.
        """
        dataset = cls.__new__(cls)
        dataset._folder = None
        dataset._root = None
        dataset._given = None
        dataset._source = source
        names: list[str] = table["file_name"].to_pylist()
        dataset.__dict__["table"] = table
        dataset.__dict__["names"] = tuple(names)
        frozen = {name: tuple(members) for name, members in sorted((splits or {}).items())}
        dataset.__dict__["splits"] = MappingProxyType(frozen)
        dataset._attributes = dict(attributes or {})
        dataset._annotation_files = dict(annotation_files or {})
        return dataset

    @classmethod
    def from_root(cls, root: Root) -> "ImageDataset":
        """Make a dataset of files that were opened already, with the metadata files among them."""
        dataset = cls.__new__(cls)
        dataset._bind(root, None)
        return dataset

    def _bind(self, root: Root, given: str | ImageMetadata | None) -> None:
        self._folder: str | None = root.root if isinstance(root, FolderSource) else None
        self._root: Root | None = root
        self._given = given
        self._source: Source = root
        self._attributes: dict[str, Any] = {}
        self._annotation_files: dict[str, str] = {}

    def __repr__(self) -> str:
        if self._root is None:
            return f"<ImageDataset: {len(self):,} images from {self._source!r}>"
        place = self._folder if self._folder is not None else self._root
        return f"ImageDataset(image_dir={place!r})"

    @property
    def image_dir(self) -> str | None:
        """The folder, as an absolute path; ``None`` for a dataset that is not a folder on disk."""
        return self._folder

    @property
    def root(self) -> Root | None:
        """What its files are read from, metadata among them; ``None`` for a dataset that was made of records."""
        return self._root

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What is said of the dataset as a whole, as JSON: ``categories`` as COCO has them, ``info``, ``licenses``."""
        return MappingProxyType(self._attributes)

    @property
    def annotation_files(self) -> Mapping[str, str]:
        """The files that the annotations were read from, relative path to place; none for metadata.jsonl."""
        return MappingProxyType(self._annotation_files)

    @cached_property
    def table(self) -> pa.Table:
        """One row an image: its record, and what is known of its file.

        Raises:
            InvalidMetadataError: The dataset breaks rules; ``.issues`` has all of it.
        """
        return self._valid_layout().records

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The file names: those of the metadata in its order, then the other images by name.

        Raises:
            InvalidMetadataError: The dataset breaks rules; ``.issues`` has all of it.
        """
        return tuple(self._valid_layout().names)

    @cached_property
    def splits(self) -> Mapping[str, tuple[str, ...]]:
        """The file names of each split, by the split's name.

        Raises:
            InvalidMetadataError: The dataset breaks rules; ``.issues`` has all of it.
        """
        return MappingProxyType(dict(self._valid_layout().splits))

    @cached_property
    def records(self) -> Sequence[ImageRecord]:
        """One record an image, in the order of `names`; lines on the same image are merged.

        Raises:
            InvalidMetadataError: The dataset breaks rules; ``.issues`` has all of it.
        """
        return ImageMetadata.from_table(self.table).records

    @cached_property
    def facts(self) -> pa.Table:
        """What the image files are: the table of `imagecards.datasets.FILE_FACTS`, in the order of `names`.

        Images that are not in a registry are read for it.

        Raises:
            InvalidMetadataError: The dataset breaks rules; ``.issues`` has all of it.
        """
        if self._root is None and set(FILE_FACTS.names) <= set(self.table.column_names):
            return self.table.select(FILE_FACTS.names)
        if self._folder is not None:
            facts, issues = examine_folder(self._folder, self._valid_layout().files)
        elif isinstance(self._root, RemoteSource):
            facts, issues = examine_objects(self._root, self.names)
        else:
            facts, issues = examine_source(self._source, self.names)
        Report(issues).raise_errors()
        return facts

    @cached_property
    def summary(self) -> Summary:
        """Counts of what is in the dataset; images that are not in a registry are read for it.

        Raises:
            InvalidMetadataError: The dataset breaks rules; ``.issues`` has all of it.
        """
        table, facts = self.table, self.facts
        for field in FILE_FACTS:
            if field.name not in table.column_names:
                table = table.append_column(field, facts[field.name])
        return summarize(table, self.splits)

    def __getstate__(self) -> dict[str, object]:
        """Everything; read-only mappings, which can't be pickled, as plain ones."""
        state = self.__dict__.items()
        return {name: dict(value) if isinstance(value, MappingProxyType) else value for name, value in state}

    def __setstate__(self, state: dict[str, object]) -> None:
        for name, value in state.items():
            self.__dict__[name] = MappingProxyType(value) if name in _READ_ONLY and isinstance(value, dict) else value

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[ImageRecord]:
        return iter(self.records)

    def split(self, name: str) -> "ImageDataset":
        """One split as a dataset of its own.

        Raises:
            NotFoundError: There is no such split; says which there are.
        """
        if name not in self.splits:
            there = f"it has {', '.join(self.splits)}" if self.splits else "it has none"
            raise NotFoundError(f"there is no split {name!r} in this dataset: {there}")
        wanted = self.splits[name]
        rows = pc.index_in(pa.array(wanted, pa.string()), self.table["file_name"])
        return ImageDataset.from_source(
            self._source, self.table.take(rows), {name: wanted}, attributes=self._attributes
        )

    def validate(self, executor: Executor | None = None, *, max_pixels: int = MAX_PIXELS) -> Report:
        """Check everything: the metadata, the files, and one against the other.

        Every image is read; of images behind a URL only the headers are, so that one whose end is missing is not found.

        Args:
            executor: Where to read the images of a folder: any ``concurrent.futures`` executor; by default this
                process.
            max_pixels: Largest width x height that is accepted.

        Returns:
            All that is wrong. Errors stop a registration, warnings do not.

        Raises:
            StorageError: The folder can't be read, or a file is being changed.
        """
        if self._root is None:
            return validate_source(self._source, self.table, self._attributes, max_pixels=max_pixels)
        if self._folder is None:
            return validate_root(self._root, self.lay_out(), max_pixels=max_pixels)
        gone = missing_folder(self._folder)
        if gone is not None:
            return Report([gone])
        return validate_folder(self._folder, self.lay_out(), executor, max_pixels=max_pixels)
