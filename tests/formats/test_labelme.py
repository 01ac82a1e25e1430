"""labelme: in, out, there and back, and what hostile files get."""

import base64
import json
import struct
import tempfile
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from PIL import Image
from tests.formats.drawn import draw_image
from tests.formats.rich import rich_datasets, sizes_of
from tests.formats.sameness import said, same, same_but
from tests.formats.strategies import datasets, make_dataset

from imagecards.datasets import ImageDataset
from imagecards.errors import InvalidMetadataError
from imagecards.formats import find_format, read, write
from imagecards.formats import labelme as module
from imagecards.formats.labelme import shapes
from imagecards.formats.outlines import runs_of
from imagecards.geometry import area, polygon_area, runs_to_mask

SQUARE = [[1, 1], [5, 1], [5, 5], [1, 5]]


def shape(points: Any = SQUARE, label: str = "cat", kind: str = "polygon", **fields: Any) -> dict[str, Any]:
    return {"label": label, "points": points, "group_id": None, "shape_type": kind, "flags": {}, **fields}


def png(mask: Any) -> str:
    Image.fromarray(np.asarray(mask, np.uint8)).save(file := BytesIO(), "PNG")
    return base64.b64encode(file.getvalue()).decode()


def folder(tmp_path: Path, *shapes: Any, name: str = "a", image: str = "a.png", **fields: Any) -> Path:
    draw_image(tmp_path / "in" / f"{name}.png")
    document: dict[str, Any] = {
        "version": "5.0",
        "flags": {},
        "shapes": list(shapes),
        "imagePath": image,
        "imageData": None,
    }
    document |= {"imageHeight": 10, "imageWidth": 20, **fields}
    (tmp_path / "in" / f"{name}.json").write_text(json.dumps(document))
    return tmp_path / "in"


def objects(place: Path, **options: Any) -> list[dict[str, Any]]:
    found = said(ImageDataset.read(place, **options))["a.png"]["objects"]
    assert isinstance(found, list)
    return found


@given(datasets())
def test_written_and_read_again_it_is_the_same(dataset: ImageDataset) -> None:
    with tempfile.TemporaryDirectory() as place:
        losses = write(dataset, f"{place}/out", "labelme")
        assert set(losses.rules) <= {"masks-as-polygons"}
        if len(dataset):
            reading = read(f"{place}/out")
            assert reading.format == "labelme"
            assert not reading.report
            assert same(dataset, reading.dataset, sizes_of(dataset), pixels=True)
            if not losses:
                assert same(dataset, reading.dataset, sizes_of(dataset))


@given(rich_datasets())
def test_whatever_is_lost_is_named(dataset: ImageDataset) -> None:
    with tempfile.TemporaryDirectory() as place:
        losses = write(dataset, f"{place}/out", "labelme")
        if not len(dataset):
            return
        again = read(f"{place}/out", "labelme").dataset
        assert same_but(dataset, again, sizes_of(dataset), losses)
        if len(losses):  # what was read has nothing more to lose
            assert not set(write(again, f"{place}/again", "labelme").rules)
            assert same(again, read(f"{place}/again", "labelme").dataset, sizes_of(dataset))


def test_each_kind_of_shape(tmp_path: Path) -> None:
    mask = np.zeros((3, 4), np.uint8)
    mask[0, 0] = mask[2, 1:] = 1
    place = folder(
        tmp_path,
        shape(),
        shape([[6, 2], [2, 8]], "dog", "rectangle"),
        shape([[1, 1], [3, 1], [3, 4], [1, 4]], "dog", "rectangle"),
        shape([[3, 1], [5, 3], [3, 5], [1, 3]], "turned", "rectangle"),
        shape([[10, 5], [14, 5]], "ring", "circle"),
        shape([[2, 3], [5, 5]], "mask", "mask", mask=png(mask)),
    )
    polygon, box, four, turned, circle, masked = objects(place)
    assert polygon == {
        "bbox": [1, 1, 4, 4], "categories": "cat", "segmentation": [[1, 1, 5, 1, 5, 5, 1, 5]]
    }  # fmt: skip
    assert box == {"bbox": [2, 2, 4, 6], "categories": "dog"}
    assert four == {"bbox": [1, 1, 2, 3], "categories": "dog"}
    assert turned["segmentation"] == [[3, 1, 5, 3, 3, 5, 1, 3]]
    assert circle["bbox"] == [6, 1, 8, 8]
    assert polygon_area(np.array(circle["segmentation"][0])) == pytest.approx(np.pi * 16, rel=0.03)
    runs = runs_of(masked["segmentation"], 10, 20)
    assert np.argwhere(runs_to_mask(runs)).tolist() == [[3, 2], [5, 3], [5, 4], [5, 5]]
    assert masked["bbox"] == [2, 3, 4, 3]


