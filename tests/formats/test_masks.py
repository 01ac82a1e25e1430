"""Masks: written and read again they are the same, or what the report says; and masks as others leave them."""

import json
import shutil
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.formats.strategies import datasets, make_dataset

from imagecards.datasets import ImageDataset
from imagecards.errors import InvalidInputError, InvalidMetadataError
from imagecards.formats import LossReport, Reading, read, write
from imagecards.formats import losses as losses_module
from imagecards.formats.catalog import find_format
from imagecards.formats.masks.table import colour_of
from imagecards.formats.outlines import mask_of_object
from imagecards.geometry import instances_of, mask_to_runs, runs_from_coco, runs_to_coco, runs_to_mask

REAL = Path(__file__).parents[3] / "shared" / "data" / "maskterial" / "GrapheneH"


@pytest.fixture(autouse=True)
def _all_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses_module, "_EXAMPLES", 1000)


def objects_of(dataset: ImageDataset) -> dict[str, list[dict[str, Any]] | None]:
    found: dict[str, list[dict[str, Any]] | None] = {}
    for record in dataset.records:
        found[record.file_name] = None
        if record.objects is not None:
            lists = record.objects.present()
            names = [name if name != "categories" else "category" for name in lists]
            found[record.file_name] = [dict(zip(names, row, strict=True)) for row in zip(*lists.values(), strict=True)]
    return found


def lost(report: LossReport, rule: str) -> set[str]:
    return {place.split(" (")[0] for loss in report if loss.rule == rule for place in loss.examples}


def one_image(entries: Sequence[tuple[str, np.ndarray]], **attributes: Any) -> ImageDataset:
    """A dataset of one image and its masks."""
    boxes = []
    for _, mask in entries:
        rows, columns = np.nonzero(mask)
        x, y = int(columns.min()), int(rows.min())
        boxes.append([float(v) for v in (x, y, int(columns.max()) + 1 - x, int(rows.max()) + 1 - y)])
    outlines = [runs_to_coco(mask_to_runs(mask)) for _, mask in entries]
    objects = {"bbox": boxes, "categories": [name for name, _ in entries], "segmentation": outlines}
    height, width = entries[0][1].shape
    return make_dataset([{"file_name": "a.png", "objects": objects}], {"a.png": (width, height)}, attributes=attributes)


def block(x: int, y: int, w: int, h: int, size: tuple[int, int] = (20, 30)) -> np.ndarray:
    mask = np.zeros(size, bool)
    mask[y : y + h, x : x + w] = True
    return mask


def opened(place: Path) -> Image.Image:
    with Image.open(place) as image:
        image.load()
        return image


def save(place: Path, array: np.ndarray, palette: Sequence[int] | None = None, **options: Any) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(array)
    if palette is not None:
        image.putpalette(palette)
    image.save(place, **options)


