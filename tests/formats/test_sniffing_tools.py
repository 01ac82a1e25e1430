"""Each of the formats of annotation tools is told from all others by what it looks like."""

import json
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.formats.strategies import make_dataset

from imagecards.datasets import ImageDataset
from imagecards.errors import AlreadyExistsError, FormatError
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


def many() -> ImageDataset:
    """More images than one worker takes at once, with boxes and outlines."""
    outline = [[1.0, 1.0, 6.0, 1.0, 6.0, 5.0]]
    objects = {"bbox": [[1.0, 1.0, 5.0, 4.0]] * 2, "categories": ["cat", "dog"], "segmentation": [outline, None]}
    records = [{"file_name": f"train/{number}.png", "caption": "x", "objects": objects} for number in range(300)]
    sizes = {str(record["file_name"]): (8, 6) for record in records}
    return make_dataset(records, sizes, {"train": list(sizes)})


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(4, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.mark.parametrize("name", [name for name, format in FORMATS.items() if format.write is not None])
def test_any_executor_writes_the_same_bytes(tmp_path: Path, name: str, processes: ProcessPoolExecutor) -> None:
    losses = [write(many(), tmp_path / "0", name)]
    with ThreadPoolExecutor(4) as threads:
        for number, executor in enumerate((threads, processes), start=1):
            losses.append(write(many(), tmp_path / str(number), name, executor=executor))
    assert losses[0] == losses[1] == losses[2]
    files = [
        {path.relative_to(top): path.read_bytes() for path in top.rglob("*") if path.is_file()}
        for top in tmp_path.iterdir()
    ]
    assert len(files) == 3
    assert files[0] == files[1] == files[2] != {}


@pytest.mark.parametrize("name", [name for name, format in FORMATS.items() if format.write is not None])
def test_what_is_interrupted_is_not_there(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = many()
    (tmp_path / "taken" / "x").mkdir(parents=True)
    with pytest.raises(AlreadyExistsError):
        write(dataset, tmp_path / "taken", name)
    source = type(dataset.source)
    read, left = source.read, iter(range(200))

    def interrupted(self: Any, image: str) -> bytes:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return read(self, image)

    monkeypatch.setattr(source, "read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(dataset, tmp_path / "out", name)
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
