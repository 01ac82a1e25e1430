"""A lineage as text, as pictures in Mermaid and DOT, and as JSON."""

import json
from collections.abc import Iterator
from typing import Any

from imagecards.registry.graph import Edge, Graph, Node

_MOST_PROBLEMS = 20
_DEEPEST = 200  # generations of a tree of text, whose lines get longer with each


def as_text(lineage: Graph) -> str:
    """A tree of what a version was made from, and one of what was made from it."""
    lines = [_title(lineage.nodes[lineage.root]), *_branches(lineage)]
    if lineage.cut:
        lines.append("... and more, further away")
    lines += [f"! {problem}" for problem in lineage.problems[:_MOST_PROBLEMS]]
    if len(lineage.problems) > _MOST_PROBLEMS:
        lines.append(f"! ... and {len(lineage.problems) - _MOST_PROBLEMS:,} more (as JSON)")
    return "\n".join(map(_plain, lines))


def as_mermaid(lineage: Graph) -> str:
    """A flowchart that Markdown renders."""
    ids = {name: f"n{number}" for number, name in enumerate(lineage.nodes)}
    lines = ["flowchart TD"]
    shapes = {"version": ('["', '"]'), "artifact": ('[/"', '"/]'), "use": ('(["', '"])')}
    for name, node in lineage.nodes.items():
        opened, closed = shapes[node.kind]
        lines.append(f"    {ids[name]}{opened}{_mermaid(_title(node))}{closed}")
    for edge in lineage.edges:
        said = _how(edge)
        arrow = f'-->|"{_mermaid(said)}"|' if said else "-->"
        lines.append(f"    {ids[edge.source]} {arrow} {ids[edge.target]}")
    return "\n".join(lines)


def as_dot(lineage: Graph) -> str:
    """A graph for Graphviz."""
    shapes = {"version": "box", "artifact": "note", "use": "ellipse"}
    lines = ["digraph lineage {", "  rankdir=TB;"]
    for name, node in lineage.nodes.items():
        style = ", style=dashed" if node.state != "ok" else ""
        lines.append(f"  {_quoted(name)} [label={_quoted(_title(node))}, shape={shapes[node.kind]}{style}];")
    for edge in lineage.edges:
        said = _how(edge)
        lines.append(
            f"  {_quoted(edge.source)} -> {_quoted(edge.target)}{f' [label={_quoted(said)}]' if said else ''};"
        )
    return "\n".join([*lines, "}"])


def as_json(lineage: Graph) -> str:
    """The graph as JSON."""
    return json.dumps(as_dict(lineage), indent=2, ensure_ascii=False)


def as_dict(lineage: Graph) -> dict[str, Any]:
    """The graph as JSON values."""
    return {
        "root": lineage.root,
        "registry": lineage.registry,
        "nodes": [_node(node) for node in lineage.nodes.values()],
        "edges": [_edge(edge) for edge in lineage.edges],
        "cut": lineage.cut,
        "problems": list(lineage.problems),
    }


def _branches(lineage: Graph) -> Iterator[str]:
    """The lines below the root; of a node that was drawn before, what lies behind it is not drawn again."""
    up = [(edge, True) for edge in lineage.into(lineage.root)]
    down = [(edge, False) for edge in lineage.out_of(lineage.root)]
    drawn = {(lineage.root, True), (lineage.root, False)}
    stack = [("", _marked([*up, *down]))]  # no recursion: a lineage may be longer than Python's stack
    while stack:
        indent, rest = stack[-1]
        edge, is_up, last = next(rest, (None, True, True))
        if edge is None:
            stack.pop()
            continue
        other = edge.source if is_up else edge.target
        further = [(each, is_up) for each in (lineage.into(other) if is_up else lineage.out_of(other))]
        again = (other, is_up) in drawn and bool(further)
        text = _made_from(edge) if is_up else _made_of_it(lineage, edge)
        yield f"{indent}{'└─' if last else '├─'} {text}{' (see above)' if again else ''}"
        if (other, is_up) not in drawn:
            drawn.add((other, is_up))
            below = indent + ("   " if last else "│  ")
            if len(stack) < _DEEPEST:
                stack.append((below, _marked(further)))
            elif further:
                yield f"{below}└─ ... and more, further away (as JSON)"


def _marked(edges: list[tuple[Edge, bool]]) -> Iterator[tuple[Edge | None, bool, bool]]:
    """Each edge with the way that it is drawn, and whether it is the last one below its node."""
    return ((edge, is_up, number == len(edges)) for number, (edge, is_up) in enumerate(edges, 1))


def _made_from(edge: Edge) -> str:
    return f"made from {edge.source}{_badge(edge.state)}{f' by {_how(edge)}' if edge.steps else ''}"


def _made_of_it(lineage: Graph, edge: Edge) -> str:
    node = lineage.nodes[edge.target]
    how = f" by {_how(edge)}" if _how(edge) else ""
    if node.use is not None:
        return f"used by {node.label} ({node.use.at})"
    return (
        f"artifact {node.label}{how}" if node.kind == "artifact" else f"made into {node.label}{_badge(node.state)}{how}"
    )


def _title(node: Node) -> str:
    return f"{node.label}{_badge(node.state)}{_counts(node)}"


def _badge(state: str) -> str:
    return "" if state == "ok" else f" [{state}]"


def _counts(node: Node) -> str:
    if node.card is None:
        return ""
    summary = node.card.summary
    if summary.rows is not None:
        return f"  {_plural(summary.rows, 'row')}"
    return f"  {_plural(summary.images, 'image')}, {_plural(summary.objects, 'object')}"


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _how(edge: Edge) -> str:
    parts = [str(step) for step in edge.steps] + [edge.format] * bool(edge.format)
    return ", ".join(parts)


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def _mermaid(text: str) -> str:
    return "".join(c if c.isalnum() or c in " .,:/@()=_-+*[]" else f"#{ord(c)};" for c in _plain(text))


def _quoted(text: str) -> str:
    return '"' + _plain(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _node(node: Node) -> dict[str, Any]:
    found: dict[str, Any] = {"id": node.id, "kind": node.kind, "label": node.label, "state": node.state}
    if node.card is not None:
        found |= {
            "digest": node.card.digest,
            "dataset_digest": node.card.dataset_digest,
            "created": f"{node.card.created:%Y-%m-%dT%H:%M:%SZ}",
            "code": dict(node.card.code),
        }
    if node.use is not None:
        found |= {"at": node.use.at, "metadata": dict(node.use.metadata)}
    return found | ({"message": node.message} if node.message else {})


def _edge(edge: Edge) -> dict[str, Any]:
    steps = [step.model_dump(mode="json") for step in edge.steps]
    found: dict[str, Any] = {"source": edge.source, "target": edge.target, "steps": steps, "state": edge.state}
    found |= {"format": edge.format} if edge.format else {}
    return found | ({"message": edge.message} if edge.message else {})
