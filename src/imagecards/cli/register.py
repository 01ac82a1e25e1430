"""``imagecards register``: a new version."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagecards.cli.completing import complete_reference
from imagecards.cli.data import place_of, read_data
from imagecards.cli.options import (
    AsJson,
    FromFormat,
    FromOption,
    ImageFolder,
    Lenient,
    Name,
    Public,
    Registry,
    Shown,
    Viewer,
    open_registry,
    reading_options,
)
from imagecards.cli.printing import plural, print_json, say, size, warn
from imagecards.errors import InvalidInputError, NotFoundError
from imagecards.temporary import temporary_folder

if TYPE_CHECKING:
    from imagecards.cards import DataCard, Version
    from imagecards.records import Report
    from imagecards.registry import CardRegistry
    from imagecards.registry.plan import UploadPlan

_LEFT_OUT = "left-out"


class Bump(StrEnum):
    """Which part of the version to raise."""

    AUTO = "auto"
    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"


def add_commands(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("register")(register)


def register(
    path: Annotated[
        str,
        typer.Argument(
            help="A folder, annotations of any format, a .parquet, .csv or .npy table, or the URL of a folder."
        ),
    ],
    name: Name,
    version: Annotated[str | None, typer.Option(help="An exact version; by default the next one.")] = None,
    bump: Annotated[Bump, typer.Option(help="Which part of the version to raise.")] = Bump.AUTO,
    tag: Annotated[list[str] | None, typer.Option(help="A tag for this version; may be repeated.")] = None,
    description: Annotated[str | None, typer.Option("--description", "-m", help="What it is, in a few words.")] = None,
    license: Annotated[str | None, typer.Option(help="An SPDX identifier or a name.")] = None,
    source: Annotated[str | None, typer.Option(help="Where it came from.")] = None,
    parent: Annotated[
        list[str] | None,
        typer.Option(help="A version that it was made from; may be repeated.", autocompletion=complete_reference),
    ] = None,
    artifact: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=PATH", help="A file or folder to keep beside the card; may be repeated."),
    ] = None,
    metadata: Annotated[
        str | None, typer.Option(help="The metadata file in the folder.", show_default="metadata.jsonl")
    ] = None,
    from_format: FromFormat = None,
    from_option: FromOption = None,
    images: ImageFolder = None,
    lenient: Lenient = False,
    info: Annotated[str | None, typer.Option(metavar="JSON", help="Anything else, as a JSON object.")] = None,
    copy: Annotated[
        bool, typer.Option("--copy/--no-copy", help="Store the images, or name those behind a URL where they lie.")
    ] = True,
    reread: Annotated[bool, typer.Option("--reread", help="Read every image, whatever is remembered of it.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be stored: files, bytes, commits.")
    ] = False,
    public: Public = False,
    viewer: Shown = Viewer.SAMPLE,
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Register a folder or a table as a new version.

    Everything is validated first: the version is complete, or there is none. Data that are those of the latest version,
    with nothing said anew, make no version. With --lenient, what is left out of annotations is listed in an artifact.
    """
    opened = open_registry(registry, public=public, viewer=viewer)
    data, report = read_data(
        place_of(path), metadata, from_format, **reading_options(images, from_option, lenient=lenient)
    )
    if report is not None and len(report):
        warn(report.render())
    if dry_run:
        pairs = dict(_parse_pair(pair) for pair in artifact or ())
        _print_plan(opened.plan(data, name, artifacts=pairs, parents=parent, copy=copy), as_json=as_json)
        return
    before = known_versions(opened, name)
    with _left_out(report) as kept:
        artifacts = dict(_parse_pair(pair) for pair in artifact or ())
        if kept.keys() & artifacts.keys():
            raise InvalidInputError(f"the artifact {_LEFT_OUT} lists what is left out: give yours another name")
        card = opened.register(
            data,
            name,
            version=version,
            bump=bump.value,
            tags=tag or (),
            description=description,
            license=license,
            source=source,
            parents=parent,
            metadata=parse_object(info),
            artifacts={**artifacts, **kept},
            reread=reread,
            copy=copy,
        )
    new = card.version not in before
    if kept:
        warn(f"what is wrong was left out: the artifact {_LEFT_OUT} of {card.ref} lists it")
    if as_json:
        said = {"reference": str(card.ref), "digest": card.digest, "dataset_digest": card.dataset_digest}
        left_out = report.error_count if report is not None else 0
        print_json(said | {"new": new, "reason": card.bump_reason, "tags": tag or [], "left_out": left_out})
    else:
        say(registered_line(card, new=new) + (f", tagged {', '.join(tag)}" if tag else ""))
        if new and before:
            say(f"  {card.bump_reason}")


def _print_plan(plan: "UploadPlan", *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(plan))
        return
    commits = f", in {plural(plan.commits, 'commit')}" if plan.commits else ""
    images = f" ({plural(plan.images, 'image')} that may be new)" if plan.images else ""
    say(f"would store {plural(plan.files, 'file')} of about {size(plan.size)}{images}{commits}")
    for warning in plan.warnings:
        warn(warning)


@contextmanager
def _left_out(report: "Report | None") -> Iterator[dict[str, Path]]:
    """What errors left out, as an artifact; none without errors."""
    if report is None or report.ok:
        yield {}
        return
    with temporary_folder("register") as folder:
        place = folder / f"{_LEFT_OUT}.json"
        place.write_text(report.to_json(), encoding="utf-8")
        yield {_LEFT_OUT: place}


def known_versions(registry: "CardRegistry", name: str) -> "list[Version]":
    """The versions of a name, withdrawn ones included; none where it is new."""
    try:
        return registry.versions(name, withdrawn=True)
    except NotFoundError:
        return []


def registered_line(card: "DataCard", *, new: bool) -> str:
    """What a registration came to, in one line."""
    if not new:
        return f"unchanged: {card.name}@{card.version} has these data already"
    counts = [plural(card.summary.rows or 0, "row")]
    if card.kind == "images":
        counts = [plural(card.summary.images, "image"), plural(card.summary.objects, "object")]
    stored = sum(file.size for file in card.files() if f"/{card.attempt}/" in file.key)
    if card.summary.linked:
        counts.append(f"{card.summary.linked:,} of the images named where they lie")
    told = ", ".join([*counts, size(card.summary.bytes)])
    return f"registered {card.name}@{card.version}: {told} ({size(stored)} added to the registry)"


def parse_object(text: str | None) -> dict[str, Any] | None:
    """What ``--info`` says.

    Raises:
        InvalidInputError: It is no JSON object.
    """
    if text is None:
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InvalidInputError(
            f'--info is not JSON ({error}): write an object such as \'{{"camera": "A7"}}\''
        ) from None
    if not isinstance(value, dict):
        raise InvalidInputError(f'--info is {text}, not an object: write something like \'{{"camera": "A7"}}\'')
    return value


def _parse_pair(pair: str) -> tuple[str, Path]:
    name, separator, path = pair.partition("=")
    if not separator:
        raise InvalidInputError(f"--artifact {pair!r} has no '=': write NAME=PATH")
    return name, Path(path)
