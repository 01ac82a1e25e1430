"""Registering a card in opsml so that it is there: under a version of its own, whole, or not at all."""

import logging
from collections.abc import Sequence
from typing import Any

from imagecards.cards import Bump, Version
from imagecards.errors import ImageCardsError, IntegrityError, InvalidInputError, VersionConflictError
from imagecards.opsml import host
from imagecards.opsml.claims import CLAIM, dead_claims, register_claimed
from imagecards.opsml.dataset import ImageDataset
from imagecards.opsml.host import Row
from imagecards.opsml.naming import check_place, check_tag
from imagecards.opsml.soundness import state_of, survivors
from imagecards.opsml.versions import exact_version, next_version, release_of

_log = logging.getLogger("imagecards")


def register(
    interface: ImageDataset,
    *,
    space: str,
    name: str,
    version: str | Version | None = None,
    bump: Bump = "minor",
    tags: Sequence[str] = (),
) -> Any:
    """Register a dataset in opsml, where the environment says that it is.

    However many processes do so at once, each gets a version of its own, whose card can be loaded. Where it fails,
    opsml is left without a card of it.

    Args:
        interface: The dataset.
        space: The card's space.
        name: Its name.
        version: An exact version; by default the one after the highest.
        bump: Which number of the highest version to raise; the first version is 0.1.0.
        tags: Tags beside those that the dataset is found by.

    Returns:
        opsml's ``DataCard`` as it was registered.

    Raises:
        InvalidMetadataError: The dataset breaks rules; ``.issues`` has all of it, and opsml was not called.
        InvalidInputError: An argument is not valid.
        VersionConflictError: ``version`` is there already.
        StorageError: opsml failed, or others hold the version.
        IntegrityError: Somebody registered the same version by opsml's own ways meanwhile, and destroyed this one.
        MissingDependencyError: opsml is not installed.
    """
    if not isinstance(interface, ImageDataset):
        message = f"register takes an imagecards.opsml.ImageDataset, not {type(interface).__name__}"
        raise InvalidInputError(f"{message}: ImageDataset(image_dir=...) or ImageDataset.from_card(...)")
    check_place(space, name)
    if name.startswith(CLAIM):
        raise InvalidInputError(f"{name!r} could be a claim on a version, which {CLAIM!r} begins: choose another name")
    wanted = None if version is None else exact_version(version)
    next_version((), bump)
    if isinstance(tags, str):
        raise InvalidInputError(f"tags= is a list of tags: write [{tags!r}]")
    own = [check_tag(tag) for tag in tags]
    interface.prepare()
    labels = list(dict.fromkeys([*interface.tags, *own]))

    def choose(cards: set[str], claimed: set[str]) -> str:
        if wanted is None:
            return next_version(cards | claimed, bump)
        same = [card for card in cards if str(release_of(card)) == wanted]
        if same:
            rows = host.rows(space=space, name=name)
            there = ", ".join(row.uid if row.version == wanted else str(row) for row in rows if row.version in same)
            message = f"{space}/{name} {wanted} is there already ({there}): take another version, or none"
            raise VersionConflictError(message)
        return wanted

    def register_as(version: str) -> Any:
        return _register(interface, space, name, version, labels)

    made = register_claimed(space, name, choose, register_as)
    _clear_dead(space, name)  # now it is certain that opsml's storage answers
    return made


def _register(interface: ImageDataset, space: str, name: str, version: str, tags: Sequence[str]) -> Any:
    """Register a card under a version that is claimed; ``None`` where opsml took another version for it."""
    interface.failure = None
    before = {row.uid for row in host.rows(space=space, name=name)}
    try:
        made = host.register_card(interface, space=space, name=name, version=version, tags=tags, use="claimed")
    except BaseException:
        _clear_failed(space, name, version, tags, before)
        if interface.failure is not None:
            raise interface.failure from None  # of which opsml made a text
        raise
    twins = [row for row in host.rows(space=space, name=name) if row.version == made.version]
    if made.version != version and [row.uid for row in twins] == [made.uid]:
        host.delete(twins[0])  # somebody took the version by opsml's own ways, and nobody has claimed this one
        return None
    if len(twins) > 1:
        _judge(made, twins)
    return host.load_card(made.uid, interface=ImageDataset)


def _judge(made: Any, twins: Sequence[Row]) -> None:
    """Somebody took the same version without a claim: see who is left."""
    alive = [row.uid for row in survivors(twins)]
    others = ", ".join(row.uid for row in twins if row.uid != made.uid)
    what = f"{made.space}/{made.name} {made.version} is there twice: it was registered by opsml's own ways meanwhile"
    if made.uid not in alive:
        message = f"{what}, which destroyed this card ({made.uid}) and left {others}; register it again"
        raise IntegrityError(message, made.uid, made.uid, others)
    _log.warning("%s (%s), and %s can't be loaded any more: load(uid=%r) is this one", what, others, others, made.uid)


def _clear_failed(space: str, name: str, version: str, tags: Sequence[str], before: set[str]) -> None:
    """Take out the row that a panic of opsml leaves: while the claim holds, it is nobody else's."""
    try:
        rows = [row for row in host.rows(space=space, name=name) if row.version == version and row.uid not in before]
        if len(rows) == 1 and set(rows[0].tags) == set(tags) and state_of(rows[0]) != "whole":
            host.delete(rows[0])
    except ImageCardsError as error:
        _log.warning("a row of %s/%s %s that has no files may stay in opsml: %s", space, name, version, error)


def _clear_dead(space: str, name: str) -> None:
    """Take out what killed registrations left, when they are long dead: never what may be a card."""
    for claim, left in dead_claims(space, name):
        try:
            states = [state_of(row) for row in left]
            if states == ["unfinished"] == [state_of(left[0])]:  # S3 does not tell what is missing from a hiccup
                host.delete(left[0])
                _log.warning("%s was never finished, and is taken out of opsml", left[0])
            if set(states) <= {"unfinished", "whole"}:
                host.delete(claim)
        except ImageCardsError as error:
            _log.warning("what a killed registration of %s/%s left stays in opsml: %s", space, name, error)
