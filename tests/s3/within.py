"""A bucket without a server: requests go wrong within this process, which takes a hundredth of the time."""

import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any

from tests.s3.origin import BucketInMemory
from tests.s3.proxy import ERRORS, Proxy

from imagecards.storage import Entry
from imagecards.storage.answers import Refused, answered
from imagecards.storage.bucket import Bucket, Reply, T

_LOST = Refused("ConnectionClosedError", landed=True, again=True)


class BucketWithin(Bucket):
    """What answers in place of the connection; all that is decided about repeating is as it is.

    Attributes:
        proxy: Which request goes wrong, and how; there is no proxy at its address.
    """

    def __init__(self, origin: BucketInMemory) -> None:
        super().__init__("bucket")
        self.proxy = Proxy("")
        self._origin = origin
        self._lock = threading.Lock()

    def read_fast(self, name: str, ranges: Sequence[tuple[int, int]]) -> list[bytes] | None:
        return None

    def _start(self, work: Callable[[Any], Coroutine[Any, Any, T]]) -> "Future[T]":
        future: Future[T] = Future()
        request = work(None)
        try:
            while True:  # pauses of no length
                request.send(None)
        except StopIteration as done:
            future.set_result(done.value)
        except Refused as refused:
            future.set_exception(refused)
        return future

    async def _request(self, system: Any, operation: str, arguments: Reply) -> Reply:
        with self._lock:
            fault = self.proxy.plan.strike(operation, str(arguments.get("Key", arguments.get("Prefix", ""))))
            if fault == "never":
                raise _LOST
            if fault in ERRORS:
                raise answered(ERRORS[fault][1], ERRORS[fault][0])
            reply = self._do(operation, **arguments)
            if fault == "twice":
                reply = self._do(operation, **arguments)
        if fault == "late 500":
            raise answered("InternalError", 500)
        if fault:  # lost, reset, truncated: the answer doesn't come whole
            raise _LOST
        return reply

    def _do(self, operation: str, **arguments: Any) -> Reply:
        reply: Reply = getattr(self, f"_{operation}")(**arguments)
        return reply

    def _put_object(self, Key: str, Body: bytes, IfNoneMatch: str, Metadata: Reply, **_: Any) -> Reply:
        if not self._origin.store.put_if_absent(Key, [Body]):
            raise answered("PreconditionFailed", 412)
        self._origin.marks[Key] = Metadata["put"]
        return {}

    def _get_object(self, Key: str, Range: str = "") -> Reply:
        self._known(Key)
        data = self._origin.store.get(Key)
        if not Range:
            return {"Body": data}
        start, _, end = Range.removeprefix("bytes=").partition("-")
        if int(start) >= len(data):
            raise answered("InvalidRange", 416)
        return {"Body": data[int(start) : int(end) + 1 if end else None], "ContentRange": Range}

    def _head_object(self, Key: str) -> Reply:
        known = self._known(Key)
        mark = self._origin.marks.get(Key, "")
        return {"ContentLength": known.size, "LastModified": _time(known), "Metadata": {"put": mark}}

    def _list_objects_v2(self, Prefix: str, Delimiter: str = "") -> Reply:
        entries = {entry.key: entry for entry in self._origin.store.list(Prefix)}
        names = [Prefix + name for name in self._origin.store.children(Prefix)] if Delimiter else list(entries)
        found = [entries[name] for name in names if name in entries]
        return {
            "Contents": [{"Key": entry.key, "Size": entry.size, "LastModified": _time(entry)} for entry in found],
            "CommonPrefixes": [{"Prefix": f"{name}/"} for name in names if name not in entries],
        }

    def _delete_objects(self, Delete: Reply) -> Reply:
        self._origin.store.delete([each["Key"] for each in Delete["Objects"]])
        return {}

    def _list_multipart_uploads(self, Prefix: str) -> Reply:
        return {}

    def _known(self, key: str) -> Entry:
        known = self._origin.store.stat(key)
        if known is None:
            raise answered("NoSuchKey", 404)
        return known


def _time(entry: Entry) -> datetime:
    return datetime.fromtimestamp(entry.modified, UTC)
