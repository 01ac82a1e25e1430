"""Attempt ids: the time and the randomness that set one registration apart from every other."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, Strict

from imagecards.errors import InvalidInputError

_TOKEN = re.compile(r"[0-9a-f]{16}")
_ATTEMPT = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{16}")


def new_attempt(now: datetime, token: str) -> str:
    """The id of an attempt that begins now.

    Args:
        now: The time, with its zone; written in UTC, to the second.
        token: 16 random hex digits (64 bits). They alone make the id unique: the time is for people.

    Raises:
        InvalidInputError: The time has no zone, or the token is something else.

    Example:
        >>> new_attempt(datetime(2026, 11, 20, 12, 35, 26, tzinfo=UTC), "0123456789abcdef")
        '20261120T123526Z-0123456789abcdef'
    """
    if now.tzinfo is None:
        raise InvalidInputError(f"{now} has no time zone: give datetime.now(UTC)")
    if _TOKEN.fullmatch(token) is None:
        raise InvalidInputError(f"{token!r} is not 16 hex digits: give secrets.token_hex(8)")
    utc = now.astimezone(UTC)
    return f"{utc.year:04d}{utc:%m%dT%H%M%S}Z-{token}"  # %Y leaves out leading zeros on some systems


def attempt_time(attempt: str) -> datetime:
    """When an attempt began, to the second, in UTC.

    Args:
        attempt: Its id.

    Raises:
        InvalidInputError: It is not the id of an attempt.

    Example:
        >>> attempt_time("20261120T123526Z-0123456789abcdef").isoformat()
        '2026-11-20T12:35:26+00:00'
    """
    try:
        if _ATTEMPT.fullmatch(attempt) is None:
            raise ValueError
        return datetime.fromisoformat(attempt[:16])
    except ValueError:
        message = f"{attempt!r} is not the id of an attempt: it has the form 20261120T123526Z-0123456789abcdef"
        raise InvalidInputError(message) from None


def _check(attempt: str) -> str:
    attempt_time(attempt)
    return attempt


AttemptText = Annotated[str, Strict(), AfterValidator(_check)]
