"""Whether cards are whole: before anybody is told of one, before it is passed over, and before its row is taken out."""

import re
from collections.abc import Iterable
from typing import Literal, TypeAlias

from imagecards.errors import ImageCardsError, IntegrityError, StorageError
from imagecards.opsml import host
from imagecards.opsml.dataset import ImageDataset
from imagecards.opsml.host import Row
from imagecards.opsml.manifest import OURS, RECORDS
from imagecards.opsml.packing import read_manifest
from imagecards.opsml.table import read_table
from imagecards.temporary import TemporaryPlace

State: TypeAlias = Literal["whole", "unfinished", "undecipherable", "unknown"]

# what opsml says of files that it does not find; its server, and S3, say less than that
_MISSING = re.compile(
    r"(?i)does not exist|not found|no such file|404|no ?such ?key"
    r"|decryption key|no rows returned|decoding response body|service error"
)
_DAMAGED = re.compile(r"(?i)decrypt file|aead|ciphertext")


def state_of(row: Row) -> State:
    """What is there of a card that imagecards registered, or registers just now.

    Returns:
        ``unfinished``: files of it were never written, that is certain. ``undecipherable``: some are written, as far as
        they can be. ``unknown``: nobody can tell, since a disk is full for example, or it is somebody else's card.
    """
    if OURS not in row.tags:
        return "unknown"
    try:
        folder = TemporaryPlace("opsml")
        host.download(host.load_card(row.uid, interface=ImageDataset), folder.path)
        manifest = read_manifest(folder.path, str(row))
        read_table(folder.path / RECORDS, str(row))
        missing = [shard.file for shard in manifest.shards if not (folder.path / shard.file).is_file()]
    except IntegrityError:
        return "unfinished"
    except (ImageCardsError, OSError) as error:
        said = str(error.__cause__ or error)
        if isinstance(error, StorageError) and _MISSING.search(said):
            return "unfinished"
        return "undecipherable" if _DAMAGED.search(said) else "unknown"
    return "unfinished" if missing else "whole"


def survivors(rows: Iterable[Row]) -> list[Row]:
    """Those of some rows whose cards can still be decrypted."""
    alive = []
    for row in rows:
        try:
            host.load_card(row.uid)
        except ImageCardsError:
            continue
        alive.append(row)
    return alive
