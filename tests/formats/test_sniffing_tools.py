"""Each of the formats of annotation tools is told from all others by what it looks like."""

import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.formats.strategies import make_dataset

from imagecards.errors import FormatError
from imagecards.formats import FORMATS, find_format, write
from imagecards.formats.json_heads import Head, each_entry, json_head

RECORDS = [
    {"file_name": "train/a.png", "objects": {"bbox": [[0, 0, 2, 2]], "categories": ["cat"]}},
    {"file_name": "valid/x/b.png", "objects": {"bbox": [], "categories": []}},
]


@pytest.mark.parametrize("name", ["labelme", "labelstudio"])
@pytest.mark.parametrize("images", [True, False])
def test_what_is_written_is_recognised_and_by_one_format_alone(tmp_path: Path, name: str, images: bool) -> None:
    sizes = {str(record["file_name"]): (8, 6) for record in RECORDS}
    dataset = make_dataset(RECORDS, sizes, {"train": ["train/a.png"], "valid": ["valid/x/b.png"]})
    write(dataset, tmp_path / "out", name, images=images)
    assert [format.name for format in FORMATS.values() if format.looks_like(tmp_path / "out")] == [name]
    for place in (tmp_path / "out").rglob("*.json"):
        assert find_format(place).name == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{", "[", "[]", "{}", "[1, 2]", "[[{}]]", '{"shapes": ', '[{"annotations": []}]', "nonsense", "\0" * 100,
        '{"a": {"shapes": 1}}', '[{"a": {"annotations": 1, "data": 2}}]',
    ],
)  # fmt: skip
def test_other_json_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    for name in ("labelme", "labelstudio"):
        assert not FORMATS[name].looks_like(tmp_path / "a.json") or text == '{"shapes": '
    if text != '{"shapes": ':
        with pytest.raises(FormatError):
            find_format(tmp_path / "a.json")


def test_only_the_beginning_is_looked_at(tmp_path: Path) -> None:
    place = tmp_path / "a.json"
    place.write_text(json.dumps({"shapes": ["\\" * 500_000], "imagePath": "x"}))
    assert json_head(place) == Head("object", frozenset({"shapes"}), False)
    place.write_text('["' + '\\"' * 500_000)
    assert json_head(place).kind == ""
    place.write_text('{"a": "\\"}", "shapes": []}')
    assert json_head(place) == Head("object", frozenset({"a", "shapes"}), True)
    place.write_text("[" * 1_000_000)
    assert json_head(place).kind == ""


@pytest.mark.parametrize("text", ["[]", " [ ] ", "[1]", "[1, [2, 3] ,{}]\n", "\ufeff[NaN]", '["]", "[,"]'])
def test_entries_one_by_one_are_those_of_the_whole(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    found = [list(each_entry(tmp_path / "a.json", large)) for large in (0, 10**6)]
    assert repr(found[0]) == repr(found[1]) == repr(json.loads(text.removeprefix("\ufeff")))


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[", "[1", "[1,", "[,1]", "[1 2]", "[1,]", "[1] 2", "[[", "[" * 100_000, "[1" + "0" * 5000 + "]", "]"],
)
def test_what_is_no_list_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    for large in (0, 10**6):
        with pytest.raises(FormatError):
            list(each_entry(tmp_path / "a.json", large))


@pytest.mark.parametrize("name", ["labelme", "labelstudio"])
def test_any_executor_writes_the_same_bytes(tmp_path: Path, name: str) -> None:
    records = [{**RECORDS[0], "file_name": f"train/{number}.png"} for number in range(150)]
    sizes = {str(record["file_name"]): (8, 6) for record in records}
    dataset = make_dataset(records, sizes, {"train": list(sizes)})
    write(dataset, tmp_path / "0", name)
    context = multiprocessing.get_context("spawn")
    with ThreadPoolExecutor(3) as threads, ProcessPoolExecutor(2, mp_context=context) as processes:
        for number, executor in enumerate((threads, processes), start=1):
            write(dataset, tmp_path / str(number), name, executor=executor)
    for path in (tmp_path / "0").rglob("*.json"):
        for other in "12":
            assert (tmp_path / other / path.relative_to(tmp_path / "0")).read_bytes() == path.read_bytes()
