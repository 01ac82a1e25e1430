"""Work that waits for a network: several requests at a time, the results in order."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_WORKERS = 16
_BUDGET = 64 << 20


def in_order(
    work: Callable[[T], R], items: Sequence[T], sizes: Sequence[int], *, workers: int = _WORKERS, budget: int = _BUDGET
) -> Iterator[R]:
    """Do work on items in threads, and yield the results in the order of the items.

    Args:
        work: What to do; its error is raised in the place of its result.
        items: What to do it to.
        sizes: About how many bytes each result takes.
        workers: How many at a time.
        budget: The bytes of results that are made ahead, unless one alone takes more.

    Example:
        >>> list(in_order(str.upper, ["a", "b"], [1, 1]))
        ['A', 'B']
    """
    waiting: deque[tuple[Future[R], int]] = deque()
    held = 0
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item, size in zip(items, sizes, strict=True):
                while waiting and (held + size > budget or len(waiting) >= 2 * workers):
                    done, freed = waiting.popleft()
                    yield done.result()
                    held -= freed
                waiting.append((pool.submit(work, item), size))
                held += size
            while waiting:
                yield waiting.popleft()[0].result()
        finally:
            for future, _ in waiting:
                future.cancel()
