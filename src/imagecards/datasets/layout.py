"""What a dataset consists of once its folder and its metadata were held against each other."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

from imagecards.datasets.check import Place, Places, check_boxes, check_names
from imagecards.datasets.documents import METADATA_NAME, RECORDS_NAME, Document, join_documents
from imagecards.datasets.scan import FolderScan, FoundFile, is_image_name
from imagecards.records.issues import Report
from imagecards.records.merge import merged


@dataclass(frozen=True)
class Layout:
    """The images of a dataset, in order, with their records and files.

    Attributes:
        records: One row an image: listed ones in the order in which they are first listed, then unlisted ones
            by name. Images that are listed and missing are left out; the report has them.
        splits: The file names of each split, in the order of ``records``.
        files: What the scan said of each image's file, in the order of ``records``.
        began_ns: When the scan began, in nanoseconds since 1970.
        report: What is wrong with the metadata, and with the names of the files.
        box_places: Tells where the boxes of an image are written.
    """

    records: pa.Table
    splits: Mapping[str, tuple[str, ...]]
    files: list[FoundFile]
    began_ns: int
    report: Report
    box_places: Places

    @property
    def names(self) -> list[str]:
        """The file names, in the order of ``records``."""
        names: list[str] = self.records["file_name"].to_pylist()
        return names

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
    listed: list[str] = table["file_name"].to_pylist()
    own = {METADATA_NAME if document.path == RECORDS_NAME else document.path for document in documents}
    files = {file.name: file for file in scan.files}
    places = _FirstPlace(documents, of_objects=False)
    names = check_names(
        [name for name in listed if name not in odd],  # a listed link is reported as a link; it is not missing
        [name for name in files if name not in own],
        places,
        all_listed=bool(documents) and all(document.metadata is not None for document in documents),
    )
    images = {name for name in files if is_image_name(name)}
    rows = [row for row, name in enumerate(listed) if name in images]
    kept = table.take(pa.array(rows, pa.int64())) if len(rows) < len(listed) else table
    records = _with_unlisted(kept, sorted(images - set(listed)))
    order: list[str] = records["file_name"].to_pylist()
    return Layout(
        records=records,
        splits=_split(order, splits),
        files=[files[name] for name in order],
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


def _split(names: Iterable[str], splits: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the names in the folder of each split."""
    members: dict[str, list[str]] = {split: [] for split in sorted(splits)}
    for name in names:
        folder, slash, _ = name.partition("/")
        if slash and folder in members:
            members[folder].append(name)
    return {split: tuple(found) for split, found in members.items()}


def _with_unlisted(records: pa.Table, names: Sequence[str]) -> pa.Table:
    if not names:
        return records
    count = len(names)
    columns = [
        pa.array(names, pa.string()) if field.name == "file_name" else pa.nulls(count, field.type)
        for field in records.schema
    ]
    return pa.concat_tables([records, pa.table(columns, schema=records.schema)])
