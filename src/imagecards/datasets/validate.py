"""Checking a whole dataset: its metadata, its images, and one against the other."""

import os
from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any

import pyarrow as pa

from imagecards.datasets.check import check_boxes, check_sizes
from imagecards.datasets.examine import examine_folder, examine_source
from imagecards.datasets.layout import Layout
from imagecards.datasets.remote import RemoteSource
from imagecards.datasets.remote.examine import examine_heads
from imagecards.datasets.root import Root
from imagecards.datasets.source import Source
from imagecards.records.attributes import attribute_issues
from imagecards.records.issues import Issue, Report


def validate_folder(root: str, layout: Layout, executor: Executor | None, *, max_pixels: int) -> Report:
    """Read every image of a folder, and hold what is found against what its metadata say.

    Args:
        root: The folder.
        layout: What it consists of.
        executor: Where to read the images.
        max_pixels: Largest width x height that is accepted.

    Raises:
        StorageError: A file is being changed.
    """
    facts, issues = examine_folder(root, layout.files, executor=executor, max_pixels=max_pixels)
    return layout.report + Report(issues) + layout.check_boxes(facts["width"], facts["height"])


def validate_root(root: Root, layout: Layout, *, max_pixels: int) -> Report:
    """Do what `validate_folder` does with files that are not on disk; behind a URL only headers are read.

    Args:
        root: Where the files are.
        layout: What they make.
        max_pixels: Largest width x height that is accepted.

    Raises:
        StorageError: A file can't be read, or was replaced since it was listed.
    """
    if isinstance(root, RemoteSource):
        facts, issues = examine_heads(root, layout.names, max_pixels=max_pixels)
    else:
        facts, issues = examine_source(root, layout.names, max_pixels=max_pixels)
    return layout.report + Report(issues) + layout.check_boxes(facts["width"], facts["height"])


def validate_source(source: Source, table: pa.Table, attributes: Mapping[str, Any], *, max_pixels: int) -> Report:
    """Read every image of a dataset that is no folder, and hold what is found against its records.

    Args:
        source: Where the images are.
        table: Its records, one row an image, with what is stated of their sizes.
        attributes: What is said of the dataset as a whole.
        max_pixels: Largest width x height that is accepted.
    """
    source.close()  # what was moved or replaced must not be read from a folder that is still open
    facts, issues = examine_source(source, table["file_name"].to_pylist(), max_pixels=max_pixels)
    boxes = table.select(["file_name", "objects"])
    boxes = boxes.append_column("width", facts["width"]).append_column("height", facts["height"])
    return Report(attribute_issues(attributes)) + Report(issues) + check_boxes(boxes) + check_sizes(table, facts)


def missing_folder(root: str) -> Issue | None:
    """What is wrong where a dataset's folder is gone, or is a folder no more."""
    if os.path.isdir(root):  # noqa: PTH112 - system calls go through os here
        return None
    there = os.path.lexists(root)
    message = "this is no folder any more" if there else "the folder is not there any more"
    return Issue(root, None, "", "", "missing-folder", message, suggestion="put it back, or name another folder")
