"""Leaks: what the splits of one plan share, although a test is worth something only where they share nothing."""

from collections.abc import Hashable, Mapping, Sequence
from concurrent.futures import Executor
from itertools import combinations, islice
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from imagecards.datasets import ImageDataset
from imagecards.errors import InvalidInputError
from imagecards.images import MAX_PIXELS
from imagecards.records import shown
from imagecards.splits.grouping import GroupBy, groups_of
from imagecards.splits.leak_report import MOST_IMAGES, MOST_LEAKS, Kind, Leak, LeakReport
from imagecards.splits.likeness import Likeness, One
from imagecards.splits.looking import Look, check_hashing, look_at
from imagecards.splits.members import rows_of

NEAR = 6
"""In how many of 64 bits the hashes of near-duplicates may differ."""

MOST_PAIRS = 10_000
"""How many pairs of splits are compared with each other."""

_MOST_NEAR = 16
_Splits: TypeAlias = Mapping[str, Sequence[str]]


def find_leaks(
    dataset: ImageDataset,
    *,
    group_by: GroupBy | None = None,
    splits: Sequence[str] | None = None,
    pixels: bool = True,
    near: int | None = NEAR,
    max_pixels: int = MAX_PIXELS,
    executor: Executor | None = None,
) -> LeakReport:
    """Find what the splits of one plan share.

    Splits are of one plan where their names are the same but for the part behind the last slash: ``mskf_0/train`` and
    ``mskf_0/valid``, or ``train`` and ``test``.

    Args:
        dataset: Has the splits.
        group_by: Looks for shared groups, too: a field of the records, a `Pattern` on the file name, or a `Function`.
        splits: Compares each of these with each other, whatever they are called.
        pixels: Whether to decode the images, and to compare their pixels.
        near: In how many of 64 bits the perceptual hashes of near-duplicates may differ, up to 16; ``None`` looks for
            none. Needs ``pixels``, and the extra ``leaks``.
        max_pixels: Largest width x height that is decoded.
        executor: Where to read and decode: any ``concurrent.futures`` executor; by default this process.

    Raises:
        InvalidInputError: There are no two splits to compare, or more than `MOST_PAIRS` of them, or an argument does
            not fit.
        MissingDependencyError: Near-duplicates are looked for, and the extra is not installed.
    """
    if near is not None and not 0 <= near <= _MOST_NEAR:
        raise InvalidInputError(f"near is {near}: give a number from 0 to {_MOST_NEAR}, or None")
    alike = pixels and near is not None
    if alike:
        check_hashing()
    pairs = _pairs(dataset.splits, splits)
    if len(pairs) > MOST_PAIRS:
        raise InvalidInputError(
            f"there are more than {MOST_PAIRS:,} pairs of splits to compare, such as {shown(pairs[0][0])} and "
            f"{shown(pairs[0][1])}: name fewer splits"
        )
    if not pairs:
        raise InvalidInputError("there are no two splits of one plan to compare, such as train and test: name two")
    rows = _rows_of(dataset.table["file_name"], dataset.splits, pairs)
    used = np.unique(np.concatenate(list(rows.values()))).tolist()
    looks = _look(dataset, used, pixels=pixels, alike=alike, max_pixels=max_pixels, executor=executor)
    likenesses = _likenesses(dataset, looks, near if alike else None, pixels=pixels)
    if group_by is not None:
        groups = dict(zip(used, groups_of(dataset, group_by, used), strict=True))
        likenesses.insert(1, Likeness.of("group", len(dataset), groups, likenesses[0]))
    faults = [(dataset.names[row], look.fault) for row, look in sorted(looks.items()) if look.fault]
    return _report(dataset.names, pairs, rows, likenesses, faults)


def find_identical_bytes(names: pa.ChunkedArray, digests: pa.ChunkedArray, splits: _Splits) -> LeakReport:
    """Find where splits of one plan have the same bytes under several names; no image is read.

    Only splits that have images whose bytes are there under several names are compared, and of these `MOST_PAIRS` pairs
    at most: whether there are such images at all is known by then.

    Args:
        names: The file name of each image.
        digests: The digest of its bytes.
        splits: The file names of each split.
    """
    counted = pc.value_counts(digests)
    several = counted.field("values").filter(pc.greater(counted.field("counts"), 1))
    is_twin = pc.is_in(digests, several)
    twins = names.filter(is_twin)
    known = frozenset(twins.to_pylist())
    inside = {split: sorted(known.intersection(members)) for split, members in splits.items()}
    pairs = _pairs({split: members for split, members in inside.items() if members}, None)[:MOST_PAIRS]
    values = dict(enumerate(digests.filter(is_twin).to_pylist()))
    same = Likeness.of("image", len(twins), {row: row for row in values}, None)
    likenesses = [Likeness.of("bytes", len(twins), values, same)]
    return _report(twins.to_pylist(), pairs, _rows_of(twins, inside, pairs), likenesses, [])


