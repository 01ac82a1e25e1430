"""Transforms: steps from one dataset to the next, each a frozen model whose fields are its parameters.

They are pure: the same dataset and the same fields give the same records and images on any machine. Nothing of a
dataset is changed in place, and images that a transform does not touch are still read from where they were.
"""

from collections.abc import Mapping
from types import MappingProxyType

from imagecards.datasets import Step, register_step
from imagecards.transforms.binarise import Binarise
from imagecards.transforms.class_agnostic import ClassAgnostic
from imagecards.transforms.crop import Crop
from imagecards.transforms.drop_empty import DropEmpty
from imagecards.transforms.merge import Merge
from imagecards.transforms.merge_classes import MergeClasses
from imagecards.transforms.min_area import MinArea
from imagecards.transforms.rename_classes import RenameClasses
from imagecards.transforms.resize import Resize
from imagecards.transforms.sample import Sample
from imagecards.transforms.select_classes import SelectClasses
from imagecards.transforms.tile import Tile

TRANSFORMS: Mapping[str, type[Step]] = MappingProxyType(
    {
        step.step_name: step
        for step in (
            Binarise,
            ClassAgnostic,
            Crop,
            DropEmpty,
            Merge,
            MergeClasses,
            MinArea,
            RenameClasses,
            Resize,
            Sample,
            SelectClasses,
            Tile,
        )
    }
)
"""Every transform by the name that cards have for it; own ones are in `imagecards.datasets.own_steps`."""

__all__ = [
    "TRANSFORMS",
    "Binarise",
    "ClassAgnostic",
    "Crop",
    "DropEmpty",
    "Merge",
    "MergeClasses",
    "MinArea",
    "RenameClasses",
    "Resize",
    "Sample",
    "SelectClasses",
    "Step",
    "Tile",
    "register_step",
]
