"""Progress of long work: a bar on a terminal, silence elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PATIENCE = 1.0  # seconds before a bar appears: shorter work should not flicker


@contextmanager
def track(label: str, total: int, unit: str = "images") -> Iterator[Callable[[int], None]]:
    """Show how far a piece of work has come while the block runs.

    A bar appears on standard error when that is a terminal and the work takes longer than a second.

    Args:
        label: What is being done, for example ``"packing"``.
        total: How many units there are.
        unit: What is counted.

    Yields:
        A function that is called with the number of units just finished.

    Example:
        >>> with track("hashing", total=3) as advance:
        ...     for _ in range(3):
        ...         advance(1)
    """
    if not sys.stderr.isatty():
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task(label, total=total)
    began = time.monotonic()
    shown = False

    def advance(count: int) -> None:
        nonlocal shown
        if not shown and time.monotonic() - began > _PATIENCE:
            shown = True
            bar.start()
        bar.advance(task, count)

    try:
        yield advance
    finally:
        if shown:
            bar.stop()
