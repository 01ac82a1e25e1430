"""Options and arguments that several commands share."""

from typing import Annotated

import typer

from imagecards.errors import ImageCardsError
from imagecards.registry import CardRegistry


def _complete_reference(incomplete: str) -> list[str]:
    """Names in the default registry, for tab completion."""
    try:
        names = CardRegistry().list()["name"].to_list()
    except ImageCardsError:
        return []
    return [name for name in names if name.startswith(incomplete)]


Registry = Annotated[
    str | None,
    typer.Option(
        "--registry",
        "-r",
        metavar="URL",
        envvar="IMAGECARDS_REGISTRY",
        help="Where the registry is.",
        show_default=".imagecards",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Reference = Annotated[
    str,
    typer.Argument(
        metavar="REFERENCE",
        help="space/name@SPEC: a version, latest, a tag or a range such as ^1.2; the latest by default.",
        autocompletion=_complete_reference,
    ),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="space/name", autocompletion=_complete_reference)]
