"""``imagecards convert``, ``compare`` and ``formats``: annotations from one format to another."""

import json
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import typer

from imagecards.cli.options import AsJson, FromFormat, Limit
from imagecards.cli.printing import plural, print_columns, print_json, say, warn
from imagecards.errors import InvalidInputError

ImageFolder = Annotated[
    Path | None, typer.Option("--images", metavar="DIR", help="Where the images are, if not where the format has them.")
]


def add_commands(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("convert")(convert)
    app.command("compare")(compare)
    app.command("formats")(formats)


def convert(
    path: Annotated[Path, typer.Argument(metavar="IN", help="The folder or annotation file.")],
    to: Annotated[Path, typer.Argument(metavar="OUT", help="A new folder; it appears whole or not at all.")],
    to_format: Annotated[str, typer.Option("--to", metavar="FORMAT", help="See `imagecards formats`.")],
    from_format: FromFormat = None,
    images: ImageFolder = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", metavar="NAME=VALUE", help="An option of writing; may be repeated."),
    ] = None,
    annotations_only: Annotated[bool, typer.Option(help="Neither ask for the images nor copy them.")] = False,
    lenient: Annotated[bool, typer.Option(help="Leave out what is wrong, and say so, instead of stopping.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="How many processes share the work.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Convert a dataset from one annotation format to another.

    What the new format can't hold is listed. The same input gives the same bytes, whatever the number of workers.
    """
    from imagecards.formats import read, write

    options = dict(_parse_option(each) for each in option or ())
    with _executor(workers) as executor:
        reading = read(
            path, from_format, strict=not lenient, images=images, check_images=not annotations_only, executor=executor
        )
        losses = write(reading.dataset, to, to_format, executor=executor, images=not annotations_only, **options)
    if as_json:
        print_json(
            {
                "from": reading.format,
                "to": to_format,
                "images": len(reading.dataset),
                "left_out": reading.report.error_count,
                "losses": json.loads(losses.to_json())["losses"],
            }
        )
        return
    if reading.report.warnings:
        warn(reading.report.render())
    say(f"{reading.format} -> {to_format}: {plural(len(reading.dataset), 'image')} in {to}")
    say(losses.render())


def compare(
    before: Annotated[Path, typer.Argument(metavar="A", help="A folder or annotation file.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="Another one, of any format.")],
    before_format: Annotated[str | None, typer.Option(metavar="FORMAT", help="The format of A.")] = None,
    after_format: Annotated[str | None, typer.Option(metavar="FORMAT", help="The format of B.")] = None,
    annotations_only: Annotated[bool, typer.Option(help="Do not ask for the images.")] = False,
    least: Annotated[float, typer.Option("--iou", min=0.0, max=1.0, help="From where on two objects are one.")] = 0.5,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Leave with 1 if anything differs.")] = False,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """Say what differs between two datasets, image by image and object by object."""
    from imagecards.datasets import compare as compare_datasets
    from imagecards.formats import read

    sides = ((before, before_format), (after, after_format))
    datasets = [read(path, format, check_images=not annotations_only).dataset for path, format in sides]
    found = compare_datasets(*datasets, least=least)
    say(found.to_json() if as_json else found.render(limit))
    raise typer.Exit(1 if exit_code and not found.equal else 0)


def formats(as_json: AsJson = False) -> None:
    """List the annotation formats, and what each can hold."""
    from imagecards.formats import FORMATS

    rows: list[dict[str, Any]] = [
        {
            "name": format.name,
            "reads": format.read is not None or format.open is not None,
            "writes": format.write is not None,
            "title": format.title,
            "holds": sorted(format.holds),
        }
        for format in FORMATS.values()
    ]
    if as_json:
        print_json(rows)
        return
    ways = {(True, True): "in, out", (True, False): "in", (False, True): "out"}
    cells = [(row["name"], ways[row["reads"], row["writes"]], row["title"], ", ".join(row["holds"])) for row in rows]
    print_columns(["format", "ways", "title", "holds"], cells)


@contextmanager
def _executor(workers: int) -> Iterator[Executor | None]:
    if workers == 1:
        yield None
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("forkserver")) as executor:
        yield executor


def _parse_option(pair: str) -> tuple[str, Any]:
    """``min-area=200`` as a keyword argument; what is JSON is taken as such, the rest as text."""
    name, separator, value = pair.partition("=")
    if not separator:
        raise InvalidInputError(f"--option {pair!r} has no '=': write NAME=VALUE")
    try:
        return name.replace("-", "_"), json.loads(value)
    except ValueError:
        return name.replace("-", "_"), value
