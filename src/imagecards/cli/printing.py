"""What commands print: text that is safe for a terminal, aligned columns, sizes, JSON."""

import json
import os
import re
import sys
from collections.abc import Sequence
from typing import Any, TextIO

_DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")


def say(text: str) -> None:
    """Print text that is the command's result.

    Control and invisible characters appear as escapes, since names and descriptions are other people's. Where the
    reader has gone (``| head``), what remains is dropped without a word.
    """
    _write(_visible(text), sys.stdout)


def warn(text: str) -> None:
    """Print something that is not the command's result, on standard error."""
    _write(_visible(text), sys.stderr)


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    plain = not (sys.stdout.encoding or "").lower().startswith("utf")
    _write(json.dumps(value, ensure_ascii=plain, indent=2, default=str), sys.stdout)


def print_columns(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows below a header, each column as wide as its widest cell; numbers stand on the right."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(line[index]) for line in [list(header), *cells]) for index in range(len(header))]
    right = [any(isinstance(row[index], int) for row in rows) for index in range(len(header))]
    for line in [list(header), *cells]:
        padded = [
            text.rjust(width) if is_number else text.ljust(width)
            for text, width, is_number in zip(line, widths, right, strict=True)
        ]
        say("  ".join(padded).rstrip())


def print_fields(fields: Sequence[tuple[str, object]]) -> None:
    """Print names and values below each other; what is empty is left out."""
    shown = [(name, value) for name, value in fields if value not in (None, "", [], {})]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        say(f"  {name.ljust(width)}  {_cell(value)}")


def print_counts(title: str, counts: Sequence[tuple[object, int]], limit: int = 20) -> None:
    """Print what was counted below a title, aligned, the first ``limit`` of it."""
    if not counts:
        return
    say(f"  {title}")
    shown = [(_cell(name), f"{count:,}") for name, count in counts[:limit]]
    width, digits = (max(map(len, column)) for column in zip(*shown, strict=True))
    for name, count in shown:
        say(f"    {name.ljust(width)}  {count.rjust(digits)}")
    if len(counts) > limit:
        say(f"    ... and {len(counts) - limit:,} more (--json)")


def size(count: int) -> str:
    """A number of bytes as people read it.

    Example:
        >>> size(512), size(1_500_000)
        ('512 B', '1.5 MB')
    """
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 999.5:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 99.95 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def plural(count: int, noun: str) -> str:
    """A count with its noun.

    Example:
        >>> plural(1, "image"), plural(2500, "image")
        ('1 image', '2,500 images')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def shorten(text: str) -> str:
    """A message with its digests cut to what a person compares.

    Example:
        >>> shorten(f"expected sha256:{'0123456789ab' + '0' * 52}")
        'expected sha256:0123456789ab...'
    """
    return _DIGEST.sub(r"\1...", text)


def _write(text: str, stream: TextIO) -> None:
    try:
        print(text, file=stream, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _visible(text: str) -> str:
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def _cell(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value).lower()
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return text.replace("\n", " ")
