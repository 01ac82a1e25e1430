"""What a relative path must be to be safe on every machine: one rule for image names and storage keys alike.

A path comes from an untrusted ``metadata.jsonl`` or card and may end up on any file system, so the rule is
what Linux, macOS and Windows accept alike. Nothing in a path is ever decoded or cleaned: it is either safe as
it stands or refused with the reason.
"""

import re
import unicodedata
from pathlib import Path

MAX_PATH_BYTES = 1024
MAX_PART_BYTES = 255

_PLAIN_PART = r"[A-Za-z0-9_.()+=@,#%& -]*[A-Za-z0-9_()+=@#%&-]"
PLAIN_PATH = rf"^(?:{_PLAIN_PART}/)*{_PLAIN_PART}$"
"""Matches only safe paths, once they are at most 255 bytes long and don't match `DEVICE_PATH`.

It proves the common names safe at the speed of a regular expression. Both patterns stay within RE2, so that
Arrow can apply them to a whole column.
"""

DEVICE_PATH = r"(?i)(?:^|/)(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?:\.|/|$)"
"""Matches paths with a part that Windows takes for a device, whatever its extension: ``com1.png``."""

# \Z in place of $: Python's $ also matches before a last newline, RE2's does not.
_PLAIN = re.compile(PLAIN_PATH.replace("$", r"\Z"))
_DEVICE = re.compile(DEVICE_PATH)
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
"""How a URL begins."""

_REFUSED_CATEGORIES = {
    "Cc": "a control character",
    "Cf": "an invisible formatting character",
    "Cs": "a lone surrogate",
    "Zl": "a line separator",
    "Zp": "a paragraph separator",
}


def is_url(place: object) -> bool:
    """Whether something is text that begins as a URL does.

    Example:
        >>> is_url("s3://bucket/images"), is_url("images")
        (True, False)
    """
    return isinstance(place, str) and SCHEME.match(place) is not None


def is_zip(place: str) -> bool:
    """Whether a path or URL names a zip: by its ending, and on disk a file.

    Example:
        >>> is_zip("hf://datasets/owner/repo/images.zip"), is_zip("images")
        (True, False)
    """
    return place.lower().endswith(".zip") and (is_url(place) or Path(place).is_file())


def check_relative(path: str) -> str | None:
    r"""Say what makes ``path`` unsafe as a relative POSIX path, or ``None`` when nothing does.

    Args:
        path: The path as written; nothing in it is decoded, so ``a/%2e%2e/b`` is a plain name.

    Returns:
        ``None`` for a safe path, else a short reason that reads after the path: "is absolute".

    Example:
        >>> check_relative("cats/001.png")
        >>> check_relative("../../etc/passwd")
        "has a '..' part"
    """
    if len(path) <= MAX_PART_BYTES and _PLAIN.match(path) and not _DEVICE.search(path):
        return None
    return _whole_path_problem(path) or _first_part_problem(path)


def collision_key(path: str) -> str:
    """Return what two paths share when some file system can't tell them apart.

    Args:
        path: A path that `check_relative` accepts.

    Returns:
        Its case-folded compatibility form: the same for ``A.png`` and ``a.png``, for ``ß`` and ``ss``.

    Example:
        >>> collision_key("Straße/K.png") == collision_key("STRASSE/k.png")
        True
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", path).casefold())


def _whole_path_problem(path: str) -> str | None:
    if not path:
        return "is empty"
    if "\\" in path:
        return "has a backslash"
    if "://" in path:
        return "is a URL"
    if path.startswith("/"):
        return "is absolute"
    if path.startswith("~"):
        return "starts with '~'"
    if ":" in path:
        return "has a colon"
    for character in path:
        reason = _REFUSED_CATEGORIES.get(unicodedata.category(character))
        if reason is not None:
            return f"has {reason} (U+{ord(character):04X})"
    if not unicodedata.is_normalized("NFC", path):
        return "is not in Unicode normal form NFC"
    if len(path.encode()) > MAX_PATH_BYTES:
        return f"is longer than {MAX_PATH_BYTES} bytes"
    return None


def _first_part_problem(path: str) -> str | None:
    return next((problem for part in path.split("/") if (problem := _part_problem(part))), None)


def _part_problem(part: str) -> str | None:
    if not part:
        return "has an empty part"
    if part in {".", ".."}:
        return f"has a '{part}' part"
    if part[-1] in ". ":
        return "has a part that ends with a dot or a space"
    if len(part.encode()) > MAX_PART_BYTES:
        return f"has a part longer than {MAX_PART_BYTES} bytes"
    if _DEVICE.match(part):
        return "has a part that Windows reserves for a device"
    return None
