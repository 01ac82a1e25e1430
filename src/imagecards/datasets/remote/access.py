"""From a URL to the bytes that are there: the one door to all kinds of stores."""

from collections.abc import Iterator, Sequence

from imagecards.datasets.in_order import in_order
from imagecards.datasets.remote.hub import HubObjects
from imagecards.datasets.remote.objects import Objects, RemoteObject
from imagecards.datasets.remote.plain import PlainObjects
from imagecards.datasets.remote.s3 import S3Objects

_PIECE = 8 << 20


def objects_at(url: str) -> Objects:
    """What reads the objects of a URL that `imagecards.datasets.remote.check_url` accepts."""
    scheme = url.partition("://")[0]
    if scheme == "s3":
        return S3Objects()
    return HubObjects() if scheme == "hf" else PlainObjects(scheme)


def read_object(wanted: RemoteObject) -> bytes:
    """All bytes of an object.

    Raises:
        NotFoundError: It is gone.
        ObjectChangedError: It is another one now.
        StorageError: It can't be read.
    """
    return objects_at(wanted.url).read(wanted, 0, wanted.size).data if wanted.size else b""


def read_pieces(wanted: RemoteObject) -> Iterator[bytes]:
    """The bytes of an object in pieces of 8 MiB.

    Raises:
        ImageCardsError: As `read_object`.
    """
    objects = objects_at(wanted.url)
    for start in range(0, wanted.size, _PIECE):
        yield objects.read(wanted, start, min(start + _PIECE, wanted.size)).data


def present(wanted: Sequence[RemoteObject]) -> Iterator[RemoteObject | None]:
    """What is there now of each of many objects; ``None`` where nothing is.

    The folder of each is listed once; objects of which a version is named are asked for one by one.

    Raises:
        StorageError: A folder can't be listed.
    """
    listed = {_folder(each.url) for each in wanted if each.version is None}
    there: dict[str, RemoteObject] = {}
    for folder in sorted(listed):
        there.update((found.url, found) for found in objects_at(folder).list(folder, deep=False))

    def find(each: RemoteObject) -> RemoteObject | None:
        return there.get(each.url) if each.version is None else objects_at(each.url).look(each)

    yield from in_order(find, wanted, [0] * len(wanted))


def _folder(url: str) -> str:
    return url.rpartition("/")[0]
