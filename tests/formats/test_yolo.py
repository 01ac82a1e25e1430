"""YOLO: written and read again it is the same, or what the report says."""

import hashlib
import tempfile
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.formats.strategies import datasets, make_dataset

from imagecards.datasets import ImageDataset
from imagecards.errors import InvalidInputError
from imagecards.formats import LossReport, Reading, read, write
from imagecards.formats import losses as losses_module
from imagecards.formats.outlines import mask_of_object, runs_of
from imagecards.formats.yolo.outlines import clip
from imagecards.geometry import Runs, components, instances_of, mask_to_runs, runs_from_coco, runs_to_coco, runs_to_mask
from imagecards.geometry.rle import iou
from imagecards.images import decode

REAL = Path(__file__).parents[3] / "shared" / "data" / "maskterial" / "GrapheneH" / "instance_masks"
NEAR = 2e-3  # pixels: two ends of a box, each moved by less than half of it


def tree(folder: Path) -> dict[str, str]:
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def objects_of(dataset: ImageDataset) -> dict[str, list[dict[str, Any]]]:
    """The objects of each image, a dict each."""
    found = {}
    for record in dataset.records:
        lists = record.objects.present() if record.objects is not None else {}
        names = [name if name != "categories" else "category" for name in lists]
        found[record.file_name] = [dict(zip(names, row, strict=True)) for row in zip(*lists.values(), strict=True)]
    return found


def lost(report: LossReport, rule: str) -> set[str]:
    return {place.split(" (")[0] for loss in report if loss.rule == rule for place in loss.examples}


def mask_dataset(masks: list[np.ndarray], **attributes: Any) -> ImageDataset:
    height, width = masks[0].shape
    entries = [runs_to_coco(mask_to_runs(mask)) for mask in masks]
    boxes = []
    for mask in masks:
        rows, columns = np.nonzero(mask)
        low, high = (columns.min(), rows.min()), (columns.max() + 1, rows.max() + 1)
        boxes.append([float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])])
    objects = {"bbox": boxes, "categories": ["cat"] * len(masks), "segmentation": entries}
    return make_dataset([{"file_name": "a.png", "objects": objects}], {"a.png": (width, height)}, attributes=attributes)


def boxes_dataset(boxes: list[list[float]], size: tuple[int, int], **fields: Any) -> ImageDataset:
    objects = {"bbox": boxes, "categories": ["cat"] * len(boxes), **fields}
    return make_dataset([{"file_name": "a.png", "objects": objects}], {"a.png": size})


def there_and_back(dataset: ImageDataset, to: Path, format: str, **options: Any) -> tuple[LossReport, Reading]:
    report = write(dataset, to, format, **options)
    reading = read(to)
    assert reading.format == format
    assert set(reading.report.counts) <= {"repeated-line"}, reading.report.render()
    return report, reading


@pytest.fixture(autouse=True)
def _all_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses_module, "_EXAMPLES", 1000)


@settings(max_examples=60)
@given(dataset=datasets())
def test_boxes_come_back(dataset: ImageDataset, tmp_path_factory: pytest.TempPathFactory) -> None:
    to = tmp_path_factory.mktemp("yolo") / "out"
    report = write(dataset, to, "yolo")
    if not len(dataset):
        return
    reading = read(to)
    before, after = objects_of(dataset), objects_of(reading.dataset)
    assert set(report.rules) <= {"outlines-dropped"}
    assert before.keys() == after.keys()
    assert {k: set(v) for k, v in reading.dataset.splits.items()} == {k: set(v) for k, v in dataset.splits.items()}
    for name, entries in before.items():
        assert [entry["category"] for entry in after[name]] == [entry["category"] for entry in entries]
        # whole pixels come back as they were, not nearly so
        assert [entry["bbox"] for entry in after[name]] == [entry["bbox"] for entry in entries]
        for number, entry in enumerate(entries):
            dropped = f"{name} objects[{number}]" in lost(report, "outlines-dropped")
            assert dropped == (entry.get("segmentation") is not None)


