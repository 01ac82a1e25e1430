"""The table of records that opsml keeps: annotations, what the image files are, and the splits of each image."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from imagecards.datasets import FILE_FACTS, ImageDataset
from imagecards.errors import ImageCardsError, IntegrityError
from imagecards.paths import check_relative
from imagecards.records import ImageMetadata, dataset_digest, record_digests
from imagecards.registry.contents import IMAGE_COLUMNS, annotations, encode_records

SPLITS = "splits"

_SPLITS_TYPE = pa.list_(pa.string())


class Described(NamedTuple):
    """A dataset as opsml keeps it.

    Attributes:
        table: One row an image.
        digest: The digest of the dataset.
    """

    table: pa.Table
    digest: str


def describe(dataset: ImageDataset) -> Described:
    """The table of a dataset; images that are not in a registry are read for it.

    Raises:
        InvalidMetadataError: The dataset breaks rules; ``.issues`` has all of it.
    """
    records, facts = annotations(dataset.table), dataset.facts
    names = records["file_name"].to_pylist()
    digests = record_digests(records, facts["sha256"].to_pylist())
    inside: dict[str, list[str]] = {name: [] for name in names}
    for split, members in dataset.splits.items():
        for name in members:
            inside[name].append(split)
    table = records
    for field in IMAGE_COLUMNS:
        table = table.append_column(field, facts[field.name])
    table = table.append_column(SPLITS, pa.array(inside.values(), _SPLITS_TYPE))
    return Described(table, dataset_digest(names, digests, dataset.splits, dataset.attributes))


def write_table(path: Path, table: pa.Table) -> None:
    """Write the table as parquet."""
    path.write_bytes(encode_records(table))


def read_table(path: Path, place: str) -> pa.Table:
    """Read such a table, and trust nothing.

    Args:
        path: The parquet file.
        place: What it belongs to, for messages.

    Raises:
        IntegrityError: It is missing or no such table.
    """
    try:
        table = pq.ParquetFile(path).read()
        table.validate(full=True)
        wanted = [*IMAGE_COLUMNS, pa.field(SPLITS, _SPLITS_TYPE)]
        wrong = [field.name for field in wanted if table.schema.field(field.name).type != field.type]
        ImageMetadata.from_table(table)
        wrong += [name for name in (*FILE_FACTS.names[:3], SPLITS) if table[name].null_count]
        wrong += [] if wrong else _impossible(table)
    except (OSError, KeyError, pa.ArrowException, ImageCardsError) as error:
        raise IntegrityError(f"the records of {place} can't be read ({error}): register it again", place) from error
    if wrong:
        raise IntegrityError(f"the records of {place} are damaged in {wrong}: register it again", place)
    return table


def _impossible(table: pa.Table) -> list[str]:
    """The columns that no dataset could have written."""
    names = pc.count_distinct(table["file_name"]).as_py() == len(table)
    sizes = {name: not pc.any(pc.less(table[name], 0)).as_py() for name in ("size", "width", "height")}
    members = (set(inside) for inside in table[SPLITS].to_pylist())
    splits = all(check_relative(split or "") is None for split in set[str | None]().union(*members))
    return [name for name, is_sound in {"file_name": names, **sizes, SPLITS: splits}.items() if not is_sound]


def splits_of(table: pa.Table, names: tuple[str, ...]) -> Mapping[str, list[str]]:
    """The file names of each split.

    Args:
        table: The table.
        names: The splits, those that are empty among them.
    """
    found: dict[str, list[str]] = {name: [] for name in names}
    for file_name, inside in zip(table["file_name"].to_pylist(), table[SPLITS].to_pylist(), strict=True):
        for split in inside:
            found.setdefault(split, []).append(file_name)
    return found


def digest_of(table: pa.Table, splits: Mapping[str, list[str]], attributes: Mapping[str, object]) -> str:
    """The digest of the dataset that a table describes."""
    digests = record_digests(annotations(table), table["sha256"].to_pylist())
    return dataset_digest(table["file_name"].to_pylist(), digests, splits, attributes)