def _report(
    names: Sequence[str],
    pairs: Sequence[tuple[str, str]],
    rows: Mapping[str, NDArray[np.int64]],
    likenesses: Sequence[Likeness],
    faults: Sequence[tuple[str, str]],
) -> LeakReport:
    kept: list[Leak] = []
    counts: dict[Kind, int] = {}
    for first, second in pairs:
        for each in likenesses:
            shared = each.shared(rows[first], rows[second])
            counts[each.kind] = counts.get(each.kind, 0) + len(shared)
            told = shared.first_ones(MOST_LEAKS - len(kept))
            kept += [_leak(each, names, first, second, one) for one in told]
    return LeakReport(
        pairs=tuple(pairs),
        looked_for=tuple(each.kind for each in likenesses),
        leaks=tuple(kept),
        counts={each.kind: counts[each.kind] for each in likenesses if counts.get(each.kind)},
        unreadable=tuple(faults[:MOST_LEAKS]),
        unreadable_count=len(faults),
        complete=all(each.near is None or each.near.complete for each in likenesses),
    )


def _rows_of(names: pa.ChunkedArray, splits: _Splits, pairs: Sequence[tuple[str, str]]) -> dict[str, NDArray[np.int64]]:
    """The rows of each split that is compared."""
    compared = dict.fromkeys(split for pair in pairs for split in pair)
    return {split: rows_of(names, splits, split) for split in compared}


def _pairs(splits: _Splits, named: Sequence[str] | None) -> list[tuple[str, str]]:
    """The splits to compare: those that were named, else those of one plan; one pair more than may be, at most."""
    plans: dict[str, list[str]] = {} if named is None else {"": list(dict.fromkeys(named))}
    for split in splits if named is None else ():
        plans.setdefault(split.rpartition("/")[0], []).append(split)
    pairs = (pair for plan in plans.values() for pair in combinations(plan, 2))
    return list(islice(pairs, MOST_PAIRS + 1))


def _look(
    dataset: ImageDataset,
    rows: Sequence[int],
    *,
    pixels: bool,
    alike: bool,
    max_pixels: int,
    executor: Executor | None,
) -> dict[int, Look]:
    """Look at images; of those whose bytes are known to be the same, at one."""
    table = dataset.table
    known: dict[int, bytes] = {}
    if "sha256" in table.column_names and not table["sha256"].null_count:
        known = dict(zip(rows, table["sha256"].take(pa.array(rows, pa.int64())).to_pylist(), strict=True))
        if not pixels:
            return {row: Look(sha256) for row, sha256 in known.items()}
    same: dict[Hashable, list[int]] = {}
    for row in rows:
        same.setdefault(known.get(row, row), []).append(row)
    names = [dataset.names[group[0]] for group in same.values()]
    looks = look_at(dataset.source, names, pixels=pixels, alike=alike, max_pixels=max_pixels, executor=executor)
    return {row: look for group, look in zip(same.values(), looks, strict=True) for row in group}


def _likenesses(dataset: ImageDataset, looks: Mapping[int, Look], near: int | None, *, pixels: bool) -> list[Likeness]:
    """The ways in which images can be alike, the plainest first."""
    count = len(dataset)
    found = [Likeness.of("image", count, {row: row for row in looks}, None)]
    found.append(Likeness.of("bytes", count, {row: look.sha256 for row, look in looks.items()}, found[-1]))
    if pixels:
        found.append(Likeness.of("pixels", count, {row: look.pixels for row, look in looks.items()}, found[-1]))
    if near is not None:
        alike = Likeness.of("near", count, {row: look.hash for row, look in looks.items()}, found[-1])
        found.append(alike.with_near(near))
    return found


def _leak(each: Likeness, names: Sequence[str], first: str, second: str, shared: One) -> Leak:
    here, there = ([names[row] for row in rows[:MOST_IMAGES]] for rows in (shared.first, shared.second))
    return Leak(
        kind=each.kind,
        first=first,
        second=second,
        first_images=tuple(here),
        second_images=tuple(there),
        first_count=len(shared.first),
        second_count=len(shared.second),
        group=str(shared.value) if each.kind == "group" else None,
        distance=shared.distance if each.kind == "near" else None,
    )
