"""Images in a folder of objects: a dataset's source that is listed once and reads what was listed."""

from collections.abc import Iterator, Mapping, Sequence

from imagecards.datasets.in_order import in_order
from imagecards.datasets.largefile import LARGE_BYTES, LargeFile
from imagecards.datasets.remote.access import objects_at, read_object
from imagecards.datasets.remote.largeobject import LargeObject
from imagecards.datasets.remote.objects import RemoteObject
from imagecards.datasets.remote.url import check_url
from imagecards.datasets.scan import FolderScan, FoundFile
from imagecards.datasets.source import Origin
from imagecards.errors import InvalidInputError, NotFoundError
from imagecards.records.issues import Issue


class RemoteSource:
    """The image files of a folder behind a URL, as they were when it was listed.

    What was replaced since is an error, not other bytes, as far as the store tells its objects apart. It is safe to
    use from several threads, and can be pickled; credentials are found anew in every process.

    Args:
        url: The folder; pinned where its store has URLs that mean the same for good.
        objects: What lies there, by path relative to the folder.
        issues: What can't be part of a dataset.

    Attributes:
        remote: That a read takes time, so that several at a time are faster.
    """

    remote = True

    def __init__(self, url: str, objects: Mapping[str, RemoteObject], issues: Sequence[Issue] = ()) -> None:
        self.url = url
        self.objects = dict(objects)
        self._issues = list(issues)

    @classmethod
    def open(cls, url: str) -> "RemoteSource":
        """List a folder behind a URL; hidden files and folders are left out, as in a folder on disk.

        Raises:
            InvalidInputError: It is no URL of a kind that is read.
            NotFoundError: Nothing is there.
            StorageError: It can't be listed.
        """
        pinned = objects_at(check_url(url)).pin(check_url(url))
        objects: dict[str, RemoteObject] = {}
        issues: list[Issue] = []
        for found in objects_at(pinned).list(pinned):
            name = found.url[len(pinned) + 1 :]
            if not name or name.endswith("/") or any(part.startswith(".") for part in name.split("/")):
                continue  # consoles put empty objects where they show folders
            try:
                check_url(found.url)
            except InvalidInputError as error:
                issues.append(Issue(name, None, "", "", "unsafe-name", str(error), suggestion="rename it"))
                continue
            objects[name] = found
        if not objects and not issues:
            raise NotFoundError(f"{pinned} has no files: correct the URL, or see that you may list it")
        return cls(pinned, dict(sorted(objects.items())), issues)

    def __repr__(self) -> str:
        return f"RemoteSource({self.url!r})"

    @property
    def origin(self) -> Origin:
        """Where the images are from."""
        return Origin(self.url)

    def scan(self) -> FolderScan:
        """The files, as they were listed."""
        files = [FoundFile(name, found.size, 0, 0, 0) for name, found in self.objects.items()]
        return FolderScan(files, list(self._issues), 0)

    def object(self, name: str) -> RemoteObject:
        """What was listed under a name.

        Raises:
            NotFoundError: Nothing was.
        """
        if name not in self.objects:
            raise NotFoundError(f"{name} is not in {self.url}: correct the name, or list the folder anew")
        return self.objects[name]

    def read(self, name: str, expected: FoundFile | None = None) -> bytes:
        """The bytes of one file.

        Args:
            name: Path relative to the folder.
            expected: What a scan said of it, which is what was listed.

        Raises:
            NotFoundError: It was not listed, or is gone.
            StorageError: It was replaced since, or can't be read.
        """
        return read_object(self.object(name))

    def large(self, name: str, expected: FoundFile | None = None) -> LargeFile | None:
        """A file that is too large to be read as a whole; ``None`` where it is not."""
        found = self.object(name)
        return LargeObject(name, found) if found.size >= LARGE_BYTES else None

    def read_many(self, names: Sequence[str]) -> Iterator[bytes]:
        """The bytes of several files, in the order of ``names``; several are on their way at a time."""
        return in_order(self.read, names, [self.object(name).size for name in names])

    def close(self) -> None:
        """Nothing is kept open."""
