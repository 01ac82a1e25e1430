"""What a command says when it fails, and the exit code that it leaves with."""

import typer

from imagecards.cli.printing import print_json, shorten, warn
from imagecards.errors import (
    AlreadyExistsError,
    FormatError,
    ImageCardsError,
    IntegrityError,
    InvalidMetadataError,
    NotFoundError,
)

EXIT_CODES = """\b
Exit codes:
  0    done, and nothing wrong was found
  1    problems were found, in a dataset or in the registry
  2    the call is wrong: an option, a path, a reference
  3    the registry has no such card, version, tag or artifact
  4    the name, the version or the folder is taken
  5    stored bytes are not those that were registered
  6    the storage failed, or a file can't be read
  130  interrupted; nothing was left half-done
"""
INTERRUPTED = 130
_CODES: tuple[tuple[type[Exception], int], ...] = (
    (InvalidMetadataError, 1),
    (FormatError, 1),
    (NotFoundError, 3),
    (AlreadyExistsError, 4),
    (IntegrityError, 5),
    (OSError, 6),  # StorageError among them
)
_MISUSE = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "UsageError")  # public by its child only


def fail(error: Exception, *, as_json: bool) -> int:
    """Say what went wrong: text on standard error, or one object on standard output.

    Args:
        error: What was raised.
        as_json: Whether ``--json`` was given.

    Returns:
        The exit code.

    Raises:
        Exception: The error itself, where it is a fault of ours rather than something to tell the user.
    """
    if not _is_for_the_user(error):
        raise error
    code = next((code for kind, code in _CODES if isinstance(error, kind)), 2)
    if as_json:
        print_json(_as_object(error) | {"exit_code": code})
    elif isinstance(error, _MISUSE):
        error.show()  # type: ignore[attr-defined]  # with the usage of the command
    else:
        warn(f"error: {shorten(sentence(error))}")
    return code


def sentence(error: Exception) -> str:
    """An error in plain words.

    Example:
        >>> sentence(FileNotFoundError(2, "No such file or directory", "a.csv"))
        'a.csv: No such file or directory'
    """
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        return "; ".join(_said_of(each["loc"], each["msg"]) for each in error.errors(include_url=False))
    if isinstance(error, _MISUSE):
        return str(error.format_message())  # type: ignore[attr-defined]  # see _MISUSE
    if isinstance(error, InvalidMetadataError):
        return f"nothing was registered or written, since the data break rules: {error}"
    if isinstance(error, OSError) and not isinstance(error, ImageCardsError):
        return f"{error.filename or 'the system'}: {error.strerror or error}"
    return str(error)


def _said_of(place: tuple[int | str, ...], message: str) -> str:
    """One error of a pydantic model; its message may name the field itself."""
    field = ".".join(map(str, place))
    message = message.removeprefix("Value error, ")
    return message if not field or message.startswith(field) else f"{field}: {message}"


def _as_object(error: Exception) -> dict[str, object]:
    kind = "UsageError" if isinstance(error, _MISUSE) else type(error).__name__
    said: dict[str, object] = {"error": kind, "message": sentence(error)}
    if isinstance(error, InvalidMetadataError):
        said["issues"] = [issue.to_dict() for issue in error.issues]
    return said


def _is_for_the_user(error: Exception) -> bool:
    from pydantic import ValidationError

    return isinstance(error, (ImageCardsError, ValidationError, OSError, _MISUSE))
