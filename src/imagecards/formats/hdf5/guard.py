"""HDF5 files of others, opened so that they can do nothing but hold numbers.

HDF5 can lead out of a file in three ways (external links, external storage, virtual datasets), load filters as code,
and claim a terabyte in a kilobyte. None of it can be switched off in the library, so each thing is looked at before it
is opened: links first, since opening one follows it.
"""

import os
from hashlib import file_digest
from math import prod
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from imagecards.errors import IntegrityError, NotFoundError
from imagecards.formats.hdf5.guarded import GuardedDataset, GuardedGroup
from imagecards.formats.hdf5.inflation import DEFLATE, FLETCHER32, LZF, SHUFFLE
from imagecards.formats.hdf5.watched import Limits, Watched
from imagecards.records import printable

_FILTERS = frozenset({DEFLATE, SHUFFLE, FLETCHER32, LZF})
_SMALL = 1 << 26  # bytes that may be declared whatever is stored
_ATTRIBUTE = 1 << 16  # bytes of an attribute


class GuardedFile(Watched):
    """One HDF5 file, of which only groups and datasets that are in the file itself can be reached.

    Args:
        path: The file.
        digest: What its bytes must be, ``sha256:...``; compared before HDF5 sees any of them.
        limits: What it may ask for.

    Raises:
        NotFoundError: There is no such file.
        IntegrityError: Its bytes are others.
        FormatError: It is not HDF5, or damaged.
    """

    def __init__(self, path: str | os.PathLike[str], digest: str | None = None, limits: Limits | None = None) -> None:
        import h5py

        super().__init__(Path(path), limits or Limits())
        if not self.path.is_file():
            raise NotFoundError(f"there is no file {printable(str(path))}: see the path")
        if digest is not None:
            self._compare(digest)
        with self.telling():
            self._file = h5py.File(self.path, "r", locking=False, rdcc_nbytes=0)
            self.nbytes = self.path.stat().st_size  # now: what is open stays, whatever comes in its place

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close it; nothing can be read any more."""
        self._file.close()

    def names(self, group: str = "/") -> list[str]:
        """The names in a group, as the file has them; nothing behind them is opened."""
        with self.telling(group):
            found = self._open(group)
            count = found.get_num_objs()
            if count > self.limits.objects:
                raise self.fault(f"has {count:,} objects, and {self.limits.objects:,} are the limit", group)
            return [self._text(name, group) for name in found]

    def group(self, path: str) -> GuardedGroup:
        """Open a group, to read several things in it: what `read` and `attribute` take as ``within``."""
        with self.telling(path):
            return GuardedGroup(path, self._open(path))

    def dataset(self, path: str, within: GuardedGroup | None = None) -> GuardedDataset:
        """Open a dataset by its path, after all that leads to it, and it itself, was found to be harmless.

        Raises:
            FormatError: Something isn't, or there is no such dataset.
        """
        from h5py import h5d

        path = path if within is None else f"{within.path}/{path}"
        with self.telling(path):
            found = self._open(path, within)
            if not isinstance(found, h5d.DatasetID):
                raise self.fault("is no dataset", path)
            self._check_dataset(found, path)
            return GuardedDataset(self, found, path)

    def read(self, path: str, within: GuardedGroup | None = None) -> NDArray[Any]:
        """Read a whole dataset.

        Raises:
            FormatError: It is not harmless, larger than the limit, or damaged.
        """
        return self.dataset(path, within).read()

    def attribute(self, name: str, within: GuardedGroup | None = None) -> Any:
        """The value of an attribute of the file, or of a group: a number, or text; ``None`` where there is none.

        Raises:
            FormatError: It is something else.
        """
        from h5py import h5a, h5t

        place = f"@{name}" if within is None else f"{within.path}@{name}"
        with self.telling(place):
            found = self._file.id if within is None else within.found
            if not h5a.exists(found, name.encode()):
                return None
            attribute = h5a.open(found, name.encode())
            kind = attribute.get_type()
            if attribute.shape != () or kind.get_size() > _ATTRIBUTE:
                raise self.fault("is no single value", place)
            value = np.empty((), attribute.dtype) if self._is_plain(kind) else None
            if value is None or kind.get_class() not in (h5t.INTEGER, h5t.STRING):
                raise self.fault("is neither a whole number nor text of a fixed length", place)
            attribute.read(value)
            return self._text(value.item(), place) if kind.get_class() == h5t.STRING else int(value)

    def check(self) -> None:
        """Go through all of the file, and see that every object in it is harmless.

        Raises:
            FormatError: One isn't; names it.
        """
        from h5py import h5d, h5g, h5o

        with self.telling():
            seen: set[int] = set()
            waiting: list[tuple[str, Any]] = [("/", self._file.id)]
            while waiting:
                path, group = waiting.pop()
                for raw in group:
                    place = f"{path}{self._text(raw, path)}"
                    self._check_link(group, raw, place)
                    info = h5o.get_info(group, raw)
                    if info.addr in seen:
                        continue  # hard links may go round in circles
                    seen.add(info.addr)
                    if len(seen) > self.limits.objects:
                        raise self.fault(f"has more than {self.limits.objects:,} objects")
                    found = h5o.open(group, raw)
                    if isinstance(found, h5g.GroupID):
                        waiting.append((f"{place}/", found))
                    elif isinstance(found, h5d.DatasetID):
                        self._check_dataset(found, place)
                    else:
                        raise self.fault(f"is a {type(found).__name__}, neither a group nor a dataset", place)

    def _compare(self, digest: str) -> None:
        with self.path.open("rb") as file:
            actual = f"sha256:{file_digest(file, 'sha256').hexdigest()}"
        if actual != digest:
            message = f"{printable(str(self.path))} has other bytes than it should have: fetch it again"
            raise IntegrityError(message, str(self.path), digest, actual)

    def _open(self, path: str, within: GuardedGroup | None = None) -> Any:
        """Open what a path leads to, link by link."""
        from h5py import h5g, h5o

        found: Any = self._file.id if within is None else within.found
        for name in filter(None, (path if within is None else path.removeprefix(f"{within.path}/")).split("/")):
            raw = name.encode()
            if not isinstance(found, h5g.GroupID) or not found.links.exists(raw):
                raise self.fault("is not there", path)
            self._check_link(found, raw, path)
            found = h5o.open(found, raw)
        return found

    def _check_link(self, group: Any, raw: bytes, path: str) -> None:
        from h5py import h5l

        kind = group.links.get_info(raw).type
        if kind != h5l.TYPE_HARD:
            what = {h5l.TYPE_SOFT: "a soft link", h5l.TYPE_EXTERNAL: "a link to another file"}.get(kind, "a link")
            raise self.fault(f"is {what}, which is never followed", path)

    def _check_dataset(self, found: Any, path: str) -> None:
        from h5py import h5d, h5t

        made = found.get_create_plist()
        if made.get_external_count():
            raise self.fault("has its bytes in another file", path)
        layout = made.get_layout()
        if layout not in (h5d.COMPACT, h5d.CONTIGUOUS, h5d.CHUNKED):
            raise self.fault("is made of parts of other datasets, a virtual dataset", path)
        filters = [made.get_filter(place)[0] for place in range(made.get_nfilters())]
        if not _FILTERS.issuperset(filters) or len(set(filters)) != len(filters):
            allowed = "deflate, shuffle, fletcher32 and lzf, each once, are read"
            raise self.fault(f"has the filters {filters}; {allowed}", path)
        kind = found.get_type()
        if not self._is_plain(kind) or kind.get_class() not in (h5t.INTEGER, h5t.FLOAT, h5t.STRING, h5t.ENUM):
            raise self.fault("holds neither numbers nor text of a fixed length", path)
        declared = prod(found.shape or ()) * kind.get_size()
        stored = found.get_storage_size()
        if declared > max(_SMALL, self.limits.ratio * stored):
            raise self.fault(f"declares {declared:,} bytes and stores {stored:,}", path)
        if layout == h5d.CHUNKED:
            self.check_size(prod(made.get_chunk()) * kind.get_size(), path)

    @staticmethod
    def _is_plain(kind: Any) -> bool:
        from h5py import h5t

        if kind.get_class() == h5t.STRING:
            return not kind.is_variable_str()
        return kind.get_size() in (1, 2, 4, 8)

    def _text(self, raw: bytes, place: str) -> str:
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise self.fault(f"has a name or text that is not UTF-8, {raw[:40]!r}", place) from None


def check_file(path: str | os.PathLike[str], digest: str | None = None, limits: Limits | None = None) -> None:
    """See that an HDF5 file of someone else holds nothing but numbers and names of its own, and does not claim more.

    Args:
        path: The file.
        digest: What its bytes must be, ``sha256:...``.
        limits: What it may ask for.

    Raises:
        NotFoundError: There is no such file.
        IntegrityError: Its bytes are others.
        FormatError: It is damaged, or something in it is not harmless; names it.
    """
    with GuardedFile(path, digest, limits) as file:
        file.check()
