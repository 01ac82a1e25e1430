"""Runs, their texts and their sets, against pycocotools and against pixels."""

import warnings
from itertools import pairwise
from typing import Any

import numpy as np
import pycocotools.mask as coco
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from imagecards.errors import FormatError
from imagecards.geometry import counts, masks, rle
from imagecards.geometry.rle import Runs

Mask = NDArray[np.bool_]


def random_mask(height: int, width: int, share: float, seed: int) -> Mask:
    return np.random.default_rng(seed).random((height, width)) < share


SHARES = st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 0.95, 1.0])
MASKS = st.builds(random_mask, st.integers(1, 20), st.integers(1, 20), SHARES, st.integers(0, 2**32))


def decoded(compressed: dict[str, Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pycocotools 2.0.11 hands arrays over in an old way
        return coco.decode(compressed)


def theirs(mask: Mask) -> dict[str, Any]:
    return dict(coco.encode(np.asfortranarray(mask.astype(np.uint8))))


@given(MASKS)
def test_every_text_round_trips_and_is_that_of_pycocotools(mask: Mask) -> None:
    runs = masks.mask_to_runs(mask)
    height, width = mask.shape
    assert rle.runs_to_coco(runs)["counts"] == theirs(mask)["counts"].decode()
    assert rle.runs_from_coco(theirs(mask)) == runs
    assert rle.runs_from_coco(rle.runs_to_coco(runs, compressed=False)) == runs
    assert rle.runs_from_pairs(rle.runs_to_pairs(runs), height, width) == runs
    along_rows = masks.mask_to_runs(mask.T).counts
    assert rle.runs_from_row_major(along_rows, height, width) == runs
    assert np.array_equal(masks.runs_to_mask(runs), mask)
    assert np.array_equal(decoded(rle.runs_to_coco(runs)), mask)


@given(MASKS)
def test_area_and_bounds_are_those_of_pycocotools(mask: Mask) -> None:
    runs = masks.mask_to_runs(mask)
    assert rle.area(runs) == coco.area(theirs(mask)) == mask.sum()
    assert list(rle.bounds(runs)) == coco.toBbox(theirs(mask)).tolist()


@given(st.lists(st.integers(0, 2**32), min_size=1, max_size=5), st.integers(1, 12), st.integers(1, 12), SHARES)
def test_sets_are_those_of_the_pixels(seeds: list[int], height: int, width: int, share: float) -> None:
    pixels = [random_mask(height, width, share, seed) for seed in seeds]
    runs = [masks.mask_to_runs(mask) for mask in pixels]
    a, b = pixels[0], pixels[-1]
    assert rle.union(runs) == masks.mask_to_runs(np.logical_or.reduce(pixels))
    assert rle.union(runs) == rle.runs_from_coco(coco.merge([theirs(mask) for mask in pixels]))
    assert rle.intersection(runs[0], runs[-1]) == masks.mask_to_runs(a & b)
    assert rle.difference(runs[0], runs[-1]) == masks.mask_to_runs(a & ~b)
    assert rle.iou(runs[0], runs[-1]) == coco.iou([theirs(a)], [theirs(b)], [0])[0, 0]


@given(st.lists(st.integers(0, 2**31 - 1), max_size=12))
def test_any_runs_survive_the_compressed_text(lengths: list[int]) -> None:
    assert counts.decode_counts(counts.encode_counts(lengths)).tolist() == lengths
    flat, offsets = counts.decode_many([counts.encode_counts(lengths), "52203", counts.encode_counts(lengths)])
    assert flat[: offsets[1]].tolist() == flat[offsets[2] :].tolist() == lengths
    assert flat[offsets[1] : offsets[2]].tolist() == [5, 2, 2, 2, 5]


TEXTS = st.lists(st.integers(0, 2**31 - 1), max_size=9).map(counts.encode_counts)


@given(st.lists(st.one_of(TEXTS, TEXTS.map(str.encode)), max_size=9))
def test_many_texts_are_read_as_one_by_one(texts: list[str | bytes]) -> None:
    for each in (texts, [text for text in texts if isinstance(text, bytes)]):
        flat, offsets = counts.decode_many(each)
        read = [flat[start:stop].tolist() for start, stop in pairwise(offsets.tolist())]
        assert read == [counts.decode_counts(text).tolist() for text in each]


@given(st.lists(st.one_of(MASKS, st.just(random_mask(200, 90, 0.5, 0))), max_size=6))
def test_many_are_read_and_written_as_one_by_one(given_masks: list[Mask]) -> None:
    runs = [masks.mask_to_runs(mask) for mask in given_masks]
    texts = [rle.runs_to_coco(one) for one in runs]
    assert rle.runs_to_coco_many(runs) == texts
    assert rle.runs_from_coco_many(texts) == runs
    mixed = [rle.runs_to_coco(one, compressed=bool(place % 2)) for place, one in enumerate(runs)]
    assert rle.runs_from_coco_many(mixed) == runs


def test_many_say_which_one_is_bad() -> None:
    good = {"size": [4, 4], "counts": "52203"}
    with pytest.raises(FormatError, match=r"mask 2: .*5 x 4"):
        rle.runs_from_coco_many([good, good, {"size": [5, 4], "counts": "52203"}])
    with pytest.raises(FormatError, match="mask 1: "):
        rle.runs_from_coco_many([good, 5])  # type: ignore[list-item]


@given(st.text(st.characters(max_codepoint=130), max_size=12) | st.binary(max_size=12))
def test_any_text_is_read_or_is_a_format_error(text: str | bytes) -> None:
    try:
        runs = rle.runs_from_coco({"size": [4, 5], "counts": text})
    except FormatError:
        return
    assert runs.counts.sum() == 20
    # Whatever passes is read by pycocotools as the same mask, and holds nothing but 0 and 1.
    plain = text.decode() if isinstance(text, bytes) else text
    assert np.array_equal(decoded({"size": [4, 5], "counts": plain}), masks.runs_to_mask(runs))


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12))
def test_zero_runs_are_merged(lengths: list[int]) -> None:
    total = sum(lengths)
    if not total:
        return
    bits = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths).reshape(1, total)
    read = rle.runs_from_coco({"size": [1, total], "counts": lengths})
    assert read == masks.mask_to_runs(bits)
    assert hash(read) == hash(masks.mask_to_runs(bits))
    assert rle.runs_from_coco({"size": [1, total], "counts": counts.encode_counts(lengths)}) == read


