"""``imagecards list``, ``versions`` and ``log``: what a registry holds."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagecards.cli.options import AsJson, Name, Registry, open_registry
from imagecards.cli.printing import plural, print_columns, print_fields, print_json, say, shorten, size, warn

if TYPE_CHECKING:
    from imagecards.registry import CardRegistry


def add_commands(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("list")(list_names)
    app.command("versions")(list_versions)
    app.command("log")(show_log)


def list_names(registry: Registry = None, as_json: AsJson = False) -> None:
    """List the names in a registry, each with its latest version."""
    opened = open_registry(registry)
    rows = opened.list().to_dicts()
    if as_json:
        print_json(rows)
        return
    if not rows:
        warn(f"nothing is registered in {opened.url} yet")
        return
    header = ("NAME", "LATEST", "VERSIONS", "HOLDS", "OBJECTS", "SIZE", "TAGS", "DESCRIPTION")
    columns = [
        (
            row["name"],
            row["version"],
            row["versions"],
            _holds(row),
            row["objects"] if row["kind"] == "images" else None,
            size(row["bytes"]) if row["kind"] != "damaged" else None,
            " ".join(row["tags"]),
            row["description"],
        )
        for row in rows
    ]
    print_columns(header, columns)


def list_versions(
    name: Name,
    withdrawn: Annotated[bool, typer.Option("--withdrawn", help="List withdrawn versions too.")] = False,
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """List the versions of a name, oldest first."""
    rows = list(_version_rows(open_registry(registry), name, withdrawn=withdrawn))
    if as_json:
        print_json(rows)
        return
    header = ("VERSION", "REGISTERED (UTC)", "HOLDS", "OBJECTS", "SIZE", "TAGS", "DESCRIPTION")
    print_columns(header, [_columns(row) for row in rows])


def show_log(
    name: Name,
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Tell the history of a name, newest first."""
    rows = list(_version_rows(open_registry(registry), name, withdrawn=True))[::-1]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        if row["withdrawn"]:
            say(f"{row['version']}  withdrawn")
            continue
        tags = f"  [{' '.join(row['tags'])}]" if row["tags"] else ""
        if row["kind"] == "damaged":
            say(f"{row['version']}  damaged{tags}: {row['description']}")
            continue
        say(f"{row['version']}  {row['created'].replace('T', ' ').removesuffix('Z')} UTC{tags}")
        print_fields([("changed", row["reason"]), ("described", row["description"])])
        for parent in row["parents"]:
            say(f"  made from {parent}")


def _version_rows(registry: "CardRegistry", text: str, *, withdrawn: bool) -> Iterator[dict[str, Any]]:
    """One row for each version in ascending order; says on standard error which tags can't be read."""
    from imagecards.cards import CardName, DataCard
    from imagecards.registry.listing import read_versions, what_is_wrong
    from imagecards.registry.lookup import check_registry, readable_tags

    check_registry(registry.store)
    name = CardName.parse(text)
    tags: dict[str, list[str]] = {}
    readable, unreadable = readable_tags(registry.store, name)
    for label, tagged in readable.items():
        tags.setdefault(str(tagged), []).append(label)
    for label, error in unreadable.items():
        warn(f"the tag {label} of {name} is damaged: {shorten(str(error))}")
    for version, card in read_versions(registry.store, name, withdrawn=withdrawn):
        row: dict[str, Any] = {"version": str(version), "withdrawn": card is None}
        if isinstance(card, DataCard):
            row |= {
                "created": f"{card.created:%Y-%m-%dT%H:%M:%SZ}",
                "kind": card.kind,
                "images": card.summary.images,
                "objects": card.summary.objects,
                "rows": card.summary.rows,
                "bytes": card.summary.bytes,
                "tags": tags.get(str(version), []),
                "description": card.description,
                "reason": card.bump_reason,
                "parents": [str(parent.ref) for parent in card.parents],
                "digest": card.digest,
            }
        elif card is not None:
            row |= {"kind": "damaged", "tags": tags.get(str(version), []), "description": what_is_wrong(card)}
        yield row


def _columns(row: dict[str, Any]) -> tuple[object, ...]:
    if row["withdrawn"]:
        return (row["version"], "withdrawn", None, None, None, None, None)
    if row["kind"] == "damaged":
        return (row["version"], None, "damaged", None, None, " ".join(row["tags"]), row["description"])
    return (
        row["version"],
        row["created"].replace("T", " ").removesuffix("Z"),
        _holds(row),
        row["objects"] if row["kind"] == "images" else None,
        size(row["bytes"]),
        " ".join(row["tags"]),
        row["description"],
    )


def _holds(row: dict[str, Any]) -> str:
    if row["kind"] == "damaged":
        return "damaged"
    return plural(row["images"], "image") if row["kind"] == "images" else plural(row["rows"] or 0, "row")
