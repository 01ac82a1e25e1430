"""Datasets of images in opsml 3, whose versions and files are safe there. Needs the extra ``opsml``.

Each name is imported when it is first used, so that importing this room stays cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imagecards.opsml.dataset import ImageDataset
    from imagecards.opsml.links import record_links
    from imagecards.opsml.loading import load
    from imagecards.opsml.registering import register
    from imagecards.opsml.version2 import ImageMetadata, ImageRecord
    from imagecards.records import BBox

__all__ = ["BBox", "ImageDataset", "ImageMetadata", "ImageRecord", "load", "record_links", "register"]

_FILES = {
    "BBox": "version2",
    "ImageDataset": "dataset",
    "ImageMetadata": "version2",
    "ImageRecord": "version2",
    "load": "loading",
    "record_links": "links",
    "register": "registering",
}


def __getattr__(name: str) -> Any:
    if name not in _FILES:
        raise AttributeError(f"module 'imagecards.opsml' has no attribute {name!r}")
    import_module("imagecards.opsml.host").opsml()  # says what to install
    return getattr(import_module(f"imagecards.opsml.{_FILES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