@settings(max_examples=100)
@given(dataset=datasets(), parts=st.sampled_from(["join", "split"]), outlines=st.sampled_from([None, "pixels"]))
def test_outlines_come_back(
    dataset: ImageDataset, parts: str, outlines: str | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    to = tmp_path_factory.mktemp("yolo") / "out"
    report = write(dataset, to, "yolo-seg", parts=parts, outlines=outlines)
    if not len(dataset):
        return
    reading = read(to)
    before, after = objects_of(dataset), objects_of(reading.dataset)
    assert before.keys() == after.keys()
    known = {
        "boxes-outlined", "boxes-recomputed", "parts-joined", "parts-split", "masks-as-polygons", "polygons-drawn",
    }  # fmt: skip
    assert set(report.rules) <= known
    for name, entries in before.items():
        back = iter(after[name])
        for number, entry in enumerate(entries):
            place = f"{name} objects[{number}]"
            width, height = reading.dataset.image(name).size
            wanted = mask_of_object(entry, height, width)
            if place in lost(report, "parts-split"):
                for part in components(wanted, 8 if outlines or not lost(report, "masks-as-polygons") else 4):
                    found = next(back)
                    assert found["category"] == entry["category"]
                    assert runs_of(found["segmentation"], height, width) == part
                continue
            found = next(back)
            assert found["category"] == entry["category"]
            got = runs_of(found["segmentation"], height, width)
            joined = place in lost(report, "parts-joined")
            if not joined or isinstance(found["segmentation"], list):
                assert got == wanted
            if place not in lost(report, "boxes-recomputed"):
                assert found["bbox"] == entry["bbox"]
            same = type(found["segmentation"]) is type(entry.get("segmentation"))
            told = {"boxes-outlined", "masks-as-polygons", "polygons-drawn"}
            assert same or any(place in lost(report, rule) for rule in told)
            if same and not joined:
                assert found["segmentation"] == entry["segmentation"]
        assert next(back, None) is None


@settings(max_examples=60)
@given(data=st.data())
def test_vertices_move_less_than_is_promised(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    width, height = data.draw(st.integers(1, 6000)), data.draw(st.integers(1, 6000))
    decimals = data.draw(st.integers(6, 12))
    xs = data.draw(st.lists(st.floats(0, width), min_size=3, max_size=8))
    ys = data.draw(st.lists(st.floats(0, height), min_size=len(xs), max_size=len(xs)))
    box = [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
    polygon = [value for pair in zip(xs, ys, strict=True) for value in pair]
    dataset = boxes_dataset([box], (width, height), segmentation=[[polygon]])
    folder = tmp_path_factory.mktemp("yolo")
    report = write(dataset, folder / "out", "yolo-seg", decimals=decimals, images=False)
    Image.new("1", (width, height)).save(folder / "out" / "images.png")
    (folder / "out" / "images").mkdir()
    (folder / "out" / "images.png").rename(folder / "out" / "images" / "a.png")
    [found] = objects_of(read(folder / "out").dataset)["a.png"]
    moved = np.abs(np.array(found["segmentation"][0]) - polygon).max()
    assert set(report.rules) <= {"coordinates-rounded"}
    assert (moved > 1e-3) == ("coordinates-rounded" in report.rules)
    again = write(read(folder / "out").dataset, folder / "again", "yolo-seg", decimals=decimals)
    assert "coordinates-rounded" not in again.rules
    labels = [(folder / each / "labels" / "a.txt").read_bytes() for each in ("out", "again")]
    assert labels[0] == labels[1]


@settings(max_examples=100)
@given(data=st.data())
def test_boxes_move_less_than_is_promised(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    width, height = data.draw(st.integers(1, 6000)), data.draw(st.integers(1, 6000))
    x, y = data.draw(st.floats(0, width)), data.draw(st.floats(0, height))
    box = [x, y, data.draw(st.floats(0, width - x)), data.draw(st.floats(0, height - y))]
    folder = tmp_path_factory.mktemp("yolo")
    report = write(boxes_dataset([box], (width, height)), folder / "out", "yolo", images=False)
    (folder / "out" / "images").mkdir()
    Image.new("1", (width, height)).save(folder / "out" / "images" / "a.png")
    reading = read(folder / "out")
    [found] = objects_of(reading.dataset)["a.png"]
    assert set(report.rules) <= {"coordinates-rounded"}
    if not report:
        assert np.abs(np.array(found["bbox"]) - box).max() <= NEAR
        assert not reading.report
    else:
        assert max(width, height) > 600


def test_what_is_written(tmp_path: Path) -> None:
    sizes = {"train/a.png": (10, 20), "valid/b.png": (10, 20), "extra/c.png": (10, 20)}
    objects = {"bbox": [[1.0, 2.0, 3.0, 4.0]], "categories": ["dog"]}
    records: list[dict[str, Any]] = [
        {"file_name": "train/a.png", "objects": objects},
        {"file_name": "valid/b.png", "objects": {"bbox": [], "categories": []}},
        {"file_name": "extra/c.png", "objects": {"bbox": [], "categories": []}},
    ]
    splits = {name.split("/")[0]: [name] for name in sizes}
    attributes = {"categories": [{"id": 4, "name": "no"}, {"id": 7, "name": "dog"}]}
    report, reading = there_and_back(make_dataset(records, sizes, splits, attributes), tmp_path / "out", "yolo")
    assert report.rules == ("category-ids-changed",)
    assert sorted(tree(tmp_path / "out")) == [
        "data.yaml", "extra/images/c.png", "extra/labels/c.txt", "train/images/a.png", "train/labels/a.txt",
        "valid/images/b.png", "valid/labels/b.txt",
    ]  # fmt: skip
    assert (tmp_path / "out/train/labels/a.txt").read_text() == "1 0.250000 0.200000 0.300000 0.200000\n"
    assert (tmp_path / "out/valid/labels/b.txt").read_bytes() == b""
    document = yaml.safe_load((tmp_path / "out/data.yaml").read_text())
    assert list(document) == ["train", "val", "extra", "nc", "names", "imagecards"]
    assert document["val"] == "valid/images"
    assert document["names"] == ["no", "dog"]  # a text, also to readers for whom no is false
    assert set(reading.dataset.splits) == {"train", "valid", "extra"}
    assert reading.dataset.attributes["categories"] == [{"id": 0, "name": "no"}, {"id": 1, "name": "dog"}]
    assert objects_of(reading.dataset)["valid/b.png"] == []


@pytest.mark.parametrize("format", ["yolo", "yolo-seg", "masks"])
def test_workers_write_the_same_bytes(format: str, tmp_path: Path) -> None:
    mask = np.zeros((30, 40), bool)
    mask[3:9, 4:30] = True
    records, sizes = [], {}
    for number in range(600):
        name = f"{'train' if number % 3 else 'val'}/{number}.png"
        box = {"bbox": [[4.0, 3.0, 26.0, 6.0]], "categories": [str(number % 5)]}
        objects = box | {"segmentation": [runs_to_coco(mask_to_runs(mask))], "area": [7.0]}
        records.append({"file_name": name, "objects": objects})
        sizes[name] = (40, 30)
    splits = {split: [name for name in sizes if name.startswith(split)] for split in ("train", "val")}
    dataset = make_dataset(records, sizes, splits)
    with ProcessPoolExecutor(2) as executor:
        first = write(dataset, tmp_path / "a", format, executor=executor)
        by_workers = read(tmp_path / "a", executor=executor)
    second = write(dataset, tmp_path / "b", format)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    assert first == second
    assert by_workers.dataset.table.equals(read(tmp_path / "b").dataset.table)


def test_everything_that_has_no_place_is_told(tmp_path: Path) -> None:
    objects = {
        "bbox": [[0.0, 0.0, 1.0, 1.0]], "categories": ["cat"], "id": [4], "area": [1.0], "iscrowd": [1], "depth": [3],
    }  # fmt: skip
    record = {"file_name": "a.png", "caption": "A cat.", "categories": ["cat"], "objects": objects, "weather": "rain"}
    other = {"file_name": "b.png"}
    attributes = {"categories": [{"id": 0, "name": "cat", "supercategory": "animal"}], "info": {"year": 2020}}
    dataset = make_dataset([record, other], {"a.png": (4, 4), "b.png": (4, 4)}, {"test": []}, attributes)
    report, reading = there_and_back(dataset, tmp_path / "out", "yolo")
    assert report.rules == (
        "areas-dropped", "attributes-dropped", "captions-dropped", "category-fields-dropped", "crowds-dropped",
        "empty-splits-dropped", "fields-dropped", "ids-dropped", "image-categories-dropped", "unknown-as-negative",
    )  # fmt: skip
    assert lost(report, "fields-dropped") == {"a.png weather", "a.png objects[0] depth"}
    assert objects_of(reading.dataset)["b.png"] == []


def test_whole_number_categories_become_texts(tmp_path: Path) -> None:
    record = {"file_name": "a.png", "objects": {"bbox": [[0.0, 0.0, 1.0, 1.0]] * 2, "categories": [7, 3]}}
    report, reading = there_and_back(make_dataset([record], {"a.png": (4, 4)}), tmp_path / "out", "yolo")
    assert lost(report, "categories-as-text") == {"3", "7"}
    assert [entry["category"] for entry in objects_of(reading.dataset)["a.png"]] == ["7", "3"]


def test_what_lies_outside_is_cut_off(tmp_path: Path) -> None:
    boxes = [[-2.0, 0.0, 4.0, 4.0], [11.0, 1.0, 2.0, 2.0], [9.0, 9.0, 1.0, 1.0]]
    report, reading = there_and_back(boxes_dataset(boxes, (10, 10)), tmp_path / "out", "yolo")
    assert lost(report, "outside-clipped") == {"a.png objects[0]"}
    assert lost(report, "empty-dropped") == {"a.png objects[1]"}
    assert [entry["bbox"] for entry in objects_of(reading.dataset)["a.png"]] == [[0, 0, 2, 4], [9, 9, 1, 1]]
    polygons = [[[-2.0, 1.0, 4.0, 1.0, 4.0, 5.0, -2.0, 5.0]], [[11.0, 1.0, 12.0, 1.0, 12.0, 2.0]]]
    dataset = boxes_dataset([[0.0, 1.0, 4.0, 4.0], [9.0, 1.0, 1.0, 1.0]], (10, 10), segmentation=polygons)
    report, reading = there_and_back(dataset, tmp_path / "seg", "yolo-seg")
    assert lost(report, "outside-clipped") == {"a.png objects[0]", "a.png objects[1]"}
    assert lost(report, "empty-dropped") == {"a.png objects[1]"}
    [found] = objects_of(reading.dataset)["a.png"]
    assert found["segmentation"] == [[0, 1, 4, 1, 4, 5, 0, 5]]


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(-20, 40), st.integers(-20, 40)), min_size=3, max_size=7))
def test_cutting_off_keeps_the_pixels_inside(points: list[tuple[int, int]]) -> None:
    clipped = clip(np.array(points, float), 20, 20)
    assert ((clipped >= 0) & (clipped <= 20)).all()
    frame = np.zeros((800, 800), np.uint8)  # ten times as fine, and with room around
    cv2.fillPoly(frame, [np.array(points) * 10 + 250], 1)
    cut = np.zeros((800, 800), np.uint8)
    if len(clipped):
        cv2.fillPoly(cut, [np.rint(clipped * 10).astype(int) + 250], 1)
    inside = np.s_[252:448, 252:448]
    edge = cv2.morphologyEx(frame, cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8))
    assert not ((frame != cut) & (edge == 0))[inside].any()


