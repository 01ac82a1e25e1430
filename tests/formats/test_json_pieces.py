"""Parsing in pieces gives what parsing whole gives, for whatever is in the file."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from imagecards.errors import FormatError
from imagecards.formats import json_pieces
from imagecards.formats.documents import read_json
from imagecards.formats.json_pieces import read_large_json

TEXTS = st.text(st.sampled_from(list('a"\\[]{},: ü')), max_size=6) | st.sampled_from(["key", '"key": [', "key\\"])
VALUES = st.recursive(
    st.none() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
FOLDER_SIZES = st.sampled_from([1, 2, 3, 7, 64, 2**20])


def outcome(function: Any, *arguments: Any, **options: Any) -> Any:
    try:
        return function(*arguments, **options)
    except FormatError as error:
        return str(error)


def check(folder: Path, text: bytes, piece: int, block: int) -> None:
    file = folder / "x.json"
    file.write_bytes(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_pieces, "_BLOCK", block)
        assert outcome(read_large_json, file, "key", large=0, piece=piece) == outcome(read_json, file)


@settings(max_examples=300, deadline=None)
@given(
    before=st.dictionaries(TEXTS, VALUES, max_size=2),
    entries=st.lists(VALUES, max_size=6) | VALUES,
    after=st.dictionaries(TEXTS, VALUES, max_size=2),
    piece=st.integers(0, 40),
    block=FOLDER_SIZES,
    indent=st.sampled_from([None, 2]),
)
def test_documents(
    tmp_path_factory: pytest.TempPathFactory, before: Any, entries: Any, after: Any, piece: int, block: int, indent: Any
) -> None:
    text = json.dumps({**before, "key": entries, **after}, indent=indent, ensure_ascii=False)
    check(tmp_path_factory.mktemp("json"), text.encode(), piece, block)


@settings(max_examples=500, deadline=None)
@given(
    text=st.lists(st.sampled_from(['"key"', ":", "[", "]", "{", "}", ",", '"', "\\", "1", " ", '{"a":1}'])).map(
        "".join
    ),
    piece=st.integers(0, 9),
    block=FOLDER_SIZES,
)
@example(text='{"key":[{"a":1} {"a":1}]}', piece=0, block=64)
@example(text='{"key":[{"a":1},]}', piece=0, block=64)
@example(text='{"key":[,{"a":1}]}', piece=0, block=64)
@example(text='{"key":[{"a":1},{"a":1}],"key":[{}]}', piece=0, block=64)
@example(text='{"a \\"key\\":[": [{}, 1], "key": 3}', piece=0, block=64)
@example(text='{"key":[{"a":"}],"}, {"b":[[{}]]}', piece=0, block=1)
@example(text='\ufeff{"key":[{}, {}]}', piece=0, block=3)
def test_texts(tmp_path_factory: pytest.TempPathFactory, text: str, piece: int, block: int) -> None:
    check(tmp_path_factory.mktemp("json"), text.encode(), piece, block)


def test_a_large_file_is_cut(tmp_path: Path) -> None:
    text = json.dumps({"key": [{"n": n, "t": '}"'} for n in range(1000)], "a": 1}).encode()
    assert len(json_pieces._cuts(text, "key", 1000)) > 10
    check(tmp_path, text, 1000, 100)
