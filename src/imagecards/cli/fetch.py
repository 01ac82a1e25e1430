"""``imagecards fetch``: a version's files on disk again."""

from pathlib import Path
from typing import Annotated

import typer

from imagecards.cli.options import AsJson, Reference, Registry
from imagecards.cli.printing import print_json
from imagecards.registry import CardRegistry


def add_commands(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("fetch")(fetch)


def fetch(
    reference: Reference,
    to: Annotated[Path | None, typer.Option("--to", help="A new folder.", show_default="the card's name")] = None,
    artifact: Annotated[str | None, typer.Option(help="Fetch this artifact of the version instead.")] = None,
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Write a version's images and metadata into a new folder, as they were registered."""
    opened = CardRegistry(registry)
    card = opened.load(reference)
    target = to or Path(artifact or card.name.name)
    if artifact is not None:
        opened.artifact(card, artifact).fetch(target)
    else:
        opened.fetch(card, target)
    if as_json:
        print_json({"reference": str(card.ref), "folder": str(target)})
    else:
        typer.echo(f"{card.name}@{card.version} {artifact or ''}".rstrip() + f" -> {target}")
