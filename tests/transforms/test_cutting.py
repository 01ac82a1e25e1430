"""Crop and Tile: images and objects cut to windows."""

import json
import pickle
import time
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from pydantic import ValidationError

from imagecards.datasets import ImageDataset
from imagecards.errors import FormatError, InvalidInputError, InvalidMetadataError, NotFoundError
from imagecards.geometry import area, cut, mask_to_runs, placed, runs_of, runs_to_coco, union
from imagecards.images import Picture, encode, read_picture
from imagecards.records import ImageMetadata, objects_of
from imagecards.transforms import Crop, Tile

Make = Callable[..., ImageDataset]


def photograph(width: int, height: int, mode: str = "RGB", seed: int = 0) -> tuple[NDArray[Any], bytes]:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    image = Image.fromarray(pixels).convert(mode)
    image.save(target := BytesIO(), "PNG")
    return np.asarray(image), target.getvalue()


def found(dataset: ImageDataset) -> dict[str, list[dict[str, Any]]]:
    """The objects of each image; the records are sound."""
    lines = map(json.loads, ImageMetadata.from_table(dataset.table).to_jsonl().splitlines())
    return {line["file_name"]: objects_of(line) for line in lines}


def test_images_are_cut_pixel_by_pixel(make: Make) -> None:
    pixels, data = photograph(40, 30)
    dataset = make(
        [{"file_name": "a/b.png", "caption": "kept"}],
        size=(40, 30),
        images={"a/b.png": data},
        splits={"s": ["a/b.png"]},
    )
    part = Crop(x=5, y=7, width=20, height=10).apply(dataset)
    assert part.names == ("a/b.png",)
    assert part.splits == {"s": ("a/b.png",)}
    assert np.array_equal(read_picture(part.read_bytes("a/b.png")).pixels, pixels[7:17, 5:25])
    assert part.table.select(["caption", "width", "height"]).to_pylist() == [
        {"caption": "kept", "width": 20, "height": 10}
    ]
    assert part.facts.select(["width", "height", "format"]).to_pylist() == [
        {"width": 20, "height": 10, "format": "PNG"}
    ]


def test_what_the_window_contains_stays_the_same_file(make: Make) -> None:
    small, large = photograph(8, 6)[1], photograph(30, 30)[1]
    records = [{"file_name": "small.png"}, {"file_name": "large.png"}]
    dataset = make(records, size=None, images={"small.png": small, "large.png": large})
    part = Crop(x=0, y=0, width=10, height=10).apply(dataset)
    assert part.names == ("small.png", "large.png")
    assert part.read_bytes("small.png") == small
    assert read_picture(part.read_bytes("large.png")).pixels.shape == (10, 10, 3)
    assert Crop(x=0, y=0, width=30, height=30).apply(dataset) is dataset


@pytest.mark.parametrize("dtype", ["u1", "u2", "i4", "f4", "f8"])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_the_type_of_pixels_and_the_channels_stay(channels: int, dtype: str, make: Make) -> None:
    pixels = np.random.default_rng(0).integers(0, 200, (12, 16, channels)).astype(dtype)
    name = "a.png" if dtype in ("u1", "u2") and channels < 4 else "a.tif"
    data = encode(Picture(pixels, {1: "grey", 3: "rgb", 5: "bands"}[channels], False))  # type: ignore[arg-type]
    dataset = make([{"file_name": name}], size=(16, 12), images={name: data})
    part = Crop(x=1, y=2, width=10, height=9).apply(dataset)
    ours = read_picture(part.read_bytes(part.names[0])).pixels
    assert ours.dtype == pixels.dtype
    assert np.array_equal(ours, pixels[2:11, 1:11])


def test_images_in_cmyk_become_tiff(make: Make) -> None:
    Image.new("CMYK", (20, 20), (10, 20, 30, 40)).save(target := BytesIO(), "JPEG")
    dataset = make([{"file_name": "a.jpg"}], size=(20, 20), images={"a.jpg": target.getvalue()})
    part = Crop(x=0, y=0, width=5, height=5).apply(dataset)
    assert part.names == ("a.tif",)
    assert read_picture(part.read_bytes("a.tif")).colour == "cmyk"


