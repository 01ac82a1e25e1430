"""Options and arguments that several commands share."""

import json
import re
import shlex
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagecards.cli.completing import complete_name, complete_reference
from imagecards.errors import InvalidInputError

if TYPE_CHECKING:  # --help must not wait for the models of cards
    from concurrent.futures import Executor

    from imagecards.datasets import Step
    from imagecards.registry import CardRegistry


class Viewer(StrEnum):
    """How much of the images is shown."""

    SAMPLE = "sample"
    FULL = "full"
    NONE = "none"


def open_registry(url: str | None, *, public: bool = False, viewer: Viewer = Viewer.SAMPLE) -> "CardRegistry":
    """The registry that ``--registry`` names, or the default one; ``--public`` and ``--viewer`` matter on the Hub."""
    from imagecards.registry import CardRegistry

    return CardRegistry(url, private=not public, viewer=viewer.value)


def parse_options(pairs: Sequence[str] | None, taken: Collection[str]) -> dict[str, Any]:
    """``min-area=200`` and more as keyword arguments; what is JSON is taken as such, the rest as text.

    Args:
        pairs: What was given.
        taken: Arguments that other options of the command stand for.

    Raises:
        InvalidInputError: One is no pair, or is given twice or by another option.
    """
    options: dict[str, Any] = {}
    for pair in pairs or ():
        name, separator, value = pair.partition("=")
        name = name.replace("-", "_")
        if not separator:
            raise InvalidInputError(f"the option {pair!r} has no '=': write NAME=VALUE")
        if name in taken or name in options:
            why = "is given twice" if name in options else "has an option of the command of its own"
            raise InvalidInputError(f"the option {pair!r} {why}: see --help")
        try:
            options[name] = json.loads(value)
        except (ValueError, RecursionError):
            options[name] = value
    return options


def parse_steps(texts: Sequence[str] | None) -> "list[Step]":
    """``"min-area pixels=300"`` and more as steps: a name, then its fields.

    What is JSON behind the ``=`` is taken as it stands: ``select-classes classes=["thin flake", 3]``.

    Raises:
        InvalidInputError: There is no such step, or its fields are others.
    """
    from imagecards.registry.steps import make_step

    steps = []
    for text in texts or ():
        try:
            name, *pairs = _words(text)
        except ValueError:
            raise InvalidInputError(f"the step {text!r} can't be read: write 'NAME FIELD=VALUE ...'") from None
        steps.append(make_step(name, parse_options(pairs, ())))
    return steps


def _words(text: str) -> list[str]:
    """The words of a step as a shell has them, but for lists and objects of JSON, whose quotes and spaces stay.

    Raises:
        ValueError: A quote is left open, or there is nothing.
    """
    words: list[str] = []
    at = 0
    for field in _JSON_FIELD.finditer(text):
        if field.start() < at:
            continue  # inside the JSON before
        try:
            _, end = json.JSONDecoder().raw_decode(text, field.end() - 1)
            before = shlex.split(text[at : field.start()])  # a quote that is left open begins before the field
        except (ValueError, RecursionError):
            continue
        words += [*before, text[field.start() : end]]
        at = end
    return words + shlex.split(text[at:])


def reading_options(images: Path | None, pairs: Sequence[str] | None, *, lenient: bool = False) -> dict[str, Any]:
    """``--images``, ``--from-option`` and ``--lenient`` as keyword arguments of reading; only those that are given."""
    given: dict[str, Any] = {"strict": False} if lenient else {}
    given |= {} if images is None else {"images": images}
    return given | parse_options(pairs, ("format", "strict", "images", "executor"))


_JSON_FIELD = re.compile(r"(?<=\s)[\w-]+=[\[{]")


@contextmanager
def processes(workers: int) -> "Iterator[Executor | None]":
    """Where ``--workers`` lets work be done: in so many processes, or nowhere else where it is one."""
    if workers == 1:
        yield None
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(workers, mp_context=get_context("forkserver")) as executor:
        yield executor


Registry = Annotated[
    str | None,
    typer.Option(
        "--registry",
        "-r",
        metavar="URL",
        envvar="IMAGECARDS_REGISTRY",
        help="Where the registry is: a folder, s3://bucket/folder or hf://datasets/owner/repo.",
        show_default=".imagecards",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON value, for programs; errors too.")]
Limit = Annotated[int, typer.Option(min=0, help="How many lines of a list to print.")]
Reference = Annotated[
    str,
    typer.Argument(
        metavar="REFERENCE",
        help="space/name@SPEC: a version, latest, a tag or a range such as ^1.2; the latest by default.",
        autocompletion=complete_reference,
    ),
]
Workers = Annotated[int, typer.Option(min=1, help="How many processes share the work.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="space/name", autocompletion=complete_name)]
FromOption = Annotated[
    list[str] | None,
    typer.Option("--from-option", metavar="NAME=VALUE", help="An option of reading that format; may be repeated."),
]
ImageFolder = Annotated[
    Path | None, typer.Option("--images", metavar="DIR", help="Where the images are, if not where the format has them.")
]
Lenient = Annotated[bool, typer.Option("--lenient", help="Leave out what is wrong, and say so, instead of stopping.")]
FromFormat = Annotated[
    str | None, typer.Option("--from", metavar="FORMAT", help="The format of the input.", show_default="found out")
]
Public = Annotated[bool, typer.Option("--public", help="Let everybody see a repo that is made on the Hub.")]
Shown = Annotated[Viewer, typer.Option("--viewer", help="How much of the images the Hub's viewer shows.")]
Steps = Annotated[
    list[str] | None,
    typer.Option(
        "--step", "-s", metavar="'NAME FIELD=VALUE ...'", help="A transform or split; several are applied in order."
    ),
]
