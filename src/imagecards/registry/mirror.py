"""Mirroring: the same versions in another registry."""

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from imagecards.cards import CardName
from imagecards.registry import lookup
from imagecards.registry.auditor import Auditor
from imagecards.registry.catalogue import AnyReference
from imagecards.storage import Store

if TYPE_CHECKING:  # looking up a card must not wait for the imports of copying
    from imagecards.registry.copied import Copied
    from imagecards.registry.copying import Copying
    from imagecards.registry.request import Viewer
    from imagecards.registry.sync import Synced


class Mirror(Auditor):
    """A registry whose versions can be copied into others; `imagecards.CardRegistry` can be written to, too."""

    _viewer: "Viewer" = "sample"
    _making: Mapping[str, bool] = MappingProxyType({})  # how a registry is made where none is

    def copy(
        self,
        reference: AnyReference,
        to: "str | os.PathLike[str] | Store | Mirror",
        *,
        parents: bool = False,
        withdrawn: bool = False,
    ) -> "Copied":
        """Copy a version into another registry: the same card, bytes and digests, with the artifacts attached to it.

        Only what is missing there is sent, so a copy that was interrupted goes on where it stopped. The version appears
        there once everything is complete. Tags and uses stay here.

        Args:
            reference: Which version.
            to: The other registry, or where it is; an empty place becomes one.
            parents: Copy the versions that it was made from, and theirs, too. Otherwise those that the other registry
                does not have are left out, and told of.
            withdrawn: Whether an exact version may be withdrawn. Its card and its tombstone are copied then, and no
                data.

        Raises:
            NotFoundError: Nothing matches, or the version was withdrawn.
            VersionConflictError: The version is there with other content, or was withdrawn there.
            AlreadyExistsError: An attached artifact is there with other content; the version was copied.
            IntegrityError: A file has other bytes than the card names: the version was not copied.
            CommitUnknownError: The storage gave no clear answer: copy it again.
        """
        from imagecards.registry.copying import told_of

        with told_of(self.store):
            card = self._load_any(reference) if withdrawn else self.load(reference)
        done = self._copying(to).copy(card, parents=parents)
        done.raise_failed()
        return done

    def sync(
        self,
        name: str | CardName,
        to: "str | os.PathLike[str] | Store | Mirror",
        *,
        parents: bool = False,
    ) -> "Synced":
        """Copy all versions of a name into another registry, with attached artifacts, withdrawals and tags.

        Nothing that the other registry says by itself is replaced: a version with other content, one that was withdrawn
        there, a tag that was moved there stay as they are, and are among the ``.conflicts``.

        Args:
            name: ``space/name``.
            to: As in `copy`.
            parents: See there.

        Raises:
            NotFoundError: Nothing is registered under that name.
            ImageCardsError: Something could not be copied; says what, and what was.
        """
        from imagecards.registry.sync import sync_name

        lookup.check_registry(self.store)
        parsed = CardName.parse(str(name))
        if not lookup.all_versions(self.store, parsed):
            raise lookup.nothing_there(self.store, parsed)
        return sync_name(self._copying(to), parsed, parents=parents)

    def _copying(self, to: "str | os.PathLike[str] | Store | Mirror") -> "Copying":
        from imagecards.registry.copying import Copying

        other = to if isinstance(to, Mirror) else Mirror(to)
        return Copying(self.store, other.store, other._making, other._viewer)
