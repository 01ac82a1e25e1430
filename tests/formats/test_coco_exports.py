"""COCO as tools export it: what they write otherwise than the format's own files is read, or told."""

from pathlib import Path
from typing import Any

import pytest
from tests.formats.coco_documents import document, put
from tests.formats.sameness import said

from imagecards.errors import InvalidMetadataError
from imagecards.formats import read

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
