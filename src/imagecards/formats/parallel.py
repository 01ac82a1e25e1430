"""The same work on many batches, in order, here or by an executor, with few of them in memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_AHEAD = 16  # batches under way: enough for the workers of one machine, little enough for its memory


def map_ordered(
    function: Callable[[Item], Result], items: Iterable[Item], executor: Executor | None
) -> Iterator[Result]:
    """Yield what a function makes of each item, in the order of the items, whoever is ready first.

    Args:
        function: For an executor of processes it must be one that can be pickled.
        items: Taken a few ahead.
        executor: Where to call it; by default here, one after the other.

    Example:
        >>> list(map_ordered(abs, [-1, 2], None))
        [1, 2]
    """
    if executor is None:
        yield from map(function, items)
        return
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(executor.submit(function, item))
            if len(waiting) >= _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Cut a sequence into runs of ``size``; the last may be shorter."""
    return (items[start : start + size] for start in range(0, len(items), size))
