"""Large bodies, sent in parts: what has been sent becomes one object at the end, at once, and only if its name is free.

Where the end is in doubt or the body fails, the upload is aborted, which also keeps a late request from landing.
"""

import base64
import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress

from imagecards.storage.answers import TAKEN, Refused, explained, unknown
from imagecards.storage.bucket import Bucket, Reply, pauses, wait

PART = 16 << 20
"""Bytes of the first parts, and of the largest body that is sent in one piece."""

_AHEAD = 3  # parts on their way while the next one is gathered
_DOUBLED = 1000  # parts after which they become twice as large: an object has at most 10,000


def cut(body: Iterable[bytes], part: int = PART) -> Iterator[bytes]:
    """Cut a body into parts of one size, the last one smaller; an empty body is one empty part.

    Args:
        body: The bytes in pieces of any size.
        part: The size of the first thousand parts; of each further thousand, twice that of the one before.

    Example:
        >>> list(cut([b"abc", b"", b"defgh"], 4)), list(cut([], 4))
        ([b'abcd', b'efgh'], [b''])
    """
    gathered = bytearray()
    number = 0
    for piece in body:
        rest = memoryview(piece)
        while rest:
            size = part << number // _DOUBLED
            taken = rest[: size - len(gathered)]
            gathered += taken
            rest = rest[len(taken) :]
            if len(gathered) == size:
                yield bytes(gathered)
                gathered.clear()
                number += 1
    if gathered or not number:
        yield bytes(gathered)


def checksum(data: bytes) -> str:
    """The SHA-256 of a body in the form that S3 checks it by.

    Example:
        >>> checksum(b"")
        '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
    """
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def put_parts(
    bucket: Bucket,
    key: str,
    parts: Iterator[bytes],
    mark: str,
    whose: Callable[[], bool | None],
    place: str,
) -> bool:
    """Create an object from parts, unless its name is taken.

    Args:
        bucket: The bucket.
        key: The object's name in it.
        parts: The parts; an error that they raise passes through, and leaves nothing.
        mark: What the object shall carry, so that `whose` can tell.
        whose: Whether the object that is there carries the mark; None where there is none or no answer.
        place: Its URL, for messages.

    Returns:
        True if this call made the object, False if there was one.

    Raises:
        StorageError: It failed, and nothing of it is or becomes visible.
        CommitUnknownError: It can't be known whether the object was made.
    """
    try:
        begun = bucket.ask("create_multipart_upload", Key=key, ChecksumAlgorithm="SHA256", Metadata={"put": mark})
    except Refused as refused:
        problem = refused
    else:
        upload = {"Key": key, "UploadId": begun["UploadId"]}
        try:
            sent = _send(bucket, upload, parts)
            created = _complete(bucket, upload, sent, whose, place)
        except Refused as refused:
            problem = refused
            _abort(bucket, upload)
        except BaseException:
            _abort(bucket, upload)
            raise
        else:
            if not created:
                _abort(bucket, upload)
            return created
    raise explained(problem, place, writing=True)


def _send(bucket: Bucket, upload: Reply, parts: Iterator[bytes]) -> list[Reply]:
    """Send the parts, a few at a time, and say of each what the end needs to know."""
    sent: list[Reply] = []
    waiting: deque[tuple[Reply, Future[Reply]]] = deque()

    def take() -> None:
        known, future = waiting.popleft()
        known["ETag"] = future.result()["ETag"]

    try:
        for number, part in enumerate(parts, start=1):
            if len(waiting) == _AHEAD:
                take()
            known = {"PartNumber": number, "ChecksumSHA256": checksum(part)}
            waiting.append((known, bucket.begin("upload_part", **upload, **known, Body=part)))
            sent.append(known)
        while waiting:
            take()
    finally:
        for _, future in waiting:
            future.cancel()
    return sent


def _complete(bucket: Bucket, upload: Reply, sent: list[Reply], whose: Callable[[], bool | None], place: str) -> bool:
    doubt: Refused | None = None
    for pause in pauses():
        try:
            bucket.ask_once("complete_multipart_upload", **upload, MultipartUpload={"Parts": sent}, IfNoneMatch="*")
            return True
        except Refused as refused:
            problem = refused
        doubt = problem if problem.landed else doubt
        gone = problem.code == "NoSuchUpload"  # what an earlier try that landed leaves behind
        if problem.landed or gone or problem.code in TAKEN:
            mine = whose()
            if mine is not None:
                return mine
        if gone or pause is None or not (problem.again or problem.code in TAKEN):
            break
        time.sleep(wait(pause, problem.after))
    if doubt is None and problem.code not in TAKEN:
        raise problem
    _abort(bucket, upload)
    mine = whose()
    if mine is not None:
        return mine
    raise unknown(problem, place)


def _abort(bucket: Bucket, upload: Reply) -> None:
    """Remove what was sent; where that fails, the bucket's rule for unfinished uploads does it."""
    with suppress(Refused):
        bucket.ask("abort_multipart_upload", **upload)
