"""What is known of an image dataset before its images are read."""

import logging
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from imagecards.datasets import FolderScan, ImageDataset, Layout, StatCache, check_boxes, check_sizes
from imagecards.digests import digest
from imagecards.records import Report
from imagecards.registry import contents
from imagecards.registry.known import known_facts, unknown_facts
from imagecards.registry.place_check import check_paths
from imagecards.splits import check_members

_log = logging.getLogger("imagecards")
_USUAL_SIZE = 100_000  # bytes


@dataclass(frozen=True)
class Survey:
    """What is known of a dataset before its images are read.

    Attributes:
        dataset: The dataset.
        records: Its annotations, one row an image.
        facts: The table of `imagecards.datasets.FILE_FACTS`, in the same order; null where a file must be read first.
        sizes: The bytes of each image, as far as known.
        layout: What a scan of its folder found, where it is a folder.
    """

    dataset: ImageDataset
    records: pa.Table
    facts: pa.Table
    sizes: list[int]
    layout: Layout | None

    @classmethod
    def of(cls, dataset: ImageDataset, scan: FolderScan | None, *, reread: bool = False) -> "Survey":
        """Look at a dataset without reading its images.

        Args:
            dataset: The dataset.
            scan: What a scan of its folder found, where it is a folder.
            reread: Whether to know nothing of its files that was remembered.

        Raises:
            InvalidMetadataError: It breaks rules that can be seen without them.
            InvalidInputError: A split names an image that is not there.
        """
        if dataset.root is None:
            records = contents.annotations(dataset.table)
            names = records["file_name"]
            # What a table says of its files is not believed: only a registry knows what it checked.
            facts = known_facts(dataset.source, names)
            check_paths(names, "this dataset")
            check_members(names, dataset.splits)
            sizes = pc.coalesce(facts["size"], _guessed_sizes(dataset.table))
            return cls(dataset, records, facts, sizes.to_pylist(), None)
        layout = dataset.lay_out(scan)
        layout.report.raise_errors()
        names = layout.records["file_name"]
        if reread or dataset.image_dir is None:
            facts = unknown_facts(names)
        else:
            facts = StatCache(dataset.image_dir).lookup(layout.stats)[0]
        return cls(dataset, layout.records, facts, layout.stats["size"].to_pylist(), layout)

    @cached_property
    def documents(self) -> dict[str, bytes]:
        """The text of each metadata file, by path."""
        if self.layout is None:
            return {}  # its metadata is no file, and is written anew when it is fetched
        documents = self.dataset.documents.items()
        return {path: metadata.text for path, metadata in documents if metadata.text is not None}

    @cached_property
    def document_digests(self) -> dict[str, str]:
        """The digest of each metadata file, by path."""
        return {path: digest(text) for path, text in self.documents.items()}

    def learn(self, facts: pa.Table, issues: Report) -> None:
        """Take in what was read: remember it for next time, and judge it.

        Raises:
            InvalidMetadataError: The images break rules, or the boxes do not fit them.
        """
        if self.layout is None:
            table = self.records.select(["file_name", "objects"])
            table = table.append_column("width", facts["width"]).append_column("height", facts["height"])
            report = issues + check_boxes(table) + check_sizes(self.dataset.table, facts)
        else:
            if self.dataset.image_dir is not None:
                StatCache(self.dataset.image_dir).remember(self.layout.stats, facts, self.layout.began_ns)
            report = self.layout.report + issues + self.layout.check_boxes(facts["width"], facts["height"])
        report.raise_errors()
        if report.warnings:
            _log.warning("%s", report.render())


def _guessed_sizes(table: pa.Table) -> pa.Scalar | pa.ChunkedArray:
    """About how many bytes files have that were not read yet: a byte a pixel, where it is said how large they are.

    It only decides how many of them share a shard.
    """
    guess = pa.scalar(_USUAL_SIZE, pa.int64())
    if not {"width", "height"} <= set(table.column_names):
        return guess
    return pc.coalesce(pc.multiply(*(table[side].cast(pa.int64()) for side in ("width", "height"))), guess)
