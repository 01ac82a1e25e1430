"""Derive a version, and deal its images to folds."""

import sys
import time

import imagecards as ic
from benchmarks.measured.stopwatch import Stopwatch, peak_memory
from imagecards.registry import derive  # noqa: F401  # imports are not what is timed
from imagecards.splits import KFold
from imagecards.transforms import MinArea, Sample


def main(registry: str) -> None:
    """Time both; every version has a name of its own, since the same derivation makes no second one."""
    watch = Stopwatch()
    cards = ic.CardRegistry(registry)
    step = KFold(k=4, seed=1)
    warm_up = Sample(n=1000).apply(cards.open("bench/raw"))  # type: ignore[arg-type]  # it is no table
    step.apply(warm_up)
    with watch.time("folds"):
        folds = step.apply(cards.open("bench/raw"))  # type: ignore[arg-type]
    watch.figures["even"] = float(step.balance(folds).worst < 1)
    with watch.time("derive"):
        cards.derive("bench/raw", [MinArea(pixels=1), step], f"bench/child-{time.time_ns()}")
    watch.figures["memory"] = peak_memory()
    watch.tell()


if __name__ == "__main__":
    main(sys.argv[1])
