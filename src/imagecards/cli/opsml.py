"""``imagecards opsml``: looking for damage in registries of opsml's, and leaving older ones."""

from typing import Annotated

import typer

from imagecards.cli.options import AsJson, Limit, Name, Registry, open_registry
from imagecards.cli.printing import plural, print_json, say, warn
from imagecards.cli.register import known_versions, registered_line

_group = typer.Typer(name="opsml", help="Registries and datasets of opsml.", no_args_is_help=True)


def add_commands(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.add_typer(_group)


@_group.command("audit")
def audit(
    uri: Annotated[
        str,
        typer.Argument(
            metavar="URI",
            help="opsml's tracking URI, such as sqlite:///folder/opsml.db, or the path of an opsml.db.",
        ),
    ],
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="URI", help="Where opsml's files are.", show_default="$OPSML_STORAGE_URI or opsml_registries"
        ),
    ] = None,
    patience: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="When to give opsml up on a card.")] = 600,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """Look for what an opsml 3 registry lost: every card is decrypted; nothing is changed.

    Finds versions that several rows share, cards that can't be decrypted, rows without files, uids of cards that are
    gone, and versions that came in a wrong order. Leaves with 1 if there are any.
    """
    from imagecards.opsml.audit import audit as look

    found = look(uri, storage, patience=patience)
    if as_json:
        print_json(found.to_dict())
        raise typer.Exit(0 if found.ok else 1)
    for finding in found.findings[:limit]:
        say(str(finding))
    if len(found.findings) > limit:
        say(f"... and {len(found.findings) - limit:,} more (--limit, --json)")
    count = plural(len(found.findings), "finding")
    say(f"{'nothing is wrong' if found.ok else count}: {plural(found.cards, 'card')} in {found.registry}")
    raise typer.Exit(0 if found.ok else 1)


@_group.command("import")
def import_(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="The folder in which opsml 1 or 2 stored an image dataset.")
    ],
    name: Name,
    version: Annotated[str | None, typer.Option(help="An exact version; by default the next one.")] = None,
    description: Annotated[str | None, typer.Option("--description", "-m", help="What it is, in a few words.")] = None,
    metadata: Annotated[str, typer.Option(help="The metadata file of a folder of opsml 1.")] = "metadata.jsonl",
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Register an image dataset of opsml 1 or 2.

    Folders of opsml 1 are registered as they are. Of shards of opsml 2, which hold pixels, each image becomes a PNG (a
    TIFF where PNG can't hold it) that has all of them; a.jpg becomes a.png.
    """
    from imagecards.opsml.importing import import_dataset

    opened = open_registry(registry)
    before = known_versions(opened, name)
    card, found = import_dataset(source, opened, name, metadata=metadata, version=version, description=description)
    for note in found.notes:
        warn(note)
    new = card.version not in before
    if as_json:
        said = {"reference": str(card.ref), "digest": card.digest, "dataset_digest": card.dataset_digest, "new": new}
        print_json(said | {"opsml": found.layout, "renamed": found.renamed, "notes": found.notes})
        return
    say(registered_line(card, new=new))
    if found.renamed:
        old, now = next(iter(found.renamed.items()))
        say(f"  {plural(len(found.renamed), 'image')} got another ending: {old} is {now}")
