"""Looking a card up among many, and importing the package."""

import shutil
import sys
from pathlib import Path

import pyarrow as pa

import imagecards as ic
from benchmarks.children import clock, measure
from benchmarks.figures import Row, Sample, Suite, Target, figure
from benchmarks.options import Options
from imagecards.errors import ImageCardsError


class Lookup:
    """One registry with many versions of one name, and many other names."""

    method = (
        "Each round is a fresh process; look-ups after the first are the median of 100. `import "
        "imagecards` is lazy, so the imports are also timed up to `imagecards.CardRegistry`, which "
        "imports all that a look-up needs; the whole job is a process that imports, looks up once and "
        "ends, with the start of the interpreter."
    )
    rows = (
        Row("range", 'load("bench/many@^1")', "ms"),
        Row("exact", "load of an exact version", "ms"),
        Row("tag", "load of a tag", "ms"),
        Row("first", "the first load of a process, after imports", "ms"),
        Row("import", "import imagecards", "ms"),
        Row("import all", "import imagecards and its CardRegistry", "ms"),
        Row("light", "no pyarrow, polars, numpy, pandas or PIL was imported for it", "yes"),
        Row("job", "the whole job", "ms"),
        Row("bare", "an interpreter that does nothing", "ms"),
    )
    targets = (
        Target('load("a/b@^1")', figure("range"), "under", 3e-3, "ms"),
        Target("the first load of a process", figure("first"), "under", 30e-3, "ms"),
        Target("import imagecards", figure("import"), "under", 0.15, "ms"),
        Target("import imagecards and its CardRegistry", figure("import all"), "under", 0.15, "ms"),
    )

    def __init__(self, options: Options, versions: int, others: int) -> None:
        self.title = f"Look up one card among {versions:,} versions and {others:,} other cards"
        self._versions, self._others = versions, others
        self._place = options.data / f"registry-{versions}-{others}"
        self._expected = f"1.{versions - 1}.0"

    def prepare(self) -> None:
        """Register them all, unless a registry that this release reads is there."""
        try:
            cards = ic.CardRegistry(self._place)
            if str(cards.load("bench/many@prod").version) == self._expected:
                return
        except ImageCardsError:
            pass
        print(f"registering {self._versions + self._others:,} cards", flush=True)
        shutil.rmtree(self._place, ignore_errors=True)
        cards = ic.CardRegistry(self._place)
        for number in range(self._others):
            cards.register(pa.table({"id": [number]}), f"bench/other-{number:04d}")
        for number in range(self._versions):
            tags = ["prod"] if number == self._versions - 1 else []
            cards.register(pa.table({"id": [number]}), "bench/many", version=f"1.{number}.0", tags=tags)

    def round(self, number: int) -> Sample:
        """A process that looks up many times, one that looks up once, one that does nothing."""
        job = f"import imagecards as ic; ic.CardRegistry({str(self._place)!r}).load('bench/many@^1')"
        return {
            **measure("look_up", self._place, self._expected),
            "job": clock([sys.executable, "-c", job], Path.cwd()),
            "bare": clock([sys.executable, "-c", "pass"], Path.cwd()),
        }


def suites(options: Options) -> list[Suite]:
    """One registry."""
    return [Lookup(options, 30, 30) if options.quick else Lookup(options, 1_000, 1_000)]
