"""``imagecards gc``: what is there for nothing."""

from dataclasses import asdict
from typing import Annotated

import typer

from imagecards.cli.options import AsJson, Limit, Registry, open_registry
from imagecards.cli.printing import plural, print_json, say, size


def add_commands(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("gc")(collect)


def collect(
    delete: Annotated[bool, typer.Option("--delete", help="Delete them; by default they are only listed.")] = False,
    grace_hours: Annotated[
        float, typer.Option(help="Leave younger files alone, and recently withdrawn versions.")
    ] = 24.0,
    limit: Limit = 20,
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Find files that no version and no running registration needs."""
    found = open_registry(registry).gc(grace_hours=grace_hours, delete=delete)
    if as_json:
        print_json(asdict(found))
        return
    for key in found.keys[:limit]:
        say(key)
    if len(found.keys) > limit:
        say(f"... and {len(found.keys) - limit:,} more (--limit, --json)")
    if not found.keys:
        say("nothing to collect")
    else:
        done = "deleted" if delete else "could be deleted (--delete)"
        say(f"{plural(len(found.keys), 'file')}, {size(found.size)} {done}")
