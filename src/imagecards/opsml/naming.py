"""Where a card stands in opsml: a space and a name, as opsml would write them."""

import re

from imagecards.errors import InvalidInputError

_LABEL = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LONGEST = 53  # bytes of space/name
_LONGEST_SPACE = 36  # leaves room for the name of a claim
_TAG = re.compile(r"[A-Za-z0-9:._=/@+-]{1,200}")


def check_place(space: str, name: str) -> None:
    """See that opsml keeps a space and a name as they are.

    It writes others in its own way and says nothing of it, so that two names become one.

    Raises:
        InvalidInputError: It would not; says which one is meant where that can be guessed.

    Example:
        >>> check_place("vision", "flakes-2")
        >>> check_place("vision", "My_Flakes")
        Traceback (most recent call last):
        imagecards.errors.InvalidInputError: 'My_Flakes' is no name for opsml: write a-z, 0-9 and single hyphens ...
    """
    for what, text in (("space", space), ("name", name)):
        if not isinstance(text, str):
            raise InvalidInputError(f"a {what} for opsml is a text, not {type(text).__name__}: {text!r:.100}")
        if _LABEL.fullmatch(text) is None:
            mended = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
            hint = f"; did you mean {mended!r}?" if _LABEL.fullmatch(mended) else ""
            message = f"{text!r} is no {what} for opsml: write a-z, 0-9 and single hyphens between them{hint}"
            raise InvalidInputError(message)
    if len(f"{space}/{name}") > _LONGEST or len(space) > _LONGEST_SPACE:
        message = (
            f"{space}/{name} is longer than opsml takes ({_LONGEST} characters, {_LONGEST_SPACE} of them the space)"
        )
        raise InvalidInputError(f"{message}: shorten it")


def check_tag(tag: object) -> str:
    """See that a tag is one that opsml can look up, and return it.

    Raises:
        InvalidInputError: It has other characters than letters, digits and ``: . _ = / @ + -``.
    """
    if not isinstance(tag, str) or _TAG.fullmatch(tag) is None:
        message = f"{tag!r:.100} is no tag for opsml: 1 to 200 letters, digits and : . _ = / @ + - of ASCII"
        raise InvalidInputError(message)
    return tag
