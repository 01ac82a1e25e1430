"""``imagecards derive``: a version made from others by steps."""

from typing import Annotated

import typer

from imagecards.cli.completing import complete_name, complete_reference
from imagecards.cli.options import AsJson, Registry, Shown, Steps, Viewer, open_registry, parse_steps
from imagecards.cli.printing import print_json, say
from imagecards.cli.register import Bump, known_versions, parse_object, registered_line


def add_commands(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("derive")(derive)


def derive(
    parents: Annotated[
        list[str],
        typer.Argument(metavar="PARENT...", help="The versions to start from.", autocompletion=complete_reference),
    ],
    name: Annotated[
        str, typer.Option("--name", "-n", metavar="NAME", help="space/name of the child.", autocompletion=complete_name)
    ],
    step: Steps = None,
    version: Annotated[str | None, typer.Option(help="An exact version; by default the next one.")] = None,
    bump: Annotated[Bump, typer.Option(help="Which part of the version to raise.")] = Bump.AUTO,
    tag: Annotated[list[str] | None, typer.Option(help="A tag for this version; may be repeated.")] = None,
    description: Annotated[str | None, typer.Option("--description", "-m", help="What it is, in a few words.")] = None,
    license: Annotated[str | None, typer.Option(help="An SPDX identifier or a name.")] = None,
    source: Annotated[str | None, typer.Option(help="Where it came from.")] = None,
    info: Annotated[str | None, typer.Option(metavar="JSON", help="Anything else, as a JSON object.")] = None,
    viewer: Shown = Viewer.SAMPLE,
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Make a version from others by steps, and register it.

    The card says all that it takes to make it again: see replay.
    """
    opened = open_registry(registry, viewer=viewer)
    before = known_versions(opened, name)
    card = opened.derive(
        parents,
        parse_steps(step),
        name,
        version=version,
        bump=bump.value,
        tags=tag or (),
        description=description,
        license=license,
        source=source,
        metadata=parse_object(info),
    )
    new = card.version not in before
    if as_json:
        said = {"reference": str(card.ref), "digest": card.digest, "dataset_digest": card.dataset_digest}
        steps = [made.model_dump(mode="json") for made in card.transform]
        print_json(said | {"new": new, "reason": card.bump_reason, "tags": tag or [], "steps": steps})
    else:
        say(registered_line(card, new=new) + (f", tagged {', '.join(tag)}" if tag else ""))
        for parent in card.parents:
            say(f"  made from {parent.ref}")
