"""Splits that someone else made: in a field, in folders, in a CSV file."""

from pathlib import Path

import pytest
from pydantic import ValidationError
from tests.splits.conftest import dataset_of

from imagecards.errors import FormatError, InvalidInputError, NotFoundError
from imagecards.splits import STEPS, FromColumn, FromCsv, FromFolders, from_csv


def test_a_field_names_one_split_or_several() -> None:
    dataset = dataset_of(
        [
            {"file_name": "a.png", "subset": "train", "year": 2024},
            {"file_name": "b.png"},
            {"file_name": "c.png", "subset": "test"},
        ]
    )
    assert FromColumn(field="subset").apply(dataset).splits == {"test": ("c.png",), "train": ("a.png",)}
    assert FromColumn(field="year", name="by").apply(dataset).splits == {"by/2024": ("a.png",)}
    several = dataset_of([{"file_name": "a.png", "in": {"plans": ["x", "y", "x"]}}, {"file_name": "b.png"}])
    assert FromColumn(field="in.plans").apply(several).splits == {"x": ("a.png",), "y": ("a.png",)}
    with pytest.raises(InvalidInputError, match=r"the field 'in' holds struct<.*>: name one that holds text"):
        FromColumn(field="in").apply(several)
    with pytest.raises(InvalidInputError, match="no record has a field 'x': they have no further fields"):
        FromColumn(field="x").apply(dataset_of([{"file_name": "a.png"}]))


def test_folders_name_splits() -> None:
    dataset = dataset_of({"file_name": name} for name in ("train/x/a.png", "train/y/b.png", "valid/x/c.png", "d.png"))
    splits = FromFolders(name="given").apply(dataset).splits
    assert splits == {"given/train": ("train/x/a.png", "train/y/b.png"), "given/valid": ("valid/x/c.png",)}
    assert list(FromFolders(depth=2).apply(dataset).splits) == ["train/x", "train/y", "valid/x"]
    with pytest.raises(InvalidInputError, match="there are no image in a folder 3 deep"):
        FromFolders(depth=3).apply(dataset)


XAMI_CSV = """IMADE_ID,IMAGE_PATH,SPLIT
0,../data/train/S0001_U.rf.1.jpg,train
2,../data/train/S0003_U.rf.3.jpg,train
1,../data/train/S0002_U.rf.2.jpg,valid
"""
NAMES = ("images/S0001_U.rf.1.jpg", "images/S0002_U.rf.2.jpg", "images/S0003_U.rf.3.jpg", "images/more.jpg")


def test_a_csv_of_folds_is_read_and_needs_no_file_again(tmp_path: Path) -> None:
    path = tmp_path / "mskf_0.csv"
    path.write_text(XAMI_CSV)
    step = FromCsv.read(path, name="mskf_0")
    path.unlink()
    again = STEPS["split-from-csv"].model_validate_json(step.model_dump_json())
    assert again == step
    splits = again.apply(dataset_of({"file_name": name} for name in NAMES)).splits
    assert splits == {"mskf_0/train": (NAMES[0], NAMES[2]), "mskf_0/valid": (NAMES[1],)}


def test_images_can_be_listed_by_their_ids(tmp_path: Path) -> None:
    path = tmp_path / "mskf_0.csv"
    path.write_text("\ufeffIMADE_ID,SPLIT\r\n0,train\r\n\r\n2,train\r\n1,valid\r\n3,\r\n", encoding="utf-8")
    step = FromCsv.read(path)
    assert step.match == "id"
    dataset = dataset_of({"file_name": name, "id": number} for number, name in enumerate(NAMES))
    assert step.apply(dataset).splits == {"train": (NAMES[0], NAMES[2]), "valid": (NAMES[1],)}
    assert FromCsv.read(path, image_column="IMADE_ID", split_column="SPLIT") == step


def test_an_image_in_two_splits_is_refused_with_both_lines(tmp_path: Path) -> None:
    path = tmp_path / "folds.csv"
    path.write_text("file_name,split\na.png,train\nb.png,train\na.png,train\na.png,valid\n")
    with pytest.raises(FormatError, match=r"folds.csv:5: 'a.png' is in 'valid', and in 'train' by line 2: decide"):
        FromCsv.read(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "has no column file_name/.*: its header is"),
        (b"image,part\n", "has no column split/subset/set/fold: its header is"),
        (b"image,split\n", "lists no image in a split"),
        (b"image,split\na.png\n", "folds.csv:2: 1 cells below a header of 2"),
        (b'image,split\n"a.png,train\n', "folds.csv:2: this is no CSV"),
        (b"image,split\n\xff,train\n", "is not UTF-8 at byte 12"),
    ],
)
def test_files_that_are_no_such_list_are_refused(tmp_path: Path, text: bytes, message: str) -> None:
    path = tmp_path / "folds.csv"
    path.write_bytes(text)
    with pytest.raises(FormatError, match=message):
        FromCsv.read(path)


def test_a_missing_file_or_column_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no file"):
        FromCsv.read(tmp_path / "none.csv")
    (tmp_path / "folds.csv").write_text("image,split\n")
    with pytest.raises(FormatError, match="has no column 'picture'"):
        FromCsv.read(tmp_path / "folds.csv", image_column="picture")


def test_lists_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError, match="use FromColumn"):
        FromCsv(members={"train": ["a" * (4 << 20), "b"]})
    monkeypatch.setattr(from_csv, "_MOST_BYTES", 10)
    (tmp_path / "folds.csv").write_text(XAMI_CSV)
    with pytest.raises(FormatError, match="is larger than"):
        FromCsv.read(tmp_path / "folds.csv")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("".join(f"{number},s{number}\n" for number in range(10_001)), "can't be a step: 'members': .* at most 10000"),
        ("".join(f"{number:01000d},train\n" for number in range(4_200)), "use FromColumn"),
        (f"a.png,{'s' * 201}\n", "can't be a step: .* at most 200 characters"),
    ],
)
def test_lists_that_no_card_can_hold_are_refused(tmp_path: Path, rows: str, said: str) -> None:
    (tmp_path / "folds.csv").write_text(f"file_name,split\n{rows}")
    with pytest.raises(FormatError, match=said):
        FromCsv.read(tmp_path / "folds.csv")


def test_one_image_by_two_names_is_refused() -> None:
    dataset = dataset_of({"file_name": name} for name in ("x/a.png", "x/b.png"))
    for train, valid in (("y/a.png", "z/a.png"), ("x/a.png", "a.png")):
        with pytest.raises(InvalidInputError, match=rf"'{train}' and '{valid}' of the list are both 'x/a\.png'"):
            FromCsv(members={"train": [train, "b.png"], "valid": [valid]}).apply(dataset)
    twice = FromCsv(members={"few": ["a.png"], "train": ["a.png", "b.png"]}).apply(dataset)
    assert twice.splits == {"few": ("x/a.png",), "train": ("x/a.png", "x/b.png")}


def test_an_image_that_is_not_there_or_not_alone_is_refused() -> None:
    dataset = dataset_of({"file_name": name} for name in ("x/a.png", "y/a.png", "x/b.png"))
    with pytest.raises(InvalidInputError, match=r"2 listed images are not in this dataset, .*: 'a\.png' first"):
        FromCsv(members={"train": ["a.png", "c.png", "b.png"]}).apply(dataset)
    exact = FromCsv(members={"train": ["x/a.png"]}).apply(dataset)
    assert exact.splits == {"train": ("x/a.png",)}
