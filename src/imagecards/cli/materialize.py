"""``imagecards materialize``: store the images of a version that only names them."""

import typer

from imagecards.cli.options import AsJson, Reference, Registry, Shown, Viewer, open_registry
from imagecards.cli.printing import print_json, say
from imagecards.cli.register import known_versions, registered_line


def add_commands(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("materialize")(materialize)


def materialize(
    reference: Reference,
    viewer: Shown = Viewer.SAMPLE,
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Store the images that a version only names, as a new version.

    For versions that were registered with --no-copy. The new one has the same data and dataset digest, the next patch
    number, and the old version as its parent.
    """
    opened = open_registry(registry, viewer=viewer)
    before = opened.load(reference)
    known = known_versions(opened, str(before.name))
    card = opened.materialize(before)
    new = card.version not in known
    if as_json:
        said = {"reference": str(card.ref), "digest": card.digest, "dataset_digest": card.dataset_digest}
        print_json(said | {"new": new, "reason": card.bump_reason, "from": str(before.ref)})
        return
    say(registered_line(card, new=new) if new else f"unchanged: {card.ref} holds these images already")
    if new:
        say(f"  {card.bump_reason}")
