"""CardRegistry: where cards meet storage."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from imagecards.cards import Artifact, CardName, CardRef, DataCard, Tag, Version, parse_reference
from imagecards.errors import InvalidInputError
from imagecards.registry import lookup, tags
from imagecards.registry.catalogue import AnyReference, check_kind
from imagecards.registry.mirror import Mirror
from imagecards.storage import Store

if TYPE_CHECKING:  # looking up a card must not wait for the imports of packing and reading
    import numpy as np
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from imagecards.datasets import ImageDataset, Step, TableDataset
    from imagecards.registry.gc import Garbage
    from imagecards.registry.plan import UploadPlan

    Data: TypeAlias = ImageDataset | TableDataset | pl.DataFrame | pd.DataFrame | pa.Table | np.ndarray[Any, Any]


class CardRegistry(Mirror):
    """A registry of datasets in a folder, a bucket or a repo: versioned, immutable cards and the bytes that they pin.

    Nothing is read or written before the first call. A registry can be used from several threads and processes at once.

    Args:
        url: A folder, ``s3://bucket/folder``, ``hf://datasets/owner/repo/folder``, or a store of another kind; by
            default ``$IMAGECARDS_REGISTRY``, else ``.imagecards`` in the working directory.
        allow_unsafe_store: Whether a registry may be made in a store that lets a second writer replace what the first
            one wrote. Versions that several people register at once can then be lost.
        private: Whether only its owners may see a repo that is made for the registry; one that is there stays as it is.
        viewer: What of each name's newest version the Hub shows in its viewer: a ``"sample"`` of up to 100 images of
            each split, all of it (``"full"``, which stores each image a second time), or ``"none"``.

    Example:
        >>> import imagecards as ic, polars as pl, tempfile
        >>> registry = ic.CardRegistry(tempfile.mkdtemp())
        >>> card = registry.register(pl.DataFrame({"id": [1, 2]}), "astro/sources")
        >>> registry.open("astro/sources@^1").to_polars().height
        2
    """

    def __init__(
        self,
        url: str | os.PathLike[str] | Store | None = None,
        *,
        allow_unsafe_store: bool = False,
        private: bool = True,
        viewer: Literal["sample", "full", "none"] = "sample",
    ) -> None:
        if viewer not in ("sample", "full", "none"):
            raise InvalidInputError(f"viewer={viewer!r} is not one of 'sample', 'full' and 'none'")
        super().__init__(url)
        self._viewer = viewer
        self._making: Mapping[str, bool] = {"allow_unsafe_store": allow_unsafe_store, "private": private}

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
        copy: bool = True,
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
            copy: Whether the images are stored in the registry. With False those that lie behind URLs stay there, and
                the version names them and says how to tell that they are still the same; nothing is stored but the
                records. Each is read once all the same, unless its store knows its SHA-256.

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
            viewer=self._viewer,
        )
        return register(self.store, data, request, executor, reread=reread, copy=copy, **self._making)

    def plan(
        self,
        data: "Data",
        name: str | CardName,
        *,
        artifacts: Mapping[str, str | os.PathLike[str]] | None = None,
        parents: Sequence[AnyReference] | None = None,
        copy: bool = True,
    ) -> "UploadPlan":
        """What `register` would store: files, bytes, commits. Nothing is stored, and no image is read.

        So it can't tell that data are those of the latest version, of which `register` then stores nothing.

        Args:
            data: An image dataset, or a table.
            name: ``space/name``.
            artifacts: Files or folders to keep beside the card, by name.
            parents: The versions that it was made from.
            copy: Whether the images would be stored in the registry, as in `register`.

        Raises:
            InvalidMetadataError: The dataset breaks rules that can be seen without its images.
            InvalidInputError: An argument is not valid.
        """
        from imagecards.registry.register import plan
        from imagecards.registry.request import check_list, make_request

        cards = None if parents is None else [self.load(parent) for parent in check_list(parents, "parents")]
        return plan(self.store, data, make_request(name, parents=cards, artifacts=artifacts), copy=copy)

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
        from imagecards.registry.derive import derive
        from imagecards.registry.request import make_request
        from imagecards.registry.steps import list_steps

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
            viewer=self._viewer,
        )
        return derive(self.store, cards, list_steps(steps), request, executor)

    def materialize(self, reference: AnyReference, *, executor: Executor | None = None) -> DataCard:
        """Store the images of a version that names them where they lie (``copy=False``).

        What comes of it is a new version: the same data, with the same dataset digest, under the next patch number, and
        the old one as its parent. Metadata files, description and artifacts go over. A version that holds its images is
        returned as it is, and so is one that was made by this before.

        Args:
            reference: Which version.
            executor: Where to read and pack images; by default threads.

        Raises:
            InvalidInputError: It is a table.
            IntegrityError: An image is gone or is not what was registered; `verify` names them all.
            NotFoundError: There is no such version.
            StorageError: Images can't be read.
            CommitUnknownError: The storage gave no clear answer; ``resolve`` finds out.
        """
        from imagecards.registry.materialize import materialize

        return materialize(self.store, self.load(reference), executor, viewer=self._viewer)

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
        from imagecards.registry.artifacts import attach
        from imagecards.registry.attaching import attach_written
        from imagecards.registry.steps import list_steps

        card = self.load(reference)
        given = list_steps(steps)
        if path is not None and format is None and not given and not options:
            return attach(self.store, card, name, path)
        if path is None and format is not None:
            return attach_written(self.store, card, name, format, given, options or {}, executor)
        raise InvalidInputError(
            "give the path of what to attach, or the format= to write the version in, with its steps"
        )

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

        check_kind(reference)
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
