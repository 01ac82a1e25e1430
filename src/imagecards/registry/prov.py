"""A lineage as W3C PROV, through the library ``prov``."""

import json
from typing import TYPE_CHECKING, Any

from imagecards.errors import MissingDependencyError
from imagecards.registry.graph import Edge, Graph, Node

if TYPE_CHECKING:
    from prov.model import ProvDocument


def as_prov(lineage: Graph) -> str:
    """The lineage as PROV-JSON.

    Versions and artifacts are entities, derivations and uses activities, whoever used a version an agent.

    Raises:
        MissingDependencyError: The library is not installed.
    """
    document = prov_document(lineage)
    return json.dumps(json.loads(document.serialize(format="json") or "{}"), indent=2, ensure_ascii=False)


def prov_document(lineage: Graph) -> "ProvDocument":
    """The lineage as a document of the library, which writes other forms of PROV too.

    Raises:
        MissingDependencyError: The library is not installed.
    """
    try:
        from prov.model import ProvDocument
    except ImportError as error:
        raise MissingDependencyError("PROV needs the library prov: pip install 'imagecards[lineage]'") from error
    document = ProvDocument()
    document.add_namespace("ic", f"urn:uuid:{lineage.registry}/")
    for node in lineage.nodes.values():
        _add_node(document, node)
    for node in lineage.nodes.values():
        made = [edge for edge in lineage.into(node.id) if node.kind != "use"]
        if made:
            _add_making(document, node, made)
    for edge in lineage.edges:
        if lineage.nodes[edge.target].kind == "use":
            document.used(_id("activity/", edge.target), _id("", edge.source))
    return document


def _add_node(document: Any, node: Node) -> None:
    if node.kind == "use":
        assert node.use is not None
        activity, agent = _id("activity/", node.id), _id("agent/", node.label)
        document.activity(activity, other_attributes={"prov:label": f"use by {node.label}"})
        document.agent(agent, {"prov:label": node.label})
        document.wasAssociatedWith(activity, agent)
        return
    said: dict[str, Any] = {"prov:label": node.label, "ic:kind": node.kind, "ic:state": node.state}
    if node.card is not None:
        said |= {"ic:card": node.card.digest, "ic:dataset": node.card.dataset_digest}
    document.entity(_id("", node.id), said)


def _add_making(document: Any, node: Node, made: list[Edge]) -> None:
    """The activity that made a version or an artifact, with what it used."""
    activity = _id("activity/", node.id)
    said: dict[str, Any] = {"prov:label": f"made {node.label}"}
    for number, step in enumerate(made[0].steps, 1):
        said[f"ic:step{number}"] = json.dumps(step.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
    if made[0].format:
        said["ic:format"] = made[0].format
    if node.card is not None:
        said["ic:code"] = json.dumps(dict(node.card.code), sort_keys=True)
    document.activity(activity, other_attributes=said)
    document.wasGeneratedBy(_id("", node.id), activity)
    for edge in made:
        document.used(activity, _id("", edge.source))
        document.wasDerivedFrom(_id("", node.id), _id("", edge.source), activity)


def _id(kind: str, name: str) -> str:
    """A qualified name; what an address can't hold is written in percents."""
    from urllib.parse import quote

    return f"ic:{kind}{quote(name, safe='/@.:~+-')}"
