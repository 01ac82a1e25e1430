"""Versions of cards in opsml, in the order and with the ranges of semantic versioning.

opsml takes ``^1.2.1`` for ``~1.2.1``, fails on ``^1.2``, and has every range match pre-releases. Here ranges mean what
they mean in references of imagecards; the forms that opsml knows (``1``, ``1.2``, ``1.*``, ``~1.2``, ``^1.2``, ``*``)
are among them.
"""

import logging
from collections.abc import Iterable

from imagecards.cards import LATEST, Bump, Spec, Version
from imagecards.errors import ImageCardsError, InvalidInputError, NotFoundError
from imagecards.opsml.host import Row

FIRST = Version(0, 1, 0)
"""What opsml 3 calls the first version of a name."""

_log = logging.getLogger("imagecards")


def parse_version(text: str) -> Version | None:
    """A version as opsml writes it; build metadata says nothing of the order, and ``None`` stands for what is none.

    Example:
        >>> parse_version("1.2.0+gpu"), parse_version("1.2.0-RC1"), parse_version("new")
        (Version('1.2.0'), Version('1.2.0-rc1'), None)
    """
    try:
        return Version.parse(text.partition("+")[0].lower())
    except ImageCardsError:
        return None


def release_of(text: str) -> Version | None:
    """The release that a version is or becomes: opsml registers it no more where a row has its three numbers.

    Example:
        >>> release_of("1.2.0-rc1"), release_of("1.2.0+gpu"), release_of("new")
        (Version('1.2.0'), Version('1.2.0'), None)
    """
    version = parse_version(text)
    return None if version is None else Version(version.major, version.minor, version.patch)


def next_version(taken: Iterable[str], bump: Bump) -> str:
    """The version after the highest one that is taken; a pre-release takes its release, too, see `release_of`.

    Args:
        taken: The versions, in any order.
        bump: Which number to raise.

    Raises:
        InvalidInputError: ``bump`` is none of major, minor and patch.

    Example:
        >>> next_version(["5.0.0", "1.0.3", "1.0.10"], "minor"), next_version([], "minor")
        ('5.1.0', '0.1.0')
    """
    highest = max((release for text in taken if (release := release_of(text)) is not None), default=None)
    raised = (highest or FIRST).bump(bump)  # so that what is no bump is told of the first version, too
    return str(FIRST if highest is None else raised)


def exact_version(text: str | Version) -> str:
    """A version that is to be registered, as opsml writes it.

    Raises:
        InvalidInputError: It is no version, or a pre-release.
    """
    version = text if isinstance(text, Version) else Version.parse(text)
    if version.prerelease:
        message = f"opsml registers no pre-release under a number that is given: register {version}'s release instead"
        raise InvalidInputError(message)
    return str(version)


def matching(rows: Iterable[Row], version: str | None) -> list[Row]:
    """The rows that are meant, the highest version first; rows of the same version stand side by side.

    Args:
        rows: Those of one name.
        version: An exact version or a range; by default the highest release.

    Raises:
        InvalidInputError: It is neither.
        NotFoundError: There is none; says what there is.
    """
    there = list(rows)
    exact = [row for row in there if row.version == version]
    if exact:
        return exact
    spec = LATEST if version is None else _range_of(version)
    known = [(parsed, row) for row in there if (parsed := parse_version(row.version)) is not None]
    for row in there:
        if parse_version(row.version) is None:
            _log.warning("%s has a version that is none, and is passed over", row)
    found = [(parsed, row) for parsed, row in known if spec.matches(parsed)]
    if not found:
        names = ", ".join(sorted({row.version for row in there})) or "none"
        raise NotFoundError(f"no version matches {version or 'latest'}: there are {names}")
    return [row for _, row in sorted(found, key=lambda pair: (pair[0], pair[1].version, pair[1].uid), reverse=True)]


def _range_of(text: str) -> Spec:
    try:
        spec = Spec.parse(text)
    except InvalidInputError:
        spec = None
    if spec is None or spec.tag is not None:
        guess = Spec.guess(text)
        hint = "" if guess is None else f"did you mean {guess!r}? Otherwise "
        raise InvalidInputError(
            f"{text[:60]!r} is no version or range, and opsml has no tags: {hint}"
            "write a version (1.2.0), latest, or a range such as ^1.2, ~1.2, 1.*, >=1,<2 or *"
        )
    return spec
