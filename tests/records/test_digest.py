import hashlib
import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagecards.digests import canonical_json
from imagecards.records import ImageMetadata, dataset_digest, record_digests
from imagecards.records.digest import canonical_records

IMAGE = bytes(range(32))
IMAGE_TEXT = f"sha256:{IMAGE.hex()}"
BOX = [302.0, 109.5, 73.0, 52.0]

# What these records are must never change: registered cards name these digests.
GOLDEN: dict[str, tuple[dict[str, Any], str]] = {
    "name only": (
        {"file_name": "a.png"},
        "afc4060db7909d737d3cc2b4971249ff5530c7c34bc96934f896d7c7cea1f618",
    ),
    "one box": (
        {"file_name": "0001.png", "objects": {"bbox": [BOX], "categories": [0]}},
        "3e1a6ccb79895c6157eea327f5d618e26bfcc88d62158ec8f0a980bc8c134391",
    ),
    "no boxes": (
        {"file_name": "0001.png", "objects": {"bbox": [], "categories": []}},
        "553becca30f6b2215883359f045847d5015e3ba2088f66dd6f9ffba288224494",
    ),
    "everything": (
        {
            "file_name": "dé/\U0001f600.png",
            "caption": 'a "cat"\n\u2028 on a mat \\ \x1b',
            "categories": ["cat", ""],
            "objects": {
                "bbox": [BOX, [0, -0.0, 1e-7, 1e15]],
                "categories": ["cat", "dog"],
                "segmentation": [[[1, 2, 3.5, 4, 5, 6]], {"size": [4, 5], "counts": "ab"}],
                "area": [12, None],
                "iscrowd": [0, 1],
                "id": [7, 8],
                "track": [{"t": 1.0}, None],
            },
            "weather": {"rain": True, "mm": [1, None, 2.5], "\U0001f600": 1, "\ufb33": 2},
            "score": 1e21,
            "empty": {},
        },
        "2c90ebd0aba2f7acad2d68352c442a84e57280353dd05e177cb86e8e5cb6d355",
    ),
}


def digest_of(row: dict[str, Any], *others: dict[str, Any]) -> str:
    data = "\n".join(json.dumps(each) for each in (row, *others)).encode()
    merged = ImageMetadata.from_jsonl(data).merged()
    return record_digests(merged, [IMAGE] * len(merged))[0].hex()


@pytest.mark.parametrize(("row", "expected"), GOLDEN.values(), ids=GOLDEN)
def test_golden_digests(row: dict[str, Any], expected: str) -> None:
    assert digest_of(row) == expected


def test_the_canonical_text_of_a_record() -> None:
    table = ImageMetadata.from_jsonl(json.dumps(GOLDEN["one box"][0]).encode()).merged()
    (texts,) = canonical_records(table, [IMAGE])
    assert texts.to_pylist() == [
        f'{{"file_name":"0001.png","image":"{IMAGE_TEXT}","objects":[{{"bbox":[302,109.5,73,52],"category":0}}]}}'
    ]


def test_a_digest_does_not_depend_on_other_records() -> None:
    row = {"file_name": "a.png", "n": 1, "objects": {"bbox": [BOX], "categories": [1]}}
    other = {
        "file_name": "b.png",
        "n": 2.5,
        "caption": "x",
        "extra": {"y": 1},
        "categories": [3],
        "objects": {"bbox": [BOX], "categories": [1], "area": [1.5], "segmentation": [[[1, 2, 3, 4, 5, 6]]]},
    }
    assert digest_of(row) == digest_of(row, other)
    assert digest_of({"file_name": "a.png"}) == digest_of({"file_name": "a.png"}, other)


@pytest.mark.parametrize(
    "change",
    [
        {"caption": ""},
        {"categories": []},
        {"objects": {"bbox": [], "categories": []}},
        {"x": 0},
        {"x": False},
        {"x": ""},
        {"x": []},
        {"x": {}},
        {"extra": {"x": 0}},
        {"file_name": "b.png"},
    ],
)
def test_whatever_is_said_changes_the_digest(change: dict[str, Any]) -> None:
    row = {"file_name": "a.png"}
    assert digest_of(row | change) != digest_of(row)


