"""Hashes that differ in few bits: all of them are found, and no others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagecards.splits import nearness
from imagecards.splits.nearness import near_pairs

# few bits that vary, so that many hashes are near
HASHES = st.sets(st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 255), st.integers(0, 255).map(lambda n: n << 56)))


@given(HASHES, st.integers(0, 16))
def test_all_pairs_are_found_once(hashes: set[int], most: int) -> None:
    values = np.array(sorted(hashes), np.uint64)
    found = near_pairs(values, most)
    wanted = [
        (one, other, (int(values[one]) ^ int(values[other])).bit_count())
        for one in range(len(values))
        for other in range(one + 1, len(values))
        if (int(values[one]) ^ int(values[other])).bit_count() <= most
    ]
    assert list(zip(found.first.tolist(), found.second.tolist(), found.distance.tolist(), strict=True)) == wanted
    assert found.complete


@pytest.mark.parametrize("bound", ["MOST_COMPARED", "MOST_FOUND"])
def test_too_many_are_told(bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearness, bound, 100)
    found = near_pairs(np.arange(500, dtype=np.uint64), 6)
    assert not found.complete
    assert len(found.first) < 1000
