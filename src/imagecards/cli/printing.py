"""What commands print: aligned columns, sizes, JSON."""

import json
import sys
from collections.abc import Sequence
from typing import Any

import typer


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def print_columns(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows below a header, each column as wide as its widest cell; numbers stand on the right."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(line[index]) for line in [list(header), *cells]) for index in range(len(header))]
    right = [bool(rows) and all(isinstance(row[index], int) for row in rows) for index in range(len(header))]
    for line in [list(header), *cells]:
        padded = [
            text.rjust(width) if is_number else text.ljust(width)
            for text, width, is_number in zip(line, widths, right, strict=True)
        ]
        typer.echo("  ".join(padded).rstrip())


def print_fields(fields: Sequence[tuple[str, object]]) -> None:
    """Print names and values below each other; what is empty is left out."""
    shown = [(name, value) for name, value in fields if value not in (None, "", [], {})]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        typer.echo(f"  {name.ljust(width)}  {_cell(value)}")


def size(count: int) -> str:
    """A number of bytes as people read it.

    Example:
        >>> size(512), size(1_500_000)
        ('512 B', '1.5 MB')
    """
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def plural(count: int, noun: str) -> str:
    """A count with its noun.

    Example:
        >>> plural(1, "image"), plural(2500, "image")
        ('1 image', '2,500 images')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def warn(text: str) -> None:
    """Print something that is not the command's result."""
    print(text, file=sys.stderr)


def _cell(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value).lower()
    return f"{value:,}" if isinstance(value, int) else str(value)