HOSTILE: list[Any] = [
    {"size": [10, 10], "counts": [1, 2]},
    {"size": [10, 10], "counts": [101]},
    {"size": [10, 10], "counts": [50, -10, 60]},
    {"size": [10, 10], "counts": [50.0, 50.0]},
    {"size": [10, 10], "counts": [float("nan")]},
    {"size": [10, 10], "counts": [10**30]},
    {"size": [10, 10], "counts": [2**63 + 5, 5]},
    {"size": [10, 10], "counts": np.array([2**64 - 1], np.uint64)},
    {"size": [10, 10], "counts": [2**62] * 8},
    {"size": [10, 10], "counts": [True, 99]},
    {"size": [10, 10], "counts": [[50, 50]]},
    {"size": [10, 10], "counts": [[1], [1, 2]]},
    {"size": [10, 10], "counts": ["50", "50"]},
    {"size": [10, 10], "counts": []},
    {"size": [10, 10], "counts": ""},
    {"size": [10, 10], "counts": None},
    {"size": [10, 10], "counts": 100},
    {"size": [10, 10], "counts": "T3" * 2000},
    {"size": [10, 10], "counts": "0"},
    {"size": [10, 10], "counts": "P"},
    {"size": [10, 10], "counts": "o" * 50 + "0"},
    {"size": [10, 10], "counts": "oooooo0"},
    {"size": [10, 10], "counts": "T3\n"},
    {"size": [10, 10], "counts": "T3\u00e9"},
    {"size": [10, 10], "counts": b"T3\xff"},
    {"size": [10, 10], "counts": "/T3"},
    {"size": [10, 10], "counts": "p"},
    {"size": [2**20, 2**20], "counts": "0"},
    {"size": [2**31 - 1, 1], "counts": [2**31 - 1]},
    {"size": [10**5000, 1], "counts": [1]},
    {"size": [0, 10], "counts": []},
    {"size": [-10, -10], "counts": [100]},
    {"size": [10.0, 10.0], "counts": [100]},
    {"size": ["10", "10"], "counts": [100]},
    {"size": [True, 1], "counts": [1]},
    {"size": [10], "counts": [10]},
    {"size": [10, 10, 1], "counts": [100]},
    {"size": "10", "counts": [100]},
    {"size": None, "counts": [100]},
    {"size": [10, 10]},
    {"counts": [100]},
    [],
    None,
    "rle",
]


