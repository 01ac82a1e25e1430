"""Objects in S3, with the ETag or version of each looked at in the same answer that brings the bytes.

An ETag in the answer says whose bytes follow, before any of them is read. That is as sure as sending ``If-Match``, and
works on servers that refuse every ``If-Match``.
"""

import asyncio
from typing import TYPE_CHECKING, Any

from imagecards.datasets.remote.objects import Piece, RemoteObject, changed, translated
from imagecards.errors import NotFoundError

if TYPE_CHECKING:
    from s3fs import S3FileSystem

_TRIES = 3
_Wanted = tuple[str | None, int | None]  # the ETag that an answer must have, and the bytes that must follow


class S3Objects:
    """Buckets of Amazon or of any server that speaks S3; credentials are found where the AWS command line does."""

    def pin(self, url: str) -> str:
        """See `Objects.pin`: a bucket has no such URLs."""
        return url

    def list(self, url: str, *, deep: bool = True) -> list[RemoteObject]:
        """See `Objects.list`."""
        bucket, _, folder = url.removeprefix("s3://").partition("/")
        prefix = f"{folder}/" if folder else ""
        more: dict[str, str] = {} if deep else {"Delimiter": "/"}
        found: list[RemoteObject] = []
        while True:
            page = _ask(url, "list_objects_v2", {"Bucket": bucket, "Prefix": prefix, **more})
            listed = page.get("Contents", ())
            found += (RemoteObject(f"s3://{bucket}/{each['Key']}", each["Size"], _etag(each)) for each in listed)
            if not page.get("IsTruncated"):
                return found
            more["ContinuationToken"] = page["NextContinuationToken"]

    def look(self, wanted: RemoteObject) -> RemoteObject | None:
        """See `Objects.look`."""
        try:
            found = _ask(wanted.url, "head_object", _key(wanted))
        except NotFoundError:
            return None
        return RemoteObject(wanted.url, found["ContentLength"], _etag(found), _version(found))

    def read(self, wanted: RemoteObject, start: int, stop: int) -> Piece:
        """See `Objects.read`."""
        whole = start == 0 and stop == wanted.size
        ranged = {} if whole else {"Range": f"bytes={start}-{stop - 1}"}
        reply = _ask(wanted.url, "get_object", _key(wanted) | ranged, (wanted.etag, stop - start))
        return Piece(reply["Body"], _version(reply))


def _key(wanted: RemoteObject) -> dict[str, str]:
    bucket, _, key = wanted.url.removeprefix("s3://").partition("/")
    named = {"Bucket": bucket, "Key": key}
    return named | {"VersionId": wanted.version} if wanted.version is not None else named


def _etag(reply: dict[str, Any]) -> str | None:
    etag: str = reply.get("ETag", "").strip('"')
    return etag or None


def _version(reply: dict[str, Any]) -> str | None:
    version: str = reply.get("VersionId", "null")
    return None if version == "null" else version  # what was written while no versions were kept


def _ask(url: str, operation: str, arguments: dict[str, str], wanted: _Wanted = (None, None)) -> dict[str, Any]:
    try:
        from fsspec import filesystem
        from fsspec.asyn import sync

        system = filesystem("s3", use_listings_cache=False)  # one for each process, also after a fork
        reply: dict[str, Any] = sync(system.loop, _answer, system, url, operation, wanted, arguments)
        return reply
    except Exception as error:  # each file system and its client has errors of its own
        problem = translated(error, url)
    raise problem  # out here, so that nothing of the original error hangs on to it


async def _answer(
    system: "S3FileSystem", url: str, operation: str, wanted: _Wanted, arguments: dict[str, Any]
) -> dict[str, Any]:
    etag, length = wanted
    for remaining in reversed(range(_TRIES)):
        reply: dict[str, Any] = await system._call_s3(operation, **arguments)
        if "Body" not in reply:
            return reply
        other = etag is not None and _etag(reply) not in (None, etag)
        if other or reply["ContentLength"] != length:
            reply["Body"].close()
            what = f"its ETag is {_etag(reply)} and was {etag}" if other else "it has another size"
            raise changed(url, what)
        try:
            async with reply["Body"] as body:
                return {**reply, "Body": await body.read()}
        except Exception:  # the connection broke in the body; each library below has an error of its own for it
            if not remaining:
                raise
            await asyncio.sleep(0.2)
    raise AssertionError("the last try either returns or raises")
