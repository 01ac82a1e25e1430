"""Temporary folders. What a process leaves that is killed, the next one that needs such a folder removes."""

import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imagecards.folderlock import MACHINE, hold_new, let_go, sweep

_NAME = re.compile(rf"imagecards-[a-z0-9]+-{MACHINE}-[a-z0-9_]{{8}}")


class TemporaryPlace:
    """A new folder of its own, which is deleted when nobody refers to this any more, and when the process ends.

    Attributes:
        path: The folder.
        remove: Deletes it at once.
    """

    def __init__(self, purpose: str) -> None:
        """Make the folder.

        Args:
            purpose: A word for the name of the folder.
        """
        root = Path(tempfile.gettempdir())
        sweep(root, _NAME)
        self.path, lock = hold_new(lambda: Path(tempfile.mkdtemp("", f"imagecards-{purpose}-{MACHINE}-", root)))
        self.remove = weakref.finalize(self, _delete, str(self.path), lock, os.getpid())


@contextmanager
def temporary_folder(purpose: str) -> Iterator[Path]:
    """A new folder for the time of a block.

    Args:
        purpose: A word for the name of the folder.
    """
    place = TemporaryPlace(purpose)
    try:
        yield place.path
    finally:
        place.remove()


def _delete(path: str, lock: int | None, owner: int) -> None:
    if os.getpid() == owner:  # a forked process is not the one that it belongs to
        shutil.rmtree(path, ignore_errors=True)
        let_go(lock)
