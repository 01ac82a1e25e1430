"""What a store shows to people beside what it keeps: no keys, replaced at any time, needed by nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

Read = Callable[[str], bytes | None]
"""Reads a page that is there now; None if there is none."""


@dataclass(frozen=True)
class Pages:
    """Pages that become visible together with a key.

    Attributes:
        files: Where the bytes of large ones are, by path from the top of the place that people look at.
        texts: Small ones, made from those that are there at that moment, by path; None for one to be removed.
            If there are none, nothing is shown, and the large ones are left out, too.
    """

    files: Mapping[str, Path]
    texts: Callable[[Read], Mapping[str, bytes | None]]