def test_a_circle_over_the_edge_is_cut_off(tmp_path: Path) -> None:
    (circle,) = objects(folder(tmp_path, shape([[0, 5], [4, 5]], kind="circle")))
    assert circle["bbox"] == [0, 1, 4, 8]


@pytest.mark.parametrize("kind", ["point", "points", "line", "linestrip"])
def test_what_has_no_area_is_skipped_and_told(tmp_path: Path, kind: str) -> None:
    reading = read(folder(tmp_path, shape(), shape([[1, 1]], kind=kind)))
    assert len(said(reading.dataset)["a.png"]["objects"]) == 1
    (issue,) = reading.report
    assert (issue.severity, issue.rule, issue.file, issue.field) == ("warning", "shape-skipped", "a.json", "shapes[1]")


def test_a_group_joins_parts(tmp_path: Path) -> None:
    other = [[10, 1], [12, 1], [12, 3]]
    place = folder(
        tmp_path,
        shape(group_id=1),
        shape(other, group_id=1),
        shape(label="dog", group_id=2),
        shape(other, "dog", group_id=3),
        shape(label="bike", group_id=3),
        shape([[1, 1], [2, 2]], "m", "mask", group_id=4, mask=png([[1, 1], [1, 1]])),
        shape(other, "m", group_id=4),
    )
    parts, alone, dog, bike, mixed = objects(place)
    assert len(parts["segmentation"]) == 2
    assert parts["bbox"] == [1, 1, 11, 4]
    assert "group_id" not in parts  # it said that these are parts, and no more
    assert (alone["group_id"], dog["group_id"], bike["group_id"]) == (2, 3, 3)
    assert area(runs_of(mixed["segmentation"], 10, 20)) > 4


def test_parts_that_differ_are_told(tmp_path: Path) -> None:
    place = folder(tmp_path, shape(group_id=1, description="x"), shape(group_id=1))
    reading = read(place)
    assert [issue.rule for issue in reading.report] == ["parts-differ"]
    assert said(reading.dataset)["a.png"]["objects"][0]["description"] == "x"


def test_fields_are_kept(tmp_path: Path) -> None:
    place = folder(
        tmp_path,
        shape(flags={"hard": True}, description="left", score=0.5, bbox="mine"),
        flags={"night": True},
        camera="x",
    )
    found = said(ImageDataset.read(place))["a.png"]
    assert (found["flags"], found["camera"]) == ({"night": True}, "x")
    (entry,) = found["objects"]
    assert (entry["flags"], entry["description"], entry["score"], entry["bbox_"]) == (
        {"hard": True},
        "left",
        0.5,
        "mine",
    )


@pytest.mark.parametrize(
    "said_path", ["a.png", "..\\in\\a.png", "C:\\Users\\x\\a.png", "../elsewhere/a.png", "/tmp/a.png", "other.png"]
)
def test_the_image_is_found(tmp_path: Path, said_path: str) -> None:
    assert ImageDataset.read(folder(tmp_path, shape(), image=said_path)).names == ("a.png",)


def test_images_in_a_folder_of_their_own(tmp_path: Path) -> None:
    draw_image(tmp_path / "images" / "b.png")
    (tmp_path / "jsons").mkdir()
    document = {"shapes": [shape()], "imagePath": "..\\images\\b.png", "imageData": None}
    (tmp_path / "jsons" / "x.json").write_text(json.dumps(document))
    assert find_format(tmp_path).name == "labelme"
    assert ImageDataset.read(tmp_path).names == ("b.png",)
    single = read(tmp_path / "jsons" / "x.json", images=tmp_path / "images")
    assert single.dataset.names == ("b.png",)


def test_an_ambiguous_image_is_an_issue(tmp_path: Path) -> None:
    for name in ("x/b.png", "y/b.png"):
        draw_image(tmp_path / name)
    (tmp_path / "l.json").write_text(json.dumps({"shapes": [], "imagePath": "/home/b.png"}))
    reading = read(tmp_path, strict=False)
    assert [(issue.rule, issue.file) for issue in reading.report.errors] == [("ambiguous-image", "l.json")]


