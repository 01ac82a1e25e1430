"""The ``imagecards`` command: its sub-commands, and how it begins and ends."""

import io
import logging
import os
import sys

import typer

from imagecards import __version__
from imagecards.cli import (
    attach,
    cache,
    convert,
    copying,
    derive,
    diff,
    fetch,
    gc,
    leaks,
    lineage,
    listing,
    lock,
    materialize,
    opsml,
    preview,
    register,
    replay,
    severstal,
    show,
    tag,
    uses,
    validate,
    verify,
)
from imagecards.cli.completing import complete_in_bash
from imagecards.cli.failing import EXIT_CODES, INTERRUPTED, fail
from imagecards.cli.interruption import noted_interruption
from imagecards.cli.printing import say, warn

app = typer.Typer(
    name="imagecards",
    help="A registry of image datasets for machine learning, with no server.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
_ROOMS = (
    *(validate, convert, register, materialize, derive, attach, listing, show, preview, diff),
    *(leaks, lineage, replay, uses, lock, fetch, copying, tag, verify, gc, cache, severstal, opsml),
)
for room in _ROOMS:
    room.add_commands(app)


@app.callback(invoke_without_command=True)
def _options(
    version: bool = typer.Option(False, "--version", help="Print the version and stop.", is_eager=True),
) -> None:
    if version:
        say(f"imagecards {__version__}")
        raise typer.Exit


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code.

    Args:
        arguments: What stands behind the command's name; by default what the process was started with.

    Raises:
        SystemExit: Always, with the exit code that `imagecards.cli.failing` explains.
    """
    given = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name may hold what the terminal can't show
    if os.environ.get("_IMAGECARDS_COMPLETE") == "complete_bash":
        complete_in_bash(os.environ, lambda: sys.exit(_run([])))
    warnings = _Warnings()
    logging.getLogger("imagecards").addHandler(warnings)
    try:
        with noted_interruption() as interruption:
            code = _run(given)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:
        code = INTERRUPTED if interruption.seen else fail(error, as_json="--json" in given)
    finally:
        logging.getLogger("imagecards").removeHandler(warnings)
    if code == INTERRUPTED:
        warn("interrupted; nothing was left half-done")
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    """Run a command; errors pass through, so that they are told in one place."""
    code = app(arguments, prog_name="imagecards", standalone_mode=False)
    return code if isinstance(code, int) else 0


class _Warnings(logging.Handler):
    """Shows what the library logs on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        warn(f"{record.levelname.lower()}: {record.getMessage()}")
