"""Text that fits: in the one font that comes with Pillow, so that it looks the same everywhere."""

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

_MORE = "..."


@lru_cache
def font(size: int) -> "FreeTypeFont":
    """The font in a size, in pixels."""
    from PIL import ImageFont

    found = ImageFont.load_default(size)
    assert isinstance(found, ImageFont.FreeTypeFont)
    return found


def printable(text: str) -> str:
    r"""Text in one line, with what can't be seen as escapes.

    Example:
        >>> printable("two\nlines\x00")
        'two lines\\x00'
    """
    return "".join(each if each.isprintable() else " " if each.isspace() else repr(each)[1:-1] for each in text)


def fitted(text: str, size: int, width: int) -> str:
    """As much of a text as is no wider than so many pixels; three dots say that there is more.

    Example:
        >>> fitted("microscope", 12, 1_000), fitted("microscope", 12, 40)
        ('microscope', 'micr...')
    """
    if font(size).getlength(text) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if font(size).getlength(text[:middle] + _MORE) <= width else (low, middle - 1)
    return text[:low].rstrip() + _MORE


def wrapped(text: str, size: int, width: int, lines: int) -> list[str]:
    """Text in at most so many lines that fit; words that are too long, and what is left over, are cut.

    Example:
        >>> wrapped("one two three", 12, 50, 2)
        ['one two', 'three']
    """
    words = text.split()
    made: list[str] = []
    while words and len(made) < lines:
        line = words.pop(0)
        while words and font(size).getlength(f"{line} {words[0]}") <= width:
            line = f"{line} {words.pop(0)}"
        if len(made) == lines - 1:
            line = " ".join([line, *words])
        made.append(fitted(line, size, width))
    return made
