"""How much memory forked processes take that read linked images of one version, measured in a process of its own.

Run as a script with the number of images and that of processes; writes JSON.
"""

import json
import multiprocessing
import sys
from hashlib import sha256
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pyarrow as pa

from imagecards.datasets.remote import RemoteObject, access
from imagecards.datasets.remote.objects import Piece
from imagecards.datasets.remote.plain import PlainObjects
from imagecards.registry.linked_source import LinkedSource
from imagecards.registry.links import check_urls
from imagecards.storage import MemoryStore

_IMAGE = bytes(100)


class Bucket(PlainObjects):
    """Has the same bytes behind every URL, so that the objects themselves take no memory."""

    def read(self, wanted: RemoteObject, start: int, stop: int) -> Piece:
        return Piece(_IMAGE[start:stop])


def many_links(count: int) -> LinkedSource:
    """What the registry makes of a version whose images lie in folders of a thousand."""
    rows = range(count)
    records = pa.table(
        {
            "file_name": [name_of(row) for row in rows],
            "url": [f"memory://bucket/images/of/a/survey/{row // 1000:04d}/{name_of(row)}" for row in rows],
            "etag": [f"{row:032x}" for row in rows],
        }
    )
    same = {
        "version": pa.scalar(None, pa.string()),
        "sha256": pa.scalar(sha256(_IMAGE).digest(), pa.binary(32)),
        "size": pa.scalar(len(_IMAGE), pa.int64()),
        "width": pa.scalar(8, pa.int32()),
        "height": pa.scalar(8, pa.int32()),
        "mode": pa.scalar("RGB"),
        "format": pa.scalar("JPEG"),
        "shard": pa.scalar(0, pa.int32()),
        "offset": pa.scalar(0, pa.int64()),
    }
    for name, value in same.items():
        records = records.append_column(name, pa.repeat(value, count))
    check_urls(records["url"], "records.parquet")
    return LinkedSource(MemoryStore(), "a/b@1.0.0", [], records)


def name_of(row: int) -> str:
    return f"{row:07d}.jpg"


def read(source: LinkedSource, rows: range, all_read: Barrier) -> dict[str, int]:
    """Read images; what this process takes in MB when all have read theirs. ``Pss`` counts shared memory by parts."""
    for row in rows:
        source.read(name_of(row))
    all_read.wait()
    lines = Path("/proc/self/smaps_rollup").read_text(encoding="utf-8").splitlines()[1:]
    all_read.wait()
    return {name: int(value) // 1024 for name, value in (line.split()[:2] for line in lines)}


def main(count: int, workers: int) -> None:
    """Read each image once, in so many forked processes or in this one, and tell what all take together."""
    access.objects_at = lambda url: Bucket("memory")
    source = many_links(count)
    context = multiprocessing.get_context("fork")
    all_read, told = context.Barrier(workers + 1), context.SimpleQueue()

    def work(rows: range) -> None:
        told.put(read(source, rows, all_read))

    for worker in range(workers):
        context.Process(target=work, args=(range(worker, count, workers),), daemon=True).start()
    here = read(source, range(0 if workers else count), all_read)
    others = [told.get() for _ in range(workers)]
    everyone = sum(each["Pss:"] for each in (here, *others))
    sys.stdout.write(
        json.dumps({"all": everyone, "worker": max((each["Private_Dirty:"] for each in others), default=0)})
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
