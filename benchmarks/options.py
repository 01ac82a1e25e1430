"""What a run was told."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """The choices that suites ask for.

    Attributes:
        place: Where everything that is made goes; may be deleted at any time.
        quick: Small data, to try the machinery.
        peers: The interpreters that have the peers, by environment; those that are not there are left out.
    """

    place: Path
    quick: bool
    peers: Mapping[str, Path]

    @property
    def data(self) -> Path:
        """What is made once and kept."""
        return self.place / "data"

    @property
    def scratch(self) -> Path:
        """What is made for a round and removed after it."""
        return self.place / "scratch"
