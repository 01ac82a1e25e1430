"""Impact: which versions, splits and uses have an image."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from imagecards.cards import CardRef, DataCard
from imagecards.errors import ImageCardsError, InvalidInputError
from imagecards.progress import track
from imagecards.registry import contents, keys, lookup
from imagecards.registry.problem import Problem, from_error
from imagecards.registry.uses import read_uses
from imagecards.storage import Store

if TYPE_CHECKING:
    import polars

_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


@dataclass(frozen=True)
class Hit:
    """An image of a version.

    Attributes:
        reference: The version.
        image: The image's name there.
        digest: Its digest.
        splits: The splits that it is in.
        uses: Who used the version.
        withdrawn: Whether the version was withdrawn.
    """

    reference: str
    image: str
    digest: str
    splits: tuple[str, ...]
    uses: tuple[str, ...]
    withdrawn: bool


@dataclass(frozen=True)
class Impact:
    """Where an image is.

    Attributes:
        hits: Each version that has it.
        problems: Versions that could not be looked into: they may have it, too.
    """

    hits: tuple[Hit, ...]
    problems: tuple[Problem, ...] = ()

    def to_polars(self) -> "polars.DataFrame":
        """One row a hit."""
        import polars

        schema: dict[str, polars.DataType | type[polars.DataType]] = {
            "reference": polars.String,
            "image": polars.String,
            "digest": polars.String,
            "splits": polars.List(polars.String),
            "uses": polars.List(polars.String),
            "withdrawn": polars.Boolean,
        }
        rows = [(hit.reference, hit.image, hit.digest, [*hit.splits], [*hit.uses], hit.withdrawn) for hit in self.hits]
        return polars.DataFrame(rows, schema=schema, orient="row")


def find_image(store: Store, image: str) -> Impact:
    """Find an image in every version, withdrawn ones included.

    Args:
        store: The registry's store.
        image: Its file name, or the sha256 of its bytes as hex digits, with or without ``sha256:``.

    Raises:
        InvalidInputError: It is empty, or no text that a name can be.
    """
    if not image:
        raise InvalidInputError("an empty text names no image: give its file name, or sha256:... of its bytes")
    if any("\ud800" <= character <= "\udfff" for character in image):
        raise InvalidInputError(f"{image!r:.200} is no text in UTF-8, and file names of images are: correct it")
    match = _DIGEST.fullmatch(image)
    column, value = ("sha256", bytes.fromhex(match[1])) if match else ("file_name", image)
    hits: list[Hit] = []
    problems: list[Problem] = []
    names = lookup.card_names(store)
    with track("looking into versions", total=len(names), unit="names") as advance:
        for name in names:
            for version in lookup.all_versions(store, name):
                ref = CardRef(name, version)
                try:
                    hits += _hits(store, lookup.read_card(store, ref), column, value)
                except ImageCardsError as error:
                    problems.append(from_error(str(ref), keys.card(ref), error))
            advance(1)
    return Impact(tuple(hits), tuple(problems))


def _hits(store: Store, card: DataCard, column: str, value: str | bytes) -> Iterator[Hit]:
    if card.records is None:
        return
    table = contents.read_records(store, card.records, ["file_name", "sha256"], rows=card.summary.images)
    found = table.filter(pc.equal(table[column], pa.scalar(value, table.schema.field(column).type)))
    if not found.num_rows:
        return
    splits = contents.read_splits(store, card.splits)
    uses = tuple(dict.fromkeys(use.by for use in read_uses(store, card)))
    withdrawn = lookup.tombstone(store, card.ref) is not None
    for name, sha256 in zip(found["file_name"].to_pylist(), found["sha256"].to_pylist(), strict=True):
        inside = tuple(split for split, members in splits.items() if name in members)
        yield Hit(str(card.ref), name, f"sha256:{sha256.hex()}", inside, uses, withdrawn)
