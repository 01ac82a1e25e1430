"""``imagecards register`` and ``imagecards attach``: what makes something new."""

import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from imagecards.cli.options import AsJson, Name, Reference, Registry
from imagecards.cli.printing import plural, print_json, size
from imagecards.errors import InvalidInputError
from imagecards.registry import CardRegistry


class Bump(StrEnum):
    """Which part of the version to raise."""

    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"


def add_commands(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("register")(register)
    app.command("attach")(attach)


def register(
    path: Annotated[Path, typer.Argument(help="A folder of images, or a .parquet, .csv or .npy table.")],
    name: Name,
    version: Annotated[str | None, typer.Option(help="An exact version; by default the next one.")] = None,
    bump: Annotated[Bump | None, typer.Option(help="Which part of the version to raise.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A tag for this version; may be repeated.")] = None,
    description: Annotated[str | None, typer.Option("--description", "-m", help="What it is, in a few words.")] = None,
    license: Annotated[str | None, typer.Option(help="An SPDX identifier or a name.")] = None,
    source: Annotated[str | None, typer.Option(help="Where it came from.")] = None,
    parent: Annotated[list[str] | None, typer.Option(help="A version that it was made from; may be repeated.")] = None,
    artifact: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=PATH", help="A file or folder to keep beside the card; may be repeated."),
    ] = None,
    metadata: Annotated[
        str | None, typer.Option(help="The metadata file in the folder.", show_default="metadata.jsonl")
    ] = None,
    info: Annotated[str | None, typer.Option(metavar="JSON", help="Anything else, as a JSON object.")] = None,
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Register a folder or a table as a new version; data that did not change make none."""
    opened = CardRegistry(registry)
    data = _read_data(path, metadata)
    card = opened.register(
        data,
        name,
        version=version,
        bump=bump.value if bump else None,
        tags=tag or (),
        description=description,
        license=license,
        source=source,
        parents=parent or (),
        metadata=_parse_object(info),
        artifacts=dict(_parse_pair(pair) for pair in artifact or ()),
    )
    if as_json:
        print_json({"reference": str(card.ref), "digest": card.digest, "dataset_digest": card.dataset_digest})
        return
    summary = card.summary
    what = plural(summary.images or 0, "image") if card.kind == "images" else plural(summary.rows or 0, "row")
    typer.echo(f"{card.name}@{card.version}  {what}, {size(summary.bytes)}  {card.digest}")


def attach(
    reference: Reference,
    name: Annotated[str, typer.Argument(help="What to call the artifact.")],
    path: Annotated[Path, typer.Argument(help="The file or folder.")],
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Keep a file or folder beside a registered version."""
    opened = CardRegistry(registry)
    artifact = opened.attach(reference, name, path)
    total = sum(file.stored.size for file in artifact.files)
    if as_json:
        print_json({"name": name, "files": [file.path for file in artifact.files], "bytes": total})
    else:
        typer.echo(f"{name}: {plural(len(artifact.files), 'file')}, {size(total)}, beside {opened.load(reference).ref}")


def _read_data(path: Path, metadata: str | None) -> Any:
    """What a path holds: a table by its suffix, else a folder of images."""
    import polars as pl

    from imagecards.datasets import ImageDataset, TableDataset

    if path.is_dir() or not path.exists():
        return ImageDataset(image_dir=path, metadata=metadata)
    readers: dict[str, Callable[[Path], Any]] = {".parquet": pl.read_parquet, ".csv": pl.read_csv, ".npy": _read_array}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InvalidInputError(f"{path} is no folder and no table: give a folder, or one of {', '.join(readers)}")
    return TableDataset(reader(path))


def _read_array(path: Path) -> Any:
    import numpy as np

    return np.load(path, allow_pickle=False)


def _parse_object(text: str | None) -> dict[str, Any] | None:
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
