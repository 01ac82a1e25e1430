"""Faults are injected some ten thousand times: in memory where that is possible, since every put waits for the disk."""

import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call() -> Generator[None, object, object]:
    """System calls are counted here, and the tracer makes some of its own: it looks up the name of each new file.

    It would also double the minutes that these tests take, and they run lines that others have covered.
    """
    tracers = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(tracers[0])
        threading.settrace(tracers[1])


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    if not (MEMORY.is_dir() and os.access(MEMORY, os.W_OK)):
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(prefix="imagecards-", dir=MEMORY))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
