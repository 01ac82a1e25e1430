"""The manifest: what opsml keeps of a dataset beside its table of records."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from imagecards.cards import CardRef, Parent
from imagecards.digests import canonical_json, is_digest
from imagecards.errors import IntegrityError, InvalidInputError
from imagecards.paths import check_relative

RECORDS = "records.parquet"
MANIFEST = "manifest.json"
OURS = "imagecards"
"""The tag of all cards."""

_PREFIX = "imagecards."
_LONGEST_SHARD_NAME = 64


class Shard(BaseModel):
    """A zip of image files that lies in the card.

    Attributes:
        file: Its name beside the manifest.
        sha256: The digest of its bytes.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    file: Annotated[str, Field(pattern=r"^images-[0-9]{5}\.zip$", max_length=_LONGEST_SHARD_NAME)]
    sha256: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class Manifest(BaseModel):
    """What a dataset in opsml is, and where its images lie.

    Attributes:
        schema_version: Of this document.
        digest: The digest of the dataset, the same as in a registry of imagecards.
        uri: The folder, zip or URL that the images lie in, or the registry of imagecards.
        card: The card there, pinned to its digest; ``None`` for a folder.
        parents: The cards that it was made from.
        images: How many images.
        splits: The names of the splits; the table of records says what is in each.
        attributes: What is said of the dataset as a whole.
        shards: The zips in the card; none where the images stay where they are.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    schema_version: Literal[1] = 1
    digest: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
    uri: Annotated[str, Field(min_length=1)]
    card: CardRef | None = None
    parents: tuple[Parent, ...] = ()
    images: Annotated[int, Field(ge=0)]
    splits: tuple[str, ...] = ()
    attributes: dict[str, Any] = Field(default_factory=dict)
    shards: tuple[Shard, ...] = ()

    @property
    def identity(self) -> str:
        """What children name it by: the digest of its card, or that of the dataset where it has none."""
        return (self.card.digest if self.card is not None else None) or self.digest

    @property
    def tags(self) -> tuple[str, ...]:
        """What opsml finds it by."""
        return (
            OURS,
            f"digest={self.identity}",
            *dict.fromkeys(f"parent={each.digest}" for each in self.parents),
        )

    @property
    def extra(self) -> dict[str, str]:
        """What the card says of it, each as text."""
        said: dict[str, str] = {
            "schema": str(self.schema_version),
            "digest": self.digest,
            "uri": self.uri,
            "card": str(self.card or ""),
            "parents": canonical_json([parent.model_dump(mode="json") for parent in self.parents]).decode(),
            "images": str(self.images),
        }
        return {f"{_PREFIX}{name}": text for name, text in said.items()}

    def to_json(self) -> bytes:
        """The document."""
        return canonical_json(self.model_dump(mode="json"))

    @classmethod
    def from_json(cls, data: bytes, place: str) -> "Manifest":
        """Read a manifest, and trust nothing.

        Raises:
            IntegrityError: It is none.
        """
        try:
            manifest = cls.model_validate_json(data, strict=True)
            if manifest.card is not None and manifest.card.digest is None:
                raise ValueError("its card is not pinned")
            if any(check_relative(split) is not None for split in manifest.splits):
                raise ValueError("a split has a name that is not safe")
            canonical_json(manifest.attributes)
        except (ValidationError, ValueError, RecursionError) as error:
            first = error.errors(include_url=False)[0]["msg"] if isinstance(error, ValidationError) else str(error)
            message = f"the manifest of {place} can't be read ({first}): register the dataset again"
            raise IntegrityError(message, place) from error
        return manifest


def pinned_digest(said: Mapping[str, Any]) -> str | None:
    """The digest of the dataset of a card of opsml, by the card's JSON; ``None`` where it is none of ours."""
    digest = _extra(said, "digest")
    return digest if is_digest(digest) else None


def pinned_card(said: Mapping[str, Any]) -> CardRef | None:
    """The card of imagecards that a card of opsml is of, by the card's JSON; ``None`` where it is of none."""
    try:
        pin = CardRef.parse(_extra(said, "card"))
    except InvalidInputError:
        return None
    return pin if pin.digest is not None else None


def _extra(said: Mapping[str, Any], name: str) -> str:
    found: Any = said
    for step in ("metadata", "interface_metadata", "extra_metadata", _PREFIX + name):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else ""
