"""Loading a dataset from opsml: the version that is meant, whole, or an error that says what is wrong with it."""

import logging
import os
from collections.abc import Sequence
from itertools import groupby

from imagecards.cards import Version
from imagecards.datasets import ImageDataset as OpenDataset
from imagecards.errors import ImageCardsError, IntegrityError, InvalidInputError, NotFoundError, StorageError
from imagecards.opsml import host
from imagecards.opsml.claims import claims_on
from imagecards.opsml.dataset import ImageDataset
from imagecards.opsml.host import Row
from imagecards.opsml.manifest import pinned_digest
from imagecards.opsml.naming import check_place
from imagecards.opsml.soundness import state_of, survivors
from imagecards.opsml.versions import matching
from imagecards.temporary import TemporaryPlace

_log = logging.getLogger("imagecards")


def load(
    *,
    space: str | None = None,
    name: str | None = None,
    version: str | Version | None = None,
    uid: str | None = None,
    at: str | os.PathLike[str] | None = None,
) -> OpenDataset:
    """Open a dataset that was registered in opsml; its images are read when they are asked for.

    Args:
        space: The card's space.
        name: Its name.
        version: An exact version, or a range such as ``^1.2``; by default the highest release. Pre-releases match only
            where one is named.
        uid: The card's uid, in the place of all these.
        at: Where the images are now, or the registry of imagecards, if not where they were.

    Raises:
        NotFoundError: No version matches, or the images are not where they were.
        IntegrityError: The card is damaged, is not one of imagecards, was never finished, or shares its version with
            another; says which uid can be loaded.
        InvalidInputError: An argument is not valid.
        StorageError: opsml failed.
        MissingDependencyError: opsml is not installed.
    """
    where = None if at is None else os.fspath(at)
    wanted = None if version is None else str(version)
    if uid is not None:
        rows = host.rows(uid=uid)
        if not rows:
            raise NotFoundError(f"opsml has no data card of the uid {uid}")
        return _open(rows[0], where)
    if space is None or name is None:
        raise InvalidInputError("give the space= and name= of a card, or its uid=")
    check_place(space, name)
    rows = host.rows(space=space, name=name)
    if not rows:
        raise NotFoundError(f"opsml has no data card {space}/{name}: list_cards() shows those that there are")
    found = matching(rows, wanted)
    claimed = claims_on(space, name)
    is_exact = any(row.version == wanted for row in found)
    for _, twins in groupby(found, key=lambda row: row.version):
        same = list(twins)
        if len(same) > 1:
            raise _shared(same)
        try:
            return _open(same[0], where)
        except ImageCardsError as error:
            if not host.rows(uid=same[0].uid):
                continue  # its registration failed just now
            if same[0].version not in claimed or state_of(same[0]) not in ("unfinished", "undecipherable"):
                raise
            unfinished = f"{same[0]} is being registered, or was when its process was killed"
            if is_exact:
                raise IntegrityError(f"{unfinished}: try later, or load another version", same[0].uid) from error
            _log.warning("%s: it is passed over", unfinished)
    raise NotFoundError(f"no version of {space}/{name} that matches {wanted or 'latest'} was finished: try later")


def _open(row: Row, at: str | None) -> OpenDataset:
    card = host.load_card(row.uid, interface=ImageDataset)
    digest = pinned_digest(host.described(card))
    if digest is None:
        message = f"{row} is not a dataset of imagecards: load it by opsml's own ways"
        raise IntegrityError(message, row.uid)
    try:
        folder = TemporaryPlace("opsml")
    except OSError as error:
        raise StorageError(f"{row} can't be read: there is no folder for temporary files ({error})") from error
    host.download(card, folder.path)
    return ImageDataset.from_metadata(None).open_from(folder.path, str(row), at, digest)


def _shared(rows: Sequence[Row]) -> IntegrityError:
    """What to say of a version that was registered twice: its cards share a folder, and the later one overwrote it."""
    alive = [row.uid for row in survivors(rows)]
    lost = [row.uid for row in rows if row.uid not in alive]
    left = f"load(uid={alive[0]!r}) opens what is left" if alive else "nothing is left of it"
    message = (
        f"{rows[0].space}/{rows[0].name} {rows[0].version} was registered {len(rows)} times by opsml's own ways, and "
        f"{', '.join(lost) or 'none'} can't be decrypted any more: {left}, if that is what you want"
    )
    return IntegrityError(message, rows[0].version, ", ".join(lost), ", ".join(alive))
