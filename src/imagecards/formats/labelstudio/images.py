"""The images that a Label Studio task names, and where their files are."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from imagecards.datasets import is_image_name
from imagecards.formats.finding import ImageFinder, normal_path

_UPLOADED = re.compile(r"^[0-9a-f]{8}-")
_IMAGE_KEYS = ("image", "img", "photo", "picture", "images")


def image_key_of(data: Mapping[str, Any], wanted: str | None) -> str | None:
    """The field of a task's data that names its image, or images; ``None`` where that isn't clear."""
    if wanted is not None:
        return wanted if wanted in data else None
    known = next((key for key in _IMAGE_KEYS if key in data), None)
    if known is not None:
        return known
    fields = image_fields(data)
    return fields[0] if len(fields) == 1 else None


def image_fields(data: Mapping[str, Any]) -> list[str]:
    """The fields of a task's data that look like an image, or a list of images.

    Example:
        >>> image_fields({"a": "x/a.png", "b": ["s3://x/b.jpg"], "c": "text", "d": []})
        ['a', 'b']
    """
    lists = {key: value if isinstance(value, list) else [value] for key, value in data.items()}
    return [
        key for key, values in lists.items() if values and all(isinstance(v, str) and path_in(v)[1] for v in values)
    ]


def find_image(said: str, uploaded: object, finder: ImageFinder) -> tuple[str | None, str]:
    """The image file that a task means, ``None`` where there is none, and what it is called.

    Args:
        said: The reference to it.
        uploaded: What the task says of the file that was uploaded, if that is text.
        finder: Knows the files that are there.

    Raises:
        AmbiguousImageError: There are several.
    """
    path, _ = path_in(said)
    base = path.rpartition("/")[2]
    stripped = _UPLOADED.sub("", base)
    wanted = [path, *([uploaded] if isinstance(uploaded, str) and uploaded else [])]
    if "upload/" in said and stripped != base:
        wanted.append(stripped)
    for candidate in wanted:
        found = finder.exact([candidate]) or finder.similar(candidate)
        if found is not None:
            return found, found
    return None, wanted[-1] if "upload/" in said else path


def path_in(said: str) -> tuple[str, bool]:
    r"""The path in a reference to an image, and whether it looks like one.

    Example:
        >>> path_in("/data/local-files/?d=images%2Fa.png"), path_in("s3://bucket/b.jpg"), path_in(r"C:\c.tif")
        (('images/a.png', True), ('bucket/b.jpg', True), ('C:/c.tif', True))
    """
    path = said
    if "local-files/" in said and "?" in said:
        given = [part[2:] for part in said.partition("?")[2].split("&") if part.startswith("d=")]
        path = unquote(given[0]) if given else said
    elif re.match(r"^[a-z][a-z0-9+.-]+://", said):
        try:
            parts = urlsplit(said)
        except ValueError:
            parts = urlsplit("")
        path = unquote(f"{parts.netloc}{parts.path}")
    elif said.startswith("/data/"):
        path = unquote(said.partition("?")[0])
    path = normal_path(path)
    return path, is_image_name(path)
