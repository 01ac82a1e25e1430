"""How long an answer of the Hub is waited for: its client would wait for ever, and a lost one never comes.

The client is shared by all that use it in a process, and may be one that they made themselves. So nothing of it is
replaced: each request that is made here gets bounds where it has none.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

BOUNDS = {"connect": 30.0, "read": 120.0, "write": 120.0, "pool": 120.0}
"""Seconds without any progress, by what is waited for. The Hub itself gives up a commit after 60."""

_here: ContextVar[bool] = ContextVar("_here", default=False)


@contextmanager
def bounded() -> Iterator[None]:
    """For the time of a block, let no request that this thread makes to the Hub wait without end."""
    from huggingface_hub import get_session

    hooks = get_session().event_hooks["request"]
    if _bound not in hooks:
        hooks.append(_bound)
    token = _here.set(True)
    try:
        yield
    finally:
        _here.reset(token)


def _bound(request: Any) -> None:
    if _here.get():
        waits = request.extensions.get("timeout", {})
        given = {name: seconds for name, seconds in waits.items() if seconds is not None}
        request.extensions["timeout"] = {**BOUNDS, **given}