def test_images_without_json_are_there_without_objects(tmp_path: Path) -> None:
    place = folder(tmp_path)
    draw_image(place / "b.png")
    assert said(ImageDataset.read(place)) == {"a.png": {"objects": []}, "b.png": {}}


def test_folders_of_splits(tmp_path: Path) -> None:
    folder(tmp_path)
    (tmp_path / "in").rename(tmp_path / "train")
    dataset = ImageDataset.read(tmp_path)
    assert dict(dataset.splits) == {"train": ("train/a.png",)}


def test_image_data_is_never_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = folder(tmp_path, shape(), imageData="!" * 1000)
    assert not read(place).report
    monkeypatch.setattr(module, "MAX_IMAGE_DATA", 100)
    assert [issue.rule for issue in read(place).report] == ["image-data-too-long"]
    (place / "a.png").unlink()
    monkeypatch.setattr(module, "MAX_IMAGE_DATA", 10**6)
    rules = [issue.rule for issue in read(place, strict=False).report]
    assert rules == ["image-data-only", "missing-file"]


def bomb(width: int, height: int) -> str:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + data).decode()


NAN = float("nan")


@pytest.mark.parametrize(
    ("bad", "rule", "where"),
    [
        (shape([[1, 1], [2, 2]]), "polygon-too-short", "shapes[1].points"),
        (shape([[1, 1], [2, NAN], [3, 3]]), "not-finite", "shapes[1].points[1]"),
        (shape([[1, 1], [2, float("inf")], [3, 3]]), "not-finite", "shapes[1].points[1]"),
        (shape([[1, 1], ["2", 2], [3, 3]]), "wrong-type", "shapes[1].points[1]"),
        (shape([[1, 1, 1], [2, 2], [3, 3]]), "wrong-type", "shapes[1].points[0]"),
        (shape("x"), "wrong-type", "shapes[1].points"),
        (shape(label=None), "wrong-type", "shapes[1].label"),  # type: ignore[arg-type]
        (shape(group_id=[1]), "wrong-type", "shapes[1].group_id"),
        (shape(kind="cube"), "unknown-shape", "shapes[1].shape_type"),
        (shape([[1, 1]], kind="rectangle"), "rectangle-points", "shapes[1].points"),
        (shape([[1, 1]], kind="circle"), "circle-points", "shapes[1].points"),
        (shape([[-50, 1], [-49, 1]], kind="circle"), "shape-outside", "shapes[1].points"),
        (shape([[100, 100], [200, 100], [200, 200]]), "polygon-outside", "shapes[1].segmentation"),
        (shape([[1, 1], [2, 2]], kind="mask"), "wrong-type", "shapes[1].mask"),
        (shape([[1, 1], [2, 2]], kind="mask", mask="%%%"), "bad-mask", "shapes[1].mask"),
        (shape([[1, 1], [2, 2]], kind="mask", mask="AAAA"), "bad-mask", "shapes[1].mask"),
        (shape([[1, 1], [2, 2]], kind="mask", mask="\x80"), "bad-mask", "shapes[1].mask"),
        (shape([[1, 1], [2, 2]], kind="mask", mask=bomb(2**20, 2**20)), "bad-mask", "shapes[1].mask"),
        (shape([[1, 1], [2, 2]], kind="mask", mask=png([[1]])), "bad-mask", "shapes[1].mask"),
        (shape([[19, 9], [20, 10]], kind="mask", mask=png([[1, 1], [1, 1]])), "bad-mask", "shapes[1].mask"),
        ("x", "wrong-type", "shapes[1]"),
    ],
)
def test_bad_shapes_are_named_and_left_out(tmp_path: Path, bad: Any, rule: str, where: str) -> None:
    place = folder(tmp_path, shape(), bad, shape(label="dog"))
    with pytest.raises(InvalidMetadataError, match=rule):
        read(place)
    reading = read(place, strict=False)
    issue = reading.report.errors[0]
    assert (issue.file, issue.rule, issue.field) == ("a.json", rule, where)
    assert all(each.field.startswith("shapes[1]") for each in reading.report.errors)
    assert [entry["categories"] for entry in said(reading.dataset)["a.png"]["objects"]] == ["cat", "dog"]


@pytest.mark.parametrize("side", [2**31, 10**12])
def test_a_size_that_no_image_has_is_told(tmp_path: Path, side: int) -> None:
    place = folder(tmp_path, shape(), imageWidth=side)
    for check_images, rule in ((False, "image-size"), (True, "size-differs")):
        reading = read(place, strict=False, check_images=check_images)
        assert [(issue.file, issue.rule) for issue in reading.report] == [("a.json", rule)]
        assert not len(reading.dataset)


