"""Batches of examples."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils.data import default_collate
from torch.utils.data._utils.collate import collate as collate_parts
from torch.utils.data._utils.collate import collate_tensor_fn, default_collate_fn_map

from imagecards.torch.packing import is_plain


def collate(examples: Sequence[Any]) -> Any:
    """Make a batch of examples, which may have different numbers of boxes and images of different sizes.

    Args:
        examples: Pairs of image and target; or names, bytes and records; or what a transform made of them.

    Returns:
        Of pairs with a dictionary: the images, stacked where all have the same size, else as a list, and the targets as
        a list. Of names, bytes and records: a list for each. Of anything else what torch's ``default_collate`` makes.
    """
    return batched(examples)


def batched(examples: Sequence[Any], stack: Callable[[Sequence[Any]], Any] | None = None) -> Any:
    """A batch as `collate` makes it.

    Args:
        examples: What it is made of.
        stack: Makes one tensor of several, which have the same shape and type; by default torch does.
    """
    first = examples[0]
    if isinstance(first, tuple) and len(first) == 2 and isinstance(first[1], dict):
        images, targets = zip(*examples, strict=True)
        alike = all(isinstance(image, torch.Tensor) for image in images) and _are_alike(images)
        return _stacked(images, stack or torch.stack) if alike else list(images), list(targets)
    if isinstance(first, tuple) and any(isinstance(part, bytes) for part in first):
        return tuple(list(part) for part in zip(*examples, strict=True))
    if stack is None or default_collate_fn_map.get(torch.Tensor) is not collate_tensor_fn:  # somebody's own
        return default_collate(list(examples))

    def joined(tensors: Sequence[Any], *, collate_fn_map: Any) -> Any:
        same = all(map(is_plain, tensors)) and _are_alike(tensors)
        return stack(tensors) if same else collate_tensor_fn(tensors)

    return collate_parts(list(examples), collate_fn_map={**default_collate_fn_map, torch.Tensor: joined})


def _are_alike(tensors: Sequence[Any]) -> bool:
    return len({(tensor.shape, tensor.dtype) for tensor in tensors}) == 1


def _stacked(images: Sequence[Any], stack: Callable[[Sequence[Any]], Any]) -> Any:
    """Stack images as they lie in memory: what was decoded has the channels of a pixel beside each other."""
    lying = [image.permute(1, 2, 0) for image in images] if images[0].ndim == 3 else []
    if lying and lying[0].is_contiguous():
        return stack(lying).permute(0, 3, 1, 2)
    return stack(images)