def test_images_that_would_get_one_name_keep_their_suffixes(make: Make) -> None:
    Image.new("L", (20, 20)).save(jpeg := BytesIO(), "JPEG")
    images = {"a.png": photograph(20, 20)[1], "a.jpg": jpeg.getvalue(), "b.jpg": jpeg.getvalue()}
    dataset = make([{"file_name": name} for name in images], size=(20, 20), images=images)
    assert Crop(x=0, y=0, width=5, height=5).apply(dataset).names == ("a.png", "a.jpg.png", "b.png")
    tiles = Tile(width=20, height=10).apply(dataset).names
    assert tiles == ("a.png_0_0.png", "a.png_0_10.png", "a.jpg_0_0.png", "a.jpg_0_10.png", "b_0_0.png", "b_0_10.png")


def test_names_that_clash_with_another_image_are_refused(make: Make) -> None:
    images = {"a.png": photograph(20, 20)[1], "a_0_0.png": photograph(10, 20)[1]}
    dataset = make([{"file_name": name} for name in images], size=None, images=images)
    tiles = Tile(width=10, height=20).apply(dataset)
    assert tiles.names == ("a.png_0_0.png", "a_10_0.png", "a_0_0.png")


def test_a_window_beside_an_image_names_it(make: Make) -> None:
    dataset = make([{"file_name": "a.png"}], size=(8, 6))
    with pytest.raises(InvalidInputError, match=r"crop: the window begins at 8, 0, and a\.png has only 8 x 6 pixels"):
        Crop(x=8, y=0, width=4, height=4).apply(dataset)


def test_boxes_are_cut_and_small_rests_go(make: Make, objects: Callable[..., Any]) -> None:
    boxes = [[1, 1, 2, 2], [3, 3, 4, 2], [6, 1, 1, 1], [3, 5, 4, 1], [4, 4, 0, 0], [5, 1, 0, 2]]
    fields = objects([("x", box) for box in boxes], id=[1, 2, 3, 4, 5, 6], area=[4, 6, 1, 4, None, None])
    dataset = make(
        [{"file_name": "a.png", "objects": fields}, {"file_name": "b.png"}],
        size=(8, 6),
        images={"a.png": photograph(8, 6)[1], "b.png": photograph(8, 6)[1]},
    )
    part = Crop(x=0, y=0, width=5, height=6).apply(dataset)
    assert found(part)["a.png"] == [
        {"bbox": [1, 1, 2, 2], "category": "x", "area": 4, "id": 1},
        {"bbox": [3, 3, 2, 2], "category": "x", "area": 3, "id": 2},
        {"bbox": [3, 5, 2, 1], "category": "x", "area": 2, "id": 4},
        {"bbox": [4, 4, 0, 0], "category": "x", "id": 5},
    ]
    assert part.table["objects"].to_pylist()[1] is None
    half = Crop(x=0, y=0, width=5, height=6, min_share=0.5).apply(dataset)
    assert [each["id"] for each in found(half)["a.png"]] == [1, 2, 4, 5]
    most = Crop(x=0, y=0, width=5, height=6, min_share=0.51).apply(dataset)
    assert [each["id"] for each in found(most)["a.png"]] == [1, 5]


