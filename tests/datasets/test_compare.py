"""What two datasets have in common, object by object."""

import itertools
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagecards.datasets import FolderSource, ImageDataset, compare, matching
from imagecards.datasets.matching import box_iou, match_objects
from imagecards.geometry import mask_to_runs, polygons_to_runs, runs_to_coco
from imagecards.records import ImageMetadata, ImageRecord

SQUARE = [2.0, 2.0, 10.0, 2.0, 10.0, 10.0, 2.0, 10.0]


def dataset(
    records: Sequence[Mapping[str, Any]], splits: Mapping[str, Sequence[str]] | None = None, size: int | None = 20
) -> ImageDataset:
    table = ImageMetadata(records=[ImageRecord(**record) for record in records]).table
    if size is not None:
        for side in ("width", "height"):
            table = table.append_column(side, pa.array([size] * len(records), pa.int32()))
    return ImageDataset.from_source(FolderSource("."), table, splits)


def image(*objects: Mapping[str, Any], name: str = "a.png", **fields: Any) -> dict[str, Any]:
    keys = dict.fromkeys(key for entry in objects for key in entry) or ("bbox", "category")
    lists = {"categories" if key == "category" else key: [entry.get(key) for entry in objects] for key in keys}
    return {"file_name": name, "objects": lists, **fields}


def box(x: float, y: float, w: float, h: float, category: str = "cat", **fields: Any) -> dict[str, Any]:
    return {"bbox": [x, y, w, h], "category": category, **fields}


