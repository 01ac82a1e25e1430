"""Claims: while a card is being registered, no other process takes its version.

opsml has no lock and no unique constraint, and two rows of one version share a folder, where the later one destroys
the files of the earlier. So each registration first puts a row of its own, the claim, into opsml's list, then looks:

- who sees only the own claim on a version, and no card of it, has it. Whoever comes later sees that claim, or the card;
- who sees another claim takes the own one out and tries again after a moment of random length. Two that see each other
  both do: nobody is ever second by mistake.

Claims have no files, so taking one out destroys nothing. They go when the registration ends, however it ends. The claim
of a process that was killed stays, and tells that the version was never finished; it is taken out after a day.
"""

import logging
import random
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from imagecards.errors import ImageCardsError, StorageError
from imagecards.opsml import host
from imagecards.opsml.calls import is_busy
from imagecards.opsml.host import Row
from imagecards.opsml.manifest import OURS

CLAIM = "claim-"
"""What the names of claims begin with. They are in the space of the card, where its author may write."""

GRACE = timedelta(days=1)
"""How old a claim is when its process is taken for dead."""

_log = logging.getLogger("imagecards")

_OF = "of="
_VERSION = "version="
_PATIENCE = 20.0  # seconds
_LONGEST_PAUSE = 0.5


@dataclass
class _Outcome:
    """What became of a registration, or nothing where the version was taken."""

    card: Any = None
    error: BaseException | None = None


def is_claim(row: Row) -> bool:
    """Whether a row is a claim, and not a card that is called so."""
    return row.name.startswith(CLAIM) and any(tag.startswith(_OF) for tag in row.tags)


def claims_on(space: str, name: str) -> dict[str, list[Row]]:
    """The claims on versions of a name, by version."""
    found: dict[str, list[Row]] = {}
    rows = host.rows(space=space, tags=[_of(space, name)])
    for row in (row for row in rows if row.name.startswith(CLAIM)):  # cards may have any tag
        for tag in row.tags:
            if tag.startswith(_VERSION):
                found.setdefault(tag.removeprefix(_VERSION), []).append(row)
    return found


def register_claimed(
    space: str, name: str, choose: Callable[[set[str], set[str]], str], register: Callable[[str], Any]
) -> Any:
    """Register a card under a version that nobody else can take meanwhile.

    Args:
        space: The card's space.
        name: Its name.
        choose: Says which version, of those that are there and those that are claimed; what it raises ends it.
        register: Registers the card under that version; where it returns ``None``, another version is tried.

    Returns:
        What ``register`` returns.

    Raises:
        StorageError: Others hold the version, and went on doing so.
    """
    end, pause = time.monotonic() + _PATIENCE, 0.02
    while True:
        version = choose({row.version for row in host.rows(space=space, name=name)}, set(claims_on(space, name)))
        outcome = _Outcome()
        try:
            outcome = _under_claim(space, name, version, register)
            if outcome.error is not None:
                raise outcome.error
        except StorageError as error:
            if not is_busy(error) or time.monotonic() > end:
                raise
        if outcome.card is not None:
            return outcome.card
        if time.monotonic() > end:
            message = (
                f"others hold {space}/{name} {version}: they are registering it, or were killed doing so; try again, "
                "or take another version"
            )
            raise StorageError(message)
        time.sleep(random.random() * pause)  # noqa: S311  # so that two that met do not meet again
        pause = min(2 * pause, _LONGEST_PAUSE)


def _under_claim(space: str, name: str, version: str, register: Callable[[str], Any]) -> _Outcome:
    # opsml takes out whatever has the name and version of the row that it is to take out: no two have the same
    outcome, own = _Outcome(), f"{CLAIM}{secrets.token_hex(5)}"

    def inside() -> None:
        try:
            claims = [row.name for row in claims_on(space, name).get(version, ())]
            if own not in claims:
                raise StorageError(f"opsml does not list a claim on {space}/{name} that was just made: nothing is safe")
            if claims == [own] and not _cards(space, name, version):
                outcome.card = register(version)
        except BaseException as error:  # opsml would make a text of it
            outcome.error = error

    try:
        host.in_passing_row(inside, space=space, name=own, tags=[_of(space, name), f"{_VERSION}{version}"])
    finally:
        _take_out(space, own)
    return outcome


def _take_out(space: str, own: str) -> None:
    """Take out a claim that opsml left, as it does when it panics."""
    try:
        for row in host.rows(space=space, name=own):
            host.delete(row)
    except ImageCardsError as error:  # a card that was registered can be loaded all the same
        _log.warning("a claim on a version stays in opsml for a day: %s", error)


def dead_claims(space: str, name: str) -> Iterator[tuple[Row, list[Row]]]:
    """The claims of processes that were killed, as far as that is certain, and the rows of what each left, if anything.

    What is younger, or none of ours, was registered by opsml's own ways under a version that no row had.
    """
    oldest = datetime.now(UTC) - GRACE
    for version, claims in claims_on(space, name).items():
        for claim in claims:
            if claim.created < oldest:
                rows = _cards(space, name, version)
                yield claim, rows if any(OURS in row.tags and row.created < oldest for row in rows) else []


def _cards(space: str, name: str, version: str) -> list[Row]:
    # opsml takes an exact version for a prefix of pre-releases
    return [row for row in host.rows(space=space, name=name, version=version) if row.version == version]


def _of(space: str, name: str) -> str:
    """The tag of all claims on versions of a name."""
    return f"{_OF}{space}/{name}"
