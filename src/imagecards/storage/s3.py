"""A registry in an S3 bucket, of Amazon or of any server that keeps ``If-None-Match`` for writing."""

import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from itertools import chain
from typing import Any, Self, TypeVar

from imagecards.errors import ImageCardsError, InvalidInputError, NotFoundError
from imagecards.paths import MAX_PATH_BYTES, check_relative
from imagecards.storage.answers import NOT_THERE, OUT_OF_RANGE, TAKEN, Refused, answered, explained, unknown
from imagecards.storage.bucket import Bucket, Reply, awaited, pauses, wait
from imagecards.storage.multipart import checksum, cut, put_parts
from imagecards.storage.ranges import FAR, answered_range, no_bytes, range_header
from imagecards.storage.store import (
    LEFTOVER,
    Bodies,
    Entry,
    Names,
    Store,
    check_body,
    check_key,
    check_new_key,
    check_prefix,
    check_range,
)
from imagecards.storage.unfinished import abort_uploads, unfinished_uploads

T = TypeVar("T")

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_BATCH = 1000  # keys that one request deletes at most
_AT_A_TIME = 16  # requests for ranges of one object


class S3Store(Store):
    """Keys in a bucket, below a prefix.

    Credentials, region and server are found where the AWS command line finds them: environment variables,
    ``~/.aws``, the machine's role. None of it is kept here, shown or sent to other processes.

    Each object carries a random mark in its metadata (``put``), by which a writer whose answer got lost knows it as
    its own.

    Args:
        bucket: The bucket; it exists.
        prefix: The folder in it, or ``""`` for all of it.

    Raises:
        InvalidInputError: One of them isn't a valid name.

    Example:
        >>> S3Store("my-bucket", "cards")
        <S3Store s3://my-bucket/cards>
    """

    remote = True

    def __init__(self, bucket: str, prefix: str = "") -> None:
        if not _BUCKET.fullmatch(bucket):
            # it isn't shown: there may be keys in it
            raise InvalidInputError("that is no name of a bucket: name a registry as s3://bucket/folder")
        # what begins with ? in a URL is options, a signature even, for which there is no use here
        reason = "has a '?' or a '#'" if set("?#") & set(prefix) else check_relative(prefix) if prefix else None
        if reason is not None:
            raise InvalidInputError(f"the folder in the bucket {bucket} {reason}: name it s3://{bucket}/folder")
        self.url = f"s3://{bucket}/{prefix}".rstrip("/")
        self._root = f"{prefix}/" if prefix else ""
        self._bucket = Bucket(bucket)

    def __repr__(self) -> str:
        return f"<S3Store {self.url}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_url, (self.url,)

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Open the store of an URL ``s3://bucket/folder``.

        Raises:
            InvalidInputError: It is not of that form.
        """
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        return cls(bucket, prefix.removesuffix("/"))

    def put_if_absent(self, key: str, body: Iterable[bytes]) -> bool:
        """See `Store.put_if_absent`."""
        check_new_key(key)
        check_body(key, body)
        name = self._name(key)
        mark = os.urandom(16).hex()
        parts = cut(body)
        first = next(parts)
        second = next(parts, None)
        if second is None:
            return self._put(name, first, mark)
        return put_parts(
            self._bucket, name, chain((first, second), parts), mark, lambda: self._whose(name, mark), self._place(key)
        )

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """See `Store.get`."""
        check_range(key, start, length)
        return self._take(key, self._begin(self._name(check_key(key)), start, length), start, length)

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> Bodies:
        """See `Store.get_ranges`: several requests are on their way at a time, through obstore where it is installed.

        `get` makes no use of that. So a process that only opens datasets can be forked, and its children have it.
        """
        name = self._name(check_key(key))
        for start, length in ranges:
            check_range(key, start, length)
        if ranges and all(range_header(start, length) and start + length < FAR for start, length in ranges):
            found = self._bucket.read_fast(name, ranges)
            if found is not None:
                return found
        bodies = []
        for some in _batches(ranges, _AT_A_TIME):
            begun = [self._begin(name, start, length) for start, length in some]
            bodies += [self._take(key, reply, *each) for reply, each in zip(begun, some, strict=True)]
        return bodies

    def _begin(self, name: str, start: int, length: int | None) -> "Future[Reply] | None":
        """Ask for an object or a range of it; None where the range is one that no request asks for."""
        asked = range_header(start, length)
        if asked is None:
            return None
        return self._bucket.begin("get_object", Key=name, **({"Range": asked} if asked else {}))

    def _take(self, key: str, begun: "Future[Reply] | None", start: int, length: int | None) -> bytes:
        """The bytes that were asked for."""
        if begun is None:
            return self._nothing(key, start, length)
        try:
            reply = awaited(begun)
        except Refused as refused:
            problem = refused
        else:
            ranged = range_header(start, length) == "" or "ContentRange" in reply
            return answered_range(self._place(key), reply["Body"], start, length, ranged=ranged)
        if problem.code in OUT_OF_RANGE:
            return self._nothing(key, start, length)
        raise self._refused(problem, key)

    def list(self, prefix: str) -> Iterator[Entry]:
        """See `Store.list`."""
        check_prefix(prefix)
        return self._list(prefix)

    def _list(self, prefix: str) -> Iterator[Entry]:
        for page in self._pages(prefix):
            for found in page.get("Contents", ()):
                key = found["Key"].removeprefix(self._root)
                if check_relative(key) is None:  # consoles put empty objects where they show folders
                    yield Entry(key, found["Size"], _seconds(found))

    def children(self, prefix: str) -> Names:
        """See `Store.children`."""
        check_prefix(prefix)
        above = len(self._root + prefix)
        names: set[str] = set()
        for page in self._pages(prefix, Delimiter="/"):
            names.update(found["Prefix"][above:-1] for found in page.get("CommonPrefixes", ()))
            keys = (found["Key"][above:] for found in page.get("Contents", ()))
            names.update(key for key in keys if not key.startswith(LEFTOVER))
        return sorted(names - {""})

    def unfinished(self, prefix: str) -> Iterator[Entry]:
        """See `Store.unfinished`: here, what was sent in parts."""
        check_prefix(prefix)
        try:
            for name, size, modified in unfinished_uploads(self._bucket, self._root + prefix):
                key = name.removeprefix(self._root)
                if check_relative(key) is None:
                    yield Entry(key, size, modified)
            return
        except Refused as refused:
            problem = refused
        raise explained(problem, f"{self.url}/{prefix}")

    def stat(self, key: str) -> Entry | None:
        """See `Store.stat`."""
        name = self._name(check_key(key))
        try:
            found = self._bucket.ask("head_object", Key=name)
        except Refused as refused:
            problem = refused
        else:
            return Entry(key, found["ContentLength"], _seconds(found))
        if problem.code in NOT_THERE:
            return None
        raise explained(problem, self._place(key))

    def delete(self, keys: Iterable[str]) -> None:
        """See `Store.delete`."""
        names = list(dict.fromkeys(self._name(check_key(key)) for key in keys))
        problem = next(filter(None, map(self._delete, _batches(names, _BATCH))), None) or self._abort(names)
        if problem is not None:
            raise explained(problem, self.url, writing=True)

    def close(self) -> None:
        """See `Store.close`."""
        self._bucket.close()

    def _put(self, name: str, data: bytes, mark: str) -> bool:
        """Create an object in one request, and find out how it ended."""
        place = f"s3://{self._bucket.name}/{name}"
        doubt = False
        for pause in pauses():
            try:
                self._bucket.ask_once(
                    "put_object",
                    Key=name,
                    Body=data,
                    IfNoneMatch="*",
                    ChecksumSHA256=checksum(data),
                    Metadata={"put": mark},
                )
                return True
            except Refused as refused:
                problem = refused
            taken = problem.code in TAKEN
            if taken or problem.landed:
                # "taken" may be our own doing: the connection sends a request again whose answer it missed
                mine = self._whose(name, mark)
                if mine is not None:
                    return mine
                doubt = True
            elif not problem.again:
                break
            if pause is not None:
                time.sleep(wait(pause, problem.after))
        if not doubt:
            raise explained(problem, place, writing=True)
        raise unknown(problem, place)

    def _whose(self, name: str, mark: str) -> bool | None:
        """Whether the object that is there carries a mark; None where there is none, or no answer."""
        try:
            found = self._bucket.ask_once("head_object", Key=name)
        except Refused:
            return None
        return bool(found.get("Metadata", {}).get("put") == mark)

    def _delete(self, names: Sequence[str]) -> Refused | None:
        """Delete some objects; says what kept the last of them from it."""
        problem: Refused | None = None
        for pause in pauses():
            objects = [{"Key": name} for name in names]
            try:
                reply = self._bucket.ask("delete_objects", Delete={"Objects": objects, "Quiet": True})
            except Refused as refused:
                return refused
            failed = {each["Key"]: answered(each.get("Code", ""), 200) for each in reply.get("Errors", ())}
            failed = {name: refused for name, refused in failed.items() if refused.code not in NOT_THERE}
            names = list(failed)
            problem = next(iter(failed.values()), None)
            if problem is None or pause is None or not all(refused.again for refused in failed.values()):
                break
            time.sleep(pause)
        return problem

    def _abort(self, names: Names) -> Refused | None:
        """Abort the uploads among what is deleted; says what kept it from that."""
        folders: dict[str, Names] = {}
        for name in names:
            folder, slash, last = name.rpartition("/")
            if last.startswith(LEFTOVER):
                folders.setdefault(folder + slash, []).append(name)
        try:
            for prefix, leftovers in folders.items():
                abort_uploads(self._bucket, prefix, leftovers)
        except Refused as refused:
            return refused
        return None

    def _pages(self, prefix: str, **arguments: str) -> Iterator[Reply]:
        more: dict[str, str] = {}
        while True:
            try:
                page = self._bucket.ask("list_objects_v2", Prefix=self._root + prefix, **arguments, **more)
            except Refused as refused:
                problem = refused
                break
            yield page
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}
        raise explained(problem, f"{self.url}/{prefix}")

    def _nothing(self, key: str, start: int, length: int | None) -> bytes:
        """A range without bytes, if the object reaches as far as it begins."""
        known = self.stat(key)
        if known is None:
            raise self._refused(Refused("NoSuchKey", 404), key)
        return no_bytes(self._place(key), known.size, start, length)

    def _refused(self, refused: Refused, key: str) -> ImageCardsError:
        place = self._place(key)
        if refused.code in NOT_THERE:
            return NotFoundError(f"{place} doesn't exist: see what is there, or restore it from a copy")
        return explained(refused, place)

    def _name(self, key: str) -> str:
        """What a key is called in the bucket."""
        name = self._root + key
        if len(name.encode()) > MAX_PATH_BYTES:
            raise InvalidInputError(f"{self._place(key)} is longer than {MAX_PATH_BYTES} bytes, which S3 doesn't take")
        return name

    def _place(self, key: str) -> str:
        return f"{self.url}/{key}"


def _batches(all_of_them: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (all_of_them[start : start + size] for start in range(0, len(all_of_them), size))


def _seconds(found: Reply) -> float:
    """When an object was written; listings know it more precisely than the object's own headers."""
    return float(int(found["LastModified"].timestamp()))
