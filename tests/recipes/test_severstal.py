"""Severstal, whole: CSV and photographs in, examples of one class out, with the counts of the published data."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imagecards import CardRegistry, ImageDataset
from imagecards.datasets import replaced
from imagecards.errors import InvalidInputError, InvalidMetadataError, NotFoundError
from imagecards.formats.hdf5 import Examples, Recipe, write_examples
from imagecards.formats.hdf5.planning import make_plan
from imagecards.formats.scene import Scene
from imagecards.recipes.severstal import DEFAULT, EVAL, TRAIN, Order, prepare, read_class
from imagecards.testing.steel import Counts, Steel, make_steel

WIDTH, HEIGHT = 100, 16
COUNTS = Counts((18, 5, 103, 16), 133, 251)


@pytest.fixture(scope="module")
def steel(tmp_path_factory: pytest.TempPathFactory) -> Steel:
    """A fiftieth of the published data."""
    return make_steel(tmp_path_factory.mktemp("steel"), COUNTS, width=WIDTH, height=HEIGHT)


def of_class(steel: Steel, number: int) -> list[str]:
    return [name for name, kind, _ in steel.rows if kind == number]


def test_the_first_rows(steel: Steel) -> None:
    dataset = read_class(steel.csv, steel.images, 3)
    wanted = of_class(steel, 3)
    assert len(wanted) == 103
    assert dataset.splits == {TRAIN: tuple(wanted[:87]), EVAL: tuple(wanted[87:])}
    assert {entry["name"] for entry in dataset.attributes["categories"]} == {"3"}


def test_rows_in_any_order_and_both_variants(steel: Steel, tmp_path: Path) -> None:
    lines = steel.csv.read_text().splitlines()
    shuffled = random.Random(1).sample(lines[1:], len(lines) - 1)
    (tmp_path / "x.csv").write_text("\n".join([lines[0], *shuffled]))
    dataset = read_class(tmp_path / "x.csv", steel.images, 3, split=0.5)
    wanted = [line.split(",")[0] for line in shuffled if line.split(",")[1] == "3"]
    assert dataset.splits == {TRAIN: tuple(wanted[:51]), EVAL: tuple(wanted[51:])}
    other = make_steel(tmp_path / "legacy", COUNTS, width=WIDTH, height=HEIGHT, legacy=True)
    assert read_class(other.csv, other.images, 3).splits == read_class(steel.csv, steel.images, 3).splits


def test_negatives_have_no_defect_at_all(steel: Steel) -> None:
    orders: tuple[Order, ...] = ("first", "stratified")
    for order in orders:
        dataset = read_class(steel.csv, steel.images, 4, negatives=True, order=order)
        assert sorted(dataset.names) == sorted([*of_class(steel, 4), *steel.clean])
        parts = [{*dataset.splits[name]} for name in (TRAIN, EVAL)]
        assert [len(part & {*steel.clean}) for part in parts] == [100, 18]
        assert sum(len(part & {*of_class(steel, 4)}) for part in parts) == 16


def test_drawn_parts(steel: Steel) -> None:
    drawn = [read_class(steel.csv, steel.images, 3, order="stratified", seed=seed).splits for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert [len(drawn[0][name]) for name in (TRAIN, EVAL)] == [88, 15]


def run_of(steel: Steel, number: int) -> dict[str, Any]:
    """The mask of each image by hand: down the columns, from 1 on."""
    found = {}
    for name, kind, mask in steel.rows:
        if kind == number:
            flat = np.zeros(WIDTH * HEIGHT, np.uint8)
            numbers = [int(each) for each in mask.split()]
            for start, length in zip(numbers[::2], numbers[1::2], strict=True):
                flat[start - 1 : start - 1 + length] = 1
            found[name] = flat.reshape(WIDTH, HEIGHT).T
    return found


@pytest.mark.parametrize("layout", ["examples", "packed"])
def test_the_examples(steel: Steel, tmp_path: Path, layout: Any) -> None:
    recipe = Recipe(layout, "binary", (HEIGHT, WIDTH), "grey", "upstream", files=4)
    assert prepare(steel.csv, steel.images, tmp_path / "out", 3, recipe).rules == ()
    masks = run_of(steel, 3)
    for part, count in ((TRAIN, 87), (EVAL, 16)):
        found = Examples(tmp_path / "out" / part, normalise="zero_centered")
        assert len(found) == count
        for example in found:
            image = np.asarray(Image.open(steel.images / (example.file_name or "")).convert("L"))
            assert np.array_equal(example.label[0], masks[example.file_name or ""])
            assert np.allclose(example.image[0], image / 127.5 - 1, atol=1e-6)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "data_params.json",
        "eval_input",
        "meta_eval_input.dat",
        "meta_train_input.dat",
        "train_input",
    ]


def test_the_size_of_the_original(steel: Steel, tmp_path: Path) -> None:
    recipe = Recipe("examples", "binary", (8, 9), "grey")
    prepare(steel.csv, steel.images, tmp_path / "out", 2, recipe, split=0.5)
    for example in Examples(tmp_path / "out" / EVAL):
        image = Image.open(steel.images / (example.file_name or "")).convert("L")
        theirs = np.asarray(image.resize((9, 8), Image.Resampling.BICUBIC)).astype(int)
        assert (example.image.shape, example.label.shape) == ((1, 8, 9), (1, 8, 9))
        assert np.abs(example.image[0].astype(int) - theirs).max() <= 2  # Pillow rounds in between
        assert example.label.any()  # any-overlap keeps all defects


def test_packed_takes_a_quarter_of_the_original_layout(steel: Steel, tmp_path: Path) -> None:
    sizes = {}
    shape = 256, 256
    recipes = {
        "original": Recipe("examples", "binary", shape, "grey"),
        "plain": Recipe("packed", "binary", shape, "grey", level=0),
        "default": Recipe("packed", "binary", shape, "grey"),
    }
    for name, recipe in recipes.items():
        write_examples(read_class(steel.csv, steel.images, 4), tmp_path / name, recipe)
        sizes[name] = sum(path.stat().st_size for path in (tmp_path / name).rglob("*.h5"))
    assert sizes["plain"] <= sizes["original"] / 4
    assert sizes["default"] <= 0.7 * sizes["plain"]


def original_files(count: int, files: int, processes: int) -> dict[str, int]:
    """Names and counts of the original converter: each process deals its examples to its files in turn."""
    each, own = count // processes, max(files // processes, 1)
    parts = [range(start, min(start + each, count)) for start in range(0, count, each)]
    found = {f"preprocessed_data-{f + own * p}_p{p}.h5": 0 for p in range(len(parts)) for f in range(own)}
    for p, part in enumerate(parts):
        for k in range(len(part)):
            found[f"preprocessed_data-{k % own + own * p}_p{p}.h5"] += 1
    return found


@pytest.mark.parametrize(
    "written", [(EVAL,), pytest.param((TRAIN, EVAL), marks=pytest.mark.campaign)], ids=["eval", "both"]
)
def test_the_published_counts(tmp_path: Path, written: tuple[str, ...]) -> None:
    """As many images, masks of each class and images with a defect as Severstal published, the whole way."""
    steel = make_steel(tmp_path / "steel", Counts(), width=40, height=10)
    rows = [len(of_class(steel, number)) for number in (1, 2, 3, 4)]
    assert (rows, len(steel.clean)) == ([897, 247, 5150, 801], 12568 - 6666)
    assert len([*steel.images.iterdir()]) == 12568
    dataset = read_class(steel.csv, steel.images, 3)
    assert [len(dataset.splits[name]) for name in (TRAIN, EVAL)] == [4377, 773]
    assert [*dataset.splits[TRAIN], *dataset.splits[EVAL]] == of_class(steel, 3)
    theirs = replace(DEFAULT, image_shape=(4, 5), processes=5)
    parts = {name: dataset.splits[name] for name in written}
    write_examples(replaced(dataset, splits=parts), tmp_path / "theirs", theirs)
    like_theirs = make_plan(Scene(dataset, None), theirs).documents
    ours = make_plan(Scene(dataset, None), replace(theirs, processes=None)).documents
    for name, count in ((TRAIN, 4377), (EVAL, 773)):
        expected = original_files(count, 10, 5)
        assert len(expected) == 12
        told = [line.rsplit(" ", 1) for line in like_theirs[f"meta_{name}.dat"].decode().splitlines()]
        assert {path: int(number) for path, number in told} == {f"{name}/{f}": n for f, n in expected.items()}
        if name in written:
            assert (tmp_path / "theirs" / f"meta_{name}.dat").read_bytes() == like_theirs[f"meta_{name}.dat"]
            found = {path.name: len(Examples(path)) for path in (tmp_path / "theirs" / name).iterdir()}
            assert found == expected
        balanced = [line.rsplit(" ", 1) for line in ours[f"meta_{name}.dat"].decode().splitlines()]
        assert [path for path, _ in balanced] == [f"{name}/preprocessed_data-{n}_p0.h5" for n in range(10)]
        sizes = [int(number) for _, number in balanced]
        assert (sum(sizes), max(sizes) - min(sizes)) == (count, 1)


def test_registered_attached_and_replayed(steel: Steel, tmp_path: Path) -> None:
    registry = CardRegistry(str(tmp_path / "cards"))
    card = registry.register(read_class(steel.csv, steel.images, 1), "steel/rolled-in")
    options = {"label": "binary", "image_shape": [8, 50], "colour": "grey", "files": 2}
    kept = registry.attach(card, "hdf5-50", format="hdf5", options=options)
    assert kept.written is not None
    assert (kept.written.format, dict(kept.written.options)) == ("hdf5", options)
    assert registry.replay(card).ok
    artifact = registry.artifact(card, "hdf5-50")
    artifact.fetch(tmp_path / "out")
    digests = {Path(file.path).name: file.stored.digest for file in kept.files if TRAIN in file.path}
    found = Examples(tmp_path / "out" / TRAIN, digests=digests)
    dataset = registry.open(card)
    assert isinstance(dataset, ImageDataset)
    assert [each.file_name for each in found] == list(dataset.splits[TRAIN])
    index = {row["file_name"]: row["sha256"] for row in dataset.facts.to_pylist()}
    assert all(each.image_digest == f"sha256:{index[each.file_name].hex()}" for each in found)


class TestWhatDoesNotFit:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"class_id": 0}, "a class is a whole number"),
            ({"class_id": 7}, "no image of .* has the class 7"),
            ({"class_id": 3, "split": 1.0}, "between 0 and 1"),
            ({"class_id": 3, "split": 0.001}, "train_input would have none of the 103 images"),
            ({"class_id": 3, "order": "x"}, "order is one of first, stratified"),
        ],
    )
    def test_arguments(self, steel: Steel, options: dict[str, Any], message: str) -> None:
        with pytest.raises(InvalidInputError, match=message):
            read_class(steel.csv, steel.images, **options)

    def test_places(self, steel: Steel, tmp_path: Path) -> None:
        with pytest.raises(NotFoundError):
            read_class(tmp_path / "nosuch.csv", steel.images, 3)
        with pytest.raises(NotFoundError):
            read_class(steel.csv, tmp_path / "nosuch", 3)
        with pytest.raises(InvalidMetadataError, match="there is no such image"):
            read_class(steel.csv, tmp_path, 3)
