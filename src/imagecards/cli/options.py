"""Options and arguments that several commands share."""

from typing import TYPE_CHECKING, Annotated

import typer

from imagecards.cli.completing import complete_name, complete_reference

if TYPE_CHECKING:  # --help must not wait for the models of cards
    from imagecards.registry import CardRegistry


def open_registry(url: str | None) -> "CardRegistry":
    """The registry that ``--registry`` names, or the default one."""
    from imagecards.registry import CardRegistry

    return CardRegistry(url)


Registry = Annotated[
    str | None,
    typer.Option(
        "--registry",
        "-r",
        metavar="URL",
        envvar="IMAGECARDS_REGISTRY",
        help="Where the registry is: a folder.",
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
Name = Annotated[str, typer.Argument(metavar="NAME", help="space/name", autocompletion=complete_name)]
FromFormat = Annotated[
    str | None, typer.Option("--from", metavar="FORMAT", help="The format of the input.", show_default="found out")
]
