"""What splits share that they should not: each kind is found, told once, and told apart from the others."""

import io
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.splits.conftest import dataset_of

from imagecards import ImageDataset
from imagecards.errors import InvalidInputError, MissingDependencyError
from imagecards.splits import LeakReport, Pattern, find_identical_bytes, find_leaks, leak_report


def picture(seed: int, size: int = 64) -> Image.Image:
    """A picture of soft patches of colour, unlike those of other seeds."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    return Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str = "PNG", **options: int) -> bytes:
    image.save(target := io.BytesIO(), kind, **options)
    return target.getvalue()


def with_files(files: Mapping[str, bytes], splits: Mapping[str, Sequence[str]]) -> ImageDataset:
    return dataset_of([{"file_name": name} for name in files], splits, files)


def told(report: LeakReport) -> list[tuple[str, str, str, tuple[str, ...], tuple[str, ...]]]:
    return [(leak.kind, leak.first, leak.second, leak.first_images, leak.second_images) for leak in report.leaks]


FILES = {
    "a.png": encoded(picture(0)),
    "twin.png": encoded(picture(0)),
    "pixels.png": encoded(picture(0).convert("RGBA"), compress_level=0),
    "near.jpg": encoded(picture(0), "JPEG", quality=70),
    "half.png": encoded(picture(0).resize((32, 32))),
    "b.png": encoded(picture(1)),
    "c.png": encoded(picture(2)),
}


def test_each_kind_is_found_and_told_once() -> None:
    dataset = with_files(FILES, {"train": ["a.png", "b.png", "c.png"], "test": [*[*FILES][1:5], "c.png"]})
    report = find_leaks(dataset)
    assert told(report) == [
        ("image", "test", "train", ("c.png",), ("c.png",)),
        ("bytes", "test", "train", ("twin.png",), ("a.png",)),
        ("pixels", "test", "train", ("twin.png", "pixels.png"), ("a.png",)),
        *[leak for leak in told(report)[3:] if leak[0] == "near"],
    ]
    near = {name for leak in report.leaks if leak.kind == "near" for name in leak.first_images}
    assert {"near.jpg", "half.png"} <= near <= {"twin.png", "pixels.png", "near.jpg", "half.png"}
    assert not report.ok
    assert report.looked_for == ("image", "bytes", "pixels", "near")
    assert report.count == sum(report.counts.values()) == len(report.leaks)


def test_nothing_is_found_where_nothing_is_shared() -> None:
    dataset = with_files(FILES, {"train": [*FILES][:5], "test": ["b.png"], "valid": ["c.png"]})
    report = find_leaks(dataset)
    assert report.ok
    assert report.pairs == (("test", "train"), ("test", "valid"), ("train", "valid"))
    compared = "the same image, identical bytes, identical pixels, near-duplicates"
    assert report.render() == f"no leaks: 3 pairs of splits compared ({compared})"


def test_only_splits_of_one_plan_are_compared() -> None:
    splits = {
        "mskf_0/train": ["a.png"],
        "mskf_0/valid": ["b.png"],
        "mskf_1/train": ["twin.png"],
        "mskf_1/valid": ["a.png"],
    }
    dataset = with_files(FILES, splits)
    report = find_leaks(dataset, near=None)
    assert report.pairs == (("mskf_0/train", "mskf_0/valid"), ("mskf_1/train", "mskf_1/valid"))
    assert told(report) == [("bytes", "mskf_1/train", "mskf_1/valid", ("twin.png",), ("a.png",))]
    named = find_leaks(dataset, near=None, splits=["mskf_0/train", "mskf_1/train"])
    assert told(named) == [("bytes", "mskf_0/train", "mskf_1/train", ("a.png",), ("twin.png",))]
    with pytest.raises(InvalidInputError, match="there is no split 'test' in this dataset: it has 'mskf_0/train', "):
        find_leaks(dataset, splits=["mskf_0/train", "test"])
    with pytest.raises(InvalidInputError, match="there are no two splits of one plan"):
        find_leaks(with_files(FILES, {"train": ["a.png"], "few/train": ["b.png"]}))


def test_groups_are_looked_for_on_request() -> None:
    files = {f"{name}.png": encoded(picture(seed)) for seed, name in enumerate(["n1-a", "n1-b", "n2-a", "n3-a"])}
    dataset = with_files(files, {"train": ["n1-a.png", "n2-a.png"], "test": ["n1-b.png", "n3-a.png"]})
    report = find_leaks(dataset, group_by=Pattern(pattern="^n[0-9]"), near=None)
    assert told(report) == [("group", "test", "train", ("n1-b.png",), ("n1-a.png",))]
    assert report.leaks[0].group == "n1"
    assert str(report.leaks[0]) == "the same group n1: test n1-b.png; train n1-a.png"
    overlapping = with_files(files, {"train": ["n2-a.png"], "test": ["n2-a.png"]})
    assert [leak.kind for leak in find_leaks(overlapping, group_by=Pattern(pattern="^n[0-9]")).leaks] == ["image"]


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["train", "test", "both", "none"])), max_size=12))
def test_identical_bytes_are_those_that_a_plain_look_finds(images: list[tuple[int, str]]) -> None:
    files = {f"{number:02d}.png": b"%d" % content for number, (content, _) in enumerate(images)}
    inside = {
        split: [name for name, (_, where) in zip(files, images, strict=True) if where in (split, "both")]
        for split in ("test", "train")
    }
    report = find_leaks(with_files(files, inside), pixels=False)
    wanted = {
        files[one] for one in inside["test"] for other in inside["train"] if one != other and files[one] == files[other]
    }
    assert {files[leak.first_images[0]] for leak in report.leaks if leak.kind == "bytes"} == wanted
    both = {leak.first_images[0] for leak in report.leaks if leak.kind == "image"}
    assert both == set(inside["test"]) & set(inside["train"])
    assert report.counts.get("bytes", 0) == len(wanted)


def test_images_that_cannot_be_read_are_lines_of_the_report() -> None:
    files = {**FILES, "broken.png": FILES["a.png"][:200], "large.png": encoded(picture(9, 300)), "text.png": b"no"}
    dataset = with_files(files, {"train": ["a.png", "broken.png"], "test": ["text.png", "large.png"]})
    report = find_leaks(dataset, max_pixels=10_000)
    assert [name for name, _ in report.unreadable] == ["broken.png", "large.png", "text.png"]
    assert (report.ok, report.count, report.unreadable_count) == (False, 0, 3)
    assert report.render(1).splitlines()[1:] == [
        "  ... and 2 more that were not compared",
        "0 leaks: 1 pair of splits compared (the same image, identical bytes, identical pixels, near-duplicates)",
    ]
    gone = dataset_of([{"file_name": "a.png"}, {"file_name": "b.png"}], {"train": ["a.png"], "test": ["b.png"]})
    assert find_leaks(gone, pixels=False).unreadable_count == 2


def test_what_is_listed_is_bounded_and_what_is_counted_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagecards.splits.leaks.MOST_LEAKS", 3)
    names = [f"{number:02d}.png" for number in range(40)]
    files = {name: b"%d" % (number // 2) for number, name in enumerate(names)}
    report = find_leaks(with_files(files, {"train": names[::2], "test": names[1::2]}), pixels=False)
    assert (len(report.leaks), report.counts) == (3, {"bytes": 20})
    assert report.render(2).splitlines()[0] == "identical bytes 20"
    assert "  ... and 18 more" in report.render(2).splitlines()
    same = dict.fromkeys(names, b"x")
    one = find_leaks(with_files(same, {"train": names[:30], "test": names[30:]}), pixels=False).leaks[0]
    assert len(one.second_images) == leak_report.MOST_IMAGES
    assert (one.first_count, one.second_count) == (10, 30)
    assert str(one) == "identical bytes: test 30.png and 9 more; train 00.png and 29 more"


def test_as_many_splits_as_a_field_may_name_are_compared_in_bounded_time() -> None:
    count = 10_000
    names = pa.chunked_array([[f"{number:05d}.png" for number in range(count)]])
    alone = {f"s{number:05d}": [name] for number, name in enumerate(names.to_pylist())}
    digests = [b"%d" % number for number in range(count)]
    before = time.process_time()
    assert find_identical_bytes(names, pa.chunked_array([digests]), alone).ok
    two = find_identical_bytes(names, pa.chunked_array([[*digests[:-1], digests[0]]]), alone)
    assert [str(leak) for leak in two.leaks] == ["identical bytes: s00000 00000.png; s09999 09999.png"]
    same = find_identical_bytes(names[:1000], pa.chunked_array([[b"x"] * 1000]), dict(list(alone.items())[:1000]))
    assert len(same.pairs) == 10_000
    assert time.process_time() - before < 20
    many = dataset_of([{"file_name": name} for name in names.to_pylist()[:150]], dict(list(alone.items())[:150]))
    with pytest.raises(InvalidInputError, match=r"more than 10,000 pairs of splits .* name fewer splits"):
        find_leaks(many, pixels=False)


def test_an_executor_changes_nothing() -> None:
    dataset = with_files(FILES, {"train": [*FILES][:3], "test": [*FILES][3:]})
    with ThreadPoolExecutor(2) as pool:
        assert find_leaks(dataset, executor=pool).to_dict() == find_leaks(dataset).to_dict()


def test_deep_images_are_compared_by_their_own_range() -> None:
    deep = {
        f"{seed}.png": encoded(Image.fromarray(np.asarray(picture(seed).convert("L")).astype(np.uint16) * 3))
        for seed in range(3)
    }
    brighter = np.asarray(picture(0).convert("L")).astype(np.uint16) * 4
    dataset = with_files(
        {**deep, "bright.png": encoded(Image.fromarray(brighter))}, {"a": [*deep], "b": ["bright.png"]}
    )
    assert told(find_leaks(dataset)) == [("near", "a", "b", ("0.png",), ("bright.png",))]


def test_near_duplicates_need_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imagehash", None)
    dataset = with_files(FILES, {"train": ["a.png"], "test": ["b.png"]})
    with pytest.raises(MissingDependencyError, match=r"pip install 'imagecards\[leaks\]'"):
        find_leaks(dataset)
    assert find_leaks(dataset, near=None).ok
    with pytest.raises(InvalidInputError, match="near is 17: give a number from 0 to 16"):
        find_leaks(dataset, near=17)


def test_a_report_is_a_table_and_json() -> None:
    dataset = with_files(FILES, {"train": ["a.png"], "test": ["twin.png"]})
    report = find_leaks(dataset)
    assert report.table().select("kind", "first_images", "distance").rows() == [("bytes", ["twin.png"], None)]
    said = report.to_dict()
    assert (said["ok"], said["counts"], said["leaks"][0]["second_images"]) == (False, {"bytes": 1}, ("a.png",))
