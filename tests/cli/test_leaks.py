"""``imagecards leaks``."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from imagecards import CardRegistry, ImageDataset
from imagecards.splits import FromFolders

Run = Callable[..., Any]


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """A registry with ``a/leaky``: an image of ``valid`` is in ``train``, too, and two are of one night."""
    images = tmp_path / "images"
    for number, name in enumerate(("train/n1-0", "train/n2-0", "valid/n1-1", "valid/n3-0")):
        coarse = np.random.default_rng(number).integers(0, 256, (6, 6, 3), np.uint8)
        place = images / f"{name}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(coarse).resize((64, 64), Image.Resampling.BICUBIC).save(place)
    (images / "valid/n2-9.png").write_bytes((images / "train/n2-0.png").read_bytes())
    lines = [
        {"file_name": f"{each.parent.name}/{each.name}", "night": each.name[:2]} for each in images.glob("*/*.png")
    ]
    (images / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    opened = CardRegistry(tmp_path / "registry")
    opened.register(FromFolders().apply(ImageDataset(images)), "a/leaky")
    opened.register(pl.DataFrame({"id": [1]}), "a/table")
    return tmp_path / "registry"


def test_leaks_are_listed_and_leave_with_1(run: Run, registry: Path) -> None:
    found = run("leaks", "a/leaky", "-r", registry)
    assert found.code == 1
    assert found.out.splitlines() == [
        "identical bytes 1",
        "  identical bytes: train train/n2-0.png; valid valid/n2-9.png",
        "1 leak: 1 pair of splits compared (the same image, identical bytes, identical pixels, near-duplicates)",
    ]


@pytest.mark.parametrize("grouping", [("--group-by", "night"), ("--group-pattern", "/(?P<night>n[0-9])")])
def test_groups_are_listed_on_request(run: Run, registry: Path, grouping: tuple[str, str]) -> None:
    said = run("leaks", "a/leaky", "-r", registry, *grouping, "--no-near", "--json")
    assert (said.code, said.json["ok"], said.json["counts"]) == (1, False, {"group": 2, "bytes": 1})
    assert {leak["group"] for leak in said.json["leaks"]} == {"n1", "n2", None}
    assert said.json["reference"] == "a/leaky@1.0.0"
    short = run("leaks", "a/leaky", "-r", registry, *grouping, "--no-pixels", "--limit", "1").out.splitlines()
    assert short[0] == "the same group 2, identical bytes 1"
    assert short[2] == "  ... and 2 more"


def test_wrong_calls_are_told(run: Run, registry: Path) -> None:
    both = ("--group-by", "night", "--group-pattern", "n")
    for arguments, message in (
        (("a/leaky", *both), "--group-by and --group-pattern are both given"),
        (("a/leaky", "--split", "train", "--split", "test"), "there is no split 'test' in this dataset"),
        (("a/leaky", "--group-by", "nights"), "no record has a field 'nights'"),
        (("a/leaky", "--group-pattern", "("), "is no regular expression"),
        (("a/table",), "a/table@1.0.0 is a table"),
    ):
        done = run("leaks", *arguments, "-r", registry)
        assert done.code == 2
        assert message in done.err
    assert run("leaks", "a/none", "-r", registry).code == 3


def test_registering_warns(run: Run, registry: Path, tmp_path: Path) -> None:
    leaky = tmp_path / "again"
    for split in ("train", "test"):
        (leaky / split).mkdir(parents=True)
        (leaky / split / "a.png").write_bytes((tmp_path / "images/train/n1-0.png").read_bytes())
        (leaky / split / "metadata.jsonl").write_text('{"file_name": "a.png"}\n')
    done = run("register", leaky, "a/again", "-r", registry)
    assert done.code == 0
    shared = "identical bytes: test test/a.png; train train/a.png"
    assert done.err == f"warning: splits share images: {shared}; imagecards leaks says more\n"
    (leaky / "test/a.png").write_bytes((tmp_path / "images/train/n2-0.png").read_bytes())
    assert run("register", leaky, "a/again", "-r", registry).err == ""
