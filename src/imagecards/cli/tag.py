"""``imagecards tag``, ``untag`` and ``withdraw``: what is said of versions that exist."""

from typing import Annotated

import typer

from imagecards.cli.completing import complete_tag
from imagecards.cli.options import AsJson, Name, Reference, Registry, open_registry
from imagecards.cli.printing import print_json, say


def add_commands(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("tag")(tag)
    app.command("untag")(untag)
    app.command("withdraw")(withdraw)


def tag(
    reference: Reference,
    labels: Annotated[
        list[str], typer.Argument(metavar="TAG...", help="The tags, such as prod.", autocompletion=complete_tag)
    ],
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Let tags stand for a version from now on, or move them."""
    card = open_registry(registry).tag(reference, *labels)
    if as_json:
        print_json({"reference": str(card.ref), "tags": labels})
    else:
        say(f"{', '.join(labels)} -> {card.name}@{card.version}")


def untag(
    name: Name,
    labels: Annotated[list[str], typer.Argument(metavar="TAG...", help="The tags.", autocompletion=complete_tag)],
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Take tags away; the versions stay."""
    open_registry(registry).untag(name, *labels)
    if as_json:
        print_json({"name": name, "untagged": labels})
    else:
        say(f"{', '.join(labels)} of {name}: taken away")


def withdraw(
    reference: Reference,
    reason: Annotated[str, typer.Option(help="Why, for those who look for it.")],
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Take an exact version out of every look-up, for good.

    Its number is never used again. Its bytes stay until gc deletes those that no other version needs.
    """
    ref = open_registry(registry).withdraw(reference, reason)
    if as_json:
        print_json({"withdrawn": str(ref), "reason": reason})
    else:
        say(f"{ref} is withdrawn: {reason}")
