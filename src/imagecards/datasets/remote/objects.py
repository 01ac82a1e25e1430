"""What is said of an object, and what every kind of store of objects can do."""

import re
from typing import NamedTuple, Protocol

from imagecards.datasets.remote.url import ADAPTERS
from imagecards.errors import ImageCardsError, MissingDependencyError, NotFoundError, StorageError


class RemoteObject(NamedTuple):
    """An object, as its store describes it.

    Attributes:
        url: Where it is.
        size: Its bytes.
        etag: What its store calls its content, where it does: another content has another one.
        version: The id of this version of it, where its store keeps versions: it can be read even when the object was
            replaced.
        sha256: The digest of its bytes, where its store knows it; 32 bytes.
    """

    url: str
    size: int
    etag: str | None = None
    version: str | None = None
    sha256: bytes | None = None


class Piece(NamedTuple):
    """Bytes of an object.

    Attributes:
        data: The bytes.
        version: The id of the version that they are of, where the answer says so.
    """

    data: bytes
    version: str | None = None


class ObjectChangedError(StorageError):
    """An object is another one than was listed or registered."""


class Objects(Protocol):
    """A kind of store of objects, read-only. Every method raises errors of this package alone."""

    def pin(self, url: str) -> str:
        """The same URL, of what is there now for good where the store has such URLs.

        Raises:
            NotFoundError: There is no such repository or revision.
        """
        ...

    def list(self, url: str, *, deep: bool = True) -> list[RemoteObject]:
        """The objects in a folder.

        Args:
            url: The folder.
            deep: Whether those in folders below it belong to it.
        """
        ...

    def look(self, wanted: RemoteObject) -> RemoteObject | None:
        """What is there now at the URL (and of the version) of an object; ``None`` where nothing is."""
        ...

    def read(self, wanted: RemoteObject, start: int, stop: int) -> Piece:
        """Bytes of an object.

        Args:
            wanted: The object.
            start: The first byte.
            stop: The one after the last.

        Raises:
            NotFoundError: It is gone.
            ObjectChangedError: It is another one now.
        """
        ...


def changed(url: str, what: str) -> ObjectChangedError:
    """The error for an object that is another one than it was."""
    return ObjectChangedError(f"{url} was changed: {what}; list and register the images anew")


def translated(error: Exception, url: str) -> ImageCardsError:
    """What an error of the libraries below means; nothing of their texts goes on, which can hold keys and signatures.

    Args:
        error: What they raised.
        url: What was to be read.
    """
    if isinstance(error, ImageCardsError):
        return error
    if isinstance(error, ImportError):
        package = ADAPTERS[url.partition("://")[0]]
        return MissingDependencyError(f"{url} can't be read without {package}: pip install {package}")
    code = _code(error)
    if code == "NoSuchBucket":
        return StorageError(f"{url} can't be read: there is no such bucket; create it, or correct the name")
    if code in ("416", "InvalidRange", "RequestedRangeNotSatisfiable"):
        return changed(url, "it has fewer bytes")
    if isinstance(error, FileNotFoundError) or code in ("404", "NoSuchKey", "NoSuchVersion", "NotFound"):
        return NotFoundError(f"{url} doesn't exist: see what is there, or restore it from a copy")
    if isinstance(error, PermissionError) or code in ("401", "403", "AccessDenied", "GatedRepoError"):
        return StorageError(f"{url} can't be read: permission denied; see which credentials are used, and their rights")
    return StorageError(f"{url} can't be read ({code}): see that the network works and the credentials are right")


def _code(error: BaseException) -> str:
    """A server's word for what went wrong, or the kind of the error."""
    for each in (error, error.__cause__, error.__context__):
        reply = getattr(each, "response", None)
        word = reply.get("Error", {}).get("Code", "") if isinstance(reply, dict) else getattr(reply, "status_code", "")
        if re.fullmatch(r"[A-Za-z0-9.]{1,64}", str(word)):
            return str(word)
    return type(error).__name__
