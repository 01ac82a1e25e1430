"""Files and folders that are there as long as something refers to them."""

import os
import shutil
import tempfile
import weakref
from pathlib import Path


class TemporaryPlace:
    """A new folder of its own, which is deleted when nobody refers to this any more, and when the process ends.

    Attributes:
        path: The folder.
    """

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="imagecards-"))
        weakref.finalize(self, _delete, str(self.path), os.getpid())


def _delete(path: str, owner: int) -> None:
    if os.getpid() == owner:  # a forked process is not the one that it belongs to
        shutil.rmtree(path, ignore_errors=True)
