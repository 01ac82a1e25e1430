"""Opening a zip on disk or behind a URL."""

import hashlib
import tempfile

from imagecards.datasets.largefile import MAX_FILE_BYTES
from imagecards.datasets.remote import RemoteObject, check_url, objects_at, read_pieces
from imagecards.datasets.source import Origin
from imagecards.datasets.zips.source import ZipSource
from imagecards.errors import FormatError, IntegrityError, NotFoundError, StorageError
from imagecards.paths import is_url
from imagecards.temporary import TemporaryPlace

_NAME = "images.zip"


def open_zip(place: str) -> ZipSource:
    """Open a zip. One behind a URL is downloaded once, into a temporary file that goes with the source.

    Args:
        place: A path, or a URL; of a repository's branch, the commit that it is at now is what counts.

    Raises:
        InvalidInputError: It is no URL of a kind that is read.
        NotFoundError: Nothing is there.
        FormatError: It is no zip, or one of its members is not safe to read.
        IntegrityError: Other bytes came than its store says that it has.
        StorageError: It can't be read.
    """
    if not is_url(place):
        return ZipSource(place)
    checked = check_url(place)
    pinned = objects_at(checked).pin(checked)
    found = objects_at(pinned).look(RemoteObject(pinned, 0))
    if found is None:
        raise NotFoundError(f"{pinned} doesn't exist: correct the URL")
    if found.size > MAX_FILE_BYTES:
        raise FormatError(f"{pinned} has {found.size:,} bytes, and the limit of a zip is {MAX_FILE_BYTES:,}")
    kept, digest = _downloaded(found)
    return ZipSource(kept.path / _NAME, Origin(pinned, found.size, digest), kept)


def _downloaded(found: RemoteObject) -> tuple[TemporaryPlace, bytes]:
    sha = hashlib.sha256()
    try:
        kept = TemporaryPlace("zip")
        with (kept.path / _NAME).open("xb") as file:
            for piece in read_pieces(found):
                sha.update(piece)
                file.write(piece)
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(f"{found.url} can't be kept in {tempfile.gettempdir()}: {error.strerror}") from error
    if found.sha256 not in (None, sha.digest()):
        stated = f"sha256:{found.sha256.hex() if found.sha256 else ''}"
        actual = f"sha256:{sha.hexdigest()}"
        message = f"{found.url} has other bytes than its store says ({stated}, found {actual}): try again"
        raise IntegrityError(message, found.url, stated, actual)
    return kept, sha.digest()
