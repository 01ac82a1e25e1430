import os
import sys
from pathlib import Path

import pytest

from imagecards.errors import InvalidInputError
from imagecards.storage import SCHEMES, LocalStore, MemoryStore, open_store


@pytest.mark.parametrize("path", ["registry", "with blank", "100%25", "ünï", "a#b?c=d", "a:b"])
def test_a_path_and_its_url_are_the_same_store(tmp_path: Path, path: str) -> None:
    for place in (str(tmp_path / path), tmp_path / path):
        store = open_store(place)
        assert isinstance(store, LocalStore)
        assert store.root == str(tmp_path / path)
        again = open_store(store.url)
        assert isinstance(again, LocalStore)
        assert again.root == store.root
    store.put_if_absent("a", [b"data"])
    assert os.listdir(tmp_path) == [path]


@pytest.mark.parametrize(
    "url", ["file:///tmp/x", "FILE:///tmp/x", "file://localhost/tmp/x", "/tmp/x", "//tmp/../tmp/x/"]
)
def test_ways_to_write_a_folder(url: str) -> None:
    store = open_store(url)
    assert isinstance(store, LocalStore)
    assert os.path.normpath(store.root.replace("//", "/")) == "/tmp/x"


def test_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    store = open_store("~/cards")
    assert isinstance(store, LocalStore)
    assert store.root == "/home/somebody/cards"


def test_memory() -> None:
    assert isinstance(open_store("memory://x"), MemoryStore)


@pytest.mark.parametrize("url", ["gs://user:secret@bucket/x", "az://secret/x", "zip://secret", "x+y://secret"])
def test_unknown_schemes_say_what_there_is_and_nothing_of_the_rest(url: str) -> None:
    with pytest.raises(InvalidInputError, match=r"file://, hf://, memory://") as caught:
        open_store(url)
    assert "secret" not in str(caught.value)


def test_another_machine_s_files() -> None:
    with pytest.raises(InvalidInputError, match="server"):
        open_store("file://server/share")


@pytest.mark.parametrize("url", ["", "file:///a%00b", "a\0b"])
def test_no_place_at_all(url: str) -> None:
    with pytest.raises(InvalidInputError):
        open_store(url)


def test_bytes_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="as text"):
        open_store(b"/tmp/x")  # type: ignore[arg-type]


def test_the_table_is_fixed() -> None:
    with pytest.raises(TypeError):
        SCHEMES["x"] = "y"  # type: ignore[index]


def test_storage_needs_nothing_heavy() -> None:
    heavy = (
        "{'pyarrow', 'polars', 'PIL', 'numpy', 'pydantic', 'rich', 'tarfile', 'fsspec', 's3fs', 'botocore', 'aiohttp', "
        "'huggingface_hub', 'httpx2'}"
    )
    stores = "imagecards.storage.s3, imagecards.storage.hub"
    code = f"import sys, imagecards.storage.shards, {stores}; assert not {heavy} & set(sys.modules)"
    assert os.spawnl(os.P_WAIT, sys.executable, sys.executable, "-c", code) == 0
