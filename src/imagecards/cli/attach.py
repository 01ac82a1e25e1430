"""``imagecards attach``: files that are kept beside a version."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagecards.cli.options import (
    AsJson,
    Reference,
    Registry,
    Steps,
    Workers,
    open_registry,
    parse_options,
    parse_steps,
    processes,
)
from imagecards.cli.printing import plural, print_json, say, size

if TYPE_CHECKING:
    from imagecards.cards import Artifact


def add_commands(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("attach")(attach)


def attach(
    reference: Reference,
    name: Annotated[str, typer.Argument(help="What to call the artifact.")],
    path: Annotated[Path | None, typer.Argument(help="The file or folder; none with --format.")] = None,
    format: Annotated[
        str | None, typer.Option(metavar="FORMAT", help="Write the version in this format; see `imagecards formats`.")
    ] = None,
    step: Steps = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", metavar="NAME=VALUE", help="An option of writing; may be repeated."),
    ] = None,
    workers: Workers = 1,
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Keep a file or folder beside a registered version.

    Or, with --format, what the version is written as, in a way that replay does again.
    """
    opened = open_registry(registry)
    card = opened.load(reference)
    options = parse_options(option, ("dataset", "to", "format", "executor"))
    with processes(workers) as executor:
        kept = opened.attach(
            card, name, path, format=format, steps=parse_steps(step), options=options, executor=executor
        )
    if as_json:
        print_json({"reference": str(card.ref), "name": name} | artifact_facts(kept))
    else:
        say(f"attached {name} to {card.name}@{card.version}: {plural(len(kept.files), 'file')}, {size(kept.size)}")


def artifact_facts(artifact: "Artifact") -> dict[str, Any]:
    """What JSON says of an artifact."""
    return {"kind": artifact.kind, "files": [file.path for file in artifact.files], "bytes": artifact.size}
