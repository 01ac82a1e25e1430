"""Whether two batches are the same."""

from typing import Any

import torch


def same(one: Any, other: Any) -> bool:
    """Whether two batches are of the same kinds, and all numbers in them, too."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, torch.Tensor):
        alike = one.dtype == other.dtype and one.shape == other.shape and one.requires_grad == other.requires_grad
        return bool(alike and torch.equal(one, other))
    return bool(one == other)
