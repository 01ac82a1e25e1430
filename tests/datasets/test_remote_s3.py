"""Reading from S3 without a server: broken answers, and answers that are of another object."""

import asyncio
from types import TracebackType
from typing import Any

import pytest

from imagecards.datasets.remote import ObjectChangedError, s3
from imagecards.datasets.remote.objects import translated
from imagecards.errors import MissingDependencyError, NotFoundError, StorageError

URL = "s3://bucket/a.png"


class Body:
    def __init__(self, *outcomes: bytes | Exception) -> None:
        self.outcomes = list(outcomes)
        self.closed = False

    async def __aenter__(self) -> "Body":
        return self

    async def __aexit__(self, kind: type | None, error: Exception | None, trace: TracebackType | None) -> None:
        self.closed = True

    async def read(self) -> bytes:
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def close(self) -> None:
        self.closed = True


class System:
    """A bucket with one object of four bytes; the answers share a body, which tells what came of it."""

    def __init__(self, body: Body, **said: Any) -> None:
        self.reply = {"Body": body, "ETag": '"one"', "ContentLength": 4, **said}

    async def _call_s3(self, operation: str, **arguments: Any) -> dict[str, Any]:
        return self.reply


def answer(system: System, wanted: tuple[str | None, int] = ("one", 4)) -> dict[str, Any]:
    return asyncio.run(s3._answer(system, URL, "get_object", wanted, {}))


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    async def sleep(seconds: float) -> None:
        pass

    monkeypatch.setattr(asyncio, "sleep", sleep)


def test_a_connection_that_breaks_in_the_body_is_tried_again() -> None:
    assert answer(System(Body(OSError("broken"), ValueError("broken"), b"four")))["Body"] == b"four"
    with pytest.raises(OSError, match="third"):
        answer(System(Body(OSError("first"), OSError("second"), OSError("third"))))


@pytest.mark.parametrize("said", [{"ETag": '"two"'}, {"ContentLength": 5}, {"ContentLength": 1 << 50}])
def test_nothing_of_another_object_is_read(said: dict[str, Any]) -> None:
    body = Body()  # reading it would fail
    with pytest.raises(ObjectChangedError, match="was changed"):
        answer(System(body, **said))
    assert body.closed


class Refused(Exception):
    def __init__(self, code: str) -> None:
        super().__init__("https://host/a.png?X-Amz-Signature=hidden")
        self.response = {"Error": {"Code": code}}


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (FileNotFoundError("hidden"), NotFoundError, "doesn't exist"),
        (Refused("NoSuchVersion"), NotFoundError, "doesn't exist"),
        (Refused("NoSuchBucket"), StorageError, "no such bucket"),
        (PermissionError("hidden"), StorageError, "permission denied"),
        (Refused("AccessDenied"), StorageError, "permission denied"),
        (Refused("InvalidRange"), ObjectChangedError, "fewer bytes"),
        (Refused("SlowDown"), StorageError, "(SlowDown)"),
        (Refused("https://hidden"), StorageError, "(Refused)"),
        (TimeoutError("hidden"), StorageError, "(TimeoutError)"),
        (ImportError("hidden"), MissingDependencyError, "pip install gcsfs"),
    ],
)
def test_errors_below_say_what_to_do_and_tell_no_secrets(error: Exception, kind: type, said: str) -> None:
    told = translated(error, "gs://bucket/a.png" if isinstance(error, ImportError) else URL)
    assert isinstance(told, kind)
    assert said in str(told)
    assert "hidden" not in str(told)
