"""Registries and datasets that were made by someone who means harm: one typed error, and nothing believed."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imagecards import CardRegistry, ImageDataset
from imagecards.cards import seal, unseal
from imagecards.errors import ImageCardsError, IntegrityError, NotFoundError

MakeFolder = Callable[..., Path]
Change = Callable[[pa.Table], pa.Table]


def column(name: str, values: list[Any], kind: pa.DataType) -> Change:
    def change(table: pa.Table) -> pa.Table:
        return table.set_column(table.column_names.index(name), name, pa.array(values, kind))

    return change


CHANGES: dict[str, Change] = {
    "one name twice": column("file_name", ["a.png", "a.png"], pa.string()),
    "a path out of the folder": column("file_name", ["../x.png", "b.png"], pa.string()),
    "an absolute path": column("file_name", ["/etc/passwd", "b.png"], pa.string()),
    "no name": column("file_name", [None, "b.png"], pa.string()),
    "numbers for names": column("file_name", [1, 2], pa.int64()),
    "a shard that wraps around": column("shard", [2**32, 0], pa.int64()),
    "a shard that is not there": column("shard", [1, 0], pa.int32()),
    "an offset beyond the shard": column("offset", [2**62, 0], pa.int64()),
    "an offset before the shard": column("offset", [-512, 0], pa.int64()),
    "a size that overflows": column("size", [2**63 - 1, 10], pa.int64()),
    "a negative size": column("size", [-1, 10], pa.int64()),
    "text for digests": column("sha256", ["x", "y"], pa.string()),
    "no digest": column("sha256", [None, bytes(32)], pa.binary(32)),
    "text for widths": column("width", ["8", "8"], pa.string()),
    "text for objects": column("objects", ["x", "y"], pa.string()),
    "one row more": lambda table: pa.concat_tables([table, table.slice(0, 1)]),
    "a column twice": lambda table: table.append_column("size", table["size"]),
    "a column of its own": lambda table: table.append_column("code", table["file_name"]),
}


def reseal(registry: CardRegistry, change: Change) -> None:
    """Change the records of a/b@1.0.0, with digests that fit, as only a writer of the registry can."""
    root = Path(registry.url)
    card = root / "cards/a/b/1.0.0.json"
    body = unseal(card.read_bytes(), "card")
    records = root / body["records"]["key"]
    sink = io.BytesIO()
    pq.write_table(change(pq.read_table(records)), sink)
    records.write_bytes(sink.getvalue())
    body["records"] |= {"size": len(sink.getvalue()), "digest": f"sha256:{hashlib.sha256(sink.getvalue()).hexdigest()}"}
    card.write_bytes(seal(body))
    registry.store.close()


@pytest.mark.parametrize("name", CHANGES)
def test_records_that_were_changed_are_refused_by_whatever_reads_them(
    registry: CardRegistry, make_folder: MakeFolder, tmp_path: Path, name: str
) -> None:
    folder = make_folder({"a.png": {"caption": "x"}, "b.png": {"objects": {"bbox": [], "categories": []}}})
    registry.register(ImageDataset(image_dir=folder), "a/b")
    reseal(registry, CHANGES[name])
    with pytest.raises(IntegrityError):
        registry.open("a/b")
    with pytest.raises(IntegrityError):
        registry.fetch("a/b", to=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not registry.verify(deep=True).ok
    more = make_folder({"c.png": {"caption": "y"}}, name="more", seed=9)
    card = registry.register(ImageDataset(image_dir=more), "a/b")
    assert str(card.version) == "2.0.0", "new data do not need what was changed"
    opened = registry.open(card)
    assert isinstance(opened, ImageDataset)
    assert opened.read_bytes("c.png") == (more / "c.png").read_bytes()


def test_a_document_that_claims_to_be_huge_is_refused(
    registry: CardRegistry, make_folder: MakeFolder, tmp_path: Path
) -> None:
    registry.register(ImageDataset(image_dir=make_folder(2)), "a/b")
    card = Path(registry.url) / "cards/a/b/1.0.0.json"
    body = unseal(card.read_bytes(), "card")
    body["documents"][0]["size"] = 2**46
    card.write_bytes(seal(body))
    with pytest.raises(IntegrityError, match=r"holds .* bytes or more, and its card says"):
        registry.fetch("a/b", to=tmp_path / "out")


def test_what_a_table_says_of_its_files_is_not_believed(registry: CardRegistry, make_folder: MakeFolder) -> None:
    folder = make_folder(2)
    registry.register(ImageDataset(image_dir=folder), "a/b")
    opened = registry.open("a/b")
    assert isinstance(opened, ImageDataset)
    wrong = column("size", [1, 1], pa.int64())(opened.table)
    card = registry.register(ImageDataset.from_source(opened.source, wrong), "a/c")
    copy = registry.open(card)
    assert isinstance(copy, ImageDataset)
    assert [copy.read_bytes(name) for name in copy.names] == [opened.read_bytes(name) for name in opened.names]
    for names, error in ([["../../x.png", "001.png"], ImageCardsError], [["new.png", "001.png"], NotFoundError]):
        table = column("file_name", names, pa.string())(opened.table)  # type: ignore[arg-type]  # two pairs of a kind
        with pytest.raises(error):  # type: ignore[call-overload]  # the same
            registry.register(ImageDataset.from_source(opened.source, table), "a/d")
