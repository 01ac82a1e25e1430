"""``imagecards verify`` and ``gc``: is everything there, and is anything there for nothing."""

from dataclasses import asdict
from typing import Annotated

import typer

from imagecards.cli.options import AsJson, Registry
from imagecards.cli.printing import plural, print_json, size
from imagecards.registry import CardRegistry


def add_commands(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("verify")(verify)
    app.command("gc")(collect)


def verify(
    reference: Annotated[
        str | None,
        typer.Argument(metavar="[REFERENCE]", help="One version; all of them by default.", show_default=False),
    ] = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read every byte, rather than compare presence and sizes.")
    ] = False,
    limit: Annotated[int, typer.Option(help="How many problems to print.")] = 20,
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Check that stored bytes are still those that were registered."""
    found = CardRegistry(registry).verify(reference, deep=deep)
    if as_json:
        print_json(asdict(found) | {"ok": found.ok})
    else:
        for problem in found.problems[:limit]:
            typer.echo(str(problem))
        if len(found.problems) > limit:
            typer.echo(f"... and {len(found.problems) - limit:,} more (--limit, --json)")
        looked = f"{plural(found.cards, 'version')}, {plural(found.files, 'file')}, {size(found.size)}"
        how = "every byte" if deep else "presence and sizes; --deep reads every byte"
        state = "all as registered" if found.ok else plural(len(found.problems), "problem")
        typer.echo(f"{state}: {looked} ({how})")
    raise typer.Exit(0 if found.ok else 1)


def collect(
    delete: Annotated[bool, typer.Option("--delete", help="Delete it; by default it is only listed.")] = False,
    grace_hours: Annotated[
        float, typer.Option(help="Leave younger files alone, and recently withdrawn versions.")
    ] = 24.0,
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Find the files that no card names and no running registration can need."""
    found = CardRegistry(registry).gc(grace_hours=grace_hours, delete=delete)
    if as_json:
        print_json(asdict(found))
        return
    for key in found.keys:
        typer.echo(key)
    done = "deleted" if delete else "could be deleted (--delete)"
    typer.echo(f"{plural(len(found.keys), 'file')}, {size(found.size)} {done}")
