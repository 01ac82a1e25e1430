"""Tab completion of what is in the registry: names, versions, tags, artifacts."""

import os
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING

import typer

from imagecards.errors import ImageCardsError

if TYPE_CHECKING:
    from imagecards.registry import CardRegistry

BREAKS = "@:="
"""Characters at which bash splits a word that is being completed."""


def complete_name(context: typer.Context, incomplete: str) -> list[str]:
    """The names that begin with what was typed."""
    return [text for text in _look_up(context, _names) if text.startswith(incomplete)]


def complete_reference(context: typer.Context, incomplete: str) -> list[str]:
    """The names that begin with what was typed; behind a whole name its tags and versions, the latest first."""
    name = incomplete.partition("@")[0]
    names = complete_name(context, incomplete)
    if "@" not in incomplete and incomplete not in names:
        return names
    found = _look_up(context, lambda registry: _specs(registry, name))
    return names + [f"{name}@{spec}" for spec in found if f"{name}@{spec}".startswith(incomplete)]


def complete_tag(context: typer.Context, incomplete: str) -> list[str]:
    """The tags of the name that was typed before."""
    name = str(context.params.get("name") or context.params.get("reference") or "").partition("@")[0]
    return [tag for tag in _look_up(context, lambda registry: _tags(registry, name)) if tag.startswith(incomplete)]


def complete_artifact(context: typer.Context, incomplete: str) -> list[str]:
    """The artifacts of the version that was typed before."""
    typed = context.args or [""]  # behind an option without its value, what was typed is left there
    reference = str(context.params.get("reference") or typed[0])
    found = _look_up(context, lambda registry: _artifacts(registry, reference))
    return [name for name in found if name.startswith(incomplete)]


def complete_in_bash(environment: MutableMapping[str, str], run: Callable[[], None]) -> None:
    """Answer bash, which takes ``space/name@1`` for three words and replaces only what stands from ``@`` on.

    Args:
        environment: Has the words as bash split them in ``COMP_WORDS``; they are joined again.
        run: Prints the completions, one a line, and leaves with ``SystemExit``.
    """
    words = environment.get("COMP_WORDS", "").split("\n")
    current = int(environment.get("COMP_CWORD", len(words) - 1))
    joined: list[str] = []
    kept = ""  # what bash keeps of the current word
    for place, word in enumerate(words[: current + 1]):
        split_here = word.strip(BREAKS) == "" or (place > 0 and words[place - 1].strip(BREAKS) == "")
        if joined and word and split_here and words[place - 1]:
            kept = joined[-1] if word[0] == "@" else kept
            joined[-1] += word
        else:
            kept = ""
            joined.append(word)
    environment.update(COMP_WORDS="\n".join(joined), COMP_CWORD=str(len(joined) - 1))
    printed = StringIO()
    try:
        with redirect_stdout(printed):
            run()
    finally:
        for line in printed.getvalue().splitlines():
            print(line.removeprefix(kept))


def _look_up(context: typer.Context, what: Callable[["CardRegistry"], Iterator[str]]) -> list[str]:
    """What there is; nothing where there is no registry, since a key press is no place for errors."""
    from imagecards.registry import CardRegistry

    try:
        return list(what(CardRegistry(context.params.get("registry") or os.environ.get("IMAGECARDS_REGISTRY"))))
    except (ImageCardsError, ValueError, OSError):
        return []


def _names(registry: "CardRegistry") -> Iterator[str]:
    from imagecards.registry.lookup import card_names  # list() would import polars

    yield from map(str, card_names(registry.store))


def _artifacts(registry: "CardRegistry", reference: str) -> Iterator[str]:
    from imagecards.registry.artifacts import readable_artifacts

    yield from readable_artifacts(registry.store, registry.load(reference))[0]


def _tags(registry: "CardRegistry", name: str) -> Iterator[str]:
    from imagecards.cards import CardName
    from imagecards.registry.lookup import readable_tags  # one damaged tag is no reason to complete none

    yield from readable_tags(registry.store, CardName.parse(name))[0]


def _specs(registry: "CardRegistry", name: str) -> Iterator[str]:
    yield "latest"
    yield from _tags(registry, name)
    yield from map(str, reversed(registry.versions(name)))
