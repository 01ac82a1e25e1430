"""Contact sheets: the same pixels each time, with boxes, masks and words where they belong."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import imagecards as ic
from imagecards.errors import InvalidInputError
from imagecards.geometry import mask_to_runs
from imagecards.images import Picture, encode
from imagecards.sheets import Drawn, Panel, draw_sheet
from imagecards.sheets.lettering import fitted, font, printable, wrapped
from imagecards.sheets.shrinking import eight_bits, fitting, in_size
from imagecards.testing.flakes import make_flakes

GREY = Picture(np.full((60, 80, 3), 128, np.uint8), "rgb", False)
YELLOW, BLUE = (255, 194, 10), (12, 123, 220)


def pixels(*panels: Panel, width: int = 1_000) -> NDArray[np.uint8]:
    return np.asarray(draw_sheet(panels, width=width))


def inside(found: object, colour: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """The first and last row and column that have a colour."""
    rows, columns = np.nonzero((np.asarray(found) == colour).all(axis=2))
    return int(rows.min()), int(rows.max()), int(columns.min()), int(columns.max())


def test_boxes_and_masks_lie_where_they_are() -> None:
    mask = np.zeros((60, 80), bool)
    mask[30:40, 40:60] = True
    panel = Panel("a.png", GREY, [Drawn("b", (10, 20, 30, 15), mask_to_runs(mask)), *[Drawn("a", (0, 0, 1, 1))] * 6])
    found = pixels(panel, width=824)  # the image is 800 wide: ten times as large
    frame = found[12:612, 12:812].astype(int)
    assert inside(frame, BLUE) == (200, 349, 100, 399)
    covered = np.abs(frame - 128).sum(axis=2) > 20
    covered[:352, :402] = False  # the boxes
    rows, columns = np.nonzero(covered)
    assert (rows.max(), columns.min(), columns.max()) == (399, 400, 599)
    assert tuple(frame[380, 500]) == tuple(128 + (np.array(BLUE) - 128) * 96 // 255)


def test_what_is_large_or_outside_stays_in_the_image() -> None:
    found = pixels(Panel("a.png", GREY, [Drawn("a", (-50, -50, 1_000, 1_000))] * 7), width=824)
    assert inside(found[:620], YELLOW) == (12, 611, 12, 811)


def test_a_label_is_written_at_its_box_and_in_the_legend() -> None:
    with_one = pixels(Panel("a.png", GREY, [Drawn("crack", (10, 20, 30, 15))]))
    other = pixels(Panel("a.png", GREY, [Drawn("scratch", (10, 20, 30, 15))]))
    rows = np.nonzero((with_one != other).any(axis=(1, 2)))[0]
    assert len(np.flatnonzero(np.diff(rows) > 50)) == 1


def test_a_dataset_shows_images_at_equal_distances(tmp_path: Path) -> None:
    made = make_flakes(tmp_path, 5, width=64, height=48)
    (made.images / "flake-0002.jpg").write_bytes((made.images / "flake-0002.jpg").read_bytes()[:-200])
    dataset = ic.ImageDataset(image_dir=made.images)
    sheet = dataset.show(3, width=600)
    again = np.asarray(ic.ImageDataset(image_dir=made.images).show(3, width=600))
    assert encode(Picture(np.asarray(sheet), "rgb", False)) == encode(Picture(again, "rgb", False))
    assert sheet.width == 600
    other = np.asarray(dataset.show(99, width=600))  # one of them is cut off, and says so
    assert inside(other, (238, 238, 238))
    with pytest.raises(InvalidInputError, match="nothing to show"):
        dataset.show(0)
    with pytest.raises(InvalidInputError, match="at least 200 wide"):
        dataset.show(1, width=150)


def test_deep_pixels_are_stretched() -> None:
    ramp = np.linspace(1_000, 3_000, 4_800).reshape(60, 80, 1)
    for picture in (Picture(ramp.astype(np.uint16), "grey", False), Picture(ramp.astype(np.float32), "grey", False)):
        shown = eight_bits(picture)
        assert (shown.shape, int(shown.min()), int(shown.max())) == ((60, 80, 3), 0, 255)
    odd = np.full((4, 4, 5), np.nan, np.float32)
    assert eight_bits(Picture(odd, "bands", False)).max() == 0
    assert eight_bits(Picture(np.zeros((2, 2, 4), np.uint8), "cmyk", False)).min() == 255


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
def test_a_mean_stays_between_what_it_is_of(height: int, width: int, high: int, wide: int) -> None:
    given = np.arange(height * width, dtype=np.int64).reshape(height, width, 1) % 251
    found = in_size(given.astype(np.uint8), wide, high)
    assert found.shape == (high, wide, 1)
    assert given.min() <= found.min() <= found.max() <= given.max()
    flat = in_size(np.full((height, width, 1), 77, np.uint8), wide, high)
    assert set(flat.ravel().tolist()) == {77}


@given(st.integers(1, 10_000), st.integers(1, 10_000))
def test_a_size_fits(width: int, height: int) -> None:
    wide, high = fitting(width, height, 320, 240)
    assert 1 <= wide <= 320
    assert 1 <= high <= 240
    assert (wide, high) == (320, high) or high == 240


@settings(max_examples=30)
@given(st.text(), st.integers(30, 300))
def test_text_fits(text: str, width: int) -> None:
    shown = printable(text)
    assert font(12).getlength(fitted(shown, 12, width)) <= width
    lines = wrapped(shown, 12, width, 2)
    assert len(lines) <= 2
    assert all(font(12).getlength(line) <= width for line in lines)
