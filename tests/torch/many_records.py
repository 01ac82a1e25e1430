"""How much memory a loader's processes take over datasets of many records, measured in a process of its own.

Run as a script with the kind of dataset, the number of records and that of worker processes; writes JSON.
"""

import gc
import json
import multiprocessing
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

import imagecards as ic
from imagecards.cards import StoredFile
from imagecards.digests import digest
from imagecards.records import ImageMetadata
from imagecards.registry.reading import ShardSource
from imagecards.storage import MemoryStore
from imagecards.torch import Loader, MapDataset, StreamDataset

_SHARD = "data/a/b/20261120T123526Z-0123456789abcdef/0.tar"


def many_records(count: int) -> ic.ImageDataset:
    """A dataset as the registry opens it, whose images all are the same bytes of one shard."""
    file = BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(file, "JPEG")
    image = file.getvalue()
    objects = {"bbox": [[1, 1, 3, 3], [2, 2, 4, 4]], "categories": ["a", "b"]}
    one = ic.ImageRecord.model_validate({"file_name": "0.jpg", "caption": "one of many", "objects": objects})
    table = ImageMetadata(records=[one]).table.take(pa.array(np.zeros(count, np.int64)))
    names = pa.array([f"{number:07d}.jpg" for number in range(count)])
    facts = {
        "sha256": pa.array([bytes.fromhex(digest(image)[7:])], pa.binary(32)),
        "size": pa.array([len(image)], pa.int64()),
        "width": pa.array([8], pa.int32()),
        "height": pa.array([8], pa.int32()),
        "mode": pa.array(["RGB"]),
        "format": pa.array(["JPEG"]),
        "shard": pa.array([0], pa.int32()),
        "offset": pa.array([0], pa.int64()),
    }
    table = table.set_column(table.column_names.index("file_name"), "file_name", names)
    places = pa.table({"file_name": names})
    for name, value in facts.items():
        column = value.take(pa.array(np.zeros(count, np.int64)))
        places = places.append_column(name, column)
        if name not in ("shard", "offset"):
            table = table.append_column(name, column)
    store = MemoryStore()
    store.put_if_absent(_SHARD, [image])
    shard = StoredFile(key=_SHARD, size=len(image), digest=digest(image))
    return ic.ImageDataset.from_source(ShardSource(store, "a/b@1.0.0", [shard], places), table)


def memory_of(process: int | str) -> dict[str, int]:
    """What a process takes, in MB; ``Pss`` counts memory that is shared by parts."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="utf-8").splitlines()[1:]
    return {name: int(value) // 1024 for name, value in (line.split()[:2] for line in lines)}


def swept(image: Any, target: Any) -> Any:
    """An example, after a sweep such as each worker process makes some time of a long epoch."""
    gc.collect()
    return image, target


def main(kind: str, count: int, workers: int) -> None:
    """Read with so many worker processes, each of them some batches, and tell what all take together."""
    dataset = {"map": MapDataset, "stream": StreamDataset}[kind](many_records(count), transform=swept)
    options: dict[str, Any] = {"num_workers": workers, "multiprocessing_context": "fork"} if workers else {}
    batches = iter(Loader(dataset, 4, shuffle=True, seed=1, buffer=64, **options))
    for _ in range(12 * max(workers, 1)):
        next(batches)
    children = [memory_of(process.pid or 0) for process in multiprocessing.active_children()]
    assert len(children) == workers
    everyone = [memory_of("self"), *children]
    told = {
        "all": sum(each["Pss:"] for each in everyone),
        "worker": max((each["Private_Dirty:"] for each in children), default=0),
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
