"""A lineage, and the forms in which it is read."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, get_args

from imagecards.errors import InvalidInputError
from imagecards.registry import drawing, openlineage, prov
from imagecards.registry.graph import Graph

Form = Literal["text", "mermaid", "dot", "json", "prov", "openlineage"]
FORMS: tuple[Form, ...] = get_args(Form)

_RENDERED: Mapping[Form, Callable[[Graph], str]] = MappingProxyType(
    {
        "text": drawing.as_text,
        "mermaid": drawing.as_mermaid,
        "dot": drawing.as_dot,
        "json": drawing.as_json,
        "prov": prov.as_prov,
        "openlineage": openlineage.as_events,
    }
)


class Lineage(Graph):
    """The graph of a version, which can be drawn, sent, and taken apart."""

    def render(self, form: Form = "text") -> str:
        """The graph in a form that people or programs read.

        Args:
            form: ``"text"``, a tree; ``"mermaid"`` and ``"dot"``, pictures; ``"json"``; ``"prov"``, W3C PROV as JSON;
                ``"openlineage"``, one event a line.

        Raises:
            InvalidInputError: It is none of these.
            MissingDependencyError: ``prov`` and ``openlineage`` need the extra of the name ``lineage``.

        Example:
            >>> from imagecards.registry.graph import Node
            >>> graph = Lineage("a/b@1.0.0", {"a/b@1.0.0": Node("a/b@1.0.0", "version", "a/b@1.0.0")}, ())
            >>> print(graph.render())
            a/b@1.0.0
        """
        if form not in FORMS:
            raise InvalidInputError(f"{form!r} is no form of a lineage: choose one of {', '.join(FORMS)}")
        return _RENDERED[form](self)

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON values."""
        return drawing.as_dict(self)

    def emit(self, to: str) -> int:
        """Send the OpenLineage events of the versions that were derived, through OpenLineage's client.

        Args:
            to: ``http://`` or ``https://`` and the address of a server that collects events, else a file, which they
                are added to, one a line.

        Returns:
            How many.

        Raises:
            MissingDependencyError: The extra ``lineage`` is not installed.
            StorageError: The server or the file does not take them.
        """
        return openlineage.emit(self, to)

    def __str__(self) -> str:
        return self.render()
