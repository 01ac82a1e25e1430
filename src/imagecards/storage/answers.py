"""What an S3 server answered, or that it didn't, in the words that decide what to do next.

Nothing of an original error is kept or shown but its code: the texts and traces of the libraries below may contain
addresses with passwords, signatures and keys.
"""

import re
from types import MappingProxyType

from imagecards.errors import CommitUnknownError, ReadOnlyError, StorageError

NOT_THERE = ("NoSuchKey", "404", "NotFound")
TAKEN = ("PreconditionFailed", "412")
OUT_OF_RANGE = ("InvalidRange", "416", "RequestedRangeNotSatisfiable")
UNSUPPORTED = ("NotImplemented", "501", "MethodNotAllowed", "405")
FORBIDDEN = ("AccessDenied", "403", "Forbidden", "AllAccessDisabled", "AccountProblem")
_BUSY = (
    "409",  # the answer to HEAD has no code
    *("ConditionalRequestConflict", "OperationAborted", "SlowDown", "RequestTimeout", "TooManyRequests"),
    *("BadDigest", "XAmzContentChecksumMismatch", "IncompleteBody"),  # bytes that were changed on their way
)

_NETWORK = "check the network, and the server's address (AWS_ENDPOINT_URL, or endpoint_url in ~/.aws/config)"
_EXPIRED = "the credentials have expired: log in again (aws sso login), or renew them"
_WRONG_KEYS = "the credentials are not accepted: see which ones are used (AWS_ACCESS_KEY_ID, AWS_PROFILE, ~/.aws)"
_NO_KEYS = (
    "no credentials were found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run aws login"
)
_REGION = "the bucket is in another region: set AWS_DEFAULT_REGION to it"
_LOADED = "the server has too much to do: do it again later, or with fewer workers"
_NEXT_STEP = MappingProxyType(
    {
        **dict.fromkeys(("NoSuchBucket",), "there is no such bucket: create it, or correct the name"),
        **dict.fromkeys(("InvalidBucketName",), "that is no name of a bucket: correct it"),
        **dict.fromkeys(("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"), _EXPIRED),
        **dict.fromkeys(("UnauthorizedSSOTokenError", "SSOTokenLoadError", "TokenRetrievalError"), _EXPIRED),
        **dict.fromkeys(("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "401"), _WRONG_KEYS),
        **dict.fromkeys(("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"), _NO_KEYS),
        **dict.fromkeys(("ProfileNotFound", "ConfigNotFound"), _NO_KEYS),
        **dict.fromkeys(("PermanentRedirect", "301", "307", "TemporaryRedirect"), _REGION),
        **dict.fromkeys(("AuthorizationHeaderMalformed", "IllegalLocationConstraintException"), _REGION),
        **dict.fromkeys(("RequestTimeTooSkewed",), "this machine's clock is wrong: set it"),
        **dict.fromkeys(("InvalidObjectState",), "the object is archived: restore it to a class that can be read"),
        **dict.fromkeys(("NotImplemented", "501"), "the server can't do that: keep the registry on another one"),
        **dict.fromkeys(("SlowDown", "ServiceUnavailable", "TooManyRequests", "503", "429"), _LOADED),
        **dict.fromkeys(("ConditionalRequestConflict", "OperationAborted"), "others are writing there: do it again"),
        **dict.fromkeys(
            ("EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError", "SSLError"), _NETWORK
        ),
        **dict.fromkeys(("ReadTimeoutError", "ConnectionClosedError", "ClientPayloadError"), _NETWORK),
    }
)


class Refused(Exception):
    """A request that was not answered by what was asked for.

    Attributes:
        code: The server's word for it, or the kind of failure on the way.
        status: The HTTP status; 0 where no answer came.
        landed: Whether the request may have been carried out, or still be, all the same.
        again: Whether the same request may succeed later.
        after: How many seconds the server asks to wait until then.
    """

    def __init__(
        self, code: str = "", status: int = 0, *, landed: bool = False, again: bool = False, after: float = 0.0
    ) -> None:
        super().__init__(code, status)
        self.code = code if re.fullmatch(r"[A-Za-z0-9.]{1,64}", code) else f"status {status}"
        self.status = status
        self.landed = landed
        self.again = again
        self.after = after


def refusal(error: Exception) -> Refused | None:
    """What an exception of the libraries below means; nothing where it isn't one of theirs."""
    import aiohttp
    from botocore import exceptions
    from botocore.parsers import ResponseParserError

    if isinstance(error, exceptions.ClientError):
        about = error.response.get("ResponseMetadata", {})
        return answered(
            str(error.response.get("Error", {}).get("Code", "")),
            int(about.get("HTTPStatusCode", 0)),
            about.get("HTTPHeaders", {}).get("retry-after", ""),
        )
    code = type(error).__name__
    on_the_way = (
        exceptions.ConnectionError,
        exceptions.HTTPClientError,
        exceptions.IncompleteReadError,
        ResponseParserError,
    )
    if isinstance(error, (*on_the_way, aiohttp.ClientError, OSError)):
        # an EndpointConnectionError is also what becomes of a connection that broke after the request was sent
        inner = error.kwargs.get("error") if isinstance(error, exceptions.BotoCoreError) else error
        unsent = isinstance(inner, aiohttp.ClientConnectorError) or isinstance(error, exceptions.ConnectTimeoutError)
        return Refused(code, landed=not unsent, again=True)
    if isinstance(error, exceptions.BotoCoreError):  # no credentials, no such profile: nothing was sent
        return Refused(code)
    return None


def answered(code: str, status: int, after: str = "") -> Refused:
    """What an error answer means.

    Args:
        code: The server's word for it.
        status: The HTTP status.
        after: The header ``Retry-After``.

    Example:
        >>> conflict = answered("ConditionalRequestConflict", 409)
        >>> conflict.landed, conflict.again
        (False, True)
        >>> answered("InternalError", 500).landed
        True
    """
    failed = (status >= 500 and status != 501) or code == "InternalError"
    again = failed or status in (0, 429) or code in _BUSY
    return Refused(
        code, status, landed=failed or status == 0, again=again, after=float(after) if after.isdecimal() else 0.0
    )


def explained(refused: Refused, place: str, *, writing: bool = False) -> StorageError:
    """The error that says what was refused, where, and what to do.

    Args:
        refused: What the server said.
        place: The URL of a key or of the store.
        writing: Whether something was to be written.
    """
    done = "written" if writing else "read"
    if refused.code in FORBIDDEN or (refused.status == 403 and refused.code not in _NEXT_STEP):
        rights = "s3:PutObject and s3:DeleteObject" if writing else "s3:GetObject and s3:ListBucket"
        message = f"{place} can't be {done}: permission denied; ask for {rights}, or use another registry"
        return (ReadOnlyError if writing else StorageError)(message)
    next_step = _NEXT_STEP.get(refused.code, "do it again, and if that fails too, ask whoever runs the server")
    return StorageError(f"{place} can't be {done}: {next_step} ({refused.code})")


def unknown(refused: Refused, place: str) -> CommitUnknownError:
    """The error for a write of which the server doesn't say whether it was carried out."""
    return CommitUnknownError(
        f"{place}: the server doesn't say whether it was created ({refused.code}). Read it back once it answers"
    )
