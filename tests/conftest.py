"""What every test may lean on: a cache of its own, a registry, and small folders of images."""

import json
import multiprocessing
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from imagecards import CardRegistry

# The same examples each time, so that a change is judged by what it changes; --hypothesis-profile=search looks for new
# ones. Examples start threads and load libraries: how long one takes says nothing.
settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None)
settings.load_profile("same")

# Whichever test comes first starts the server that forks processes for all: it has imported what any of them needs.
multiprocessing.set_forkserver_preload(["imagecards.testing.faults", "imagecards.registry.register", "pandas", "s3fs"])


@pytest.fixture(autouse=True)
def _own_surroundings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGECARDS_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("IMAGECARDS_REGISTRY", raising=False)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[CardRegistry]:
    opened = CardRegistry(tmp_path / "registry")
    yield opened
    opened.store.close()


def png(width: int = 8, height: int = 6, seed: int = 0) -> bytes:
    """A grey PNG whose pixels follow from ``seed``."""
    rows = b"".join(
        b"\0" + bytes((seed * 31 + row * width + column) % 256 for column in range(width)) for row in range(height)
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
            (b"tEXt", b"seed\0%d" % seed),
            (b"IDAT", zlib.compress(rows)),
            (b"IEND", b""),
        )
    )


MakeFolder = Callable[..., Path]


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """Make a folder of small PNG files with a ``metadata.jsonl``.

    ``make_folder({"a.png": {"caption": "x"}}, seed=0)``: one record for each name; ``None`` writes the image
    without a record. The pixels of an image follow from its place and the seed.
    """

    def make(records: dict[str, dict[str, Any] | None] | int = 3, *, name: str = "images", seed: int = 0) -> Path:
        if isinstance(records, int):
            records = {
                f"{number:03d}.png": {"objects": {"bbox": [[number % 4, 1, 2, 3]], "categories": ["cat"]}}
                for number in range(records)
            }
        folder = tmp_path / name
        lines = []
        for number, (file_name, record) in enumerate(records.items()):
            place = folder / file_name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(png(seed=seed + number))
            if record is not None:
                lines.append(json.dumps({"file_name": file_name, **record}) + "\n")
        if lines:
            (folder / "metadata.jsonl").write_text("".join(lines))
        return folder

    return make
