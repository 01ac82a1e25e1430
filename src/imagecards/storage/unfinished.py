"""Uploads in parts that nobody finished: they take space, and no listing of objects shows them."""

import hashlib
import logging
from collections.abc import Collection, Iterator

from imagecards.storage.answers import FORBIDDEN, UNSUPPORTED, Refused
from imagecards.storage.bucket import Bucket, Reply
from imagecards.storage.store import LEFTOVER

_GONE = "NoSuchUpload"  # finished or aborted meanwhile
_log = logging.getLogger("imagecards")


def unfinished_uploads(bucket: Bucket, prefix: str) -> Iterator[tuple[str, int, float]]:
    """The uploads below a prefix that were begun and neither finished nor aborted.

    Args:
        bucket: The bucket.
        prefix: What the names of their objects begin with.

    Returns:
        Of each, what `leftover_name` calls it, how many bytes were sent, and when the last of them were: a server that
        is wrong about the beginning (one says 2010 of all) may still know that.

    Raises:
        Refused: What the server said.
    """
    for upload in _uploads(bucket, prefix):
        begun = upload["Initiated"].timestamp()
        try:
            parts = list(_parts(bucket, upload))
        except Refused as refused:
            if refused.code == _GONE:
                continue
            raise
        last = max((part["LastModified"].timestamp() for part in parts), default=begun)
        yield leftover_name(upload), sum(part["Size"] for part in parts), max(begun, last)


def abort_uploads(bucket: Bucket, prefix: str, names: Collection[str]) -> None:
    """Abort those uploads below a prefix that have one of these names.

    Raises:
        Refused: What the server said.
    """
    for upload in [each for each in _uploads(bucket, prefix) if leftover_name(each) in names]:
        try:
            bucket.ask("abort_multipart_upload", Key=upload["Key"], UploadId=upload["UploadId"])
        except Refused as refused:
            if refused.code != _GONE:
                raise


def leftover_name(upload: Reply) -> str:
    """A name for an upload in the folder of its object: that of no object, and as long however long its id is."""
    folder, slash, name = upload["Key"].rpartition("/")
    told = f"{name}\0{upload['UploadId']}".encode()
    return f"{folder}{slash}{LEFTOVER}{hashlib.sha256(told).hexdigest()[:32]}"


def _uploads(bucket: Bucket, prefix: str) -> Iterator[Reply]:
    more: dict[str, str] = {}
    while True:
        try:
            page = bucket.ask("list_multipart_uploads", Prefix=prefix, **more)
        except Refused as refused:
            if refused.code in FORBIDDEN:
                _log.warning("uploads that nobody finished can't be seen: ask for s3:ListBucketMultipartUploads")
            elif refused.code not in UNSUPPORTED:
                raise
            return
        # a server that passes over the prefix must not make others' uploads ours
        yield from (upload for upload in page.get("Uploads", ()) if upload["Key"].startswith(prefix))
        if not page.get("IsTruncated"):
            return
        more = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}


def _parts(bucket: Bucket, upload: Reply) -> Iterator[Reply]:
    more: dict[str, int] = {}
    while True:
        page = bucket.ask("list_parts", Key=upload["Key"], UploadId=upload["UploadId"], **more)
        yield from page.get("Parts", ())
        if not page.get("IsTruncated"):
            return
        more = {"PartNumberMarker": page["NextPartNumberMarker"]}