@pytest.mark.parametrize("format", ["yolo-seg", "masks"])
def test_one_pixel_and_three_hundred_objects(format: str, tmp_path: Path) -> None:
    masks = []
    for number in range(300):
        mask = np.zeros((40, 60), bool)
        mask[2 * (number // 30), 2 * (number % 30)] = True
        masks.append(mask)
    report, reading = there_and_back(mask_dataset(masks), tmp_path / "out", format)
    assert not report
    found = objects_of(reading.dataset)["a.png"]
    assert [runs_from_coco(entry["segmentation"]) for entry in found] == list(map(mask_to_runs, masks))
    if format == "yolo-seg":
        lines = (tmp_path / "out/labels/a.txt").read_text().splitlines()
        assert all(len(line.split()) >= 7 for line in lines)


def test_ten_thousand_objects(tmp_path: Path) -> None:
    boxes = [[float(n % 100), float(n // 100), 1.0, 1.0] for n in range(10_000)]
    report, reading = there_and_back(boxes_dataset(boxes, (100, 100)), tmp_path / "out", "yolo")
    assert not report
    assert [entry["bbox"] for entry in objects_of(reading.dataset)["a.png"]] == boxes


def test_parts_are_joined_or_split(tmp_path: Path) -> None:
    mask = np.zeros((20, 30), bool)
    mask[2:8, 2:8] = mask[12:18, 20:28] = True
    report, reading = there_and_back(mask_dataset([mask]), tmp_path / "a", "yolo-seg")
    assert report.rules == ("parts-joined",)
    [found] = objects_of(reading.dataset)["a.png"]
    assert 0.8 < iou_of(found, mask) < 1
    report, reading = there_and_back(mask_dataset([mask]), tmp_path / "b", "yolo-seg", parts="split")
    assert report.rules == ("parts-split",)
    assert [entry["bbox"] for entry in objects_of(reading.dataset)["a.png"]] == [[2, 2, 6, 6], [20, 12, 8, 6]]
    # along the edges of pixels, bridges cover nothing
    report, reading = there_and_back(mask_dataset([mask]), tmp_path / "c", "yolo-seg", outlines="vertices")
    assert report.rules == ("masks-as-polygons", "parts-joined")
    [found] = objects_of(reading.dataset)["a.png"]
    assert iou_of(found, mask) == 1


def test_holes_come_back(tmp_path: Path) -> None:
    mask = np.zeros((20, 30), bool)
    mask[2:18, 2:28] = True
    mask[5:9, 5:9] = mask[10:16, 12:20] = mask[3, 26] = False
    report, reading = there_and_back(mask_dataset([mask]), tmp_path / "out", "yolo-seg")
    assert not report
    [found] = objects_of(reading.dataset)["a.png"]
    assert found["segmentation"] == runs_to_coco(mask_to_runs(mask))
    document = yaml.safe_load((tmp_path / "out/data.yaml").read_text())
    assert document["imagecards"]["outlines"] == "pixels"
    drawn = read(tmp_path / "out", outlines="vertices").dataset
    assert isinstance(objects_of(drawn)["a.png"][0]["segmentation"], list)


def test_empty_masks_and_boxes_only(tmp_path: Path) -> None:
    empty = runs_to_coco(Runs((10, 10), np.array([100])))
    dataset = boxes_dataset([[1.0, 1.0, 2.0, 2.0], [3.0, 3.0, 4.0, 5.0]], (10, 10), segmentation=[empty, None])
    report, reading = there_and_back(dataset, tmp_path / "out", "yolo-seg")
    assert lost(report, "empty-dropped") == {"a.png objects[0]"}
    assert lost(report, "boxes-outlined") == {"a.png objects[1]"}
    [found] = objects_of(reading.dataset)["a.png"]
    assert found["bbox"] == [3, 3, 4, 5]


def test_images_that_differ_by_extension_get_names_of_their_own(tmp_path: Path) -> None:
    sizes = {"a.png": (4, 4), "a.gif": (4, 4), "images/b.png": (4, 4), "noext": (4, 4)}
    box = {"bbox": [[0.0, 0.0, 1.0, 1.0]], "categories": ["cat"]}
    dataset = make_dataset([{"file_name": name, "objects": box} for name in sizes], sizes)
    report, reading = there_and_back(dataset, tmp_path / "out", "yolo")
    assert lost(report, "images-renamed-apart") == {"a.gif -> images/a-2.gif"}
    assert lost(report, "image-hidden") == {"noext"}
    assert set(reading.dataset.names) == {"a.png", "a-2.gif", "images/b.png"}


def test_images_in_two_splits_and_in_none(tmp_path: Path) -> None:
    sizes = {"a.png": (4, 4), "b.png": (4, 4), "c.png": (4, 4)}
    dataset = make_dataset([{"file_name": n} for n in sizes], sizes, {"one": ["a.png"], "two": ["a.png", "b.png"]})
    report, reading = there_and_back(dataset, tmp_path / "out", "yolo")
    assert lost(report, "images-renamed") == {"a.png in one", "a.png in two", "b.png in two"}
    assert set(reading.dataset.names) == {"one/a.png", "two/a.png", "two/b.png", "c.png"}
    assert set(reading.dataset.splits) == {"one", "two"}


def test_options_are_checked(tmp_path: Path) -> None:
    dataset = boxes_dataset([], (4, 4))
    wrong: list[tuple[str, Mapping[str, Any]]] = [
        ("yolo", {"decimals": 5}), ("yolo", {"decimals": 16}), ("yolo-seg", {"parts": "all"}),
        ("yolo-seg", {"outlines": "edges"}), ("masks", {"kind": "things"}), ("yolo", {"parts": "join"}),
    ]  # fmt: skip
    for format, options in wrong:
        with pytest.raises(InvalidInputError):
            write(dataset, tmp_path / "out", format, **options)
    write(dataset, tmp_path / "out", "yolo-seg")
    with pytest.raises(InvalidInputError, match="neither"):
        read(tmp_path / "out", outlines="edges")
    with pytest.raises(InvalidInputError, match="names"):
        read(tmp_path / "out", names=7)


def iou_of(entry: dict[str, Any], mask: np.ndarray) -> float:
    height, width = mask.shape
    return iou(runs_of(entry["segmentation"], height, width), mask_to_runs(mask))


@pytest.fixture
def real() -> list[tuple[str, np.ndarray]]:
    if not REAL.is_dir():
        pytest.skip(f"the masks of MaskTerial are not at {REAL}")
    return [(file.stem, np.asarray(decode(file.read_bytes()))) for file in sorted(REAL.glob("*.png"))]


def test_real_masks(real: list[tuple[str, np.ndarray]], tmp_path: Path) -> None:
    records, sizes, wanted = [], {}, {}
    for stem, ids in real:
        found = [runs for _, runs in instances_of(ids)]
        name = f"{stem}.png"
        boxes = []
        for runs in found:
            mask = mask_of_object({"segmentation": runs_to_coco(runs)}, *runs.size)
            assert mask == runs
            rows, columns = np.nonzero(runs_to_mask(runs))
            x, y = int(columns.min()), int(rows.min())
            boxes.append([float(v) for v in (x, y, columns.max() + 1 - x, rows.max() + 1 - y)])
        objects = {"bbox": boxes, "categories": ["flake"] * len(found), "segmentation": list(map(runs_to_coco, found))}
        records.append({"file_name": name, "objects": objects})
        sizes[name], wanted[name] = (ids.shape[1], ids.shape[0]), found
    assert sum(map(len, wanted.values())) == 51
    report, reading = there_and_back(make_dataset(records, sizes), tmp_path / "out", "yolo-seg")
    assert not report
    exact = 0
    for name, entries in objects_of(reading.dataset).items():
        width, height = sizes[name]
        assert [runs_from_coco(entry["segmentation"]) for entry in entries] == wanted[name]
        lines = (tmp_path / "out/labels" / f"{name[:-4]}.txt").read_text().splitlines()
        for line, runs in zip(lines, wanted[name], strict=True):
            values = np.array(line.split()[1:], float).reshape(-1, 2)
            canvas = np.zeros((height, width), np.uint8)
            cv2.fillPoly(canvas, [(values * (width, height)).astype(np.int32)], 1)
            exact += bool((canvas == runs_to_mask(runs)).all())
    assert exact == 51  # also the one with a hole


def test_splits_of_any_name(tmp_path: Path) -> None:
    names = ("val", "valid", "train", "path", "images", "labels", "imagecards", "深 い")
    sizes = {f"{name}/a.png": (4, 4) for name in names}
    box = {"bbox": [[0.0, 0.0, 1.0, 1.0]], "categories": ["cat"]}
    records = [{"file_name": name, "objects": box} for name in sizes]
    dataset = make_dataset(records, sizes, {name: [f"{name}/a.png"] for name in names})
    report, reading = there_and_back(dataset, tmp_path / "out", "yolo")
    assert not report
    assert dict(reading.dataset.splits) == dict(dataset.splits)
    assert objects_of(reading.dataset) == objects_of(dataset)
    document = yaml.safe_load((tmp_path / "out/data.yaml").read_text())
    assert (document["train"], document["val"], document["valid"]) == ("train/images", "val/images", "valid/images")
    assert "path" not in document


def test_categories_of_any_name(tmp_path: Path) -> None:
    names = ["", "a: b", "no", "1", "'\"", "x\ty", "-", "深い", "* &"]
    objects = {"bbox": [[0.0, 0.0, 1.0, 1.0]] * len(names), "categories": names}
    dataset = make_dataset([{"file_name": "a.png", "objects": objects}], {"a.png": (4, 4)})
    assert not write(dataset, tmp_path / "out", "yolo")
    reading = read(tmp_path / "out")
    assert set(reading.report.counts) <= {"class-name", "repeated-line"}
    assert [entry["category"] for entry in objects_of(reading.dataset)["a.png"]] == names


@st.composite
def overlapping_parts(draw: st.DrawFn) -> list[list[float]]:
    """Two to four polygons of one object: boxes, triangles and diamonds, anywhere in an image of 60 x 50."""
    parts = []
    for _ in range(draw(st.integers(2, 4))):
        x, y = draw(st.integers(0, 39)), draw(st.integers(0, 29))
        w, h = draw(st.integers(8, 20)), draw(st.integers(8, 20))
        shapes: list[list[float]] = [
            [x, y, x + w, y, x + w, y + h, x, y + h],
            [x, y, x + w, y, x + w / 2, y + h],
            [x + w / 2, y, x + w, y + h / 2, x + w / 2, y + h, x, y + h / 2],
        ]
        parts.append([float(value) for value in draw(st.sampled_from(shapes))])
    return parts


def filled(polygons: list[np.ndarray]) -> np.ndarray:
    """What OpenCV fills, four times as fine."""
    mask = np.zeros((200, 240), np.uint8)
    for polygon in polygons:
        one = np.zeros_like(mask)
        cv2.fillPoly(one, [np.round(polygon.reshape(-1, 2) * 4).astype(np.int32)], 1)
        mask |= one
    return mask


@settings(max_examples=60, deadline=None)
@given(overlapping_parts())
@example([[0.0, 0, 20, 0, 20, 20, 0, 20], [10.0, 10, 30, 10, 30, 30, 10, 30]])
@example([[0.0, 0, 20, 0, 20, 20, 0, 20], [5.0, 5, 15, 5, 15, 15, 5, 15]])  # one within the other
@example([[0.0, 0, 20, 0, 20, 20, 0, 20]] * 2)
@example([[0.0, 0, 8, 0, 8, 8, 0, 8]] * 2 + [[4.0, 20, 8, 24, 4, 28, 0, 24]])  # small ones, far apart
def test_parts_that_overlap_are_written_as_what_they_cover(parts: list[list[float]]) -> None:
    box = np.concatenate([np.reshape(part, (-1, 2)) for part in parts])
    low, high = box.min(axis=0), box.max(axis=0)
    bbox = [float(value) for value in (*low, *(high - low))]
    objects = {"bbox": [bbox], "categories": ["cat"], "segmentation": [parts]}
    dataset = make_dataset([{"file_name": "a.png", "objects": objects}], {"a.png": (60, 50)})
    with tempfile.TemporaryDirectory() as folder:
        write(dataset, Path(folder, "out"), "yolo-seg", outlines="vertices")
        (line,) = Path(folder, "out/labels/a.txt").read_text().splitlines()
    written = np.array(line.split()[1:], float).reshape(-1, 2) * (60, 50)
    got = filled([written])
    near = np.ones((13, 13), np.uint8)  # a pixel and a half to each side
    for part in parts:
        assert got[cv2.erode(filled([np.array(part)]), near) > 0].all()
    without_bridges = cv2.morphologyEx(got, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    allowed = cv2.dilate(filled([np.array(part) for part in parts]), near)
    assert not without_bridges[allowed == 0].any()
