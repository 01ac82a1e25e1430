"""Auditing: what changed, what was made from what, who uses it, and whether the bytes are still those."""

import os
from collections.abc import Mapping
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, Literal

from imagecards.cards import Use
from imagecards.registry import lookup
from imagecards.registry.catalogue import AnyReference, Catalogue

if TYPE_CHECKING:
    from imagecards.datasets import Diff
    from imagecards.registry.impact import Impact
    from imagecards.registry.pins import Lock
    from imagecards.registry.rendering import Lineage
    from imagecards.registry.replay import Replay
    from imagecards.registry.verify import Verification


class Auditor(Catalogue):
    """What can be asked of a registry beside looking things up; `imagecards.CardRegistry` can be written to, too."""

    def diff(self, old: AnyReference, new: AnyReference, *, registry: Catalogue | None = None) -> "Diff":
        """What changed between two versions, from images down to single objects.

        Args:
            old: The older version, in this registry.
            new: The newer version; of the same name or another.
            registry: Where the newer version is; by default here.

        Raises:
            InvalidInputError: One of them is a table.
            IntegrityError: Records are missing or damaged.
        """
        from imagecards.registry.difference import diff_cards

        other = registry or self
        return diff_cards(self.store, self.load(old), other.store, other.load(new))

    def lineage(
        self,
        reference: AnyReference,
        *,
        direction: Literal["ancestors", "descendants", "both"] = "both",
        depth: int | None = None,
    ) -> "Lineage":
        """What a version was made from and how, what was made from it, and who uses it.

        Args:
            reference: Which version; an exact one may be withdrawn.
            direction: Which way to look.
            depth: How many generations; all of them by default.

        Returns:
            The graph; parents that are withdrawn, missing or replaced are among its ``.problems``.
        """
        from imagecards.registry.lineage import draw_lineage

        return draw_lineage(self.store, self._load_any(reference), direction, depth)

    def replay(self, reference: AnyReference, *, executor: Executor | None = None) -> "Replay":
        """Make a derived version again from its pinned parents, and hold it against what was registered.

        Nothing is stored. Artifacts that were written from the version (``attach(format=...)``) are written again, too.

        Args:
            reference: Which version; an exact one may be withdrawn.
            executor: Where to write artifacts.

        Returns:
            Whether the digests are the same, and what differs, record by record. Damage is reported, not raised.

        Raises:
            InvalidInputError: There is nothing to make again.
        """
        from imagecards.registry.replay import replay

        return replay(self.store, self._load_any(reference), executor)

    def impact(self, image: str) -> "Impact":
        """Which versions, splits and uses have an image.

        Args:
            image: Its file name, or the sha256 of its bytes.
        """
        from imagecards.registry.impact import find_image

        lookup.check_registry(self.store)
        return find_image(self.store, image)

    def uses(self, reference: AnyReference) -> tuple[Use, ...]:
        """Who used a version, in the order in which it was recorded.

        Args:
            reference: Which version; an exact one may be withdrawn.
        """
        from imagecards.registry.uses import read_uses

        return tuple(read_uses(self.store, self._load_any(reference)))

    def record_use(
        self, reference: AnyReference, by: str, *, run: str | None = None, metadata: Mapping[str, Any] | None = None
    ) -> Use:
        """Record that something used a version: ``by="model/unet@3"``. The same use, recorded again, is one.

        Args:
            reference: Which version.
            by: Who or what used it.
            run: Which run of it. Kept as ``run``, and beside it as ``code`` the revision of the code that runs: the
                commit of the git repository of the working directory, and whether files differ from it.
            metadata: Anything else, as JSON.

        Raises:
            InvalidInputError: ``by`` or the metadata can't be kept.
        """
        from imagecards.registry.circumstances import code_revision
        from imagecards.registry.uses import record_use

        ran = {} if run is None else {"run": run, "code": code_revision()}
        return record_use(self.store, self.load(reference), by, {**ran, **(metadata or {})})

    def lock(self, *references: str, path: str | os.PathLike[str] = "imagecards.lock") -> "Lock":
        """Pin references to the cards that they mean now, in a file that `load` and `open` take as ``lock=``.

        Args:
            references: As a job has them: ``"vision/flakes@^1"``.
            path: The file; one that is there is replaced.

        Raises:
            NotFoundError: One matches nothing.
            StorageError: The file can't be written.
        """
        from imagecards.registry.pins import Lock

        lookup.check_registry(self.store)
        made = Lock.make(self.store, references)
        made.write(path)
        return made

    def verify(self, reference: AnyReference | None = None, *, deep: bool = False) -> "Verification":
        """Whether the bytes are still those that were registered.

        Args:
            reference: One version; by default the whole registry.
            deep: Read every byte, rather than compare presence and sizes.

        Returns:
            Every problem that was found, each with its file, image and version. Damage is reported, not raised.
        """
        from imagecards.registry.verify import verify_reference, verify_registry

        self.store.close()  # what another process replaced must not be read from a file that is still open here
        if reference is None:
            return verify_registry(self.store, deep=deep)
        return verify_reference(self.store, self._parse(reference), deep=deep)
