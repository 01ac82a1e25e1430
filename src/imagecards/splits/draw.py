"""Draws: numbers that follow from a seed, a purpose and a name, and from nothing else."""

import hashlib
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from imagecards.digests import MAX_SAFE_INTEGER, canonical_text
from imagecards.errors import InvalidInputError

Seed = Annotated[int, Field(ge=0, le=MAX_SAFE_INTEGER)]
"""What a draw starts from; each seed gives another draw."""


def draw_numbers(seed: int, purpose: str, names: Sequence[str]) -> list[int]:
    """The numbers that names draw: each the SHA-256 of ``[seed,purpose,name]`` as canonical JSON, as a whole number.

    Args:
        seed: Chosen by the user.
        purpose: What is drawn for; the draws for two purposes have nothing to do with each other.
        names: Who draws: file names, or the names of groups. What one draws does not depend on the others.

    Returns:
        From 0 to 2**256 - 1, in the order of the names.

    Raises:
        InvalidInputError: A name is no text that can be written.

    Example:
        >>> [f"{number:x}"[:6] for number in draw_numbers(42, "k-fold", ["a.png", "b.png"])]
        ['eddb25', '497877']
    """
    start = hashlib.sha256(f"[{canonical_text(seed)},{canonical_text(purpose)},".encode())
    numbers = []
    for name in names:
        drawn = start.copy()
        try:
            drawn.update(f"{canonical_text(name)}]".encode())
        except UnicodeEncodeError:
            raise InvalidInputError(f"{name!r} has half a surrogate pair, which is no character: rename it") from None
        numbers.append(int.from_bytes(drawn.digest(), "big"))
    return numbers


def draw_order(seed: int, purpose: str, names: Sequence[str]) -> list[int]:
    """The places of names in the order of the numbers that they draw, lowest first.

    Example:
        >>> draw_order(42, "k-fold", ["a.png", "b.png"])
        [1, 0]
    """
    numbers = draw_numbers(seed, purpose, names)
    return sorted(range(len(names)), key=numbers.__getitem__)