def changes(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> list[str]:
    return [row.change for row in compare(dataset(before), dataset(after)).objects]


def test_every_change_has_its_name() -> None:
    before = [image(box(0, 0, 4, 4), box(8, 8, 4, 4), box(12, 0, 4, 4), box(0, 12, 4, 4), box(15, 15, 2, 2, score=1))]
    after = [
        image(box(0, 0, 4, 4), box(8, 8, 4, 5), box(12, 0, 4, 4, "dog"), box(6, 0, 2, 2), box(15, 15, 2, 2, score=2))
    ]
    found = compare(dataset(before), dataset(after))
    assert [(row.change, row.before, row.after, row.fields) for row in found.objects] == [
        ("equal", 0, 0, ()),
        ("moved", 1, 1, ()),
        ("reclassed", 2, 2, ()),
        ("removed", 3, None, ()),
        ("changed", 4, 4, ("score",)),
        ("added", None, 3, ()),
    ]
    assert found.objects[1].iou == pytest.approx(0.8)
    assert not found.equal
    assert found.counts == {
        "images": {"equal": 1},
        "objects": {"added": 1, "changed": 1, "equal": 1, "moved": 1, "reclassed": 1, "removed": 1},
    }
    text = found.render()
    for told in ("cat became dog", "cat moved, IoU 0.800", "cat has other score", "cat added", "cat removed"):
        assert told in text
    assert found.render(limit=2).endswith("... and 3 more")
    assert json.loads(found.to_json())["counts"] == found.counts
    assert found.to_polars()["change"].to_list() == [row.change for row in found.objects]
    assert compare(dataset([]), dataset([])).to_polars().height == 0


def test_images_are_compared_too() -> None:
    before = dataset([image(caption="one"), image(name="b.png"), image(name="c.png")], {"train": ["a.png"]})
    after = dataset(
        [image(caption="two"), {"file_name": "c.png"}, image(box(0, 0, 1, 1), name="d.png")], {"test": ["a.png"]}
    )
    found = compare(before, after)
    assert [tuple(row) for row in found.images] == [
        ("a.png", "changed", ("caption", "splits")),
        ("b.png", "removed", ()),
        ("c.png", "changed", ("objects",)),
        ("d.png", "added", ()),
    ]
    assert [row.change for row in found.objects] == ["added"]
    assert [row.change for row in compare(after, before).objects] == ["removed"]
    assert "a.png: changed: caption, splits" in found.render()


def test_the_same_pixels_are_equal_however_they_are_said() -> None:
    rle = runs_to_coco(polygons_to_runs([SQUARE], 20, 20))
    polygon = image(box(2, 2, 8, 8, segmentation=[SQUARE]))
    encoded = image(box(2, 2, 8, 8, segmentation=rle))
    assert changes([polygon], [encoded]) == ["equal"]
    smaller = [2.0, 2.0, 10.0, 2.0, 10.0, 9.0, 2.0, 9.0]
    assert changes([encoded], [image(box(2, 2, 8, 8, segmentation=[smaller]))]) == ["moved"]
    (row,) = compare(dataset([encoded]), dataset([image(box(2, 2, 8, 8))])).objects
    assert (row.change, row.fields) == ("changed", ("segmentation",)), "a dropped outline does not go unseen"


def test_what_formats_fill_in_is_no_difference() -> None:
    bare, filled = image(box(0, 0, 2, 2)), image(box(0, 0, 2, 2, area=4.0, id=1, iscrowd=0), id=7)
    assert compare(dataset([bare]), dataset([filled])).equal
    assert changes([filled], [image(box(0, 0, 2, 2, area=3.0, id=1))]) == ["changed"]
    assert changes([bare], [image(box(0, 0, 2, 2, iscrowd=1))]) == ["changed"]
    assert changes([bare], [image(box(0, 0, 2, 2, score=1))]) == ["changed"]


def test_what_formats_round_to_is_no_move() -> None:
    near = [value + 0.0009 for value in SQUARE]
    before = image(box(2, 2, 8, 8, segmentation=[SQUARE]), box(1, 1, 3, 3))
    assert changes([before], [image(box(2, 2, 8, 8, segmentation=[near]), box(1.0009, 1, 3, 3))]) == ["equal"] * 2
    far = [value + 0.6 for value in SQUARE]
    assert changes([before], [image(box(2, 2, 8, 8, segmentation=[far]), box(1.1, 1, 3, 3))]) == ["moved"] * 2


def test_pairs_of_one_category_come_first() -> None:
    before = [box(0, 0, 10, 10, "cat"), box(0, 0, 10, 9, "dog")]
    after = [box(0, 0, 10, 9, "cat"), box(0, 0, 10, 10, "dog")]
    assert [match[:2] for match in match_objects(before, after, (20, 20))] == [(0, 0), (1, 1)]
    assert [match.iou for match in match_objects([box(0, 0, 2, 2)], [box(1, 1, 2, 2)], (20, 20))] == [0.0, 0.0]
    assert match_objects([box(0, 0, 2, 2)], [box(1, 1, 2, 2)], (20, 20), least=0.1)[0].after == 0


def test_sizes_need_not_be_known() -> None:
    one = dataset([image(box(2, 2, 8, 8, segmentation=[SQUARE]))], size=None)
    moved = dataset([image(box(2, 2, 8, 8, segmentation=[[*SQUARE[:-1], 9.0]]))], size=None)
    assert [row.change for row in compare(one, moved).objects] == ["moved"]


def test_ten_thousand_objects_in_one_image() -> None:
    many = [box(x, y, 1, 1) for x in range(100) for y in range(100)]
    nudged = [box(x, y, 1, 1.25) for x in range(100) for y in range(100)]
    matches = match_objects(many, list(reversed(nudged)), (200, 200))
    assert all(match.before == 9_999 - (match.after or 0) and match.iou == 0.8 for match in matches)


boxes = st.builds(
    box, *[st.integers(0, 9).map(float)] * 2, *[st.integers(1, 9).map(float)] * 2, st.sampled_from(["cat", "dog"])
)


def test_a_thousand_objects_in_one_place() -> None:
    """All pairs of them, a million, were once looked at one by one and sorted: ten seconds, and gigabytes for more."""
    cats, dogs = (
        [{"bbox": [number / 1000 + shift, 1.0, 50.0, 50.0], "category": name} for number in range(1000)]
        for name, shift in (("cat", 0.0), ("dog", 0.2))
    )
    began = time.process_time()
    matches = match_objects(cats, dogs, (100, 100))
    assert time.process_time() - began < 5
    assert sorted(match.after for match in matches if match.after is not None) == list(range(1000))
    assert all(match.before is not None and match.iou > 0.9 for match in matches)


@pytest.mark.parametrize("known", [0, 10**6])
@given(one=st.lists(boxes, max_size=8), two=st.lists(boxes, max_size=8))
def test_the_best_pairs_come_first(one: list[dict[str, Any]], two: list[dict[str, Any]], known: int) -> None:
    """As if all pairs were sorted, and each taken whose objects are free; however many are kept for later."""
    other = [{**entry, "bbox": [entry["bbox"][0] + 0.25, *entry["bbox"][1:]]} for entry in two]  # none are equal
    every = []
    for (a, first), (b, second) in itertools.product(enumerate(one), enumerate(other)):
        every.append((first["category"] != second["category"], -box_iou(first["bbox"], second["bbox"]), a, b))
    taken: dict[int, int] = {}
    for _, common, a, b in sorted(every):
        if -common >= 0.5 and a not in taken and b not in taken.values():
            taken[a] = b
    with patch.object(matching, "_KNOWN", known):
        found = match_objects(one, other, (20, 20))
    assert {match.before: match.after for match in found if None not in match[:2]} == taken


@given(st.lists(boxes, max_size=6), st.lists(boxes, max_size=6))
def test_every_object_is_told_once_and_the_order_does_not_count(
    one: list[dict[str, Any]], two: list[dict[str, Any]]
) -> None:
    matches = match_objects(one, two, (20, 20))
    assert sorted(match.before for match in matches if match.before is not None) == list(range(len(one)))
    assert sorted(match.after for match in matches if match.after is not None) == list(range(len(two)))
    assert all(match.iou >= 0.5 for match in matches if None not in match[:2])
    assert sum(match.iou == 1 for match in match_objects(one, one[::-1], (20, 20))) == len(one)
    back = match_objects(two, one, (20, 20))
    assert sorted(match.iou for match in back) == sorted(match.iou for match in matches)


def test_masks_of_parts_are_drawn() -> None:
    import numpy as np

    mask = np.zeros((20, 20), bool)
    mask[2:4, 2:4] = mask[10:12, 10:12] = True
    parts = [[2.0, 2.0, 4.0, 2.0, 4.0, 4.0, 2.0, 4.0], [10.0, 10.0, 12.0, 10.0, 12.0, 12.0, 10.0, 12.0]]
    rle = runs_to_coco(mask_to_runs(mask))
    assert changes([image(box(2, 2, 10, 10, segmentation=parts))], [image(box(2, 2, 10, 10, segmentation=rle))]) == [
        "equal"
    ]


def test_images_of_two_sizes_are_told() -> None:
    rles = [{"size": [side, side], "counts": [0, 4, side * side - 4]} for side in (20, 30)]
    one, other = (
        dataset([image(box(0, 0, 1, 4, segmentation=rle))], size=side) for rle, side in zip(rles, (20, 30), strict=True)
    )
    found = compare(one, other)
    assert [tuple(row) for row in found.images] == [("a.png", "changed", ("size",))]
    assert [row.change for row in found.objects] == ["equal"], "paired by their boxes"
    assert compare(one, dataset([image(box(0, 0, 1, 4, segmentation=rles[0]))], size=None)).equal


def test_another_box_beside_the_same_outline_is_told() -> None:
    one, other = (image(box(2, 2, side, 8, segmentation=[SQUARE])) for side in (8, 9))
    (row,) = compare(dataset([one]), dataset([other])).objects
    assert (row.change, row.iou, row.fields) == ("changed", 1.0, ("bbox",))


def test_names_of_categories_do_not_forge_lines() -> None:
    forged = [image(box(0, 0, 4, 4, "a\n  b.png: removed"))]
    text = compare(dataset(forged), dataset([image()])).render()
    assert text.splitlines()[-1] == "  a.png objects[0]: a\\n  b.png: removed removed"
