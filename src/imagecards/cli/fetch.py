"""``imagecards fetch``: a version's files on disk again."""

from pathlib import Path
from typing import Annotated

import typer

from imagecards.cli.completing import complete_artifact
from imagecards.cli.options import AsJson, Reference, Registry, open_registry
from imagecards.cli.printing import print_json, say


def add_commands(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("fetch")(fetch)


def fetch(
    reference: Reference,
    to: Annotated[Path | None, typer.Option("--to", help="A new folder.", show_default="the card's name")] = None,
    artifact: Annotated[
        str | None,
        typer.Option(help="Fetch this artifact of the version instead.", autocompletion=complete_artifact),
    ] = None,
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Write a version's files into a new folder.

    They have the names and bytes that were registered. The folder appears whole or not at all.
    """
    opened = open_registry(registry)
    card = opened.load(reference)
    target = to or Path(artifact or card.name.name)
    if artifact is not None:
        opened.artifact(card, artifact).fetch(target)
    else:
        opened.fetch(card, target)
    if as_json:
        print_json({"reference": str(card.ref), "digest": card.digest, "artifact": artifact, "folder": str(target)})
    else:
        what = f"{artifact} of " if artifact else ""
        say(f"fetched {what}{card.name}@{card.version} into {target}")
