"""YOLO as it comes: layouts of all kinds, and what is wrong with files."""

import time
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imagecards.errors import FormatError, InvalidMetadataError
from imagecards.formats import Reading, read
from imagecards.formats.catalog import find_format

BOX = "0 0.5 0.5 0.5 0.5\n"
TRIANGLE = "0 0.1 0.1 0.9 0.1 0.9 0.9\n"


def image(width: int = 10, height: int = 8) -> bytes:
    Image.new("L", (width, height)).save(file := BytesIO(), "PNG")
    return file.getvalue()


def lay(folder: Path, files: Mapping[str, str | bytes | None]) -> Path:
    """Files by path: a text, bytes, or ``None`` for an image."""
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(image() if content is None else content.encode() if isinstance(content, str) else content)
    return folder


def found(reading: Reading) -> dict[str, list[tuple[str, list[float]]] | None]:
    result: dict[str, list[tuple[str, list[float]]] | None] = {}
    for record in reading.dataset.records:
        objects = record.objects
        result[record.file_name] = (
            None if objects is None else list(zip(map(str, objects.categories), objects.bbox, strict=True))
        )
    return result


CAT = [("cat", [2.5, 2.0, 5.0, 4.0])]
YAML = "names: [cat, dog]\n"
LAYOUTS: dict[str, tuple[dict[str, str | bytes | None], set[str]]] = {
    "split first": (
        {
            "data.yaml": YAML + "train: train/images\nval: valid/images\n",
            "train/images/a.png": None, "train/labels/a.txt": BOX, "valid/images/b.png": None,
        },
        {"train/a.png", "valid/b.png"},
    ),
    "images first": (
        {
            "data.yaml": "path: .\ntrain: images/train\nval: images/val\ntest: null\nnames:\n  0: cat\n  1: dog\n",
            "images/train/a.png": None, "labels/train/a.txt": BOX, "images/val/x/b.png": None,
        },
        {"train/a.png", "val/x/b.png"},
    ),
    "no data.yaml": (
        {"train/images/a.png": None, "train/labels/a.txt": BOX, "test/images/b.png": None},
        {"train/a.png", "test/b.png"},
    ),
    "no data.yaml, images first": (
        {"images/train/a.png": None, "labels/train/a.txt": BOX, "images/val/b.png": None},
        {"train/a.png", "val/b.png"},
    ),
    "no splits": ({"images/a.png": None, "labels/a.txt": BOX, "images/b.JPG": image()}, {"a.png", "b.JPG"}),
    "no splits, folders": ({"images/cats/a.png": None, "labels/cats/a.txt": BOX}, {"cats/a.png"}),
    "lists": (
        {
            "data.yaml": YAML + "train: [one/images, two/images]\nval: [one/images]\n",
            "one/images/a.png": None, "one/labels/a.txt": BOX, "two/images/b.png": None,
        },
        {"train/a.png", "train/b.png", "val/a.png"},
    ),
    "any name": (
        {"flakes.yaml": YAML + "train: ./train/images/\n", "train/images/a.png": None, "train/labels/a.txt": BOX},
        {"train/a.png"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout: str, tmp_path: Path) -> None:
    files, names = LAYOUTS[layout]
    folder = lay(tmp_path / "in", files)
    known = any(name.endswith(".yaml") for name in files)
    reading = read(folder, names=None if known else "cat, dog")
    assert reading.format == "yolo"
    assert not reading.report, reading.report.render()
    assert set(found(reading)) == names
    for name, objects in found(reading).items():
        assert objects == (CAT if name.endswith("a.png") else [])
    assert set(reading.dataset.splits) == {name.split("/")[0] for name in names if "/" in name} - {"cats"}
    assert reading.dataset.attributes["categories"] == [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}]
    kept = set(reading.dataset.annotation_files)
    assert kept == {name for name in files if name.endswith((".txt", ".yaml"))}


def test_images_beside_their_labels(tmp_path: Path) -> None:
    folder = lay(tmp_path / "in", {"train/a.png": None, "train/a.txt": BOX, "train/classes.txt": "cat"})
    assert found(read(folder, "yolo")) == {"train/a.png": [("0", CAT[0][1])]}


def test_images_elsewhere(tmp_path: Path) -> None:
    labels = lay(tmp_path / "in", {"train/labels/a.txt": BOX, "labels/b.txt": BOX, "data.yaml": YAML})
    images = lay(tmp_path / "images", {"train/a.png": None})
    assert found(read(labels / "data.yaml", "yolo", images=images)) == {"train/a.png": CAT}
    images = lay(tmp_path / "flat", {"b.png": None})
    assert found(read(labels, "yolo", images=images)) == {"b.png": CAT}


def test_the_file_itself_and_absolute_paths(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    said = f"{YAML}train: {folder}/train/images\nval: ../in/valid/images\n"
    lay(folder, {"data.yaml": said, "train/images/a.png": None, "valid/images/b.png": None})
    reading = read(folder / "data.yaml")
    assert not reading.report
    assert set(reading.dataset.splits) == {"train", "valid"}


@pytest.mark.parametrize("path", ["../../train/images", "/content/x/train/images", "C:\\x\\train", "train.txt", "gone"])
def test_paths_that_lead_nowhere_fall_back(path: str, tmp_path: Path) -> None:
    said = f"{YAML}train: '{path}'\nval: ../valid/images\n"
    folder = lay(
        tmp_path / "in",
        {"data.yaml": said, "train/images/a.png": None, "val/images/b.png": None, "x/images/c.png": None},
    )
    lay(tmp_path / "train/images", {"secret.png": None})
    reading = read(folder)
    assert set(reading.dataset.names) == {"train/a.png", "val/b.png"}
    assert reading.report.counts == {"misplaced-split": 2, "unlisted-folder": 1}
    assert "train/images is taken" in str(reading.report[0])


def test_links_are_not_followed(tmp_path: Path) -> None:
    folder = lay(
        tmp_path / "in", {"data.yaml": YAML + "train: train/images\nval: val/images\n", "val/images/b.png": None}
    )
    lay(tmp_path / "out/images", {"secret.png": None})
    (folder / "train").symlink_to(tmp_path / "out")
    reading = read(folder)
    assert set(reading.dataset.names) == {"val/b.png"}
    assert "misplaced-split" in reading.report.counts


LINES = {
    "0 0.5 0.5 0.5": "box-length",
    "0 0.1 0.1 0.9 0.1 0.9 0.9": "box-length",
    "0": "box-length",
    "cat 0.5 0.5 0.5 0.5": "class-number",
    "-1 0.5 0.5 0.5 0.5": "class-number",
    "0.5 0.5 0.5 0.5 0.5": "class-number",
    "9999999999999999999999 0.5 0.5 0.5 0.5": "class-number",
    "2 0.5 0.5 0.5 0.5": "unknown-class",
    "0 0.5 x 0.5 0.5": "not-a-number",
    "0 0.5 0_5 0.5 0.5": "not-a-number",
    "0 0.5 0.5 0.5 \u0665": "not-a-number",
    "0 0,5 0.5 0.5 0.5": "not-a-number",
    "0 nan 0.5 0.5 0.5": "not-finite",
    "0 0.5 0.5 -inf 0.5": "not-finite",
    "0 0.5 0.5 0.5 1e999": "not-finite",
    "0 0.5 1.02 0.5 0.5": "beyond-image",
    "0 0.5 0.5 120 80": "beyond-image",
    "0 -0.02 0.5 0.5 0.5": "beyond-image",
    "0 0.5 0.5 -0.005 0.5": "bbox-negative-size",
    "0 0.1 0.5 1 0.5": "box-outside-image",
}


@pytest.mark.parametrize("line", LINES)
def test_bad_boxes(line: str, tmp_path: Path) -> None:
    text = f"\r\n0 0.5 0.5 0.5 0.5\r\n{line}\n1.0\t.5 5e-1 0.5  0.5"
    folder = lay(tmp_path / "in", {"data.yaml": YAML, "images/a.png": None, "labels/a.txt": text})
    with pytest.raises(InvalidMetadataError) as caught:
        read(folder, "yolo")
    [issue] = caught.value.issues
    assert (issue.file, issue.line, issue.rule) == ("labels/a.txt", 3, LINES[line])
    reading = read(folder, "yolo", strict=False)
    assert found(reading) == {"a.png": [*CAT, ("dog", CAT[0][1])]}


POLYGONS = {
    "0 0.1 0.1 0.9 0.1 0.9": "polygon-too-short",
    "0 0.1 0.1": "polygon-too-short",
    "0 0.1 0.1 0.9 0.1 0.9 0.9 0.5": "polygon-odd-length",
    "0 0.1 0.1 0.9 0.1 0.9 nan": "not-finite",
    "0 0.1 0.1 0.9 0.1 0.9 9e9": "beyond-image",
    "7 0.1 0.1 0.9 0.1 0.9 0.9": "unknown-class",
    "0 0.1 0.1 0.9 0.1 0.9 0x1": "not-a-number",
}


@pytest.mark.parametrize("line", POLYGONS)
@pytest.mark.parametrize("outlines", ["vertices", "pixels"])
def test_bad_polygons(line: str, outlines: str, tmp_path: Path) -> None:
    folder = lay(tmp_path / "in", {"data.yaml": YAML, "images/a.png": None, "labels/a.txt": f"{TRIANGLE}{line}\n"})
    with pytest.raises(InvalidMetadataError) as caught:
        read(folder, "yolo-seg", outlines=outlines)
    [issue] = caught.value.issues
    assert (issue.file, issue.line, issue.rule) == ("labels/a.txt", 2, POLYGONS[line])
    assert issue.field or issue.rule.startswith("polygon-")
    reading = read(folder, strict=False)
    assert reading.format == "yolo-seg"
    [(name, box)] = found(reading)["a.png"] or []
    assert name == "cat"
    assert box == pytest.approx([1, 0.8, 8, 6.4])


def test_polygons_a_little_outside_are_kept(tmp_path: Path) -> None:
    line = "0 -0.01 0.1 1.01 0.1 0.9 0.9\n"
    folder = lay(tmp_path / "in", {"data.yaml": YAML, "images/a.png": image(1000, 8), "labels/a.txt": line})
    reading = read(folder)
    assert not reading.report
    [record] = reading.dataset.records
    assert record.objects is not None
    assert record.objects.bbox[0] == pytest.approx([0, 0.8, 1000, 6.4])
    assert record.objects.segmentation == [[pytest.approx([-10, 0.8, 1010, 0.8, 900, 7.2])]]


def test_boxes_among_polygons_and_lines_twice(tmp_path: Path) -> None:
    folder = lay(tmp_path / "in", {"data.yaml": YAML, "images/a.png": None, "labels/a.txt": TRIANGLE + BOX + BOX})
    reading = read(folder)
    assert reading.format == "yolo-seg"
    assert reading.report.ok
    assert reading.report.counts == {"boxes-among-polygons": 1, "repeated-line": 1}
    assert len(found(reading)["a.png"] or []) == 3


FILES: dict[str, tuple[dict[str, str | bytes | None], str, str]] = {
    "orphan": ({"labels/b.txt": BOX}, "labels/b.txt", "missing-file"),
    "pointer": ({"labels/a.txt": "version https://git-lfs.github.com/spec/v1\noid"}, "labels/a.txt", "unreadable-file"),
    "latin": ({"labels/a.txt": b"0 0.5 0.5 0.5 0.5 \xe9"}, "labels/a.txt", "unreadable-file"),
    "same stem": ({"images/a.gif": image()}, "images/a.png", "ambiguous-label"),
    "no image": ({"images/c.png": b"text", "labels/c.txt": BOX}, "labels/c.txt", "not-an-image"),
    "image pointer": ({"images/c.png": b"version https://git-lfs"}, "images/c.png", "not-an-image"),
    "names": ({"data.yaml": "names: [cat, cat]\n"}, "data.yaml", "duplicate-class"),
    "names text": ({"data.yaml": "names: cat\n"}, "data.yaml", "wrong-type"),
    "names nested": ({"data.yaml": "names: [cat, [dog]]\n"}, "data.yaml", "class-name"),
    "names key": ({"data.yaml": "names: {0: cat, x: dog}\n"}, "data.yaml", "class-number"),
    "train": ({"data.yaml": YAML + "train: {a: b}\n"}, "data.yaml", "wrong-type"),
    "count": ({"data.yaml": "nc: many\nnames: [cat]\n"}, "data.yaml", "wrong-type"),
    "huge count": ({"data.yaml": "nc: 999999999\n"}, "data.yaml", "class-count"),
    "bomb": ({"data.yaml": "a: &a [x, x]\nb: &b [*a, *a]\nnames: [cat]\n"}, "data.yaml", "unreadable-file"),
    "deep": ({"data.yaml": "names: " + "[" * 5000}, "data.yaml", "unreadable-file"),
    "deep block": ({"data.yaml": "- " * 20000 + "x"}, "data.yaml", "unreadable-file"),
    "twice": ({"data.yaml": "names: [cat]\nnames: [dog]\n"}, "data.yaml", "unreadable-file"),
    "object": ({"data.yaml": "names: !!python/object/apply:os.getcwd []\n"}, "data.yaml", "unreadable-file"),
    "large": ({"data.yaml": "names: [cat]\n#" + "x" * (1 << 20)}, "data.yaml", "unreadable-file"),
    "list": ({"data.yaml": "[1, 2]"}, "data.yaml", "unreadable-file"),
    "nothing": ({"data.yaml": ""}, "data.yaml", "unreadable-file"),
    "binary": ({"data.yaml": b"\x00\x01"}, "data.yaml", "unreadable-file"),
    "list as a key": ({"data.yaml": "? [a]\n: b\nnames: [cat]"}, "data.yaml", "unreadable-file"),
    "yaml pointer": ({"data.yaml": "version https://git-lfs.github.com"}, "data.yaml", "unreadable-file"),
}


@pytest.mark.parametrize("kind", FILES)
def test_bad_files(kind: str, tmp_path: Path) -> None:
    files, file, rule = FILES[kind]
    base: dict[str, str | bytes | None] = {"data.yaml": YAML, "images/a.png": None, "labels/a.txt": BOX}
    folder = lay(tmp_path / "in", {**base, "images/ok.png": None, "labels/ok.txt": BOX, **files})
    started = time.process_time()
    with pytest.raises(InvalidMetadataError) as caught:
        read(folder, "yolo")
    assert {(issue.file, issue.rule) for issue in caught.value.issues if issue.severity == "error"} == {(file, rule)}
    reading = read(folder, "yolo", strict=False)
    assert found(reading)["ok.png"] in (CAT, [("0", CAT[0][1])])
    assert time.process_time() - started < 20


def test_names_are_texts_whatever_they_look_like(tmp_path: Path) -> None:
    said = "names: [no, 1e3, 2001-01-01, 007, ~, 深い]\nnc: 7\n"
    folder = lay(tmp_path / "in", {"data.yaml": said, "images/a.png": None})
    reading = read(folder, "yolo")
    names = [entry["name"] for entry in reading.dataset.attributes["categories"]]
    assert names == ["no", "1e3", "2001-01-01", "007", "~", "深い"]
    assert reading.report.counts == {"class-count": 1}


def test_without_names_numbers_are_names(tmp_path: Path) -> None:
    folder = lay(tmp_path / "in", {"images/a.png": None, "labels/a.txt": "12 .5 .5 .5 .5\n3 .5 .5 .5 .5\n"})
    reading = read(folder)
    assert reading.dataset.attributes["categories"] == [{"id": 3, "name": "3"}, {"id": 12, "name": "12"}]
    lay(folder, {"data.yaml": "nc: 20\n"})
    assert len(read(folder).dataset.attributes["categories"]) == 20
    assert found(read(folder, names={12: "x", 3: "y"}))["a.png"] == [("x", CAT[0][1]), ("y", CAT[0][1])]


def test_pixels_are_filled(tmp_path: Path) -> None:
    line = "0 0.15 0.1875 0.15 0.1875 0.15 0.1875\n0 0.05 0.0625 0.25 0.0625 0.25 0.3125 0.05 0.3125\n"
    folder = lay(tmp_path / "in", {"data.yaml": YAML, "images/a.png": None, "labels/a.txt": line})
    boxes = [box for _, box in found(read(folder, outlines="pixels"))["a.png"] or []]
    assert boxes == [[1, 1, 1, 1], [0, 0, 3, 3]]


SNIFFED: dict[str, tuple[dict[str, Any], str | None]] = {
    "boxes": ({"data.yaml": YAML, "images/a.png": None, "labels/a.txt": BOX}, "yolo"),
    "polygons": ({"data.yaml": YAML, "images/a.png": None, "labels/a.txt": TRIANGLE}, "yolo-seg"),
    "negatives": ({"data.yaml": YAML, "images/a.png": None, "labels/a.txt": ""}, "yolo"),
    "no yaml": ({"train/images/a.png": None, "train/labels/a.txt": TRIANGLE}, "yolo-seg"),
    "other text": ({"images/a.png": None, "labels/a.txt": "a cat\n"}, None),
    "other yaml": ({"images/a.png": None, "mkdocs.yaml": "site_name: x\n"}, None),
    "bad yaml": ({"data.yaml": "names: *x", "images/a.png": None}, None),
}


@pytest.mark.parametrize("kind", SNIFFED)
def test_it_is_recognised(kind: str, tmp_path: Path) -> None:
    files, format = SNIFFED[kind]
    folder = lay(tmp_path / "in", files)
    if format is None:
        with pytest.raises(FormatError):
            find_format(folder)
    else:
        assert find_format(folder).name == format


def test_images_of_one_name_in_two_folders_of_a_split(tmp_path: Path) -> None:
    said = YAML + "train: [one/images, two/images]\n"
    folder = lay(tmp_path / "in", {"data.yaml": said, "one/images/a.png": None, "two/images/a.png": None})
    with pytest.raises(InvalidMetadataError, match="would have the same name in their split"):
        read(folder, "yolo")
