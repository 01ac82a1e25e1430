"""The table of what the image files of a dataset are."""

from collections.abc import Iterable, Sequence

import pyarrow as pa

from imagecards.images import ImageInfo

FILE_FACTS: pa.Schema = pa.schema(
    [
        ("file_name", pa.string()),
        ("sha256", pa.binary(32)),
        ("size", pa.int64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("mode", pa.string()),
        ("format", pa.string()),
    ]
)
"""One row for each image file: its name and bytes, and what its header says (null where it can't be read)."""


def facts_table(
    names: Sequence[str],
    digests: Sequence[bytes | None],
    sizes: Sequence[int | None],
    infos: Iterable[ImageInfo | None],
) -> pa.Table:
    """Build a table of file facts from columns, all of one length and order."""
    nothing = (None, None, None, None)
    columns = list(zip(*(info or nothing for info in infos), strict=True)) or [(), (), (), ()]
    values = [names, digests, sizes, *columns]
    arrays = [pa.array(column, field.type) for column, field in zip(values, FILE_FACTS, strict=True)]
    return pa.table(arrays, schema=FILE_FACTS)
