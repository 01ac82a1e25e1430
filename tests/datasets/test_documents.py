"""Several metadata files in one folder."""

import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from imagecards.datasets import ImageDataset, documents
from imagecards.records.jsonl import read_jsonl

Write = Callable[..., Path]


def box(*numbers: float, **fields: Any) -> dict[str, Any]:
    return {"objects": {"bbox": [list(numbers)], "categories": [1], **fields}}


def test_all_conflicts_are_found_and_nothing_else_is_hidden(folder: Write) -> None:
    root = folder(
        {
            "a/metadata.jsonl": [{"file_name": "1.png", "x": 1, "y": "t", **box(0, 0, 1, 1, depth=[1])}],
            "a/1.png": None,
            "b/metadata.jsonl": [
                {"file_name": "0.png"},
                {"file_name": "1.png", "x": "one", "y": 2, "categories": ["c"]},
                {"file_name": "gone.png", "objects": {"bbox": [[1, 1, 1, 1]], "categories": ["c"], "depth": ["d"]}},
                {"file_name": "2.png", "objects": {"bbox": [[0, 0, 999, 1]], "categories": ["c"]}},
            ],
            "b/0.png": None,
            "b/1.png": None,
            "b/2.png": None,
        }
    )
    found = {(issue.rule, issue.line, issue.field, issue.value) for issue in ImageDataset(image_dir=root).validate()}
    assert found == {
        ("mixed-types", 2, "x", "'one'"),
        ("mixed-types", 2, "y", "2"),
        ("mixed-types", 2, "categories", "'c'"),
        ("mixed-types", 3, "objects.depth", "'d'"),
        ("missing-file", 3, "file_name", "'b/gone.png'"),
        ("box-outside-image", 4, "objects.bbox[0]", "[0.0, 0.0, 999.0, 1.0]"),
    }


def test_contradictions_name_both_files_although_a_third_is_broken(folder: Write) -> None:
    root = folder(
        {
            "metadata.jsonl": [{"file_name": "a/1.png"}, {"file_name": "a/1.png", "caption": "one"}],
            "a/metadata.jsonl": [{"file_name": "1.png", "caption": "two"}],
            "a/1.png": None,
            "b/metadata.jsonl": b"not json\n",
        }
    )
    (issue,) = [each for each in ImageDataset(image_dir=root).validate() if each.rule == "contradicting-lines"]
    assert (issue.file, issue.line, issue.value) == ("a/metadata.jsonl", 1, "'two'")
    assert "line 2 of metadata.jsonl says 'one'" in issue.message


def test_a_broken_file_is_parsed_once(folder: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def counted(data: bytes, file: str) -> Any:
        calls.append(file)
        return read_jsonl(data, file)

    monkeypatch.setattr(documents, "read_jsonl", counted)
    assert not ImageDataset(image_dir=folder({"metadata.jsonl": b"{}\n"})).validate().ok
    assert calls == ["metadata.jsonl"]


# A folder of many splits once took time by the square of their number: 16 times as long for four times as many.
@pytest.mark.no_cover
def test_many_splits_are_joined_in_time(folder: Write) -> None:
    def cost(count: int) -> float:
        files = {f"{count}/s{i}/metadata.jsonl": [{"file_name": "x.png", f"f{i % 50}": 1}] for i in range(count)}
        dataset = ImageDataset(image_dir=folder({**files, f"{count}/s0/x.png": None}) / str(count))
        began = time.process_time()
        assert dataset.validate().error_count == count - 1
        return time.process_time() - began

    few = min(cost(200), cost(200))
    assert cost(800) < 9 * few


def test_only_mappings_that_were_read_only_are_so_after_pickling(folder: Write) -> None:
    dataset = ImageDataset(image_dir=folder({"s/metadata.jsonl": [{"file_name": "a.png"}], "s/a.png": None}))
    before = (dataset.summary, dataset.splits, dataset.documents)
    copy = pickle.loads(pickle.dumps(dataset))
    assert [type(each) for each in (copy.summary, copy.splits, copy.documents)] == [type(each) for each in before]


def test_a_folder_name_with_half_a_surrogate_pair() -> None:
    with pytest.raises(ValidationError, match=r"no\\udcffwhere is none"):
        ImageDataset(image_dir="no\udcffwhere")