@pytest.mark.parametrize("same", [{"caption": None}, {"x": None}, {"objects": None}])
def test_null_is_absent(same: dict[str, Any]) -> None:
    assert digest_of({"file_name": "a.png"} | same) == digest_of({"file_name": "a.png"})


def test_numbers_count_by_value() -> None:
    assert digest_of({"file_name": "a.png", "x": 1}) == digest_of({"file_name": "a.png", "x": 1.0})


def test_the_image_changes_the_digest() -> None:
    table = ImageMetadata.from_jsonl(b'{"file_name": "a.png"}').merged()
    assert record_digests(table, [IMAGE]) != record_digests(table, [bytes(32)])
    with pytest.raises(ValueError, match="1 records but 2"):
        record_digests(table, [IMAGE, IMAGE])


NUMBERS = st.sampled_from([0, 1, 0.1, -0.0, 1e-5, 123456.789, 2**53, 1e15]) | st.floats(0, 2**53)


@given(
    st.lists(
        st.fixed_dictionaries(
            {"caption": st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4)},
            optional={
                "boxes": st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS), max_size=3),
                "areas": st.booleans(),
                "categories": st.lists(st.integers(-5, 5), max_size=2),
                "x": st.none() | NUMBERS,
                "y": st.none() | st.lists(st.none() | st.booleans(), max_size=2),
            },
        ),
        max_size=5,
    ),
    st.integers(0, 3),
)
def test_digests_are_those_of_the_canonical_json(rows: list[dict[str, Any]], cut: int) -> None:
    written, expected = [], []
    for number, row in enumerate(rows):
        record = {
            "file_name": f"{number}.png",
            "caption": row["caption"],
            "categories": row.get("categories"),
        }
        extra = {name: row[name] for name in ("x", "y") if row.get(name) is not None}
        model = {name: value for name, value in record.items() if value is not None} | {"image": IMAGE_TEXT}
        model |= {"extra": extra} if extra else {}
        if "boxes" in row:
            boxes, count = row["boxes"], len(row["boxes"])
            areas = {"area": list(range(count))} if row.get("areas") else {}
            record["objects"] = {"bbox": boxes, "categories": list(range(count))} | areas
            model["objects"] = [
                {"bbox": [float(side) for side in box], "category": i} | ({"area": i} if areas else {})
                for i, box in enumerate(boxes)
            ]
        written.append(json.dumps(record | extra))
        expected.append(hashlib.sha256(canonical_json(model)).digest())
    merged = ImageMetadata.from_jsonl("\n".join(written).encode()).merged()
    assert record_digests(merged, [IMAGE] * len(merged)) == expected
    sliced = pa.concat_tables([merged.slice(0, cut), merged.slice(cut)])
    assert record_digests(sliced, [IMAGE] * len(merged)) == expected


def test_golden_dataset_digest() -> None:
    names = ["b.png", "a.png", "\ufb33.png", "\U0001f600.png"]
    digests = [bytes([number]) * 32 for number in range(4)]
    splits = {"train": ["b.png", "a.png"], 'te"st': []}
    assert dataset_digest(names, digests, splits) == (
        "sha256:11a310ea35c1ff50bd5aa0f720a3bbe7884f1f412d59cb04681aec316189ec94"
    )


def test_the_dataset_digest_is_what_it_says() -> None:
    one, two = b"\1" * 32, b"\2" * 32
    members = hashlib.sha256(b"a.png\nb.png\n").hexdigest()
    text = f'imagecards dataset 1\n{two.hex()}\n{one.hex()}\nsplit "train" {members}\n'
    expected = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    assert dataset_digest(["b.png", "a.png"], [one, two], {"train": ["b.png", "a.png"]}) == expected
    assert dataset_digest(["a.png", "b.png"], [two, one], {"train": ["a.png", "b.png"]}) == expected
    assert dataset_digest(["a.png", "b.png"], [two, one], {}) != expected