QUARTERS = st.integers(-8, 48).map(lambda number: number / 4)
POLYGON = st.lists(QUARTERS, min_size=6, max_size=14).map(lambda numbers: numbers[: len(numbers) // 2 * 2])
RLE = st.builds(
    lambda share, seed, text: runs_to_coco(
        mask_to_runs(np.random.default_rng(seed).random((10, 12)) < share), compressed=text
    ),
    st.sampled_from([0.02, 0.3, 1.0]),
    st.integers(0, 99),
    st.booleans(),
)
OUTLINE = st.lists(POLYGON, min_size=1, max_size=2) | RLE
WINDOW = st.tuples(st.integers(0, 11), st.integers(0, 9), st.integers(1, 12), st.integers(1, 10))


@settings(max_examples=60)
@given(st.lists(OUTLINE, min_size=1, max_size=4), WINDOW)
def test_outlines_are_cut_to_the_pixels_that_are_left(make: Make, outlines: list[Any], window: Any) -> None:
    x, y, width, height = window
    count = len(outlines)
    fields = {
        "bbox": [[0, 0, 12, 10]] * count,
        "categories": ["x"] * count,
        "segmentation": outlines,
        "id": list(range(count)),
        "area": [1.0] * count,
    }
    dataset = make([{"file_name": "a.png", "objects": fields}], size=(12, 10), images={"a.png": photograph(12, 10)[1]})
    part = Crop(x=x, y=y, width=width, height=height).apply(dataset)
    wide, high = min(width, 12 - x), min(height, 10 - y)
    left = {each["id"]: each for each in found(part)["a.png"]}
    for number, outline in enumerate(outlines):
        whole = runs_of(outline, 10, 12)
        expected = cut(whole, x, y, wide, high)
        if number not in left:
            assert area(expected) == 0
            continue
        assert isinstance(left[number]["segmentation"], dict) == isinstance(outline, dict)
        assert runs_of(left[number]["segmentation"], high, wide) == expected
        if area(expected) < area(whole):
            assert left[number]["area"] == area(expected)
        bx, by, bw, bh = left[number]["bbox"]
        assert bx >= 0
        assert by >= 0
        assert bx + bw <= wide
        assert by + bh <= high


@settings(max_examples=40)
@given(OUTLINE, st.integers(2, 9), st.integers(2, 9), st.integers(0, 3), st.sampled_from(["cut", "shift"]))
def test_tiles_put_together_are_the_image_and_the_mask(
    make: Make, outline: Any, width: int, height: int, overlap: int, edge: Any
) -> None:
    pixels, data = photograph(12, 10)
    fields = {"bbox": [[0, 0, 12, 10]], "categories": ["x"], "segmentation": [outline], "id": [5]}
    dataset = make([{"file_name": "a.png", "objects": fields}], size=(12, 10), images={"a.png": data})
    overlap = min(overlap, width - 1, height - 1)
    tiles = Tile(width=width, height=height, overlap=overlap, edge=edge).apply(dataset)
    again = np.zeros_like(pixels)
    seen = np.zeros(pixels.shape[:2], bool)
    masks = [mask_to_runs(np.zeros((10, 12)))]
    for name, entries in found(tiles).items():
        x, y = map(int, name.removesuffix(".png").split("_")[1:]) if name != "a.png" else (0, 0)
        tile = read_picture(tiles.read_bytes(name)).pixels
        high, wide = tile.shape[:2]
        assert (wide, high) == (width, height) or edge == "cut" or width > 12 or height > 10
        again[y : y + high, x : x + wide] = tile
        seen[y : y + high, x : x + wide] = True
        for entry in entries:
            assert entry.get("source_id", entry.get("id")) == 5
            masks.append(placed(runs_of(entry["segmentation"], high, wide), x, y, 12, 10))
    assert seen.all()
    assert np.array_equal(again, pixels)
    assert union(masks) == runs_of(outline, 10, 12)


def test_tiles_are_in_the_splits_of_their_image_and_say_which_it_is(make: Make, objects: Callable[..., Any]) -> None:
    images = {name: photograph(20, 10, seed=seed)[1] for seed, name in enumerate(["a.png", "b.png", "c.png"])}
    fields = objects([("x", [5, 0, 10, 4])], id=["one"])
    records = [{"file_name": "a.png", "objects": fields, "night": 3}, {"file_name": "b.png"}, {"file_name": "c.png"}]
    dataset = make(records, size=(20, 10), images=images, splits={"test": ["c.png"], "train": ["b.png", "a.png"]})
    tiles = Tile(width=10, height=10).apply(dataset)
    assert tiles.splits == {
        "test": ("c_0_0.png", "c_10_0.png"),
        "train": ("b_0_0.png", "b_10_0.png", "a_0_0.png", "a_10_0.png"),
    }
    assert tiles.table["extra"].to_pylist()[:2] == [{"night": 3, "tile_of": "a.png"}] * 2
    assert [each["source_id"] for each in found(tiles)["a_10_0.png"]] == ["one"]
    assert "id" not in found(tiles)["a_10_0.png"][0]
    finer = Tile(width=5, height=10).apply(tiles)
    assert finer.table["extra"].to_pylist()[3] == {"night": 3, "tile_of": "a.png"}
    assert found(finer)["a_0_0_5_0.png"][0]["source_id"] == "one"


def test_fields_of_ones_own_that_are_in_the_way_are_refused(make: Make, objects: Callable[..., Any]) -> None:
    images = {"a.png": photograph(20, 10)[1]}
    both = make(
        [{"file_name": "a.png", "objects": objects([("x", [0, 0, 1, 1])], id=[1], source_id=[2])}],
        size=(20, 10),
        images=images,
    )
    with pytest.raises(InvalidInputError, match="tile: objects have an id and a source_id"):
        Tile(width=10, height=10).apply(both)
    with pytest.raises(InvalidInputError, match="tile: the field tile_of of the images is no text"):
        Tile(width=10, height=10).apply(make([{"file_name": "a.png", "tile_of": 3}], size=(20, 10), images=images))


def test_too_many_tiles_are_refused_before_they_are_made(make: Make) -> None:
    dataset = make([{"file_name": "a.png"}], size=(10_000, 10_000))
    with pytest.raises(InvalidInputError, match="there would be 100,000,000 tiles"):
        Tile(width=1, height=1).apply(dataset)


def test_many_objects_in_many_tiles_take_bounded_time(make: Make, objects: Callable[..., Any]) -> None:
    boxes = [("x", [number % 200 * 1.0, number // 200 * 1.0, 1.5, 1.5]) for number in range(5_000)]
    image = {"a.png": photograph(250, 250)[1]}
    dataset = make([{"file_name": "a.png", "objects": objects(boxes)}], size=(250, 250), images=image)
    before = time.process_time()
    tiles = Tile(width=2, height=2).apply(dataset)
    assert len(tiles) == 15_625
    assert time.process_time() - before < 30  # 2 s measured; each object held against each tile takes minutes
    assert sum(map(len, found(tiles).values())) == sum((1 + x % 2) * (1 + y % 2) for y in range(25) for x in range(200))


def test_a_mask_without_pixels_is_where_its_box_is(make: Make, objects: Callable[..., Any]) -> None:
    fields = objects([("x", [6, 4, 1, 1])], segmentation=[{"size": [6, 8], "counts": [48]}])
    dataset = make([{"file_name": "a.png", "objects": fields}], images={"a.png": photograph(8, 6)[1]})
    tiles = found(Tile(width=4, height=3).apply(dataset))
    assert [name for name, entries in tiles.items() if entries] == ["a_4_3.png"]


def test_an_outline_that_can_not_be_drawn_names_step_and_image(make: Make, objects: Callable[..., Any]) -> None:
    fields = objects([("x", [0, 0, 1, 1])], segmentation=[{"size": [3, 3], "counts": [9]}])
    dataset = make([{"file_name": "a.png", "objects": fields}], size=(8, 6), images={"a.png": photograph(8, 6)[1]})
    with pytest.raises(
        InvalidMetadataError, match=r"crop: an outline of a\.png can't be drawn: a mask of 3 x 3"
    ) as caught:
        Crop(x=0, y=0, width=4, height=4).apply(dataset)
    assert caught.value.issues[0].rule == "bad-outline"


def test_the_source_is_read_when_asked_goes_to_other_processes_and_knows_its_names(make: Make) -> None:
    pixels, data = photograph(40, 30)
    dataset = make([{"file_name": "a.png"}], size=(40, 30), images={"a.png": data})
    tiles = Tile(width=10, height=10).apply(dataset)
    reads = dataset.source.reads  # type: ignore[attr-defined]  # a source in memory keeps count
    del reads[:]
    source = tiles.source
    assert len(list(source.read_many(tiles.names))) == 12
    assert reads == ["a.png"]  # decoded once for all its tiles
    again = pickle.loads(pickle.dumps(source))
    assert again.read("a_10_20.png") == source.read("a_10_20.png")
    assert np.array_equal(read_picture(again.read("a_10_20.png")).pixels, pixels[20:30, 10:20])
    source.close()
    with pytest.raises(NotFoundError):
        source.read("a.png")


def test_an_image_of_another_size_than_was_said_is_no_tile(make: Make) -> None:
    dataset = make([{"file_name": "a.png"}], size=(40, 30), images={"a.png": photograph(20, 30)[1]})
    tiles = Tile(width=10, height=30).apply(dataset)
    assert tiles.read_bytes("a_10_0.png")
    with pytest.raises(FormatError, match=r"a_20_0\.png can't be made from a\.png: it has 20 x 30 pixels"):
        tiles.read_bytes("a_20_0.png")


@pytest.mark.parametrize(
    ("step", "fields"),
    [
        (Crop, {"x": -1, "y": 0, "width": 1, "height": 1}),
        (Crop, {"x": 0, "y": 0, "width": 0, "height": 1}),
        (Crop, {"x": 0, "y": 0, "width": 2**40, "height": 1}),
        (Crop, {"x": 0, "y": 0, "width": 1, "height": 1, "min_share": 1.5}),
        (Crop, {"x": 0.5, "y": 0, "width": 1, "height": 1}),
        (Tile, {"width": 4, "height": 4, "overlap": 4}),
        (Tile, {"width": 4, "height": 4, "edge": "wrap"}),
    ],
)
def test_what_is_no_window_is_refused(step: Any, fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        step(**fields)
