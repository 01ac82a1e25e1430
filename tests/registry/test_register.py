"""Registering image folders: versions, what is stored, what is refused."""

import json
import mmap
import os
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from imagecards import CardRegistry, ImageDataset
from imagecards.datasets.scan import FolderScan, scan_folder
from imagecards.errors import (
    IntegrityError,
    InvalidInputError,
    InvalidMetadataError,
    NotFoundError,
    ReadOnlyError,
    VersionConflictError,
)

MakeFolder = Callable[..., Path]


def stored_bytes(registry: CardRegistry) -> int:
    return sum(entry.size for entry in registry.store.list("data/"))


def test_the_first_version_is_1_0_0_and_holds_what_the_folder_held(
    registry: CardRegistry, make_folder: MakeFolder
) -> None:
    folder = make_folder({"a.png": {"caption": "one"}, "b.png": None})
    card = registry.register(ImageDataset(image_dir=folder), "vision/flakes", description="two images")
    assert str(card.ref) == "vision/flakes@1.0.0"
    assert (card.summary.images, card.summary.objects, card.description) == (2, 0, "two images")
    opened = registry.open("vision/flakes")
    assert isinstance(opened, ImageDataset)
    assert [opened.read_bytes(name) for name in opened.names] == [
        (folder / name).read_bytes() for name in ("a.png", "b.png")
    ]
    assert opened.records[0].caption == "one"


def test_an_unchanged_dataset_makes_no_version(registry: CardRegistry, make_folder: MakeFolder) -> None:
    folder = make_folder(4)
    first = registry.register(ImageDataset(image_dir=folder), "a/b")
    before = sorted(entry.key for entry in registry.store.list(""))
    again = registry.register(ImageDataset(image_dir=folder), "a/b", bump="major")
    assert again == first
    assert sorted(entry.key for entry in registry.store.list("")) == before


def test_the_same_data_written_anew_are_a_patch_that_comes_back_as_written(
    registry: CardRegistry, make_folder: MakeFolder, tmp_path: Path
) -> None:
    folder = make_folder(4)
    first = registry.register(ImageDataset(image_dir=folder), "a/b")
    lines = (folder / "metadata.jsonl").read_text().splitlines()
    (folder / "metadata.jsonl").write_text("\n".join(reversed(lines)) + "\n")
    second = registry.register(ImageDataset(image_dir=folder), "a/b")
    assert str(second.version) == "1.0.1"
    assert second.dataset_digest == first.dataset_digest
    assert second.shards == first.shards
    assert registry.diff(first, second).same
    fetched = registry.fetch("a/b", to=tmp_path / "out")
    assert (fetched / "metadata.jsonl").read_bytes() == (folder / "metadata.jsonl").read_bytes()
    assert registry.register(ImageDataset(image_dir=folder), "a/b") == second


def test_what_is_said_of_a_dataset_holds_until_something_else_is_said(
    registry: CardRegistry, make_folder: MakeFolder, tmp_path: Path
) -> None:
    (tmp_path / "note.txt").write_text("note")
    folder = make_folder(2)
    registry.register(ImageDataset(image_dir=make_folder(1, name="raw", seed=40)), "a/raw")
    registry.register(
        ImageDataset(image_dir=folder),
        "a/b",
        description="old",
        license="MIT",
        source="lab",
        metadata={"k": 1},
        parents=["a/raw"],
        artifacts={"note": tmp_path / "note.txt"},
    )
    described = registry.register(ImageDataset(image_dir=folder), "a/b", description="new")
    assert (described.description, described.license, described.source) == ("new", "MIT", "lab")
    assert (dict(described.metadata), len(described.parents), list(described.artifacts)) == ({"k": 1}, 1, ["note"])
    changed = registry.register(ImageDataset(image_dir=make_folder(3, name="other", seed=9)), "a/b")
    assert (changed.description, changed.license, changed.source) == ("new", "MIT", "lab")
    assert (dict(changed.metadata), changed.parents, dict(changed.artifacts)) == ({}, (), {})


def test_a_pre_release_is_not_released_by_accident(registry: CardRegistry, make_folder: MakeFolder) -> None:
    one, two, three = (make_folder(2, name=f"images-{seed}", seed=seed) for seed in (0, 10, 20))
    first = registry.register(ImageDataset(image_dir=one), "a/b")
    registry.register(ImageDataset(image_dir=two), "a/b", version="2.0.0-rc.1")
    assert registry.register(ImageDataset(image_dir=one), "a/b") == first
    assert str(registry.register(ImageDataset(image_dir=three), "a/b", bump="minor").version) == "1.1.0"
    assert str(registry.register(ImageDataset(image_dir=two), "a/b").version) == "2.0.0"


