"""trackio: log a folder as an artifact, again, and with one image more."""

import sys
from pathlib import Path

import trackio  # type: ignore[import-not-found]  # lives in the peers' environment

from benchmarks.measured.stopwatch import Stopwatch, one_more


def main(images: Path, more: Path) -> None:
    """Time the three artifacts.

    Args:
        images: The folder.
        more: The folder with the image to be added.
    """
    watch = Stopwatch()
    trackio.init(project="bench", embed=False, auto_log_gpu=False, auto_log_cpu=False)

    def log(name: str, folder: Path) -> str:
        artifact = trackio.Artifact(name, type="dataset")
        artifact.add_dir(folder)
        version: str = trackio.log_artifact(artifact).version
        return version

    log("warm-up", more)
    with watch.time("first", settle=True):
        first = log("images", images)
    with watch.time("again", settle=True):
        again = log("images", images)
    with one_more(images, more), watch.time("added", settle=True):
        added = log("images", images)
    assert first == again != added
    trackio.finish()
    watch.tell()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
