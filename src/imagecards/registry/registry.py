"""CardRegistry: where cards meet storage."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from imagecards.cards import Artifact, CardName, CardRef, DataCard, Reference, Tag, Use, Version, parse_reference
from imagecards.errors import InvalidInputError
from imagecards.registry import lookup, tags
from imagecards.storage import Store, open_store

if TYPE_CHECKING:  # looking up a card must not wait for the imports of packing and reading
    import numpy as np
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from imagecards.datasets import Diff, ImageDataset, Step, TableDataset
    from imagecards.registry.artifacts import StoredArtifact
    from imagecards.registry.gc import Garbage
    from imagecards.registry.graph import Lineage
    from imagecards.registry.impact import Impact
    from imagecards.registry.pins import Lock
    from imagecards.registry.replay import Replay
    from imagecards.registry.verify import Verification

    Data: TypeAlias = ImageDataset | TableDataset | pl.DataFrame | pd.DataFrame | pa.Table | np.ndarray[Any, Any]

AnyReference = str | CardRef | DataCard
"""What names a version: ``"space/name@^1.2"``, an exact reference, or a card."""


class CardRegistry:
    """A registry of datasets in a folder or a bucket: versioned, immutable cards and the bytes that they pin.

    Nothing is read or written before the first call. A registry can be used from several threads and processes at once.

    Args:
        url: A folder, ``s3://bucket/folder``, or a store of another kind; by default ``$IMAGECARDS_REGISTRY``, else
            ``.imagecards`` in the working directory.
        allow_unsafe_store: Whether a registry may be made in a store that lets a second writer replace what the first
            one wrote. Versions that several people register at once can then be lost.

    Example:
        >>> import imagecards as ic, polars as pl, tempfile
        >>> registry = ic.CardRegistry(tempfile.mkdtemp())
        >>> card = registry.register(pl.DataFrame({"id": [1, 2]}), "astro/sources")
        >>> registry.open("astro/sources@^1").to_polars().height
        2
    """

    def __init__(self, url: str | os.PathLike[str] | Store | None = None, *, allow_unsafe_store: bool = False) -> None:
        place = url or os.environ.get("IMAGECARDS_REGISTRY") or ".imagecards"
        self.store: Store = place if isinstance(place, Store) else open_store(place)
        self._allow_unsafe_store = allow_unsafe_store

    def __repr__(self) -> str:
        return f"CardRegistry({self.store.url!r})"

    @property
    def url(self) -> str:
        """Where the registry is."""
        return self.store.url

    def register(
        self,
        data: "Data",
        name: str | CardName,
        *,
        version: str | Version | None = None,
        bump: Literal["auto", "major", "minor", "patch"] = "auto",
        tags: Sequence[str] = (),
        description: str | None = None,
        license: str | None = None,
        source: str | None = None,
        parents: Sequence[AnyReference] | None = None,
        metadata: Mapping[str, Any] | None = None,
        artifacts: Mapping[str, str | os.PathLike[str]] | None = None,
        executor: Executor | None = None,
        reread: bool = False,
    ) -> DataCard:
        """Register a dataset as a new version of a card.

        Everything is validated first; either the version is complete, or there is none. Data that are those of the
        latest version, with nothing else said anew, make no version: the card that is there is returned.

        Args:
            data: An image dataset, or a table.
            name: ``space/name``.
            version: An exact version; by default the next one.
            bump: Which part of the version to raise; by default what the change since the latest version comes to:
                ``major`` where anything was changed, removed or split anew, ``minor`` where something was added,
                ``patch`` where the same data are described or written anew. The first version is 1.0.0.
            tags: Tags that stand for this version from now on.
            description: What it is, in a few words; like license and source, it holds for later versions until
                something else is said.
            license: An SPDX identifier or a name.
            source: Where it came from.
            parents: The versions that it was made from; they must be in this registry. Like metadata and artifacts,
                they hold until the data change; ``[]`` says that there are none.
            metadata: Anything else, as JSON.
            artifacts: Files or folders to keep beside the card, by name.
            executor: Where to read and pack images: any ``concurrent.futures`` executor; by default threads.
            reread: Read every image, whatever is remembered of it: for files that are changed through a memory map
                or by other means that leave their times as they were.

        Returns:
            The card of the version.

        Raises:
            InvalidMetadataError: The dataset breaks rules; ``.issues`` has all of it, and nothing was stored.
            InvalidInputError: An argument is not valid.
            NotFoundError: A parent is not in this registry.
            VersionConflictError: ``version`` is registered with other content.
            CommitUnknownError: The storage gave no clear answer; ``resolve`` finds out.
            ImageCardsError: The version is registered, and a tag of it could not be set: the message says so.
        """
        from imagecards.registry.register import register
        from imagecards.registry.request import check_list, make_request

        request = make_request(
            name,
            version=version,
            bump=bump,
            tags=tags,
            description=description,
            license=license,
            source=source,
            parents=None if parents is None else [self.load(parent) for parent in check_list(parents, "parents")],
            metadata=metadata,
            artifacts=artifacts,
        )
        return register(self.store, data, request, executor, reread=reread, allow_unsafe_store=self._allow_unsafe_store)

    def derive(
        self,
        parents: "AnyReference | Sequence[AnyReference]",
        steps: "Step | Sequence[Step]",
        name: str | CardName,
        *,
        version: str | Version | None = None,
        bump: Literal["auto", "major", "minor", "patch"] = "auto",
        tags: Sequence[str] = (),
        description: str | None = None,
        license: str | None = None,
        source: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        artifacts: Mapping[str, str | os.PathLike[str]] | None = None,
        executor: Executor | None = None,
    ) -> DataCard:
        """Make a version from others by steps, and register it with all that it takes to make it again.

        Its card names the parents and their digests, the steps with their parameters, the revision of the code and
        the environment. Images that no step changes are not stored again. What comes out as the latest version of the
        name, from the same parents by the same steps, makes no version.

        Args:
            parents: One version; or several, for a first step that joins them.
            steps: Transforms and splits, in the order in which they are applied.
            name: ``space/name`` of the child.
            version: As in `register`, like all that follow.
            bump: See there.
            tags: See there.
            description: See there.
            license: See there.
            source: See there.
            metadata: See there.
            artifacts: See there.
            executor: See there.

        Raises:
            InvalidInputError: A step does not fit the data, or is not registered.
            InvalidMetadataError: A step made records that break the rules.
            NotFoundError: A parent is not in this registry.
            IntegrityError: A parent is damaged.
            VersionConflictError: ``version`` is registered with other content.
            CommitUnknownError: The storage gave no clear answer; ``resolve`` finds out.
        """
        from imagecards.datasets import Step
        from imagecards.registry.derive import derive
        from imagecards.registry.request import make_request

        several = parents if isinstance(parents, Sequence) and not isinstance(parents, str) else [parents]
        cards = [self.load(parent) for parent in several]
        request = make_request(
            name,
            version=version,
            bump=bump,
            tags=tags,
            description=description,
            license=license,
            source=source,
            parents=cards,
            metadata=metadata,
            artifacts=artifacts,
        )
        return derive(self.store, cards, [steps] if isinstance(steps, Step) else list(steps), request, executor)

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
        from imagecards.registry.reading import open_images

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

    def tag(self, reference: AnyReference, *labels: str) -> DataCard:
        """Let tags stand for a version from now on. One that fails keeps no other from it.

        Raises:
            InvalidInputError: A tag is not a valid name.
            NotFoundError: There is no such version.
        """
        checked = [Tag(label) for label in labels]
        card = self.load(reference)
        tags.append_tags(self.store, card.name, checked, card.version)
        return card

    def untag(self, name: str | CardName, *labels: str) -> None:
        """Take tags away; the versions stay. One that fails keeps no other from it.

        Raises:
            InvalidInputError: A tag is not a valid name; none was taken away.
            NotFoundError: There is no such tag; says which ones were taken away.
        """
        lookup.check_registry(self.store)
        checked = [Tag(label) for label in labels]
        tags.append_tags(self.store, CardName.parse(str(name)), checked, None)

    def withdraw(self, reference: AnyReference, reason: str) -> CardRef:
        """Take a version out of every look-up, for good: its number is never used again.

        Its bytes stay until garbage collection, unless other versions need them.

        Args:
            reference: An exact version.
            reason: Why, for those who look for it.

        Raises:
            InvalidInputError: The reference is a range or a tag.
            NotFoundError: There is no such version, or it was withdrawn before.
        """
        from imagecards.registry.withdraw import withdraw_version

        _check_kind(reference)
        lookup.check_registry(self.store)
        if isinstance(reference, str):
            spec = parse_reference(reference).spec
            if spec.exact is None:
                message = f"{reference!r} could mean another version tomorrow: name the exact version to withdraw"
                raise InvalidInputError(message)
            reference = CardRef.parse(reference)
        ref = reference.ref if isinstance(reference, DataCard) else reference
        withdraw_version(self.store, ref, reason)
        return CardRef(ref.name, ref.version)

    def attach(
        self,
        reference: AnyReference,
        name: str,
        path: str | os.PathLike[str] | None = None,
        *,
        format: str | None = None,
        steps: "Step | Sequence[Step]" = (),
        options: Mapping[str, Any] | None = None,
        executor: Executor | None = None,
    ) -> Artifact:
        """Keep a file or folder beside a registered version: immutable, with digests, pinned to its card.

        Args:
            reference: Which version.
            name: What to call the artifact.
            path: The file or folder; or none, and a ``format`` that the version itself is written in, in a way that
                can be replayed.
            format: One of `imagecards.formats.FORMATS`.
            steps: What to do to the version before it is written: ``OnePlan(plan="mskf_2")`` takes one fold.
            options: Those of writing the format.
            executor: Where to write it.

        Raises:
            AlreadyExistsError: An artifact of that name is there, with other content.
            InvalidInputError: Neither a path nor a format is given, or both.
        """
        from imagecards.datasets import Step
        from imagecards.registry.artifacts import attach
        from imagecards.registry.attaching import attach_written

        card = self.load(reference)
        given = [steps] if isinstance(steps, Step) else list(steps)
        if path is not None and format is None and not given and not options:
            return attach(self.store, card, name, path)
        if path is None and format is not None:
            return attach_written(self.store, card, name, format, given, options or {}, executor)
        raise InvalidInputError(
            "give the path of what to attach, or the format= to write the version in, with its steps"
        )

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

    def diff(self, old: AnyReference, new: AnyReference, *, registry: "CardRegistry | None" = None) -> "Diff":
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

    def record_use(self, reference: AnyReference, by: str, *, metadata: Mapping[str, Any] | None = None) -> Use:
        """Record that something used a version: ``by="model/unet@3"``. The same use, recorded again, is one.

        Args:
            reference: Which version.
            by: Who or what used it.
            metadata: Anything else, as JSON.

        Raises:
            InvalidInputError: ``by`` or the metadata can't be kept.
        """
        from imagecards.registry.uses import record_use

        return record_use(self.store, self.load(reference), by, metadata or {})

    def uses(self, reference: AnyReference) -> tuple[Use, ...]:
        """Who used a version, in the order in which it was recorded.

        Args:
            reference: Which version; an exact one may be withdrawn.
        """
        from imagecards.registry.uses import read_uses

        return tuple(read_uses(self.store, self._load_any(reference)))

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

    def resolve(self, attempt: str) -> DataCard | None:
        """What became of an attempt whose registration ended in `CommitUnknownError`.

        Args:
            attempt: The error's ``.attempt``.

        Returns:
            The card that it committed, or ``None`` where it has not committed (as of now).
        """
        lookup.check_registry(self.store)
        return lookup.find_attempt(self.store, attempt)

    def gc(self, *, grace_hours: float = 24.0, delete: bool = False) -> "Garbage":
        """Find the files that nothing needs any more, and delete them on request.

        Args:
            grace_hours: Leave files alone that are younger, and those of versions withdrawn more recently.
            delete: Delete them; by default they are only listed.

        Raises:
            InvalidInputError: The grace period is too short to be safe.
        """
        from imagecards.registry.gc import collect_garbage

        lookup.check_registry(self.store)
        return collect_garbage(self.store, grace=grace_hours * 3600.0, delete=delete)

    def _load_any(self, reference: AnyReference) -> DataCard:
        """The card that a reference means; an exact one may be withdrawn, since that is when its lineage matters."""
        parsed = self._parse(reference)
        if parsed.spec.exact is None:
            return self.load(reference)
        lookup.check_registry(self.store)
        return lookup.read_card(self.store, CardRef(parsed.name, parsed.spec.exact, parsed.digest))

    def _parse(self, reference: AnyReference) -> Reference:
        """What is meant; a card means itself, and no other card of the same name and version."""
        _check_kind(reference)
        return parse_reference(str(reference.pin if isinstance(reference, DataCard) else reference))


def _check_kind(reference: object) -> None:
    if not isinstance(reference, str | CardRef | DataCard):
        message = f"a reference is text such as 'space/name@^1', or a card, not {type(reference).__name__}"
        raise InvalidInputError(message)
