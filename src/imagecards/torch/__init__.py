"""From an open dataset to batches of tensors, on one process or many. Needs the extra ``torch``.

Each name is imported when it is first used, so that importing this room stays cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from imagecards.errors import MissingDependencyError

if TYPE_CHECKING:
    from imagecards.torch.batching import collate
    from imagecards.torch.loader import Loader
    from imagecards.torch.map_dataset import MapDataset
    from imagecards.torch.stream_dataset import StreamDataset

__all__ = ["Loader", "MapDataset", "StreamDataset", "collate"]

_FILES = {"Loader": "loader", "MapDataset": "map_dataset", "StreamDataset": "stream_dataset", "collate": "batching"}


def __getattr__(name: str) -> Any:
    if name not in _FILES:
        raise AttributeError(f"module 'imagecards.torch' has no attribute {name!r}")
    try:
        import_module("torch")
    except ImportError as error:
        message = f"imagecards.torch.{name} needs torch: pip install 'imagecards[torch]'"
        raise MissingDependencyError(message) from error
    return getattr(import_module(f"imagecards.torch.{_FILES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
