"""XML as annotation tools write it, element by element, and refused where it is made to do harm.

Entities, external references and processing of document types are refused by defusedxml before anything is
expanded; nesting and size have limits.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException, EntitiesForbidden
from defusedxml.ElementTree import DefusedXMLParser

from imagecards.errors import FormatError, StorageError
from imagecards.formats.documents import read_bytes
from imagecards.records import printable

MAX_DEPTH = 64
MAX_ELEMENTS = 2_000_000
"""Of one file that is read whole, or of one child of the root of another: each takes 50 times the room of its text."""

_CHUNK = 1 << 20
_HEAD = 16 * 1024


@dataclass(slots=True)
class Node:
    """An element.

    Attributes:
        tag: Its name.
        attributes: Its attributes.
        line: The line on which it begins.
        text: The text before its first child, without blanks around it.
        children: The elements in it.
    """

    tag: str
    attributes: dict[str, str]
    line: int
    text: str = ""
    children: list["Node"] = field(default_factory=list)

    def all(self, tag: str) -> Iterator["Node"]:
        """The children of a name."""
        return (child for child in self.children if child.tag == tag)

    def first(self, tag: str) -> "Node | None":
        """The first child of a name."""
        return next(self.all(tag), None)

    def text_of(self, tag: str) -> str:
        """The text of the first child of a name; empty where there is none."""
        child = self.first(tag)
        return child.text if child is not None else ""


class XmlError(FormatError):
    """An XML file can't be read.

    Attributes:
        rule: The rule that it breaks: ``xml-entities``, ``xml-external``, ``xml-too-deep``, ``xml-too-many``,
            ``file-too-large``, ``not-xml``.
        line: Where.
    """

    def __init__(self, message: str = "", rule: str = "", line: int | None = None) -> None:
        super().__init__(message)
        self.rule, self.line = rule, line


class _Target:
    """Makes nodes of what the parser finds; hands the children of the root over one by one."""

    def __init__(self, child: Callable[[str, Node], None], kept: bool) -> None:
        self.child, self.kept = child, kept
        self.count = 0
        self.root = ""
        self.path: list[Node] = []
        self.pieces: list[str] = []
        self.line: Callable[[], int] = lambda: 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._settle_text()
        if not self.path:
            self.root = tag
        if len(self.path) >= MAX_DEPTH:
            raise XmlError(f"elements nest deeper than {MAX_DEPTH} levels", "xml-too-deep", self.line())
        self.count += 1
        if self.count > MAX_ELEMENTS:
            raise XmlError(
                f"there are more than {MAX_ELEMENTS:,} elements: split the file", "xml-too-many", self.line()
            )
        node = Node(tag, dict(attributes), self.line())
        if len(self.path) > 1:
            self.path[-1].children.append(node)
        self.path.append(node)

    def end(self, tag: str) -> None:
        self._settle_text()
        node = self.path.pop()
        if len(self.path) == 1:
            self.child(self.root, node)
            self.count = self.count if self.kept else 0

    def data(self, text: str) -> None:
        self.pieces.append(text)

    def close(self) -> str:
        return self.root

    def _settle_text(self) -> None:
        if self.path and not self.path[-1].children and not self.path[-1].text:
            self.path[-1].text = "".join(self.pieces).strip()
        self.pieces.clear()


def each_child(path: Path, child: Callable[[str, Node], None], *, max_bytes: int, kept: bool = False) -> str:
    """Read an XML file, in little memory: whatever lies right below its root is handed over and forgotten.

    Args:
        path: The file.
        child: Called with the name of the root and each of its children, whole.
        max_bytes: How large it may be.
        kept: Whether the caller keeps what it is given.

    Returns:
        The name of the root.

    Raises:
        XmlError: It is no XML, or is made to do harm; what came before that was handed over.
        FormatError: It is no regular file, or the pointer that git-lfs leaves in a file's place.
    """
    size = path.stat().st_size
    if size > max_bytes:
        raise XmlError(
            f"{size:,} bytes are more than the {max_bytes:,} that are read: split the file", "file-too-large"
        )
    if size < _CHUNK:
        chunks = iter([read_bytes(path)])  # tells of pointers of git-lfs, and of what is no file
    else:
        chunks = _chunks(path)
    target = _Target(child, kept)
    parser = DefusedXMLParser(target=target, forbid_dtd=False)
    expat: Any = parser.parser
    target.line = lambda: cast("int", expat.CurrentLineNumber)
    shown = printable(path.name)
    try:
        for chunk in chunks:
            parser.feed(chunk)
        return str(parser.close())
    except EntitiesForbidden as error:
        message = f"{shown} defines the entity {printable(str(error.name), 40)}: annotations need none, remove it"
        raise XmlError(message, "xml-entities", target.line()) from error
    except DefusedXmlException as error:
        message = f"{shown} refers to something outside of it: annotations need nothing, remove it"
        raise XmlError(message, "xml-external", target.line()) from error
    except ParseError as error:
        line = error.position[0]
        raise XmlError(f"{shown} is not XML ({error}): correct it, or export it again", "not-xml", line) from error
    except (ValueError, LookupError) as error:  # an encoding that nobody knows
        if isinstance(error, FormatError):
            raise
        raise XmlError(f"{shown} is not XML ({error}): save it as UTF-8", "not-xml") from error


def read_xml(path: Path, *, max_bytes: int) -> Node:
    """Read a small XML file whole; see `each_child`."""
    children: list[Node] = []
    root = each_child(path, lambda _, node: children.append(node), max_bytes=max_bytes, kept=True)
    return Node(root, {}, 1, "", children)


def xml_head(path: Path) -> str:
    """The beginning of a file that may be XML, from its first element on; empty for one that isn't.

    Raises:
        OSError: It can't be read.
    """
    with path.open("rb") as file:
        text = file.read(_HEAD).decode("utf-8-sig", errors="replace").lstrip()
    while text.startswith(("<?", "<!")):
        _, closed, text = text.partition("-->" if text.startswith("<!--") else ">")
        text = text.lstrip() if closed else ""
    return text if text.startswith("<") else ""


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    except OSError as error:
        raise StorageError(f"{printable(str(path))} can't be read: {error.strerror}") from error
