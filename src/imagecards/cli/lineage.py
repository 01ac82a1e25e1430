"""``imagecards lineage`` and ``impact``: what was made from what, and where an image is."""

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from imagecards.cli.options import AsJson, Limit, Reference, Registry, open_registry
from imagecards.cli.printing import plural, print_json, say, warn


class Form(StrEnum):
    """How to draw a lineage."""

    TEXT = "text"
    MERMAID = "mermaid"
    DOT = "dot"
    JSON = "json"
    PROV = "prov"
    OPENLINEAGE = "openlineage"


class Direction(StrEnum):
    """Which way to look."""

    ANCESTORS = "ancestors"
    DESCENDANTS = "descendants"
    BOTH = "both"


def add_commands(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("lineage")(lineage)
    app.command("impact")(impact)


def lineage(
    reference: Reference,
    direction: Annotated[Direction, typer.Option(help="Which way to look.")] = Direction.BOTH,
    depth: Annotated[int | None, typer.Option(min=0, help="How many generations.", show_default="all")] = None,
    form: Annotated[Form, typer.Option("--format", help="How to draw it.")] = Form.TEXT,
    emit: Annotated[
        str | None, typer.Option(metavar="URL|FILE", help="Send OpenLineage events there instead of printing.")
    ] = None,
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Show what a version was made from, and what was made from it.

    Artifacts that were written from it, and those who use it, are part of the picture.
    Leaves with 1 if a parent is withdrawn, missing or replaced.
    """
    found = open_registry(registry).lineage(reference, direction=direction.value, depth=depth)
    if emit is not None:
        count = found.emit(emit)
        print_json({"sent": count, "to": emit}) if as_json else say(f"{plural(count, 'event')} sent to {emit}")
    elif as_json:
        print_json(found.to_dict())
    else:
        say(found.render(form.value))
        if form is not Form.TEXT:
            for problem in found.problems:
                warn(problem)
    raise typer.Exit(1 if found.problems else 0)


def impact(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="A file name, or the sha256 of an image's bytes.")],
    limit: Limit = 100,
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """List every version, split and use that has an image."""
    found = open_registry(registry).impact(image)
    if as_json:
        print_json(asdict(found))
    else:
        for hit in found.hits[:limit]:
            say(f"{hit.reference}{' [withdrawn]' if hit.withdrawn else ''}  {hit.image}")
            for what, names in (("in", hit.splits), ("used by", hit.uses)):
                if names:
                    say(f"  {what} {', '.join(names)}")
        if len(found.hits) > limit:
            say(f"... and {len(found.hits) - limit:,} more (--limit, --json)")
        say(f"{plural(len({hit.reference for hit in found.hits}), 'version')} with {image}")
        for problem in found.problems:
            warn(f"could not be looked into: {problem}")
    raise typer.Exit(1 if found.problems else 0)
