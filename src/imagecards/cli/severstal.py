"""``imagecards severstal``: Severstal's CSV and photographs as examples for training."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from imagecards.cli.options import AsJson, Workers, processes
from imagecards.cli.printing import plural, print_json, say

_group = typer.Typer(
    name="severstal", help="Severstal's steel: from CSV and photographs to examples.", no_args_is_help=True
)


class _Layout(StrEnum):
    EXAMPLES = "examples"
    PACKED = "packed"


class _Masks(StrEnum):
    UPSTREAM = "upstream"
    NEAREST = "nearest"
    AREA = "area"
    ANY_OVERLAP = "any-overlap"


class _Order(StrEnum):
    FIRST = "first"
    STRATIFIED = "stratified"


def add_commands(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.add_typer(_group)


@_group.command("prepare")
def prepare(
    csv: Annotated[Path, typer.Option(metavar="FILE", help="train.csv, in either of Kaggle's variants.")],
    images: Annotated[Path, typer.Option(metavar="DIR", help="The folder of the images.")],
    out: Annotated[Path, typer.Option(metavar="OUT", help="A new folder; it appears whole or not at all.")],
    class_id: Annotated[int, typer.Option(min=1, help="The class of defects; others are background.")],
    image_shape: Annotated[tuple[int, int], typer.Option(metavar="H W", help="Height and width.")] = (256, 256),
    split: Annotated[float, typer.Option(help="The share of the training part.")] = 0.85,
    order: Annotated[_Order, typer.Option(help="Take the first rows for training, or draw.")] = _Order.FIRST,
    seed: Annotated[int, typer.Option(min=0, help="Another one draws other parts.")] = 0,
    negatives: Annotated[bool, typer.Option("--negatives", help="Take images without any defect, too.")] = False,
    layout: Annotated[_Layout, typer.Option(help="How examples lie in a file.")] = _Layout.EXAMPLES,
    masks: Annotated[_Masks, typer.Option(help="How masks get another size.")] = _Masks.UPSTREAM,
    files: Annotated[int, typer.Option(min=1, help="How many files each part gets.")] = 10,
    name: Annotated[str, typer.Option(help="What the names of files begin with.")] = "preprocessed_data",
    like_processes: Annotated[
        int | None, typer.Option(min=1, help="Share examples as the original converter does among so many processes.")
    ] = None,
    workers: Workers = 1,
    as_json: AsJson = False,
) -> None:
    """Write OUT/train_input and OUT/eval_input: HDF5 files of grey images and binary masks of one class.

    The same input gives the same bytes, whatever the number of workers. Interrupted, the same command goes on.
    """
    from imagecards.formats.hdf5 import Recipe, write_examples
    from imagecards.recipes.severstal import EVAL, TRAIN, read_class

    recipe = Recipe(
        layout=layout.value,
        label="binary",
        image_shape=image_shape,
        colour="grey",
        masks=masks.value,
        files=files,
        name=name,
        processes=like_processes,
    )
    with processes(workers) as executor:
        dataset = read_class(
            csv, images, class_id, split=split, order=order.value, seed=seed, negatives=negatives, executor=executor
        )
        losses = write_examples(dataset, out, recipe, executor=executor)
    counts = {part: len(members) for part, members in dataset.splits.items()}
    if as_json:
        print_json({"out": str(out), "examples": counts, "losses": json.loads(losses.to_json())["losses"]})
        return
    for part in (TRAIN, EVAL):
        say(f"{out / part}: {plural(counts[part], 'example')}")
    say(losses.render())
