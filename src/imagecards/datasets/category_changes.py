"""Which categories came, went, or are called something else."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from imagecards.datasets.compare import ObjectRow

Category: TypeAlias = str | int


@dataclass(frozen=True)
class CategoryChanges:
    """What became of the categories of a dataset.

    Attributes:
        added: Those that only the newer version has.
        removed: Those that only the older version has.
        renamed: Old and new name of those that are the same under another name: they have the same id, or all objects
            of the one became objects of the other.
        changed: Those of which something else is said: another id, another supercategory.
    """

    added: tuple[Category, ...] = ()
    removed: tuple[Category, ...] = ()
    renamed: tuple[tuple[Category, Category], ...] = ()
    changed: tuple[Category, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.renamed or self.changed)

    @property
    def counts(self) -> dict[str, int]:
        """How many there are of each kind."""
        return {name: len(getattr(self, name)) for name in ("added", "removed", "renamed", "changed")}

    def rows(self) -> Iterator[tuple[str, str | None, str | None]]:
        """Each change: its kind, the old and the new name as text."""
        yield from (("added", None, str(name)) for name in self.added)
        yield from (("removed", str(name), None) for name in self.removed)
        yield from (("renamed", str(old), str(new)) for old, new in self.renamed)
        yield from (("changed", str(name), str(name)) for name in self.changed)

    def lines(self) -> Iterator[str]:
        """Each change in words."""
        for change, before, after in self.rows():
            yield f"category {f'{before} -> {after}' if change == 'renamed' else f'{before or after} {change}'}"

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {name: list(getattr(self, name)) for name in ("added", "removed", "renamed", "changed")}


def category_changes(
    before: tuple[Mapping[str, Any], frozenset[Category]],
    after: tuple[Mapping[str, Any], frozenset[Category]],
    objects: Iterable[ObjectRow],
) -> CategoryChanges:
    """Compare the categories of two versions.

    Args:
        before: The older version's attributes, and the categories in use.
        after: The same of the newer one.
        objects: What became of the objects in images that both have.
    """
    declared = [_declared(attributes) for attributes, _ in (before, after)]
    known = [{*names, *used} for names, (_, used) in zip(declared, (before, after), strict=True)]
    gone, came = known[0] - known[1], known[1] - known[0]
    became: dict[Category, set[Category]] = {}
    for row in objects:
        if row.change == "reclassed" and row.category_before in gone:
            became.setdefault(row.category_before, set()).add(row.category_after)  # type: ignore[arg-type]  # both are set
    ids = {entry["id"]: name for name, entry in declared[1].items() if name in came and "id" in entry}
    renamed = []
    for old in sorted(gone, key=str):
        new = ids.get(declared[0].get(old, {}).get("id"))
        if new is None and len(became.get(old, ())) == 1:
            new = next(iter(became[old]))
        if new in came:
            came.discard(new)
            renamed.append((old, new))
    gone -= {old for old, _ in renamed}
    both = [name for name in declared[0] if name in declared[1]]
    return CategoryChanges(
        added=tuple(sorted(came, key=str)),
        removed=tuple(sorted(gone, key=str)),
        renamed=tuple(renamed),
        changed=tuple(sorted((name for name in both if declared[0][name] != declared[1][name]), key=str)),
    )


def _declared(attributes: Mapping[str, Any]) -> dict[Category, dict[str, Any]]:
    """The categories that a dataset lists, by name; whatever else lies there is not looked at."""
    listed = attributes.get("categories")
    entries = [entry for entry in listed if isinstance(entry, Mapping)] if isinstance(listed, list | tuple) else []
    return {entry["name"]: dict(entry) for entry in entries if isinstance(entry.get("name"), str | int)}
