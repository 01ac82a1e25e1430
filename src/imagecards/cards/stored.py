"""Stored files: what a card says of each file that it is made of."""

import re
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, Strict

from imagecards.cards.attempt import attempt_time
from imagecards.cards.model import CardModel, Count, DigestText
from imagecards.cards.name import CardName
from imagecards.paths import check_relative

_KEY = re.compile(r"data/([^/]+/[^/]+/[^/]+)/.+")


def _check_key(key: str) -> str:
    match = _KEY.fullmatch(key)
    if match is None:
        raise ValueError(f"{key!r} is not the key of a data file, data/<space>/<name>/<attempt>/<file>")
    reason = check_relative(key)
    if reason is not None:
        raise ValueError(f"{key!r} is not a key: it {reason}")
    _check_folder(match[1])
    return key


@lru_cache(maxsize=256)  # the files of a card lie in a few folders
def _check_folder(folder: str) -> None:
    name, _, attempt = folder.rpartition("/")
    CardName.parse(name)
    attempt_time(attempt)


KeyText = Annotated[str, Strict(), AfterValidator(_check_key)]


class StoredFile(CardModel):
    """One file below the root of a registry.

    Attributes:
        key: Where: ``data/<space>/<name>/<attempt>/...``, in the folder of the attempt that wrote it.
        size: Its bytes.
        digest: Their sha256, as ``sha256:<hex>``.
    """

    key: KeyText
    size: Count
    digest: DigestText
