"""Copied: what became of a version that was copied."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from imagecards.cards import CardRef, DataCard
from imagecards.errors import ImageCardsError, retold


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
