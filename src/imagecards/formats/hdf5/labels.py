"""The label of an example.

- ``binary``: shape (1, height, width), 1 where any object is.
- ``classes``: shape (height, width), 0 for the background, else 1 + the class; later objects lie over earlier ones.
- ``multilabel``: shape (classes, height, width), 1 where an object of the class is.
- ``class``: the class of the image, one number.
- ``boxes``: shape (objects, 5): x, y, width, height in pixels of the example, and the class.

Classes are numbered from 0 on, in the order of the ids that the dataset has for them. An object without outline is all
of its box.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imagecards.errors import FormatError, InvalidInputError
from imagecards.formats.hdf5.recipe import LabelKind, MaskRule, Recipe
from imagecards.formats.losses import Losses
from imagecards.formats.lost import lose_unknown
from imagecards.formats.outlines import mask_of_object
from imagecards.formats.scene import Scene
from imagecards.geometry import Runs, area, runs_to_mask, scaled
from imagecards.records import objects_of

_MOST_CLASSES = 65_535
_TYPES: Mapping[LabelKind, tuple[str, str]] = {
    # in the layouts packed and examples; the latter are those of the original converter
    "binary": ("u1", "f4"),
    "classes": ("u2", "i4"),
    "multilabel": ("u1", "f4"),
    "class": ("i8", "i8"),
    "boxes": ("f4", "f4"),
}


class Frame(NamedTuple):
    """The image of a label: what it is called, its size as height and width, and that of the example."""

    name: str
    size: tuple[int, int]
    shape: tuple[int, int]


class Labels(NamedTuple):
    """How labels are made.

    Attributes:
        kind: What they are.
        classes: The number of each category.
        masks: How masks get another size.
        dtype: The type of their numbers.
    """

    kind: LabelKind
    classes: Mapping[str | int, int]
    masks: MaskRule
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, scene: Scene, recipe: Recipe) -> "Labels":
        """Those of a dataset.

        Raises:
            InvalidInputError: It has too many classes, or none.
        """
        names = [category.name for category in scene.categories]
        if recipe.label == "class":
            said = {each for listed in scene.dataset.table["categories"].to_pylist() for each in listed or ()}
            names += sorted(said - set(names), key=lambda name: (isinstance(name, str), name))
        if len(names) > _MOST_CLASSES:
            raise InvalidInputError(f"{len(names):,} classes are more than the {_MOST_CLASSES:,} that a label can name")
        if recipe.label == "multilabel" and not names:
            raise InvalidInputError("multilabel has a channel for each class, and there are none: take another label")
        small = recipe.label == "classes" and recipe.layout == "packed" and len(names) < 256
        dtype = np.dtype("u1" if small else _TYPES[recipe.label][recipe.layout == "examples"])
        return cls(recipe.label, {name: number for number, name in enumerate(names)}, recipe.masks, dtype)

    def shape(self, height: int, width: int, boxes: int) -> tuple[int, ...]:
        """The shape of a label that many pixels, or boxes, large."""
        return {
            "binary": (1, height, width),
            "classes": (height, width),
            "multilabel": (len(self.classes), height, width),
            "class": (),
            "boxes": (boxes, 5),
        }[self.kind]

    def make(self, record: Mapping[str, Any], frame: Frame, losses: Losses) -> NDArray[Any]:
        """Make the label of an image.

        Args:
            record: What is said of it.
            frame: The image.
            losses: Takes what the label does not say.

        Raises:
            FormatError: An outline can't be drawn.
            InvalidInputError: It has not one class, where that is the label.
        """
        if self.kind == "class":
            return np.asarray(self._class_of(record, frame.name, losses), self.dtype)
        if record.get("objects") is None:
            lose_unknown(frame.name, losses)
        objects = objects_of(record)
        if self.kind == "boxes":
            return self._boxes(objects, frame, losses)
        label = np.zeros(self.shape(*frame.shape, 0), self.dtype)
        seen: set[str | int] = set()
        for number, entry in enumerate(objects):
            place = f"{frame.name} objects[{number}]"
            mask = self._mask(entry, frame, place, losses)
            self._tell_of_union(entry["category"], seen, place, losses)
            self._draw(label, mask, self.classes[entry["category"]], place, losses)
        return label

    def _tell_of_union(self, category: str | int, seen: set[str | int], place: str, losses: Losses) -> None:
        """Tell that an object becomes one with those before it in the image."""
        if category in seen:
            losses.add("instances-united", "objects of one class in an image are one mask", place)
        elif seen and self.kind == "binary":
            losses.add("classes-united", "objects of several classes in an image are one mask", place)
        seen.add(category)

    def _draw(self, label: NDArray[Any], mask: NDArray[np.bool_], number: int, place: str, losses: Losses) -> None:
        if self.kind == "binary":
            label[0][mask] = 1
        elif self.kind == "multilabel":
            label[number][mask] = 1
        else:
            below = label[mask]
            if ((below != 0) & (below != number + 1)).any():
                losses.add("overlap-hidden", "later objects lie over earlier ones", place)
            label[mask] = number + 1

    def _class_of(self, record: Mapping[str, Any], name: str, losses: Losses) -> int:
        """The one class of an image: what is said of it as a whole, or of all its objects."""
        of_objects = [entry["category"] for entry in objects_of(record)]
        if of_objects:
            losses.add("objects-dropped", "of objects nothing but their class is said here", name, len(of_objects))
        said = record.get("categories") or of_objects
        found = list(dict.fromkeys(said))
        if len(found) != 1:
            has = f"has {len(found)} classes" if found else "has no class"
            raise InvalidInputError(f"{name} {has}, and the label 'class' is one: choose images, or another label")
        return self.classes[found[0]]

    def _boxes(self, objects: list[dict[str, Any]], frame: Frame, losses: Losses) -> NDArray[Any]:
        for number, entry in enumerate(objects):
            if entry.get("segmentation"):
                losses.add("outlines-dropped", "objects have boxes only here", f"{frame.name} objects[{number}]")
        down, across = (new / old for new, old in zip(frame.shape, frame.size, strict=True))
        rows = [
            (x * across, y * down, width * across, height * down, self.classes[entry["category"]])
            for entry in objects
            for x, y, width, height in [entry["bbox"]]
        ]
        return np.array(rows, self.dtype).reshape(-1, 5)

    def _mask(self, entry: dict[str, Any], frame: Frame, place: str, losses: Losses) -> NDArray[np.bool_]:
        if not entry.get("segmentation"):
            losses.add("boxes-as-masks", "an object without outline is all pixels of its box", place)
            entry = {"bbox": entry["bbox"]}
        try:
            runs = mask_of_object(entry, *frame.size)
        except FormatError as error:
            raise FormatError(f"{place}: {error}") from error
        mask = _sized(runs, frame.shape, self.masks)
        if area(runs) and not mask.any():
            losses.add("masks-lost", "a mask has no pixel left at the new size (masks=any-overlap keeps all)", place)
        return mask


def _sized(runs: Runs, shape: tuple[int, int], rule: MaskRule) -> NDArray[np.bool_]:
    if runs.size == shape:
        return runs_to_mask(runs)
    if rule != "upstream":
        return runs_to_mask(scaled(runs, shape[1], shape[0], rule))
    rows, columns = (
        np.arange(wanted, dtype=np.int64) * length // wanted for wanted, length in zip(shape, runs.size, strict=True)
    )
    bits = np.arange(runs.counts.size) % 2 == 1
    down_the_columns = np.repeat(bits, runs.counts).reshape(runs.size[1], runs.size[0])
    chosen: NDArray[np.bool_] = down_the_columns[columns][:, rows].T
    return chosen
