"""Artifacts: files and folders of any kind that are kept beside a card."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, model_validator

from imagecards.cards.frozen import FrozenDict
from imagecards.cards.making import Written
from imagecards.cards.model import CardModel, DigestText, RelativePath, Sealed
from imagecards.cards.name import check_label
from imagecards.cards.stored import StoredFile
from imagecards.errors import IntegrityError
from imagecards.paths import collision_key


def _check_name(name: str) -> str:
    return check_label(name, "artifact name")


ArtifactName = Annotated[str, AfterValidator(_check_name)]


class ArtifactFile(CardModel):
    """One file of an artifact.

    Attributes:
        path: Its place in the artifact's folder, or its name where the artifact is one file.
        stored: Where its bytes are.
    """

    path: RelativePath
    stored: StoredFile


class Artifact(CardModel):
    """A file or a folder that is kept beside a card, as it was.

    Attributes:
        kind: ``"file"``, which has one file with a plain name, or ``"folder"``.
        files: The files; empty folders are not kept.
        written: How it was made from the version, where this package wrote it.
    """

    kind: Literal["file", "folder"]
    files: tuple[ArtifactFile, ...] = ()
    written: Written | None = None

    @property
    def size(self) -> int:
        """The bytes of all its files."""
        return sum(file.stored.size for file in self.files)

    def keys(self) -> tuple[str, ...]:
        """The keys of all its files."""
        return tuple(file.stored.key for file in self.files)

    @model_validator(mode="after")
    def _check_files(self) -> Self:
        if self.kind == "file" and (len(self.files) != 1 or "/" in self.files[0].path):
            raise ValueError("an artifact of kind 'file' is one file with a plain name; use kind 'folder' for others")
        seen: dict[str, str] = {}
        for file in self.files:
            key = collision_key(file.path)
            other = seen.get(key)
            if other is not None:
                raise ValueError(f"{other!r} and {file.path!r} are one file on some systems: rename one")
            seen[key] = file.path
        for file in self.files:
            for end in (place for place, letter in enumerate(file.path) if letter == "/"):
                if collision_key(file.path[:end]) in seen:
                    raise ValueError(f"{file.path[:end]!r} is both a file and the folder of {file.path!r}: rename one")
        return self


Artifacts = Annotated[dict[ArtifactName, Artifact], AfterValidator(FrozenDict)]
NO_ARTIFACTS: dict[str, Artifact] = FrozenDict()


class AttachedArtifact(Sealed):
    """What says that an artifact was attached to a card after its registration.

    Attributes:
        card: The digest of the card that it belongs to, as ``sha256:<hex>``.
        name: What the artifact is called.
        artifact: What it is.
    """

    what: ClassVar[str] = "attached artifact"

    card: DigestText
    name: ArtifactName
    artifact: Artifact

    def check_pin(self, card: str, name: str, place: str) -> None:
        """See that this is what lies beside that card under that name.

        Args:
            card: The digest of the card.
            name: What the artifact is called there.
            place: Where this was read from, for messages.

        Raises:
            IntegrityError: It was made for another card, or under another name.
        """
        if self.card != card:
            message = (
                f"{place} was attached to the card {self.card}, and the card there is {card}: "
                "one of the two was replaced; restore it from a copy"
            )
            raise IntegrityError(message, place, card, self.card)
        if self.name != name:
            message = f"{place} holds the artifact {self.name!r}: it was moved there; restore the file from a copy"
            raise IntegrityError(message, place, name, self.name)
