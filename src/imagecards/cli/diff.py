"""``imagecards diff``: what changed between two versions."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from imagecards.cli.completing import complete_reference
from imagecards.cli.options import AsJson, Limit, Registry, open_registry
from imagecards.cli.printing import print_json, say

_LABELS = {
    "added": "added",
    "removed": "removed",
    "renamed": "renamed",
    "changed_images": "with other pixels",
    "changed_records": "with other annotations",
    "unchanged": "unchanged",
}


def add_commands(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("diff")(diff)


def diff(
    old: Annotated[str, typer.Argument(help="The version to compare from.", autocompletion=complete_reference)],
    new: Annotated[str, typer.Argument(help="The version to compare to.", autocompletion=complete_reference)],
    limit: Limit = 10,
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Count what changed between two versions, image by image."""
    opened = open_registry(registry)
    before, after = opened.load(old), opened.load(new)
    found = opened.diff(before, after)
    if as_json:
        refs = {"old": str(before.ref), "new": str(after.ref), "same": found.same}
        print_json(refs | {"counts": dict(found.counts)} | asdict(found))
        return
    say(f"{before.name}@{before.version} -> {after.name}@{after.version}")
    counts = {label: count for field, label in _LABELS.items() if (count := found.counts[field])}
    width = max((len(f"{count:,}") for count in counts.values()), default=0)
    for label, count in counts.items():
        say(f"  {f'{count:,}'.rjust(width)} {label}")
    _print_names("+", found.added, limit)
    _print_names("-", found.removed, limit)
    _print_names("=", [f"{name} -> {other}" for name, other in found.renamed], limit)
    _print_names("~", [f"{name} (pixels)" for name in found.changed_images], limit)
    _print_names("~", [f"{name} (annotations)" for name in found.changed_records], limit)


def _print_names(sign: str, names: Sequence[str], limit: int) -> None:
    for name in names[:limit]:
        say(f"  {sign} {name}")
    if len(names) > limit:
        say(f"  {sign} ... and {len(names) - limit:,} more (--limit, --json)")
