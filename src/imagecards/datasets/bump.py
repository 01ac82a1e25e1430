"""What a change means for the number of a version.

The rule is that of Croissant 1.1 for data: a patch is the same data serialised or described anew, a minor version adds
images or annotations, and a major one changes or removes something, or splits the data anew.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

from imagecards.datasets.category_changes import CategoryChanges
from imagecards.datasets.changes import Diff, FieldRow
from imagecards.datasets.compare import ObjectRow
from imagecards.datasets.diff import DiffCounts, diff_counts
from imagecards.datasets.diffing import diff_sides, record_changes, whole_changes
from imagecards.datasets.sides import Side
from imagecards.datasets.split_changes import SplitChanges

Part: TypeAlias = Literal["major", "minor", "patch"]

MOST_COMPARED = 20_000
"""So many changed images are compared object by object to say why; of more, only until the part is certain."""


_TOLD: tuple[tuple[str, str, dict[str, str]], ...] = (
    (
        "images",
        "image",
        {"removed": "removed", "renamed": "renamed", "changed_images": "with other bytes", "added": "added"},
    ),
    (
        "objects",
        "object",
        {
            "removed": "removed",
            "reclassed": "re-classed",
            "moved": "moved",
            "changed": "changed",
            "added": "added",
        },
    ),
)


class Derived(NamedTuple):
    """Which part of the version a change raises, and why.

    Attributes:
        part: ``major``, ``minor`` or ``patch``.
        reason: What changed, in words.
    """

    part: Part
    reason: str


def bump_of(diff: Diff) -> Derived:
    """The part that a change raises.

    Example:
        >>> bump_of(Diff(DiffCounts(added=("b.png",), unchanged=3), objects_added=2))
        Derived(part='minor', reason='1 image added')
    """
    rows: tuple[FieldRow | ObjectRow, ...] = (*diff.fields, *diff.objects)
    part: Part = "patch"
    if diff.images.added or rows or diff.categories.added or diff.splits.added:
        part = "minor"
    if _breaks(diff.images, diff.categories, diff.splits) or any(_is_edit(row) for row in rows):
        part = "major"
    return Derived(part, ", ".join(_reasons(diff)) or "the order of objects, or the last digits of coordinates")


def bump_between(before: Side, after: Side) -> Derived:
    """The part that the change from one side to another raises, without comparing more than it takes."""
    images = diff_counts(before.index, after.index)
    changed = len(images.changed_images) + len(images.changed_records) + len(images.renamed)
    if changed <= MOST_COMPARED:
        return bump_of(diff_sides(before, after))
    whole = whole_changes(before, after, images, ())
    known = Diff(images=images, **whole)
    reason = ", ".join([*_reasons(known), f"annotations of {_plural(changed, 'image')}"])
    if _breaks(images, known.categories, known.splits):
        return Derived("major", reason)
    edit = next((row for row in record_changes(before, after, images) if _is_edit(row)), None)
    if edit is None:
        return Derived("minor", f"{reason}, all of it additions")
    what = edit.field if isinstance(edit, FieldRow) else f"an object {edit.change}"
    return Derived("major", f"{reason}, such as {edit.image}: {what}")


def _breaks(images: DiffCounts, categories: CategoryChanges, splits: SplitChanges) -> bool:
    """Whether images, categories or splits are not what they were; additions are no such thing."""
    moved = (images.removed, images.renamed, images.changed_images, splits.removed, splits.moved)
    return any(moved) or bool(categories.removed or categories.renamed or categories.changed)


def _is_edit(row: FieldRow | ObjectRow) -> bool:
    """Whether something that was said is not said any more."""
    return row.before is not None if isinstance(row, FieldRow) else row.change != "added"


def _reasons(diff: Diff) -> Iterator[str]:
    counts = diff.counts
    for what, noun, changes in _TOLD:
        for change, words in changes.items():
            if change in counts.get(what, {}):
                yield f"{_plural(counts[what][change], noun)} {words}"
    for name, count in counts.get("fields", {}).items():
        yield f"{name} of {_plural(count, 'image')}"
    for change, count in counts.get("categories", {}).items():
        yield f"{count:,} categor{'y' if count == 1 else 'ies'} {change}"
    for change, count in counts.get("splits", {}).items():
        moved = change == "images moved"
        yield f"{_plural(count, 'image')} in other splits" if moved else f"{_plural(count, 'split')} {change}"
    yield from (f"other {name}" for name in diff.attributes)


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
