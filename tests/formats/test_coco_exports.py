"""COCO as tools export it: what they write otherwise than the format's own files is read, or told."""

from pathlib import Path
from typing import Any

import pytest
from tests.formats.coco_documents import document, draw, put
from tests.formats.sameness import said

from imagecards.errors import InvalidMetadataError
from imagecards.formats import json_pieces, read

NONE = {"id": 0, "name": "flakes", "supercategory": "none"}
REAL = {"id": 1, "name": "flakes", "supercategory": "flakes"}


class TestPlaceholderCategories:
    def content(self, category: int | None, *categories: dict[str, Any]) -> dict[str, Any]:
        content = document("a.jpg", "b.jpg", categories=list(categories or (NONE, REAL)))
        for entry in content["annotations"]:
            entry["category_id"] = category
        if category is None:
            content["annotations"] = []
        return content

    @pytest.mark.parametrize("used", [1, None])
    def test_one_class_as_roboflow_writes_it(self, tmp_path: Path, used: int | None) -> None:
        put(tmp_path / "train" / "_annotations.coco.json", self.content(1))
        put(tmp_path / "valid" / "_annotations.coco.json", self.content(used))
        found = read(tmp_path, check_images=False)
        assert [(issue.rule, issue.severity) for issue in found.report] == [("placeholder-category", "warning")] * 2
        assert found.report[0].field == "categories[0] (id 0).name"
        assert found.dataset.attributes["categories"] == [REAL]
        assert said(found.dataset)["train/a.jpg"]["objects"][0]["categories"] == "flakes"

    def test_the_one_that_objects_have_is_none(self, tmp_path: Path) -> None:
        put(tmp_path / "x.json", self.content(0))
        assert read(tmp_path, check_images=False).dataset.attributes["categories"] == [NONE]

    def test_what_could_be_either_is_an_error(self, tmp_path: Path) -> None:
        content = self.content(1)
        content["annotations"][1]["category_id"] = 0
        put(tmp_path / "x.json", content)
        with pytest.raises(InvalidMetadataError, match="duplicate-category"):
            read(tmp_path, check_images=False)


