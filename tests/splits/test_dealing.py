"""Dealing: what it promises holds for all units, shares and seeds, and it is what the documentation says."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.splits import deal_by_the_book

from imagecards.splits import exchanging
from imagecards.splits.dealing import Unit, apportion, deal

LABELS = st.integers(0, 5)
IMAGES = st.lists(st.frozensets(LABELS, min_size=1, max_size=3).map(lambda x: dict.fromkeys(sorted(x), 1)), max_size=40)
GROUPS = st.lists(st.dictionaries(LABELS, st.integers(1, 9), min_size=1, max_size=4), max_size=25)
SHARES = st.one_of(
    st.integers(2, 5).map(lambda k: [1] * k), st.lists(st.integers(1, 20), min_size=1, max_size=5), st.just([791, 264])
)
SEEDS = st.integers(0, 2**53)


def units_of(counts: list[dict[int, int]]) -> list[Unit]:
    return [Unit(f"{number:03d}.png", each) for number, each in enumerate(counts)]


def excess(units: list[Unit], shares: list[int], parts: list[int]) -> dict[tuple[int, int], float]:
    """By how much each part has more of each label than its share."""
    totals = Counter[int]()
    have = Counter[tuple[int, int]]()
    for unit, part in zip(units, parts, strict=True):
        for label, count in unit.counts.items():
            totals[label] += count
            have[part, label] += count
    return {
        (part, label): have[part, label] - total * share / sum(shares)
        for label, total in totals.items()
        for part, share in enumerate(shares)
    }


@given(IMAGES, SHARES, SEEDS)
@settings(max_examples=60)
def test_images_are_dealt_as_the_documentation_says(counts: list[dict[int, int]], shares: list[int], seed: int) -> None:
    units = units_of(counts)
    by_the_book = deal_by_the_book.deal({unit.name: unit.counts for unit in units}, shares, seed, "k-fold", True)
    parts = deal(units, shares, seed, "k-fold", even_sizes=True)
    assert {unit.name: part for unit, part in zip(units, parts, strict=True)} == by_the_book


@given(GROUPS, SHARES, SEEDS)
@settings(max_examples=60)
def test_groups_are_dealt_as_the_documentation_says(counts: list[dict[int, int]], shares: list[int], seed: int) -> None:
    units = units_of(counts)
    by_the_book = deal_by_the_book.deal({unit.name: unit.counts for unit in units}, shares, seed, "holdout", False)
    parts = deal(units, shares, seed, "holdout", even_sizes=False)
    assert {unit.name: part for unit, part in zip(units, parts, strict=True)} == by_the_book


@given(IMAGES, SHARES, SEEDS)
def test_every_image_is_in_one_part_and_sizes_are_within_one(
    counts: list[dict[int, int]], shares: list[int], seed: int
) -> None:
    parts = deal(units_of(counts), shares, seed, "x", even_sizes=True)
    assert len(parts) == len(counts)
    assert [parts.count(part) for part in range(len(shares))] == apportion(len(counts), shares)


@given(IMAGES, SHARES, SEEDS)
def test_each_part_has_its_whole_share_of_each_label_set(
    counts: list[dict[int, int]], shares: list[int], seed: int
) -> None:
    parts = deal(units_of(counts), shares, seed, "x", even_sizes=True)
    kinds = [tuple(each) for each in counts]
    for kind, count in Counter(kinds).items():
        for part, share in enumerate(shares):
            assert list(zip(kinds, parts, strict=True)).count((kind, part)) >= count * share // sum(shares)


@given(st.lists(LABELS, max_size=60), st.integers(2, 7), SEEDS)
@settings(max_examples=200)
def test_folds_have_their_share_of_labels_that_exclude_each_other(labels: list[int], k: int, seed: int) -> None:
    units = units_of([{label: 1} for label in labels])
    parts = deal(units, [1] * k, seed, "x", even_sizes=True)
    assert all(abs(off) < 1 for off in excess(units, [1] * k, parts).values())


@given(GROUPS, SHARES, SEEDS, st.randoms(use_true_random=False))
def test_the_order_of_units_and_labels_does_not_count(
    counts: list[dict[int, int]], shares: list[int], seed: int, shuffling: Any
) -> None:
    units = units_of(counts)
    parts = {unit.name: part for unit, part in zip(units, deal(units, shares, seed, "x", even_sizes=True), strict=True)}
    mixed = [Unit(unit.name, dict(sorted(unit.counts.items(), reverse=True))) for unit in units]
    shuffling.shuffle(mixed)
    again = deal(mixed, shares, seed, "x", even_sizes=True)
    assert {unit.name: part for unit, part in zip(mixed, again, strict=True)} == parts


@given(IMAGES, st.integers(2, 5), SEEDS, st.frozensets(LABELS, min_size=1, max_size=3), st.text(max_size=3))
def test_another_image_moves_few_images_and_of_other_label_sets_only_the_rest(
    counts: list[dict[int, int]], k: int, seed: int, labels: frozenset[int], name: str
) -> None:
    units, added = units_of(counts), Unit(name, dict.fromkeys(sorted(labels), 1))
    before = deal(units, [1] * k, seed, "x", even_sizes=True)
    after = deal([*units, added], [1] * k, seed, "x", even_sizes=True)[:-1]
    moved = Counter(tuple(unit.counts) for unit, a, b in zip(units, before, after, strict=True) if a != b)
    for kind, count in moved.items():
        limit = k - 1 if kind != tuple(added.counts) else k * (k + 3) // 2
        assert count <= limit


@given(GROUPS.filter(bool), st.integers(2, 4))
def test_python_numbers_and_machine_numbers_agree(counts: list[dict[int, int]], k: int) -> None:
    totals = Counter[int]()
    for each in counts:
        totals.update(each)
    rests = []
    for dtype in (np.int64, object):
        over = {label: [-total] * k for label, total in totals.items()}
        for each in counts:
            for label, count in each.items():
                over[label][0] += k * count
        rest = exchanging.Rest.of(counts, [0] * len(counts), over, k)
        rest.over, rest.counts = rest.over.astype(dtype), rest.counts.astype(dtype)
        exchanging.exchange(rest, 1000, moves=True)
        rests.append((rest.parts.tolist(), rest.cost()))
    assert rests[0] == rests[1]


@pytest.mark.parametrize("moves", [True, False])
def test_exchanges_stop_in_time(moves: bool) -> None:
    counts = [{number % 7: 1 + number % 5} for number in range(200)]
    totals = Counter[int]()
    for each in counts:
        totals.update(each)
    over = {label: [-total] * 3 for label, total in totals.items()}
    for each in counts:
        for label, count in each.items():
            over[label][0] += 3 * count
    rest = exchanging.Rest.of(counts, [0] * 199 + [1], over, 3)
    assert exchanging.exchange(rest, 5, moves=moves) <= 5


@example(1055, [1, 1, 1, 1])
@given(st.integers(0, 2000), st.lists(st.integers(1, 1000), min_size=1, max_size=9))
def test_apportioned_sizes_add_up_and_are_within_one(count: int, shares: list[int]) -> None:
    sizes = apportion(count, shares)
    assert sum(sizes) == count
    assert all(abs(size - count * share / sum(shares)) < 1 for size, share in zip(sizes, shares, strict=True))
