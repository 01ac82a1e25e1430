"""Severstal's CSV in and out: the same masks, and every bad row told with its line."""

import csv
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as coco_mask
from tests.formats.sameness import said
from tests.formats.strategies import CATEGORIES, datasets, make_dataset

from imagecards.datasets import ImageDataset
from imagecards.errors import FormatError, ImageCardsError, InvalidInputError, InvalidMetadataError
from imagecards.formats import LossReport, find_format, read, write
from imagecards.formats.outlines import mask_of_object, runs_of
from imagecards.geometry import area, bounds, mask_to_runs, runs_to_coco, union

FIRST = "29102 12 29346 24 29602 24 29858 24 30114 24 30370 24 30626 24"
ROWS = "ImageId,ClassId,EncodedPixels\n"
LEGACY = "ImageId_ClassId,EncodedPixels\n"
FLAKES = Path(__file__).parents[3] / "shared" / "data" / "maskterial" / "GrapheneH"


def draw(path: Path, size: tuple[int, int] = (10, 8)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size).save(path)


def put(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def back(dataset: ImageDataset, **options: Any) -> tuple[ImageDataset, LossReport, dict[str, str]]:
    """A dataset written and read again, what was lost, and the CSV files."""
    with tempfile.TemporaryDirectory() as folder:
        to = Path(folder, "out")
        losses = write(dataset, to, "severstal", **options)
        files = {path.relative_to(to).as_posix(): path.read_text() for path in to.rglob("*.csv")}
        check_images = options.get("images", True)
        return read(to, "severstal", check_images=check_images, classes=9).dataset, losses, files


def masks(dataset: ImageDataset) -> dict[str, dict[str, Any]]:
    """The union of the masks of each class, by image."""
    found: dict[str, dict[str, Any]] = {}
    sizes = zip(dataset.table["height"].to_pylist(), dataset.table["width"].to_pylist(), strict=True)
    for (image, fields), size in zip(said(dataset).items(), sizes, strict=True):
        classes: dict[str, list[Any]] = {}
        for entry in fields["objects"]:
            classes.setdefault(str(entry["categories"]), []).append(mask_of_object(entry, *size))
        found[image] = {name: union(parts) for name, parts in classes.items()}
    return found


def test_the_first_row_of_the_real_file(tmp_path: Path) -> None:
    put(tmp_path / "train.csv", f"{ROWS}0002cc93b.jpg,1,{FIRST}\n")
    draw(tmp_path / "train_images" / "0002cc93b.jpg", (1600, 256))
    draw(tmp_path / "train_images" / "00031f466.jpg", (1600, 256))
    assert find_format(tmp_path).name == "severstal"
    found = read(tmp_path)
    assert not len(found.report)
    (entry,) = said(found.dataset)["train/0002cc93b.jpg"]["objects"]
    outline = entry["segmentation"]
    assert entry["bbox"] == [113, 161, 7, 24]
    assert entry["categories"] == "1"
    assert area(runs_of(outline, 256, 1600)) == 156 == coco_mask.area(outline)
    assert coco_mask.toBbox(outline).tolist() == [113, 161, 7, 24]
    assert said(found.dataset)["train/00031f466.jpg"] == {"objects": []}
    assert found.dataset.attributes["categories"] == [{"id": n, "name": str(n)} for n in range(1, 5)]
    assert dict(found.dataset.splits) == {"train": ("train/0002cc93b.jpg", "train/00031f466.jpg")}
    assert list(found.dataset.annotation_files) == ["train.csv"]
    _, losses, files = back(found.dataset)
    assert losses.rules == ()
    assert files == {"train.csv": f"{ROWS}0002cc93b.jpg,1,{FIRST}\n"}


class TestRoundTrip:
    @settings(max_examples=60, deadline=None)
    @given(datasets(), st.sampled_from(["rows", "legacy"]))
    def test_masks_by_class(self, dataset: ImageDataset, variant: str) -> None:
        after, losses, _ = back(dataset, variant=variant)
        classes = {name: str(place) for place, name in enumerate(sorted(set(CATEGORIES) & used(dataset)), start=1)}
        before = {
            image: {classes[name]: mask for name, mask in found.items()} for image, found in masks(dataset).items()
        }
        assert masks(after) == before
        assert {k: sorted(v) for k, v in after.splits.items()} == {k: sorted(v) for k, v in dataset.splits.items()}
        objects = [entry for fields in said(dataset).values() for entry in fields["objects"]]
        rules = set(losses.rules)
        assert ("boxes-as-masks" in rules) == any("segmentation" not in entry for entry in objects)
        assert ("outlines-as-rle" in rules) == any(isinstance(entry.get("segmentation"), list) for entry in objects)
        assert ("instances-united" in rules) == any(
            len(names) > len(set(names))
            for names in ([entry["categories"] for entry in fields["objects"]] for fields in said(dataset).values())
        )
        assert rules <= {"boxes-as-masks", "outlines-as-rle", "instances-united", "names-dropped"}

    @settings(max_examples=30, deadline=None)
    @given(datasets(kinds=("rle",)))
    def test_a_second_time_nothing_is_lost(self, dataset: ImageDataset) -> None:
        with tempfile.TemporaryDirectory() as folder:
            write(dataset, Path(folder, "one"), "severstal")
            after = read(Path(folder, "one"), "severstal", classes=9).dataset
            again, losses, files = back(after)
            assert {name: Path(folder, "one", name).read_text() for name in files} == files
        assert losses.rules == ()
        assert said(again) == said(after)

    @pytest.mark.parametrize("variant", ["rows", "legacy"])
    def test_variants(self, variant: str) -> None:
        outline = runs_to_coco(mask_to_runs(np.eye(8, 10, dtype=bool)))
        objects = {"bbox": [[0, 0, 8, 8]], "categories": ["3"], "segmentation": [outline]}
        records = [
            {"file_name": "n.png", "objects": {"bbox": [], "categories": []}},
            {"file_name": "a,b.png", "objects": objects},
        ]
        attributes = {"categories": [{"id": n, "name": str(n)} for n in range(1, 5)]}
        dataset = make_dataset(records, dict.fromkeys(("a,b.png", "n.png"), (10, 8)), None, attributes)
        after, losses, files = back(dataset, variant=variant)
        assert losses.rules == ()
        assert said(after) == said(dataset)
        lines = list(csv.reader(files["annotations.csv"].splitlines()))
        pixels = "1 1 10 1 19 1 28 1 37 1 46 1 55 1 64 1"
        if variant == "rows":
            assert lines[1:] == [["a,b.png", "3", pixels]]
        else:
            assert lines[1:] == [
                [f"{name}_{n}", pixels if (name, n) == ("a,b.png", 3) else ""]
                for name in ("n.png", "a,b.png")
                for n in range(1, 5)
            ]

    def test_what_is_not_held_is_told(self) -> None:
        objects = {
            "bbox": [[0, 0, 5, 5], [0, 0, 1, 1]],
            "categories": ["cat", "cat"],
            "segmentation": [[[1, 1, 4, 1, 4, 4, 1, 4]], [[0.1, 0.1, 0.2, 0.1, 0.2, 0.2]]],
            "area": [9, 1],
            "id": [1, 2],
            "iscrowd": [1, 0],
        }
        records: list[dict[str, Any]] = [
            {"file_name": "a.png", "caption": "x", "note": 1, "objects": objects},
            {"file_name": "b.png"},
        ]
        attributes = {"categories": [{"id": 0, "name": "cat", "supercategory": "x"}], "info": {"a": 1}}
        dataset = make_dataset(records, dict.fromkeys(("a.png", "b.png"), (10, 8)), None, attributes)
        after, losses, files = back(dataset)
        assert set(losses.rules) == {
            "areas-dropped",
            "attributes-dropped",
            "boxes-of-masks",
            "captions-dropped",
            "categories-renumbered",
            "category-fields-dropped",
            "crowds-dropped",
            "empty-masks-dropped",
            "fields-dropped",
            "ids-dropped",
            "names-dropped",
            "outlines-as-rle",
            "unknown-as-negative",
        }
        assert files["annotations.csv"] == f"{ROWS}a.png,1,10 3 18 3 26 3\n"
        assert after.names == ("a.png", "b.png")

    def test_without_images(self) -> None:
        records: list[dict[str, Any]] = [
            {"file_name": name, "objects": {"bbox": [], "categories": []}} for name in ("a.png", "b.png")
        ]
        dataset = make_dataset(records, {"a.png": (10, 8), "b.png": (1600, 256)})
        after, losses, _ = back(dataset, images=False)
        assert losses.rules == ("negatives-dropped", "sizes-dropped")
        assert [loss.count for loss in losses] == [2, 1]
        assert after.names == ()
        after, losses, _ = back(dataset, images=False, variant="legacy")
        assert losses.rules == ("sizes-dropped",)
        assert after.names == ("a.png", "b.png")

    def test_real_masks(self) -> None:
        if not FLAKES.is_dir():
            pytest.skip(f"the masks of MaskTerial are not there ({FLAKES})")
        records: list[dict[str, Any]] = []
        sizes: dict[str, tuple[int, int]] = {}
        for path in sorted((FLAKES / "instance_masks").glob("*.png")):
            ids = np.asarray(Image.open(path))
            found = [mask_to_runs(ids == value) for value in np.unique(ids)[1:]]
            objects = {
                "bbox": [list(bounds(runs)) for runs in found],
                "categories": [str(n % 4 + 1) for n in range(len(found))],
                "segmentation": [runs_to_coco(runs) for runs in found],
            }
            records.append({"file_name": f"{path.stem}.jpg", "objects": objects})
            sizes[f"{path.stem}.jpg"] = ids.shape[1], ids.shape[0]
        dataset = make_dataset(records, sizes)
        after, losses, _ = back(dataset)
        assert losses.rules == ("instances-united",)
        assert masks(after) == masks(dataset)


def used(dataset: ImageDataset) -> set[str]:
    return {entry["categories"] for fields in said(dataset).values() for entry in fields["objects"]}


class TestReading:
    @pytest.mark.parametrize("nothing", ["", "-1", "NaN", "nan", " "])
    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_no_mask(self, tmp_path: Path, nothing: str, end: str) -> None:
        text = (
            f"{LEGACY}a_1.png_1,{nothing}\na_1.png_2,1 3\na_1.png_3,{nothing}\na_1.png_4,{nothing}\nb.png_1,{nothing}\n"
        )
        file = put(tmp_path / "train.csv", text.replace("\n", end))
        found = read(file, check_images=False, size="10x8")
        assert not len(found.report)
        fields = said(found.dataset)
        assert [entry["categories"] for entry in fields["a_1.png"]["objects"]] == ["2"]
        assert fields["b.png"] == {"objects": []}
        assert not found.dataset.splits

    def test_columns_in_any_order(self, tmp_path: Path) -> None:
        file = put(tmp_path / "x.csv", "\ufeffEncodedPixels,other,ImageId,ClassId\n1 3,?,a.png,2\n\n")
        found = read(file, check_images=False).dataset
        assert said(found)["a.png"]["objects"][0]["bbox"] == [0, 0, 1, 3]
        assert found.table["width"].to_pylist() == [1600]

    def test_several_splits_and_a_submission(self, tmp_path: Path) -> None:
        for split in ("train", "valid"):
            put(tmp_path / f"{split}.csv", f"{ROWS}a.png,1,1 3\n")
            draw(tmp_path / f"{split}_images" / "a.png")
        put(tmp_path / "sample_submission.csv", f"{ROWS}z.png,1,1 409600\n")
        put(tmp_path / "other.csv", "a,b\n1,2\n")
        assert read(tmp_path).dataset.names == ("train/a.png", "valid/a.png")

    @pytest.mark.parametrize("folder", ["train_images", "images", "."])
    def test_images_of_the_folder_are_negatives(self, tmp_path: Path, folder: str) -> None:
        file = put(tmp_path / "train.csv", f"{ROWS}b.png,1,1 3\n")
        for name in ("c.png", "b.png", "a.png"):
            draw(tmp_path / folder / name)
        found = read(file).dataset
        assert found.names == ("b.png", "a.png", "c.png")
        assert said(found)["a.png"] == {"objects": []}
        assert found.table["width"].to_pylist() == [10] * 3

    def test_images_elsewhere(self, tmp_path: Path) -> None:
        file = put(tmp_path / "x" / "train.csv", f"{ROWS}b.png,1,1 3\n")
        for name in ("b.png", "a.png"):
            draw(tmp_path / "y" / name)
        assert read(file, images=tmp_path / "y").dataset.names == ("b.png", "a.png")

    def test_overlaps_are_fine(self, tmp_path: Path) -> None:
        file = put(tmp_path / "train.csv", f"{ROWS}a.png,1,1 30\na.png,2,5 40\n")
        found = read(file, check_images=False).dataset
        _, losses, files = back(found, images=False)
        assert losses.rules == ()
        assert files["annotations.csv"] == f"{ROWS}a.png,1,1 30\na.png,2,5 40\n"

    @pytest.mark.parametrize("size", ["10", "0x8", (10,), (10, 8.5), (True, 1), 3])
    def test_sizes_that_are_none(self, tmp_path: Path, size: Any) -> None:
        file = put(tmp_path / "train.csv", ROWS)
        with pytest.raises(InvalidInputError):
            read(file, size=size)

    @pytest.mark.parametrize("classes", [0, -1, "4", True])
    def test_classes_that_are_none(self, tmp_path: Path, classes: Any) -> None:
        with pytest.raises(InvalidInputError):
            read(put(tmp_path / "train.csv", ROWS), classes=classes)

    def test_variant_that_is_none(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidInputError, match="variant is one of"):
            write(make_dataset([], {}), tmp_path / "out", "severstal", variant="new")


class TestBad:
    def issues(self, tmp_path: Path, text: str, **options: Any) -> list[tuple[int | None, str, str]]:
        file = put(tmp_path / "train.csv", text)
        options.setdefault("check_images", False)
        options.setdefault("size", (10, 8))
        with pytest.raises(InvalidMetadataError) as caught:
            read(file, **options)
        found = read(file, strict=False, **options)
        assert tuple(found.report) == tuple(caught.value.issues)
        assert {issue.file for issue in found.report} == {"train.csv"}
        return [(issue.line, issue.field, issue.rule) for issue in found.report]

    @pytest.mark.parametrize(
        ("row", "field", "rule"),
        [
            ("a.png,1,1", "EncodedPixels", "bad-rle"),
            ("a.png,1,1 2 3", "EncodedPixels", "bad-rle"),
            ("a.png,1,0 2", "EncodedPixels", "bad-rle"),
            ("a.png,1,5 0", "EncodedPixels", "bad-rle"),
            ("a.png,1,5 -3", "EncodedPixels", "bad-rle"),
            ("a.png,1,5 1.5", "EncodedPixels", "bad-rle"),
            ("a.png,1,5 5 6 2", "EncodedPixels", "bad-rle"),
            ("a.png,1,5 5 1 2", "EncodedPixels", "bad-rle"),
            ("a.png,1,80 2", "EncodedPixels", "bad-rle"),
            (f"a.png,1,{10**30} 1", "EncodedPixels", "bad-rle"),
            ("a.png,1,none of it", "EncodedPixels", "bad-rle"),
            ("a.png,0,1 2", "ClassId", "class-id"),
            ("a.png,-1,1 2", "ClassId", "class-id"),
            ("a.png,1.0,1 2", "ClassId", "class-id"),
            ("a.png,,1 2", "ClassId", "class-id"),
            (f"a.png,{10**30},1 2", "ClassId", "class-id"),
            ("a.png,5,1 2", "ClassId", "unknown-category"),
            ("b.png,2,3 1", "ClassId", "duplicate-row"),
            (",1,1 2", "ImageId", "missing-field"),
            ("a.png,1", "", "csv-row"),
            ("a.png,1,1 2,3", "", "csv-row"),
            ('"a.png,1,1 2', "", "csv-row"),
            ("../a.png,1,1 2", "file_name", "unsafe-path"),
        ],
    )
    def test_rows(self, tmp_path: Path, row: str, field: str, rule: str) -> None:
        assert self.issues(tmp_path, f"{ROWS}b.png,2,1 2\n{row}\nb.png,1,4 1\n") == [(3, field, rule)]
        kept = read(tmp_path / "train.csv", strict=False, check_images=False, size=(10, 8)).dataset
        assert [entry["categories"] for entry in said(kept)["b.png"]["objects"]] == ["2", "1"]

    @pytest.mark.parametrize("row", ["a.png,1 2", "a.png_0,1 2", "_1,1 2", "a.png_x,1 2"])
    def test_legacy_rows(self, tmp_path: Path, row: str) -> None:
        ((line, field, _),) = self.issues(tmp_path, f"{LEGACY}b.png_1,\n{row}\n")
        assert (line, field) == (3, "ImageId_ClassId")

    def test_images(self, tmp_path: Path) -> None:
        draw(tmp_path / "images" / "a.png", (10, 9))
        put(tmp_path / "images" / "c.png", b"no image")
        text = f"{ROWS}a.png,1,1 2\nb.png,1,1 2\nc.png,1,1 2\n"
        assert self.issues(tmp_path, text, check_images=True) == [
            (2, "", "size-differs"),
            (3, "", "missing-file"),
            (4, "", "not-an-image"),
        ]

    @pytest.mark.parametrize(
        ("content", "match"),
        [
            (b"", "the columns are"),
            (b"a,b\n", "the columns are"),
            (b"ImageId,EncodedPixels\n", "the columns are"),
            (b"ImageId,ImageId,ClassId,EncodedPixels\n", "the columns are"),
            (b"version https://git-lfs.github.com/spec/v1\n", "git-lfs pointer"),
            (b"ImageId,ClassId,EncodedPixels\n\xff", "not UTF-8"),
        ],
    )
    def test_files(self, tmp_path: Path, content: bytes, match: str) -> None:
        file = put(tmp_path / "train.csv", content)
        with pytest.raises(FormatError, match=match):
            read(file, "severstal")

    def test_one_bad_file_of_several(self, tmp_path: Path) -> None:
        put(tmp_path / "train.csv", f"{ROWS}a.png,1,1 2\n")
        put(tmp_path / "valid.csv", b"ImageId,EncodedPixels\n")
        found = read(tmp_path, strict=False, check_images=False)
        assert [(issue.file, issue.rule) for issue in found.report] == [("valid.csv", "unreadable-file")]
        assert found.dataset.names == ("train/a.png",)

    def test_folder_without_any(self, tmp_path: Path) -> None:
        with pytest.raises(FormatError, match="no CSV file of Severstal's"):
            read(tmp_path, "severstal")

    @settings(max_examples=200, deadline=None)
    @given(text=st.text(st.sampled_from(list('aA1209,_-" \n\r.ä\0')), max_size=60), legacy=st.booleans())
    def test_anything(self, text: str, legacy: bool, tmp_path_factory: pytest.TempPathFactory) -> None:
        file = put(tmp_path_factory.mktemp("any") / "x.csv", (LEGACY if legacy else ROWS) + text)
        try:
            found = read(file, strict=False, check_images=False)
        except ImageCardsError:
            return
        assert set(found.dataset.names) <= {
            name for line in text.split("\n") for name in (*line.split(","), *names_in(line))
        }


def names_in(line: str) -> set[str]:
    """What a line may call an image, by rules looser than those of CSV."""
    bare = line.replace('"', "").split(",")
    quoted = next(csv.reader([line.removesuffix("\r")]), []) if "\0" not in line and "\r" not in line[:-1] else []
    return {part for name in (*bare, *quoted, *line.split(",")) for part in (name, name.rpartition("_")[0])}
