"""``imagecards replay``: whether a derived version comes out the same when it is made again."""

from dataclasses import asdict

import typer

from imagecards.cli.options import AsJson, Limit, Reference, Registry, Workers, open_registry, processes
from imagecards.cli.printing import print_json, say


def add_commands(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("replay")(replay)


def replay(
    reference: Reference,
    workers: Workers = 1,
    limit: Limit = 20,
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Make a derived version again, and compare its digest.

    What was written from it (attach --format) is written again, too. Nothing is stored. Leaves with 1 if anything
    differs, or could not be made again.
    """
    with processes(workers) as executor:
        found = open_registry(registry).replay(reference, executor=executor)
    if as_json:
        print_json(
            {
                "reference": found.reference,
                "ok": found.ok,
                "expected": found.expected,
                "actual": found.actual,
                "diff": found.diff.to_dict() if found.diff is not None else None,
                "artifacts": [asdict(artifact) for artifact in found.artifacts],
                "problems": list(found.problems),
                "notes": list(found.notes),
            }
        )
    else:
        say(found.render(limit))
    raise typer.Exit(0 if found.ok else 1)
