"""What a folder came to, remembered until any of its files changes."""

import hashlib
import os

from imagecards.datasets.cachefile import folder_cache, read_cache, write_cache
from imagecards.datasets.scan import FILE_STATS, FolderScan
from imagecards.datasets.statcache import RACY_NS
from imagecards.release import VERSION

_MAGIC = b"imagecards folder memo 1\n"


class FolderMemo:
    """What the dataset in a folder came to when it was last found valid.

    It holds for a scan that lists the same files with the same sizes, times of change and inodes, metadata files
    included, and for this version of imagecards, whose rules found it valid. It saves an unchanged folder from
    being read, parsed and digested again.

    Args:
        root: The folder.
        metadata_file: The metadata file that counts in it, ``""`` for those it has.
    """

    def __init__(self, root: str | os.PathLike[str], metadata_file: str) -> None:
        self._path = folder_cache(root, ".memo")
        self._metadata_file = metadata_file

    def recall(self, scan: FolderScan) -> str | None:
        """What the folder came to as a scan found it, where that is remembered."""
        body = read_cache(self._path, _MAGIC)
        if body is None:
            return None
        fingerprint, _, outcome = bytes(body).decode().partition("\n")
        return outcome if fingerprint == self._fingerprint(scan) else None

    def remember(self, scan: FolderScan, outcome: str) -> None:
        """Remember what the folder came to as a scan found it, unless a file of it is too young to tell changes."""
        oldest = scan.began_ns - RACY_NS
        if all((scan.stats[time].to_numpy() < oldest).all() for time in ("mtime_ns", "ctime_ns")):
            write_cache(self._path, _MAGIC, f"{self._fingerprint(scan)}\n{outcome}".encode())

    def _fingerprint(self, scan: FolderScan) -> str:
        sha = hashlib.sha256(f"{VERSION}\0{self._metadata_file}\0".encode())
        sha.update("\0".join([file.name for file in scan.files]).encode())
        for name in FILE_STATS.names[1:]:
            sha.update(scan.stats[name].to_numpy().tobytes())
        sha.update("\0".join([f"{issue.file}\0{issue.rule}" for issue in scan.issues]).encode())
        return sha.hexdigest()
