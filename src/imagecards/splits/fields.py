"""A further field of records, as a column."""

import pyarrow as pa
import pyarrow.compute as pc

from imagecards.errors import InvalidInputError
from imagecards.records import shown

_MOST_NAMED = 10


def field_of(table: pa.Table, name: str, *, lists: bool = False) -> pa.ChunkedArray:
    """Return the values that records have in a field.

    Args:
        table: One row an image.
        name: The field; one inside another is named ``outer.inner``.
        lists: Whether its values may be lists.

    Raises:
        InvalidInputError: No record has this field, or its values are neither text, numbers nor truth values.
    """
    column = _found(table, name)
    kind = column.type.value_type if lists and pa.types.is_list(column.type) else column.type
    if not (pa.types.is_string(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind) or kind == pa.bool_()):
        what = "text, numbers or truth values" + (", or lists of them" if lists else "")
        raise InvalidInputError(f"the field {shown(name)} holds {column.type}: name one that holds {what}")
    return column


def _found(table: pa.Table, name: str) -> pa.ChunkedArray:
    column = table["extra"] if "extra" in table.column_names else None
    for path in ([name], name.split(".")):
        found = column
        for part in path:
            inside = found is not None and pa.types.is_struct(found.type) and found.type.get_field_index(part) >= 0
            found = pc.struct_field(found, part) if inside else None
        if found is not None:
            return found
    fields = [field.name for field in column.type if field.name] if column is not None else []
    there = ", ".join(map(shown, fields[:_MOST_NAMED])) + (", ..." if len(fields) > _MOST_NAMED else "")
    said = f"the further fields are {there}" if fields else "they have no further fields"
    raise InvalidInputError(f"no record has a field {shown(name)}: {said}")
