"""What was learnt of the files of a folder, remembered until they change."""

import hashlib
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import numpy.typing as npt
import platformdirs
import pyarrow as pa
import pyarrow.compute as pc

from imagecards.datasets.facts import FILE_FACTS
from imagecards.datasets.scan import FoundFile
from imagecards.images import MAX_PIXELS

_MAGIC = b"imagecards stat cache 1\n"
_STATS = ("size", "mtime_ns", "ctime_ns", "inode")
_SCHEMA = pa.schema([("file_name", pa.string()), *((name, pa.int64()) for name in _STATS)])
_SCHEMA = pa.schema([*_SCHEMA, *(field for field in FILE_FACTS if field.name not in ("file_name", "size"))])

# A file that is written twice within one tick of its file system's clock shows the same time both times. The
# coarsest clock in use ticks every two seconds, so what was that young when a scan began is not remembered.
_RACY_NS = 2_000_000_000


def cache_root() -> str:
    """The folder of all that imagecards caches: ``$IMAGECARDS_CACHE``, else the user's cache folder."""
    return os.environ.get("IMAGECARDS_CACHE") or platformdirs.user_cache_dir("imagecards")


class StatCache:
    """Digests and headers of the files of one folder, kept outside of it.

    An entry counts only while name, size, times of change and inode of the file are what they were. A cache
    that is damaged, belongs to another user or can't be written is as good as none: it costs time, never an
    error.

    Args:
        root: The folder that is remembered.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        absolute = os.path.abspath(root)  # noqa: PTH100 - keeps links, unlike Path.resolve
        name = hashlib.sha256(os.fsencode(absolute)).hexdigest()
        self._folder = f"{cache_root()}/folders"
        self.path = f"{self._folder}/{name}.arrow"

    def lookup(
        self, files: Sequence[FoundFile], *, max_pixels: int = MAX_PIXELS
    ) -> tuple[pa.Table, npt.NDArray[np.bool_]]:
        """What is remembered of files.

        Args:
            files: What a scan found.
            max_pixels: Images that are larger are not told of, so that they are looked at again.

        Returns:
            The table of `FILE_FACTS`, one row for each of ``files`` in their order, null where nothing is
            remembered; and for each of them, whether it is.
        """
        stored = self._load()
        names = pa.array([file.name for file in files], pa.string())
        rows = pc.index_in(names, stored["file_name"])
        known: npt.NDArray[np.bool_] = rows.is_valid().to_numpy(zero_copy_only=False).copy()
        places = rows.fill_null(0).to_numpy()
        if stored.num_rows == 0:
            places = places[:0]
        else:
            for position, column in enumerate(_STATS, start=1):
                now = np.fromiter((file[position] for file in files), np.int64, len(files))
                known &= stored[column].to_numpy()[places] == now
            width, height = (stored[side].to_numpy().astype(np.int64) for side in ("width", "height"))
            known &= (width * height)[places] <= max_pixels
            rows = pc.if_else(known, rows, None)
        facts = [
            names if field.name == "file_name" else stored[field.name].take(rows) for field in FILE_FACTS
        ]
        return pa.table(facts, schema=FILE_FACTS), known

    def remember(self, files: Sequence[FoundFile], facts: pa.Table, began_ns: int) -> None:
        """Remember what was learnt of files, in place of what was remembered of the folder before.

        Args:
            files: What the scan found, before the files were read.
            facts: The table of `FILE_FACTS`, one row for each of ``files`` in their order; rows with nulls
                are left out.
            began_ns: When the scan began.
        """
        stats = [pa.array([file[position] for file in files], pa.int64()) for position in range(1, 5)]
        rest = [facts[name].combine_chunks() for name in _SCHEMA.names[5:]]
        table = pa.table(
            [pa.array([file.name for file in files], pa.string()), *stats, *rest], schema=_SCHEMA
        )
        oldest = pa.scalar(began_ns - _RACY_NS, pa.int64())
        settled = pc.and_(pc.less(table["mtime_ns"], oldest), pc.less(table["ctime_ns"], oldest))
        for name in ("sha256", "width", "height", "mode", "format"):
            settled = pc.and_(settled, table[name].is_valid())
        with suppress(OSError):
            self._write(table.filter(settled))

    def _write(self, table: pa.Table) -> None:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, _SCHEMA) as writer:
            writer.write_table(table.combine_chunks())
        body = sink.getvalue()
        os.makedirs(self._folder, mode=0o700, exist_ok=True)  # noqa: PTH103 - system calls go through os here
        temporary = f"{self._folder}/.tmp-{secrets.token_hex(8)}"
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            try:
                # The checksum finds a cache that a crash left half written: Arrow files have none.
                for part in (_MAGIC, hashlib.sha256(body).digest(), memoryview(body)):
                    rest = memoryview(part)
                    while rest:
                        rest = rest[os.write(file, rest) :]
            finally:
                os.close(file)
            os.replace(temporary, self.path)  # noqa: PTH105 - system calls go through os here
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)  # noqa: PTH108 - system calls go through os here
            raise

    def _load(self) -> pa.Table:
        try:
            data = self._read()
            head = len(_MAGIC) + 32
            body = memoryview(data)[head:]
            if data[:head] == _MAGIC + hashlib.sha256(body).digest():
                table = pa.ipc.open_file(pa.py_buffer(body)).read_all()
                if table.schema == _SCHEMA:
                    return table.combine_chunks()
        except (OSError, pa.ArrowException):
            pass
        return _SCHEMA.empty_table()

    def _read(self) -> bytes:
        file = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(file)
            if status.st_uid != os.geteuid() or status.st_mode & 0o022:
                return b""  # someone else could have written it, and what it says is believed
            parts = []
            while part := os.read(file, 1 << 24):
                parts.append(part)
            return b"".join(parts)
        finally:
            os.close(file)
