"""URLs of images: which are taken, and in which form they are kept."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from imagecards.errors import InvalidInputError
from imagecards.paths import SCHEME, check_relative

ADAPTERS: Mapping[str, str] = MappingProxyType(
    {"az": "adlfs", "gs": "gcsfs", "hf": "huggingface_hub", "memory": "fsspec", "s3": "s3fs"}
)
"""The schemes that are taken, and the package that reads each.

A card comes from anybody, and whoever opens it reads what it names. So these are stores of objects alone: no files of
the reader's machine, no web addresses, no chains of file systems.
"""

_FIRST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def check_url(url: str) -> str:
    """Return a URL in the form in which it is kept: without a ``/`` at its end, its scheme in lower case.

    Args:
        url: ``s3://bucket/folder``, ``hf://datasets/owner/repo@revision/folder``, ... Nothing in it is decoded.

    Raises:
        InvalidInputError: It has a scheme that is not taken, a user, options, or parts that are not safe. What may be
            a secret is not shown.

    Example:
        >>> check_url("S3://bucket/images/")
        's3://bucket/images'
        >>> check_url("s3://key:secret@bucket/images")
        Traceback (most recent call last):
        imagecards.errors.InvalidInputError: the s3:// URL does not begin with the plain name of a bucket: ...
    """
    match = SCHEME.match(url)
    scheme = match[1].lower() if match else ""
    if match is None or scheme not in ADAPTERS:
        known = ", ".join(f"{each}://" for each in ADAPTERS)
        raise InvalidInputError(f"images are not read from {scheme or 'such'}:// URLs: use one of {known} or a folder")
    path = url[match.end() :].rstrip("/")
    first, _, rest = path.partition("/")
    if not _FIRST.fullmatch(first):
        raise InvalidInputError(
            f"the {scheme}:// URL does not begin with the plain name of a bucket: leave out users, passwords and keys, "
            "which are found in the environment"
        )
    if set("?#") & set(rest):
        raise InvalidInputError(
            f"the URL {scheme}://{first}/... has a '?' or a '#': leave out options and signatures; a file with such a "
            "name can't be named by a URL, so rename it"
        )
    reason = check_relative(rest) if rest else None
    if reason is not None:
        raise InvalidInputError(f"the path in {scheme}://{first}/... {reason}: name a folder or file below it")
    return f"{scheme}://{path}"