@settings(max_examples=150)
@given(dataset=datasets(), kind=st.sampled_from(["instances", "classes", "colours"]))
def test_they_come_back(dataset: ImageDataset, kind: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    to = tmp_path_factory.mktemp("masks") / "out"
    report = write(dataset, to, "masks", kind=kind)
    if not len(dataset):
        return
    reading = read(to)
    assert reading.format == "masks"
    assert not reading.report, reading.report.render()
    assert {k: set(v) for k, v in reading.dataset.splits.items()} == {k: set(v) for k, v in dataset.splits.items()}
    before, after = objects_of(dataset), objects_of(reading.dataset)
    assert before.keys() == after.keys()
    names = [category for entries in before.values() for category in [entry["category"] for entry in entries or ()]]
    assert {entry["name"] for entry in reading.dataset.attributes["categories"]} == set(names)
    for name, entries in before.items():
        width, height = reading.dataset.image(name).size
        masks = [runs_to_mask(mask_of_object(entry, height, width)) for entry in entries or ()]
        top = np.full((height, width), -1)  # the object that is to be seen
        for number, mask in enumerate(masks):
            top[mask] = number
        wanted: dict[Any, np.ndarray] = {}
        for number, entry in enumerate(entries or ()):
            place = f"{name} objects[{number}]"
            key = number if kind == "instances" else entry["category"]
            others = [n for n in range(len(masks)) if kind == "instances" or (entries or ())[n]["category"] != key]
            hidden = masks[number] & (np.isin(top, [n for n in others if n != number]))
            assert (place in lost(report, "objects-hidden")) == bool((hidden == masks[number]).all())
            assert (place in lost(report, "overlap-hidden")) == bool(
                hidden.any() and not (hidden == masks[number]).all()
            )
            visible = masks[number] & ~hidden
            if visible.any():
                assert (place in lost(report, "instances-united")) == (key in wanted)
                wanted[key] = wanted.get(key, np.zeros_like(visible)) | visible
            assert (place in lost(report, "boxes-filled")) == (entry.get("segmentation") is None)
            assert (place in lost(report, "polygons-drawn")) == isinstance(entry.get("segmentation"), list)
        found = [runs_from_coco(entry["segmentation"]) for entry in after[name] or ()]
        expected = [mask_to_runs(mask) for mask in wanted.values()]
        if name not in lost(report, "objects-reordered"):
            assert found == expected
            if kind != "instances":
                assert [entry["category"] for entry in after[name] or ()] == list(wanted)
        else:
            assert {hash(runs) for runs in found} == {hash(runs) for runs in expected}


def test_attributes_and_categories_come_back(tmp_path: Path) -> None:
    said = [{"id": 0, "name": "dog", "supercategory": "animal"}, {"id": 300, "name": "cat", "color": [1, 2, 3]}]
    dataset = one_image([("cat", block(1, 1, 3, 3)), ("dog", block(9, 9, 2, 2))], categories=said)
    for kind in ("instances", "classes", "colours"):
        report = write(dataset, tmp_path / kind, "masks", kind=kind)
        assert set(report.rules) <= {"objects-reordered"}
        reading = read(tmp_path / kind)
        assert reading.dataset.attributes["categories"] == said
        assert {entry["category"] for entry in objects_of(reading.dataset)["a.png"] or ()} == {"cat", "dog"}


def test_ids_are_values_where_they_can_be(tmp_path: Path) -> None:
    for first, value in ((3, 3), (0, 2)):
        said = [{"id": first, "name": "dog"}, {"id": 7, "name": "cat"}]
        dataset = one_image([("cat", block(1, 1, 3, 3))], categories=said)
        folder = tmp_path / str(first)
        write(dataset, folder, "masks", kind="classes")
        pixels = np.asarray(opened(folder / "masks/a.png"))
        assert set(np.unique(pixels)) == {0, 7 if value == 3 else value}


def test_palettes_and_colours(tmp_path: Path) -> None:
    dataset = one_image([("cat", block(1, 1, 3, 3)), ("dog", block(9, 9, 2, 2))])
    write(dataset, tmp_path / "few", "masks", kind="colours")
    image = opened(tmp_path / "few/masks/a.png")
    assert image.mode == "P"
    assert image.convert("RGB").getpixel((1, 1)) == colour_of(1) == (128, 0, 0)
    many = [(f"{number:03d}", block(number % 30, number // 30, 1, 1)) for number in range(400)]
    report = write(one_image(many), tmp_path / "many", "masks", kind="colours")
    assert not report
    assert opened(tmp_path / "many/masks/a.png").mode == "RGB"
    assert len({colour_of(number) for number in range(1, 70_000)}) == 69_999
    found = objects_of(read(tmp_path / "many").dataset)["a.png"] or []
    assert {entry["category"]: tuple(entry["bbox"][:2]) for entry in found} == {
        name: (number % 30, number // 30) for number, (name, _) in enumerate(many)
    }


def test_three_hundred_instances_keep_their_ids(tmp_path: Path) -> None:
    entries = [("cat", block(2 * (n % 15), n // 15, 1, 1)) for n in range(300)]
    assert not write(one_image(entries), tmp_path / "out", "masks")
    image = opened(tmp_path / "out/masks/a.png")
    assert image.mode == "I;16"
    assert sorted(np.unique(np.asarray(image))) == list(range(301))
    found = objects_of(read(tmp_path / "out").dataset)["a.png"] or []
    assert [runs_from_coco(entry["segmentation"]) for entry in found] == [mask_to_runs(mask) for _, mask in entries]


def test_overlaps_are_told_with_their_pixels(tmp_path: Path) -> None:
    entries = [("a", block(0, 0, 4, 4)), ("b", block(10, 10, 2, 2)), ("c", block(2, 2, 4, 4)), ("d", block(9, 9, 5, 5))]
    report = write(one_image(entries), tmp_path / "out", "masks")
    places = {loss.rule: loss.examples for loss in report}
    assert places == {"overlap-hidden": ("a.png objects[0] (4 px)",), "objects-hidden": ("a.png objects[1] (4 px)",)}
    found = objects_of(read(tmp_path / "out").dataset)["a.png"] or []
    assert [entry["category"] for entry in found] == ["a", "c", "d"]
    assert all("instance" not in entry for entry in found)  # numbered without gaps


def test_unknown_and_negative_stay_apart(tmp_path: Path) -> None:
    sizes = {"a.png": (4, 4), "b.png": (4, 4), "深/ü.png": (4, 4)}
    records: list[dict[str, Any]] = [
        {"file_name": "a.png"},
        *({"file_name": n, "objects": {"bbox": [], "categories": []}} for n in ("b.png", "深/ü.png")),
    ]
    report = write(make_dataset(records, sizes), tmp_path / "out", "masks")
    assert not report
    reading = read(tmp_path / "out")
    assert reading.report.counts == {"no-mask": 1}
    assert objects_of(reading.dataset) == {"a.png": None, "b.png": [], "深/ü.png": []}


def test_without_images(tmp_path: Path) -> None:
    dataset = one_image([("cat", block(1, 1, 3, 3))])
    write(dataset, tmp_path / "out", "masks", images=False)
    reading = read(tmp_path / "out", "masks", check_images=False)
    assert objects_of(reading.dataset) == objects_of(dataset)
    with pytest.raises(InvalidMetadataError):
        read(tmp_path / "out", "masks")


def test_what_has_no_place_is_told(tmp_path: Path) -> None:
    objects = {
        "bbox": [[0.0, 0.0, 1.5, 1.0], [3.0, 3.0, 0.1, 0.1]], "categories": [1, 2], "id": [4, 5], "iscrowd": [1, 0],
        "instance": ["x", "y"],
    }  # fmt: skip
    sizes = {"a.png": (4, 4), "a.gif": (4, 4)}
    records: list[dict[str, Any]] = [{"file_name": "a.png", "objects": objects, "caption": "x"}, {"file_name": "a.gif"}]
    report = write(make_dataset(records, sizes), tmp_path / "out", "masks")
    assert set(report.rules) == {
        "boxes-filled", "boxes-recomputed", "captions-dropped", "crowds-dropped", "empty-dropped", "fields-dropped",
        "ids-dropped", "images-renamed-apart",
    }  # fmt: skip
    found = objects_of(read(tmp_path / "out").dataset)
    assert [entry["category"] for entry in found["a.png"] or ()] == [1]


LAYOUTS = {
    "images first": ("images/train/x.jpg", "masks/train/x.png", "train/x.jpg"),
    "split first": ("val/images/x.jpg", "val/masks/x.png", "val/x.jpg"),
    "no splits": ("images/x.jpg", "masks/x.png", "x.jpg"),
    "folders": ("images/a/x.jpg", "masks/a/x.png", "a/x.jpg"),
    "maskterial": ("train_images/x.jpg", "train_semantic_masks/x.png", "train/x.jpg"),
    "instances": ("images/x.jpg", "instance_masks/x.png", "x.jpg"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout: str, tmp_path: Path) -> None:
    image, mask, name = LAYOUTS[layout]
    save(tmp_path / "in" / image, np.zeros((6, 8), np.uint8))
    save(tmp_path / "in" / mask, np.array([[0, 1, 2, 2]] * 6, np.uint8).repeat(2, axis=1))
    reading = read(tmp_path / "in")
    assert reading.format == "masks"
    assert not reading.report
    entries = objects_of(reading.dataset)[name] or []
    assert [entry["bbox"] for entry in entries] == [[2, 0, 2, 6], [4, 0, 4, 6]]
    semantic = "semantic" in mask
    assert [entry["category"] for entry in entries] == (["1", "2"] if semantic else ["object", "object"])
    assert list(reading.dataset.splits) == [name.split("/")[0]] * ("/" in name and layout != "folders")
    assert reading.dataset.annotation_files == {mask: str(tmp_path / "in" / mask)}


def test_images_elsewhere(tmp_path: Path) -> None:
    save(tmp_path / "in/masks/train/x.png", np.ones((6, 8), np.uint8))
    save(tmp_path / "pictures/train/x.jpg", np.zeros((6, 8), np.uint8))
    for images in (tmp_path / "pictures",):
        reading = read(tmp_path / "in", "masks", images=images)
        assert list(objects_of(reading.dataset)) == ["train/x.jpg"]
        assert not reading.report


def pixels(values: Any, dtype: Any = np.uint8) -> np.ndarray:
    return np.array(values, dtype)


def folder_of(tmp_path: Path, mask: np.ndarray, palette: Sequence[int] | None = None, **options: Any) -> Path:
    save(tmp_path / "in/images/a.png", np.zeros(mask.shape[:2], np.uint8))
    save(tmp_path / "in/masks/a.png", mask, palette, **options)
    return tmp_path / "in"


def categories(reading: Reading) -> list[Any]:
    return [entry["category"] for entry in objects_of(reading.dataset)["a.png"] or ()]


def test_kinds_of_pixels(tmp_path: Path) -> None:
    palette = [9, 9, 9, 9, 9, 9, 1, 2, 3]  # two indices of one colour: indices are read, not colours
    folder = folder_of(tmp_path, pixels([[0, 1, 2]]), palette)
    assert categories(read(folder)) == ["1", "2"]
    assert categories(read(folder, kind="instances")) == ["object", "object"]
    assert categories(read(folder, names=["x", "y"])) == ["x", "y"]
    assert categories(read(folder, names={"1": "x", "2": "y"})) == ["x", "y"]
    folder = folder_of(tmp_path / "wide", pixels([[0, 1, 65_535]], np.uint16))
    reading = read(folder)
    assert [entry["instance"] for entry in objects_of(reading.dataset)["a.png"] or ()] == [1, 65_535]
    assert not write(reading.dataset, tmp_path / "again", "masks")
    assert objects_of(read(tmp_path / "again").dataset) == objects_of(reading.dataset)
    assert categories(read(folder, kind="classes")) == ["1", "65535"]
    folder = folder_of(tmp_path / "bits", pixels([[False, True]], bool))
    assert categories(read(folder)) == ["object"]


def test_grey_of_few_bits(tmp_path: Path) -> None:
    import struct
    import zlib

    folder = folder_of(tmp_path, pixels([[0, 0, 0, 0]]))
    head = struct.pack(">IIBBBBB", 4, 1, 2, 0, 0, 0, 0)  # two bits of grey
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"\0" + bytes([0b00011011]))), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    (folder / "masks/a.png").write_bytes(data)
    assert categories(read(folder, kind="classes")) == ["1", "2", "3"]


def test_colours(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, pixels([[[0, 0, 0], [255, 0, 1], [2, 3, 4]]]))
    assert categories(read(folder)) == ["#020304", "#ff0001"]
    table = {"cat": (255, 0, 1), "dog": "#020304"}
    reading = read(folder, colours=table)
    assert categories(reading) == ["dog", "cat"]
    assert [entry["name"] for entry in reading.dataset.attributes["categories"]] == ["cat", "dog"]
    reading = read(folder, colours={"cat": (255, 0, 1)}, strict=False)
    [issue] = reading.report
    assert (issue.rule, issue.file, issue.field) == ("unknown-value", "masks/a.png", "pixels #020304")
    assert categories(reading) == ["cat"]
    folder = folder_of(tmp_path / "grey", pixels([[[0, 0, 0], [5, 5, 5]]]))
    assert categories(read(folder, kind="instances")) == ["object"]
    options: list[dict[str, Any]] = [
        {"names": 3},
        {"names": {}},
        {"colours": {"a": (1, 2)}},
        {"colours": 3},
        {"kind": "x"},
    ]
    for wrong in options:
        with pytest.raises(InvalidInputError):
            read(folder, "masks", **wrong)


def encoded(array: np.ndarray, format: str = "PNG") -> bytes:
    Image.fromarray(array).save(file := BytesIO(), format)
    return file.getvalue()


NOISE = np.random.default_rng(0).integers(0, 256, (100, 100, 3), np.uint8)
BAD_MASKS = {
    "text": (b"a mask", "unreadable-file"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\n", "unreadable-file"),
    "empty": (b"", "unreadable-file"),
    "cut off": (encoded(NOISE)[:200], "unreadable-file"),
    "huge": (encoded(NOISE)[:16] + b"\x7f\xff\xff\xff\x7f\xff\xff\xff" + encoded(NOISE)[24:], "unreadable-file"),
    "photograph": (encoded(NOISE), "unreadable-file"),
    "jpeg": (encoded(NOISE[:, :, 0], "JPEG"), "unreadable-file"),
    "stripes": (encoded(np.arange(5000, dtype=np.uint8).repeat(5000).reshape(5000, 5000) % 2), "unreadable-file"),
    "two channels": (encoded(NOISE[:, :, :2]), "unreadable-file"),
    "another size": (encoded(np.ones((3, 3), np.uint8)), "size-differs"),
}


@pytest.mark.parametrize("kind", BAD_MASKS)
def test_bad_masks(kind: str, tmp_path: Path) -> None:
    data, rule = BAD_MASKS[kind]
    folder = folder_of(tmp_path, np.ones((100, 100), np.uint8))
    save(folder / "images/b.png", np.zeros((100, 100), np.uint8))
    (folder / "masks/b.png").write_bytes(data)
    with pytest.raises(InvalidMetadataError) as caught:
        read(folder)
    assert [(issue.file, issue.rule) for issue in caught.value.issues] == [("masks/b.png", rule)]
    reading = read(folder, strict=False)
    assert categories(reading) == ["object"]
    assert objects_of(reading.dataset).get("b.png") is None


def test_colours_where_numbers_are_wanted(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, NOISE)
    reading = read(folder, kind="classes", strict=False)
    assert [issue.rule for issue in reading.report] == ["unreadable-file"]


def test_masks_and_images_without_each_other(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, pixels([[0, 1]]))
    save(folder / "images/b.png", np.zeros((2, 2), np.uint8))
    save(folder / "masks/c.png", np.zeros((2, 2), np.uint8))
    save(folder / "images/a.gif", np.zeros((1, 2), np.uint8))
    reading = read(folder, strict=False)
    assert {(issue.file, issue.rule) for issue in reading.report} == {
        ("images/b.png", "no-mask"), ("masks/c.png", "missing-file"), ("images/a.png", "ambiguous-mask"),
    }  # fmt: skip


BAD_TABLES: dict[str, tuple[Any, str]] = {
    "text": ("x", "unreadable-file"),
    "list": ([], "unreadable-file"),
    "kind": ({"kind": "things"}, "unreadable-file"),
    "category": ({"kind": "classes", "categories": [{"id": 1}]}, "unreadable-file"),
    "same id": ({"kind": "classes", "categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}, "unreadable-file"),
    "categories": ({"kind": "classes", "categories": {}}, "unreadable-file"),
    "value": ({"kind": "classes", "categories": [{"id": 1, "name": "a"}], "values": {"-1": 1}}, "unreadable-file"),
    "no category": ({"kind": "classes", "values": {"1": 1}}, "unreadable-file"),
    "colour": ({"kind": "colours", "categories": [{"id": 1, "name": "a"}], "colours": {"red": 1}}, "unreadable-file"),
    "instances": ({"kind": "instances", "instances": {"a.png": [1]}}, "unreadable-file"),
    "unknown class": ({"kind": "classes", "categories": [{"id": 1, "name": "a"}], "values": {"9": 1}}, "unknown-value"),
    "unknown instance": ({"kind": "instances", "categories": [], "instances": {}}, "unknown-value"),
}


@pytest.mark.parametrize("kind", BAD_TABLES)
def test_bad_tables(kind: str, tmp_path: Path) -> None:
    document, rule = BAD_TABLES[kind]
    folder = folder_of(tmp_path, pixels([[0, 1]]))
    (folder / "masks.json").write_text("{" if document == "x" else json.dumps(document))
    with pytest.raises(InvalidMetadataError) as caught:
        read(folder)
    assert {issue.rule for issue in caught.value.issues} == {rule}
    assert caught.value.issues[0].file in ("masks.json", "masks/a.png")
    read(folder, strict=False)


def test_an_instance_that_is_not_in_the_mask(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, pixels([[0, 2]]))
    said = {"kind": "instances", "categories": [{"id": 5, "name": "cat"}], "instances": {"a.png": {"2": 5, "3": 5}}}
    (folder / "masks.json").write_text(json.dumps(said))
    reading = read(folder / "masks.json")
    assert reading.report.counts == {"missing-instance": 1}
    assert categories(reading) == ["cat"]


def test_they_are_recognised(tmp_path: Path) -> None:
    assert find_format(folder_of(tmp_path, pixels([[0, 1]]))).name == "masks"
    write(one_image([("cat", block(1, 1, 3, 3))]), tmp_path / "out", "masks")
    assert find_format(tmp_path / "out").name == "masks"
    assert find_format(tmp_path / "out/masks.json").name == "masks"


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the masks of MaskTerial are not at {REAL}")
def test_real_masks(tmp_path: Path) -> None:
    reading = read(REAL)
    assert reading.format == "masks"
    assert not reading.report
    found = objects_of(reading.dataset)
    areas = []
    for file in sorted((REAL / "instance_masks").glob("*.png")):
        wanted = instances_of(np.asarray(opened(file)))
        entries = found[f"{file.stem}.jpg"] or []
        assert [runs_from_coco(entry["segmentation"]) for entry in entries] == [runs for _, runs in wanted]
        areas += [int(runs.counts[1::2].sum()) for _, runs in wanted]
    assert len(areas) == 51
    assert sum(areas) == 74_443
    assert [sum(area >= least for area in areas) for least in (200, 300)] == [49, 41]
    assert not write(reading.dataset, tmp_path / "out", "masks")
    for file in sorted((REAL / "instance_masks").glob("*.png")):
        again = np.asarray(opened(tmp_path / "out/masks" / file.name))
        assert (again == np.asarray(opened(file))).all()
    shutil.rmtree(tmp_path / "out")
