"""What a dataset is bound to before it is registered: a folder, or what is read like one."""

from typing import Protocol

from imagecards.datasets.scan import FolderScan, FoundFile
from imagecards.datasets.source import Source


class Root(Source, Protocol):
    """Files below one place, metadata files among them: a folder, a folder behind a URL, a zip."""

    def scan(self) -> FolderScan:
        """The files that there are."""
        ...

    def read(self, name: str, expected: FoundFile | None = None) -> bytes:
        """The bytes of one file; ``expected`` is what a scan said of it, and must still be so."""
        ...
