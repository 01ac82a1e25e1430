"""Copying: a version in another registry, with the same card, the same bytes and the same digests."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

from imagecards.cards import Absence, CardRef, DataCard, StoredFile
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
from imagecards.registry.copied import Copied
from imagecards.registry.files import stored_sizes
from imagecards.registry.named_files import NamedFiles
from imagecards.registry.register import ensure_registry, label_version
from imagecards.registry.request import Viewer
from imagecards.registry.showing import showing, showing_without
from imagecards.registry.transfer import confirm_files, missing_files, send_files
from imagecards.storage import Store
from imagecards.storage.pages import Pages


@dataclass
class Copying:
    """Copies versions from one registry into another.

    Args:
        source: Where they are.
        target: Where they shall be; an empty place is made a registry.
        making: How that is done: arguments of `imagecards.registry.register.ensure_registry`.
        viewer: How much of the images people can look at in a browser, where the target shows any.

    Raises:
        InvalidInputError: Both are the same, one lies in the other, or what is at the target is no registry.
    """

    source: Store
    target: Store
    making: Mapping[str, bool] = field(default_factory=dict)
    viewer: Viewer = "sample"

    def __post_init__(self) -> None:
        self._named = NamedFiles(self.target)
        here, there = _place(self.source), _place(self.target)
        if self.source is self.target or here == there:
            raise InvalidInputError(f"{self.source.url} is both where to copy from and where to: name another registry")
        if here.startswith(f"{there}/") or there.startswith(f"{here}/"):
            message = f"one of {self.source.url} and {self.target.url} lies in the other: put the copy beside it"
            raise InvalidInputError(message)
        with told_of(self.source):
            lookup.check_registry(self.source)
        with told_of(self.target):
            ensure_registry(self.target, **self.making)

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
        ancestors = self._ancestors(card) if parents else ()
        before = tuple(self._copy(each) for each in ancestors if not self._is_withdrawn_there(each))
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
                    with told_of(self.source):
                        found = lookup.read_card(self.source, parent.ref)
                    if found.digest == parent.digest:
                        stack.append((found, iter(found.parents)))

    def _is_withdrawn_there(self, card: DataCard) -> bool:
        """Whether the target has a version, withdrawn: for those made from it that is enough."""
        return lookup.tombstone(self.target, card.ref) is not None and self._is_there(card)

    def _copy(self, card: DataCard) -> Copied:
        unknown = card.unknown_fields()
        if unknown:
            message = f"{card.ref} has {unknown[0][0]!r}, which a newer imagecards wrote: upgrade to copy it"
            raise FormatError(message)
        with told_of(self.target):
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
            with showing_without(self.target, card.ref) as pages:
                commit(self.target, key, self.source.get(key), ask=f"copy {card.ref} again", pages=pages)
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
            self._named.add(files.values())
        self._named.add(stored for each in attachments if each.there for stored in each.files)
        everything = [*files.values(), *extra.values()]
        if there and all(each.there for each in attachments) and not missing_files(self.target, everything):
            self._settle(card, attachments)
            clear_arrivals(self.target, card.pin, [*files, *extra])
            return Copied(card, artifacts=names)
        announcement = Announcement(self.target, card.pin, [*files, *extra])
        try:
            sent = self._send(announcement, list(files.values()))
            announcement.check_age()
            if there:
                self._commit_card(card, ())
            else:
                self._commit_shown(card, self._check_parents(card))
        except VersionConflictError:
            announcement.revoke()
            raise
        self._named.add(files.values())
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
        left = [stored for stored in files if stored.key not in absent and not self._named.includes(stored)]
        confirm_files(self.source, self.target, left)
        send_files(self.source, self.target, missing, announcement.check_age)
        sizes = stored_sizes(self.target, files)
        lost = next((stored for stored in files if sizes[stored.key] != stored.size), None)
        if lost is not None:
            message = f"{lost.key} is not in {self.target.url}, where it was just put: nothing was copied; try again"
            raise StorageError(message)
        return missing

    def _commit_shown(self, card: DataCard, left_out: tuple[CardRef, ...]) -> None:
        """Commit a card, and with it what the target shows of the newest version of a name."""
        if not self.target.shows:
            self._commit_card(card, left_out)
            return
        there = lookup.live_versions(self.target, card.name)
        if lookup.latest_version([*there, card.version]) == card.version:
            with showing(self.target, card, self.viewer, source=self.source) as pages:
                self._commit_card(card, left_out, pages)
        else:
            self._commit_card(card, left_out)
        label_version(self.target, card)

    def _commit_card(self, card: DataCard, left_out: tuple[CardRef, ...], pages: Pages | None = None) -> None:
        for parent in left_out:
            body = Absence(card=CardRef(parent.name, parent.version)).to_json()
            commit(self.target, keys.absence(parent), body, ask=f"copy {card.ref} again")
        key = keys.card(card.ref)
        self._check_same(card, commit(self.target, key, card.to_json(), ask=f"copy {card.ref} again", pages=pages))

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


@contextmanager
def told_of(store: Store) -> Iterator[None]:
    """Say of what is damaged, or of a newer format, in which of the two registries it is."""
    try:
        yield
    except (IntegrityError, FormatError) as error:
        if store.url in str(error):
            raise
        raise retold(error, f"in {store.url}: {error}") from error


def _place(store: Store) -> str:
    """Where a store is, with links followed."""
    return store.url if "://" in store.url else os.path.realpath(store.url)
