"""Datasets: images and their records, and tables.

Nothing here knows of cards or storage: a dataset reads its images through a `Source`.
"""

from imagecards.datasets.bump import Derived, bump_between, bump_of
from imagecards.datasets.chain import apply_steps
from imagecards.datasets.changes import Diff
from imagecards.datasets.check import Place, check_boxes, check_names, check_sizes
from imagecards.datasets.compare import Comparison, compare
from imagecards.datasets.dataset import ImageDataset
from imagecards.datasets.diff import DiffCounts
from imagecards.datasets.diffing import diff_datasets, diff_sides
from imagecards.datasets.examine import (
    Examination,
    Examined,
    examine_bytes,
    examine_folder,
    examine_large,
    examine_source,
)
from imagecards.datasets.facts import FILE_FACTS, facts_table
from imagecards.datasets.folder import FolderSource
from imagecards.datasets.foldermemo import FolderMemo
from imagecards.datasets.joined import JoinedSource
from imagecards.datasets.layout import Layout
from imagecards.datasets.placed import Placed
from imagecards.datasets.renamed import RenamedSource
from imagecards.datasets.scan import FolderScan, FoundFile, is_image_name, scan_folder
from imagecards.datasets.sides import Side, in_order, used_categories
from imagecards.datasets.source import Relay, Source
from imagecards.datasets.statcache import StatCache
from imagecards.datasets.step import Step, own_steps, register_step, replaced
from imagecards.datasets.summary import Summary, summarize
from imagecards.datasets.table import TableDataset
from imagecards.records.sound import unsafe_names as unsafe_paths

__all__ = [
    "FILE_FACTS",
    "Comparison",
    "Derived",
    "Diff",
    "DiffCounts",
    "Examination",
    "Examined",
    "FolderMemo",
    "FolderScan",
    "FolderSource",
    "FoundFile",
    "ImageDataset",
    "JoinedSource",
    "Layout",
    "Place",
    "Placed",
    "Relay",
    "RenamedSource",
    "Side",
    "Source",
    "StatCache",
    "Step",
    "Summary",
    "TableDataset",
    "apply_steps",
    "bump_between",
    "bump_of",
    "check_boxes",
    "check_names",
    "check_sizes",
    "compare",
    "diff_datasets",
    "diff_sides",
    "examine_bytes",
    "examine_folder",
    "examine_large",
    "examine_source",
    "facts_table",
    "in_order",
    "is_image_name",
    "own_steps",
    "register_step",
    "replaced",
    "scan_folder",
    "summarize",
    "unsafe_paths",
    "used_categories",
]
