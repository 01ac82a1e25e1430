"""What examples are made of: the options of writing HDF5."""

import re
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias, get_args

from imagecards.errors import InvalidInputError

Layout: TypeAlias = Literal["packed", "examples"]
"""``packed``: one compressed dataset each of all images, labels and keys. ``examples``: a group for each example."""

LabelKind: TypeAlias = Literal["binary", "classes", "multilabel", "class", "boxes"]
"""What the label of an example is; see `imagecards.formats.hdf5.labels`."""

MaskRule: TypeAlias = Literal["any-overlap", "area", "nearest", "upstream"]
"""How masks get another size: as `imagecards.geometry.ScaleRule` has it, or by the corner of each pixel (torch's
``nearest``), which the converter of the original layout takes."""

Colour: TypeAlias = Literal["grey", "rgb"]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_LARGEST_SIDE = 1 << 16
_MOST = 100_000  # files, or processes


@dataclass(frozen=True)
class Recipe:
    """How a dataset becomes examples.

    Attributes:
        layout: How they lie in a file.
        label: What the label is.
        image_shape: Height and width of all images; by default each keeps its own.
        colour: ``grey`` for one channel, ``rgb`` for three; by default each keeps its own.
        masks: How masks get another size.
        files: How many files each split gets.
        name: What the names of files begin with.
        level: How hard ``packed`` compresses images: 1 (fast) to 9, or 0 for not at all, which is read twice as fast
            again. Labels and keys always are compressed.
        processes: By default files are balanced. With a number, ``examples`` are shared as the original converter
            shares them among so many processes, which may make more files than asked for, and some without any.

    Raises:
        InvalidInputError: One of them is none of these.

    Example:
        >>> Recipe(image_shape=(256, 256), colour="grey").layout
        'packed'
    """

    layout: Layout = "packed"
    label: LabelKind = "classes"
    image_shape: tuple[int, int] | None = None
    colour: Colour | None = None
    masks: MaskRule = "any-overlap"
    files: int = 1
    name: str = "preprocessed_data"
    level: int = 1
    processes: int | None = None

    def __post_init__(self) -> None:
        _one_of("layout", self.layout, get_args(Layout))
        _one_of("label", self.label, get_args(LabelKind))
        _one_of("masks", self.masks, get_args(MaskRule))
        if self.colour is not None:
            _one_of("colour", self.colour, get_args(Colour))
        if self.image_shape is not None:
            object.__setattr__(self, "image_shape", _shape(self.image_shape))
        _whole("files", self.files, 1, _MOST)
        _whole("level", self.level, 0, 9)
        if self.processes is not None:
            _whole("processes", self.processes, 1, _MOST)
            if self.layout != "examples":
                raise InvalidInputError("processes= shares as the original converter does: take layout='examples'")
        if not _is_name(self.name):
            message = f"files can't be called {self.name!r:.60}: take up to 100 letters, digits and . _ -"
            raise InvalidInputError(message)

    def facts(self) -> dict[str, Any]:
        """The recipe as JSON."""
        facts = asdict(self)
        return facts | {"image_shape": None if self.image_shape is None else [*self.image_shape]}


def _is_name(value: object) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InvalidInputError(f"{name} is one of {', '.join(known)}, not {value!r:.60}")


def _whole(name: str, value: object, least: int, most: int) -> None:
    if type(value) is not int or not least <= value <= most:
        raise InvalidInputError(f"{name} is a whole number from {least} to {most:,}, not {value!r:.60}")


def _shape(value: object) -> tuple[int, int]:
    """Height and width, as a pair."""
    if isinstance(value, list | tuple) and len(value) == 2:
        height, width = value
        if all(type(side) is int and 0 < side <= _LARGEST_SIDE for side in value):
            return height, width
    raise InvalidInputError(
        f"image_shape is height and width, two whole numbers from 1 to {_LARGEST_SIDE:,}, not {value!r:.60}"
    )