@pytest.mark.parametrize("side", [10**30, 0, -1, "20", 20.0, True, None])
def test_without_a_size_that_of_the_file_counts(tmp_path: Path, side: Any) -> None:
    reading = read(folder(tmp_path, shape(), imageWidth=side))
    assert reading.dataset.table["width"].to_pylist() == [20]
    assert [(issue.rule, issue.severity) for issue in reading.report] == [("size-unknown", "warning")]
    assert not read(folder(tmp_path, shape(), imageWidth=None, imageHeight=None)).report


def test_a_mask_has_a_longest_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "MAX_MASK_CHARACTERS", 10)
    place = folder(tmp_path, shape([[1, 1], [1, 1]], kind="mask", mask=png([[1]])))
    assert [issue.rule for issue in read(place, strict=False).report.errors] == ["mask-too-large"]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (b'{"shapes": [' + b"[" * 5000, "unreadable-file"),
        (b'{"shapes": [' + b"[" * 100_000 + b"NaN", "unreadable-file"),
        (b'{"shapes": 3, "imagePath": "b.png"}', "not-labelme"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "unreadable-file"),
        (b"\xff\xfe{}", "unreadable-file"),
        (b'{"shapes": [], "extra": ' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}", "too-deep"),
        (b'{"shapes": [], "extra": ' + b"[" * 1020 + b"1" + b"]" * 1020 + b"}", "too-deep"),
        (b'{"shapes": [{"x": ' + b"[" * 1020 + b"1" + b"]" * 1020 + b"}]}", "wrong-type"),
    ],
)
def test_bad_files_are_named_and_left_out(tmp_path: Path, text: bytes, rule: str) -> None:
    place = folder(tmp_path, shape())
    draw_image(place / "b.png")
    (place / "b.json").write_bytes(text)
    reading = read(place, "labelme", strict=False)
    (issue,) = reading.report.errors
    assert (issue.file, issue.rule) == ("b.json", rule)
    assert len(said(reading.dataset)["a.png"]["objects"]) == 1


def test_other_json_is_not_looked_at(tmp_path: Path) -> None:
    place = folder(tmp_path, shape())
    (place / "info.json").write_text('{"year": 2020}')
    reading = read(place, "labelme")
    assert [(issue.file, issue.rule) for issue in reading.report.warnings] == [("info.json", "not-labelme")]
    assert list(reading.dataset.annotation_files) == ["a.json"]


def test_a_file_may_be_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 10)
    rules = [issue.rule for issue in read(folder(tmp_path), strict=False).report.errors]
    assert rules == ["file-too-large"]


def test_what_is_written(tmp_path: Path) -> None:
    ring = np.ones((3, 3), np.uint8)
    ring[1, 1] = 0
    from imagecards.geometry import mask_to_runs, runs_to_coco

    record = {
        "file_name": "train/a.png",
        "objects": {
            "bbox": [[0, 0, 3, 3], [0, 0, 2, 2], [0, 0, 3, 1]],
            "categories": ["ring", "box", "parts"],
            "segmentation": [runs_to_coco(mask_to_runs(ring)), None, [[0, 0, 1, 0, 1, 1], [2, 0, 3, 0, 3, 1]]],
        },
    }
    other = {"file_name": "train/a.bmp"}
    third = {"file_name": "train/a.jpg", "caption": "x"}
    sizes = {str(each["file_name"]): (3, 3) for each in (record, other, third)}
    dataset = make_dataset([record, other, third], sizes, {"train": list(sizes)})
    losses = write(dataset, tmp_path / "out", "labelme")
    assert losses.rules == ("unknown-as-negative",)
    assert sorted(path.name for path in (tmp_path / "out" / "train").iterdir()) == [
        "a.bmp", "a.jpg", "a.jpg.json", "a.json", "a.png",
    ]  # fmt: skip
    document = json.loads((tmp_path / "out/train/a.json").read_text())
    assert document["imageData"] is None
    assert document["imagePath"] == "a.png"
    kinds = [(each["shape_type"], each["group_id"]) for each in document["shapes"]]
    assert kinds == [("mask", None), ("rectangle", None), ("polygon", 1), ("polygon", 1)]
    write(dataset, tmp_path / "again", "labelme")
    assert (tmp_path / "again/train/a.json").read_bytes() == (tmp_path / "out/train/a.json").read_bytes()
