"""What changed between two versions of a dataset, image by image."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_SIGNS = {"added": "+", "removed": "-", "renamed": "=", "changed_images": "~", "changed_records": "~"}


@dataclass(frozen=True, slots=True)
class DiffCounts:
    """Which images differ between two versions, and how. Each image is in one of the groups only.

    Attributes:
        added: Names that only the newer version has.
        removed: Names that only the older version has.
        renamed: Old and new name of images whose bytes moved to another name; annotations may differ too.
        changed_images: Names whose image has other bytes.
        changed_records: Names whose image is the same and whose annotations differ.
        unchanged: How many images are the same in both, annotations included.

    Example:
        >>> list(DiffCounts(added=("b.png",), unchanged=3).lines())
        ['+ b.png']
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    changed_images: tuple[str, ...] = ()
    changed_records: tuple[str, ...] = ()
    unchanged: int = 0

    @property
    def moves(self) -> tuple[tuple[Any, ...], ...]:
        """The images that came, went, got another name and got other bytes."""
        return (self.added, self.removed, self.renamed, self.changed_images)

    @property
    def groups(self) -> dict[str, tuple[Any, ...]]:
        """The images of each group, but for the unchanged ones."""
        return {name: getattr(self, name) for name in _SIGNS}

    @property
    def counts(self) -> dict[str, int]:
        """How many images are in each group."""
        return {**{name: len(members) for name, members in self.groups.items()}, "unchanged": self.unchanged}

    def rows(self) -> Iterator[tuple[str, str, str | None]]:
        """Each image that differs: its group, its newer name, and the older one where that is another."""
        for change, members in self.groups.items():
            for member in members:
                before, name = member if change == "renamed" else (None, member)
                yield change, name, before

    def lines(self) -> Iterator[str]:
        """Each image that differs in words, but for those that only differ in their annotations."""
        for change, name, before in self.rows():
            if change != "changed_records":
                what = f"{before} -> {name}" if before is not None else name
                yield f"{_SIGNS[change]} {what}{' (other bytes)' if change == 'changed_images' else ''}"


def diff_counts(old: pa.Table, new: pa.Table) -> DiffCounts:
    """Compare two versions by name, image bytes and record digest.

    Args:
        old: The older version: columns ``file_name``, ``sha256`` (of the image), ``digest`` (of the record
            with its name and image), one row an image.
        new: The newer version, in the same form.
    """
    old, new = (table.select(["file_name", "sha256", "digest"]).combine_chunks() for table in (old, new))
    places = pc.index_in(new["file_name"], old["file_name"])
    both = places.is_valid()
    kept, before = new.filter(both), old.take(places.drop_null())
    same_record = pc.equal(kept["digest"], before["digest"])
    same_image = pc.equal(kept["sha256"], before["sha256"])
    added = new.filter(pc.invert(both))
    removed = old.filter(pc.invert(pc.is_in(old["file_name"], new["file_name"])))
    renamed = _renamed(removed, added)
    old_names, new_names = ({pair[side] for pair in renamed} for side in (0, 1))
    changed = np.flatnonzero(~_flags(pc.and_(same_record, same_image)))
    image_changed = ~_flags(same_image)
    names = kept["file_name"].take(pa.array(changed)).to_pylist()
    return DiffCounts(
        added=tuple(sorted(name for name in added["file_name"].to_pylist() if name not in new_names)),
        removed=tuple(sorted(name for name in removed["file_name"].to_pylist() if name not in old_names)),
        renamed=renamed,
        changed_images=tuple(sorted(name for name, row in zip(names, changed, strict=True) if image_changed[row])),
        changed_records=tuple(sorted(name for name, row in zip(names, changed, strict=True) if not image_changed[row])),
        unchanged=kept.num_rows - len(changed),
    )


def _renamed(removed: pa.Table, added: pa.Table) -> tuple[tuple[str, str], ...]:
    """Pair names that went with names that came for the same bytes; equal images in order of their names."""
    came: dict[bytes, list[str]] = {}
    for name, image in sorted(_pairs(added), reverse=True):
        came.setdefault(image, []).append(name)
    pairs = [(name, came[image].pop()) for name, image in sorted(_pairs(removed)) if came.get(image)]
    return tuple(pairs)


def _pairs(table: pa.Table) -> list[tuple[str, bytes]]:
    return list(zip(table["file_name"].to_pylist(), table["sha256"].to_pylist(), strict=True))


def _flags(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(column.to_numpy(), dtype=bool)
