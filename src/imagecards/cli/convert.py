"""``imagecards convert``, ``compare`` and ``formats``: annotations from one format to another."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from imagecards.cli.options import (
    AsJson,
    FromFormat,
    FromOption,
    ImageFolder,
    Lenient,
    Limit,
    Workers,
    parse_options,
    processes,
    reading_options,
)
from imagecards.cli.printing import plural, print_columns, print_json, say, warn

_READING = ("format", "strict", "images", "check_images", "executor")
_WRITING = ("dataset", "to", "format", "images", "executor")


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
    from_option: FromOption = None,
    images: ImageFolder = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", metavar="NAME=VALUE", help="An option of writing; may be repeated."),
    ] = None,
    annotations_only: Annotated[
        bool, typer.Option("--annotations-only", help="Neither ask for the images nor copy them.")
    ] = False,
    lenient: Lenient = False,
    workers: Workers = 1,
    as_json: AsJson = False,
) -> None:
    """Convert a dataset from one annotation format to another.

    What the new format can't hold is listed. The same input gives the same bytes, whatever the number of workers.
    """
    from imagecards.formats import read, write

    ways: dict[str, Any] = {"strict": not lenient, "images": images, "check_images": not annotations_only}
    ways |= parse_options(from_option, _READING)
    options = parse_options(option, _WRITING)
    with processes(workers) as executor:
        reading = read(path, from_format, executor=executor, **ways)
        losses = write(reading.dataset, to, to_format, executor=executor, images=not annotations_only, **options)
    if as_json:
        print_json(
            {
                "from": reading.format,
                "to": to_format,
                "images": len(reading.dataset),
                "left_out": reading.report.error_count,
                "issues": [issue.to_dict() for issue in reading.report],
                "losses": json.loads(losses.to_json())["losses"],
            }
        )
        return
    if len(reading.report):
        warn(reading.report.render())
    say(f"{reading.format} -> {to_format}: {plural(len(reading.dataset), 'image')} in {to}")
    say(losses.render())


def compare(
    before: Annotated[Path, typer.Argument(metavar="A", help="A folder or annotation file.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="Another one, of any format.")],
    before_format: Annotated[str | None, typer.Option(metavar="FORMAT", help="The format of A.")] = None,
    after_format: Annotated[str | None, typer.Option(metavar="FORMAT", help="The format of B.")] = None,
    before_option: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="An option of reading A; may be repeated.")
    ] = None,
    after_option: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="An option of reading B; may be repeated.")
    ] = None,
    before_images: Annotated[Path | None, typer.Option(metavar="DIR", help="Where the images of A are.")] = None,
    after_images: Annotated[Path | None, typer.Option(metavar="DIR", help="Where the images of B are.")] = None,
    annotations_only: Annotated[bool, typer.Option("--annotations-only", help="Do not ask for the images.")] = False,
    lenient: Lenient = False,
    least: Annotated[float, typer.Option("--iou", min=0.0, max=1.0, help="From where on two objects are one.")] = 0.5,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Leave with 1 if anything differs.")] = False,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """Say what differs between two datasets.

    Image by image and object by object: equal, moved, of another category, added, removed.
    """
    from imagecards.datasets import compare as compare_datasets
    from imagecards.formats import read

    sides = (
        (before, before_format, reading_options(before_images, before_option, lenient=lenient)),
        (after, after_format, reading_options(after_images, after_option, lenient=lenient)),
    )
    readings = [read(path, format, **{"check_images": not annotations_only, **ways}) for path, format, ways in sides]
    for reading, (path, _, _) in zip(readings, sides, strict=True):
        if len(reading.report):
            warn(f"{path}: {reading.report.render()}")
    found = compare_datasets(*(reading.dataset for reading in readings), least=least)
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
