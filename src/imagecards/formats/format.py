"""What the table of formats knows of each: its names, what it can hold, how to recognise, read and write it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

from imagecards.datasets import ImageDataset
from imagecards.records import Report

Feature: TypeAlias = Literal[
    "boxes", "polygons", "masks", "image categories", "captions", "crowds", "splits", "fields", "supercategories"
]
"""What a format can hold; ``fields`` are those that only their author knows, of images and objects."""


class Reading(NamedTuple):
    """What was read.

    Attributes:
        dataset: The images and their records; sound, whatever the report says.
        report: What is wrong, or worth a look; with ``strict=False`` errors name what was left out.
        format: The name of the format.
    """

    dataset: ImageDataset
    report: Report
    format: str


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        name: What it is called: ``"yolo-seg"``.
        title: What people call it.
        extensions: Of its annotation files.
        holds: What it can hold.
        sniff: Whether a path looks like it; reads little, believes nothing, raises nothing but ``OSError``.
        read: Fills a `imagecards.formats.building.DatasetBuilder` from a path; its keyword arguments are the
            options of reading.
        open: Binds a path instead of reading it, where the dataset itself knows how; then there is no ``read``.
        write: Writes a `imagecards.formats.scene.Scene`; its keyword arguments are the options of writing.
        says_least: Whether it counts only where a path looks like no other format: what others have beside it, in
            annotation files, says more than its own.
        certain: Whether a path is of this format whatever else it looks like: a file says so that no other has.
    """

    name: str
    title: str
    extensions: tuple[str, ...]
    holds: frozenset[Feature]
    sniff: Callable[[Path], bool] | None = None
    read: Callable[..., Any] | None = None
    open: Callable[[Path], ImageDataset] | None = None
    write: Callable[..., Any] | None = None
    says_least: bool = False
    certain: Callable[[Path], bool] | None = None

    def looks_like(self, path: Path) -> bool:
        """Whether a path looks like this format."""
        return self.sniff is not None and self.sniff(path)
