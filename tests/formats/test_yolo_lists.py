"""YOLO's lists of images and classes, and the ways in which data.yaml names folders."""

from pathlib import Path

import pytest
from tests.formats.test_which_format import YOLO, lay

from imagecards.formats import read

IMAGES = ("images/train/a.png", "images/train/b.png", "images/val/c.png", "images/val/d.png")


def folder_of(place: Path, yaml: str, **lists: str) -> Path:
    files: dict[str, str | None] = dict.fromkeys(IMAGES)
    files |= {name.replace("images", "labels").replace("png", "txt"): YOLO for name in IMAGES}
    return lay(place / "in", files | {"data.yaml": yaml} | {f"{name}.txt": text for name, text in lists.items()})


@pytest.mark.parametrize("path", ["", "path: .\n"])
def test_lists_are_read(path: str, tmp_path: Path) -> None:
    yaml = f"{path}train: train.txt\nval: [val.txt]\nnames: [p]\n"
    train = "./images/train/a.png\nimages/train/b.png\n\n"
    reading = read(folder_of(tmp_path, yaml, train=train, val="images\\val\\c.png\r\n"))
    assert dict(reading.dataset.splits) == {"train": ("train/a.png", "train/b.png"), "val": ("val/c.png",)}
    assert {"train.txt", "val.txt"} < set(reading.dataset.annotation_files)
    assert [(issue.rule, issue.value) for issue in reading.report] == [("unlisted-images", "'images/val/d.png'")]


def test_a_list_decides_and_not_the_folder(tmp_path: Path) -> None:
    lists = {"train": "images/val/c.png\nimages/train/a.png\n", "val": "images/train/b.png\nimages/val/d.png"}
    reading = read(folder_of(tmp_path, "train: train.txt\nval: val.txt\nnames: [p]\n", **lists))
    assert not reading.report
    assert dict(reading.dataset.splits) == {
        "train": ("train/train/a.png", "train/val/c.png"),
        "val": ("val/train/b.png", "val/val/d.png"),
    }


@pytest.mark.parametrize("line", ["/etc/hosts.png", "../outside/s.png", "..\\outside\\s.png", "gone.png", "data.yaml"])
def test_what_is_not_in_the_folder_is_an_error(line: str, tmp_path: Path) -> None:
    lay(tmp_path / "outside", {"s.png": None})
    folder = folder_of(tmp_path, "train: train.txt\nnames: [p]\n", train=f"images/train/a.png\n{line}\n")
    reading = read(folder, strict=False)
    assert reading.dataset.names == ("train/a.png",)
    assert [(issue.rule, issue.file, issue.line) for issue in reading.report.errors] == [
        ("missing-file", "train.txt", 2)
    ]


def test_a_list_outside_of_the_folder_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("images/train/a.png\n")
    reading = read(folder_of(tmp_path, "train: ../x.txt\nnames: [p]\n"))
    assert reading.report.counts["misplaced-split"] == 1
    assert "there is no such list" in str(reading.report[0])


def test_a_line_that_is_there_twice_is_told(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "train: t.txt\nnames: [p]\n", t="images/train/a.png\n./images/train/a.png\n")
    reading = read(folder)
    assert reading.report.counts["repeated-line"] == 1
    assert reading.dataset.names == ("train/a.png",)


def test_folders_as_roboflow_names_them(tmp_path: Path) -> None:
    yaml = "train: ../train/images\nval: ../valid/images\nnc: 1\nnames: ['p']\n"
    names = ("train/images/a.png", "valid/images/b.png")
    folder = lay(tmp_path / "in", {**dict.fromkeys(names), "data.yaml": yaml})
    reading = read(folder)
    assert not reading.report
    assert set(reading.dataset.names) == {"train/a.png", "valid/b.png"}


@pytest.mark.parametrize("name", ["classes.txt", "labels/classes.txt", "obj.names"])
def test_classes_of_tools_that_write_no_yaml(name: str, tmp_path: Path) -> None:
    folder = lay(tmp_path / "in", {"images/a.png": None, "labels/a.txt": YOLO, name: "cat\ndog \n\n"})
    dataset = read(folder).dataset
    assert dataset.attributes["categories"] == [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}]
    assert name in dataset.annotation_files
    (folder / name).write_text("cat\ncat\n")
    assert read(folder, strict=False).report.counts["duplicate-class"] == 1
