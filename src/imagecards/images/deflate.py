"""Compression whose every bit is decided here, so that the same pixels are the same file on every machine.

zlib gives other bytes with other versions and builds (zlib-ng, for one), and an image that is made again would have
another digest. What is written here any zlib reads: blocks of Huffman codes for single bytes, without matches. For
photographs, whose differences from pixel to pixel hardly ever repeat, that is most of what deflate gains.
"""

from heapq import heapify, heappop, heappush
from zlib import adler32

import numpy as np
from numpy.typing import NDArray

_BLOCK = 1 << 18  # bytes that share a code
_END = 256
_LONGEST = 15  # bits of a code
_LENGTHS = 16  # each length of a code is told in four bits, as if all were equally frequent

Bits = NDArray[np.uint64]


def deflate(data: bytes) -> bytes:
    r"""Compress to a zlib stream.

    Example:
        >>> import zlib
        >>> zlib.decompress(deflate(b"abracadabra" * 100)) == b"abracadabra" * 100
        True
    """
    parts, begun, bits = [b"\x78\x01"], 0, 0
    starts = range(0, max(len(data), 1), _BLOCK)
    for start in starts:
        block = np.frombuffer(data, np.uint8, min(_BLOCK, len(data) - start), start)
        lengths = code_lengths(np.append(np.bincount(block, minlength=_END), 1))
        codes = _codes(lengths)
        head, widths = _head(lengths, last=start == starts[-1])
        symbols = np.append(block.astype(np.int64), _END)
        values = np.concatenate([np.array([begun], np.uint64), head, codes[symbols]])
        packed, length = _packed(values, np.concatenate([[bits], widths, lengths[symbols]]))
        parts.append(packed[: length // 8])
        bits = length % 8
        begun = packed[-1] if bits else 0  # a byte that the next block goes on with
    if bits:
        parts.append(bytes([begun]))
    parts.append(adler32(data).to_bytes(4, "big"))
    return b"".join(parts)


def code_lengths(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Lengths of Huffman codes of at most 15 bits; 0 for what does not occur.

    Args:
        counts: How often each symbol occurs; at least one does.

    Example:
        >>> code_lengths(np.array([5, 0, 1, 1])).tolist()
        [1, 0, 2, 2]
    """
    used = np.flatnonzero(counts)
    if used.size == 1:
        lengths = np.zeros(counts.size, np.int64)
        lengths[used] = 1
        return lengths
    while True:
        heap = [(int(counts[symbol]), place) for place, symbol in enumerate(used)]
        heapify(heap)
        above = [0] * (2 * used.size - 1)
        for node in range(used.size, 2 * used.size - 1):
            weight = 0
            for _ in range(2):
                count, child = heappop(heap)
                above[child] = node
                weight += count
            heappush(heap, (weight, node))
        depths = [0] * len(above)
        for node in reversed(range(len(above) - 1)):
            depths[node] = depths[above[node]] + 1
        if max(depths) <= _LONGEST:
            lengths = np.zeros(counts.size, np.int64)
            lengths[used] = depths[: used.size]
            return lengths
        counts = np.where(counts, counts // 2 + 1, 0)  # flatter, until the codes are short enough


def _codes(lengths: NDArray[np.int64]) -> Bits:
    """The canonical code of each symbol, first bit lowest."""
    codes = np.zeros(lengths.size, np.uint64)
    code = 0
    for length in range(1, _LONGEST + 1):
        for symbol in np.flatnonzero(lengths == length):
            codes[symbol] = int(f"{code:0{length}b}"[::-1], 2)
            code += 1
        code <<= 1
    return codes


def _head(lengths: NDArray[np.int64], *, last: bool) -> tuple[Bits, NDArray[np.int64]]:
    """What a block begins with: its kind, and its code."""
    fields = [(int(last), 1), (2, 2), (0, 5), (0, 5), (15, 4)]
    fields += [(0, 3)] * 3 + [(4, 3)] * _LENGTHS  # the lengths 0 to 15 are told in four bits, repetitions not at all
    told = [(int(f"{length:04b}"[::-1], 2), 4) for length in [*lengths.tolist(), 0]]  # and there are no distances
    values, widths = zip(*fields, *told, strict=True)
    return np.array(values, np.uint64), np.array(widths, np.int64)


def _packed(values: Bits, widths: NDArray[np.int64]) -> tuple[bytes, int]:
    """Bits of several widths (up to 15), one after the other, lowest first; and how many bits they are."""
    for _ in range(2):  # four together have at most 60
        if values.size % 2:
            values, widths = np.append(values, np.uint64(0)), np.append(widths, 0)
        values = values[::2] | values[1::2] << widths[::2].astype(np.uint64)
        widths = widths[::2] + widths[1::2]
    ends = widths.cumsum()
    begins = ends - widths
    word = begins >> 6
    shift = (begins & 63).astype(np.uint64)
    first = np.flatnonzero(np.diff(word, prepend=-1))  # every word of 64 bits has a beginning in it
    words = np.zeros(int(word[-1]) + 2, np.uint64)
    words[:-1] = np.bitwise_or.reduceat(values << shift, first)
    tail = np.append(first[1:], word.size) - 1  # what begins last in a word may go on in the next
    carried = (values[tail] >> np.uint64(1)) >> (np.uint64(63) - shift[tail])
    words[1:] |= carried
    length = int(ends[-1])
    return words.astype("<u8").tobytes()[: -(-length // 8)], length
