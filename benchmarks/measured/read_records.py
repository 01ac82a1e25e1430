"""Validate a metadata.jsonl: with imagecards, or in a loop over its lines."""

import json
import sys
from pathlib import Path

import imagecards as ic
from benchmarks.measured.stopwatch import Stopwatch, peak_memory
from imagecards.errors import InvalidMetadataError


def main(way: str, path: Path, warm_up: Path, count: int) -> None:
    """Time one way of reading, and weigh it.

    Args:
        way: ``"cards"``, ``"loop"``, or ``"mistake"``: the last line has a box of three numbers.
        path: The file.
        warm_up: A small one.
        count: How many lines the file has.
    """
    watch = Stopwatch()
    if way == "loop":
        _loop(warm_up)
        with watch.time(way):
            assert _loop(path) == count
    elif way == "cards":
        ic.ImageMetadata.load_from_file(warm_up)
        with watch.time(way):
            metadata = ic.ImageMetadata.load_from_file(path)
        assert len(metadata) == count
    else:
        ic.ImageMetadata.load_from_file(warm_up)
        with watch.time(way):
            watch.figures["named"] = float(_names_last(path, count))
    watch.figures[f"{way}: memory"] = peak_memory()
    watch.tell()


def _loop(path: Path) -> int:
    count = 0
    with open(path, "rb") as lines:
        for line in lines:
            ic.ImageRecord(**json.loads(line))
            count += 1
    return count


def _names_last(path: Path, count: int) -> bool:
    """Whether the mistake in the last line, and nothing else, is named with its line, field and value."""
    try:
        ic.ImageMetadata.load_from_file(path)
    except InvalidMetadataError as error:
        (issue,) = error.issues
        place = (issue.line, issue.field.startswith("objects.bbox[2]"), "[1, 2, 3]" in issue.value)
        if place == (count, True, True):
            return True
        print(f"the mistake is not named exactly: {issue}", file=sys.stderr)
    return False


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
