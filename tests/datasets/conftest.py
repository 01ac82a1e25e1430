"""Folders of small images."""

import io
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from PIL import Image

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees the user's cache, or another test's."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("IMAGECARDS_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def picture() -> Callable[..., bytes]:
    """The bytes of an image: ``picture("PNG", (40, 30), colour=3)``."""

    def picture(kind: str = "PNG", size: tuple[int, int] = (40, 30), colour: int = 0) -> bytes:
        Image.new("RGB", size, (colour % 256, colour // 256, 7)).save(target := io.BytesIO(), kind)
        return target.getvalue()

    return picture


@pytest.fixture
def folder(tmp_path: Path, picture: Callable[..., bytes]) -> Write:
    """Write a folder: ``folder({"a.png": bytes or None for a picture, "metadata.jsonl": [records]})``."""

    def folder(files: Mapping[str, bytes | Sequence[object] | None], name: str = "images") -> Path:
        root = tmp_path / name
        for number, (path, content) in enumerate(files.items()):
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                kind = "JPEG" if path.lower().endswith("jpg") else "PNG"
                target.write_bytes(picture(kind, colour=number))
            elif isinstance(content, bytes):
                target.write_bytes(content)
            else:
                target.write_text("".join(json.dumps(record) + "\n" for record in content), encoding="utf-8")
            os.utime(target, ns=(10**18, 10**18))
        root.mkdir(exist_ok=True)
        return root

    return folder
