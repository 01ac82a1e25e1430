"""Images that are asked for together: whatever lies where, they are those that come one by one, and fit into memory."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from imagecards.datasets import FILE_FACTS
from imagecards.errors import IntegrityError
from imagecards.registry import reading
from imagecards.registry.reading import ShardSource
from imagecards.storage import MemoryStore

SHARD = bytes(range(256)) * 2


@dataclass(frozen=True)
class Shard:
    key: str


class Server(MemoryStore):
    """A store that takes time, and tells how many bytes were asked for at once."""

    remote = True

    def __init__(self) -> None:
        super().__init__()
        self.together: list[int] = []

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        self.together.append(sum(length for _, length in ranges))
        return super().get_ranges(key, ranges)


def source_of(server: Server, rows: Sequence[tuple[int, int, int, bool]]) -> ShardSource:
    """Images given by shard, first byte, size, and whether their bytes are those that were registered."""
    keys = ["data/0.tar", "data/1.tar"]
    for key in keys:
        server.put_if_absent(key, [SHARD])
    digests = [
        hashlib.sha256(SHARD[begin : begin + size] if right else b"x").digest() for _, begin, size, right in rows
    ]
    columns: dict[str, Any] = {
        "file_name": [str(number) for number in range(len(rows))],
        "shard": [shard for shard, *_ in rows],
        "offset": [begin for _, begin, *_ in rows],
        "size": [size for _, _, size, _ in rows],
        "sha256": pa.array(digests, pa.binary(32)),
    }
    facts = {field.name: pa.nulls(len(rows), field.type) for field in FILE_FACTS if field.name not in columns}
    shards: list[Any] = [Shard(key) for key in keys]
    return ShardSource(server, "a/b@1.0.0", shards, pa.table(columns | facts))


ROWS = st.tuples(st.integers(0, 1), st.integers(0, 400), st.sampled_from([0, 20, 100]), st.integers(0, 20).map(bool))


@settings(max_examples=200)
@given(st.data())
def test_they_are_those_that_come_one_by_one(data: st.DataObject) -> None:
    rows = data.draw(st.lists(ROWS, min_size=8, max_size=8))
    asked = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=8, max_size=16))
    most, gap, gaps = (data.draw(st.sampled_from([0, 50, 300])) for _ in range(3))
    server = Server()
    found: list[bytes] = []
    damaged = False
    with (
        patch.object(reading, "_TOGETHER", most),
        patch.object(reading, "_GAP", gap),
        patch.object(reading, "_GAPS", gaps),
        patch.object(reading, "cache_for", lambda store: None),
    ):
        try:
            found.extend(source_of(server, rows).read_many([str(number) for number in asked]))
        except IntegrityError:
            damaged = True
    wrong = [number for number in range(len(asked)) if not rows[asked[number]][3]]
    expected = asked[: wrong[0]] if wrong else asked
    assert damaged == bool(wrong)
    assert found == [SHARD[begin : begin + size] for _, begin, size, _ in map(rows.__getitem__, expected)]
    assert all(size <= max(most, 100) + gaps for size in server.together)
