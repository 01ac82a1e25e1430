"""Replay: what comes out the same, what differs, and what stands in the way."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.registry.steps_of_ours import Caption, Halves, Keep

from imagecards import CardRegistry, DataCard, ImageDataset
from imagecards.cards import seal, unseal
from imagecards.datasets import own_steps
from imagecards.errors import InvalidInputError, StorageError
from imagecards.transforms import Resize

MakeFolder = Callable[..., Path]


@pytest.fixture
def child(registry: CardRegistry, make_folder: MakeFolder) -> DataCard:
    raw = registry.register(ImageDataset(image_dir=make_folder(6)), "a/raw")
    return registry.derive(raw, [Keep(first=4), Halves()], "a/child")


def rewrite(registry: CardRegistry, card: DataCard, **changes: Any) -> None:
    """A card as someone who means harm, or another version of a step, would have written it."""
    place = Path(registry.url) / f"cards/{card.name}/{card.version}.json"
    body = unseal(place.read_bytes(), "")
    assert isinstance(body, dict)
    place.write_bytes(seal(body | changes))


def step(name: str, version: int = 1, **params: Any) -> dict[str, Any]:
    return {"name": name} | ({"params": params} if params else {}) | ({"version": version} if version != 1 else {})


def test_a_derived_version_comes_out_the_same(registry: CardRegistry, child: DataCard) -> None:
    found = registry.replay("a/child")
    assert found.ok
    assert found.actual == found.expected == child.dataset_digest
    assert str(found) == f"a/child@1.0.0: the same dataset digest, {child.dataset_digest}"


def test_nothing_is_stored(registry: CardRegistry, child: DataCard) -> None:
    registry.attach(child, "yolo", format="yolo")
    before = sorted(Path(registry.url).rglob("*"))
    assert registry.replay(child).ok
    assert sorted(Path(registry.url).rglob("*")) == before


def test_the_record_that_differs_is_named(registry: CardRegistry, child: DataCard) -> None:
    captioned = registry.derive(child, Caption(text="one"), "a/captioned")
    rewrite(registry, captioned, transform=[step("test-caption", text="two")])
    found = registry.replay("a/captioned")
    assert not found.ok
    assert found.diff is not None
    assert [(row.image, row.before, row.after) for row in found.diff.fields[:1]] == [("000.png", "one", "two")]
    assert "000.png: caption: 'one' -> 'two'" in str(found)


def test_images_that_come_out_otherwise_are_named(registry: CardRegistry, child: DataCard) -> None:
    rewrite(registry, child, transform=[step("test-keep", first=3), step("test-halves")])
    found = registry.replay("a/child")
    assert found.diff is not None
    assert found.diff.images.removed == ("003.png",)
    assert found.diff.splits.moved


def test_a_version_that_was_not_derived_has_nothing_to_replay(registry: CardRegistry, child: DataCard) -> None:
    with pytest.raises(InvalidInputError, match="was not derived, and no artifact was written from it"):
        registry.replay("a/raw")


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (step("os.system", command="true"), "the step 'os.system' is not known here"),
        (step("test-keep", version=2, first=1), "is of version 2, and here it is 1"),
        (step("test-keep", first="many"), "has other fields than it takes .first"),
        (step("test-keep", first=1, more=1), "has other fields than it takes .more"),
        (step("test-breaks", how="unsafe name"), "could not be made again: step 1, test-breaks made records"),
    ],
)
def test_a_step_that_can_not_be_done_again_is_told(
    registry: CardRegistry, child: DataCard, made: dict[str, Any], said: str
) -> None:
    rewrite(registry, child, transform=[made])
    found = registry.replay("a/child")
    assert not found.ok
    [problem] = found.problems
    assert said.replace(".first", "(first").replace(".more", "(more") in problem


def test_huge_images_that_were_not_registered_are_not_even_made(
    registry: CardRegistry, child: DataCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = registry.derive(child, Resize(width=4, height=3), "a/small")
    assert registry.replay(small).ok
    rewrite(registry, small, transform=[step("resize", width=9000, height=9000)])
    monkeypatch.setattr("imagecards.registry.reading.ShardSource.read", lambda *_: pytest.fail("an image was read"))
    [problem] = registry.replay("a/small").problems
    assert problem.startswith("000.png would come out with 9,000 x 9,000 pixels, and was registered with 4 x 3: ")
    rewrite(registry, registry.load("a/small"), transform=[step("tile", width=1, height=1)])
    assert "and was not registered" in registry.replay("a/small").problems[0]


def test_a_step_by_the_name_of_a_module_imports_nothing(registry: CardRegistry, child: DataCard) -> None:
    assert "antigravity" not in sys.modules
    rewrite(registry, child, transform=[step("antigravity")])
    assert "is not known here" in registry.replay("a/child").problems[0]
    assert "antigravity" not in sys.modules
    assert "antigravity" not in own_steps()


def test_a_withdrawn_parent_is_a_note(registry: CardRegistry, child: DataCard) -> None:
    registry.withdraw("a/raw@1.0.0", "bad labels")
    found = registry.replay("a/child")
    assert found.ok
    assert "a/raw@1.0.0 was withdrawn (bad labels)" in found.notes[0]


def test_a_withdrawn_version_can_be_replayed_by_its_number(registry: CardRegistry, child: DataCard) -> None:
    registry.withdraw("a/child@1.0.0", "bad folds")
    assert registry.replay("a/child@1.0.0").ok


def test_a_missing_parent_stands_in_the_way(registry: CardRegistry, child: DataCard) -> None:
    (Path(registry.url) / "cards/a/raw/1.0.0.json").unlink()
    found = registry.replay("a/child")
    assert not found.ok
    assert "its parent a/raw@1.0.0 is missing" in found.problems[0]


def test_a_replaced_parent_stands_in_the_way(registry: CardRegistry, child: DataCard) -> None:
    raw = registry.load("a/raw")
    rewrite(registry, raw, description="another")
    found = registry.replay("a/child")
    assert not found.ok
    assert f"and had {raw.digest}" in found.problems[0]


def test_a_damaged_parent_stands_in_the_way(registry: CardRegistry, child: DataCard) -> None:
    raw = registry.load("a/raw")
    assert raw.records is not None
    place = Path(registry.url) / raw.records.key
    place.write_bytes(place.read_bytes()[:-1] + b"x")
    found = registry.replay("a/child")
    assert "could not be made again, because a parent is damaged" in found.problems[0]


def test_an_unreadable_parent_is_told(registry: CardRegistry, child: DataCard, monkeypatch: pytest.MonkeyPatch) -> None:
    read = registry.store.get

    def refuse(key: str, *rest: Any) -> bytes:
        if key == "cards/a/raw/1.0.0.json":
            raise StorageError("permission denied")
        return read(key, *rest)

    monkeypatch.setattr(registry.store, "get", refuse)
    assert "its parent a/raw@1.0.0 can't be read" in registry.replay("a/child").problems[0]
    assert "its parent a/raw@1.0.0 can't be read" in registry.lineage("a/child").problems[0]


def test_artifacts_are_written_again(registry: CardRegistry, child: DataCard) -> None:
    kept = registry.attach(child, "yolo", format="yolo-seg", steps=Keep(first=2), options={"images": False})
    assert kept.written is not None
    assert (kept.written.format, dict(kept.written.options)) == ("yolo-seg", {"images": False})
    assert registry.artifact(child, "yolo").artifact == kept
    found = registry.replay(child)
    assert [(artifact.name, artifact.same) for artifact in found.artifacts] == [("yolo", True)]
    assert registry.attach(child, "yolo", format="yolo-seg", steps=Keep(first=2), options={"images": False}) == kept


def test_an_artifact_of_a_version_that_was_not_derived_is_written_again(
    registry: CardRegistry, child: DataCard
) -> None:
    registry.attach("a/raw", "coco", format="coco", options={"images": False})
    found = registry.replay("a/raw")
    assert (found.ok, found.actual, len(found.artifacts)) == (True, "", 1)


def test_an_artifact_that_differs_names_its_files(registry: CardRegistry, child: DataCard) -> None:
    registry.attach(child, "coco", format="coco", options={"images": False})
    place = Path(registry.url) / "artifacts/a/child/1.0.0/coco.json"
    body = unseal(place.read_bytes(), "")
    assert isinstance(body, dict)
    body["artifact"]["written"]["steps"] = [step("test-caption", text="other")]
    place.write_bytes(seal(body))
    found = registry.replay(child)
    assert not found.ok
    [artifact] = found.artifacts
    assert "has other bytes" in artifact.differences[0]
    assert artifact.differences[-1].startswith("it was written by imagecards ")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"options": {"executor": None}}, "has no option 'executor'"),
        ({"options": {"to": "elsewhere"}}, "has no option 'to'"),
        ({"options": {"dataset": 1, "images": False}}, "has no option 'dataset'"),
        ({"options": {"format": "yolo"}}, "has no option 'format'"),
        ({"options": {"indent": True, "min_area": "x"}}, "min_area is a whole number"),
        ({"format": "parquet", "options": {"shard_bytes": "x"}}, "a file has one byte or more, not 'x'"),
        ({"format": "voc", "options": {"to": 1}}, "voc can be read, not written"),
    ],
)
def test_options_of_a_hostile_card_are_lines_of_the_replay(
    registry: CardRegistry, child: DataCard, changes: dict[str, Any], said: str
) -> None:
    registry.attach(child, "coco", format="coco", options={"images": False})
    place = Path(registry.url) / "artifacts/a/child/1.0.0/coco.json"
    body = unseal(place.read_bytes(), "")
    assert isinstance(body, dict)
    body["artifact"]["written"].update(changes)
    place.write_bytes(seal(body))
    [artifact] = registry.replay(child).artifacts
    assert not artifact.same
    assert said in artifact.differences[0]
    with pytest.raises(InvalidInputError, match=said):
        registry.attach(child, "other", format=changes.get("format", "coco"), options=changes["options"])


def test_a_damaged_artifact_is_told_and_hides_nothing(registry: CardRegistry, child: DataCard) -> None:
    registry.attach(child, "coco", format="coco", options={"images": False})
    registry.attach(child, "other", format="yolo", options={"images": False})
    place = Path(registry.url) / "artifacts/a/child/1.0.0/coco.json"
    place.write_bytes(place.read_bytes().replace(b"coco", b"c0co"))
    found = registry.replay(child)
    assert [(artifact.name, artifact.same) for artifact in found.artifacts] == [("other", True)]
    assert found.actual == found.expected
    assert "its artifact coco can't be read" in found.problems[0]
    drawn = registry.lineage(child)
    assert drawn.nodes["a/child@1.0.0 artifact:coco"].state == "damaged"
    assert "a/child@1.0.0 artifact:coco: can't be read" in drawn.problems[0]


def test_attaching_takes_a_path_or_a_format(registry: CardRegistry, child: DataCard, tmp_path: Path) -> None:
    for given in ({}, {"path": tmp_path, "format": "coco"}, {"path": tmp_path, "steps": Keep(first=1)}):
        with pytest.raises(InvalidInputError, match="give the path of what to attach, or the format="):
            registry.attach(child, "x", **given)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="nonsense"):
        registry.attach(child, "x", format="nonsense")
    with pytest.raises(InvalidInputError, match="not a valid artifact name"):
        registry.attach(child, "../x", format="coco")
    assert registry.artifacts(child) == {}


SECOND_PROCESS = """
import sys
from imagecards import CardRegistry
import tests.registry.steps_of_ours
found = CardRegistry(sys.argv[1]).replay("a/child")
print(found.ok, found.actual, [artifact.same for artifact in found.artifacts])
"""


def test_another_process_on_a_copy_elsewhere_comes_to_the_same(
    registry: CardRegistry, child: DataCard, tmp_path: Path
) -> None:
    registry.attach(child, "masks", format="coco", options={"images": False})
    shutil.copytree(registry.url, tmp_path / "elsewhere")
    surroundings = os.environ | {"PYTHONHASHSEED": "4242", "IMAGECARDS_CACHE": str(tmp_path / "empty")}
    command = [sys.executable, "-c", SECOND_PROCESS, str(tmp_path / "elsewhere")]
    done = subprocess.run(
        command, env=surroundings, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    assert done.stdout.split(maxsplit=2) == ["True", child.dataset_digest, "[True]\n"]
