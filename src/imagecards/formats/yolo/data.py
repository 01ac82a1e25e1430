"""YOLO's ``data.yaml``: which classes there are, and where the images of each split lie."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from imagecards.errors import FormatError, InvalidInputError
from imagecards.formats.documents import read_text
from imagecards.formats.yolo.keypoints import Keypoints
from imagecards.records import printable, shown

FILE_NAMES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
OWN_KEY = "imagecards"
"""The key of `data.yaml` under which we say what YOLO has no word for."""

_DETAILS = ("kpt_shape", "kpt_names", "flip_idx", "roboflow", "licenses", "license", "info", "download", "yaml_file")

NO_SPLITS = frozenset({"path", "names", "nc", "channels", OWN_KEY, *_DETAILS})
"""Keys that are no splits."""

_NOTHING = (None, "", "null", "~")
_MAX_BYTES = 1 << 20
_MAX_DEPTH = 20


class _Loader(yaml.SafeLoader):
    """YAML without what makes it dangerous or surprising.

    There are no aliases, by which a small file can stand for a huge document, and no key twice. Every scalar is the
    text that is there: a class may be called ``no``, ``1e3`` or ``2001-01-01``.
    """

    yaml_implicit_resolvers: Mapping[Any, Any] = {}  # type: ignore[assignment]

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise FormatError("it has an alias (*), by which a small file can be a huge one: write it out")
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise FormatError(f"it is nested more than {_MAX_DEPTH} levels deep")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable) or key in seen:
                raise FormatError(
                    f"line {key_node.start_mark.line + 1}: the key {shown(key)} is there twice, or is none"
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


@dataclass
class YoloData:
    """What a ``data.yaml`` says, as far as it can be understood.

    Attributes:
        names: Class numbers and names; ``None`` where nothing is said of them.
        splits: The folders of each split's images, as they are written.
        root: What those are relative to, as it is written.
        keypoints: What is behind the box in each line, where that is said.
        own: What we wrote of it ourselves.
        problems: Rule, message, field and value of what is wrong.
        warnings: The same of what was dealt with.
    """

    names: dict[int, str] | None = None
    splits: dict[str, list[str]] = field(default_factory=dict)
    root: str = ""
    keypoints: Keypoints | None = None
    own: Mapping[str, Any] = field(default_factory=dict)
    problems: list[tuple[str, str, str, object]] = field(default_factory=list)
    warnings: list[tuple[str, str, str, object]] = field(default_factory=list)


def read_data(path: Path) -> YoloData:
    """Read a ``data.yaml``.

    Raises:
        FormatError: It is no YAML, or dangerous; also as `imagecards.formats.documents.read_bytes`.
    """
    if path.is_file() and path.stat().st_size > _MAX_BYTES:
        raise FormatError(f"{printable(str(path))} has more than {_MAX_BYTES:,} bytes: this is no data.yaml")
    text = read_text(path)
    try:
        document = yaml.load(text, _Loader)  # noqa: S506 - it makes texts, lists and mappings alone
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise FormatError(f"{printable(str(path))} can't be read as YAML: {reason}") from error
    if not isinstance(document, Mapping):
        raise FormatError(f"{printable(str(path))} has no keys: a data.yaml has train, val and names")
    return _understood(document)


def parse_names(given: object) -> dict[int, str]:
    """Read class names as users give them: a list, numbers and names, or text with commas.

    Raises:
        InvalidInputError: They are something else.

    Example:
        >>> parse_names("cat, dog"), parse_names({3: "cat"})
        ({0: 'cat', 1: 'dog'}, {3: 'cat'})
    """
    listed = [name.strip() for name in given.split(",")] if isinstance(given, str) else given
    data = YoloData()
    _take_names(listed, data)
    if data.problems or data.names is None:
        reason = data.problems[0][1] if data.problems else "there are none"
        raise InvalidInputError(f"names={shown(given)} are no names of classes: {reason}")
    return data.names


def _understood(document: Mapping[str, Any]) -> YoloData:
    data = YoloData()
    if isinstance(document.get(OWN_KEY), Mapping):
        data.own = document[OWN_KEY]
    if document.get("names") not in (None, ""):
        _take_names(document["names"], data)
    _take_count(document.get("nc"), data)
    _take_keypoints(document.get("kpt_shape"), data)
    if isinstance(document.get("path"), str):
        data.root = document["path"]
    for key, value in document.items():
        if key in NO_SPLITS or value in _NOTHING:
            continue
        places = [value] if isinstance(value, str) else value
        if isinstance(places, list) and all(isinstance(place, str) for place in places):
            data.splits[key] = places
        elif key in ("train", "val", "valid", "test"):
            data.problems.append(("wrong-type", "a split is a folder or a list of folders", key, value))
    return data


def _take_names(value: object, data: YoloData) -> None:
    if isinstance(value, Mapping):
        pairs = list(value.items())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        pairs = list(enumerate(value))
    else:
        data.problems.append(("wrong-type", "names are a list, or numbers and names", "names", value))
        return
    data.names = {}
    taken: set[str] = set()
    for key, name in pairs:
        number, text = _whole(key), str(name)
        if number is None:
            data.problems.append(("class-number", "a class has a number from 0 on", f"names.{key}", key))
        elif not isinstance(name, str | int):
            data.problems.append(("class-name", "the name of a class is a text", f"names[{number}]", name))
        elif text in taken:
            data.problems.append(("duplicate-class", "two classes have one name", f"names[{number}]", name))
        else:
            data.names[number] = text
            taken.add(text)
            if not text:
                data.warnings.append(("class-name", "a class has no name", f"names[{number}]", name))


def _take_count(value: object, data: YoloData) -> None:
    if value in (None, ""):
        return
    count = _whole(value)
    if count is None:
        data.problems.append(("wrong-type", "nc is how many classes there are", "nc", value))
    elif data.names is None:
        if count > 100_000:
            data.problems.append(("class-count", "there are no names for so many classes", "nc", value))
        else:
            data.names = {number: str(number) for number in range(count)}
    elif count != len(data.names) and not data.problems:
        message = f"nc is {count}, and there are {len(data.names)} names; the names count"
        data.warnings.append(("class-count", message, "nc", value))


def _take_keypoints(value: object, data: YoloData) -> None:
    if value in _NOTHING:
        return
    numbers = [_whole(each) for each in value] if isinstance(value, list) else []
    if len(numbers) == 2 and numbers[0] and numbers[1] in (2, 3):
        data.keypoints = Keypoints(numbers[0], numbers[1])
    else:
        message = "kpt_shape is how many keypoints an object has, and 2 or 3 numbers for each"
        data.problems.append(("wrong-type", message, "kpt_shape", value))


def _whole(value: object) -> int | None:
    """A number from 0 on that may be written as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 9:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
