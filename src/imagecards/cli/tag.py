"""``imagecards tag`` and ``withdraw``: what is said of versions that exist."""

from typing import Annotated

import typer

from imagecards.cli.options import AsJson, Name, Reference, Registry
from imagecards.cli.printing import print_json
from imagecards.registry import CardRegistry


def add_commands(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("tag")(tag)
    app.command("untag")(untag)
    app.command("withdraw")(withdraw)


def tag(
    reference: Reference,
    labels: Annotated[list[str], typer.Argument(metavar="TAG...", help="The tags, such as prod.")],
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Let tags stand for a version from now on; a tag that is there moves."""
    card = CardRegistry(registry).tag(reference, *labels)
    if as_json:
        print_json({"reference": str(card.ref), "tags": labels})
    else:
        typer.echo(f"{', '.join(labels)} -> {card.name}@{card.version}")


def untag(
    name: Name,
    labels: Annotated[list[str], typer.Argument(metavar="TAG...", help="The tags.")],
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Take tags away; the versions stay."""
    CardRegistry(registry).untag(name, *labels)
    if as_json:
        print_json({"name": name, "untagged": labels})
    else:
        typer.echo(f"{', '.join(labels)} of {name}: taken away")


def withdraw(
    reference: Reference,
    reason: Annotated[str, typer.Option(help="Why, for those who look for it.")],
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Take an exact version out of every look-up, for good; its number is never used again."""
    card = CardRegistry(registry).withdraw(reference, reason)
    if as_json:
        print_json({"withdrawn": str(card.ref), "reason": reason})
    else:
        typer.echo(f"{card.name}@{card.version} is withdrawn: {reason}")
