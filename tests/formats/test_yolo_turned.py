"""YOLO's fractions are of images as they are shown, as OpenCV loads them; records have the pixels of the file."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import pytest
from PIL import Image
from tests.formats.test_yolo_bad import lay

from imagecards.errors import InvalidInputError, InvalidMetadataError
from imagecards.formats import read, write
from imagecards.formats.outlines import mask_of_object
from imagecards.geometry import runs_to_mask

WIDTH, HEIGHT = 80, 50
BOX = (16, 8, 24, 10)  # of what is drawn, in the pixels of the file
TURNS = range(1, 9)


def photo(turn: int) -> bytes:
    """A dark image with a bright box."""
    x, y, w, h = BOX
    pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
    pixels[y : y + h, x : x + w] = 255
    exif = Image.Exif()
    exif[0x0112] = turn
    Image.fromarray(pixels).save(file := BytesIO(), "JPEG", exif=exif.tobytes(), quality=100)
    return file.getvalue()


def as_loaded(data: bytes) -> np.ndarray:
    """What is bright in the image as OpenCV loads it."""
    loaded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert loaded is not None
    return np.asarray(loaded) > 127


def label(data: bytes, polygon: bool) -> str:
    """The line for what is bright, as one writes it who sees the image as it is loaded."""
    bright = as_loaded(data)
    height, width = bright.shape
    rows, columns = np.nonzero(bright)
    left, right, top, bottom = columns.min(), columns.max() + 1, rows.min(), rows.max() + 1
    numbers = [(left + right) / 2 / width, (top + bottom) / 2 / height, (right - left) / width, (bottom - top) / height]
    if polygon:
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        numbers = [value for x, y in corners for value in (x / width, y / height)]
    return f"0 {' '.join(f'{value:.6f}' for value in numbers)}\n"


def folder(place: Path, turn: int, polygon: bool) -> Path:
    data = photo(turn)
    return lay(place, {"data.yaml": "names: [box]\n", "images/a.jpg": data, "labels/a.txt": label(data, polygon)})


def only_object(dataset: Any) -> dict[str, Any]:
    (record,) = dataset.records
    return {name: values[0] for name, values in record.objects.present().items()}


@pytest.mark.parametrize("polygon", [False, True])
@pytest.mark.parametrize("turn", TURNS)
def test_read_and_written(tmp_path: Path, turn: int, polygon: bool) -> None:
    place = folder(tmp_path / "in", turn, polygon)
    reading = read(place)
    assert reading.dataset.table["width"].to_pylist() == [WIDTH]
    entry = only_object(reading.dataset)
    np.testing.assert_allclose(entry["bbox"], BOX, atol=1e-4)
    assert [issue.rule for issue in reading.report] == (["turned-images"] if turn > 1 else [])
    losses = write(reading.dataset, tmp_path / "out", "yolo-seg" if polygon else "yolo")
    assert not {"boxes-recomputed", "coordinates-rounded", "outside-clipped"} & set(losses.rules)
    written = np.array((tmp_path / "out/labels/a.txt").read_text().split(), float)
    given = np.array((place / "labels/a.txt").read_text().split(), float)
    if polygon:  # which of the corners is the first one may differ
        written, given = (np.unique(each[1:].reshape(-1, 2).round(4), axis=0) for each in (written, given))
    np.testing.assert_allclose(written, given, atol=2e-6)
    again = read(tmp_path / "out")
    assert not again.report
    np.testing.assert_allclose(only_object(again.dataset)["bbox"], BOX, atol=1e-4)


@pytest.mark.parametrize("turn", TURNS)
def test_masks_are_filled_by_opencv_where_they_are_seen(tmp_path: Path, turn: int) -> None:
    data = photo(turn)
    rng = np.random.default_rng(turn)
    mask = cv2.resize(rng.integers(0, 2, (6, 9), np.uint8), (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
    mask = (cv2.connectedComponents(mask, connectivity=4)[1] == 1).astype(np.uint8)
    Image.fromarray(mask).save(file := BytesIO(), "PNG")
    dataset = read(lay(tmp_path / "in", {"images/a.jpg": data, "masks/a.png": file.getvalue()}), "masks").dataset
    write(dataset, tmp_path / "out", "yolo-seg", outlines="pixels")
    shown = as_loaded(data)
    canvas = np.zeros(shown.shape, np.uint8)
    (line,) = (tmp_path / "out/labels/a.txt").read_text().splitlines()
    points = np.array(line.split()[1:], float).reshape(-1, 2) * shown.shape[::-1]
    cv2.fillPoly(canvas, [points.astype(np.int32)], 1)
    assert (canvas == as_loaded(_with_orientation(mask, turn))).all()
    entry = only_object(read(tmp_path / "out").dataset)
    assert (runs_to_mask(mask_of_object(entry, HEIGHT, WIDTH)) == mask).all()


def _with_orientation(mask: np.ndarray, turn: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = turn
    Image.fromarray(mask * 255).save(file := BytesIO(), "PNG", exif=exif.tobytes())
    return file.getvalue()


@pytest.mark.parametrize("format", ["yolo", "yolo-seg"])
def test_fractions_of_stored_pixels(tmp_path: Path, format: Literal["yolo", "yolo-seg"]) -> None:
    data = photo(6)
    place = lay(tmp_path, {"data.yaml": "names: [box]\n", "images/a.jpg": data, "labels/a.txt": label(photo(1), False)})
    reading = read(place, format, exif=False)
    assert not reading.report
    np.testing.assert_allclose(only_object(reading.dataset)["bbox"], BOX, atol=1e-4)
    with pytest.raises(InvalidInputError, match="neither true nor false"):
        read(place, format, exif="no")


def coco(size: tuple[int, int]) -> str:
    image = {"id": 1, "file_name": "a.jpg", "width": size[0], "height": size[1]}
    entry = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [8, 10, 16, 20]}
    return json.dumps({"images": [image], "categories": [{"id": 1, "name": "x"}], "annotations": [entry]})


def test_the_size_of_the_turned_image_is_told_as_such(tmp_path: Path) -> None:
    place = lay(tmp_path, {"x.json": coco((HEIGHT, WIDTH)), "a.jpg": photo(6)})
    with pytest.raises(InvalidMetadataError, match="which its EXIF turns"):
        read(place)
    place = lay(tmp_path, {"x.json": coco((HEIGHT, WIDTH)), "a.jpg": photo(1)})
    with pytest.raises(InvalidMetadataError, match=r"the file has 80 x 50 \(size-differs\)"):
        read(place)


def test_images_that_are_not_there_are_as_stored(tmp_path: Path) -> None:
    content = coco((80, 50))
    dataset = read(lay(tmp_path / "in", {"x.json": content}), "coco", check_images=False).dataset
    write(dataset, tmp_path / "out", "yolo", images=False)
    assert (tmp_path / "out/labels/a.txt").read_text() == "0 0.200000 0.400000 0.200000 0.400000\n"
