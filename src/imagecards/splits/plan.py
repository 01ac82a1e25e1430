"""Plans: which images a split is drawn from, and how the splits that come out are added to a dataset."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from imagecards.datasets import ImageDataset, replaced
from imagecards.errors import InvalidInputError
from imagecards.paths import check_relative
from imagecards.records import shown
from imagecards.splits.dealing import Unit, apportion, deal
from imagecards.splits.grouping import GroupBy, groups_of
from imagecards.splits.labels import labels_of
from imagecards.splits.members import rows_of

MOST_MEMBERSHIPS = 20_000_000
"""How many images all splits of one step may have together."""

_MOST_LOOKED_AT = 20_000_000

SplitName = Annotated[str, Field(max_length=200)]
"""What a split, or the splits of one plan, are called."""

_MOST_NAMED = 5


def pool_of(dataset: ImageDataset, of: str | None) -> list[int]:
    """The rows that a split is drawn from: those of a split, or all.

    Raises:
        InvalidInputError: There is no such split, or there are no images.
    """
    if of is None:
        rows = list(range(len(dataset)))
    else:
        rows = np.unique(rows_of(dataset.table["file_name"], dataset.splits, of)).tolist()
    if not rows:
        raise InvalidInputError("there are no images to split" + ("" if of is None else f" in {shown(of)}"))
    return rows


def check_amount(images: int, draws: int) -> None:
    """See that a step is not asked for more than can be done in reasonable time.

    Args:
        images: How many images it draws from.
        draws: How often each of them is looked at.

    Raises:
        InvalidInputError: It is.
    """
    if images * draws > _MOST_LOOKED_AT:
        message = f"{images:,} images for {draws:,} parts or sets are more than {_MOST_LOOKED_AT:,} together"
        raise InvalidInputError(f"{message}: make fewer, or draw from a smaller split")


def deal_images(
    dataset: ImageDataset,
    rows: Sequence[int],
    parts: Mapping[str, int],
    *,
    seed: int,
    purpose: str,
    stratify_by: str | None,
    group_by: GroupBy | None,
    allow_missing: bool,
) -> list[list[int]]:
    """Deal images to parts, every image to one.

    Args:
        dataset: Has them.
        rows: Which images.
        parts: How much each part gets, in proportion, by its name.
        seed: See `imagecards.splits.draw.draw_number`.
        purpose: See there.
        stratify_by: What each part gets its share of, or ``None``; "no label" counts as a label.
        group_by: What stays together, or ``None``.
        allow_missing: Whether a part may be without some class.

    Returns:
        The rows of each part, in the order of ``parts``.

    Raises:
        InvalidInputError: A part would get no image, or none of some class.
    """
    check_amount(len(rows), len(parts))
    labels = labels_of(dataset, stratify_by) if stratify_by is not None else None
    none, size = (len(labels.names) if labels else 0), -1
    of_row = {row: set(labels.counts[row]) if labels else set() for row in rows}
    members: dict[str, list[int]] = {}
    names: Sequence[str] = dataset.names
    keys = [names[row] for row in rows] if group_by is None else groups_of(dataset, group_by, rows)
    for row, key in zip(rows, keys, strict=True):
        members.setdefault(key, []).append(row)
    units = []
    for key, inside in members.items():
        counts: dict[int, int] = {} if group_by is None else {size: len(inside)}
        for row in inside:
            for label in of_row[row] or (none,):
                counts[label] = counts.get(label, 0) + 1
        units.append(Unit(key, counts))
    what = "images" if group_by is None else "groups"
    _check_enough(len(units), parts, what)
    dealt = deal(units, list(parts.values()), seed, purpose, even_sizes=group_by is None)
    found: list[list[int]] = [[] for _ in parts]
    for unit, part in zip(units, dealt, strict=True):
        found[part] += members[unit.name]
    for name, inside in zip(parts, found, strict=True):
        if not inside:
            message = f"{shown(name)} would get none of the {len(units):,} {what}"
            raise InvalidInputError(f"{message}: give it a larger share, or make fewer parts")
    if labels is not None and not allow_missing:
        _check_labels(labels.names, of_row, dict(zip(parts, found, strict=True)))
    return [sorted(inside) for inside in found]


def _check_enough(count: int, parts: Mapping[str, int], what: str) -> None:
    if count < len(parts):
        raise InvalidInputError(f"there are {count:,} {what} for {len(parts):,} parts: make fewer parts")
    if what == "images":
        for name, size in zip(parts, apportion(count, list(parts.values())), strict=True):
            if not size:
                message = f"{shown(name)} would get none of the {count:,} images"
                raise InvalidInputError(f"{message}: give it a larger share, or make fewer parts")


def _check_labels(names: Sequence[object], of_row: Mapping[int, set[int]], parts: Mapping[str, list[int]]) -> None:
    """See that each part has an image of every class."""
    have = Counter(label for labels in of_row.values() for label in labels)
    faults = []
    for part, inside in parts.items():
        there = set().union(*(of_row[row] for row in inside))
        faults += [(count, label, part) for label, count in have.items() if label not in there]
    if faults:
        rare = dict.fromkeys((label, count) for count, label, _ in sorted(faults))
        told = [f"{shown(names[label])} in {count} image{'s' * (count != 1)}" for label, count in rare]
        more = f", and {len(told) - _MOST_NAMED:,} more classes" if len(told) > _MOST_NAMED else ""
        _, label, part = min(faults)
        raise InvalidInputError(
            f"too few images of a class: {', '.join(told[:_MOST_NAMED])}{more}; {len(parts)} are wanted, one in each "
            f"part, and {shown(part)} would have none of {shown(names[label])}: make fewer parts, give it a larger "
            "share, or say allow_missing=True"
        )


def with_splits(dataset: ImageDataset, members: Mapping[str, Sequence[int]]) -> ImageDataset:
    """A dataset with further splits.

    Args:
        dataset: The dataset.
        members: The rows of each new split.

    Raises:
        InvalidInputError: A name is taken or not safe, or all of it is too much.
    """
    if sum(map(len, members.values())) > MOST_MEMBERSHIPS:
        raise InvalidInputError(f"the splits would have more than {MOST_MEMBERSHIPS:,} images together: make fewer")
    for name in members:
        reason = check_relative(name)
        if reason is not None:
            raise InvalidInputError(f"a split can't be called {shown(name)}: the name {reason}")
        if name in dataset.splits:
            raise InvalidInputError(f"there is a split {shown(name)} already: give the new ones another name")
    names = dataset.names
    added = {name: [names[row] for row in rows] for name, rows in members.items()}
    return replaced(dataset, splits={**dataset.splits, **added})


def joined_name(*parts: str) -> str:
    """The name of a split inside a plan.

    Example:
        >>> joined_name("mskf_0", "train"), joined_name("", "train")
        ('mskf_0/train', 'train')
    """
    return "/".join(part for part in parts if part)
