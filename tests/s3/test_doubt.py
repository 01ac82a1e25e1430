"""What is said of a put whose answers go wrong, in one piece and in parts, against a bucket that does as it is told."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, cast

import pytest

from imagecards.errors import CommitUnknownError, ReadOnlyError, StorageError
from imagecards.storage import s3
from imagecards.storage.answers import Refused, answered
from imagecards.storage.bucket import Bucket
from imagecards.storage.multipart import checksum, cut
from imagecards.storage.s3 import S3Store

LOST, NEVER, TWICE, LATE, BUSY, FORBIDDEN, FAILED = "lost", "never", "twice", "late", "busy", "forbidden", "failed"
"""What happens to a request that would create an object: it is carried out and its answer is lost; it never arrives;
it is sent twice, by whoever sits in between; it arrives after the next look; 409; 403; it is carried out and answered
by 500."""

RIVAL = "rival"
"""As `NEVER`, and meanwhile another writer's object is there."""


class Told:
    """As much of a bucket as a put needs.

    Attributes:
        objects: Bodies and marks by key.
        uploads: The parts of unfinished uploads.
        faults: What happens to the next requests that create.
        deaf: How many of the next looks get no answer.
    """

    name = "bucket"

    def __init__(self, *faults: str, deaf: int = 0) -> None:
        self.objects: dict[str, tuple[bytes, str]] = {}
        self.uploads: dict[str, tuple[str, dict[int, bytes]]] = {}
        self.faults = list(faults)
        self.deaf = deaf
        self._late: list[Callable[[], None]] = []

    def ask_once(self, operation: str, **asked: Any) -> dict[str, Any]:
        reply: dict[str, Any] = getattr(self, f"_{operation}")(**asked)
        return reply

    ask = ask_once

    def begin(self, operation: str, **asked: Any) -> "Future[dict[str, Any]]":
        future: Future[dict[str, Any]] = Future()
        future.set_result(self.ask_once(operation, **asked))
        return future

    def _head_object(self, Key: str) -> dict[str, Any]:
        if self.deaf:
            self.deaf -= 1
            raise Refused("ReadTimeoutError", landed=True, again=True)
        found = self.objects.get(Key)
        for arrive in self._late:
            arrive()
        self._late.clear()
        if found is None:
            raise answered("404", 404)
        return {"Metadata": {"put": found[1]}}

    def _put_object(self, Key: str, Body: bytes, ChecksumSHA256: str, Metadata: Mapping[str, str], **asked: Any) -> Any:
        assert ChecksumSHA256 == checksum(Body)
        return self._create(Key, asked, lambda: (Body, Metadata["put"]))

    def _create_multipart_upload(self, Key: str, ChecksumAlgorithm: str, Metadata: Mapping[str, str]) -> Any:
        assert ChecksumAlgorithm == "SHA256"
        self.uploads["1"] = (Metadata["put"], {})
        return {"UploadId": "1"}

    def _upload_part(self, Key: str, UploadId: str, PartNumber: int, ChecksumSHA256: str, Body: bytes) -> Any:
        assert ChecksumSHA256 == checksum(Body)
        self.uploads[UploadId][1][PartNumber] = Body
        return {"ETag": str(PartNumber)}

    def _complete_multipart_upload(self, Key: str, UploadId: str, MultipartUpload: Any, **asked: Any) -> Any:
        def gathered() -> tuple[bytes, str]:
            if UploadId not in self.uploads:
                raise answered("NoSuchUpload", 404)
            mark, parts = self.uploads[UploadId]
            return b"".join(parts[each["PartNumber"]] for each in MultipartUpload["Parts"]), mark

        return self._create(Key, asked, gathered)

    def _abort_multipart_upload(self, Key: str, UploadId: str) -> Any:
        self.uploads.pop(UploadId, None)
        return {}

    def _create(self, key: str, asked: Mapping[str, str], content: Callable[[], tuple[bytes, str]]) -> dict[str, Any]:
        fault = self.faults.pop(0) if self.faults else ""

        def carry_out() -> None:
            found = content()
            if asked.get("IfNoneMatch") == "*" and key in self.objects:
                raise answered("PreconditionFailed", 412)
            self.objects[key] = found
            self.uploads.clear()

        def arrive_late() -> None:
            with suppress(Refused):
                carry_out()

        if fault == RIVAL:
            self.objects[key] = (b"theirs", "another mark")
        elif fault == LATE:
            self._late.append(arrive_late)
        elif fault in (LOST, FAILED, TWICE):
            carry_out()
        match fault:
            case "":
                carry_out()
            case "twice":
                carry_out()
            case "busy":
                raise answered("ConditionalRequestConflict", 409)
            case "forbidden":
                raise answered("AccessDenied", 403)
            case "failed":
                raise answered("InternalError", 500)
            case _:
                raise Refused("ConnectionClosedError", landed=True, again=True)
        return {}


PIECES = {"in one piece": [b"ours"], "in parts": [b"ou", b"rs"]}
UNTOLD = (LOST, FAILED, NEVER, LATE)


@pytest.fixture(params=PIECES)
def put(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[Told], bool]:
    """Puts b"ours" under "a/b"."""
    monkeypatch.setattr(s3, "cut", lambda body: cut(body, 2 if request.param == "in parts" else 4))

    def run(bucket: Told) -> bool:
        store = S3Store("bucket")
        store._bucket = cast("Bucket", bucket)
        try:
            return store.put_if_absent("a/b", PIECES[request.param])
        finally:
            assert bucket.uploads == {}, "what was sent in vain is removed"

    return run


Put = Callable[[Told], bool]


@pytest.mark.parametrize(
    "faults", [(), *((fault,) for fault in (*UNTOLD, TWICE, BUSY)), (NEVER, LOST), (LATE, NEVER), (BUSY, FAILED)]
)
def test_faults_that_pass_are_overcome(put: Put, faults: tuple[str, ...]) -> None:
    bucket = Told(*faults)
    assert put(bucket) is True
    assert bucket.objects["a/b"][0] == b"ours"


@pytest.mark.parametrize("faults", [(), (RIVAL,), (BUSY, RIVAL), (NEVER, RIVAL)])
def test_another_s_object_is_left_as_it_is(put: Put, faults: tuple[str, ...]) -> None:
    bucket = Told(*faults)
    if not faults:
        bucket.objects["a/b"] = (b"theirs", "another mark")
    assert put(bucket) is False
    assert bucket.objects["a/b"][0] == b"theirs"


REFUSED = (FORBIDDEN,) * 9


@pytest.mark.parametrize(
    "faults",
    [(NEVER,) * 9, (LOST,) * 9, (NEVER, *REFUSED), (FAILED, *REFUSED), (LATE, *REFUSED), (NEVER, *(BUSY,) * 9)],
)
def test_what_stays_untold_is_in_doubt(put: Put, faults: tuple[str, ...]) -> None:
    with pytest.raises(CommitUnknownError, match="doesn't say whether it was created"):
        put(Told(*faults, deaf=99))


@pytest.mark.parametrize(("fault", "error"), [(FORBIDDEN, ReadOnlyError), (BUSY, StorageError)])
def test_what_was_certainly_not_done_has_failed(put: Put, fault: str, error: type[StorageError]) -> None:
    bucket = Told(*(fault,) * 9)
    with pytest.raises(StorageError) as caught:
        put(bucket)
    assert type(caught.value) is error
    assert bucket.objects == {}


def test_an_answer_that_is_found_out_late_still_counts(put: Put) -> None:
    assert put(Told(LOST, deaf=1)) is True
