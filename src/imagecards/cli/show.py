"""``imagecards show``: what a version is."""

import json
from typing import TYPE_CHECKING

import typer

from imagecards.cli.attach import artifact_facts
from imagecards.cli.options import AsJson, Reference, Registry, open_registry
from imagecards.cli.printing import plural, print_counts, print_fields, print_json, say, shorten, size, warn

if TYPE_CHECKING:
    from imagecards.cards import DataCard


def add_commands(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("show")(show)


def show(reference: Reference, registry: Registry = None, as_json: AsJson = False) -> None:
    """Show a version: counts, classes, splits, artifacts, digests."""
    from imagecards.registry.artifacts import readable_artifacts
    from imagecards.registry.lookup import readable_tags

    opened = open_registry(registry)
    card = opened.load(reference)
    kept, unreadable = readable_artifacts(opened.store, card)
    readable, unreadable_tags = readable_tags(opened.store, card.name)
    tags = sorted(label for label, version in readable.items() if version == card.version)
    for label, error in unreadable_tags.items():
        warn(f"the tag {label} of {card.name} is damaged: {shorten(str(error))}")
    if as_json:
        print_json(
            json.loads(card.to_json())
            | {
                "reference": str(card.ref),
                "digest": card.digest,
                "tags": tags,
                "artifacts": {name: artifact_facts(artifact) for name, artifact in kept.items()}
                | {name: {"kind": "damaged", "description": str(error)} for name, error in unreadable.items()},
            }
        )
        return
    summary = card.summary
    say(f"{card.name}@{card.version}" + (f"  [{' '.join(tags)}]" if tags else ""))
    print_fields([*_said(card), *(_image_facts(card) if card.kind == "images" else _table_facts(card))])
    print_counts("classes", summary.categories)
    print_counts("splits", list(summary.splits.items()))
    if kept or unreadable:
        say("  artifacts")
    for name, artifact in kept.items():
        say(f"    {name}  {plural(len(artifact.files), 'file')}, {size(artifact.size)}")
    for name, error in unreadable.items():
        say(f"    {name}  damaged: {shorten(str(error))}")
    for parent in card.parents:
        say(f"  made from {parent.ref}")
    for step in card.transform:
        say(f"    by {step}")


def _said(card: "DataCard") -> list[tuple[str, object]]:
    reason = f" ({card.bump_reason})" if card.bump_reason else ""
    return [
        ("description", card.description),
        ("license", card.license),
        ("source", card.source),
        ("metadata", ", ".join(f"{key}={value}" for key, value in card.metadata.items())),
        ("registered", f"{card.created:%Y-%m-%d %H:%M:%S} UTC{reason}"),
        ("card", card.digest),
        ("dataset", card.dataset_digest),
    ]


def _image_facts(card: "DataCard") -> list[tuple[str, object]]:
    summary = card.summary
    kinds = ", ".join(f"{count:,} {name}" for name, count in {**summary.formats, **summary.modes}.items())
    return [
        ("images", f"{summary.images:,} ({kinds})" if kinds else summary.images),
        ("pixels", _pixels(summary.width, summary.height)),
        ("size", f"{size(summary.bytes)} in {plural(len(card.shards), 'shard')}"),
        ("linked", f"{summary.linked:,} of the images lie elsewhere" if summary.linked else None),
        ("read from", ", ".join(origin.place for origin in card.origins)),
        ("objects", summary.objects),
    ]


def _pixels(width: tuple[int, int] | None, height: tuple[int, int] | None) -> str | None:
    if width is None or height is None:
        return None
    smallest, largest = f"{width[0]} x {height[0]}", f"{width[1]} x {height[1]}"
    return smallest if smallest == largest else f"{smallest} to {largest}"


def _table_facts(card: "DataCard") -> list[tuple[str, object]]:
    summary = card.summary
    return [
        ("rows", summary.rows),
        ("columns", ", ".join(f"{name} {dtype}" for name, dtype in summary.columns)),
        ("container", summary.container),
        ("size", size(summary.bytes)),
    ]
