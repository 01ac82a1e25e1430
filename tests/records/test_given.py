"""Records and tables that come from a program instead of a file."""

import math
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from imagecards.errors import InvalidMetadataError, NotFoundError, StorageError
from imagecards.records import BBox, ImageMetadata, ImageRecord, read_jsonl


def record(**fields: Any) -> ImageRecord:
    return ImageRecord(file_name="a.png", objects=BBox(bbox=[[1.0, 2.0, 3.0, 4.0]], categories=[0]), **fields)


def test_boxes_that_changed_after_they_were_checked_are_refused() -> None:
    for number in (-7.0, math.nan, "x"):
        changed = record()
        assert changed.objects is not None
        changed.objects.bbox[0][2] = number  # type: ignore[assignment]
        with pytest.raises(ValidationError):
            ImageMetadata(records=[changed])


@pytest.mark.parametrize(
    "bad",
    [
        record().model_copy(update={"file_name": "../x"}),
        record().model_copy(update={"weather": "\0"}),
        record().model_copy(update={"objects": {"bbox": [[1]], "categories": [0]}}),
        ImageRecord.model_construct(file_name="../x"),
        ImageRecord.model_construct(caption="no name"),  # type: ignore[call-arg]
        ImageRecord.model_construct(file_name="a.png", objects=BBox.model_construct(bbox=[[0]], categories=[0])),
    ],
)
def test_records_that_were_never_checked_are_refused(bad: ImageRecord) -> None:
    with pytest.raises(ValidationError):
        ImageMetadata(records=[bad])


def with_column(name: str, values: list[Any]) -> pa.Table:
    table = ImageMetadata(records=[record(weather="rain", scores=[0.5])]).table
    index = table.column_names.index(name)
    return table.set_column(index, table.schema.field(name), pa.array(values, table.schema.field(name).type))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("file_name", "../x"),
        ("file_name", None),
        ("file_name", "con.png"),
        ("caption", "\0"),
        ("categories", [None]),
        ("objects", [{"bbox": [1, 2, 3], "category": 0}]),
        ("objects", [{"bbox": [1, 2, 3, None], "category": 0}]),
        ("objects", [{"bbox": [1, 2, -3, 4], "category": 0}]),
        ("objects", [{"bbox": [1, 2, math.inf, 4], "category": 0}]),
        ("objects", [{"bbox": [1, 2, math.nan, 4], "category": 0}]),
        ("objects", [{"bbox": None, "category": 0}]),
        ("objects", [{"bbox": [1, 2, 3, 4], "category": None}]),
        ("objects", [None]),
        ("objects", [{"bbox": [1, 2, 3, 4], "category": 2**60}]),
        ("extra", {"weather": "rain", "scores": [math.nan]}),
    ],
)
def test_tables_that_break_rules_are_refused(column: str, value: Any) -> None:
    with pytest.raises(InvalidMetadataError, match="no table of records"):
        ImageMetadata.from_table(with_column(column, [value]))


def test_sound_tables_are_taken() -> None:
    table = ImageMetadata(records=[record(weather="rain", scores=[0.5])]).table
    assert ImageMetadata.from_table(table.slice(0, 0)).table.num_rows == 0
    assert ImageMetadata.from_table(table).table is not None
    assert len(ImageMetadata.from_table(with_column("objects", [None]))) == 1


def test_files_that_fail_are_storage_errors(tmp_path: Path) -> None:
    metadata = ImageMetadata(records=[record()])
    with pytest.raises(NotFoundError):
        ImageMetadata.load_from_file(tmp_path / "none.jsonl")
    with pytest.raises(StorageError, match="see that"):
        ImageMetadata.load_from_file(tmp_path)
    with pytest.raises(StorageError, match="see that"):
        metadata.write_to_file(tmp_path / "no" / "folder.jsonl")
    with pytest.raises(StorageError, match="see that"):
        metadata.write_to_file(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "metadata.jsonl"
    path.write_bytes(b"old")
    path.chmod(0o640)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match="No space left"):
            ImageMetadata(records=[record()]).write_to_file(path)
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"old", ["metadata.jsonl"])
    ImageMetadata(records=[record()]).write_to_file(path)
    assert (path.stat().st_mode & 0o777, os.listdir(tmp_path)) == (0o640, ["metadata.jsonl"])
    assert len(ImageMetadata.load_from_file(path)) == 1


@pytest.mark.parametrize("before", [0, 300])
def test_thirty_two_levels_are_accepted(before: int) -> None:
    lines = [b'{"file_name": "%d.png"}' % i for i in range(before)]
    for levels, ok in ((31, True), (32, False)):
        deep = b'{"file_name": "a.png", "x": ' + b"[" * levels + b"]" * levels + b"}"
        assert read_jsonl(b"\n".join([*lines, deep]))[1].ok is ok
    for levels, ok in ((30, True), (31, False)):
        x = b"[" * levels + b"]" * levels
        deep = b'{"file_name": "a.png", "objects": {"bbox": [[0,0,1,1]], "categories": [1], "x": ' + x + b"}}"
        assert read_jsonl(b"\n".join([*lines, deep]))[1].ok is ok


@pytest.mark.parametrize("count", [1, 1000])
def test_minus_zero_is_zero_on_both_paths(count: int) -> None:
    line = b'{"file_name": "%d.png", "x": %s, "objects": {"bbox": [[-0, -0.0, 1, 1]], "categories": [1]}}'
    table, report = read_jsonl(b"\n".join(line % (i, b"-0" if i else b"0.5") for i in range(count)))
    assert report.ok
    assert "-0" not in str(table["objects"].to_pylist())
    assert "-0" not in str(table["extra"].to_pylist())
