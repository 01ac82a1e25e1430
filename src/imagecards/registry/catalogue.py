"""Looking up: from references to cards, and to the data that they pin."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from imagecards.cards import Artifact, CardName, CardRef, DataCard, Reference, Version, parse_reference
from imagecards.errors import InvalidInputError
from imagecards.registry import lookup
from imagecards.storage import Store, open_store

if TYPE_CHECKING:  # looking up a card must not wait for the imports of packing and reading
    import polars as pl

    from imagecards.datasets import ImageDataset, TableDataset
    from imagecards.registry.artifacts import StoredArtifact
    from imagecards.registry.pins import Lock

AnyReference = str | CardRef | DataCard
"""What names a version: ``"space/name@^1.2"``, an exact reference, or a card."""


class Catalogue:
    """What can be looked up in a registry; `imagecards.CardRegistry` is one that can be audited and written to, too.

    Args:
        url: A folder, or a store of another kind; by default ``$IMAGECARDS_REGISTRY``, else ``.imagecards`` in the
            working directory.
    """

    def __init__(self, url: str | os.PathLike[str] | Store | None = None) -> None:
        place = url or os.environ.get("IMAGECARDS_REGISTRY") or ".imagecards"
        self.store: Store = place if isinstance(place, Store) else open_store(place)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.store.url!r})"

    @property
    def url(self) -> str:
        """Where the registry is."""
        return self.store.url

    def load(self, reference: AnyReference, *, lock: "Lock | str | os.PathLike[str] | None" = None) -> DataCard:
        """The card that a reference means, alone: one small read.

        Args:
            reference: Which version.
            lock: A lock file; the reference then means what it is pinned to there, and nothing else.

        Raises:
            NotFoundError: Nothing matches, here or in the lock; says what there is.
            IntegrityError: The card is damaged, or not the one that the reference or the lock pins.
        """
        parsed = self._parse(reference)
        lookup.check_registry(self.store)
        if lock is not None:
            from imagecards.registry.pins import Lock

            pin = (lock if isinstance(lock, Lock) else Lock.read(lock)).find(parsed)
            parsed = parse_reference(str(pin))
        return lookup.read_card(self.store, lookup.resolve_reference(self.store, parsed))

    def open(
        self, reference: AnyReference, *, lock: "Lock | str | os.PathLike[str] | None" = None
    ) -> "ImageDataset | TableDataset":
        """The dataset of a version; its images are read when they are asked for.

        Where ``$IMAGECARDS_USED_BY`` names a training job, its use of the version is recorded.

        Args:
            reference: Which version.
            lock: As in `load`.

        Raises:
            NotFoundError: Nothing matches.
            IntegrityError: Stored bytes are not those that were registered.
        """
        from imagecards.registry.uses import record_user_of_environment

        card = self.load(reference, lock=lock)
        record_user_of_environment(self.store, card)
        if card.kind == "table":
            from imagecards.registry.tables import open_table

            return open_table(self.store, card)
        from imagecards.registry.opening import open_images

        return open_images(self.store, card)

    def fetch(self, reference: AnyReference, to: str | os.PathLike[str]) -> Path:
        """Write a version's files into a new folder, as they were registered.

        Args:
            reference: Which version.
            to: The folder; it must not exist, or be empty. It appears whole or not at all.

        Returns:
            The folder.

        Raises:
            AlreadyExistsError: There is something in the folder already.
            IntegrityError: Stored bytes are not those that were registered.
        """
        from imagecards.registry.fetch import fetch_images, fetch_table

        card = self.load(reference)
        (fetch_table if card.kind == "table" else fetch_images)(self.store, card, to)
        return Path(to)

    def versions(self, name: str | CardName, *, withdrawn: bool = False) -> list[Version]:
        """The versions of a name in ascending order: every number that is registered, damaged cards included.

        Cards are not read for it. That a version is listed says that it was registered; whether it can still be read,
        `load` and `verify` tell.

        Args:
            name: ``space/name``.
            withdrawn: Whether to list withdrawn ones too.

        Raises:
            NotFoundError: Nothing is registered under that name.
        """
        lookup.check_registry(self.store)
        parsed = CardName.parse(str(name))
        versions = (lookup.all_versions if withdrawn else lookup.live_versions)(self.store, parsed)
        if not versions:
            raise lookup.nothing_there(self.store, parsed)
        return versions

    def list(self) -> "pl.DataFrame":
        """One row for each name: its latest version, counts, tags.

        A damaged card is of the kind ``damaged`` and says in its description what is wrong; a tag that can't be read
        is listed as ``"prod (damaged)"``.
        """
        from imagecards.registry.listing import list_cards

        lookup.check_registry(self.store)
        return list_cards(self.store)

    def tags(self, name: str | CardName) -> dict[str, Version]:
        """Which version each tag of a name stands for.

        Raises:
            IntegrityError: A tag is damaged; ``load("space/name@tag")`` still reads each of the others.
        """
        lookup.check_registry(self.store)
        return lookup.current_tags(self.store, CardName.parse(str(name)))

    def artifact(self, reference: AnyReference, name: str) -> "StoredArtifact":
        """An artifact of a version, to be read or fetched.

        Raises:
            NotFoundError: The version has none of that name.
            IntegrityError: What says so is damaged; that another artifact is, does not matter.
        """
        from imagecards.registry.artifacts import open_artifact

        return open_artifact(self.store, self.load(reference), name)

    def artifacts(self, reference: AnyReference) -> dict[str, Artifact]:
        """The artifacts of a version, by name: those of its registration and those attached later.

        Raises:
            IntegrityError: One is damaged; ``artifact`` still reads each of the others.
        """
        from imagecards.registry.artifacts import all_artifacts

        return all_artifacts(self.store, self.load(reference))

    def resolve(self, attempt: str) -> DataCard | None:
        """What became of an attempt whose registration ended in `CommitUnknownError`.

        Args:
            attempt: The error's ``.attempt``.

        Returns:
            The card that it committed, or ``None`` where it has not committed (as of now).
        """
        lookup.check_registry(self.store)
        return lookup.find_attempt(self.store, attempt)

    def _load_any(self, reference: AnyReference) -> DataCard:
        """The card that a reference means; an exact one may be withdrawn, since that is when its lineage matters."""
        parsed = self._parse(reference)
        if parsed.spec.exact is None:
            return self.load(reference)
        lookup.check_registry(self.store)
        return lookup.read_card(self.store, CardRef(parsed.name, parsed.spec.exact, parsed.digest))

    def _parse(self, reference: AnyReference) -> Reference:
        """What is meant; a card means itself, and no other card of the same name and version."""
        check_kind(reference)
        return parse_reference(str(reference.pin if isinstance(reference, DataCard) else reference))


def check_kind(reference: object) -> None:
    """See that what is to name a version is of a type that can.

    Raises:
        InvalidInputError: It is not.
    """
    if not isinstance(reference, str | CardRef | DataCard):
        message = f"a reference is text such as 'space/name@^1', or a card, not {type(reference).__name__}"
        raise InvalidInputError(message)
