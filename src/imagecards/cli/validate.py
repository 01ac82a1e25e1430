"""``imagecards validate``: everything that is wrong with a folder, at once."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagecards.cli.data import has_annotations, place_of, read_data, refuse_options
from imagecards.cli.options import AsJson, FromFormat, FromOption, ImageFolder, Limit, reading_options
from imagecards.cli.printing import plural, print_json, say
from imagecards.errors import InvalidInputError
from imagecards.paths import is_zip
from imagecards.progress import track

if TYPE_CHECKING:
    from imagecards.datasets import ImageDataset
    from imagecards.records import Report


def add_commands(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("validate")(validate)


def validate(
    path: Annotated[
        str, typer.Argument(help="A folder, annotations of any format, a .jsonl alone, or the URL of a folder.")
    ],
    metadata: Annotated[
        str | None, typer.Option(help="The metadata file in the folder.", show_default="metadata.jsonl")
    ] = None,
    from_format: FromFormat = None,
    from_option: FromOption = None,
    images: ImageFolder = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List all that is wrong with a folder and its metadata.

    Each issue comes with file, line, field and rule. Errors would stop a registration, warnings would not. A metadata
    file alone is checked without its images.
    """
    options = reading_options(images, from_option)
    place = place_of(path)
    if isinstance(place, str) or is_zip(path):
        dataset, found = read_data(place, metadata, from_format, **options)
        report, what = _check_dataset(dataset)
        report = report if found is None else found + report
    elif from_format is not None or (metadata is None and has_annotations(place)):
        report, what = _check_annotations(place, from_format, options)
    else:
        refuse_options(options)
        report, what = _check_own(place, metadata)
    if as_json:
        print_json(
            {
                "path": str(path),
                "ok": report.ok,
                "errors": report.error_count,
                "warnings": report.warning_count,
                "counts": dict(report.counts),
                "issues": [issue.to_dict() for issue in report],
            }
        )
    else:
        if len(report):
            say(report.render(limit=limit))
        say(f"{path}: {what} valid" if report.ok else f"{path}: not valid; registering it would be refused")
    raise typer.Exit(0 if report.ok else 1)


def _check_own(path: Path, metadata: str | None) -> "tuple[Report, str]":
    """Check a folder, or a metadata file alone, of the library's own kind."""
    if not path.is_file():
        return _check_folder(path, metadata)
    if metadata is not None:
        raise InvalidInputError(f"{path} is a file, and --metadata names a file in a folder: give the folder")
    return _check_file(path)


def _check_annotations(path: Path, format: str | None, options: Mapping[str, Any]) -> "tuple[Report, str]":
    from imagecards.datasets import examine_source
    from imagecards.formats import read
    from imagecards.records import Report

    reading = read(path, format, strict=False, **options)
    report, dataset = reading.report, reading.dataset
    if options.get("check_images", True):  # as a registration does, which refuses more than what has no size
        report += Report(examine_source(dataset.source, dataset.names).issues)
    return report, plural(len(reading.dataset), "image")


def _check_folder(path: Path, metadata: str | None) -> "tuple[Report, str]":
    from imagecards.datasets import ImageDataset

    return _check_dataset(ImageDataset(image_dir=path, metadata=metadata))


def _check_dataset(dataset: "ImageDataset") -> "tuple[Report, str]":
    report = dataset.validate()
    return report, plural(len(dataset), "image") if report.ok else "images"


def _check_file(path: Path) -> "tuple[Report, str]":
    from imagecards.records import read_jsonl

    if path.suffix != ".jsonl":
        raise InvalidInputError(f"{path} is neither a folder nor a .jsonl file: give one of these")
    with track("checking records", total=None):
        table, report = read_jsonl(path.read_bytes(), path.name)
    return report, plural(table.num_rows, "record")
