"""Torchvision's tensors, where it is installed: its transforms turn and cut images, boxes and masks together."""

from functools import lru_cache
from importlib import import_module
from typing import Any


@lru_cache
def tv_tensors() -> Any:
    """Its module of them; nothing where it is not there, or fits no torch that is."""
    try:
        return import_module("torchvision.tv_tensors")
    except (ImportError, RuntimeError):
        return None


def as_image(image: Any) -> Any:
    """An image, shape (channels, height, width)."""
    vision = tv_tensors()
    return image if vision is None else vision.Image(image)


def as_boxes(boxes: Any, height: int, width: int) -> Any:
    """Boxes of an image of that size, each as left, top, right, bottom."""
    vision = tv_tensors()
    return boxes if vision is None else vision.BoundingBoxes(boxes, format="XYXY", canvas_size=(height, width))


def as_masks(masks: Any) -> Any:
    """Masks, shape (..., height, width)."""
    vision = tv_tensors()
    return masks if vision is None else vision.Mask(masks)
