"""COCO as tools export it: what they write otherwise than the format's own files is read, or told."""

from pathlib import Path
from typing import Any

import pytest
from tests.formats.coco_documents import document, put
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
