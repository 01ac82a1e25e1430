"""Objects behind any other file system of fsspec: told apart by size, and by an ETag where there is one."""

from typing import Any

from imagecards.datasets.remote.objects import Piece, RemoteObject, changed, translated


class PlainObjects:
    """What fsspec can list and read in ranges.

    Args:
        scheme: The scheme of its URLs.
    """

    def __init__(self, scheme: str) -> None:
        self._scheme = scheme

    def pin(self, url: str) -> str:
        """See `Objects.pin`: there are no such URLs."""
        return url

    def list(self, url: str, *, deep: bool = True) -> list[RemoteObject]:
        """See `Objects.list`."""
        try:
            system, path = self.system(), self._path(url)
            system.invalidate_cache()  # what is there now counts, also where a file system remembers listings
            if not system.isdir(path):
                return []
            entries = system.find(path, detail=True).values() if deep else system.ls(path, detail=True)
        except Exception as error:  # each file system and its client has errors of its own
            problem = translated(error, url)
        else:
            root = path.strip("/")
            return [self._object(url, root, each) for each in entries if each["type"] == "file"]
        raise problem

    def look(self, wanted: RemoteObject) -> RemoteObject | None:
        """See `Objects.look`."""
        try:
            system = self.system()
            system.invalidate_cache()
            entry = system.info(self._path(wanted.url))
        except FileNotFoundError:
            return None
        except Exception as error:  # each file system and its client has errors of its own
            problem = translated(error, wanted.url)
        else:
            return RemoteObject(wanted.url, entry["size"], _etag(entry), None, self.sha256(entry))
        raise problem

    def read(self, wanted: RemoteObject, start: int, stop: int) -> Piece:
        """See `Objects.read`."""
        whole = start == 0 and stop == wanted.size
        try:
            end = stop + 1 if whole else stop  # one that has grown must not be taken for a whole one, nor be read whole
            data = self.system().cat_file(self._path(wanted.url), start=start or None, end=end)
        except Exception as error:  # each file system and its client has errors of its own
            problem = translated(error, wanted.url)
        else:
            if len(data) != stop - start:
                raise changed(wanted.url, f"{len(data):,} bytes came, {stop - start:,} were asked for")
            return Piece(bytes(data))
        raise problem

    def system(self) -> Any:
        """The file system of this process."""
        from fsspec import filesystem

        return filesystem(self._scheme, use_listings_cache=False)

    def sha256(self, entry: dict[str, Any]) -> bytes | None:
        """The digest that an entry of a listing states; none here."""
        return None

    def _path(self, url: str) -> str:
        path: str = self.system()._strip_protocol(url)
        return path

    def _object(self, url: str, root: str, entry: dict[str, Any]) -> RemoteObject:
        name = entry["name"].strip("/")[len(root) :].lstrip("/")
        return RemoteObject(f"{url}/{name}", entry["size"], _etag(entry), None, self.sha256(entry))


def _etag(entry: dict[str, Any]) -> str | None:
    etag = entry.get("ETag") or entry.get("etag")
    return str(etag).strip('"') if etag else None
