"""``imagecards leaks``: what the splits of a version share."""

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated

import typer

from imagecards.cli.options import AsJson, Limit, Reference, Registry, open_registry
from imagecards.cli.printing import print_json, say
from imagecards.errors import InvalidInputError

if TYPE_CHECKING:
    from imagecards.splits import GroupBy


def add_commands(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("leaks")(leaks)


def leaks(
    reference: Reference,
    group_by: Annotated[
        str | None, typer.Option("--group-by", metavar="FIELD", help="Look for groups, too: those of this field.")
    ] = None,
    group_pattern: Annotated[
        str | None,
        typer.Option("--group-pattern", metavar="REGEX", help="The same, by what this finds in the file name."),
    ] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(help="Compare these splits; by default those of one plan, such as mskf_0/train and mskf_0/valid."),
    ] = None,
    near: Annotated[
        int, typer.Option(min=0, max=16, help="In how many of 64 bits the hashes of near-duplicates may differ.")
    ] = 6,
    no_near: Annotated[bool, typer.Option("--no-near", help="Look for no near-duplicates.")] = False,
    no_pixels: Annotated[bool, typer.Option("--no-pixels", help="Decode no image: compare digests of bytes.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="How many threads share the reading and decoding.")] = 1,
    limit: Limit = 20,
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Find what splits share that they should not."""
    from imagecards.datasets import ImageDataset
    from imagecards.splits import find_leaks

    opened = open_registry(registry)
    card = opened.load(reference)
    dataset = opened.open(card)
    if not isinstance(dataset, ImageDataset):
        raise InvalidInputError(f"{card.ref} is a table: only image datasets have splits")
    grouping = _grouping(group_by, group_pattern)
    with ThreadPoolExecutor(workers) as executor:
        found = find_leaks(
            dataset,
            group_by=grouping,
            splits=split,
            pixels=not no_pixels,
            near=None if no_near else near,
            executor=executor,
        )
    if as_json:
        print_json({"reference": str(card.ref), **found.to_dict()})
    else:
        say(found.render(limit))
    raise typer.Exit(0 if found.ok else 1)


def _grouping(field: str | None, pattern: str | None) -> "GroupBy | None":
    from imagecards.splits import Pattern

    if pattern is None:
        return field
    if field is not None:
        raise InvalidInputError("--group-by and --group-pattern are both given: choose one")
    return Pattern(pattern=pattern)
