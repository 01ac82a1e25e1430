"""Drawing up the lineage of a version from the cards of a registry."""

from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from typing import Literal, get_args

from imagecards.cards import CardRef, DataCard, RegistryMarker
from imagecards.errors import ImageCardsError, InvalidInputError
from imagecards.progress import track
from imagecards.registry import keys, lookup
from imagecards.registry.artifacts import readable_artifacts
from imagecards.registry.graph import Drawn, Edge, Node
from imagecards.registry.parents import find_parent
from imagecards.registry.rendering import Lineage
from imagecards.registry.uses import read_uses
from imagecards.storage import Store

Direction = Literal["ancestors", "descendants", "both"]

MOST_NODES = 20_000
"""How many versions a lineage shows; what lies further away is cut off."""


def draw_lineage(store: Store, root: DataCard, direction: Direction, depth: int | None) -> Lineage:
    """The lineage of a version; whatever is damaged on the way is part of the answer.

    Args:
        store: The registry's store.
        root: The card of the version.
        direction: Which way to look.
        depth: How many generations; all of them by default.

    Raises:
        InvalidInputError: The direction or the depth is none.
    """
    if direction not in get_args(Direction):
        raise InvalidInputError(f"direction={direction!r} is not one of {', '.join(get_args(Direction))}")
    if depth is not None and (type(depth) is not int or depth < 0):
        raise InvalidInputError(f"depth={depth!r} is no number of generations: give 0 or more, or None for all")
    drawn = Drawn()
    _add_version(store, drawn, root)
    if direction != "descendants":
        _add_ancestors(store, drawn, root, depth)
    if direction != "ancestors":
        _add_descendants(store, drawn, root, depth)
    marker = RegistryMarker.from_json(store.get(keys.MARKER), place=keys.MARKER)
    return Lineage(str(root.ref), drawn.nodes, tuple(drawn.edges), drawn.cut, marker.registry)


def _add_ancestors(store: Store, drawn: Drawn, root: DataCard, depth: int | None) -> None:
    level, generation = [root], 0
    seen = {root.ref}
    while level:
        if generation == depth:
            drawn.cut |= any(card.parents for card in level)
            return
        further = []
        for card in level:
            for parent in card.parents:
                if len(drawn.nodes) > MOST_NODES:
                    drawn.cut = True
                    return
                found = find_parent(store, parent)
                drawn.edges[Edge(str(parent.ref), str(card.ref), card.transform, "", found.state, found.message)] = None
                if parent.ref in seen:
                    continue
                seen.add(parent.ref)
                if found.card is not None:
                    _add_version(store, drawn, found.card)
                    further.append(found.card)
                elif str(parent.ref) not in drawn.nodes:
                    drawn.nodes[str(parent.ref)] = Node(str(parent.ref), "version", str(parent.ref), found.state)
        level, generation = further, generation + 1


def _add_descendants(store: Store, drawn: Drawn, root: DataCard, depth: int | None) -> None:
    children = _children(store)
    level, generation = [root], 0
    seen = {root.ref}
    while level:
        if generation == depth:
            drawn.cut |= any(children.get(card.ref) for card in level)
            return
        further = []
        for card in level:
            for child in children.get(card.ref, ()):
                if len(drawn.nodes) > MOST_NODES:
                    drawn.cut = True
                    return
                for parent in child.parents:
                    if parent.ref == card.ref:
                        found = find_parent(store, parent)
                        edge = Edge(str(card.ref), str(child.ref), child.transform, "", found.state, found.message)
                        drawn.edges[edge] = None
                if child.ref not in seen:
                    seen.add(child.ref)
                    _add_version(store, drawn, child)
                    further.append(child)
        level, generation = further, generation + 1


def _children(store: Store) -> Mapping[CardRef, list[DataCard]]:
    """Which versions were made from which; cards that can't be read are passed over, `verify` tells of them."""
    children: dict[CardRef, list[DataCard]] = defaultdict(list)
    names = lookup.card_names(store)
    with track("reading cards", total=len(names), unit="names") as advance:
        for name in names:
            for version in lookup.all_versions(store, name):
                with suppress(ImageCardsError):
                    card = lookup.read_card(store, CardRef(name, version))
                    for parent in card.parents:
                        children[parent.ref].append(card)
            advance(1)
    return children


def _add_version(store: Store, drawn: Drawn, card: DataCard) -> None:
    """A version, with the artifacts that were written from it and those who use it."""
    ref = str(card.ref)
    if ref in drawn.nodes:
        return
    state, message = _own_state(store, card)
    drawn.nodes[ref] = Node(ref, "version", ref, state, message, card)
    artifacts, unreadable = readable_artifacts(store, card)
    for name, error in unreadable.items():
        node = Node(f"{ref} artifact:{name}", "artifact", name, "damaged", f"can't be read: {error}")
        drawn.nodes[node.id] = node
        drawn.edges[Edge(ref, node.id)] = None
    for name, artifact in artifacts.items():
        node = Node(f"{ref} artifact:{name}", "artifact", name)
        drawn.nodes[node.id] = node
        written = artifact.written
        steps, format = (written.steps, written.format) if written is not None else ((), "")
        drawn.edges[Edge(ref, node.id, steps, format)] = None
    for use in read_uses(store, card):
        node = Node(f"{ref} use:{use.number}", "use", use.by, use=use)
        drawn.nodes[node.id] = node
        drawn.edges[Edge(ref, node.id)] = None


def _own_state(store: Store, card: DataCard) -> tuple[Literal["ok", "withdrawn", "damaged"], str]:
    try:
        tomb = lookup.tombstone(store, card.ref)
    except ImageCardsError as error:
        return "damaged", f"its tombstone can't be read: {error}"
    if tomb is None:
        return "ok", ""
    return "withdrawn", f"was withdrawn ({tomb.reason or 'no reason was given'})"
