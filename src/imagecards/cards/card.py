"""Cards: immutable, versioned statements of what a dataset is and which bytes it is made of."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from imagecards.cards.artifact import NO_ARTIFACTS, Artifacts
from imagecards.cards.attempt import AttemptText, attempt_time
from imagecards.cards.frozen import FrozenDict
from imagecards.cards.making import JsonObject, Steps
from imagecards.cards.model import CardModel, Count, DigestText, RelativePath, Sealed, Text
from imagecards.cards.name import CardName
from imagecards.cards.origin import Origin
from imagecards.cards.reference import CardRef
from imagecards.cards.stored import StoredFile
from imagecards.cards.summary import Summary
from imagecards.cards.version import Version

MOST_PARENTS = 1000
"""How many parents a card may name."""

MOST_ORIGINS = 1000
"""How many origins a card may name."""


class Parent(CardModel):
    """A card that a dataset was made from.

    Attributes:
        ref: Its name and exact version.
        digest: The digest of that card, as ``sha256:<hex>``.
    """

    ref: CardRef
    digest: DigestText

    @model_validator(mode="after")
    def _check_ref(self) -> Self:
        if self.ref.digest is not None:
            raise ValueError("the digest of a parent has its own field: give ref without #sha256:...")
        return self


class Document(CardModel):
    """A metadata file as it was registered, byte for byte.

    Attributes:
        path: Where it was in the dataset's folder: ``metadata.jsonl``, ``train/metadata.jsonl``.
        size: The bytes of its text.
        digest: The sha256 of its text, as ``sha256:<hex>``.
        stored: The file that holds the text, compressed with zstd.
    """

    path: RelativePath
    size: Count
    digest: DigestText
    stored: StoredFile


class DataCard(Sealed):
    """One version of a dataset: what it is, what it was made from, and every file that holds it.

    A value: it never changes, its lists are tuples and its dicts refuse changes. It knows nothing of the
    registry that it is kept in.

    Attributes:
        kind: ``"images"`` or ``"table"``.
        name: Its name.
        version: Its version.
        attempt: The registration that made it.
        dataset_digest: The digest of the content, the same wherever and however it is stored.
        description: What it is, in its author's words.
        license: Under which terms it may be used.
        source: Where the data came from.
        metadata: Anything else that its author wants to keep: JSON.
        origins: The folders behind URLs and the zips that its images were read from, as far as that is known.
        parents: The cards that it was made from, in the order in which the first step takes them.
        transform: The steps from the parents to this version, where it was derived.
        bump_reason: Why its version is the one that it is.
        summary: Counts.
        records: One row an image (parquet); datasets of images only.
        splits: Which image is in which split (parquet), where there are splits.
        attributes: What is said of the dataset as a whole (JSON), where anything is: categories with their ids.
        documents: The metadata files as they were.
        shards: The image files, in uncompressed tar files.
        table: The table's file; tables only.
        artifacts: Files and folders that were registered with it, by name.
        code: What wrote it: ``imagecards`` is the version of this package; of a derived version also the commit of the
            git repository that it was derived in (``git``), and whether that had changes (``dirty``).
        env: Where a version was derived: the versions of Python and of the libraries that its bytes may depend on.

    Raises:
        pydantic.ValidationError: A field breaks its rule.
    """

    what: ClassVar[str] = "card"

    kind: Literal["images", "table"]
    name: CardName
    version: Version
    attempt: AttemptText
    dataset_digest: DigestText
    description: Text | None = None
    license: Text | None = None
    source: Text | None = None
    metadata: JsonObject = FrozenDict()
    origins: Annotated[tuple[Origin, ...], Field(max_length=MOST_ORIGINS)] = ()
    parents: Annotated[tuple[Parent, ...], Field(max_length=MOST_PARENTS)] = ()
    transform: Steps = ()
    bump_reason: Text | None = None
    summary: Summary
    records: StoredFile | None = None
    splits: StoredFile | None = None
    attributes: StoredFile | None = None
    documents: tuple[Document, ...] = ()
    shards: tuple[StoredFile, ...] = ()
    table: StoredFile | None = None
    artifacts: Artifacts = NO_ARTIFACTS
    code: JsonObject = FrozenDict()
    env: JsonObject = FrozenDict()

    def __hash__(self) -> int:
        return hash((self.name, self.version, self.attempt))

    @property
    def ref(self) -> CardRef:
        """Its name and version."""
        return CardRef(self.name, self.version)

    @property
    def pin(self) -> CardRef:
        """Its name, version and digest: a reference that no other card satisfies."""
        return CardRef(self.name, self.version, self.digest)

    @property
    def created(self) -> datetime:
        """When its registration began, to the second, in UTC."""
        return attempt_time(self.attempt)

    def files(self) -> Iterator[StoredFile]:
        """Every file that it names, each once."""
        seen = set()
        for file in self._files():
            if file.key not in seen:
                seen.add(file.key)
                yield file

    def keys(self) -> tuple[str, ...]:
        """The key of every file that it names, each once."""
        return tuple(file.key for file in self.files())

    def _files(self) -> Iterator[StoredFile]:
        yield from (file for file in (self.records, self.splits, self.attributes, self.table) if file is not None)
        yield from (document.stored for document in self.documents)
        yield from self.shards
        for artifact in self.artifacts.values():
            yield from (file.stored for file in artifact.files)

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        images_only = {
            "records": self.records,
            "splits": self.splits,
            "attributes": self.attributes,
            "documents": self.documents,
            "shards": self.shards,
            "origins": self.origins,
        }
        if self.kind == "images" and (self.records is None or self.table is not None):
            raise ValueError("a card of kind 'images' has records and no table")
        if self.kind == "table":
            present = [field for field, value in images_only.items() if value]
            if self.table is None or present:
                raise ValueError(f"a card of kind 'table' has a table, and no {' or '.join(present or images_only)}")
        if (self.summary.container is not None) != (self.kind == "table"):
            raise ValueError("the summary of a table names its container, and that of images names none")
        return self

    @model_validator(mode="after")
    def _check_files(self) -> Self:
        known: dict[str, StoredFile] = {}
        for file in self._files():
            other = known.setdefault(file.key, file)
            if other is not file and (other.size, other.digest) != (file.size, file.digest):
                raise ValueError(f"{file.key} is named twice, with different sizes or digests: it is one file")
        for what, names in (
            ("document", [document.path for document in self.documents]),
            ("shard", [shard.key for shard in self.shards]),
            ("parent", [str(parent.ref) for parent in self.parents]),
        ):
            twice = [name for name, count in Counter(names).items() if count > 1]
            if twice:
                raise ValueError(f"the {what} {twice[0]} is named twice: name it once")
        return self
