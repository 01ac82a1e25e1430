"""Fields that say where images and objects are from which are no longer themselves alone."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from imagecards.errors import InvalidInputError
from imagecards.records.schema import NO_FIELDS
from imagecards.transforms.columns import flat, refilled, with_column

_TILE_OF = "tile_of"
_SOURCE_ID = "source_id"


def without_ids(table: pa.Table, step: str) -> pa.Table:
    """Make the ``id`` of each object its ``source_id``: it is no longer that of one object.

    Raises:
        InvalidInputError: The objects have such a field that says something else.
    """
    found = flat(table, "objects")
    fields = {field.name: child for field, child in zip(found.entries.type, found.entries.flatten(), strict=True)}
    if "id" not in fields:
        return table
    if _SOURCE_ID in fields:
        raise InvalidInputError(
            f"{step}: objects have an id and a {_SOURCE_ID}, which it would become: rename the field"
        )
    names = [_SOURCE_ID if name == "id" else name for name in fields]
    entries = pa.StructArray.from_arrays(list(fields.values()), names=names)
    return with_column(table, "objects", refilled(found, entries))


def with_tile_of(table: pa.Table, originals: Sequence[str], step: str) -> pa.Table:
    """Say of each image of which image it is a tile; one that says so already goes on saying it.

    Raises:
        InvalidInputError: Images have a field of this name that is no text.
    """
    values = pa.array(originals, pa.string())
    if "extra" not in table.column_names:
        return table.append_column("extra", pa.StructArray.from_arrays([values], names=[_TILE_OF]))
    extra = table["extra"].combine_chunks()
    fields = {field.name: child for field, child in zip(extra.type, extra.flatten(), strict=True)}
    fields.pop(NO_FIELDS, None)
    if _TILE_OF in fields:
        if not pa.types.is_string(fields[_TILE_OF].type):
            raise InvalidInputError(f"{step}: the field {_TILE_OF} of the images is no text: rename it")
        values = pc.coalesce(fields[_TILE_OF], values)
    fields[_TILE_OF] = values
    return with_column(table, "extra", pa.StructArray.from_arrays(list(fields.values()), names=list(fields)))
