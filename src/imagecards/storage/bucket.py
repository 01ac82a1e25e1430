"""A bucket, and the requests to it: each process has a connection of its own.

`s3fs` finds the credentials and the server, and holds the connection. Its own way to write is not used: it repeats a
conditional request whose answer was lost and takes the second answer for the truth, overwrites with empty bodies, and
remembers listings.
"""

import asyncio
import os
import random
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from imagecards.storage.answers import Refused, refusal
from imagecards.storage.fastreads import FastReads, open_fast

if TYPE_CHECKING:
    from s3fs import S3FileSystem

Reply = dict[str, Any]
T = TypeVar("T")

PAUSES = (0.2, 0.8, 2.0, 5.0)
"""Seconds before a request is repeated."""

_LONGEST_PAUSE = 30.0  # whatever a server asks for
_PATIENCE = 120.0  # after so many seconds the next try is the last: its request, valid for 15 min, is over in 20
_SETTINGS = {
    "retries": {
        "total_max_attempts": 1,
        "mode": "standard",
    },  # what may be repeated is decided here, request by request
    "connect_timeout": 10,
    "read_timeout": 60,
    "max_pool_connections": 50,
    # whatever matters has a SHA-256 of ours, on the way there and back
    "request_checksum_calculation": "when_required",
    "response_checksum_validation": "when_required",
}


def pauses() -> Iterator[float | None]:
    """How long to wait after each try, in seconds with some jitter; nothing after the last one."""
    began = monotonic()
    for pause in PAUSES:
        if monotonic() - began > _PATIENCE:
            break
        yield pause * random.uniform(0.7, 1.3)  # noqa: S311 - only keeps many writers from knocking all at once
    yield None


class Bucket:
    """One bucket.

    Args:
        name: Its name.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._opened: dict[int, S3FileSystem] = {}  # by process: what was opened before a fork is of no use after it
        self._locks: dict[int, threading.Lock] = {}
        self._fast: dict[int, FastReads | None] = {}

    def ask(self, operation: str, **arguments: Any) -> Reply:
        """Make a request that may be repeated, until it succeeds or was tried often enough.

        Args:
            operation: The method of the S3 client.
            arguments: Its arguments, without the bucket.

        Raises:
            Refused: What the server said last.
        """
        return awaited(self.begin(operation, **arguments))

    def begin(self, operation: str, **arguments: Any) -> "Future[Reply]":
        """As `ask`, without waiting for it."""
        return self._start(lambda system: self._repeat(system, operation, arguments))

    def ask_once(self, operation: str, **arguments: Any) -> Reply:
        """Make a request whose repetition its caller decides on.

        Raises:
            Refused: What the server said.
        """
        return awaited(self._start(lambda system: self._request(system, operation, arguments)))

    def read_fast(self, name: str, ranges: Sequence[tuple[int, int]]) -> list[bytes] | None:
        """Read ranges of an object; None where they have to be asked for.

        Args:
            name: The object.
            ranges: The first byte of each, and its length, which is not 0.
        """
        try:
            return awaited(self._start(lambda system: self._read_fast(system, name, ranges)))
        except Refused:  # there is no session; who asks the usual way is told so
            return None

    async def _read_fast(
        self, system: "S3FileSystem", name: str, ranges: Sequence[tuple[int, int]]
    ) -> list[bytes] | None:
        process = os.getpid()
        if process not in self._fast:
            self._fast[process] = await open_fast(system, self.name)
        fast = self._fast[process]
        return None if fast is None else await fast.read(name, ranges)

    def close(self) -> None:
        """Let go of the connection; the next request opens another."""
        self._fast.pop(os.getpid(), None)
        system = self._opened.pop(os.getpid(), None)
        if system is not None:
            with suppress(Exception):
                asyncio.run_coroutine_threadsafe(_hang_up(system), system.loop).result(5)

    def _start(self, work: "Callable[[S3FileSystem], Coroutine[Any, Any, T]]") -> "Future[T]":
        try:
            system = self._system()
        except Exception as error:  # what is none of a session's refusals, such as an unknown profile, is raised again
            refused = refusal(error)
            if refused is None:
                raise
        else:
            return asyncio.run_coroutine_threadsafe(work(system), system.loop)
        future: Future[T] = Future()
        future.set_exception(refused)
        return future

    def _system(self) -> "S3FileSystem":
        process = os.getpid()
        if process not in self._opened:
            with self._locks.setdefault(process, threading.Lock()):
                if process not in self._opened:
                    self._opened[process] = _connect()
        return self._opened[process]

    async def _repeat(self, system: "S3FileSystem", operation: str, arguments: Reply) -> Reply:
        for pause in pauses():
            try:
                return await self._request(system, operation, arguments)
            except Refused as refused:
                if pause is None or not refused.again:
                    raise
                after = refused.after
            await asyncio.sleep(wait(pause, after))
        raise AssertionError("the last try either returns or raises")

    async def _request(self, system: "S3FileSystem", operation: str, arguments: Reply) -> Reply:
        try:
            client = await system.set_session()
            reply: Reply = await getattr(client, operation)(Bucket=self.name, **arguments)
            if "Body" in reply:
                async with reply["Body"] as body:
                    reply["Body"] = await body.read()
            return reply
        except Exception as error:  # what is none of S3's refusals is raised again
            refused = refusal(error)
            if refused is None:
                raise
        raise refused  # out here, so that nothing of the original error hangs on to it


def wait(pause: float, after: float) -> float:
    """How many seconds to wait: what the server asks for, within reason, or our own."""
    return max(pause, min(after, _LONGEST_PAUSE))


def _connect() -> "S3FileSystem":
    from aiobotocore.session import AioSession
    from s3fs import S3FileSystem

    session = AioSession()  # each finds the credentials anew, but not what S3 is: that takes a tenth of a second
    session.register_component("data_loader", _descriptions(session.get_config_variable("data_path")))
    return S3FileSystem(
        session=session, skip_instance_cache=True, use_listings_cache=False, config_kwargs=dict(_SETTINGS)
    )


@cache
def _descriptions(path: str | None) -> Any:
    """What botocore knows of the services that it can talk to."""
    from botocore.loaders import create_loader

    return create_loader(path)


def awaited(future: "Future[T]") -> T:
    """What comes of a request that was begun.

    Raises:
        Refused: What the server said.
    """
    try:
        return future.result()
    except BaseException:
        future.cancel()  # an interrupt: what is on its way may still arrive, but nothing is sent any more
        raise


async def _hang_up(system: "S3FileSystem") -> None:
    client = await system.set_session()
    await client.close()
