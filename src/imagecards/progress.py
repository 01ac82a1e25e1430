"""Progress of long work: a bar on a terminal, silence elsewhere."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE = 1.0
"""Seconds before a bar appears: shorter work should not flicker."""


@contextmanager
def track(label: str, total: int | None, unit: str = "images") -> Iterator[Callable[[int], None]]:
    """Show how far a piece of work has come while the block runs.

    A bar appears on standard error when that is a terminal and the work takes longer than a second.

    Args:
        label: What is being done, for example ``"packing"``.
        total: How many units there are; ``None`` where nobody knows, which shows that it runs, and for how long.
        unit: What is counted.

    Yields:
        A function that is called with the number of units just finished.

    Example:
        >>> with track("hashing", total=3) as advance:
        ...     for _ in range(3):
        ...         advance(1)
    """
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda count: None
        return
    progress = _Progress(label, total, unit)
    # a timer rather than a look at the clock in advance(): the first unit may take minutes
    timer = threading.Timer(PATIENCE, progress.show)
    timer.daemon = True
    timer.start()
    try:
        yield progress.advance
    finally:
        timer.cancel()
        timer.join()
        progress.hide()


class _Progress:
    """Counts from the start; has a bar once it is shown."""

    def __init__(self, label: str, total: int | None, unit: str) -> None:
        self.label = label
        self.total = total
        self.unit = unit
        self.done = 0
        self.bar: Progress | None = None

    def show(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        known = (MofNCompleteColumn(), TextColumn(self.unit), TimeRemainingColumn())
        columns = (TextColumn("{task.description}"), BarColumn(), *(known if self.total else (TimeElapsedColumn(),)))
        bar = Progress(*columns, console=Console(stderr=True), transient=True)
        bar.add_task(self.label, total=self.total, completed=self.done)
        bar.start()
        self.bar = bar

    def advance(self, count: int) -> None:
        self.done += count
        if self.bar is not None:
            self.bar.update(self.bar.task_ids[0], completed=self.done)

    def hide(self) -> None:
        if self.bar is not None:
            self.bar.stop()
