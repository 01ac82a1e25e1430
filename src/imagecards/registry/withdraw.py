"""Withdrawal: a tombstone beside the card, which stays."""

from imagecards.cards import CardRef, Tombstone
from imagecards.errors import IntegrityError, InvalidInputError
from imagecards.registry import keys, lookup
from imagecards.registry.commit import commit
from imagecards.registry.request import refuse_credentials
from imagecards.registry.showing import showing_without
from imagecards.storage import Store


def withdraw_version(store: Store, ref: CardRef, reason: str) -> None:
    """Put the tombstone of a version; another writer's for the same version serves as well.

    The card only has to be there. It need not be readable, unless it is pinned: a damaged version is one to withdraw.

    Args:
        store: The registry's store.
        ref: The version.
        reason: Why, for those who look for it; may be empty.

    Raises:
        InvalidInputError: The reason is not text.
        NotFoundError: There is no such version, or it was withdrawn before.
        IntegrityError: The reference is pinned, and the card is not the one that it pins.
        CommitUnknownError: The storage gave no clear answer: withdraw it again.
    """
    try:
        exact = CardRef(ref.name, ref.version)
        body = Tombstone(card=exact, reason=reason).to_json()
    except ValueError as error:
        raise InvalidInputError(
            f"{reason!r:.60} can't be kept as a reason: give text, such as 'mislabelled'"
        ) from error
    refuse_credentials(reason, "the reason")
    lookup.check_live(store, exact)
    if not _is_there(store, keys.card(exact)):
        raise lookup.no_such_version(store, exact)
    if ref.digest is not None:
        lookup.read_card(store, ref)
    with showing_without(store, exact) as pages:
        commit(store, keys.tomb(exact), body, ask=f"withdraw {exact} again", pages=pages)


def _is_there(store: Store, key: str) -> bool:
    try:
        return store.stat(key) is not None
    except IntegrityError:  # something else lies in its place, such as a link: damage, and no reason to keep it
        return True
