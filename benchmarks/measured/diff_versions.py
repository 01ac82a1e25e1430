"""Find out what changed between two versions."""

import sys

import imagecards as ic
from benchmarks.measured.stopwatch import Stopwatch, peak_memory
from imagecards.registry import difference  # noqa: F401  # imports are not what is timed


def main(registry: str, changed: int) -> None:
    """Compare the two versions, and see that what is found is what was changed.

    Args:
        registry: The registry.
        changed: How many objects were moved, each in an image of its own.
    """
    watch = Stopwatch()
    with watch.time("diff"):
        found = ic.CardRegistry(registry).diff("bench/many@1.0.0", "bench/many@1.0.1")
    objects = found.counts["objects"]
    watch.figures["right"] = float(objects == {"moved": changed} and len(found.images.changed_records) == changed)
    watch.figures["memory"] = peak_memory()
    watch.tell()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
