"""``imagecards verify``: is everything still as it was registered?"""

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from imagecards.cli.completing import complete_reference
from imagecards.cli.options import AsJson, Limit, Registry, open_registry
from imagecards.cli.printing import plural, print_json, say, shorten, size

if TYPE_CHECKING:
    from imagecards.registry.verify import Problem


def add_commands(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("verify")(verify)


def verify(
    reference: Annotated[
        str | None,
        typer.Argument(
            metavar="[REFERENCE]",
            help="One version; all of them by default.",
            show_default=False,
            autocompletion=complete_reference,
        ),
    ] = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read every byte, rather than compare presence and sizes.")
    ] = False,
    limit: Limit = 20,
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Check that stored bytes are still those that were registered."""
    from imagecards.registry.lookup import check_registry

    opened = open_registry(registry)
    if not opened.store.children(""):
        check_registry(opened.store)  # a place where nothing is was mistyped; it is not a damaged registry
    found = opened.verify(reference, deep=deep)
    if as_json:
        print_json({"ok": found.ok} | asdict(found))
        raise typer.Exit(0 if found.ok else 1)
    lines = _lines(found.problems)
    place = ""
    for where, line in lines[:limit]:
        if where != place:
            say(where or "the registry")
            place = where
        say(f"  {line}")
    if len(lines) > limit:
        say(f"... and {len(lines) - limit:,} more (--limit, --json)")
    for note in found.notes:
        say(f"note: {note.card}: {note.message}")
    looked = f"{plural(found.cards, 'version')}, {plural(found.files, 'file')}, {size(found.size)}"
    how = "every byte was read" if deep else "presence and sizes; --deep reads every byte"
    say(f"{'all as registered' if found.ok else plural(len(lines), 'problem')}: {looked} ({how})")
    raise typer.Exit(0 if found.ok else 1)


def _lines(problems: "Iterable[Problem]") -> list[tuple[str, str]]:
    """File and line for each problem, file by file; one that concerns several versions is told once."""
    versions: dict[tuple[str, str, str], list[str]] = {}
    for problem in problems:
        key = (problem.place, problem.image, shorten(problem.message))
        versions.setdefault(key, []).append(problem.card.partition("#")[0])
    places = list(dict.fromkeys(place for place, _, _ in versions))
    lines = [
        (place, (f"{image}: " if image else "") + message + _named(cards))
        for (place, image, message), cards in versions.items()
    ]
    return sorted(lines, key=lambda line: places.index(line[0]))


def _named(cards: list[str]) -> str:
    """The versions that a problem concerns, in brackets."""
    named = [card for card in dict.fromkeys(cards) if card]
    more = f" and {len(named) - 2:,} more" if len(named) > 2 else ""
    return f" ({', '.join(named[:2])}{more})" if named else ""
