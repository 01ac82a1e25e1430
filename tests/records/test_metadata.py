import json
import pickle
from pathlib import Path
from typing import Any

import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from imagecards.errors import InvalidMetadataError, NotFoundError
from imagecards.records import BBox, ImageMetadata, ImageRecord

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5)
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
OUTLINES = st.sampled_from(
    [None, [], [[1, 2, 3, 4, 5, 6.5]], {"size": [4, 5], "counts": "abc"}, {"size": [4, 5], "counts": [3, 17]}]
)


@st.composite
def boxes(draw: st.DrawFn) -> BBox:
    count = draw(st.integers(0, 3))

    def column(items: st.SearchStrategy[Any]) -> Any:
        return draw(st.none() | st.lists(items, min_size=count, max_size=count))

    sides = st.integers(0, 100) | st.floats(0, 100)
    fields = {
        "area": sides,
        "iscrowd": st.integers(0, 1),
        "id": st.integers(0, 9),
        "t": st.lists(TEXTS, max_size=2),
    }
    return BBox.model_validate(
        {
            "bbox": draw(st.lists(st.tuples(sides, sides, sides, sides), min_size=count, max_size=count)),
            "categories": draw(st.lists(st.sampled_from(["cat", "dog"]), min_size=count, max_size=count)),
            "segmentation": column(OUTLINES),
        }
        | {name: column(st.none() | items) for name, items in fields.items()}
    )


@st.composite
def record_lists(draw: st.DrawFn) -> list[ImageRecord]:
    extras = st.fixed_dictionaries(
        {},
        optional={
            "n": st.none() | NUMBERS,
            "s": TEXTS,
            "empty": st.just({}),
            "": st.booleans(),
            "m": st.fixed_dictionaries({}, optional={"a": st.lists(st.none() | NUMBERS), "b": st.just({}), "": TEXTS}),
        },
    )
    names = draw(st.lists(st.integers(0, 99).map("{}.png".format), unique=True, max_size=6))
    return [
        ImageRecord.model_validate(
            {
                "file_name": name,
                "caption": draw(st.none() | TEXTS),
                "categories": draw(st.none() | st.lists(TEXTS, max_size=2)),
                "objects": draw(st.none() | boxes()),
            }
            | draw(extras)
        )
        for name in names
    ]


@given(record_lists())
def test_what_is_written_reads_back_as_the_same(records: list[ImageRecord]) -> None:
    metadata = ImageMetadata(records=records)
    assert list(metadata.records) == records
    again = ImageMetadata.from_jsonl(metadata.to_jsonl())
    assert again == metadata
    assert list(again.records) == records
    generated = ImageMetadata.from_table(again.table)
    assert generated.text is None
    assert ImageMetadata.from_jsonl(generated.to_jsonl()) == metadata


@given(record_lists())
def test_tables_survive_parquet_and_polars(records: list[ImageRecord]) -> None:
    metadata = ImageMetadata(records=records)
    sink = pa.BufferOutputStream()
    pq.write_table(metadata.table, sink)
    assert ImageMetadata.from_table(pq.read_table(pa.BufferReader(sink.getvalue()))) == metadata
    assert len(metadata.to_polars()) == len(records)


def test_the_documented_use(tmp_path: Path) -> None:
    record = ImageRecord(
        file_name="0001.png",
        caption="This is a caption for the image",
        categories=[0],
        objects=BBox(bbox=[[302.0, 109.0, 73.0, 52.0]], categories=[0]),
    )
    ImageMetadata(records=[record]).write_to_file(tmp_path / "metadata.jsonl")
    assert (tmp_path / "metadata.jsonl").read_text() == (
        '{"file_name": "0001.png", "caption": "This is a caption for the image", "categories": [0], '
        '"objects": {"bbox": [[302.0, 109.0, 73.0, 52.0]], "categories": [0]}}\n'
    )
    assert ImageMetadata.load_from_file(tmp_path / "metadata.jsonl").records[0] == record


