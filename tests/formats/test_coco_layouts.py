"""Where COCO's files and images lie, how the files of several splits become one dataset, and what is kept."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.formats.coco_documents import RLE, SQUARE, back, document, draw, put
from tests.formats.sameness import said

from imagecards.datasets import ImageDataset
from imagecards.errors import FormatError, InvalidMetadataError
from imagecards.formats import find_format, read
from imagecards.formats.outlines import runs_of
from imagecards.geometry import bounds


class TestLayouts:
    def expect(
        self, path: Path, *names: str, splits: Mapping[str, tuple[str, ...]] | None = None, **options: Any
    ) -> ImageDataset:
        assert find_format(path).name == "coco"
        found = read(path, **options)
        assert not len(found.report), found.report.render()
        assert found.dataset.names == names
        assert dict(found.dataset.splits) == (splits or {})
        for name in names:
            assert found.dataset.read_bytes(name)
        return found.dataset

    @pytest.mark.parametrize(
        "places",
        [
            ("_annotations.coco.json", "a.png"),
            ("data/_annotations.coco.json", "data/a.png"),
            ("annotations.json", "images/a.png"),
            ("annotations.json", "a.png"),
            ("coco.json", "images/a.png"),
            ("anything.json", "a.png"),
            ("annotations/instances.json", "images/a.png"),
        ],
    )
    def test_without_splits(self, tmp_path: Path, places: tuple[str, str]) -> None:
        put(tmp_path / places[0], document("a.png"))
        draw(tmp_path / places[1])
        self.expect(tmp_path, "a.png")

    @pytest.mark.parametrize(
        "places",
        [
            ("{}/_annotations.coco.json", "{}/a.png"),
            ("annotations/instances_{}.json", "{}/a.png"),
            ("annotations/instances_{}.json", "images/{}/a.png"),
            ("annotations/{}.json", "images/a_{}.png"),
            ("annotations_{}.json", "images/{}/a.png"),
            ("{}.json", "{}/images/a.png"),
            ("RLE_annotations/{}_annotations_300.json", "{}_images/a.png"),
        ],
    )
    def test_splits(self, tmp_path: Path, places: tuple[str, str]) -> None:
        for split in ("train", "test"):
            image = places[1].format(split)
            put(tmp_path / places[0].format(split), document(image.rpartition("/")[2]))
            draw(tmp_path / image)
        names = [f"{split}/" + places[1].format(split).rpartition("/")[2] for split in ("test", "train")]
        self.expect(tmp_path, *names, splits={"test": (names[0],), "train": (names[1],)})

    @pytest.mark.parametrize("front", ["images/", "train/", "images/train/"])
    def test_folders_of_the_layout_are_no_part_of_names(self, tmp_path: Path, front: str) -> None:
        put(tmp_path / "annotations" / "instances_train.json", document(f"{front}a.png", f"{front}sub/b.png"))
        draw(tmp_path / front / "a.png")
        draw(tmp_path / front / "sub" / "b.png")
        self.expect(tmp_path, "train/a.png", "train/sub/b.png", splits={"train": ("train/a.png", "train/sub/b.png")})

    def test_a_file_alone_is_no_split(self, tmp_path: Path) -> None:
        file = put(tmp_path / "annotations" / "instances_val2017.json", document("a.png"))
        draw(tmp_path / "images" / "a.png")
        self.expect(file, "a.png")
        draw(tmp_path / "elsewhere" / "a.png", (10, 8))
        (tmp_path / "images" / "a.png").unlink()
        self.expect(file, "a.png", images=tmp_path / "elsewhere")

    def test_other_files_beside_the_instances(self, tmp_path: Path) -> None:
        put(tmp_path / "annotations" / "instances_val.json", document("a.png"))
        put(tmp_path / "annotations" / "captions_val.json", document("a.png"))
        draw(tmp_path / "val" / "a.png")
        found = read(tmp_path)
        assert found.dataset.splits == {"val": ("val/a.png",)}
        (told,) = found.report
        assert (told.file, told.rule, told.severity) == ("annotations/captions_val.json", "file-not-read", "warning")
        assert not len(read(tmp_path, annotations="instances_*").report)

    def test_several_files_of_one_split(self, tmp_path: Path) -> None:
        for kind in ("300", "with_class_300"):
            put(tmp_path / "RLE_annotations" / f"train_annotations_{kind}.json", document("a.png", info={"kind": kind}))
        draw(tmp_path / "train_images" / "a.png")
        with pytest.raises(FormatError, match="both describe the split train: choose with annotations="):
            read(tmp_path)
        found = self.expect(
            tmp_path, "train/a.png", splits={"train": ("train/a.png",)}, annotations="*_with_class_300.json"
        )
        assert found.attributes["info"] == {"kind": "with_class_300"}
        assert list(found.annotation_files) == ["RLE_annotations/train_annotations_with_class_300.json"]
        again = read(tmp_path, annotations=["RLE_annotations/train_annotations_300.json"])
        assert again.dataset.attributes["info"] == {"kind": "300"}
        with pytest.raises(FormatError, match="no file like"):
            read(tmp_path, annotations="*_200.json")

    @pytest.mark.parametrize(
        "text", [b'{"shapes": [], "imagePath": "a.png", "images": 1}', b"[1]", b"", b'{"a": 1}', b"{"]
    )
    def test_other_files_do_not_look_like_it(self, tmp_path: Path, text: bytes) -> None:
        file = put(tmp_path / "a.json", text)
        for path in (tmp_path, file):
            with pytest.raises(FormatError, match="looks like none of"):
                find_format(path)
        if text:
            with pytest.raises(FormatError):
                read(tmp_path, "coco")

    def test_missing_images_need_not_be_there(self, tmp_path: Path) -> None:
        put(tmp_path / "annotations_train.json", document("a.png"))
        with pytest.raises(InvalidMetadataError, match="missing-file"):
            read(tmp_path)
        found = read(tmp_path, check_images=False).dataset
        assert found.names == ("train/a.png",)
        assert found.table["width"].to_pylist() == [10]


class TestMerging:
    def test_of_attributes_and_categories(self, tmp_path: Path) -> None:
        put(tmp_path / "train" / "_annotations.coco.json", document("a.png", info={"x": 1}, own=3))
        second = document("a.png", info={"x": 2}, own=3)
        second["categories"] = [{"id": 8, "name": "dog"}, {"id": 7, "name": "cat", "supercategory": "pet"}]
        put(tmp_path / "valid" / "_annotations.coco.json", second)
        found = read(tmp_path, check_images=False)
        assert [issue.rule for issue in found.report] == ["attributes-differ"] * 2
        attributes = found.dataset.attributes
        assert attributes["info"] == {"x": 1}
        assert attributes["own"] == 3
        assert attributes["splits"] == {"valid": {"info": {"x": 2}}}
        assert [entry["name"] for entry in attributes["categories"]] == ["cat", "dog"]
        _, losses, files = back(found.dataset, images=False, layout="roboflow")
        assert losses.rules == ()
        for split, info in (("train", 1), ("valid", 2)):
            written = json.loads(files[f"{split}/_annotations.coco.json"])
            assert written["info"] == {"x": info}
            assert "splits" not in written

    def test_ids_are_those_of_each_file(self, tmp_path: Path) -> None:
        for split in ("train", "valid"):
            put(tmp_path / split / "_annotations.coco.json", document("a.png"))
        _, losses, files = back(read(tmp_path, check_images=False).dataset, images=False, layout="roboflow")
        assert losses.rules == ()
        for text in files.values():
            assert [entry["id"] for entry in json.loads(text)["annotations"]] == [100]
            assert [entry["id"] for entry in json.loads(text)["images"]] == [10]

    def test_categories_are_one_by_name(self, tmp_path: Path) -> None:
        put(tmp_path / "train" / "_annotations.coco.json", document("a.png"))
        second = document("a.png")
        second["categories"] = [{"id": 8, "name": "cat"}, {"id": 7, "name": "dog"}]
        put(tmp_path / "valid" / "_annotations.coco.json", second)
        with pytest.raises(InvalidMetadataError) as caught:
            read(tmp_path, check_images=False)
        assert [(issue.rule, issue.field) for issue in caught.value.issues] == [
            ("category-ids-differ", "categories[0] (id 8).id"),
            ("category-ids-differ", "categories[1] (id 7).id"),
        ]
        found = read(tmp_path, check_images=False, strict=False).dataset
        assert said(found)["valid/a.png"]["objects"][0]["categories"] == "dog"
        assert [(entry["id"], entry["name"]) for entry in found.attributes["categories"]] == [(7, "cat"), (8, "dog")]


class TestKept:
    def test_everything_that_is_said(self, tmp_path: Path) -> None:
        image = {
            "id": 0,
            "file_name": "a.png",
            "width": 10,
            "height": 8,
            "license": 1,
            "date_captured": "now",
            "coco_url": "http://x",
            "extra": {"name": "y"},
            "objects": 3,
            "categories": 5,
        }
        annotations = [
            {
                "id": 0,
                "image_id": 0,
                "category_id": 0,
                "bbox": [0, 0, 0, 0],
                "segmentation": [],
                "score": 0.5,
                "category": "c",
            },
            {
                "id": 5,
                "image_id": 0,
                "category_id": 2,
                "bbox": [1, 1, 2, 2],
                "segmentation": RLE,
                "iscrowd": 1,
                "area": 4,
            },
            {"id": 6, "image_id": 0, "category_id": 2, "bbox": [1, 1, 2, 2], "attributes": {"a": [1]}},
        ]
        categories = [{"id": 0, "name": "x", "keypoints": ["a"]}, {"id": 2, "name": "y", "supercategory": "z"}]
        put(
            tmp_path / "x.json",
            {"images": [image], "annotations": annotations, "categories": categories, "type": "instances"},
        )
        found = read(tmp_path, check_images=False).dataset
        assert found.attributes == {"categories": categories, "type": "instances"}
        fields = said(found)["a.png"]
        objects = fields.pop("objects")
        kept = ("license", "date_captured", "coco_url", "extra", "id")
        assert fields == {key: image[key] for key in kept} | {"objects_": 3, "categories_": 5}
        assert objects == [
            {"bbox": [0, 0, 0, 0], "categories": "x", "segmentation": [], "score": 0.5, "category_": "c", "id": 0},
            {"bbox": [1, 1, 2, 2], "categories": "y", "segmentation": RLE, "iscrowd": 1, "area": 4, "id": 5},
            {"bbox": [1, 1, 2, 2], "categories": "y", "attributes": {"a": [1]}, "id": 6},
        ]

    def test_captions(self, tmp_path: Path) -> None:
        images = [{"id": n, "file_name": f"{n}.png", "width": 2, "height": 2} for n in range(3)]
        images[2]["caption"] = "its own"
        texts = [(0, "first"), (0, "second"), (2, "other")]
        annotations = [{"id": 9 - n, "image_id": image, "caption": text} for n, (image, text) in enumerate(texts)]
        put(tmp_path / "x.json", {"images": images, "annotations": annotations})
        found = read(tmp_path, check_images=False).dataset
        one, two, three = said(found).values()
        assert one["caption"] == "first"
        assert one["captions"] == [{"id": 9, "caption": "first"}, {"id": 8, "caption": "second"}]
        assert "caption" not in two
        assert three["caption"] == "its own"
        after, losses, _ = back(found, images=False)
        assert losses.rules == ()
        assert said(after) == said(found)

    @pytest.mark.parametrize(("outline", "box"), [(SQUARE, [1, 1, 4, 3]), (RLE, None)])
    def test_a_missing_box_is_that_of_the_outline(self, tmp_path: Path, outline: Any, box: Any) -> None:
        content = document("a.png")
        content["annotations"][0] |= {"segmentation": outline}
        del content["annotations"][0]["bbox"]
        put(tmp_path / "x.json", content)
        found = read(tmp_path, check_images=False)
        assert [(issue.rule, issue.severity) for issue in found.report] == [("missing-bbox", "warning")]
        expected = box or list(bounds(runs_of(outline, 8, 10)))
        assert said(found.dataset)["a.png"]["objects"][0]["bbox"] == expected
