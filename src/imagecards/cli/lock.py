"""``imagecards lock``: pin the references of a job."""

from pathlib import Path
from typing import Annotated

import typer

from imagecards.cli.options import AsJson, Registry, open_registry
from imagecards.cli.printing import print_columns, print_json, say, shorten
from imagecards.errors import InvalidInputError


def add_commands(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("lock")(lock)


def lock(
    jobs: Annotated[
        list[str],
        typer.Argument(
            metavar="REFERENCE|FILE...", help="References, or files of a job: those in quotes there count, with an @."
        ),
    ],
    to: Annotated[Path, typer.Option(metavar="FILE", help="Where to write the pins.")] = Path("imagecards.lock"),
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Write down which cards references mean now.

    The file has name, version and digest of each card. A job then loads with lock="imagecards.lock", and gets these
    cards or none.
    """
    references = [found for job in jobs for found in _references(job)]
    made = open_registry(registry).lock(*references, path=to)
    if as_json:
        print_json({"to": str(to), "pins": {text: str(ref) for text, ref in made.pins.items()}})
        return
    rows = [(text, str(ref.version), shorten(ref.digest or "")) for text, ref in made.pins.items()]
    print_columns(("REFERENCE", "VERSION", "CARD"), rows)
    say(f"written to {to}")


def _references(job: str) -> list[str]:
    path = Path(job)
    if not path.is_file():
        return [job]
    from imagecards.registry.pins import find_references

    found = find_references(path.read_text(encoding="utf-8", errors="replace"))
    if not found:
        raise InvalidInputError(f"{job} has no reference in quotes, such as 'vision/flakes@^1': name the references")
    return found
