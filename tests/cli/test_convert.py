"""Annotations of other formats on the command line: convert, compare, formats, validate and register."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.formats.coco_documents import RLE, document, draw, put

from imagecards import CardRegistry, ImageDataset
from imagecards.formats import FORMATS, read

Run = Callable[..., Any]


@pytest.fixture
def roboflow(tmp_path: Path) -> Path:
    """Two splits, a COCO file in each beside its image."""
    for number, split in enumerate(("train", "valid")):
        draw(tmp_path / "in" / split / "a.png")
        content = document("a.png", info={"year": 2026})
        content["annotations"][0]["id"] = number
        put(tmp_path / "in" / split / "_annotations.coco.json", content)
    return tmp_path / "in"


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    """A JSON file whose images lie in a folder elsewhere: ``pictures``."""
    draw(tmp_path / "pictures" / "a.png")
    return put(tmp_path / "lone" / "labels.json", document("a.png"))


@pytest.fixture
def maskterial(tmp_path: Path) -> Path:
    """Two annotation files of one split."""
    for kind in ("no_class", "with_class"):
        content = document("a.png")
        content["annotations"][0]["segmentation"] = RLE
        put(tmp_path / "in" / "RLE_annotations" / f"train_annotations_{kind}.json", content)
    draw(tmp_path / "in" / "train_images" / "a.png")
    return tmp_path / "in"


class TestConvert:
    def test_what_was_lost_is_told(self, run: Run, roboflow: Path, tmp_path: Path) -> None:
        done = run("convert", roboflow, tmp_path / "out", "--to", "yolo")
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith(f"coco -> yolo: 2 images in {tmp_path / 'out'}\n")
        assert "2 x objects have boxes only here (outlines-dropped): train/a.png objects[0]" in done.out
        told = run("convert", roboflow, tmp_path / "again", "--to", "coco", "--json").json
        assert told == {"from": "coco", "to": "coco", "images": 2, "left_out": 0, "issues": [], "losses": []}

    def test_the_workers_do_not_show_in_the_bytes(self, run: Run, roboflow: Path, tmp_path: Path) -> None:
        for workers in (1, 2):
            to = ("--to", "coco", "-o", "segmentation=rle", "--workers", workers)
            assert run("convert", roboflow, tmp_path / f"{workers}", *to).code == 0
        texts = [{path.name: path.read_bytes() for path in (tmp_path / each).rglob("*.json")} for each in ("1", "2")]
        assert texts[0] == texts[1] != {}

    def test_options_of_reading_and_writing(self, run: Run, maskterial: Path, tmp_path: Path) -> None:
        refused = run("convert", maskterial, tmp_path / "out", "--to", "coco")
        assert refused.code == 1
        assert "both describe the split train: choose with annotations= (--from-option)" in refused.err
        chosen = ("--from-option", "annotations=*_with_class.json", "-o", "min-area=8", "-o", "class_agnostic=flake")
        assert run("convert", maskterial, tmp_path / "out", "--to", "coco", *chosen).code == 0
        written = json.loads((tmp_path / "out" / "annotations_train.json").read_bytes())
        assert written["annotations"] == []
        assert written["categories"] == [{"id": 1, "name": "flake"}]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (("-o", "images=false"), "'images=false' has an option of the command of its own"),
            (("-o", "executor=1"), "'executor=1' has an option"),
            (("--from-option", "strict=false"), "'strict=false' has an option"),
            (("-o", "min-area=1", "-o", "min_area=2"), "'min_area=2' is given twice"),
            (("-o", "indent"), "'indent' has no '='"),
            (("-o", "nosuch=1"), "writing coco has no option 'nosuch'"),
            (("--from-option", "nosuch=1"), "reading coco has no option 'nosuch'"),
            (("-o", "min_area=" + "[" * 100_000), "min_area is a whole number"),
            (("--from", "nosuch"), "there is no format 'nosuch'"),
        ],
    )
    def test_options_that_are_none(
        self, run: Run, roboflow: Path, tmp_path: Path, options: tuple[str, ...], message: str
    ) -> None:
        done = run("convert", roboflow, tmp_path / "out", "--to", "coco", *options)
        assert (done.code, done.out) == (2, "")
        assert message in done.err
        assert not (tmp_path / "out").exists()
        assert run("convert", roboflow, tmp_path / "out", "--to", "coco", "--json", *options).json["exit_code"] == 2

    def test_images_elsewhere(self, run: Run, alone: Path, tmp_path: Path) -> None:
        without = run("convert", alone, tmp_path / "out", "--to", "coco")
        assert without.code == 1
        assert "nothing was registered or written" in without.err
        assert "labels.json: images[0] (id 10): there is no such image" in without.err
        assert run("convert", alone, tmp_path / "out", "--to", "coco", "--images", tmp_path / "pictures").code == 0
        assert (tmp_path / "out" / "images" / "a.png").is_file()
        assert run("convert", alone, tmp_path / "bare", "--to", "coco", "--annotations-only").code == 0
        assert [path.name for path in (tmp_path / "bare").rglob("*")] == ["annotations.json"]
        missing = run("convert", alone, tmp_path / "x", "--to", "coco", "--images", tmp_path / "nosuch")
        assert missing.code == 3

    def test_what_lenient_leaves_out_is_told(self, run: Run, alone: Path, tmp_path: Path) -> None:
        done = run("convert", alone, tmp_path / "out", "--to", "coco", "--lenient")
        assert done.code == 0
        assert "there is no such image" in done.err
        told = run("convert", alone, tmp_path / "again", "--to", "coco", "--lenient", "--json").json
        rules = [issue["rule"] for issue in told["issues"]]
        assert (told["left_out"], sorted(rules)) == (1, ["images-not-found", "missing-file"])

    def test_places_that_are_wrong(self, run: Run, roboflow: Path, tmp_path: Path) -> None:
        assert run("convert", tmp_path / "nosuch", tmp_path / "out", "--to", "coco").code == 3
        taken = run("convert", roboflow, roboflow, "--to", "coco")
        assert (taken.code, "exists already" in taken.err) == (4, True)
        (tmp_path / "empty").mkdir()
        unclear = run("convert", tmp_path / "empty", tmp_path / "out", "--to", "coco")
        assert (unclear.code, "looks like none of" in unclear.err) == (1, True)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "in"]

    def test_every_format_that_is_written_takes_it(self, run: Run, roboflow: Path, tmp_path: Path) -> None:
        for name, format in FORMATS.items():
            done = run("convert", roboflow, tmp_path / name, "--to", name)
            assert done.code == (0 if format.write is not None else 2), done.err


class TestCompare:
    def test_two_formats(self, run: Run, roboflow: Path, tmp_path: Path) -> None:
        run("convert", roboflow, tmp_path / "same", "--to", "coco", "-o", "layout=instances")
        same = run("compare", roboflow, tmp_path / "same", "--exit-code")
        assert (same.code, same.out) == (0, "images: 2 equal\nobjects: 2 equal\n")
        run("convert", roboflow, tmp_path / "yolo", "--to", "yolo")
        other = run("compare", roboflow, tmp_path / "yolo", "--exit-code", "--limit", "1")
        assert other.code == 1
        assert other.out.splitlines()[:2] == ["images: 2 equal", "objects: 2 changed"]
        assert other.out.endswith("  ... and 1 more\n")
        assert run("compare", roboflow, tmp_path / "yolo").code == 0
        told = run("compare", roboflow, tmp_path / "yolo", "--json").json
        assert (told["equal"], told["counts"]["objects"]) == (False, {"changed": 2})
        assert run("compare", roboflow, tmp_path / "nosuch", "--json").json["exit_code"] == 3

    def test_each_side_has_its_own_options(self, run: Run, maskterial: Path, alone: Path, tmp_path: Path) -> None:
        assert run("compare", maskterial, maskterial, "--annotations-only").code == 1
        kinds = [
            ("--before-option", "annotations=*_no_class.json"),
            ("--after-option", "annotations=*_with_class.json"),
        ]
        assert run("compare", maskterial, maskterial, *kinds[0], *kinds[1], "--exit-code").code == 0
        assert run("compare", maskterial, maskterial, *kinds[0]).code == 1
        images = ("--before-images", tmp_path / "pictures")
        assert run("compare", alone, alone, *images).code == 1
        both = run("compare", alone, alone, *images, "--after-images", tmp_path / "pictures")
        assert both.out.startswith("images: 1 equal")
        for option in ("strict=false", "nosuch=1", "x"):
            assert run("compare", alone, alone, "--before-option", option).code == 2

    def test_what_lenient_leaves_out_is_told(self, run: Run, alone: Path, tmp_path: Path) -> None:
        images = ("--before-images", tmp_path / "pictures")
        done = run("compare", alone, alone, *images, "--lenient", "--exit-code")
        assert (done.code, done.out.splitlines()[0]) == (1, "images: 1 removed")
        assert done.err.startswith(f"{alone}: 1 error")
        assert "there is no such image" in done.err

    def test_categories_do_not_forge_lines(self, run: Run, tmp_path: Path) -> None:
        for name, category in (("one", "a\n  b.png: removed\x1b[2J"), ("two", "b")):
            content = document("a.png")
            content["categories"][0]["name"] = category
            draw(tmp_path / name / "a.png")
            put(tmp_path / name / "_annotations.coco.json", content)
        told = run("compare", tmp_path / "one", tmp_path / "two").out.splitlines()
        assert told[2:] == ["  a.png objects[0]: a\\n  b.png: removed\\x1b[2J became b"]

    def test_warnings_are_shown(self, run: Run, roboflow: Path) -> None:
        content = document("a.png")
        content["annotations"][0]["bbox"] = [-1, 1, 4, 3]
        put(roboflow / "train" / "_annotations.coco.json", content)
        assert "beyond the left edge" in run("compare", roboflow, roboflow, "--json").err


def test_formats_are_listed(run: Run) -> None:
    lines = run("formats").out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [*FORMATS]
    rows = {row["name"]: row for row in run("formats", "--json").json}
    assert [*rows] == [*FORMATS]
    assert (rows["coco"]["reads"], rows["coco"]["writes"]) == (True, True)
    assert (rows["parquet"]["reads"], rows["voc"]["writes"]) == (False, False)


class TestValidate:
    def test_annotations(self, run: Run, roboflow: Path) -> None:
        assert run("validate", roboflow).out == f"{roboflow}: 2 images valid\n"
        content = document("a.png")
        content["images"][0]["file_name"] = "../a.png"
        put(roboflow / "train" / "_annotations.coco.json", content)
        found = run("validate", roboflow, "--json")
        assert (found.code, found.json["ok"]) == (1, False)
        assert [(issue["file"], issue["rule"]) for issue in found.json["issues"]] == [
            ("train/_annotations.coco.json", "unlisted-images"),
            ("train/_annotations.coco.json", "unsafe-path"),
        ]

    def test_what_a_registration_would_refuse_is_not_valid(self, run: Run, roboflow: Path, tmp_path: Path) -> None:
        (roboflow / "train" / "a.png").rename(roboflow / "train" / "a.jpg")
        put(roboflow / "train" / "_annotations.coco.json", document("a.jpg"))
        for told in (run("validate", roboflow), run("register", roboflow, "a/b", "-r", tmp_path / "r")):
            assert told.code == 1
            assert "train/a.jpg: the content is PNG, the name says JPEG" in told.out + told.err

    def test_images_elsewhere_and_options(self, run: Run, alone: Path, maskterial: Path, tmp_path: Path) -> None:
        assert run("validate", alone).code == 1
        assert run("validate", alone, "--images", tmp_path / "pictures").code == 0
        assert run("validate", alone, "--from-option", "check-images=false").code == 0
        assert run("validate", maskterial, "--from-option", "annotations=*_no_class.json").code == 0
        refused = run("validate", tmp_path / "pictures", "--images", tmp_path)
        assert (refused.code, "images is for annotations of other formats" in refused.err) == (2, True)


class TestRegister:
    def test_annotations_come_back(
        self, run: Run, roboflow: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("IMAGECARDS_REGISTRY", str(tmp_path / "registry"))
        done = run("register", roboflow, "a/b", "--json")
        assert (done.code, done.json["new"]) == (0, True)
        assert run("register", roboflow, "a/b").out == "unchanged: a/b@1.0.0 has these data already\n"
        shown = run("show", "a/b", "--json").json
        assert shown["summary"]["splits"] == {"train": 1, "valid": 1}
        assert "annotations" in shown["artifacts"]
        before = read(roboflow).dataset
        opened = CardRegistry(str(tmp_path / "registry")).open("a/b")
        assert isinstance(opened, ImageDataset)
        assert (opened.attributes, opened.splits) == (before.attributes, before.splits)
        assert list(opened.metadata.records) == list(before.metadata.records)

    def test_images_elsewhere(self, run: Run, alone: Path, maskterial: Path, tmp_path: Path) -> None:
        at = ("-r", tmp_path / "registry")
        assert run("register", alone, "a/b", *at).code == 1
        assert run("register", alone, "a/b", *at, "--images", tmp_path / "pictures").code == 0
        assert run("register", maskterial, "a/c", *at, "--from-option", "annotations=*_no_class.json").code == 0
        assert run("register", tmp_path / "pictures", "a/d", *at, "--from-option", "x=1").code == 2

    def test_what_lenient_leaves_out_is_told_and_kept(self, run: Run, roboflow: Path, tmp_path: Path) -> None:
        content = document("a.png")
        content["annotations"].append({**content["annotations"][0], "id": 77, "category_id": 999})
        put(roboflow / "train" / "_annotations.coco.json", content)
        at = ("-r", tmp_path / "registry")
        refused = run("register", roboflow, "a/b", *at)
        assert (refused.code, "category" in refused.err) == (1, True)
        done = run("register", roboflow, "a/b", *at, "--lenient")
        assert done.code == 0
        assert "(unknown-category)" in done.err
        assert "what is wrong was left out: the artifact left-out of a/b@1.0.0 lists it" in done.err
        registry = CardRegistry(str(tmp_path / "registry"))
        kept = json.loads(registry.artifact("a/b", "left-out").read())
        assert [issue["rule"] for issue in kept["issues"]] == ["unknown-category"]
        assert registry.load("a/b").summary.objects == 2
        again = run("register", roboflow, "a/b", *at, "--lenient", "--json")
        assert (again.json["new"], again.json["left_out"]) == (False, 1)
        own = ("--artifact", f"left-out={roboflow}")
        assert run("register", roboflow, "a/b", *at, "--lenient", *own).code == 2

    def test_lenient_without_anything_wrong(self, run: Run, roboflow: Path, tmp_path: Path) -> None:
        done = run("register", roboflow, "a/b", "-r", tmp_path / "registry", "--lenient", "--json")
        assert (done.code, done.json["left_out"]) == (0, 0)
        assert "left out" not in done.err
        assert set(CardRegistry(str(tmp_path / "registry")).artifacts("a/b")) == {"annotations"}
        draw(tmp_path / "plain" / "a.png")
        told = run("register", tmp_path / "plain", "a/c", "-r", tmp_path / "registry", "--lenient")
        assert (told.code, "--lenient is for annotations of other formats" in told.err) == (2, True)
