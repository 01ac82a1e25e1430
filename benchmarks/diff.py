"""What changed between two large versions."""

import hashlib
import shutil

import numpy as np
import pyarrow as pa

import imagecards as ic
from benchmarks.children import measure
from benchmarks.figures import Row, Sample, Suite, Target, figure
from benchmarks.options import Options
from imagecards.cards import CardName, DataCard, StoredFile, Summary, Version
from imagecards.errors import ImageCardsError
from imagecards.records import record_digests
from imagecards.registry import contents, keys
from imagecards.registry.register import ensure_registry
from imagecards.storage import Store, open_store

_ATTEMPT = "20260101T000000Z-0000000000000000"
_BOXES = 3
_NAMES = ("background", "flake", "scratch")


class Diff:
    """Two versions of many records, one in a hundred of which differs."""

    rows = (
        Row("diff", "diff"),
        Row("memory", "peak memory", "bytes"),
        Row("right", "every change was found, and nothing else", "yes"),
    )

    def __init__(self, options: Options, count: int) -> None:
        self.title = f"What changed between two versions of {count:,} records"
        self.method = (
            f"Each record has {_BOXES} boxes; in one of a hundred a box was moved. In a fresh process, after imports, "
            "from the look-up of both cards to the last changed object. The records tables are those that registering "
            "would write; the images that they name were left out."
        )
        self._count = count
        self._place = options.data / f"registry-diff-{count}"
        self.targets = (
            Target(f"diff of {count:,} records", figure("diff"), "under", 8, "s"),
            Target(f"diff of {count:,} records, peak memory", figure("memory"), "under", 2e9, "bytes"),
            Target(f"diff of {count:,} records, every change found", figure("right"), "at least", 1, "yes"),
        )

    def prepare(self) -> None:
        """Write both versions, unless they are there."""
        try:
            if ic.CardRegistry(self._place).load("bench/many@1.0.1").summary.images == self._count:
                return
        except ImageCardsError:
            pass
        print(f"writing 2 x {self._count:,} records", flush=True)
        shutil.rmtree(self._place, ignore_errors=True)
        store = open_store(self._place)
        ensure_registry(store)
        for patch, moved in enumerate((False, True)):
            _put(store, Version(1, 0, patch), _records(self._count, moved=moved))

    def round(self, number: int) -> Sample:
        """One comparison."""
        return measure("diff_versions", self._place, self._count // 100)


def _records(count: int, *, moved: bool) -> pa.Table:
    rows = np.arange(count)
    boxes = (rows[:, None] * 7 + np.arange(4 * _BOXES)) % 500 + 1.0
    if moved:
        boxes[::100, 0] += 1
    numbers = pa.FixedSizeListArray.from_arrays(pa.array(boxes.ravel()), 4).cast(pa.list_(pa.float64()))
    names = pa.array([_NAMES[number % len(_NAMES)] for number in range(count * _BOXES)])
    entries = pa.StructArray.from_arrays([numbers, names], ["bbox", "category"])
    return pa.table(
        {
            "file_name": pa.array([f"images/{row:08d}.jpg" for row in rows.tolist()]),
            "caption": pa.array([f"a photograph, number {row}" for row in rows.tolist()]),
            "categories": pa.nulls(count, pa.list_(pa.string())),
            "objects": pa.ListArray.from_arrays(np.arange(0, count * _BOXES + 1, _BOXES).astype(np.int32), entries),
        }
    )


def _put(store: Store, version: Version, records: pa.Table) -> None:
    """Write a version whose images are not there."""
    count = records.num_rows
    images = [hashlib.sha256(b"%d" % row).digest() for row in range(count)]
    digests = [each[: contents.DIGEST_SIZE] for each in record_digests(records, images)]
    columns = {
        "sha256": pa.array(images, pa.binary(32)),
        "size": pa.array(np.full(count, 1000)),
        "width": pa.array(np.full(count, 640, np.int32)),
        "height": pa.array(np.full(count, 640, np.int32)),
        "mode": pa.array(["RGB"] * count),
        "format": pa.array(["JPEG"] * count),
        "shard": pa.array(np.zeros(count, np.int32)),
        "offset": pa.array(np.arange(count) * 1024),
        "digest": pa.array(digests, pa.binary(contents.DIGEST_SIZE)),
    }
    for name, column in columns.items():
        records = records.append_column(name, column)
    data = contents.encode_records(records)
    key = f"data/bench/many/{_ATTEMPT[:-1]}{version.patch}/records.parquet"
    store.put_if_absent(key, [data])
    card = DataCard(
        kind="images",
        name=CardName("bench", "many"),
        version=version,
        attempt=_ATTEMPT[:-1] + str(version.patch),
        dataset_digest=f"sha256:{version.patch:064d}",
        summary=Summary(images=count, categories=tuple((name, count) for name in _NAMES)),
        records=StoredFile(key=key, size=len(data), digest=f"sha256:{hashlib.sha256(data).hexdigest()}"),
    )
    store.put_if_absent(keys.card(card.ref), [card.to_json()])


def suites(options: Options) -> list[Suite]:
    """Two versions."""
    return [Diff(options, 10_000 if options.quick else 1_000_000)]