@pytest.mark.parametrize("bad", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_masks_are_format_errors(bad: Any) -> None:
    with pytest.raises(FormatError):
        rle.runs_from_coco(bad)


def test_a_claimed_size_costs_nothing() -> None:
    runs = rle.runs_from_coco({"size": [2**15, 2**15], "counts": [2**30 - 1, 1]})
    assert rle.area(runs) == 1
    assert rle.bounds(runs) == (2**15 - 1, 2**15 - 1, 1, 1)
    assert rle.area(rle.difference(runs, runs)) == 0
    assert runs.counts.nbytes < 100


LONG = ["9" * 30 + " 1", "1 " + "9" * 5000, "\u0661 1", "1_0 2", "+1 2"]


@pytest.mark.parametrize(
    "text",
    [
        *LONG,
        "1",
        "1 2 3",
        "0 1",
        "1 0",
        "5 3 6 1",
        "9 1 1 1",
        "16 2",
        "17 1",
        "-1",
        "-1 2",
        "a 1",
        "1.0 2",
        "1 1e3",
        "nan 1",
    ],
)
def test_bad_pairs_are_format_errors(text: str) -> None:
    with pytest.raises(FormatError):
        rle.runs_from_pairs(text, 4, 4)


def test_pairs_that_touch_are_one_run() -> None:
    assert rle.runs_to_pairs(rle.runs_from_pairs("1 2 3 4", 4, 4)) == "1 6"
    assert rle.area(rle.runs_from_pairs(" ", 4, 4)) == 0
    with pytest.raises(FormatError):
        rle.runs_from_pairs(float("nan"), 4, 4)  # type: ignore[arg-type]


def test_the_first_row_of_severstal() -> None:
    text = "29102 12 29346 24 29602 24 29858 24 30114 24 30370 24 30626 24"
    runs = rle.runs_from_pairs(text, 256, 1600)
    assert rle.area(runs) == 156
    assert rle.bounds(runs) == (113, 161, 7, 24)
    assert rle.runs_to_pairs(runs) == text
    assert coco.area(rle.runs_to_coco(runs)) == 156
    assert coco.toBbox(rle.runs_to_coco(runs)).tolist() == [113, 161, 7, 24]


@pytest.mark.parametrize("bad", [[1], [5, 5], [2, -1, 3], [0.5, 3.5], [2**40], "4"])
def test_bad_row_major_counts_are_format_errors(bad: Any) -> None:
    with pytest.raises(FormatError):
        rle.runs_from_row_major(bad, 2, 2)


def test_masks_of_unlike_sizes_have_no_sets() -> None:
    a, b = Runs((2, 3), np.array([6])), Runs((3, 2), np.array([6]))
    for function in (rle.intersection, rle.difference, rle.iou, lambda x, y: rle.union([x, y])):
        with pytest.raises(FormatError, match="2 x 3 pixels and one of 3 x 2"):
            function(a, b)
    with pytest.raises(FormatError, match="no mask"):
        rle.union([])
    assert a != b
    assert a != "mask"


@pytest.mark.parametrize("bad", [[-1], [2**31], [0.5], [None]])
def test_bad_runs_are_not_written(bad: Any) -> None:
    with pytest.raises(FormatError):
        counts.encode_counts(bad)
