"""Annotations against files."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagecards.datasets import check
from imagecards.datasets.check import Place, check_boxes
from imagecards.records.issues import Report


def in_metadata(name: str) -> Place:
    return Place("metadata.jsonl", 1)


def check_names(listed: list[str], present: list[str], *, all_listed: bool = True) -> Report:
    records, files = (pa.array(names, pa.string()) for names in (listed, present))
    return check.check_names(records, files, in_metadata, all_listed=all_listed)


def found(report: Report) -> list[tuple[str, str, str]]:
    return [(issue.file, issue.rule, issue.severity) for issue in report]


def boxes_table(
    *images: tuple[list[list[float]] | None, int | None, int | None],
) -> pa.Table:
    boxes = pa.list_(pa.struct([("bbox", pa.list_(pa.float64())), ("category", pa.int64())]))
    rows = [None if image[0] is None else [{"bbox": box, "category": 0} for box in image[0]] for image in images]
    return pa.table(
        {
            "file_name": pa.array([f"{number}.png" for number in range(len(images))], pa.string()),
            "objects": pa.array(rows, boxes),
            "width": pa.array([image[1] for image in images], pa.int32()),
            "height": pa.array([image[2] for image in images], pa.int32()),
        }
    )


def test_all_is_well() -> None:
    names = ["a.png", "b/c.jpg"]
    assert not check_names(names, names)
    assert not check_names([], names, all_listed=False)
    assert not check_names([], [])


def test_listed_and_missing() -> None:
    report = check_names(
        ["a.png", "B.PNG", "0001.png", "x/c.png", "zzz.png"],
        ["a.png", "b.png", "0OO1.png", "y/c.png"],
    )
    missing = [issue for issue in report if issue.rule == "missing-file"]
    assert [(issue.file, issue.line, issue.field, issue.value, issue.suggestion) for issue in missing] == [
        ("metadata.jsonl", 1, "file_name", "'B.PNG'", "did you mean b.png?"),
        ("metadata.jsonl", 1, "file_name", "'0001.png'", None),
        ("metadata.jsonl", 1, "file_name", "'x/c.png'", "did you mean y/c.png?"),
        ("metadata.jsonl", 1, "file_name", "'zzz.png'", None),
    ]
    typo = check_names(["images/cat_0001.png"], ["images/cat_001.png"])
    assert typo[0].suggestion == "did you mean images/cat_001.png?"


def test_listed_and_hidden() -> None:
    for name in (".a.png", "in/.b.png", ".in/c.png"):
        report = check_names([name], [])
        assert [(issue.rule, issue.message.split()[0]) for issue in report] == [("missing-file", "hidden")]


def test_present_and_unlisted() -> None:
    report = check_names(["a.png"], ["a.png", "b.png"])
    assert found(report) == [("b.png", "unlisted-image", "warning")]


def test_listed_and_no_image() -> None:
    report = check_names(["a.txt", "a.png"], ["a.png", "a.txt"])
    assert found(report) == [("metadata.jsonl", "not-an-image", "error")]


def test_other_files_are_summed_up() -> None:
    names = [f"labels/{number:04d}.txt" for number in range(1234)] + ["README", "classes.yaml", "a.png"]
    report = check_names(["a.png"], names)
    assert {issue.rule for issue in report} == {"not-registered"}
    assert [issue.message.split(" will")[0] for issue in report] == [
        "1,234 files (.txt) are neither image nor metadata and",
        "this file is neither image nor metadata and",
        "this file is neither image nor metadata and",
    ]
    assert report[0].file == "labels/0000.txt"


RULES = ("not-an-image", "missing-file", "unlisted-image", "not-registered")
NAMES = st.sets(st.sampled_from(["a.png", "b.png", "in/a.png", "c.txt", "in/c.txt", ".h.png", "README"]))


@given(NAMES, NAMES, st.booleans())
def test_which_names_are_told_of(listed: set[str], present: set[str], all_listed: bool) -> None:
    report = check_names(sorted(listed), sorted(present), all_listed=all_listed)
    told = {rule: {issue.value.strip("'") or issue.file for issue in report if issue.rule == rule} for rule in RULES}
    images = {name for name in listed | present if name.endswith(".png")}
    groups = [(present - images - listed) & group for group in ({"README"}, {"c.txt", "in/c.txt"})]
    assert told["not-an-image"] == listed - images
    assert told["missing-file"] == (listed & images) - present
    assert told["unlisted-image"] == ((present & images) - listed if all_listed else set())
    assert told["not-registered"] == {min(group) for group in groups if group}
    assert {issue.rule for issue in report} <= set(RULES)


@pytest.mark.parametrize(
    "name",
    [
        "CON.png",
        "a:b.png",
        "a\u202eb.png",
        "e\u0301.png",
        "a /b.png",
        "com1.jpg",
        "a\\b.png",
        "n" * 260 + ".png",
    ],
)
def test_unlisted_names_that_other_systems_cannot_have(name: str) -> None:
    assert "unsafe-path" in {issue.rule for issue in check_names([], ["ok.png", name], all_listed=False)}


@pytest.mark.parametrize(
    ("one", "other"),
    [("A.png", "a.png"), ("straße.png", "STRASSE.png"), ("ﬁ.png", "fi.png"), ("K.png", "k.png")],
)
def test_names_that_other_systems_take_for_one(one: str, other: str) -> None:
    listed = check_names([one], [one, other])
    assert ("name-collision", "error") in {(issue.rule, issue.severity) for issue in listed}
    assert "(metadata.jsonl)" in next(issue.message for issue in listed if issue.rule == "name-collision")
    assert "name-collision" in {issue.rule for issue in check_names([], [one, other])}


def test_boxes_inside() -> None:
    table = boxes_table(([[0, 0, 640, 480], [639.5, 479.5, 0.5, 0.5]], 640, 480), (None, 5, 5), ([], 5, 5))
    assert not check_boxes(table)
    assert not check_boxes(table.slice(1))
    assert not check_boxes(table.slice(0, 0))


def test_boxes_outside() -> None:
    table = boxes_table(
        ([[1, 1, 5, 5]], 10, 10),
        (None, 10, 10),
        ([[1, 1, 5, 5], [-3, 1, 5, 5], [8, 8, 2.5, 2], [1, 1, 5, 50], [20, 20, 1, 1]], 10, 10),
        ([[100, 100, 5, 5]], None, None),
        ([[9, 9, 1.0005, 1]], 10, 10),
    )
    report = check_boxes(table, lambda name: Place("metadata.jsonl", int(name[0]) + 1))
    assert [(issue.line, issue.field, issue.severity) for issue in report] == [
        (3, "objects.bbox[1]", "error"),
        (3, "objects.bbox[2]", "warning"),
        (3, "objects.bbox[3]", "error"),
        (3, "objects.bbox[4]", "error"),
    ]
    assert report[0].value == "[-3.0, 1.0, 5.0, 5.0]"
    assert "3 pixels beyond the left edge of 2.png (10 x 10)" in report[0].message
    assert report[0].suggestion == "[0, 1, 2, 5] is the part inside"
    assert "0.5 pixels beyond the right edge" in report[1].message
    assert "41 pixels beyond the bottom edge" in report[2].message
    assert report[3].suggestion is None
    assert [issue.field for issue in check_boxes(table.slice(2))] == [issue.field for issue in report]
    assert check_boxes(table.slice(2))[0].file == "2.png"


@given(
    st.lists(
        st.tuples(
            st.none()
            | st.lists(st.lists(st.floats(-30, 60).map(lambda x: round(x, 1)), min_size=4, max_size=4), max_size=4),
            st.integers(1, 40),
            st.integers(1, 40),
        ),
        max_size=6,
    )
)
def test_agrees_with_one_box_at_a_time(images: list[tuple[list[list[float]] | None, int, int]]) -> None:
    expected = []
    for number, (boxes, width, height) in enumerate(images):
        for index, (x, y, w, h) in enumerate(boxes or []):
            excess = max(-x, -y, x + w - width, y + h - height)
            if excess > 1e-3:
                expected.append((f"{number}.png", f"objects.bbox[{index}]", "error" if excess > 1 else "warning"))
    report = check_boxes(boxes_table(*images))
    assert [(issue.file, issue.field, issue.severity) for issue in report] == expected


def test_very_many_boxes_are_counted() -> None:
    count = 200_000
    inside = np.tile([0.0, 0.0, 5.0, 5.0], count)
    boxes = pa.ListArray.from_arrays(np.arange(0, 4 * count + 1, 4, dtype=np.int32), pa.array(inside))
    structs = pa.StructArray.from_arrays([boxes, pa.array(np.zeros(count, np.int64))], ["bbox", "category"])
    objects = pa.ListArray.from_arrays(np.arange(0, count + 1, 1, dtype=np.int32), structs)
    sizes = pa.array(np.full(count, 4, np.int32))
    table = pa.table(
        {
            "file_name": pa.array([f"{n}.png" for n in range(count)]),
            "objects": objects,
            "width": sizes,
            "height": sizes,
        }
    )
    report = check_boxes(table)
    assert report.counts == {"box-outside-image": count}
    assert len(report) <= 10_000
