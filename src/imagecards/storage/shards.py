"""Shards: image files as they were, one after another in an uncompressed tar.

A shard is a POSIX (pax) tar whose bytes follow from the names and contents of its members alone: no clock,
no owner, mode 0644. One member is a header of 512 bytes (more for a name that is long or not ASCII), the
file's bytes, and zeros up to the next multiple of 512; two blocks of zeros end the shard. So every byte of a
shard is either a member's data or known beforehand, and `check_shard` proves the latter.

The headers are made here and not by `tarfile`, which takes 15 times as long for one (and a registration
writes one per image); the tests hold them equal, byte for byte.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

from imagecards.errors import IntegrityError, InvalidInputError

BLOCK = 512
END = bytes(2 * BLOCK)

_CHUNK = 4 << 20  # bytes that are gathered: with few pieces few threads have to wait for each other
_LARGE = 256 << 10  # bytes of a member that is a piece of its own: copying it would cost more
_LONGEST_PAX = 1 << 16  # bytes; a name has at most 1,024
_LARGEST = 8**11  # bytes; from here on the size doesn't fit into the header's eleven octal digits

# The fields behind the name: mode, uid and gid; after the size: mtime; after the checksum: everything else.
# (Written with \x00, because a digit behind \0 would become part of it.)
_FILE_OWNER = b"0000644\x000000000\x000000000\x00"
_PAX_OWNER = b"0000000\x000000000\x000000000\x00"
_TIME = b"\x0000000000000\x00"
_TAIL = {kind: b"\0 " + (kind + bytes(100) + b"ustar\x0000").ljust(356, b"\0") for kind in (b"0", b"x")}
_BLANK_CHECKSUM = b" " * 6  # the checksum counts as blanks in its own sum; the other two are part of the tail
_FILE_SUM = sum(_FILE_OWNER + _TIME + _BLANK_CHECKSUM + _TAIL[b"0"]) + ord(" ")
_PAX_SUM = sum(_PAX_OWNER + _TIME + _BLANK_CHECKSUM + _TAIL[b"x"]) + ord(" ")
_PAX_NAME = b"././@PaxHeader"


class Pieces(Protocol):
    """A member that is too large to be held: its length, and its bytes in pieces."""

    def __len__(self) -> int: ...

    def pieces(self) -> Iterator[bytes]:
        """Exactly as many bytes as its length says, or an error."""
        ...


class ShardEntry(NamedTuple):
    """Where one member's bytes lie in a shard."""

    name: str
    offset: int
    size: int


def header(name: str, size: int) -> bytes:
    """Make what stands before a member's bytes.

    Args:
        name: The member's name, a relative POSIX path.
        size: The member's length in bytes.

    Returns:
        A multiple of 512 bytes.

    Example:
        >>> len(header("flake.png", 1234)), len(header("Flöckchen.png", 1234))
        (512, 1536)
    """
    if name.isascii() and len(name) <= 100 and size < _LARGEST:
        raw = name.encode("ascii")
        digits = b"%011o" % size
        total = b"%06o" % (_FILE_SUM + sum(raw) + sum(digits))
        return b"".join((raw.ljust(100, b"\0"), _FILE_OWNER, digits, _TIME, total, _TAIL[b"0"]))
    records = b""
    if not name.isascii() or len(name) > 100:
        records += _pax_record(b"path", name.encode())
    if size >= _LARGEST:
        records += _pax_record(b"size", b"%d" % size)
    digits = b"%011o" % len(records)
    total = b"%06o" % (_PAX_SUM + sum(_PAX_NAME) + sum(digits))
    before = (
        _PAX_NAME.ljust(100, b"\0"),
        _PAX_OWNER,
        digits,
        _TIME,
        total,
        _TAIL[b"x"],
        records,
        padding(len(records)),
    )
    short_name = name.encode("ascii", "replace")[:100].decode("ascii")
    return b"".join(before) + header(short_name, size if size < _LARGEST else 0)


def padding(size: int) -> bytes:
    """Make the zeros that follow a member of ``size`` bytes.

    Example:
        >>> len(padding(500)), len(padding(512))
        (12, 0)
    """
    return bytes(-size % BLOCK)


