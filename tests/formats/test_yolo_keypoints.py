"""YOLO's labels with keypoints are boxes, never polygons; those with turned boxes are polygons of four corners."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.formats.test_yolo_bad import found, lay

from imagecards.errors import InvalidMetadataError
from imagecards.formats import Reading, read
from imagecards.formats.yolo.keypoints import Keypoints, keypoints_in

POSE3 = "0 0.5 0.5 0.4 0.5 0.4 0.4 2 0.6 0.6 1\n1 0.25 0.25 0.2 0.2 0.2 0.2 1 0 0 0\n"
POSE2 = "0 0.5 0.5 0.4 0.5 0.4 0.4 0.6 0.6 0.5 0.6\n1 0.25 0.25 0.2 0.2 0.2 0.25 0.3 0.25 0 0\n"
FORMATS = [None, "yolo", "yolo-seg"]


def folder(place: Path, labels: str, said: str = "", count: int = 1) -> Path:
    files: dict[str, str | bytes | None] = {"data.yaml": f"names: [cat, dog]\ntrain: train/images\n{said}"}
    for number in range(count):
        files |= {f"train/images/{number}.png": None, f"train/labels/{number}.txt": labels}
    return lay(place, files)


def boxes(reading: Reading) -> list[tuple[str, list[float]]]:
    (objects,) = found(reading).values()
    return [(name, np.round(box, 6).tolist()) for name, box in objects or ()]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    ("labels", "said"), [(POSE3, "kpt_shape: [2, 3]\n"), (POSE2, "kpt_shape: [3, 2]\n"), (POSE3, "")]
)
def test_boxes_are_read_and_keypoints_told(tmp_path: Path, labels: str, said: str, format: str | None) -> None:
    reading = read(folder(tmp_path, labels, said), format)
    assert reading.format == (format or "yolo")
    assert [name for name, _ in boxes(reading)] == ["cat", "dog"]
    assert boxes(reading)[0][1][2:] == [4.0, 4.0]
    assert "segmentation" not in str(reading.dataset.table.schema)
    (told,) = reading.report
    assert (told.rule, told.severity, told.file) == ("keypoints-dropped", "warning", "train/labels/0.txt")
    assert "the keypoints of 2 objects are left out" in told.message


@pytest.mark.parametrize("format", FORMATS)
def test_without_visibility_it_has_to_be_said(tmp_path: Path, format: str | None) -> None:
    place = folder(tmp_path, POSE2)
    with pytest.raises(InvalidMetadataError, match="keypoints-or-polygons"):
        read(place, format)
    kept = read(place, format, strict=False)
    assert [name for name, _ in boxes(kept)] == ["cat", "dog"]
    assert "kpt_shape: [3, 2]" in kept.report[0].message
    drawn = read(place, "yolo-seg", outlines="vertices")
    assert not drawn.report
    assert len(drawn.dataset.table["objects"][0].as_py()[0]["segmentation"]["polygons"][0]) == 10


def test_one_warning_for_all(tmp_path: Path) -> None:
    (told,) = read(folder(tmp_path, POSE3, "kpt_shape: [2, 3]\n", count=5)).report
    assert "of 10 objects" in told.message


def test_lines_of_another_length(tmp_path: Path) -> None:
    labels = POSE3 + "0 0.5 0.5 0.5 0.5\n0 0.1 0.1 0.9 0.1 0.9 0.9\n"
    reading = read(folder(tmp_path, labels, "kpt_shape: [2, 3]\n"), strict=False)
    assert len(boxes(reading)) == 3
    (error,) = [issue for issue in reading.report if issue.severity == "error"]
    assert (error.line, error.rule) == (4, "box-length")
    assert "a box and 2 keypoints of 3 numbers, 10 in all, this one has 6" in error.message


@pytest.mark.parametrize("said", ["3", "[2]", "[2, 4]", "[x, 2]", "[0, 3]", "{a: 1}"])
def test_what_is_no_shape(tmp_path: Path, said: str) -> None:
    reading = read(folder(tmp_path, "0 0.5 0.5 0.5 0.5\n", f"kpt_shape: {said}\n"), "yolo", strict=False)
    assert [(issue.rule, issue.field) for issue in reading.report] == [("wrong-type", "kpt_shape")]


def test_turned_boxes_are_polygons(tmp_path: Path) -> None:
    reading = read(folder(tmp_path, "0 0.5 0.25 0.75 0.5 0.5 0.75 0.25 0.5\n"))
    assert reading.format == "yolo-seg"
    assert not reading.report
    (entry,) = reading.dataset.table["objects"][0].as_py()
    assert entry["segmentation"]["polygons"] == [[5.0, 2.0, 7.5, 4.0, 5.0, 6.0, 2.5, 4.0]]
    assert entry["bbox"] == [2.5, 2.0, 5.0, 4.0]


FRACTIONS = st.floats(0.05, 0.95)


@st.composite
def polygons(draw: st.DrawFn) -> list[list[float]]:
    """Round outlines of one length, anywhere."""
    corners = draw(st.integers(3, 40))
    angles = np.arange(corners) * 2 * np.pi / corners
    found = []
    for _ in range(draw(st.integers(1, 12))):
        x, y, reach = draw(FRACTIONS), draw(FRACTIONS), draw(st.floats(0.01, 0.5))
        points = np.stack([x + reach * np.cos(angles), y + reach * np.sin(angles)], axis=1)
        found.append(np.clip(points, 0, 1).round(6).ravel().tolist())
    return found


@settings(max_examples=300, deadline=None)
@given(polygons())
def test_polygons_are_no_keypoints(lines: Sequence[Sequence[float]]) -> None:
    assert keypoints_in(lines) == (None, True)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 20), st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_keypoints_with_visibility_are_found(count: int, rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    lines = []
    for _ in range(rows):
        size = rng.uniform(0.05, 0.5, 2)
        centre = rng.uniform(size / 2, 1 - size / 2)
        points = centre + rng.uniform(-0.5, 0.5, (count, 2)) * size
        seen = rng.integers(0, 3, (count, 1))
        lines.append([*centre, *size, *np.hstack([points * (seen > 0), seen]).ravel().tolist()])
    assert keypoints_in(lines) == (Keypoints(count, 3), True)
