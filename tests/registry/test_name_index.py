"""Names are found by their checksums, also where several have the same."""

import pickle

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from imagecards.registry.name_index import NameIndex

NAMES = st.lists(st.text(st.characters(codec="utf-8"), max_size=8), unique=True, max_size=40)


@given(NAMES, st.text(max_size=8))
def test_every_name_is_found_and_no_other(names: list[str], other: str) -> None:
    index = pickle.loads(pickle.dumps(NameIndex(pa.chunked_array([names], pa.string()))))
    assert [index.get(name) for name in names] == list(range(len(names)))
    assert index.get(other) == (names.index(other) if other in names else None)
    assert len(index) == len(names)


def test_names_of_one_checksum_are_told_apart() -> None:
    index = NameIndex(pa.chunked_array([["plumless", "a", "buckeroo"]]))  # both have the CRC-32 4ddb0c25
    assert (index.get("plumless"), index.get("buckeroo"), index.get("a")) == (0, 2, 1)
