"""``imagecards use`` and ``uses``: who used a version."""

from typing import Annotated

import typer

from imagecards.cli.options import AsJson, Reference, Registry, open_registry
from imagecards.cli.printing import print_columns, print_json, say
from imagecards.cli.register import parse_object


def add_commands(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("use")(use)
    app.command("uses")(uses)


def use(
    reference: Reference,
    by: Annotated[str, typer.Option(help="Who or what uses it, such as model/unet@3.")],
    info: Annotated[str | None, typer.Option(metavar="JSON", help="Anything else, as a JSON object.")] = None,
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Record that something uses a version.

    A job can leave its trace without this command, too: set $IMAGECARDS_USED_BY where it runs.
    """
    made = open_registry(registry).record_use(reference, by, metadata=parse_object(info))
    if as_json:
        print_json(made.model_dump(mode="json"))
    else:
        say(f"{made.card.name}@{made.card.version} is used by {made.by}")


def uses(reference: Reference, registry: Registry = None, as_json: AsJson = False) -> None:
    """List who used a version."""
    found = open_registry(registry).uses(reference)
    if as_json:
        print_json([each.model_dump(mode="json") for each in found])
        return
    rows = [(each.by, each.at, " ".join(f"{key}={value}" for key, value in each.metadata.items())) for each in found]
    if rows:
        print_columns(("BY", "AT", "INFO"), rows)
    else:
        say("no use is recorded")
