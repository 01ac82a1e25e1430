"""Ctrl-C while a module is being imported waits until it is there.

pyarrow imports pandas when it first makes an array, which takes a while, and drops an interruption on the way: what
follows went on as if nothing had been pressed, or raised what only a module can that is half there.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_AGAIN = 0.02  # seconds


class Interruption:
    """What is known of it.

    Attributes:
        seen: Whether there was one; some libraries make another error of it.
    """

    def __init__(self) -> None:
        self.seen = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle the signal as Python does, or have it come again."""
        if _is_importing(frame):
            signal.setitimer(signal.ITIMER_REAL, _AGAIN)
            return
        self.seen = True
        raise KeyboardInterrupt


@contextmanager
def noted_interruption() -> Iterator[Interruption]:
    """Note an interruption for the time of a block, unless its signals are ignored or somebody else's."""
    noted = Interruption()
    usual: dict[int, Any] = {signal.SIGINT: signal.default_int_handler, signal.SIGALRM: signal.SIG_DFL}
    ours = all(signal.getsignal(number) is handler for number, handler in usual.items())
    try:
        if ours:
            for number in usual:
                signal.signal(number, noted)
    except ValueError:  # not in the main thread, which alone is interrupted
        ours = False
    try:
        yield noted
    finally:
        if ours:
            signal.setitimer(signal.ITIMER_REAL, 0)
            for number, handler in usual.items():
                signal.signal(number, handler)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_globals.get("__name__") == "importlib._bootstrap":
            return True
        frame = frame.f_back
    return False
