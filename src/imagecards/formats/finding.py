"""Which image file is meant: by annotation tools that name it as it lay on another machine."""

import re
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath

from imagecards.datasets import is_image_name

_SPLIT = re.compile(
    r"(?:train|training|val|valid|validation|test|testing|dev|trainval|minival|holdout)[-_]?\d*\Z", re.IGNORECASE
)
_FOLDERS, _FILES, _ENDS = 100, 100, 10
_IMAGE_FOLDERS = frozenset({"images", "imgs", "img", "jpegimages"})


class AmbiguousImageError(Exception):
    """Several files may be meant.

    Attributes:
        files: Which.
    """

    def __init__(self, files: list[str]) -> None:
        super().__init__(files)
        self.files = files


class ImageFinder:
    """Finds image files by what annotations say of them.

    Args:
        files: The files that are there, as relative paths.
    """

    def __init__(self, files: Collection[str]) -> None:
        self.files = files
        self.images = sorted(filter(is_image_name, files))

    @cached_property
    def _by_base(self) -> dict[str, list[str]]:
        found = defaultdict(list)
        for image in self.images:
            found[image.rpartition("/")[2]].append(image)
        return found

    @cached_property
    def _by_stem(self) -> dict[str, list[str]]:
        found = defaultdict(list)
        for image in self.images:
            found[image.rpartition(".")[0]].append(image)
        return found

    def with_stem(self, stem: str) -> str | None:
        """The one image whose path without extension is this; ``None`` where there are none or several."""
        found = self._by_stem.get(stem, ())
        return found[0] if len(found) == 1 else None

    def exact(self, candidates: Iterable[str]) -> str | None:
        """The first path that is an image."""
        return next((path for path in candidates if path in self.files and is_image_name(path)), None)

    def similar(self, path: str) -> str | None:
        """The image that ends like a path: with as many of its last parts as any does.

        Raises:
            AmbiguousImageError: There are several.
        """
        parts = path.split("/")
        same = self._by_base.get(parts[-1], [])
        if not same:
            return None
        common = {image: _common_end(parts, image.split("/")) for image in same}
        most = max(common.values())
        best = [image for image in same if common[image] == most]
        if len(best) > 1:
            raise AmbiguousImageError(best)
        return best[0]


def is_own_file(path: Path) -> bool:
    """Whether there is a file that is no link, which may lead to any file of the machine.

    Raises:
        OSError: It can't be looked at.
    """
    return path.is_file() and not path.is_symlink()


def some_files(folder: Path, suffix: str) -> Iterator[Path]:
    """Some files with an ending, from the top down: a hundred at most, the first and the last ones of each folder.

    Raises:
        OSError: A folder can't be read.
    """
    waiting, found = deque([folder]), 0
    for _ in range(_FOLDERS):
        if not waiting or found >= _FILES:
            break
        entries = sorted(each for each in waiting.popleft().iterdir() if each.name[0] != "." and not each.is_symlink())
        files = [each for each in entries if each.suffix.lower() == suffix and is_own_file(each)]
        some = files if len(files) <= 2 * _ENDS else files[:_ENDS] + files[-_ENDS:]
        found += len(some)
        yield from some
        waiting += [each for each in entries if each.is_dir()]


def normal_path(path: str) -> str:
    r"""A path as annotation tools write it, of any system, with ``/`` and without detours.

    Example:
        >>> normal_path("..\\images\\.\\a.jpg"), normal_path("a/../b.png")
        ('../images/a.jpg', 'b.png')
    """
    parts: list[str] = []
    for part in path.replace("\\", "/").split("/"):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def bare_name(path: str) -> str:
    """An image's path without the folder that only says that images are in it, on top or below a split.

    Example:
        >>> bare_name("images/a.png"), bare_name("train/JPEGImages/x/a.png"), bare_name("b/a.png")
        ('a.png', 'train/x/a.png', 'b/a.png')
    """
    parts = PurePosixPath(path).parts
    for place in (0, 1):
        if len(parts) > place + 1 and parts[place].lower() in _IMAGE_FOLDERS:
            return "/".join(parts[:place] + parts[place + 1 :])
    return path


def folder_split(path: str) -> str | None:
    """The split that a path's first folder is, by its name.

    Example:
        >>> folder_split("train/a.png"), folder_split("cats/a.png"), folder_split("a.png")
        ('train', None, None)
    """
    first, slash, _ = path.partition("/")
    return first if slash and _SPLIT.match(first) else None


def _common_end(first: list[str], second: list[str]) -> int:
    count = 0
    for one, other in zip(reversed(first), reversed(second), strict=False):
        if one != other:
            break
        count += 1
    return count
