"""Sources that know where their images lie."""

from typing import Any, Protocol, runtime_checkable

import pyarrow as pa
from numpy.typing import NDArray

from imagecards.datasets.source import Source


@runtime_checkable
class Placed(Source, Protocol):
    """A source that tells which images lie beside each other, so that they can be read together."""

    def places(self, names: pa.ChunkedArray) -> NDArray[Any]:
        """Where images lie: int64, shape (n, 2), the number of a file and the first byte in it."""
        ...