def test_the_text_that_was_read_is_written_again(tmp_path: Path) -> None:
    text = b'\xef\xbb\xbf  {"caption":null, "file_name" : "a.png","n":1.50}\r\n\r\n'
    (tmp_path / "a.jsonl").write_bytes(text)
    metadata = ImageMetadata.load_from_file(tmp_path / "a.jsonl")
    metadata.write_to_file(tmp_path / "b.jsonl")
    assert (tmp_path / "b.jsonl").read_bytes() == text


def test_all_errors_are_raised_at_once(tmp_path: Path) -> None:
    path = tmp_path / "metadata.jsonl"
    path.write_bytes(b'{"file_name": "a.png", "caption": 1}\n{"file_name": "../b"}\nnull\n')
    with pytest.raises(InvalidMetadataError, match="3 errors") as caught:
        ImageMetadata.load_from_file(path)
    assert [(issue.file, issue.line) for issue in caught.value.issues] == [("metadata.jsonl", n) for n in (1, 2, 3)]


def test_warnings_are_kept() -> None:
    metadata = ImageMetadata.from_jsonl(b'{"file_name": "a.png", "captoin": "x"}')
    assert [issue.rule for issue in metadata.report] == ["unknown-field"]


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"nowhere\.jsonl"):
        ImageMetadata.load_from_file(tmp_path / "nowhere.jsonl")


def test_invalid_items_are_pydantic_errors() -> None:
    with pytest.raises(ValidationError):
        ImageMetadata(records=[{"file_name": "../a.png"}])  # type: ignore[list-item] # dictionaries work, too
    with pytest.raises(InvalidMetadataError, match="record"):
        ImageMetadata(
            records=[ImageRecord(file_name="a", categories=[1]), ImageRecord(file_name="b", categories=["x"])]
        )


def test_records_are_a_lazy_sequence() -> None:
    metadata = ImageMetadata(records=[ImageRecord(file_name=f"{i}.png") for i in range(10)])
    records = metadata.records
    assert (len(metadata), len(records), records[-1].file_name) == (10, 10, "9.png")
    assert [record.file_name for record in records[2:4]] == ["2.png", "3.png"]
    assert [record.file_name for record in records[::-4]] == ["9.png", "5.png", "1.png"]
    assert list(records[5:5]) == []
    with pytest.raises(IndexError):
        records[10]


def test_metadata_is_immutable_hashable_and_picklable() -> None:
    metadata = ImageMetadata.from_jsonl(b'{"file_name": "a.png"}')
    with pytest.raises(AttributeError):
        metadata.text = b""
    again = pickle.loads(pickle.dumps(metadata))
    assert (again, hash(again), again.text) == (metadata, hash(metadata), metadata.text)
    assert metadata != "something else"
    assert metadata != ImageMetadata(records=[ImageRecord(file_name="b.png")])


def test_whole_and_decimal_numbers_are_one_type() -> None:
    rows = [{"file_name": "a.png", "n": 1}, {"file_name": "b.png", "n": 2.5}]
    metadata = ImageMetadata.from_jsonl("\n".join(map(json.dumps, rows)).encode())
    assert metadata.table.schema.field("extra").type == pa.struct([("n", pa.float64())])
    assert [record.extra["n"] for record in metadata.records] == [1, 2.5]


def test_an_empty_file_is_an_empty_dataset() -> None:
    metadata = ImageMetadata.from_jsonl(b"")
    assert (len(metadata), metadata.to_jsonl(), list(metadata.records)) == (0, b"", [])
    assert metadata == ImageMetadata(records=[])
    assert len(metadata.merged()) == 0


def test_a_table_without_the_columns_is_refused() -> None:
    with pytest.raises(InvalidMetadataError, match="caption"):
        ImageMetadata.from_table(pa.table({"file_name": ["a.png"]}))


def test_to_polars_has_the_columns() -> None:
    frame = ImageMetadata.from_jsonl(b'{"file_name": "a.png", "caption": "x"}').to_polars()
    assert frame["caption"].to_list() == ["x"]
    assert frame.schema["file_name"] == polars.String