def _pax_record(key: bytes, value: bytes) -> bytes:
    """Make ``<length> <key>=<value>`` and a line end, whose length counts its own digits too."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %b=%b\n" % (length, key, value)


class ShardWriter:
    """Turns members into the bytes of one shard, as a stream, and remembers where each one lies.

    Attributes:
        entries: One `ShardEntry` per member so far, in order.
        size: How many bytes the shard has so far.

    Example:
        >>> writer = ShardWriter()
        >>> shard = b"".join(writer.chunks([("a.png", b"first"), ("b.png", b"second")]))
        >>> writer.entries[1]
        ShardEntry(name='b.png', offset=1536, size=6)
        >>> shard[1536:1542], len(shard) == writer.size
        (b'second', True)
    """

    def __init__(self) -> None:
        self.entries: list[ShardEntry] = []
        self.size = 0
        self._started = False

    def chunks(self, members: Iterable[tuple[str, bytes | Pieces]]) -> Iterator[bytes]:
        """Stream the shard.

        Args:
            members: Name and bytes of each file (or what gives them in pieces), in the order in which they shall lie
                in the shard.

        Yields:
            The shard's bytes in order, in pieces of about 4 MiB (a member of 256 KiB or more is a piece of its own).

        Raises:
            InvalidInputError: The writer was used before; each shard takes a new one.
        """
        if self._started:
            raise InvalidInputError("a ShardWriter makes one shard: make a new one for the next")
        self._started = True
        waiting: list[bytes] = []
        gathered = 0
        append, remember = waiting.append, self.entries.append
        for name, data in members:
            length = len(data)
            head = header(name, length)
            offset = self.size + len(head)
            remember(ShardEntry(name, offset, length))
            append(head)
            if not isinstance(data, bytes):
                yield b"".join(waiting)
                yield from data.pieces()
                waiting.clear()
                gathered = 0
            elif length >= _LARGE:
                yield b"".join(waiting)
                yield data
                waiting.clear()
                gathered = 0
            else:
                append(data)
                gathered += len(head) + length
            rest = -length % BLOCK
            if rest:
                append(bytes(rest))
                gathered += rest
            self.size = offset + length + rest
            if gathered >= _CHUNK:
                yield b"".join(waiting)
                waiting.clear()
                gathered = 0
        append(END)
        self.size += len(END)
        yield b"".join(waiting)


def check_shard(read: Callable[[int, int], bytes], size: int, place: str = "the shard") -> Iterator[ShardEntry]:
    """Walk a shard and prove every byte of it that isn't a member's data.

    With the digests of the members, and their names held against those that were packed, this finds any
    changed byte and says which member it concerns. (A name that is long or not ASCII has no checksum in a
    tar: a changed one is yielded as it stands.)

    Args:
        read: Gives ``length`` bytes from ``start``: ``read(start, length)``.
        size: The shard's length in bytes.
        place: What the shard is called in messages, for example its key.

    Yields:
        Each member, after its header was found to be right; what follows its data is checked before the next.

    Raises:
        IntegrityError: A header, the zeros between members or the end aren't what they must be.

    Example:
        >>> writer = ShardWriter()
        >>> shard = b"".join(writer.chunks([("a.png", b"first")]))
        >>> read = lambda start, length: shard[start : start + length]
        >>> list(check_shard(read, len(shard)))
        [ShardEntry(name='a.png', offset=512, size=5)]
    """
    if size % BLOCK or size < len(END):
        raise _damaged(place, size, f"a shard's length is a multiple of {BLOCK}, this one has {size:,} bytes")
    position = 0
    block = read(0, BLOCK)
    while block != bytes(BLOCK):
        name, length, head = _parse(block, position, size, read, place)
        offset = position + len(head)
        position = offset + length + (-length % BLOCK)
        if position + len(END) > size:
            raise _damaged(place, offset, f"{name!r} says it has {length:,} bytes, which don't fit into the shard")
        yield ShardEntry(name, offset, length)
        between = read(offset + length, position - offset - length + BLOCK)
        zeros, block = between[:-BLOCK], between[-BLOCK:]
        if zeros.count(0) != len(zeros):
            wrong = offset + length + len(zeros) - len(zeros.lstrip(b"\0"))
            raise _damaged(place, wrong, f"the bytes that fill up {name!r} aren't all zero")
    if read(position, size - position) != END:
        raise _damaged(place, position, "the shard doesn't end with exactly two blocks of zeros")


def _parse(
    block: bytes, position: int, size: int, read: Callable[[int, int], bytes], place: str
) -> tuple[str, int, bytes]:
    """Read a header, and prove it by making it again.

    Returns:
        The member's name, its length, and the whole header.
    """
    head = block
    try:
        name = block[:100].rstrip(b"\0").decode("ascii")
        length = int(block[124:135], 8)
        if block[156:157] == b"x":
            records_size = length
            if not 0 < records_size <= min(_LONGEST_PAX, size - position - 2 * BLOCK):
                raise ValueError("the extended header is longer than any that is written")
            rest = read(position + BLOCK, records_size + (-records_size % BLOCK) + BLOCK)
            head += rest
            length = int(rest[-BLOCK:][124:135], 8)
            records = _pax_records(rest[:records_size])
            name = records.get("path", rest[-BLOCK:][:100].rstrip(b"\0").decode("ascii"))
            length = int(records.get("size", length))
        right = length >= 0 and header(name, length) == head
    except (ValueError, UnicodeError):
        right = False
    if not right:
        raise _damaged(place, position, "the header there isn't one that a shard has")
    return name, length, head


def _pax_records(text: bytes) -> dict[str, str]:
    records = {}
    while text:
        length = int(text[: text.index(b" ")])
        if length <= 0:
            raise ValueError("a record without length")
        key, _, value = text[:length].partition(b" ")[2].removesuffix(b"\n").partition(b"=")
        records[key.decode()] = value.decode()
        text = text[length:]
    return records


def _damaged(place: str, position: int, found: str) -> IntegrityError:
    message = f"{place} is damaged at byte {position:,}: {found}. Restore the file from a copy"
    return IntegrityError(message, f"{place}, byte {position}")
