"""Which examples go into which file."""

from collections.abc import Iterator
from typing import NamedTuple

from imagecards.errors import InvalidInputError


class Share(NamedTuple):
    """The examples of one file.

    Attributes:
        file: Its name.
        process: The number behind ``_p`` in it.
        places: The places of its examples in the split, in order.
    """

    file: str
    process: int
    places: range


def balanced(count: int, files: int, name: str) -> list[Share]:
    """Cut examples into runs whose lengths differ by one at most: exactly so many files.

    Raises:
        InvalidInputError: There are more files than examples.

    Example:
        >>> [(share.file, len(share.places)) for share in balanced(5, 2, "data")]
        [('data-0_p0.h5', 3), ('data-1_p0.h5', 2)]
    """
    if files > count:
        raise InvalidInputError(f"there are {count:,} examples for {files:,} files: ask for {count:,} at most")
    each, more = divmod(count, files)
    shares = []
    start = 0
    for number in range(files):
        stop = start + each + (number < more)
        shares.append(Share(f"{name}-{number}_p0.h5", 0, range(start, stop)))
        start = stop
    return shares


def upstream(count: int, files: int, processes: int, name: str) -> list[Share]:
    """Share examples as the converter of the original layout does.

    Each process gets a run of ``count // processes``, what is left over is one more; each writes ``files // processes``
    files, at least one, and deals its examples to them in turn. So there may be more files than asked for.

    Raises:
        InvalidInputError: There are more processes than examples.

    Example:
        >>> [(share.file, len(share.places)) for share in upstream(5, 2, 2, "data")]
        [('data-0_p0.h5', 2), ('data-1_p1.h5', 2), ('data-2_p2.h5', 1)]
    """
    if processes > count:
        message = f"there are {count:,} examples for {processes:,} processes: take {count:,} at most"
        raise InvalidInputError(message)
    return list(_upstream(count, files, processes, name))


def _upstream(count: int, files: int, processes: int, name: str) -> Iterator[Share]:
    each, own = count // processes, max(files // processes, 1)
    for process, start in enumerate(range(0, count, each)):
        stop = min(start + each, count)
        for number in range(own):
            places = range(start + number, stop, own)
            yield Share(f"{name}-{number + own * process}_p{process}.h5", process, places)
