"""A registry of image datasets for machine learning, with no server.

The public names; each is imported when it is first used, so that importing the package stays cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from imagecards.release import VERSION

if TYPE_CHECKING:
    from imagecards.cards import CardName, CardRef, DataCard, Version
    from imagecards.datasets import ImageDataset, TableDataset
    from imagecards.errors import ImageCardsError
    from imagecards.records import BBox, ImageMetadata, ImageRecord
    from imagecards.registry import CardRegistry
    from imagecards.storage import Store, open_store

__version__ = VERSION

__all__ = [
    "BBox",
    "CardName",
    "CardRef",
    "CardRegistry",
    "DataCard",
    "ImageCardsError",
    "ImageDataset",
    "ImageMetadata",
    "ImageRecord",
    "Store",
    "TableDataset",
    "Version",
    "open_store",
]

_ROOMS = {
    "cards": ("CardName", "CardRef", "DataCard", "Version"),
    "datasets": ("ImageDataset", "TableDataset"),
    "errors": ("ImageCardsError",),
    "records": ("BBox", "ImageMetadata", "ImageRecord"),
    "registry": ("CardRegistry",),
    "storage": ("Store", "open_store"),
}
_OTHER_ROOMS = ("formats", "geometry", "opsml", "recipes", "splits", "testing", "torch", "transforms")
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _ROOM_OF:
        return getattr(import_module(f"imagecards.{_ROOM_OF[name]}"), name)
    if name in (
        "errors",
        "formats",
        "geometry",
        "opsml",
        "recipes",
        "splits",
        "testing",
        "torch",
        "transforms",
        *_ROOMS,
    ):
        return import_module(f"imagecards.{name}")
    raise AttributeError(f"module 'imagecards' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