def test_a_registry_inside_the_image_folder_is_refused_unless_hidden(make_folder: MakeFolder) -> None:
    folder = make_folder(2)
    with pytest.raises(InvalidInputError, match="lies in the image folder"):
        CardRegistry(folder / "cards").register(ImageDataset(image_dir=folder), "a/b")
    assert CardRegistry(folder / ".imagecards").register(ImageDataset(image_dir=folder), "a/b").summary.images == 2


def test_a_link_hides_no_registry_inside_the_folder_and_no_folder_inside_the_registry(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    folder = make_folder(1)
    link = tmp_path / "link"
    link.symlink_to(folder)
    for registry, images in ((link / "registry", folder), (folder / "registry", link)):
        with pytest.raises(InvalidInputError, match="lies in the image folder"):
            CardRegistry(registry).register(ImageDataset(image_dir=images), "a/b")
    outer = CardRegistry(tmp_path / "registry")
    outer.register(pl.DataFrame({"x": [1]}), "a/t")
    inside = make_folder(1, name="registry/images")
    (tmp_path / "other").symlink_to(inside)
    for images in (inside, tmp_path / "other"):
        with pytest.raises(InvalidInputError, match="lies in the registry"):
            outer.register(ImageDataset(image_dir=images), "a/b")


def test_a_change_without_a_trace_is_seen_when_everything_is_read_again(
    registry: CardRegistry, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def timeless(root: str) -> FolderScan:
        scan = scan_folder(root)
        files = [file._replace(mtime_ns=1, ctime_ns=1) for file in scan.files]
        return FolderScan(files, scan.issues, scan.began_ns)

    monkeypatch.setattr("imagecards.datasets.folder.scan_folder", timeless)
    dataset = ImageDataset(image_dir=make_folder(2))
    first = registry.register(dataset, "a/b")
    assert dataset.image_dir is not None
    image = Path(dataset.image_dir, "001.png")
    with image.open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        mapped[-20] ^= 1  # in the image data, of which only the header is checked
    assert registry.register(dataset, "a/b") == first, "so it is documented"
    second = registry.register(dataset, "a/b", reread=True)
    assert str(second.version) == "2.0.0"
    assert registry.register(dataset, "a/b") == second, "what was read is remembered anew"


def test_an_unchanged_dataset_needs_no_right_to_write(
    registry: CardRegistry, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder(2)
    card = registry.register(ImageDataset(image_dir=folder), "a/b")

    def refuse(key: str, body: object) -> bool:
        raise ReadOnlyError("read-only")

    monkeypatch.setattr(registry.store, "put_if_absent", refuse)
    assert registry.register(ImageDataset(image_dir=folder), "a/b") == card
    with pytest.raises(ReadOnlyError):
        registry.register(ImageDataset(image_dir=make_folder(3, name="other")), "a/b")


def test_a_damaged_version_does_not_block_its_name(
    registry: CardRegistry, make_folder: MakeFolder, caplog: pytest.LogCaptureFixture
) -> None:
    folder = make_folder(2)
    first = registry.register(ImageDataset(image_dir=folder), "a/b")
    assert first.records is not None
    for key in (f"cards/a/b/{first.version}.json", first.records.key):
        path = Path(registry.url) / key
        data = path.read_bytes()
        path.write_bytes(data[:100] + bytes([data[100] ^ 1]) + data[101:])
    registry.store.close()
    second = registry.register(ImageDataset(image_dir=make_folder(2, name="other", seed=5)), "a/b")
    assert (str(second.version), second.bump_reason) == ("2.0.0", "major: the version before can't be read")
    assert "can't be read" in caplog.text
    opened = registry.open("a/b")
    assert isinstance(opened, ImageDataset)
    assert len(opened.read_bytes("000.png")) > 0


@pytest.mark.parametrize("how", ["missing", "truncated"])
@pytest.mark.parametrize("lost", ["shard-00000.tar", "records.parquet", "00000.zst", "note.txt"])
def test_a_lost_file_of_an_earlier_version_blocks_no_new_one(
    registry: CardRegistry, make_folder: MakeFolder, tmp_path: Path, lost: str, how: str
) -> None:
    (tmp_path / "note.txt").write_text("a note")
    folder = make_folder(2)
    os.utime(folder)
    first = registry.register(ImageDataset(image_dir=folder), "a/b", artifacts={"note": tmp_path / "note.txt"})
    (path,) = Path(registry.url).rglob(lost)
    path.chmod(0o644)
    if how == "missing":
        path.unlink()
    else:
        os.truncate(path, path.stat().st_size - 1)
    again = registry.register(ImageDataset(image_dir=folder), "a/b")
    assert (str(again.version), again.dataset_digest) == ("1.0.1", first.dataset_digest)
    assert again.bump_reason == "patch: the same data, stored anew, since files of 1.0.0 are missing"
    grown = registry.register(ImageDataset(image_dir=make_folder(3)), "a/b")
    assert str(grown.version) == "1.1.0"
    for version in ("1.0.1", "1.1.0"):
        assert registry.verify(f"a/b@{version}", deep=True).ok
    assert not registry.verify("a/b@1.0.0").ok
    with pytest.raises(IntegrityError, match=r"a/b@1\.0\.0 is registered with these data, and .* is missing"):
        registry.register(ImageDataset(image_dir=make_folder(2, name="same")), "a/b", version="1.0.0")


@pytest.mark.parametrize("inside", ["record", "objects"])
@pytest.mark.parametrize("opener", ["[", '{"a":'])
def test_the_deepest_line_that_is_valid_can_be_registered(
    registry: CardRegistry, make_folder: MakeFolder, inside: str, opener: str
) -> None:
    folder = make_folder({"a.png": {}})
    objects = '{"bbox": [[1, 1, 2, 2]], "categories": [1], "x": [DEEP]}'
    ends = {"[": "]", '{"a":': "}"}
    for times in range(40, 0, -1):
        deep = opener * times + "1" + ends[opener] * times
        field = f'"x": {deep}' if inside == "record" else f'"objects": {objects.replace("DEEP", deep)}'
        (folder / "metadata.jsonl").write_text('{"file_name": "a.png", ' + field + "}\n")
        if ImageDataset(image_dir=folder).validate().ok:
            break
    assert times > 10
    card = registry.register(ImageDataset(image_dir=folder), "a/b")
    opened = registry.open("a/b")
    assert isinstance(opened, ImageDataset)
    assert list(opened.records) == list(ImageDataset(image_dir=folder).records)
    assert card.summary.images == 1


def test_hidden_metadata_is_read_every_time(registry: CardRegistry, make_folder: MakeFolder) -> None:
    folder = make_folder({"a.png": None})
    old = time.time() - 1000
    for caption in ("old", "new"):
        (folder / ".labels.jsonl").write_text(json.dumps({"file_name": "a.png", "caption": caption}) + "\n")
        for path in folder.iterdir():
            os.utime(path, (old, old))
        dataset = ImageDataset(image_dir=folder, metadata=".labels.jsonl")
        registry.register(dataset, "a/b")
        opened = registry.open("a/b")
        assert isinstance(opened, ImageDataset)
        assert opened.records[0].caption == caption


def test_equal_images_in_several_shards_are_stored_once(
    registry: CardRegistry, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder({"a.png": None})
    for name in ("b", "c", "d"):
        shutil.copy(folder / "a.png", folder / f"{name}.png")
    monkeypatch.setattr("imagecards.registry.pack.group_members.__defaults__", (1,))
    card = registry.register(ImageDataset(image_dir=folder), "a/b")
    assert len(card.shards) == 1
    assert [entry.key for entry in registry.store.list("data/") if entry.key.endswith(".tar")] == [card.shards[0].key]
    assert registry.verify(deep=True).ok


def test_a_new_caption_stores_no_image_again(registry: CardRegistry, make_folder: MakeFolder) -> None:
    folder = make_folder(4)
    first = registry.register(ImageDataset(image_dir=folder), "a/b")
    lines = [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]
    lines[0]["caption"] = "new"
    (folder / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    second = registry.register(ImageDataset(image_dir=folder), "a/b")
    assert (str(second.version), second.bump_reason) == ("1.1.0", "minor: caption of 1 image")
    assert second.shards == first.shards
    assert second.records != first.records


def test_only_new_images_are_stored(registry: CardRegistry, make_folder: MakeFolder) -> None:
    folder = make_folder(6)
    first = registry.register(ImageDataset(image_dir=folder), "a/b")
    more = make_folder({"new.png": {"caption": "new"}}, name="more", seed=100)
    shutil.copy(more / "new.png", folder / "new.png")
    second = registry.register(ImageDataset(image_dir=folder), "a/b")
    assert second.shards[0] == first.shards[0]
    assert len(second.shards) == 2
    assert second.shards[1].size == 512 + 512 + 1024
    opened = registry.open("a/b@1.1.0")
    assert isinstance(opened, ImageDataset)
    assert opened.read_bytes("new.png") == (more / "new.png").read_bytes()
    assert opened.read_bytes("000.png") == (folder / "000.png").read_bytes()


def test_an_image_that_comes_back_is_not_stored_again(registry: CardRegistry, make_folder: MakeFolder) -> None:
    folder = make_folder(3)
    registry.register(ImageDataset(image_dir=folder), "a/b")
    (folder / "000.png").rename(folder.parent / "aside.png")
    (folder / "metadata.jsonl").unlink()
    registry.register(ImageDataset(image_dir=folder), "a/b")
    (folder.parent / "aside.png").rename(folder / "000.png")
    third = registry.register(ImageDataset(image_dir=folder), "a/b")
    assert len(third.shards) == 1


def test_identical_images_are_stored_once(registry: CardRegistry, make_folder: MakeFolder) -> None:
    folder = make_folder({"a.png": None})
    shutil.copy(folder / "a.png", folder / "b.png")
    card = registry.register(ImageDataset(image_dir=folder), "a/b")
    opened = registry.open(card)
    assert card.summary.images == 2
    assert card.shards[0].size == 512 + 512 + 1024
    assert isinstance(opened, ImageDataset)
    assert opened.read_bytes("a.png") == opened.read_bytes("b.png")


def test_bump_and_version_decide_the_number(registry: CardRegistry, make_folder: MakeFolder) -> None:
    numbers = []
    calls = [{}, {"bump": "patch"}, {"bump": "major"}, {"bump": "minor"}, {"version": "1.5.0"}, {}]
    for seed, options in enumerate(calls):
        folder = make_folder(2, name=f"images-{seed}", seed=10 * seed)
        card = registry.register(ImageDataset(image_dir=folder), "a/b", **options)  # type: ignore[arg-type]  # a table of calls
        numbers.append(str(card.version))
    assert numbers == ["1.0.0", "1.0.1", "2.0.0", "2.1.0", "1.5.0", "3.0.0"]


def test_the_same_data_described_anew_is_a_patch_that_stores_only_a_card(
    registry: CardRegistry, make_folder: MakeFolder
) -> None:
    folder = make_folder(2)
    first = registry.register(ImageDataset(image_dir=folder), "a/b", description="old")
    size = stored_bytes(registry)
    second = registry.register(
        ImageDataset(image_dir=folder), "a/b", description="new", metadata={"camera": {"iso": 200}}
    )
    assert str(second.version) == "1.0.1"
    assert second.records == first.records
    assert stored_bytes(registry) == size
    assert registry.load("a/b").metadata["camera"] == {"iso": 200}
    assert registry.register(ImageDataset(image_dir=folder), "a/b", description="new") == second


def test_an_explicit_version_with_other_content_is_a_conflict(registry: CardRegistry, make_folder: MakeFolder) -> None:
    one, two = make_folder(2, name="one"), make_folder(2, name="two", seed=9)
    first = registry.register(ImageDataset(image_dir=one), "a/b", version="1.0.0")
    assert registry.register(ImageDataset(image_dir=one), "a/b", version="1.0.0") == first
    before = sorted(entry.key for entry in registry.store.list(""))
    with pytest.raises(VersionConflictError, match=r"a/b@1\.0\.0 is registered already, with other content"):
        registry.register(ImageDataset(image_dir=two), "a/b", version="1.0.0")
    assert sorted(entry.key for entry in registry.store.list("")) == before


def test_a_withdrawn_number_is_never_used_again(registry: CardRegistry, make_folder: MakeFolder) -> None:
    one, two = make_folder(2, name="one"), make_folder(2, name="two", seed=9)
    registry.register(ImageDataset(image_dir=one), "a/b")
    registry.withdraw("a/b@1.0.0", reason="wrong labels")
    with pytest.raises(VersionConflictError, match="withdrawn"):
        registry.register(ImageDataset(image_dir=two), "a/b", version="1.0.0")
    card = registry.register(ImageDataset(image_dir=one), "a/b")
    assert (str(card.version), card.bump_reason) == ("1.1.0", "minor: every version before was withdrawn")
    assert all("data/a/b/" + card.attempt in shard.key for shard in card.shards), "a withdrawn version lends nothing"


def test_nothing_is_stored_of_an_invalid_dataset(registry: CardRegistry, make_folder: MakeFolder) -> None:
    folder = make_folder(
        {"a.png": {"objects": {"bbox": [[0, 0, 99, 99]], "categories": [1]}}, "b.png": {"captoin": "x"}}
    )
    (folder / "c.png").write_bytes(b"not an image")
    with pytest.raises(InvalidMetadataError) as raised:
        registry.register(ImageDataset(image_dir=folder), "a/b")
    assert {issue.rule for issue in raised.value.issues} >= {"box-outside-image", "not-an-image"}
    assert not list(registry.store.list("data/"))
    with pytest.raises(NotFoundError):
        registry.load("a/b")
    assert not list(folder.glob(".*")), "nothing is written into the user's folder"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"version": "1.0.0", "bump": "minor"}, "contradict"),
        ({"version": "one"}, "'one'"),
        ({"bump": "huge"}, "'huge'"),
        ({"tags": ["Prod"]}, "did you mean 'prod'"),
        ({"metadata": {"a": float("nan")}}, "JSON"),
        ({"metadata": {"a": {1, 2}}}, "JSON"),
        ({"artifacts": {"plot": "missing.png"}}, "neither a file nor a folder"),
        ({"artifacts": {"My Plot": "x"}}, "My Plot"),
        ({"description": 3}, "text"),
        ({"tags": "prod"}, r"tags='prod' is one value: give a list, tags=\['prod'\]"),
        ({"tags": 3}, "tags=3 is one value"),
        ({"tags": [3]}, "int"),
        ({"parents": "a/b"}, r"parents='a/b' is one value: give a list, parents=\['a/b'\]"),
        ({"parents": b"a/b"}, "is one value"),
        ({"parents": [3]}, "a reference is text such as .* not int"),
        ({"metadata": [1]}, "metadata= takes a dict, not list"),
        ({"artifacts": ["x"]}, "artifacts= takes a dict, not list"),
        ({"artifacts": {"plot": 3}}, "named by a path, not by int"),
        ({"version": 1}, "int"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_stored(
    registry: CardRegistry, make_folder: MakeFolder, options: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        registry.register(ImageDataset(image_dir=make_folder(1)), "a/b", **options)  # type: ignore[arg-type]  # a table of calls
    assert not list(registry.store.list(""))


def test_one_card_is_no_list_of_parents(registry: CardRegistry) -> None:
    card = registry.register(pl.DataFrame({"x": [1]}), "a/parent")
    wrong: Any = card
    with pytest.raises(InvalidInputError, match="is one value: give a list"):
        registry.register(pl.DataFrame({"x": [2]}), "a/b", parents=wrong)
    with pytest.raises(InvalidInputError, match=r"the parent a/parent@1\.0\.0 is named twice: name it once"):
        registry.register(pl.DataFrame({"x": [2]}), "a/b", parents=["a/parent", card])
    assert registry.list()["name"].to_list() == ["a/parent"]


def test_parents_are_pinned(registry: CardRegistry, make_folder: MakeFolder) -> None:
    raw = registry.register(ImageDataset(image_dir=make_folder(3)), "a/raw")
    child = registry.register(registry.open("a/raw"), "a/child", parents=["a/raw@^1"])
    assert [(str(parent.ref), parent.digest) for parent in child.parents] == [("a/raw@1.0.0", raw.digest)]
    assert child.shards == raw.shards, "a child points into its parent's shards"
    assert child.dataset_digest == raw.dataset_digest
    with pytest.raises(NotFoundError, match="a/none"):
        registry.register(ImageDataset(image_dir=make_folder(1, name="other")), "a/b", parents=["a/none"])


def test_no_parents_can_be_said(registry: CardRegistry, make_folder: MakeFolder) -> None:
    registry.register(pl.DataFrame({"x": [1]}), "a/parent")
    dataset = ImageDataset(image_dir=make_folder(1))
    registry.register(dataset, "a/b", parents=["a/parent"])
    inherited = registry.register(dataset, "a/b", description="the same")
    assert [str(parent.ref) for parent in inherited.parents] == ["a/parent@1.0.0"]
    cleared = registry.register(dataset, "a/b", parents=[])
    assert (str(cleared.version), cleared.parents) == ("1.0.2", ())
    assert registry.register(dataset, "a/b", parents=[]) == registry.register(dataset, "a/b") == cleared


def test_a_folder_of_something_else_is_not_made_a_registry(tmp_path: Path, make_folder: MakeFolder) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "letter.txt").write_text("dear")
    with pytest.raises(InvalidInputError, match=r"holds letter\.txt and is no registry"):
        CardRegistry(tmp_path / "docs").register(ImageDataset(image_dir=make_folder(1)), "a/b")


def test_metadata_objects_and_splits_round_trip(
    registry: CardRegistry, tmp_path: Path, make_folder: MakeFolder
) -> None:
    for split, seed in (("train", 0), ("test", 50)):
        make_folder(2, name=f"both/{split}", seed=seed)
    card = registry.register(ImageDataset(image_dir=tmp_path / "both"), "a/b")
    assert dict(card.summary.splits) == {"test": 2, "train": 2}
    opened = registry.open("a/b")
    assert isinstance(opened, ImageDataset)
    assert sorted(opened.split("test").names) == ["test/000.png", "test/001.png"]
    fetched = registry.fetch("a/b", to=tmp_path / "out")
    assert sorted(path.relative_to(fetched).as_posix() for path in fetched.rglob("*.*")) == [
        f"{split}/{name}" for split in ("test", "train") for name in ("000.png", "001.png", "metadata.jsonl")
    ]
    assert registry.register(ImageDataset(image_dir=fetched), "a/b") == card


def test_a_parent_that_was_withdrawn_long_ago_stays_in_the_history(
    registry: CardRegistry, make_folder: MakeFolder
) -> None:
    parent = registry.register(pl.DataFrame({"id": [1]}), "a/parent")
    dataset = ImageDataset(image_dir=make_folder(2))
    registry.register(dataset, "a/child", parents=[parent])
    registry.withdraw("a/parent@1.0.0", reason="bad labels")
    card = registry.register(dataset, "a/child", description="better said")
    assert str(card.version) == "1.0.1"
    assert [each.ref.name for each in card.parents] == [parent.name]


def test_an_empty_column_name_stays_empty(registry: CardRegistry) -> None:
    frame = pl.DataFrame({"": [1, 2], "x": [3, 4]})
    registry.register(frame, "a/csv")
    opened = registry.open("a/csv")
    assert opened.to_polars().equals(frame)  # type: ignore[union-attr]  # a table


def test_categories_that_are_intervals_are_refused_without_rows_too(registry: CardRegistry) -> None:
    frame = pd.DataFrame({"v": [1.0, 2.0]})
    frame["bin"] = pd.cut(frame.v, 2)
    for rows in (frame, frame[frame.v > 5]):
        with pytest.raises(ValueError, match=r"bin|table"):
            registry.register(rows, "a/cut")


@pytest.mark.parametrize("kind", ["polars", "pandas", "pyarrow", "numpy"])
def test_rows_at_the_end_of_a_table_are_an_addition(registry: CardRegistry, kind: str) -> None:
    def table(*numbers: int) -> Any:
        values = np.array(numbers)
        if kind == "numpy":
            return values
        return {"polars": pl.DataFrame, "pandas": pd.DataFrame, "pyarrow": pa.table}[kind]({"x": values})

    cards = [registry.register(table(*numbers), "a/t") for numbers in ((1, 2), (1, 2, 3), (1, 2), (7, 2, 3))]
    assert [str(card.version) for card in cards] == ["1.0.0", "1.1.0", "2.0.0", "3.0.0"]
    assert cards[1].bump_reason == "minor: 1 row added"


def test_the_number_follows_from_the_version_that_came_first(
    registry: CardRegistry, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, other, ours = (make_folder(count, name=f"images-{count}") for count in (2, 4, 3))
    registry.register(ImageDataset(image_dir=base), "a/b")
    put = registry.store.put_if_absent
    came: list[str] = []

    def come_first(key: str, body: Iterable[bytes]) -> bool:
        if key == "cards/a/b/1.1.0.json" and not came:
            came.append(key)
            CardRegistry(registry.url).register(ImageDataset(image_dir=other), "a/b")
        return put(key, body)

    monkeypatch.setattr(registry.store, "put_if_absent", come_first)
    card = registry.register(ImageDataset(image_dir=ours), "a/b")
    assert (str(card.version), card.bump_reason) == ("2.0.0", "major: 1 image removed")
