"""What leaks between splits, as values, a table and text."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from imagecards.records import printable

if TYPE_CHECKING:
    import polars

Kind: TypeAlias = Literal["image", "group", "bytes", "pixels", "near"]

MEANINGS: Mapping[Kind, str] = MappingProxyType(
    {
        "image": "the same image",
        "group": "the same group",
        "bytes": "identical bytes",
        "pixels": "identical pixels",
        "near": "near-duplicates",
    }
)
"""What each kind of leak is, the plainest first."""

MOST_LEAKS = 10_000
"""How many leaks a report keeps; it counts all."""

MOST_IMAGES = 10
"""How many images of each split a leak names."""


class Leak(NamedTuple):
    """What two splits of one plan share that they should not.

    Attributes:
        kind: The same image, the same group, identical bytes, identical pixels, or near-duplicates.
        first: One split.
        second: The other.
        first_images: The images concerned in the first split, `MOST_IMAGES` at most.
        second_images: Those in the second.
        first_count: How many there are in the first.
        second_count: How many in the second.
        group: The group, for that kind.
        distance: In how many of 64 bits the hashes differ, for near-duplicates.
    """

    kind: Kind
    first: str
    second: str
    first_images: tuple[str, ...]
    second_images: tuple[str, ...]
    first_count: int
    second_count: int
    group: str | None = None
    distance: int | None = None

    def __str__(self) -> str:
        of = f" {printable(self.group, 60)}" if self.group is not None else ""
        of += f" ({self.distance} of 64 bits)" if self.distance else ""
        here, there = _told(self.first_images, self.first_count), _told(self.second_images, self.second_count)
        return f"{MEANINGS[self.kind]}{of}: {self.first} {here}; {self.second} {there}"


@dataclass(frozen=True)
class LeakReport:
    """What leaks between the splits of a dataset.

    Attributes:
        pairs: The pairs of splits that were compared.
        looked_for: The kinds of leaks that were looked for.
        leaks: What was found, `MOST_LEAKS` at most.
        counts: How many leaks of each kind there are.
        unreadable: Images that could not be compared, and why; `MOST_LEAKS` at most.
        unreadable_count: How many there are.
        complete: Whether all near-duplicates were looked for; there can be too many.
    """

    pairs: tuple[tuple[str, str], ...]
    looked_for: tuple[Kind, ...]
    leaks: tuple[Leak, ...] = ()
    counts: Mapping[Kind, int] = field(default_factory=dict)
    unreadable: tuple[tuple[str, str], ...] = ()
    unreadable_count: int = 0
    complete: bool = True

    @property
    def ok(self) -> bool:
        """Whether everything was compared, and nothing was found."""
        return not self.count and not self.unreadable_count and self.complete

    @property
    def count(self) -> int:
        """How many leaks there are."""
        return sum(self.counts.values())

    def table(self) -> "polars.DataFrame":
        """One row a leak, with the fields of `Leak`."""
        import polars as pl

        names = pl.List(pl.String)
        schema: dict[str, Any] = {
            "kind": pl.String,
            "first": pl.String,
            "second": pl.String,
            "first_images": names,
            "second_images": names,
            "first_count": pl.Int64,
            "second_count": pl.Int64,
            "group": pl.String,
            "distance": pl.Int64,
        }
        return pl.DataFrame([leak._asdict() for leak in self.leaks], schema=schema)

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {"ok": self.ok, **asdict(self), "leaks": [leak._asdict() for leak in self.leaks]}

    def render(self, limit: int = 20) -> str:
        """The same as text: how many of each kind, then the first ones.

        Args:
            limit: How many leaks, and how many images that could not be compared, are listed.
        """
        return "\n".join(self._lines(limit))

    def _lines(self, limit: int) -> Iterator[str]:
        if self.counts:
            yield ", ".join(f"{MEANINGS[kind]} {count:,}" for kind, count in self.counts.items())
        yield from (f"  {leak}" for leak in self.leaks[:limit])
        if self.count > min(limit, len(self.leaks)):
            yield f"  ... and {self.count - min(limit, len(self.leaks)):,} more"
        yield from (f"  not compared: {printable(name)}: {printable(why)}" for name, why in self.unreadable[:limit])
        if self.unreadable_count > min(limit, len(self.unreadable)):
            yield f"  ... and {self.unreadable_count - min(limit, len(self.unreadable)):,} more that were not compared"
        if not self.complete:
            yield "  too many images are alike to find all near-duplicates: lower how near they may be"
        count = len(self.pairs)
        looked = ", ".join(MEANINGS[kind] for kind in self.looked_for)
        compared = f"{count:,} pair{'s' * (count != 1)} of splits compared ({looked})"
        yield f"{'no leaks' if self.ok else f'{self.count:,} leak' + 's' * (self.count != 1)}: {compared}"


def _told(images: tuple[str, ...], count: int) -> str:
    return printable(images[0], 200) + (f" and {count - 1:,} more" if count > 1 else "")
