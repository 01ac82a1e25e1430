"""Copying: a version in another registry, with the same card, the same bytes and the same digests."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from imagecards.cards import Absence, CardName, CardRef, DataCard, StoredFile
from imagecards.errors import (
    FormatError,
    ImageCardsError,
    IntegrityError,
    InvalidInputError,
    NotFoundError,
    ReadOnlyError,
    StorageError,
    VersionConflictError,
    retold,
)
from imagecards.registry import keys, lookup
from imagecards.registry.arriving import Announcement, clear_arrivals
from imagecards.registry.attachments import Attachment, find_attachments
from imagecards.registry.commit import commit
from imagecards.registry.files import stored_sizes
from imagecards.registry.register import ensure_registry
from imagecards.registry.transfer import confirm_files, missing_files, send_files
from imagecards.storage import Store

_RECENT = 20


@dataclass(frozen=True)
class Copied:
    """What became of a version that was copied.

    Attributes:
        card: Its card, the same in both registries.
        created: Whether the other registry did not have the version before.
        files: How many files were sent.
        size: Their bytes.
        artifacts: The artifacts attached to it that came along, or were there.
        withdrawn: Whether it is withdrawn: then its card and its tombstone were copied, and no data.
        left_out: The parents that the other registry does not have.
        parents: What became of its parents, and theirs, where they were to be copied too.
        failed: Why artifacts attached to it are not with it there, by name.
    """

    card: DataCard
    created: bool = False
    files: int = 0
    size: int = 0
    artifacts: tuple[str, ...] = ()
    withdrawn: bool = False
    left_out: tuple[CardRef, ...] = ()
    parents: tuple["Copied", ...] = ()
    failed: Mapping[str, ImageCardsError] = field(default_factory=dict)

    def raise_failed(self) -> None:
        """Raise what kept an attached artifact from coming along.

        Raises:
            ImageCardsError: Of the type of the first failure; says that the version was copied.
        """
        for copied in (self, *self.parents):
            for name, error in copied.failed.items():
                more = f"; nor {', '.join(list(copied.failed)[1:])}" if len(copied.failed) > 1 else ""
                message = f"{copied.card.ref} was copied, and its artifact {name} was not: {error}{more}"
                raise retold(error, message) from error


@dataclass
class Copying:
    """Copies versions from one registry into another.

    Args:
        source: Where they are.
        target: Where they shall be; an empty place is made a registry.
        allow_unsafe_store: Whether that may be in a store that replaces what is there.

    Raises:
        InvalidInputError: Both are the same, or what is at the target is no registry.
    """

    source: Store
    target: Store
    allow_unsafe_store: bool = False
    _named: dict[str, StoredFile] = field(default_factory=dict)  # by cards of the target, as far as was looked
    _looked: set[CardName] = field(default_factory=set)

    def __post_init__(self) -> None:
        if self.source is self.target or _place(self.source) == _place(self.target):
            raise InvalidInputError(f"{self.source.url} is both where to copy from and where to: name another registry")
        lookup.check_registry(self.source)
        ensure_registry(self.target, allow_unsafe_store=self.allow_unsafe_store)

    def copy(self, card: DataCard, *, parents: bool = False) -> Copied:
        """Copy a version of the source, and with it the artifacts that were attached to it.

        Args:
            card: Its card.
            parents: Whether to copy its parents, and theirs, before it.

        Returns:
            What became of it; attached artifacts that could not be copied are among that, and not raised.

        Raises:
            VersionConflictError: The version is there with other content, or was withdrawn there.
            IntegrityError: A file has other bytes than the card names: the version was not copied.
            FormatError: A newer imagecards wrote the card.
            CommitUnknownError: The storage gave no clear answer: copy it again.
        """
        before = tuple(self._copy(ancestor) for ancestor in self._ancestors(card)) if parents else ()
        return replace(self._copy(card), parents=before)

    def _ancestors(self, card: DataCard) -> Iterator[DataCard]:
        """The parents that the source has, and theirs, each after its own parents."""
        seen, stack = {card.ref}, [(card, iter(card.parents))]
        while stack:
            child, rest = stack[-1]
            parent = next(rest, None)
            if parent is None:
                stack.pop()
                if stack:
                    yield child
            elif parent.ref not in seen:
                seen.add(parent.ref)
                with suppress(NotFoundError):  # it is left out
                    found = lookup.read_card(self.source, parent.ref)
                    if found.digest == parent.digest:
                        stack.append((found, iter(found.parents)))

    def _copy(self, card: DataCard) -> Copied:
        unknown = card.unknown_fields()
        if unknown:
            message = f"{card.ref} has {unknown[0][0]!r}, which a newer imagecards wrote: upgrade to copy it"
            raise FormatError(message)
        there = self._is_there(card)
        left_out = self._check_parents(card)
        if lookup.tombstone(self.source, card.ref) is not None:
            return self._copy_withdrawn(card, there, left_out)
        tomb = lookup.tombstone(self.target, card.ref)
        if tomb is not None:
            message = (
                f"{card.ref} was withdrawn in {self.target.url} ({tomb.reason or 'no reason was given'}), and a "
                "withdrawn number is never used again: register the data there under another number"
            )
            raise VersionConflictError(message)
        attachments, failed = find_attachments(self.source, self.target, card)
        done = self._copy_live(card, there, attachments, failed)
        if not there:
            self._is_present(card.ref)
        return replace(done, left_out=left_out, failed=failed)

    def _is_there(self, card: DataCard) -> bool:
        """Whether the target has the same card.

        Raises:
            VersionConflictError: It has another one of that version.
        """
        key = keys.card(card.ref)
        try:
            there = self.target.get(key)
        except NotFoundError:
            return False
        self._check_same(card, there)
        return True

    def _check_same(self, card: DataCard, there: bytes) -> None:
        if there != card.to_json():
            place = f"{self.target.url}/{keys.card(card.ref)}"
            other = DataCard.from_json(there, place=place)
            message = (
                f"{card.ref} is registered in {self.target.url} with another card ({other.digest}, here it is "
                f"{card.digest}): versions are immutable; register the data there under another number or name"
            )
            raise VersionConflictError(message)

    def _check_parents(self, card: DataCard) -> tuple[CardRef, ...]:
        """The parents that the target does not have.

        Raises:
            VersionConflictError: It has another card in the place of one.
        """
        left_out = []
        for parent in card.parents:
            try:
                there = lookup.read_card(self.target, parent.ref)
            except NotFoundError:
                left_out.append(parent.ref)
                continue
            if there.digest != parent.digest:
                message = (
                    f"{card.ref} was made from {parent.ref} ({parent.digest}), and {self.target.url} has another card "
                    f"of that version ({there.digest}): copy it into another registry"
                )
                raise VersionConflictError(message)
        return tuple(left_out)

    def _copy_withdrawn(self, card: DataCard, there: bool, left_out: tuple[CardRef, ...]) -> Copied:
        """The tombstone and the card, in that order: a version without its data is never seen as one that is live."""
        key = keys.tomb(card.ref)
        if lookup.tombstone(self.target, card.ref) is None:
            commit(self.target, key, self.source.get(key), ask=f"copy {card.ref} again")
        if not there:
            self._commit_card(card, left_out)
            self._is_present(card.ref)
        return Copied(card, created=not there, withdrawn=True, left_out=left_out)

    def _copy_live(
        self, card: DataCard, there: bool, attachments: list[Attachment], failed: dict[str, ImageCardsError]
    ) -> Copied:
        files = {stored.key: stored for stored in card.files()}
        extra = {stored.key: stored for each in attachments for stored in each.files if stored.key not in files}
        names = tuple(each.name for each in attachments)
        if there:
            self._remember(files.values())
        self._remember(stored for each in attachments if each.there for stored in each.files)
        everything = [*files.values(), *extra.values()]
        if there and all(each.there for each in attachments) and not missing_files(self.target, everything):
            self._settle(card, attachments)
            clear_arrivals(self.target, card.pin, [*files, *extra])
            return Copied(card, artifacts=names)
        announcement = Announcement(self.target, card.pin, [*files, *extra])
        try:
            sent = self._send(announcement, list(files.values()))
            announcement.check_age()
            self._commit_card(card, () if there else self._check_parents(card))
        except VersionConflictError:
            announcement.revoke()
            raise
        self._remember(files.values())
        for each in attachments:
            try:
                sent += self._send(announcement, [stored for stored in each.files if stored.key not in files])
                announcement.check_age()
                each.commit(self.target)
            except StorageError:
                raise
            except ImageCardsError as error:
                failed[each.name] = error
        if not failed:
            announcement.finish()
        done = tuple(name for name in names if name not in failed)
        return Copied(card, not there, len(sent), sum(stored.size for stored in sent), done)

    def _send(self, announcement: Announcement, files: list[StoredFile]) -> list[StoredFile]:
        """Send what is missing, and see that all is there."""
        missing = missing_files(self.target, files)
        absent = {stored.key for stored in missing}
        left = [stored for stored in files if stored.key not in absent and not self._is_named(stored)]
        confirm_files(self.source, self.target, left)
        send_files(self.source, self.target, missing, announcement.check_age)
        sizes = stored_sizes(self.target, files)
        lost = next((stored for stored in files if sizes[stored.key] != stored.size), None)
        if lost is not None:
            message = f"{lost.key} is not in {self.target.url}, where it was just put: nothing was copied; try again"
            raise StorageError(message)
        return missing

    def _is_named(self, stored: StoredFile) -> bool:
        """Whether a card in the target names a file, as far as is known; the recent versions of its name are read.

        Raises:
            IntegrityError: It does, with another digest.
        """
        if stored.key not in self._named:
            name = CardName(*stored.key.split("/")[1:3])
            if name not in self._looked:
                self._looked.add(name)
                for version in lookup.all_versions(self.target, name)[-_RECENT:]:
                    with suppress(IntegrityError, FormatError):
                        self._remember(lookup.read_card(self.target, CardRef(name, version)).files())
        known = self._named.get(stored.key)
        if known is not None and known != stored:
            message = (
                f"{stored.key} is in {self.target.url} with other bytes ({known.digest}) than in {self.source.url} "
                f"({stored.digest}): one of the two registries was tampered with; see what verify --deep says of each"
            )
            raise IntegrityError(message, stored.key, stored.digest, known.digest)
        return known is not None

    def _remember(self, files: Iterable[StoredFile]) -> None:
        self._named.update((stored.key, stored) for stored in files)

    def _commit_card(self, card: DataCard, left_out: tuple[CardRef, ...]) -> None:
        for parent in left_out:
            body = Absence(card=CardRef(parent.name, parent.version)).to_json()
            commit(self.target, keys.absence(parent), body, ask=f"copy {card.ref} again")
        key = keys.card(card.ref)
        self._check_same(card, commit(self.target, key, card.to_json(), ask=f"copy {card.ref} again"))

    def _is_present(self, ref: CardRef) -> None:
        """Take away what says that a version was left out, now that it is there."""
        key = keys.absence(ref)
        with suppress(ImageCardsError):
            if self.target.stat(key) is not None:
                self.target.delete([key])

    def _settle(self, card: DataCard, attachments: list[Attachment]) -> None:
        """See that documents which are there are durable: whoever put them may have died before they were."""
        if self.target.remote:
            return
        with suppress(ReadOnlyError):  # then whoever can write there has seen to it
            self._commit_card(card, ())
            for each in attachments:
                each.commit(self.target)


def _place(store: Store) -> str:
    """Where a store is, with links followed."""
    return store.url if "://" in store.url else os.path.realpath(store.url)
