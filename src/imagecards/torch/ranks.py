"""Which of several processes of a training job this is."""

import os

import torch.distributed

from imagecards.errors import InvalidInputError


def rank_and_ranks(rank: int | None, ranks: int | None) -> tuple[int, int]:
    """The number of this process, and how many there are.

    Args:
        rank: What was said of it.
        ranks: Likewise.

    Returns:
        What was said; else what ``torch.distributed`` was set up with, or will be by ``torchrun``; else 0 of 1.

    Raises:
        InvalidInputError: Only one of both was said.
    """
    if (rank is None) != (ranks is None):
        raise InvalidInputError(f"rank={rank} and world_size={ranks}: give both, or neither")
    if rank is not None and ranks is not None:
        return rank, ranks
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
