"""The ``imagecards`` command: its sub-commands, and what its exit codes mean.

0  done, and nothing found
1  problems were found in a dataset or in the registry
2  the call itself is wrong
3  there is no such card, version, tag, artifact or image
4  the name or version is taken
5  stored bytes are not those that were registered
6  the storage failed
130  interrupted; nothing was left half-done
"""

import json
import sys
from typing import Any

import typer

from imagecards import __version__
from imagecards.cli import check, fetch, look, register, tag, validate
from imagecards.errors import (
    AlreadyExistsError,
    ImageCardsError,
    IntegrityError,
    InvalidMetadataError,
    NotFoundError,
    StorageError,
)

_INTERRUPTED = 130

app = typer.Typer(
    name="imagecards",
    help="A registry of image datasets for machine learning, with no server.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for room in (validate, register, look, fetch, tag, check):
    room.add_commands(app)


@app.callback(invoke_without_command=True)
def _options(
    version: bool = typer.Option(False, "--version", help="Print the version and stop.", is_eager=True),
) -> None:
    if version:
        typer.echo(f"imagecards {__version__}")
        raise typer.Exit


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code.

    Args:
        arguments: What stands behind the command's name; by default what the process was started with.
    """
    given = sys.argv[1:] if arguments is None else arguments
    try:
        app(given, prog_name="imagecards")
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            typer.echo("interrupted; nothing was left half-done", err=True)
        raise
    except (ImageCardsError, ValueError) as error:
        if not is_user_error(error):
            raise
        report(error, as_json="--json" in given)
        sys.exit(exit_code(error))


def is_user_error(error: Exception) -> bool:
    """Whether an error speaks to the user, rather than being a fault of ours."""
    from pydantic import ValidationError

    return isinstance(error, (ImageCardsError, ValidationError))


def exit_code(error: Exception) -> int:
    """The exit code that stands for an error."""
    codes: tuple[tuple[type[Exception], int], ...] = (
        (InvalidMetadataError, 1),
        (NotFoundError, 3),
        (AlreadyExistsError, 4),
        (IntegrityError, 5),
        (StorageError, 6),
    )
    return next((code for kind, code in codes if isinstance(error, kind)), 2)


def report(error: Exception, *, as_json: bool) -> None:
    """Say what went wrong: text on standard error, or an object on standard output."""
    if not as_json:
        typer.echo(f"error: {error}", err=True)
        return
    said: dict[str, Any] = {"error": type(error).__name__, "message": str(error)}
    if isinstance(error, InvalidMetadataError):
        said["issues"] = [issue.to_dict() for issue in error.issues]
    typer.echo(json.dumps(said, ensure_ascii=False, indent=2))
