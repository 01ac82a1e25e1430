"""The shelf: where images are stored already, so that they need not be stored again."""

import logging
from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from imagecards.cards import DataCard, StoredFile
from imagecards.errors import IntegrityError
from imagecards.registry import contents
from imagecards.registry.files import is_whole
from imagecards.registry.pack import Group
from imagecards.registry.place_check import check_places
from imagecards.storage import Store

_log = logging.getLogger("imagecards")
_COLUMNS = ("file_name", "sha256", "shard", "offset", "size")


class Shelf:
    """Shards that hold images by digest: those of earlier versions first, then those that an attempt adds.

    Attributes:
        store: The registry's store.
        lenders: The cards whose shards may be pointed into.
    """

    def __init__(self, store: Store, lenders: Iterable[DataCard]) -> None:
        self.store = store
        self._shards: list[StoredFile] = []
        self._tables: list[pa.Table] = []
        readable = []
        for card in lenders:
            try:
                assert card.records is not None
                table = contents.read_records(store, card.records, columns=_COLUMNS, rows=card.summary.images)
                table = table.filter(table["shard"].is_valid())  # linked images are nobody's to lend
                check_places(card, table)
            except IntegrityError as error:
                _log.warning("no image of %s is used again: %s", card.ref, error)
                continue
            sound = np.array([is_whole(store, stored) for stored in card.shards], dtype=bool)
            if not sound.all():
                _log.warning("shards of %s are missing or truncated: their images are stored again", card.ref)
                table = table.filter(pa.array(sound[table["shard"].to_numpy()]))
            self._add(table["sha256"], table["shard"].to_numpy(), table["offset"].to_numpy(), card.shards)
            readable.append(card)
        self.lenders = tuple(readable)

    def digests(self) -> pa.ChunkedArray:
        """The sha256 of every image on the shelf."""
        return pa.chunked_array([chunk for table in self._tables for chunk in table["sha256"].chunks], pa.binary(32))

    def add_groups(self, groups: Sequence[Group]) -> None:
        """Put what was just packed on the shelf."""
        for group in groups:
            if group.shard is not None:
                count = len(group.offsets)
                digests = pa.chunked_array([pa.array(group.offsets, pa.binary(32))])
                offsets = np.fromiter(group.offsets.values(), np.int64, count)
                self._add(digests, np.zeros(count, np.int32), offsets, (group.shard,))

    def place(self, digests: pa.ChunkedArray) -> tuple[pa.Table, tuple[StoredFile, ...]]:
        """Where images are.

        Args:
            digests: Their sha256, each of which is on the shelf; null for an image that has no place here.

        Returns:
            A table of ``shard`` and ``offset``, one row for each digest in order (null for null), and the shards that
            it points into.
        """
        rows = pc.index_in(digests.drop_null(), value_set=self.digests())
        table = pa.concat_tables(self._tables) if self._tables else contents.PLACE_COLUMNS.empty_table()
        shard = table["shard"].take(rows).to_numpy()
        offset = table["offset"].take(rows).combine_chunks()
        used, position = np.unique(shard, return_inverse=True)
        places = pa.table([pa.array(position.astype(np.int32)), offset], schema=contents.PLACE_COLUMNS)
        if digests.null_count:
            there = digests.is_valid().to_numpy()
            places = places.take(pa.array(np.cumsum(there) - 1, mask=~there))
        return places, tuple(self._shards[index] for index in used)

    def _add(
        self,
        digests: pa.ChunkedArray,
        shard: "np.ndarray",
        offset: "np.ndarray",
        shards: Sequence[StoredFile],
    ) -> None:
        known = {stored.key: index for index, stored in enumerate(self._shards)}
        for stored in shards:
            if stored.key not in known:
                known[stored.key] = len(self._shards)
                self._shards.append(stored)
        where = np.array([known[stored.key] for stored in shards], np.int32)
        moved = where[shard] if len(shard) else np.zeros(0, np.int32)
        self._tables.append(pa.table({"sha256": digests, "shard": moved, "offset": np.asarray(offset, np.int64)}))
