"""Reading examples: at random, from files of both layouts, whoever wrote them."""

import os
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from imagecards.digests import canonical_json
from imagecards.errors import IntegrityError, InvalidInputError, NotFoundError
from imagecards.formats.hdf5.guard import GuardedFile
from imagecards.formats.hdf5.guarded import GuardedDataset
from imagecards.formats.hdf5.normalising import Normalisation, check_normalisation, normalised
from imagecards.formats.hdf5.watched import Limits
from imagecards.records import printable

_NUMBER = re.compile(r"(\d+)")
_SOME = 16  # examples of a file


class Example(NamedTuple):
    """One example.

    Attributes:
        image: Shape (channels, height, width).
        label: See `imagecards.formats.hdf5.labels`.
        file_name: What its image is called in the dataset; ``None`` where the file does not say, as those of the
            original converter.
        image_digest: Of the image file, ``sha256:...``.
        record_digest: Of the record that the label was made from, ``sha256:...``.
    """

    image: NDArray[Any]
    label: NDArray[Any]
    file_name: str | None
    image_digest: str | None
    record_digest: str | None


class Examples(Sequence[Example]):
    """The examples of an HDF5 file, or of all those in a folder, in order.

    Nothing in a file is trusted; see `imagecards.formats.hdf5.GuardedFile`. Each process opens files for itself when it
    first reads from them, so this can be pickled, and handed to the workers of a data loader by fork or spawn.

    Args:
        path: The file, or a folder that has files ``*.h5``: a split.
        normalise: What happens to the numbers of images.
        digests: What the bytes of each file must be, by its name, as the card of an artifact has them; each file is
            compared before HDF5 sees any of it.
        limits: What a file may ask for.

    Attributes:
        files: The files, in order.
        counts: How many examples each has.

    Raises:
        NotFoundError: There is no such file, or none in the folder.
        IntegrityError: A file has other bytes.
        FormatError: A file is damaged, not harmless, or of another layout.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        normalise: Normalisation = "none",
        digests: Mapping[str, str] | None = None,
        limits: Limits | None = None,
    ) -> None:
        check_normalisation(normalise)
        self.files = _find_files(Path(path))
        self._normalise = normalise
        self._limits = limits or Limits()
        self._open: dict[int, _ExampleFile] = {}
        self._owner = os.getpid()
        self.counts: list[int] = []
        self._stamps = [_stamp(file) for file in self.files]
        for file in self.files:
            if digests is not None and file.name not in digests:
                raise InvalidInputError(f"there is no digest for {printable(file.name)}: give one for each file")
            with GuardedFile(file, None if digests is None else digests[file.name], self._limits) as guarded:
                self.counts.append(_ExampleFile(guarded).count)
        self._ends = list(accumulate(self.counts))

    def __repr__(self) -> str:
        return f"<Examples: {len(self):,} in {len(self.files):,} files>"

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> list[Example]: ...
    def __getitem__(self, index: int | slice) -> Example | list[Example]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(f"there are {len(self):,} examples, and none at {index}")
        number = bisect_right(self._ends, place)
        example = self._file(number).read(place - (self._ends[number - 1] if number else 0))
        return example._replace(image=normalised(example.image, self._normalise))

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_open": {}, "_owner": None}

    @property
    def identity(self) -> str:
        """What tells these files from others: the SHA-256 of their names, sizes and counts, and of some digests."""
        told: list[Any] = [
            [file.name, self._stamps[number][0], self.counts[number], self._file(number).some_digests()]
            for number, file in enumerate(self.files)
        ]
        return sha256(canonical_json(told)).hexdigest()

    def close(self) -> None:
        """Close the files; a later read opens them again."""
        for file in self._open.values():
            file.guarded.close()
        self._open = {}

    def _file(self, number: int) -> "_ExampleFile":
        if self._owner != os.getpid():  # a fork has the file of another process, at whose place that reads
            self._open, self._owner = {}, os.getpid()
        if number not in self._open:
            file = self.files[number]
            guarded = GuardedFile(file, limits=self._limits)
            if _stamp(file) != self._stamps[number]:  # opened first: what is open stays, whatever comes in its place
                guarded.close()
                was, now = (f"{size} bytes of {time}" for size, time in (self._stamps[number], _stamp(file)))
                message = f"{printable(str(file))} was changed after these examples were opened: open them anew"
                raise IntegrityError(message, str(file), was, now)
            self._open[number] = _ExampleFile(guarded)
        return self._open[number]


class _ExampleFile:
    """One open file of either layout."""

    def __init__(self, guarded: GuardedFile) -> None:
        self.guarded = guarded
        layout = guarded.attribute("layout")
        if layout not in (None, "packed"):
            raise guarded.fault(f"has the layout {layout!r:.40}, which is not known here")
        said = guarded.attribute("n_examples")
        self._columns: dict[str, GuardedDataset] = {}
        if layout == "packed":
            names = guarded.names()
            self._columns = {name: guarded.dataset(name) for name in names}
            if not {"image", "label"} <= self._columns.keys():
                raise guarded.fault("has no examples: packed files have the datasets image and label")
            lengths = {(column.shape or (0,))[0] for column in self._columns.values()}
            if len(lengths) != 1 or lengths != {said}:
                raise guarded.fault(f"says that it has {said} examples, and its datasets have {sorted(lengths)[:5]}")
            self._short = {name: guarded.read(name) for name in names if name not in ("image", "label")}
            if self._columns["label"].shape == (said,):
                self._short["label"] = guarded.read("label")
        else:
            found = sum(name.startswith("example_") for name in guarded.names())
            if said != found:
                raise guarded.fault(f"says that it has {said} examples, and {found} are there")
        self.count: int = said

    def read(self, index: int) -> Example:
        return self._packed(index) if self._columns else self._group(index)

    def some_digests(self) -> list[str | None]:
        """The digests of a few images from all over the file: uncompressed, files of others may be as large."""
        places = range(0, self.count, -(-self.count // _SOME) or 1)
        if self._columns:
            return [self._digest("image", index) for index in places]
        groups = (self.guarded.group(f"example_{index}") for index in places)
        found = (self.guarded.attribute("image_digest", group) for group in groups)
        return [None if each is None else str(each) for each in found]

    def _group(self, index: int) -> Example:
        guarded = self.guarded
        group = guarded.group(f"example_{index}")
        image, label = guarded.read("image", group), guarded.read("label", group)
        told = [guarded.attribute(name, group) for name in ("file_name", "image_digest", "record_digest")]
        return Example(image, label, *(None if each is None else str(each) for each in told))

    def _packed(self, index: int) -> Example:
        image = self._columns["image"].read_at(index)
        if "label" in self._short:
            label = np.asarray(self._short["label"][index])
        else:
            label = self._columns["label"].read_at(index)
        if "image_size" in self._short:
            height, width = self._side("image_size", index, image.shape[-2:])
            image = image[..., :height, :width]
            if "label_size" not in self._short and label.shape[-2:] == self._columns["image"].shape[-2:]:
                label = label[..., :height, :width]
        if "label_size" in self._short:
            label = label[: self._side("label_size", index, label.shape[:1])[0]]
        return Example(image, label, self._key(index), self._digest("image", index), self._digest("record", index))

    def _side(self, name: str, index: int, most: Sequence[int]) -> list[int]:
        sides: list[int] = np.atleast_1d(self._short[name][index]).tolist()
        if len(sides) != len(most) or not all(0 <= side <= limit for side, limit in zip(sides, most, strict=True)):
            raise self.guarded.fault(f"has {sides}, and no more than {[*most]} is there", f"{name}[{index}]")
        return sides

    def _key(self, index: int) -> str | None:
        if "key" not in self._short:
            return None
        try:
            return bytes(self._short["key"][index]).decode()
        except UnicodeDecodeError:
            raise self.guarded.fault("is not UTF-8", f"key[{index}]") from None

    def _digest(self, of: str, index: int) -> str | None:
        found = self._short.get(f"{of}_digest")
        return None if found is None else f"sha256:{found[index].tobytes().hex()}"


def written_digests(path: Path) -> list[bytes]:
    """The digest of the image of each example that a file of ours has.

    Raises:
        FormatError: The file is damaged, or does not say them.
    """
    with GuardedFile(path) as guarded:
        file = _ExampleFile(guarded)
        if file._columns:
            found = [row.tobytes() for row in file._short.get("image_digest", ())]
        else:
            told = [guarded.attribute("image_digest", guarded.group(f"example_{index}")) for index in range(file.count)]
            try:
                found = [bytes.fromhex(str(each).removeprefix("sha256:")) for each in told]
            except ValueError:
                raise guarded.fault("has an image_digest that is none") from None
    return found


def _stamp(file: Path) -> tuple[int, int]:
    """What changes when a file is written again: its size and its time."""
    found = file.stat()
    return found.st_size, found.st_mtime_ns


def _find_files(path: Path) -> list[Path]:
    if not path.is_dir():
        if not path.is_file():
            raise NotFoundError(f"there is neither a file nor a folder {printable(str(path))}: see the path")
        return [path]
    files = sorted(path.glob("*.h5"), key=lambda file: [_as_number(part) for part in _NUMBER.split(file.name)])
    if not files:
        raise NotFoundError(f"{printable(str(path))} has no files *.h5: name the folder of a split")
    return files


def _as_number(part: str) -> tuple[int, str]:
    return (int(part), "") if part.isdigit() and part.isascii() and len(part) < 20 else (-1, part)
