"""What the pixels of masks mean: the ``masks.json`` beside them, and tables of classes and colours."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from imagecards.errors import FormatError, InvalidInputError
from imagecards.formats.documents import read_json
from imagecards.records import shown

Kind: TypeAlias = Literal["instances", "classes", "colours"]
Colour: TypeAlias = tuple[int, int, int]

FILE_NAMES = ("masks.json", "classes.json")
LARGEST = 65_535  # what 16 bits hold
_HEX = re.compile(r"#[0-9a-fA-F]{6}\Z")


@dataclass
class MaskTable:
    """What is said of masks as a whole.

    Attributes:
        kind: What a pixel's value is: the number of an instance, of a class, or a colour.
        categories: The categories, as the attributes of a dataset have them.
        classes: The category of each value of class masks; ``None`` where nothing is said of it.
        colours: The category of each colour.
        images: For instance masks, the category of each instance by the name of the image.
        splits: The splits that there are; ``None`` where nothing is said of it.
    """

    kind: Kind | None = None
    categories: list[dict[str, Any]] = field(default_factory=list)
    classes: dict[int, str | int] | None = None
    colours: dict[int, str | int] | None = None
    images: dict[str, dict[int, str | int]] | None = None
    splits: list[str] | None = None


def colour_of(value: int) -> Colour:
    """The colour of a class: its bits, spread over red, green and blue so that neighbours differ much.

    Example:
        >>> [colour_of(value) for value in range(4)]
        [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0)]
    """
    channels = [0, 0, 0]
    for place in range(8):
        for channel in range(3):
            channels[channel] |= (value >> (3 * place + channel) & 1) << (7 - place)
    return channels[0], channels[1], channels[2]


def packed(colour: Sequence[int]) -> int:
    """A colour as one number, ``0xRRGGBB``."""
    return colour[0] << 16 | colour[1] << 8 | colour[2]


def read_table(path: Path) -> MaskTable:
    """Read a ``masks.json``.

    Raises:
        FormatError: It is none; says what is wrong with it.
    """
    document = read_json(path)
    if not isinstance(document, Mapping) or document.get("kind") not in get_args(Kind):
        raise FormatError(f"{path.name} says the kind of its masks: one of {', '.join(get_args(Kind))}")
    table = MaskTable(document["kind"])
    names: dict[int, str | int] = {}
    for entry in _typed(document.get("categories", []), list, "categories", path):
        number, name = (entry.get("id"), entry.get("name")) if isinstance(entry, Mapping) else (None, None)
        if not isinstance(number, int) or not isinstance(name, str | int) or number in names:
            raise FormatError(f"{path.name}: a category has an id of its own and a name, {shown(entry)} has not")
        names[number] = name
        table.categories.append(dict(entry))

    def named(number: object, where: str) -> str | int:
        if not isinstance(number, int) or number not in names:
            raise FormatError(f"{path.name}: {where} names the category {shown(number)}, and there is none")
        return names[number]

    if "values" in document:
        given = _typed(document["values"], Mapping, "values", path)
        table.classes = {_value(key, path): named(number, "values") for key, number in given.items()}
    if "colours" in document:
        given = _typed(document["colours"], Mapping, "colours", path)
        table.colours = {packed(_colour(key)): named(number, "colours") for key, number in given.items()}
    if "instances" in document:
        given = _typed(document["instances"], Mapping, "instances", path)
        table.images = {
            name: {_value(key, path): named(number, name) for key, number in _typed(each, Mapping, name, path).items()}
            for name, each in given.items()
        }
    if "splits" in document:
        table.splits = [str(split) for split in _typed(document["splits"], list, "splits", path)]
    return table


def parse_classes(given: object) -> dict[int, str | int]:
    """Read names of classes as users give them: a list from 1 on, values and names, or text with commas.

    Raises:
        InvalidInputError: They are something else.

    Example:
        >>> parse_classes("cat, dog"), parse_classes({7: "cat"})
        ({1: 'cat', 2: 'dog'}, {7: 'cat'})
    """
    if isinstance(given, str):
        given = [name.strip() for name in given.split(",")]
    pairs = list(given.items()) if isinstance(given, Mapping) else None
    if isinstance(given, Sequence):
        pairs = list(enumerate(given, start=1))
    whole = [(int(key) if isinstance(key, str) and key.isdecimal() else key, name) for key, name in pairs or ()]
    if not whole or not all(_is_whole(key) and isinstance(name, str) for key, name in whole):
        raise InvalidInputError(f"names={shown(given)} are no names of classes: give a list, or values and names")
    return dict(whole)


def parse_colours(given: object) -> dict[int, str | int]:
    """Read a table of colours as users give it: names, and ``(red, green, blue)`` or ``"#rrggbb"``.

    Raises:
        InvalidInputError: It is something else.

    Example:
        >>> parse_colours({"cat": (1, 2, 255), "dog": "#000001"})
        {66303: 'cat', 1: 'dog'}
    """
    if not isinstance(given, Mapping):
        raise InvalidInputError(f"colours={shown(given)} is no table of colours: give names and colours")
    try:
        return {packed(_colour(colour)): str(name) for name, colour in given.items()}
    except FormatError as error:
        raise InvalidInputError(str(error)) from error


def _colour(given: object) -> Colour:
    if isinstance(given, str) and _HEX.match(given):
        return int(given[1:3], 16), int(given[3:5], 16), int(given[5:], 16)
    if isinstance(given, Sequence) and len(given) == 3 and all(_is_whole(part) and 0 <= part <= 255 for part in given):
        return given[0], given[1], given[2]
    raise FormatError(f"{shown(given)} is no colour: give three numbers from 0 to 255, or #rrggbb")


def _value(key: object, path: Path) -> int:
    if isinstance(key, str) and key.isascii() and key.isdigit() and len(key) <= 5 and 0 < int(key) <= LARGEST:
        return int(key)
    raise FormatError(f"{path.name}: the value {shown(key)} is no number from 1 to {LARGEST:,}")


def _typed(value: Any, kind: Any, name: str, path: Path) -> Any:
    if not isinstance(value, kind):
        raise FormatError(f"{path.name}: {shown(name)} is something else than it should be: {shown(value)}")
    return value


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
