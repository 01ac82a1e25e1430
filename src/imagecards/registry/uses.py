"""Uses: who used a version, as an append-only log beside its card."""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from imagecards.cards import CardRef, DataCard, Use, use_time
from imagecards.credentials import hide_credentials
from imagecards.errors import ImageCardsError, InvalidInputError, StorageError
from imagecards.registry import keys
from imagecards.registry.commit import commit
from imagecards.registry.request import refuse_credentials
from imagecards.storage import Store

USER_VARIABLE = "IMAGECARDS_USED_BY"
"""The environment variable that names who opens versions, so that each leaves its trace without a line of code."""

_log = logging.getLogger("imagecards")
_TRIES = 100
_REMEMBERED = 64  # the latest uses, among which the same one is not recorded again


def record_use(store: Store, card: DataCard, by: str, metadata: Mapping[str, Any]) -> Use:
    """Record that something used a version; the same use, recorded again by another worker, is one.

    Args:
        store: The registry's store.
        card: The version.
        by: Who or what used it.
        metadata: Anything else, as JSON.

    Raises:
        InvalidInputError: ``by`` or the metadata can't be kept.
        StorageError: Others kept recording, or the registry can't be written.
        CommitUnknownError: The storage gave no clear answer: record it again.
    """
    refuse_credentials(by, "by=")
    refuse_credentials(metadata, "metadata=")
    for _ in range(_TRIES):
        numbers = use_numbers(store, card.ref)
        use = _use(card, by, metadata, numbers[-1] + 1 if numbers else 1)
        for number in reversed(numbers[-_REMEMBERED:]):
            with suppress(ImageCardsError):  # a damaged one is none that could be the same
                other = read_use(store, card.ref, number)
                if (other.card, other.by, other.metadata) == (use.card, use.by, use.metadata):
                    return other
        body = use.to_json()
        if commit(store, keys.use(card.ref, use.number), body, ask="record the use again") == body:
            return use
    raise StorageError(f"others kept recording uses of {card.ref} ({_TRIES} tries): try again")


def record_user_of_environment(store: Store, card: DataCard) -> None:
    """Record the use that the environment tells of, if any; a job is not stopped where that fails."""
    by = os.environ.get(USER_VARIABLE)
    if by:
        try:
            record_use(store, card, by, {})
        except ImageCardsError as error:
            _log.warning("the use of %s by %s was not recorded: %s", card.ref, hide_credentials(by), error)


def read_uses(store: Store, card: DataCard) -> Iterator[Use]:
    """The uses of a version, in the order in which they were recorded; one that can't be read is logged."""
    for number in use_numbers(store, card.ref):
        try:
            use = read_use(store, card.ref, number)
        except ImageCardsError as error:
            _log.warning("a use of %s can't be read: %s", card.ref, error)
            continue
        if use.card.digest == card.digest:
            yield use
        else:
            _log.warning("a use of %s is pinned to another card, %s: verify tells more", card.ref, use.card.digest)


def use_numbers(store: Store, ref: CardRef) -> list[int]:
    """The numbers of the uses of a version, in ascending order."""
    return sorted(keys.valid(keys.parse_number, keys.document_names(store.children(keys.uses(ref)))))


def read_use(store: Store, ref: CardRef, number: int) -> Use:
    """One use of a version.

    Raises:
        NotFoundError: There is none of that number.
        IntegrityError: It is damaged, or another one lies in its place.
    """
    key = keys.use(ref, number)
    use = Use.from_json(store.get(key), place=key)
    use.check_place(CardRef(ref.name, ref.version), number, place=key)
    return use


def _use(card: DataCard, by: str, metadata: Mapping[str, Any], number: int) -> Use:
    try:
        return Use(card=card.pin, by=by, at=use_time(datetime.now(UTC)), metadata=dict(metadata), number=number)
    except (ValidationError, ValueError, TypeError) as error:
        first = error.errors(include_url=False)[0] if isinstance(error, ValidationError) else {"msg": str(error)}
        place = ".".join(map(str, first.get("loc", ())))
        raise InvalidInputError(f"this use can't be recorded: {place or 'use'}: {first['msg']}") from error
