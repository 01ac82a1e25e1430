"""Look cards up: the first time in this process, then many times."""

import sys
import time

_TIMES = 100


def main(registry: str, expected: str) -> None:
    """Time the imports, the first look-up and the ones after it.

    Args:
        registry: The registry.
        expected: The version that the range means.
    """
    start = time.perf_counter()
    import imagecards as ic

    package = time.perf_counter() - start
    connect = ic.CardRegistry  # the package is lazy: this imports what a look-up needs
    imports = time.perf_counter() - start

    import statistics  # these only now: they share modules with what was timed

    from benchmarks.measured.stopwatch import Stopwatch

    watch = Stopwatch()
    watch.figures |= {"import": package, "import all": imports}
    with watch.time("first"):
        card = connect(registry).load("bench/many@^1")
    assert str(card.version) == expected
    watch.figures["light"] = float(not {"pyarrow", "polars", "PIL", "numpy", "pandas"} & sys.modules.keys())
    cards = connect(registry)
    for key, reference in (
        ("range", "bench/many@^1"),
        ("exact", f"bench/many@{expected}"),
        ("tag", "bench/many@prod"),
    ):
        seconds = []
        for _ in range(_TIMES):
            start = time.perf_counter()
            cards.load(reference)
            seconds.append(time.perf_counter() - start)
        watch.figures[key] = statistics.median(seconds)
    watch.tell()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