class TestNumbersThatAreNone:
    """Python's own encoder writes NaN and Infinity, which are no JSON."""

    FIELDS = {"bbox": [1, 1, float("nan"), 3], "score": float("inf"), "area": float("nan")}  # noqa: RUF012

    @pytest.mark.parametrize("large", [2**25, 0])
    @pytest.mark.parametrize("field", ["bbox", "score", "area"])
    def test_the_annotation_is_named_and_the_rest_kept(
        self, tmp_path: Path, field: str, large: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(json_pieces.read_large_json, "__kwdefaults__", {
            **(json_pieces.read_large_json.__kwdefaults__ or {}), "large": large, "piece": 10,
        })  # fmt: skip
        content = document("a.jpg", "b.jpg")
        content["annotations"][1][field] = self.FIELDS[field]
        put(tmp_path / "x.json", content)
        with pytest.raises(InvalidMetadataError) as caught:
            read(tmp_path, check_images=False)
        found = read(tmp_path, check_images=False, strict=False)
        assert list(found.report) == list(caught.value.issues)
        place = ".bbox[2]" if field == "bbox" else f".{field}"
        told = [(issue.file, issue.field, issue.rule) for issue in found.report]
        assert told == [("x.json", f"annotations[1] (id 101){place}", "not-finite")]
        kept = said(found.dataset)
        assert len(kept["a.jpg"]["objects"]) == 1
        assert kept["b.jpg"]["objects"] == []

    def test_of_images_and_of_the_file(self, tmp_path: Path) -> None:
        content = document("a.jpg", "b.jpg", info={"version": float("nan")})
        content["images"][0]["height"] = float("nan")
        put(tmp_path / "x.json", content)
        found = read(tmp_path, check_images=False, strict=False)
        told = {(issue.field, issue.rule) for issue in found.report}
        assert ("images[0] (id 10).height", "not-finite") in told
        assert ("info.version", "not-finite") in told
        assert found.dataset.names == ("b.jpg",)
        assert len(said(found.dataset)["b.jpg"]["objects"]) == 1


class TestImagesOfALoneFile:
    @pytest.mark.parametrize(
        ("file", "image"),
        [
            ("annotations/instances_train2017.json", "train2017/a.png"),
            ("annotations/instances_train2017.json", "images/train2017/a.png"),
            ("annotations/instances_train2017.json", "annotations/a.png"),
            ("annotations/instances_train2017.json", "a.png"),
            ("labels/train.json", "images/a.png"),
            ("labels/train.json", "train/a.png"),
            ("labels/any.json", "labels/a.png"),
            ("labels/any.json", "a.png"),
            ("one.json", "images/a.png"),
            ("train.json", "train/images/a.png"),
            ("RLE_annotations/test_annotations_with_class_300.json", "test_images/a.png"),
        ],
    )
    def test_where_layouts_have_them(self, tmp_path: Path, file: str, image: str) -> None:
        draw(tmp_path / "in" / image)
        found = read(put(tmp_path / "in" / file, document("a.png")))
        assert not len(found.report), found.report.render()
        assert found.dataset.names == ("a.png",)
        assert found.dataset.read_bytes("a.png")
        assert not found.dataset.splits
        assert list(found.dataset.annotation_files) == [file.rpartition("/")[2]]

    def test_with_a_folder_in_their_names(self, tmp_path: Path) -> None:
        draw(tmp_path / "train2017" / "a.png")
        file = put(tmp_path / "labels" / "x.json", document("train2017/a.png"))
        assert read(file).dataset.read_bytes("train2017/a.png")

    def test_nothing_behind_a_link(self, tmp_path: Path) -> None:
        draw(tmp_path / "far" / "a.png")
        file = put(tmp_path / "in" / "annotations" / "instances_train.json", document("a.png"))
        (tmp_path / "in" / "train").symlink_to(tmp_path / "far")
        with pytest.raises(InvalidMetadataError, match="are not followed"):
            read(file)

    def test_none_is_there(self, tmp_path: Path) -> None:
        file = put(tmp_path / "in" / "annotations" / "instances_train.json", document("a.png", "b.png"))
        for path in (file, tmp_path / "in"):
            found = read(path, strict=False)
            told = [issue.rule for issue in found.report]
            assert sorted(told) == ["images-not-found", "missing-file", "missing-file"]
            said_first = str(found.report[told.index("images-not-found")])
            assert "none of its 2 images is in in: looked in" in said_first
            assert "train/, images/train/" in said_first
            assert "images= (--images)" in said_first
            assert not read(path, check_images=False).report

    def test_a_folder_above_is_not_searched_as_a_whole(self, tmp_path: Path) -> None:
        draw(tmp_path / "images" / "a.png")
        draw(tmp_path / "others" / "b.png")
        found = read(put(tmp_path / "labels" / "x.json", document("a.png")))
        assert not len(found.report), found.report.render()


class TestUnlistedImages:
    @pytest.mark.parametrize("alone", [False, True])
    def test_are_told(self, tmp_path: Path, alone: bool) -> None:
        put(tmp_path / "annotations" / "instances_train.json", document("a.png"))
        for name in "abcde":
            draw(tmp_path / "train" / f"{name}.png")
        found = read(tmp_path / "annotations" / "instances_train.json" if alone else tmp_path)
        (told,) = found.report
        assert (told.rule, told.severity) == ("unlisted-images", "warning")
        assert told.message.startswith("4 images are in no annotation file, and left out: ")
        assert told.message.endswith(
            "b.png, c.png, d.png, ..." if alone else "train/b.png, train/c.png, train/d.png, ..."
        )

    def test_that_are_of_another_split(self, tmp_path: Path) -> None:
        put(tmp_path / "annotations" / "instances_train.json", document("a.png"))
        for split in ("train", "test"):
            draw(tmp_path / split / "a.png")
        (told,) = read(tmp_path).report
        assert told.message == "1 image is in no annotation file, and left out: test/a.png"
        assert not read(tmp_path / "annotations" / "instances_train.json").report

    def test_an_image_whose_entry_is_wrong_is_listed(self, tmp_path: Path) -> None:
        content = document("a.png", "b.png")
        content["images"][1]["id"] = None
        put(tmp_path / "x.json", content)
        draw(tmp_path / "a.png")
        draw(tmp_path / "b.png")
        assert "unlisted-images" not in [issue.rule for issue in read(tmp_path, strict=False).report]


class TestRelatives:
    """Files of COCO's family that are not instances."""

    @pytest.mark.parametrize(
        "name", ["person_keypoints_val2017", "captions_val2017", "stuff_val2017", "lvis_v1_val2017"]
    )
    def test_splits_are_told_by_their_names(self, tmp_path: Path, name: str) -> None:
        draw(tmp_path / "val2017" / "a.png")
        put(tmp_path / "annotations" / f"{name}.json", document("a.png"))
        found = read(tmp_path)
        assert not found.report, found.report.render()
        assert found.dataset.splits == {"val2017": ("val2017/a.png",)}

    def test_lvis_names_images_by_their_address(self, tmp_path: Path) -> None:
        content = document("a.png", "b.png")
        for folder, image in zip(("train2017", "val2017"), content["images"], strict=True):
            image["coco_url"] = f"http://images.cocodataset.org/{folder}/{image.pop('file_name')}"
        draw(tmp_path / "train2017" / "a.png")
        draw(tmp_path / "val2017" / "b.png")
        found = read(put(tmp_path / "lvis_v1_val.json", content))
        assert not found.report, found.report.render()
        assert found.dataset.names == ("train2017/a.png", "val2017/b.png")

    def test_panoptic_segments_are_refused_as_such(self, tmp_path: Path) -> None:
        content = document("a.png")
        segment = {"id": 3, "category_id": 7, "area": 4, "bbox": [0, 0, 2, 2], "iscrowd": 0}
        content["annotations"] = [{"image_id": 10, "file_name": "a.png", "segments_info": [segment]}]
        put(tmp_path / "panoptic_val2017.json", content)
        with pytest.raises(InvalidMetadataError, match=r"segments_info: panoptic segments are in PNG files"):
            read(tmp_path, "coco", check_images=False)
