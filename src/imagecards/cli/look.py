"""``imagecards list``, ``versions``, ``show`` and ``diff``: what is there, and what changed."""

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from imagecards.cards import Artifact, DataCard
from imagecards.cli.options import AsJson, Name, Reference, Registry
from imagecards.cli.printing import plural, print_columns, print_fields, print_json, size
from imagecards.registry import CardRegistry


def add_commands(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("list")(list_names)
    app.command("versions")(versions)
    app.command("show")(show)
    app.command("diff")(diff)


def list_names(registry: Registry = None, as_json: AsJson = False) -> None:
    """List the names in a registry, each with its latest version."""
    rows = CardRegistry(registry).list().to_dicts()
    if as_json:
        print_json(rows)
        return
    header = ("NAME", "LATEST", "VERSIONS", "IMAGES", "OBJECTS", "SIZE", "TAGS", "DESCRIPTION")
    columns = [
        (
            row["name"],
            row["version"],
            row["versions"],
            row["images"] if row["kind"] == "images" else plural(row["rows"], "row"),
            row["objects"],
            size(row["bytes"]),
            " ".join(row["tags"]),
            row["description"],
        )
        for row in rows
    ]
    print_columns(header, columns)


def versions(
    name: Name,
    withdrawn: Annotated[bool, typer.Option(help="List withdrawn versions too.")] = False,
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """List the versions of a name, oldest first."""
    opened = CardRegistry(registry)
    live = set(opened.versions(name))
    tags: dict[str, list[str]] = {}
    for label, version in opened.tags(name).items():
        tags.setdefault(str(version), []).append(label)
    rows: list[dict[str, Any]] = []
    for version in opened.versions(name, withdrawn=withdrawn):
        row: dict[str, Any] = {"version": str(version), "withdrawn": version not in live}
        if version in live:
            card = opened.load(f"{name}@{version}")
            row |= {
                "created": f"{card.created:%Y-%m-%d %H:%M:%S}",
                "images": card.summary.images,
                "objects": card.summary.objects,
                "rows": card.summary.rows,
                "bytes": card.summary.bytes,
                "tags": tags.get(str(version), []),
                "description": card.description,
            }
        rows.append(row)
    if as_json:
        print_json(rows)
        return
    header = ("VERSION", "REGISTERED (UTC)", "IMAGES", "OBJECTS", "SIZE", "TAGS", "DESCRIPTION")
    columns = [
        (
            row["version"],
            "withdrawn" if row["withdrawn"] else row["created"],
            row.get("images"),
            row.get("objects"),
            size(row["bytes"]) if "bytes" in row else None,
            " ".join(row.get("tags", [])),
            row.get("description"),
        )
        for row in rows
    ]
    print_columns(header, columns)


def show(reference: Reference, registry: Registry = None, as_json: AsJson = False) -> None:
    """Show what a version is: counts, classes, splits, artifacts, parents, digests."""
    opened = CardRegistry(registry)
    card = opened.load(reference)
    kept = opened.artifacts(card)
    tags = sorted(label for label, version in opened.tags(card.name).items() if version == card.version)
    if as_json:
        print_json(
            json.loads(card.to_json())
            | {
                "digest": card.digest,
                "tags": tags,
                "artifacts": {name: _artifact_facts(artifact) for name, artifact in kept.items()},
            }
        )
        return
    typer.echo(f"{card.name}@{card.version}" + (f"  [{' '.join(tags)}]" if tags else ""))
    print_fields([*_said(card), *(_image_facts(card) if card.kind == "images" else _table_facts(card))])
    if card.summary.categories:
        typer.echo("  classes")
        for value, count in card.summary.categories:
            typer.echo(f"    {value}  {count:,}")
    if card.summary.splits:
        typer.echo("  splits")
        for split, count in card.summary.splits.items():
            typer.echo(f"    {split}  {plural(count, 'image')}")
    for name, artifact in kept.items():
        facts = _artifact_facts(artifact)
        typer.echo(f"  artifact {name}: {plural(len(facts['files']), 'file')}, {size(facts['bytes'])}")
    for parent in card.parents:
        typer.echo(f"  made from {parent.ref}  {parent.digest}")


def diff(
    old: Annotated[str, typer.Argument(help="The reference to compare from.")],
    new: Annotated[str, typer.Argument(help="The reference to compare to.")],
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Count what changed between two versions, image by image."""
    opened = CardRegistry(registry)
    found = opened.diff(old, new)
    if as_json:
        print_json({"counts": found.counts} | asdict(found))
    else:
        typer.echo(f"{opened.load(old).ref} -> {opened.load(new).ref}")
        typer.echo(found.render())


def _said(card: DataCard) -> list[tuple[str, object]]:
    return [
        ("description", card.description),
        ("license", card.license),
        ("source", card.source),
        ("metadata", ", ".join(f"{key}={value}" for key, value in card.metadata.items())),
        (
            "registered",
            f"{card.created:%Y-%m-%d %H:%M:%S} UTC" + (f" ({card.bump_reason})" if card.bump_reason else ""),
        ),
        ("card", card.digest),
        ("dataset", card.dataset_digest),
    ]


def _image_facts(card: DataCard) -> list[tuple[str, object]]:
    summary = card.summary
    kinds = ", ".join(f"{count:,} {name}" for name, count in {**summary.formats, **summary.modes}.items())
    return [
        ("images", f"{summary.images:,} ({kinds})" if kinds else summary.images),
        ("pixels", _pixels(summary.width, summary.height)),
        ("size", size(summary.bytes)),
        ("stored in", plural(len(card.shards), "shard")),
        ("objects", summary.objects),
    ]


def _pixels(width: tuple[int, int] | None, height: tuple[int, int] | None) -> str | None:
    if width is None or height is None:
        return None
    smallest, largest = f"{width[0]} x {height[0]}", f"{width[1]} x {height[1]}"
    return smallest if smallest == largest else f"{smallest} to {largest}"


def _table_facts(card: DataCard) -> list[tuple[str, object]]:
    summary = card.summary
    columns = ", ".join(f"{name} {dtype}" for name, dtype in summary.columns)
    return [
        ("rows", summary.rows),
        ("columns", columns),
        ("container", summary.container),
        ("size", size(summary.bytes)),
    ]


def _artifact_facts(artifact: Artifact) -> dict[str, Any]:
    return {
        "files": [file.path for file in artifact.files],
        "bytes": sum(file.stored.size for file in artifact.files),
    }
