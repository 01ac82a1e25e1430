"""``imagecards preview``: a contact sheet of a version."""

from pathlib import Path
from typing import Annotated

import typer

from imagecards.cli.options import AsJson, Reference, Registry, open_registry
from imagecards.cli.printing import plural, print_json, say


def add_commands(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("preview")(preview)


def preview(
    reference: Reference,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="PNG", help="The file; one there is replaced.")],
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many images, at most.")] = 12,
    split: Annotated[str | None, typer.Option(help="Take images of this split.")] = None,
    width: Annotated[int, typer.Option(min=200, help="Of the sheet, in pixels.")] = 1_000,
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Draw images of a version, with boxes, masks and captions.

    The same version gives the same file.
    """
    import numpy as np

    from imagecards.datasets import ImageDataset
    from imagecards.destination import replace_file
    from imagecards.errors import InvalidInputError
    from imagecards.images import Picture, encode

    opened = open_registry(registry)
    card = opened.load(reference)
    dataset = opened.open(card)
    if not isinstance(dataset, ImageDataset):
        raise InvalidInputError(f"{card.ref} is a table, which can't be drawn: 'imagecards show' tells what is in it")
    dataset = dataset if split is None else dataset.split(split)
    sheet = dataset.show(count, width=width)
    replace_file(output, encode(Picture(np.asarray(sheet), "rgb", False), "PNG"))
    shown = min(count, len(dataset))
    if as_json:
        print_json({"reference": str(card.ref), "file": str(output), "images": shown, "size": list(sheet.size)})
    else:
        say(f"drew {plural(shown, 'image')} of {card.name}@{card.version} into {output}")
