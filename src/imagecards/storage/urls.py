"""From a URL to the store that it names."""

import os
import re
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

from imagecards.errors import InvalidInputError
from imagecards.storage.local import LocalStore
from imagecards.storage.store import Store

SCHEMES: Mapping[str, str] = MappingProxyType(
    {
        "file": "imagecards.storage.local:LocalStore",
        "hf": "imagecards.storage.hub:HubStore",
        "memory": "imagecards.storage.memory:MemoryStore",
        "s3": "imagecards.storage.s3:S3Store",
    }
)
"""Which class serves a scheme: a module and a class in it, imported when a URL asks for it."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def open_store(url: str | os.PathLike[str]) -> Store:
    """Open the store that a URL or a path names. Nothing is read or written yet.

    Args:
        url: ``file:///path``, ``memory://name``, ``s3://bucket/folder``, ``hf://datasets/owner/repo/folder``, or
            the path of a folder (``~`` is the home folder).

    Raises:
        InvalidInputError: There is no store for URLs of that scheme.

    Example:
        >>> open_store("memory://readme")
        <MemoryStore memory://readme of 0 keys>
        >>> open_store("/data/cards").url
        '/data/cards'
    """
    place = os.fspath(url)
    if not isinstance(place, str):
        raise InvalidInputError(f"{place!r} is {type(place).__name__}: give a URL or a path as text")
    scheme = _SCHEME.match(place)
    if scheme is None:
        return LocalStore(os.path.expanduser(place))
    name = scheme[1].lower()
    if name not in SCHEMES:
        # The rest of the URL isn't shown: it may contain a password.
        known = ", ".join(f"{each}://" for each in sorted(SCHEMES))
        raise InvalidInputError(f"there is no store for {name}:// URLs: use one of {known} or a folder's path")
    module, _, attribute = SCHEMES[name].partition(":")
    kind: type[Store] = getattr(import_module(module), attribute)
    return kind.from_url(name + place[len(name) :])
