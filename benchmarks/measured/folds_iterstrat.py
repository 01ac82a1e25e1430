"""iterative-stratification: folds of images with several classes."""

import sys

import numpy as np
from iterstrat.ml_stratifiers import (  # type: ignore[import-not-found]  # lives in an environment of its own
    MultilabelStratifiedKFold,
)

from benchmarks.measured.stopwatch import Stopwatch


def main(labels: str) -> None:
    """Time the dealing; the labels are in memory already."""
    watch = Stopwatch()
    has = np.load(labels).astype(int)
    with watch.time("peer"):
        splitter = MultilabelStratifiedKFold(n_splits=4, shuffle=True, random_state=1)
        folds = [valid for _, valid in splitter.split(has, has)]
    counts = np.array([has[fold].sum(axis=0) for fold in folds])
    watch.figures["peer even"] = float((abs(counts - has.sum(axis=0) / len(folds)) < 1).all())
    watch.tell()


if __name__ == "__main__":
    main(sys.argv[1])
