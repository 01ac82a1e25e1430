"""Lineage: what was made from what, in every form, and what is wrong on the way."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.registry.steps_of_ours import Join, Keep

from imagecards import CardRegistry, DataCard, ImageDataset
from imagecards.cards import CardRef, Parent, seal, unseal
from imagecards.cards.card import MOST_PARENTS
from imagecards.errors import InvalidInputError, MissingDependencyError, NotFoundError, StorageError
from imagecards.registry.graph import Edge, Node
from imagecards.registry.rendering import FORMS, Lineage

MakeFolder = Callable[..., Path]


@pytest.fixture
def family(registry: CardRegistry, make_folder: MakeFolder) -> CardRegistry:
    """``a/raw`` and ``a/more`` make ``a/mid``, which makes ``a/end``; ``a/side`` comes from ``a/raw``."""
    raw = registry.register(ImageDataset(image_dir=make_folder(6)), "a/raw")
    more = registry.register(ImageDataset(image_dir=make_folder(2, name="more", seed=40)), "a/more")
    mid = registry.derive([raw, more], [Join(), Keep(first=5)], "a/mid")
    registry.derive(mid, Keep(first=3), "a/end")
    registry.derive(raw, Keep(first=1), "a/side")
    return registry


def reseal(registry: CardRegistry, card: DataCard, **changes: Any) -> None:
    place = Path(registry.url) / f"cards/{card.name}/{card.version}.json"
    body = unseal(place.read_bytes(), "")
    assert isinstance(body, dict)
    place.write_bytes(seal(body | changes))


def test_ancestors_and_descendants(family: CardRegistry) -> None:
    found = family.lineage("a/mid")
    assert found.ancestors == ("a/raw@1.0.0", "a/more@1.0.0")
    assert found.descendants == ("a/end@1.0.0",)
    assert family.lineage("a/raw").descendants == ("a/mid@1.0.0", "a/side@1.0.0", "a/end@1.0.0")
    assert family.lineage("a/end").ancestors == ("a/mid@1.0.0", "a/raw@1.0.0", "a/more@1.0.0")
    assert family.lineage("a/mid", direction="ancestors").descendants == ()
    assert family.lineage("a/mid", direction="descendants").ancestors == ()
    assert found.problems == ()


def test_depth_counts_generations(family: CardRegistry) -> None:
    near = family.lineage("a/end", depth=1)
    assert (near.ancestors, near.cut) == (("a/mid@1.0.0",), True)
    assert family.lineage("a/end", depth=2).cut is False
    nothing = family.lineage("a/mid", depth=0)
    assert (nothing.ancestors, nothing.descendants, nothing.cut) == ((), (), True)
    for wrong in ({"depth": -1}, {"direction": "sideways"}):
        with pytest.raises(InvalidInputError, match=r"depth|direction"):
            family.lineage("a/mid", **wrong)
    for depth in (-1, "2", 1.5, True):
        with pytest.raises(InvalidInputError, match="is no number of generations"):
            family.lineage("a/end", depth=depth)  # type: ignore[arg-type]


def test_as_text(family: CardRegistry) -> None:
    family.record_use("a/mid", "model/unet@3")
    family.attach("a/mid", "boxes", format="yolo", steps=Keep(first=2))
    text = str(family.lineage("a/mid"))
    used = next(line for line in text.splitlines() if "used by" in line)
    assert used.startswith("├─ used by model/unet@3 (20")
    assert text.replace(used, "USED").splitlines() == [
        "a/mid@1.0.0  5 images, 5 objects",
        "├─ made from a/raw@1.0.0 by test-join(), test-keep(first=5)",
        "├─ made from a/more@1.0.0 by test-join(), test-keep(first=5)",
        "├─ artifact boxes by test-keep(first=2), yolo",
        "USED",
        "└─ made into a/end@1.0.0 by test-keep(first=3)",
    ]


def test_what_was_drawn_is_not_drawn_again(registry: CardRegistry, make_folder: MakeFolder) -> None:
    raw = registry.register(ImageDataset(image_dir=make_folder(4)), "a/raw")
    one = registry.derive(raw, Keep(first=3), "a/one")
    two = registry.derive(one, Keep(first=2), "a/two")
    registry.derive([two, one], Join(), "a/both")
    assert str(registry.lineage("a/both")).splitlines()[1:] == [
        "├─ made from a/two@1.0.0 by test-join()",
        "│  └─ made from a/one@1.0.0 by test-keep(first=2)",
        "│     └─ made from a/raw@1.0.0 by test-keep(first=3)",
        "└─ made from a/one@1.0.0 by test-join() (see above)",
    ]


def test_pictures_name_every_node_and_edge(family: CardRegistry) -> None:
    found = family.lineage("a/mid")
    mermaid, dot = found.render("mermaid"), found.render("dot")
    assert mermaid.startswith("flowchart TD\n")
    assert mermaid.count("-->") == dot.count("->") == len(found.edges) == 3
    for node in found.nodes.values():
        assert node.label in mermaid
        assert f'"{node.id}"' in dot


def test_hostile_labels_stay_inside_their_quotes() -> None:
    label = 'x"]; click n0 "javascript:alert(1)" \\ </b>\n\x1b[2J'
    graph = Lineage("a/b@1.0.0", {"a/b@1.0.0": Node("a/b@1.0.0", "use", label)}, (Edge("a/b@1.0.0", "a/b@1.0.0"),))
    [_, node, _] = graph.render("mermaid").splitlines()
    assert node.count('"') == 2
    assert "<" not in node
    dot = graph.render("dot").splitlines()[2]
    assert dot.replace('\\"', "").count('"') == 4
    for form in ("text", "mermaid", "dot"):
        assert "\x1b" not in graph.render(form)


def test_as_json(family: CardRegistry) -> None:
    said = json.loads(family.lineage("a/end").render("json"))
    assert said == family.lineage("a/end").to_dict()
    [edge] = [each for each in said["edges"] if each["target"] == "a/end@1.0.0"]
    assert edge["steps"] == [{"name": "test-keep", "version": 1, "params": {"first": 3}}]
    [node] = [each for each in said["nodes"] if each["id"] == "a/end@1.0.0"]
    assert node["digest"] == family.load("a/end").digest


def test_as_prov_it_is_read_by_the_library(family: CardRegistry) -> None:
    from prov.model import ProvActivity, ProvDerivation, ProvDocument, ProvEntity, ProvGeneration, ProvUsage

    family.record_use("a/end", "model/unet@3")
    text = family.lineage("a/end").render("prov")
    document = ProvDocument.deserialize(content=text, format="json")
    assert len(list(document.get_records(ProvEntity))) == 4
    assert len(list(document.get_records(ProvDerivation))) == 3
    assert len(list(document.get_records(ProvGeneration))) == 2
    assert len(list(document.get_records(ProvActivity))) == 3
    assert len(list(document.get_records(ProvUsage))) == 4
    assert family.load("a/raw").digest in text
    assert f"urn:uuid:{family.lineage('a/end').registry}/" in text
    assert text == family.lineage("a/end").render("prov")


def test_as_events_of_openlineage(family: CardRegistry) -> None:
    lines = [json.loads(line) for line in family.lineage("a/end").render("openlineage").splitlines()]
    assert [event["outputs"][0]["name"] for event in lines] == ["a/end@1.0.0", "a/mid@1.0.0"]
    mid = lines[1]
    assert [each["name"] for each in mid["inputs"]] == ["a/raw@1.0.0", "a/more@1.0.0"]
    assert mid["inputs"][0]["facets"]["version"]["datasetVersion"] == family.load("a/raw").digest
    assert [step["name"] for step in mid["run"]["facets"]["imagecards"]["steps"]] == ["test-join", "test-keep"]
    assert mid["eventType"] == "COMPLETE"
    assert mid["eventTime"] == f"{family.load('a/mid').created:%Y-%m-%dT%H:%M:%SZ}"
    assert family.lineage("a/end").render("openlineage") == family.lineage("a/end").render("openlineage")


def test_events_are_added_to_a_file(family: CardRegistry, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    assert family.lineage("a/end").emit(str(file)) == 2
    assert family.lineage("a/side").emit(str(file)) == 1
    assert len([json.loads(line) for line in file.read_text().splitlines()]) == 3


@pytest.fixture
def collector() -> Iterator[tuple[str, list[Any]]]:
    """A server that takes events, and what it took."""
    taken: list[Any] = []

    class Collect(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(201)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Collect)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", taken
    server.shutdown()
    thread.join()
    server.server_close()


def test_events_are_sent_to_a_server(family: CardRegistry, collector: tuple[str, list[Any]]) -> None:
    url, taken = collector
    assert family.lineage("a/end").emit(url) == 2
    assert [path for path, _ in taken] == ["/api/v1/lineage"] * 2
    assert taken[0][1]["outputs"][0]["name"] == "a/end@1.0.0"


def test_a_place_that_takes_no_events_is_an_error(family: CardRegistry, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="does not take OpenLineage events"):
        family.lineage("a/end").emit(str(tmp_path / "no" / "such" / "folder" / "events.jsonl"))


def test_without_the_libraries_the_extra_is_named(family: CardRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("prov.model", "openlineage.client", "openlineage.client.serde"):
        monkeypatch.setitem(__import__("sys").modules, module, None)
    for form in ("prov", "openlineage"):
        with pytest.raises(MissingDependencyError, match=r"imagecards\[lineage\]"):
            family.lineage("a/end").render(form)


def test_no_other_form(family: CardRegistry) -> None:
    with pytest.raises(InvalidInputError, match="choose one of text, mermaid"):
        family.lineage("a/end").render("svg")  # type: ignore[arg-type]
    assert len({family.lineage("a/end").render(form) for form in FORMS}) == len(FORMS)


def test_a_withdrawn_parent_is_seen_by_its_children(family: CardRegistry) -> None:
    family.withdraw("a/raw@1.0.0", "bad labels")
    found = family.lineage("a/end")
    assert found.nodes["a/raw@1.0.0"].state == "withdrawn"
    assert any(
        problem.startswith("a/mid@1.0.0: its parent a/raw@1.0.0 was withdrawn (bad labels): it can still be read")
        for problem in found.problems
    )
    assert "made from a/raw@1.0.0 [withdrawn]" in str(found)
    by_number = family.lineage("a/raw@1.0.0")
    assert by_number.descendants == ("a/mid@1.0.0", "a/side@1.0.0", "a/end@1.0.0")
    with pytest.raises(NotFoundError):
        family.lineage("a/raw@^1")


def test_a_missing_parent_is_seen(family: CardRegistry) -> None:
    (Path(family.url) / "cards/a/more/1.0.0.json").unlink()
    found = family.lineage("a/end")
    assert (found.nodes["a/more@1.0.0"].state, found.nodes["a/more@1.0.0"].card) == ("missing", None)
    assert any("its parent a/more@1.0.0 is missing: what was made" in problem for problem in found.problems)


def test_a_replaced_parent_is_seen(family: CardRegistry) -> None:
    raw = family.load("a/raw")
    reseal(family, raw, description="another")
    found = family.lineage("a/side")
    assert [edge.state for edge in found.edges] == ["replaced"]
    assert f"and had {raw.digest}" in found.problems[0]
    assert [edge.state for edge in family.lineage("a/raw").out_of("a/raw@1.0.0")] == ["replaced", "replaced"]


def test_a_damaged_parent_is_seen(family: CardRegistry) -> None:
    place = Path(family.url) / "cards/a/raw/1.0.0.json"
    place.write_bytes(place.read_bytes().replace(b"images", b"imagez"))
    found = family.lineage("a/side")
    assert found.nodes["a/raw@1.0.0"].state == "damaged"
    assert "can't be read, so what was made from it can't be replayed" in found.problems[0]


def test_a_cycle_ends(family: CardRegistry) -> None:
    mid, end = family.load("a/mid"), family.load("a/end")
    reseal(family, mid, parents=[{"ref": str(end.ref), "digest": end.digest}])
    found = family.lineage("a/end")
    assert found.ancestors == ("a/mid@1.0.0",)
    assert [(edge.target, edge.state) for edge in found.edges] == [("a/end@1.0.0", "replaced"), ("a/mid@1.0.0", "ok")]
    assert str(found).splitlines()[1].startswith("├─ made from a/mid@1.0.0 [replaced]")


def test_a_long_lineage_is_a_short_text() -> None:
    names = [f"a/v{number}@1.0.0" for number in range(5_000)]
    nodes = {name: Node(name, "version", name) for name in names}
    chain = Lineage(names[0], nodes, tuple(Edge(names[place + 1], names[place]) for place in range(len(names) - 1)))
    lines = str(chain).splitlines()
    assert len(lines) == 202
    assert lines[-1].strip() == "└─ ... and more, further away (as JSON)"
    assert len(chain.ancestors) == 4_999


def test_a_lineage_is_cut_off_within_a_generation(family: CardRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    end = family.load("a/end")
    parents = [{"ref": f"a/p@1.0.{number}", "digest": end.digest} for number in range(MOST_PARENTS)]
    reseal(family, end, parents=parents)
    monkeypatch.setattr("imagecards.registry.lineage.MOST_NODES", 50)
    found = family.lineage("a/end")
    assert (len(found.nodes), found.cut) == (51, True)
    monkeypatch.setattr("imagecards.registry.lineage.MOST_NODES", 1)
    found = family.lineage("a/raw", direction="descendants")
    assert (len(found.nodes), found.cut) == (2, True)


def test_a_card_of_too_many_parents_is_no_card(family: CardRegistry) -> None:
    end = family.load("a/end")
    parents = [
        Parent(ref=CardRef.parse(f"a/p@1.0.{number}"), digest=end.digest).model_dump(mode="json")
        for number in range(10_000)
    ]
    reseal(family, end, parents=parents)
    with pytest.raises(Exception, match=f"at most {MOST_PARENTS} items"):
        family.lineage("a/end")
    reseal(family, family.load("a/side"), parents=parents[:MOST_PARENTS])
    found = family.lineage("a/side")
    assert len(found.nodes) == MOST_PARENTS + 1
    assert len(found.problems) == MOST_PARENTS
    assert str(found).splitlines()[-1] == "! ... and 980 more (as JSON)"
