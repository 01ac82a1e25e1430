"""Large COCO files in little memory: polygons are arrays before the next piece is parsed, also beside what is wrong."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.formats.coco_documents import RLE, document, put
from tests.formats.sameness import said

from imagecards.formats import checking, json_pieces, read
from imagecards.formats.coco.compact import compact_polygons
from imagecards.records import read_jsonl

IMAGES, OBJECTS, POINTS = 200, 1_500, 60
NUMBERS = st.integers() | st.floats() | st.booleans() | st.none() | st.text(max_size=2)


def in_pieces(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Take every file for a large one."""
    defaults = {**(json_pieces.read_large_json.__kwdefaults__ or {}), "large": 0, "piece": size}
    monkeypatch.setattr(json_pieces.read_large_json, "__kwdefaults__", defaults)


def many(**fields: Any) -> dict[str, Any]:
    content = document(*(f"{number}.png" for number in range(IMAGES)))
    rng = np.random.default_rng(0)
    content["annotations"] = [
        {
            "id": number,
            "image_id": 10 + number % IMAGES,
            "category_id": 7,
            "bbox": [0.5, 0.5, 8, 6],
            "segmentation": [rng.uniform(0.1, 7.9, 2 * POINTS).round(3).tolist()],
            **fields,
        }
        for number in range(OBJECTS)
    ]
    return content


def peak(file: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """The most bytes in use at a time for each hundred of the file, until lines are parsed, which threads do."""
    found = []

    def parse(*arguments: Any) -> Any:
        found.append(tracemalloc.get_traced_memory()[1])
        return read_jsonl(*arguments)

    monkeypatch.setattr(checking, "read_jsonl", parse)
    tracemalloc.start()
    try:
        read(file, check_images=False, strict=False)
        return 100 * (found or [tracemalloc.get_traced_memory()[1]])[0] // file.stat().st_size
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("what", ["plain", "attributes", "bad"])
def test_of_a_large_file(tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = many(attributes={"occluded": True, "track": 3}) if what == "attributes" else many()
    if what == "bad":
        content["annotations"][OBJECTS // 2]["bbox"] = [1, 2, 3]
    file = put(tmp_path / "x.json", content)
    read(file, check_images=False, strict=False)
    in_pieces(monkeypatch, file.stat().st_size // 16)
    assert peak(file, monkeypatch) < 450, "as lists of numbers, polygons take four times as much"


@pytest.mark.parametrize("bad", [None, "bbox", "nan", "odd", "text", "field"])
def test_the_same_is_read_as_of_a_small_file(tmp_path: Path, bad: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    content = document("a.png", "b.png", "c.png", "d.png")
    entries = content["annotations"]
    entries[1]["segmentation"] = RLE
    entries[2]["segmentation"] = [[1, 1, 5.5, 1, 5, 4], [2, -0.0, 3, 2, 2, 3]]
    entries[3] |= {
        "bbox": {"bbox": [1]},
        "nan": {"segmentation": [[1, float("nan"), 3, 4, 5, 6], [1, 1, 5, 1, 5, 4]]},
        "odd": {"segmentation": [[1, 1, 5, 1, 5, 4, 7], [2**70, 1, 2, 3, 4, 5]]},
        "text": {"segmentation": [[1, "x", 3, 4, 5, 6]]},
        "field": {"track": "\0"},
    }.get(bad or "", {})
    file = put(tmp_path / "x.json", content)
    small = read(file, check_images=False, strict=False)
    in_pieces(monkeypatch, 10)
    large = read(file, check_images=False, strict=False)
    assert said(large.dataset) == said(small.dataset)
    assert large.dataset.table.schema == small.dataset.table.schema
    assert list(large.report) == list(small.report)
    assert bool(large.report) == (bad is not None)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(NUMBERS, max_size=9) | NUMBERS, max_size=5))
def test_only_polygons_become_arrays(outline: list[Any]) -> None:
    entries: list[Any] = [{"segmentation": [*outline, [0, 1, 2.5, 3, 4, 5]]}, 3, {"segmentation": {"counts": [1]}}]
    before = json.dumps(entries)
    compact_polygons(entries)
    found = entries[0]["segmentation"]
    assert isinstance(found[-1], np.ndarray)
    for given_one, kept in zip(outline, found[:-1], strict=True):
        if isinstance(kept, np.ndarray):
            assert kept.tolist() == given_one
            assert np.isfinite(kept).all()
            assert not {bool, str} & set(map(type, given_one))
        else:
            assert kept is given_one
    assert json.dumps(entries[1:]) == json.dumps(json.loads(before)[1:])
