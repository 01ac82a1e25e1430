"""The graph of a lineage: versions, artifacts and uses, and what was made from what."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from imagecards.cards import DataCard, Made, Use
from imagecards.registry.parents import State


@dataclass(frozen=True)
class Node:
    """A version, an artifact of one, or a use of one.

    Attributes:
        id: The reference of a version; with ``artifact:NAME`` or ``use:NUMBER`` behind it for what hangs on it.
        kind: Which of the three.
        label: What a person reads.
        state: Whether it is well: see `imagecards.registry.parents.FoundParent`.
        message: What is wrong with it.
        card: The card of a version, where it can be read.
        use: The use.
    """

    id: str
    kind: Literal["version", "artifact", "use"]
    label: str
    state: State = "ok"
    message: str = ""
    card: DataCard | None = None
    use: Use | None = None


@dataclass(frozen=True)
class Edge:
    """That something was made from something, or used.

    Attributes:
        source: The node that was there first.
        target: The node that was made from it, or uses it.
        steps: How it was made.
        format: The annotation format that an artifact was written in.
        state: Whether the source is still the one that the target was made from.
        message: What is wrong, and what it means for the target.
    """

    source: str
    target: str
    steps: tuple[Made, ...] = ()
    format: str = ""
    state: State = "ok"
    message: str = ""


@dataclass(frozen=True)
class Graph:
    """What a version was made from, what was made from it, and who uses it.

    Attributes:
        root: The node of the version that was asked for.
        nodes: Every node by id; the root first.
        edges: What was made from what, each towards what was made from it.
        cut: Whether there was more than is shown, further away than the depth that was asked for.
        registry: The id of the registry: the same for every copy of it.
    """

    root: str
    nodes: dict[str, Node]
    edges: tuple[Edge, ...]
    cut: bool = False
    registry: str = ""

    @property
    def problems(self) -> tuple[str, ...]:
        """What is not as it was, each with the version that is concerned.

        Withdrawn parents are among it; those that were left elsewhere when a version was copied are not.
        """
        found = [f"{node.id}: {node.message}" for node in self.nodes.values() if node.message]
        found += [f"{edge.target}: {edge.message}" for edge in self.edges if edge.message and edge.state != "elsewhere"]
        return tuple(dict.fromkeys(found))

    @property
    def ancestors(self) -> tuple[str, ...]:
        """The versions that the root was made from, nearest first."""
        return tuple(self._reach("ancestors"))

    @property
    def descendants(self) -> tuple[str, ...]:
        """The versions that were made from the root, nearest first."""
        return tuple(self._reach("descendants"))

    def into(self, node: str) -> tuple[Edge, ...]:
        """The edges from what a node was made from."""
        return tuple(self._ends[0].get(node, ()))

    def out_of(self, node: str) -> tuple[Edge, ...]:
        """The edges to what was made from a node, or uses it."""
        return tuple(self._ends[1].get(node, ()))

    @cached_property
    def _ends(self) -> tuple[dict[str, list[Edge]], dict[str, list[Edge]]]:
        into: dict[str, list[Edge]] = defaultdict(list)
        out: dict[str, list[Edge]] = defaultdict(list)
        for edge in self.edges:
            into[edge.target].append(edge)
            out[edge.source].append(edge)
        return dict(into), dict(out)

    def _reach(self, direction: Literal["ancestors", "descendants"]) -> Iterator[str]:
        seen, level = {self.root}, [self.root]
        while level:
            further = []
            for node in level:
                up = direction == "ancestors"
                for edge in self.into(node) if up else self.out_of(node):
                    other = edge.source if up else edge.target
                    if other not in seen and self.nodes[other].kind == "version":
                        seen.add(other)
                        further.append(other)
                        yield other
            level = further


@dataclass
class Drawn:
    """A graph that is being drawn up.

    Attributes:
        nodes: The nodes so far.
        edges: The edges so far, each once.
        cut: Whether something was left out.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: dict[Edge, None] = field(default_factory=dict)
    cut: bool = False
