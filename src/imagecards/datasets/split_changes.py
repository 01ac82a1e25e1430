"""Which splits came and went, and which images changed theirs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from imagecards.datasets.diff import DiffCounts


class SplitRow(NamedTuple):
    """An image that is in other splits than before: those that only one version has it in.

    Attributes:
        image: The image, by its newer name.
        before: The splits that it left.
        after: The splits that it joined.
    """

    image: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True)
class SplitChanges:
    """What became of the splits of a dataset.

    Attributes:
        added: Splits that only the newer version has.
        removed: Splits that only the older version has.
        moved: Images of both versions that left or joined a split that both versions have.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    moved: tuple[SplitRow, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.moved)

    @property
    def counts(self) -> dict[str, int]:
        """How many there are of each kind."""
        return {"added": len(self.added), "removed": len(self.removed), "images moved": len(self.moved)}

    def lines(self) -> Iterator[str]:
        """Each change in words."""
        yield from (f"split {name} added" for name in self.added)
        yield from (f"split {name} removed" for name in self.removed)
        for row in self.moved:
            yield f"~ {row.image}: {', '.join(row.before) or 'no split'} -> {', '.join(row.after) or 'no split'}"

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        moved = [row._asdict() for row in self.moved]
        return {"added": list(self.added), "removed": list(self.removed), "moved": moved}


def split_changes(
    before: Mapping[str, Sequence[str]], after: Mapping[str, Sequence[str]], images: DiffCounts
) -> SplitChanges:
    """Compare the splits of two versions.

    Args:
        before: The file names of each split of the older one.
        after: The same of the newer one.
        images: Which images came, went, and got other names: those say nothing of splits.
    """
    newer = dict(images.renamed)
    alone = {*images.added, *images.removed}
    left: dict[str, list[str]] = {}
    joined: dict[str, list[str]] = {}
    for split in sorted({*before} & {*after}):
        old = {newer.get(name, name) for name in before[split]} if newer else set(before[split])
        new = set(after[split])
        for names, moves in ((old - new, left), (new - old, joined)):
            for name in names - alone:
                moves.setdefault(name, []).append(split)
    moved = [SplitRow(name, tuple(left.get(name, ())), tuple(joined.get(name, ()))) for name in {*left, *joined}]
    return SplitChanges(
        added=tuple(sorted({*after} - {*before})),
        removed=tuple(sorted({*before} - {*after})),
        moved=tuple(sorted(moved)),
    )
