"""What the Hugging Face Hub answered, or that it didn't, in the words that decide what to do next.

As with S3, nothing of an original error is kept or shown but its code: texts and traces of the client may contain
tokens and signed addresses.
"""

import logging
import re
from types import MappingProxyType

from imagecards.errors import CommitUnknownError, ImageCardsError, ReadOnlyError, StorageError
from imagecards.storage.answers import Refused

NO_REPO = "RepoNotFound"
NO_ENTRY = "EntryNotFound"

_TOKEN = "log in again (hf auth login), or renew the token in HF_TOKEN"  # noqa: S105 - the name of a variable
_NETWORK = "check the network, and the server's address if HF_ENDPOINT names one"
_NEXT_STEP = MappingProxyType(
    {
        NO_REPO: "there is no dataset repo of that name that you may see: correct the name, or log in (hf auth login)",
        "RevisionNotFound": "the repo has no such branch: create it (hf repos branch create), or name another",
        "GatedRepo": "the repo is gated: ask for access on its page, then log in (hf auth login)",
        "OfflineModeIsEnabled": "the client is switched off: unset HF_HUB_OFFLINE",
        "LocalTokenNotFoundError": "no token was found: log in (hf auth login), or set HF_TOKEN",
        **dict.fromkeys(("ConnectError", "ConnectTimeout", "ProxyError", "ReadError", "ReadTimeout"), _NETWORK),
        **dict.fromkeys(("RemoteProtocolError", "WriteError", "WriteTimeout", "ConnectionError"), _NETWORK),
    }
)
_BY_STATUS = MappingProxyType(
    {
        401: f"the token is not accepted: {_TOKEN}",
        402: "the account's storage is used up: free some, or upgrade it",
        412: "others are writing to the repo all the time: do it again, or with fewer workers",
        413: "it is more than the Hub takes at once: split the dataset",
        429: "the Hub has had too many requests: do it again later, or with fewer workers",
    }
)
_LONGEST_PAUSE = 310.0  # seconds: the Hub counts requests in windows of five minutes
_UNSENT = ("ConnectError", "ConnectTimeout", "ProxyError", "UnsupportedProtocol", "PoolTimeout")


class _Unsigned(logging.Filter):
    """Leaves out of addresses in log lines what follows the question mark: a signature is as good as a key."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = re.sub(r"(https?://[^\s?]*)\?\S*", r"\1", record.getMessage()), ()
        return True


_unsigned = _Unsigned()


def hide_signatures() -> None:
    """See that the client logs no signed addresses, which it does for large files that it sends again."""
    logging.getLogger("huggingface_hub.utils._http").addFilter(_unsigned)  # adding it twice changes nothing


def hub_refusal(error: Exception) -> Refused | None:
    """What an exception of the Hub's client means; nothing where it isn't one of its."""
    from huggingface_hub import errors

    if isinstance(error, ImageCardsError | Refused):
        return None
    if isinstance(error, errors.HfHubHTTPError):
        headers = error.response.headers
        limited = re.search(r";\s*t=(\d+)", headers.get("RateLimit", ""))  # seconds until there is room again
        after = headers.get("Retry-After", "") or (limited[1] if limited and error.response.status_code == 429 else "")
        return hub_answered(headers.get("X-Error-Code", ""), error.response.status_code, after)
    code = type(error).__name__
    if isinstance(error, errors.OfflineModeIsEnabled | errors.LocalTokenNotFoundError):
        return Refused(code)
    if isinstance(error, errors.HTTPError):  # type: ignore[attr-defined]  # of whichever HTTP library the client uses
        return Refused(code, landed=code not in _UNSENT, again=True)
    if type(error) is ValueError:  # what the client finds wrong itself: in a README before it is sent, or in an answer
        return Refused(code, landed=True)
    if isinstance(error, OSError | ValueError | RuntimeError):  # of large uploads, and of answers that are cut off
        return Refused(code, landed=True, again=True)
    return None


def hub_answered(code: str, status: int, after: str = "") -> Refused:
    """What an error answer means.

    Args:
        code: The header ``X-Error-Code``.
        status: The HTTP status.
        after: The header ``Retry-After``.

    Example:
        >>> stale = hub_answered("", 412)
        >>> stale.code, stale.landed, stale.again
        ('status 412', False, True)
    """
    failed = status >= 500 and status != 501
    again = failed or status in (408, 412, 429)
    return Refused(code, status, landed=failed, again=again, after=float(after) if after.isdecimal() else 0.0)


def hub_wait(pause: float, after: float) -> float:
    """How many seconds to wait: what the Hub asks for, within reason, or our own.

    Example:
        >>> hub_wait(0.2, 0.0), hub_wait(0.2, 55.0), hub_wait(0.2, 86_400.0)
        (0.2, 55.0, 310.0)
    """
    return max(pause, min(after, _LONGEST_PAUSE))


def hub_explained(refused: Refused, place: str, *, writing: bool = False) -> StorageError:
    """The error that says what was refused, where, and what to do.

    Args:
        refused: What the Hub said.
        place: The URL of a key or of the store.
        writing: Whether something was to be written.
    """
    done = "written" if writing else "read"
    if refused.status == 403:
        right = "write to" if writing else "read"
        message = f"{place} can't be {done}: permission denied; log in with a token that may {right} the repo"
        return (ReadOnlyError if writing else StorageError)(message)
    other = "do it again, and if that fails too, look at https://status.huggingface.co"
    next_step = _NEXT_STEP.get(refused.code) or _BY_STATUS.get(refused.status, other)
    return StorageError(f"{place} can't be {done}: {next_step} ({refused.code})")


def hub_unknown(refused: Refused, place: str) -> CommitUnknownError:
    """The error for a commit of which the Hub doesn't say whether it was made."""
    return CommitUnknownError(
        f"{place}: the Hub doesn't say whether it was committed ({refused.code}). Read it back once it answers"
    )
