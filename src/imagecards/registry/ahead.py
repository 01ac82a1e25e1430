"""Running an iterator ahead of its consumer, in a thread of its own."""

import queue
import threading
from collections.abc import Generator, Iterable
from typing import TypeVar

T = TypeVar("T")

_POLL = 0.1  # seconds after which a producer looks whether anybody still listens


def ahead(items: Iterable[T], depth: int) -> Generator[T, None, None]:
    """Yield what an iterable yields, made by another thread up to ``depth`` items in advance.

    An error of the iterable is raised here, in its place. When the consumer stops early, so does the iterable.

    Args:
        items: Made in the other thread.
        depth: How many finished items may wait.

    Example:
        >>> list(ahead(range(3), depth=1))
        [0, 1, 2]
    """
    finished: queue.Queue[tuple[T | None, BaseException | None, bool]] = queue.Queue(depth)
    stopped = threading.Event()

    def hand_over(entry: tuple[T | None, BaseException | None, bool]) -> bool:
        while not stopped.is_set():
            try:
                finished.put(entry, timeout=_POLL)
            except queue.Full:
                continue
            return True
        return False

    def produce() -> None:
        iterator = iter(items)
        try:
            for item in iterator:
                if not hand_over((item, None, False)):
                    break
            else:
                hand_over((None, None, True))
        except BaseException as error:
            hand_over((None, error, True))
        finally:
            if isinstance(iterator, Generator):
                iterator.close()

    thread = threading.Thread(target=produce, name="imagecards-ahead", daemon=True)
    thread.start()
    try:
        while True:
            item, error, last = finished.get()
            if error is not None:
                raise error
            if last:
                return
            yield item  # type: ignore[misc]  # only the last entry has no item
    finally:
        stopped.set()
        thread.join()
