"""``imagecards diff``: what changed between two versions."""

from typing import Annotated

import typer

from imagecards.cli.completing import complete_reference
from imagecards.cli.options import AsJson, Limit, Registry, open_registry
from imagecards.cli.printing import print_json, say


def add_commands(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("diff")(diff)


def diff(
    old: Annotated[str, typer.Argument(help="The version to compare from.", autocompletion=complete_reference)],
    new: Annotated[str, typer.Argument(help="The version to compare to.", autocompletion=complete_reference)],
    limit: Limit = 10,
    registry: Registry = None,
    new_registry: Annotated[
        str | None, typer.Option("--new-registry", metavar="URL", help="Where NEW is; by default in the same registry.")
    ] = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Leave with 1 if anything differs.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what changed between two versions, down to objects."""
    opened = open_registry(registry)
    other = open_registry(new_registry) if new_registry else opened
    before, after = opened.load(old), other.load(new)
    found = opened.diff(before, after, registry=other)
    if as_json:
        print_json({"old": str(before.ref), "new": str(after.ref), **found.to_dict()})
    else:
        say(f"{before.name}@{before.version} -> {after.name}@{after.version}")
        say(found.render(limit))
    raise typer.Exit(1 if exit_code and not found.same else 0)
