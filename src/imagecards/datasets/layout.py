"""What a dataset consists of once its folder and its metadata were held against each other."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from imagecards.datasets.check import Place, Places, check_boxes, check_names
from imagecards.datasets.documents import METADATA_NAME, RECORDS_NAME, Document, join_documents
from imagecards.datasets.scan import FolderScan, FoundFile, are_image_names
from imagecards.records.issues import Report
from imagecards.records.merge import merged


@dataclass(frozen=True)
class Layout:
    """The images of a dataset, in order, with their records and files.

    Attributes:
        records: One row an image: listed ones in the order in which they are first listed, then unlisted ones
            by name. Images that are listed and missing are left out; the report has them.
        splits: The file names of each split, in the order of ``records``.
        stats: What the scan said of each image's file: the table of `imagecards.datasets.scan.FILE_STATS`, in the
            order of ``records``.
        began_ns: When the scan began, in nanoseconds since 1970.
        report: What is wrong with the metadata, and with the names of the files.
        box_places: Tells where the boxes of an image are written.
    """

    records: pa.Table
    splits: Mapping[str, tuple[str, ...]]
    stats: pa.Table
    began_ns: int
    report: Report
    box_places: Places

    @property
    def names(self) -> list[str]:
        """The file names, in the order of ``records``."""
        names: list[str] = self.records["file_name"].to_pylist()
        return names

    @property
    def files(self) -> list[FoundFile]:
        """What the scan said of each image's file, in the order of ``records``."""
        return list(map(FoundFile, *(column.to_pylist() for column in self.stats.columns)))

    def check_boxes(self, widths: pa.ChunkedArray, heights: pa.ChunkedArray) -> Report:
        """Find boxes outside of their image.

        Args:
            widths: The width of each image in the order of ``records``, null where not known.
            heights: The same for heights.
        """
        table = self.records.select(["file_name", "objects"])
        table = table.append_column("width", widths).append_column("height", heights)
        return check_boxes(table, self.box_places)


def lay_out(scan: FolderScan, documents: Sequence[Document], splits: Iterable[str]) -> Layout:
    """Hold the files of a folder against its metadata.

    Args:
        scan: The files.
        documents: The metadata.
        splits: The sub-folders that are splits.
    """
    report = Report.joined(document.report for document in documents)
    joined, contradictions = join_documents(documents)
    table = merged(joined)
    odd = {issue.file for issue in scan.issues}
    own = {METADATA_NAME if document.path == RECORDS_NAME else document.path for document in documents}
    listed, files = table["file_name"].combine_chunks(), scan.stats["file_name"].combine_chunks()
    places = _FirstPlace(documents, of_objects=False)
    names = check_names(
        _without(listed, odd),  # a listed link is reported as a link; it is not missing
        _without(files, own),
        places,
        all_listed=bool(documents) and all(document.metadata is not None for document in documents),
    )
    images = files.filter(are_image_names(files))
    there = pc.is_in(listed, images)
    kept = table if pc.all(there, min_count=0).as_py() else table.filter(there)
    records = _with_unlisted(kept, images.filter(pc.invert(pc.is_in(images, listed))))
    return Layout(
        records=records,
        splits=_split(records["file_name"], splits),
        stats=scan.stats.take(pc.index_in(records["file_name"], files)),
        began_ns=scan.began_ns,
        report=report + contradictions + Report(scan.issues) + names,
        box_places=_FirstPlace(documents, of_objects=True),
    )


class _FirstPlace:
    """Where the record of an image is: the first line on it in the first file that has one."""

    def __init__(self, documents: Sequence[Document], *, of_objects: bool) -> None:
        self._documents = tuple(documents)
        self._of_objects = of_objects

    def __call__(self, name: str) -> Place:
        return self._places.get(name) or Place(name, None)

    @cached_property
    def _places(self) -> dict[str, Place]:
        # Made when the first issue asks for it; a sound dataset never does.
        places: dict[str, Place] = {}
        for document in self._documents:
            for name, line in document.line_by_name(of_objects=self._of_objects).items():
                places.setdefault(name, Place(document.path, line))
        return places


def _without(names: pa.StringArray, others: Collection[str]) -> pa.StringArray:
    return names.filter(pc.invert(pc.is_in(names, pa.array(others, pa.string())))) if others else names


def _split(names: pa.ChunkedArray, splits: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the names in the folder of each split."""
    members: dict[str, list[str]] = {split: [] for split in sorted(splits)}
    for name in names.to_pylist() if members else ():
        folder, slash, _ = name.partition("/")
        if slash and folder in members:
            members[folder].append(name)
    return {split: tuple(found) for split, found in members.items()}


def _with_unlisted(records: pa.Table, names: pa.StringArray) -> pa.Table:
    if not len(names):
        return records
    count = len(names)
    columns = [names if field.name == "file_name" else pa.nulls(count, field.type) for field in records.schema]
    return pa.concat_tables([records, pa.table(columns, schema=records.schema)])
