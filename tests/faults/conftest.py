"""Faults are injected some ten thousand times: in memory where that is possible, since every put waits for the disk."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tracing would double the minutes that these tests take, and they run lines that others have covered."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("no_cover")


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    if not (MEMORY.is_dir() and os.access(MEMORY, os.W_OK)):
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(prefix="imagecards-", dir=MEMORY))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
