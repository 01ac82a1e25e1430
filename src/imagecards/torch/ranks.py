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
        InvalidInputError: Only one of both was said, or the environment has no numbers.
    """
    if (rank is None) != (ranks is None):
        raise InvalidInputError(f"rank={rank} and world_size={ranks}: give both, or neither")
    if rank is not None and ranks is not None:
        return rank, ranks
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    said = os.environ.get("RANK", "0"), os.environ.get("WORLD_SIZE", "1")
    try:
        return int(said[0]), int(said[1])
    except ValueError:
        message = f"$RANK and $WORLD_SIZE are numbers, not {said[0]!r:.40} and {said[1]!r:.40}: set both, or neither"
        raise InvalidInputError(message) from None
