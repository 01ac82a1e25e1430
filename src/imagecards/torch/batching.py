"""Batches of examples."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils.data import default_collate


def collate(examples: Sequence[Any]) -> Any:
    """Make a batch of examples, which may have different numbers of boxes and images of different sizes.

    Args:
        examples: Pairs of image and target; or names, bytes and records; or what a transform made of them.

    Returns:
        Of pairs with a dictionary: the images, stacked where all have the same size, else as a list, and the targets as
        a list. Of names, bytes and records: a list for each. Of anything else what torch's ``default_collate`` makes.
    """
    return batched(examples, torch.stack)


def batched(examples: Sequence[Any], stack: Callable[[Sequence[Any]], Any]) -> Any:
    """A batch as `collate` makes it.

    Args:
        examples: What it is made of.
        stack: Makes one tensor of several, which have the same shape and type.
    """
    first = examples[0]
    if isinstance(first, tuple) and len(first) == 2 and isinstance(first[1], dict):
        images, targets = zip(*examples, strict=True)
        alike = all(isinstance(image, torch.Tensor) for image in images)
        alike = alike and len({(image.shape, image.dtype) for image in images}) == 1
        return _stacked(images, stack) if alike else list(images), list(targets)
    if isinstance(first, tuple) and any(isinstance(part, bytes) for part in first):
        return tuple(list(part) for part in zip(*examples, strict=True))
    return default_collate(list(examples))


def _stacked(images: Sequence[Any], stack: Callable[[Sequence[Any]], Any]) -> Any:
    """Stack images as they lie in memory: what was decoded has the channels of a pixel beside each other."""
    lying = [image.permute(1, 2, 0) for image in images] if images[0].ndim == 3 else []
    if lying and lying[0].is_contiguous():
        return stack(lying).permute(0, 3, 1, 2)
    return stack(images)
