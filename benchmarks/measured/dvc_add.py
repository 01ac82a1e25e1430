"""DVC through its Python API: add a folder, again, and with one image more."""

import os
import shutil
import sys
from pathlib import Path

from dvc.repo import Repo  # type: ignore[import-not-found]  # lives in the peers' environment

from benchmarks.measured.stopwatch import Stopwatch, one_more


def main(more: Path, place: Path) -> None:
    """Time the three additions.

    Args:
        more: The folder with the image to be added.
        place: A repository, with the folder in it as ``images``.
    """
    watch = Stopwatch()
    os.chdir(place)
    shutil.copytree(more, "warm-up")
    with Repo(".") as repo:
        repo.add("warm-up")

    def add(step: str) -> None:
        with Repo(".") as repo, watch.time(step, settle=True):
            repo.add("images")

    add("first")
    add("again")
    with one_more(place / "images", more):
        add("added")
    watch.tell()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
