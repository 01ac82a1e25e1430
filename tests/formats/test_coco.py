"""COCO in and out: everything kept, in every layout, whatever is asked for."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.formats.coco_documents import RLE, SQUARE, back, without_additions
from tests.formats.sameness import said
from tests.formats.strategies import datasets, make_dataset

from imagecards.datasets import ImageDataset
from imagecards.errors import InvalidInputError
from imagecards.formats import read, write
from imagecards.formats.outlines import runs_of
from imagecards.geometry import area


class TestRoundTrip:
    @settings(max_examples=60, deadline=None)
    @given(datasets(), st.sampled_from(["flat", "roboflow", "instances"]), st.booleans(), st.booleans())
    def test_same_dataset(self, dataset: ImageDataset, layout: str, images: bool, indent: bool) -> None:
        after, losses, _ = back(dataset, layout=layout, images=images, indent=indent)
        assert losses.rules == ()
        assert without_additions(dataset, after) == said(dataset)
        assert {k: sorted(v) for k, v in after.splits.items()} == {k: sorted(v) for k, v in dataset.splits.items()}

    @settings(max_examples=40, deadline=None)
    @given(datasets(), st.sampled_from(["rle", "polygons", "none"]))
    def test_other_outlines_lose_what_is_told(self, dataset: ImageDataset, form: str) -> None:
        after, losses, _ = back(dataset, images=False, segmentation=form)
        before, found = said(dataset), without_additions(dataset, after)
        kinds = [type(entry.get("segmentation")) for fields in before.values() for entry in fields["objects"]]
        rules = set(losses.rules)
        assert ("outlines-as-rle" in rules) == (form == "rle" and list in kinds)
        assert ("outlines-as-polygons" in rules) == (form == "polygons" and dict in kinds)
        assert ("outlines-dropped" in rules) == (form == "none" and bool({list, dict} & set(kinds)))
        for name, fields in before.items():
            height, width = (
                {key: after.table[key].to_pylist() for key in ("height", "width")}[k] for k in ("height", "width")
            )
            row = after.names.index(name)
            for one, other in zip(fields["objects"], found[name]["objects"], strict=True):
                outline = one.pop("segmentation", None)
                written = other.pop("segmentation", None)
                assert one == other  # box and all else: whole pixels have the box of their mask
                if form == "none" or outline is None:
                    assert written is None
                else:
                    size = height[row], width[row]
                    assert isinstance(written, dict if form == "rle" else list)
                    assert runs_of(outline, *size) == runs_of(written, *size)

    @settings(max_examples=20, deadline=None)
    @given(datasets())
    def test_a_second_time_the_same_bytes(self, dataset: ImageDataset) -> None:
        after, _, files = back(dataset, images=False)
        _, losses, again = back(after, images=False)
        assert losses.rules == ()
        assert files == again

    def test_any_number_of_workers(self) -> None:
        dataset = make_dataset(
            [
                {
                    "file_name": f"{n}.png",
                    "objects": {"bbox": [[0, 0, 4, 3]], "categories": ["a"], "segmentation": [SQUARE]},
                }
                for n in range(300)
            ],
            {f"{n}.png": (10, 8) for n in range(300)},
        )
        _, one, alone = back(dataset, images=False, segmentation="rle")
        with ThreadPoolExecutor(3) as pool:
            _, other, together = back(dataset, images=False, segmentation="rle", executor=pool)
        assert alone == together
        assert one == other

    def test_unusual_datasets(self) -> None:
        records = [
            {"file_name": "train/a.png", "caption": "ein Bild", "categories": ["sky"], "weather": {"wind": 3}, "id": 5},
            {"file_name": "train/b.png", "objects": {"bbox": [], "categories": []}, "id": 9},
            {
                "file_name": "valid/c.png",
                "id": 5,
                "objects": {
                    "bbox": [[0, 0, 4, 3], [1.25, 2, 3, 0]],
                    "categories": ["cat", "dog"],
                    "segmentation": [RLE, {"size": [8, 10], "counts": [3, 5, 72]}],
                    "iscrowd": [1, 0],
                    "area": [2.5, None],
                    "id": [7, 3],
                    "tags": [["x"], None],
                },
            },
        ]
        names = [str(record["file_name"]) for record in records]
        attributes = {
            "categories": [
                {"id": 0, "name": "none"},
                {"id": 9, "name": "dog", "supercategory": "x"},
                {"id": 4, "name": "cat"},
            ],
            "info": {"year": 2020},
            "licenses": [{"id": 1}],
            "mine": [1, {"a": 2}],
        }
        splits = {"train": names[:2], "valid": names[2:], "empty": []}
        dataset = make_dataset(records, dict.fromkeys(names, (10, 8)), splits, attributes)
        for layout in ("flat", "roboflow", "instances"):
            after, losses, files = back(dataset, layout=layout)
            assert losses.rules == ("unknown-as-negative",)
            expected = said(dataset)
            expected["train/a.png"]["objects"] = []
            assert without_additions(dataset, after) == expected
            assert dict(after.splits) == dict(dataset.splits)
            categories = sorted(attributes["categories"], key=lambda entry: entry["id"])  # type: ignore[index]
            assert after.attributes == attributes | {"categories": categories}
            assert len(files) == 3

    def test_what_is_known_of_no_image_stays_unknown(self) -> None:
        dataset = make_dataset([{"file_name": "a.png"}], {"a.png": (10, 8)})
        after, losses, files = back(dataset)
        assert losses.rules == ()
        assert "annotations" not in json.loads(files["annotations.json"])
        assert "objects" not in said(after)["a.png"]

    def test_whole_number_categories_become_texts(self) -> None:
        record = {"file_name": "a.png", "objects": {"bbox": [[0, 0, 1, 1]], "categories": [3]}}
        after, losses, files = back(make_dataset([record], {"a.png": (10, 8)}))
        assert losses.rules == ("categories-as-text",)
        assert json.loads(files["annotations.json"])["annotations"][0]["category_id"] == 3
        assert said(after)["a.png"]["objects"][0]["categories"] == "3"

    @pytest.mark.parametrize("ids", [[1, 1], ["a", "b"], [4, None]])
    def test_ids_that_are_none(self, ids: list[Any]) -> None:
        objects = {"bbox": [[0, 0, 1, 1]] * 2, "categories": ["a", "a"], "id": ids}
        dataset = make_dataset([{"file_name": "a.png", "objects": objects}], {"a.png": (10, 8)})
        _, losses, files = back(dataset)
        assert losses.rules == ("ids-renumbered",)
        assert [entry["id"] for entry in json.loads(files["annotations.json"])["annotations"]] == [1, 2]

    def test_image_ids_that_are_none(self) -> None:
        dataset = make_dataset(
            [{"file_name": "a.png", "id": 2}, {"file_name": "b.png", "id": 2}], {"a.png": (2, 2), "b.png": (2, 2)}
        )
        _, losses, files = back(dataset)
        assert losses.rules == ("image-ids-renumbered",)
        assert [entry["id"] for entry in json.loads(files["annotations.json"])["images"]] == [1, 2]

    def test_fields_that_coco_has_a_meaning_for(self) -> None:
        objects = {"bbox": [[0, 0, 1, 1]], "categories": ["a"], "image_id": [3], "caption": ["kept"]}
        dataset = make_dataset([{"file_name": "a.png", "width": 7, "objects": objects}], {"a.png": (10, 8)})
        after, losses, _ = back(dataset)
        assert losses.rules == ("fields-dropped",)
        assert losses[0].count == 2
        assert said(after)["a.png"]["objects"][0]["caption"] == "kept"

    def test_images_that_are_not_called_by_their_split(self) -> None:
        dataset = make_dataset([{"file_name": "a.png"}], {"a.png": (10, 8)}, {"train": ["a.png"]})
        after, losses, _ = back(dataset)
        assert losses.rules == ("images-renamed",)
        assert after.names == ("train/a.png",)


class TestOptions:
    def test_min_area_is_told_in_the_file_and_in_the_report(self) -> None:
        objects = {"bbox": [[0, 0, 2, 2], [0, 0, 1, 3], [0, 0, 2, 3]], "categories": ["a", "b", "a"]}
        dataset = make_dataset(
            [{"file_name": "a.png", "objects": objects}], {"a.png": (10, 8)}, None, {"info": {"x": 1}}
        )
        after, losses, files = back(dataset, min_area=4)
        assert losses.rules == ("small-objects-dropped",)
        assert [entry["id"] for entry in said(after)["a.png"]["objects"]] == [1, 3]
        info = json.loads(files["annotations.json"])["info"]
        assert info == {"x": 1, "imagecards": {"min_area": 4, "objects": "those of an area >= min_area, in pixels"}}

    @pytest.mark.parametrize(("option", "name"), [(True, "object"), ("flake", "flake")])
    def test_class_agnostic(self, option: bool | str, name: str) -> None:
        objects = {"bbox": [[0, 0, 2, 2], [0, 0, 1, 3]], "categories": ["a", "b"], "id": [6, 4]}
        dataset = make_dataset([{"file_name": "a.png", "objects": objects}], {"a.png": (10, 8)})
        _, losses, files = back(dataset, class_agnostic=option)
        document = json.loads(files["annotations.json"])
        assert losses.rules == ("classes-merged",)
        assert document["categories"] == [{"id": 1, "name": name}]
        assert [(entry["id"], entry["category_id"]) for entry in document["annotations"]] == [(6, 1), (4, 1)]

    def test_area_of_what_does_not_say_it(self) -> None:
        outlines = [SQUARE, RLE, None]
        objects = {"bbox": [[1, 1, 4, 3]] * 3, "categories": ["a"] * 3, "segmentation": outlines}
        _, _, files = back(make_dataset([{"file_name": "a.png", "objects": objects}], {"a.png": (10, 8)}))
        areas = [entry["area"] for entry in json.loads(files["annotations.json"])["annotations"]]
        assert areas == [12, area(runs_of(RLE, 8, 10)), 12]

    def test_masks_bring_their_box_and_area(self) -> None:
        objects = {"bbox": [[0, 0, 9, 7]], "categories": ["a"], "segmentation": [SQUARE], "area": [3.5]}
        _, losses, files = back(
            make_dataset([{"file_name": "a.png", "objects": objects}], {"a.png": (10, 8)}), segmentation="rle"
        )
        entry = json.loads(files["annotations.json"])["annotations"][0]
        assert (entry["bbox"], entry["area"], entry["iscrowd"]) == ([1, 1, 4, 3], 12, 0)
        assert losses.rules == ("areas-of-masks", "boxes-of-masks", "outlines-as-rle")

    @pytest.mark.parametrize(
        "options", [{"segmentation": "mask"}, {"layout": "deep"}, {"min_area": -1}, {"min_area": 1.5}, {"nope": 1}]
    )
    def test_options_that_can_not_be(self, tmp_path: Path, options: dict[str, Any]) -> None:
        with pytest.raises(InvalidInputError):
            write(make_dataset([], {}), tmp_path / "out", "coco", **options)

    def test_nothing_at_all(self) -> None:
        after, losses, files = back(make_dataset([], {}), indent=True)
        assert len(after) == 0
        assert losses.rules == ()
        assert json.loads(files["annotations.json"])["images"] == []

    def test_indented_text_is_that_of_json(self) -> None:
        dataset = make_dataset(
            [{"file_name": f"{n}.png", "caption": "x\ny"} for n in range(130)], {f"{n}.png": (1, 1) for n in range(130)}
        )
        _, _, files = back(dataset, indent=True, images=False)
        text = files["annotations.json"].decode()
        assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("area", [1e300, 1e30, 2.0**60, 2.0**53, 2.0**53 - 1, 0.5])
def test_areas_of_any_size_are_written(tmp_path: Path, area: float) -> None:
    record = {"file_name": "a.png", "objects": {"bbox": [[0, 0, 1, 1]], "categories": ["cat"], "area": [area]}}
    write(make_dataset([record], {"a.png": (4, 4)}), tmp_path / "out", "coco")
    again = read(tmp_path / "out", "coco").dataset.records[0]
    assert again.objects is not None
    assert again.objects.area == [area]
