"""Which members a zip may have: checked by its directory, before any of them is read."""

import stat
from collections.abc import Iterable, Mapping
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipInfo

from imagecards.datasets.largefile import MAX_WHOLE_BYTES
from imagecards.errors import FormatError
from imagecards.paths import check_relative, collision_key
from imagecards.records.issues import printable

MAX_RATIO = 1100
"""How many times as large as it is packed a member may be: what deflate can do is 1,032."""

_SMALL = 1 << 20  # bytes that are not worth a ratio
_HEADER = 30  # bytes before a member's name, at least
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_UTF8 = 0x800


def check_members(infos: Iterable[ZipInfo], size: int, place: str) -> Mapping[str, ZipInfo]:
    """See that every member is a file or folder that can be read safely.

    Args:
        infos: What the zip's directory lists.
        size: The bytes of the zip.
        place: What the zip is called, for messages.

    Returns:
        The files by name, sorted; hidden ones (a part of the name begins with a dot) and those that macOS adds are
        left out.

    Raises:
        FormatError: One is not; names the first.
    """
    files: dict[str, ZipInfo] = {}
    folders: dict[str, str] = {}
    keys: dict[str, str] = {}
    listed = list(infos)
    for info in listed:
        name, is_folder = _name(info), info.orig_filename.endswith("/")
        reason = check_relative(name) or _problem(info, is_folder=is_folder)
        if reason is not None:
            raise _refused(place, name, reason)
        parts = name.split("/")
        for end in range(1, len(parts) + is_folder):
            folders.setdefault(collision_key("/".join(parts[:end])), name)
        if is_folder:
            continue
        key = collision_key(name)
        if key in keys:
            what = "is there twice" if keys[key] == name else f"is one file with {printable(keys[key])} on some systems"
            raise _refused(place, name, what)
        keys[key] = name
        files[name] = info
    for key, name in keys.items():
        if key in folders:
            raise _refused(place, name, f"is a file, and a folder of {printable(folders[key])}")
    _check_apart(listed, size, place)
    return {name: files[name] for name in sorted(files) if not _is_hidden(name)}


def _name(info: ZipInfo) -> str:
    """The name as it was meant: UTF-8, which many programs write without saying so."""
    name = info.orig_filename.removesuffix("/")
    if not info.flag_bits & _UTF8 and not name.isascii():
        try:
            return name.encode("cp437").decode("utf-8")
        except UnicodeError:
            return name
    return name


def _problem(info: ZipInfo, *, is_folder: bool) -> str | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFDIR if is_folder else stat.S_IFREG):
        return "is a symbolic link" if kind == stat.S_IFLNK else "is neither a file nor a folder"
    if info.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        return f"is packed by method {info.compress_type}, and stored and deflated members are read"
    if info.file_size > MAX_WHOLE_BYTES:
        return f"has {info.file_size:,} bytes, and the limit in a zip is {MAX_WHOLE_BYTES:,}"
    if info.file_size > max(_SMALL, MAX_RATIO * info.compress_size):
        return f"would become {info.file_size:,} bytes out of {info.compress_size:,}, which no packing can do"
    if info.compress_type == ZIP_STORED and info.file_size != info.compress_size:
        return "has two sizes"
    return None


def _check_apart(infos: Iterable[ZipInfo], size: int, place: str) -> None:
    """See that no two members share bytes, which is how a small zip becomes a huge one."""
    end, last = 0, ""
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise _refused(place, info.orig_filename, f"lies in the bytes of {printable(last)}")
        end, last = info.header_offset + _HEADER + info.compress_size, info.orig_filename
    if end > size:
        raise _refused(place, last, "reaches beyond the end of the file")


def _is_hidden(name: str) -> bool:
    return name.startswith("__MACOSX/") or any(part.startswith(".") for part in name.split("/"))


def _refused(place: str, name: str, reason: str) -> FormatError:
    return FormatError(f"{place} is not read: its member {printable(name)!r} {reason}; pack the images anew")
