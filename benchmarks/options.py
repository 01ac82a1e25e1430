"""What a run was told."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """The choices that suites ask for.

    Attributes:
        place: Where everything that is made goes; may be deleted at any time.
        quick: Small data, to try the machinery.
        peers: The interpreter that has the peers, if any.
    """

    place: Path
    quick: bool
    peers: Path | None

    @property
    def data(self) -> Path:
        """What is made once and kept."""
        return self.place / "data"

    @property
    def scratch(self) -> Path:
        """What is made for a round and removed after it."""
        return self.place / "scratch"
