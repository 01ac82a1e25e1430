"""results.md: what was measured, on what, and which promises it keeps."""

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.figures import Outcome, Row, Target, Unit


def render(machine: Mapping[str, str], outcomes: Sequence[Outcome], rounds: int) -> str:
    """The report as markdown.

    Args:
        machine: What it ran on and with.
        outcomes: What each suite gave.
        rounds: How many rounds there were.
    """
    parts = [
        "# Results",
        "",
        "Written by `make bench`. What counts is how times relate that were measured side by side.",
        f"Each of {rounds} rounds runs every contestant once, in turn; a promise is judged by the medians.",
        "",
        *_table(("", ""), machine.items()),
        "",
        "## Promises",
        "",
        *_table(
            ("", "promised", "by medians", "by minima", ""),
            [_judged(outcome, target) for outcome in outcomes for target in outcome.suite.targets],
        ),
    ]
    method = ""
    for outcome in outcomes:
        parts += ["", f"## {outcome.suite.title}", ""]
        if outcome.suite.method != method:  # a suite of the same kind was measured in the same way
            method = outcome.suite.method
            parts += [method, ""]
        parts += section(outcome)
    return "\n".join(parts) + "\n"


def section(outcome: Outcome) -> list[str]:
    """The table of one suite."""
    return _table(
        ("", "median", "best", "worst", "compared"),
        [_measured(outcome, row) for row in outcome.suite.rows],
    )


def judgements(outcome: Outcome) -> list[str]:
    """The table of one suite's promises."""
    rows = [_judged(outcome, target) for target in outcome.suite.targets]
    return _table(("", "promised", "by medians", "by minima", ""), rows)


def shown(value: float, unit: Unit) -> str:
    """A figure as a reader wants it.

    Example:
        >>> shown(0.01234, "ms"), shown(3.0, "x"), shown(1_200_000, "bytes"), shown(1, "yes")
        ('12.3 ms', '3.00x', '1.20 MB', 'yes')
    """
    if unit == "yes":
        return "yes" if value == 1 else "no"
    if unit == "bytes":
        return f"{value / 1e6:.2f} MB" if value >= 1e4 else f"{value:.0f} B"
    if unit == "x":
        return f"{value:.2f}x"
    scaled = value * 1e3 if unit == "ms" else value
    return f"{scaled:.{3 if scaled < 1 else 2 if scaled < 10 else 1}f} {unit}"


def _measured(outcome: Outcome, row: Row) -> tuple[str, ...]:
    series = outcome.series(row.key)
    if not series:
        return (row.label, "not measured", "", "", "")
    medians = outcome.medians()
    compared = ""
    if row.against is not None and row.against in medians:
        against = next(other.label for other in outcome.suite.rows if other.key == row.against)
        compared = f"{medians[row.key] / medians[row.against]:.2f}x {against}"
    figures = (shown(value, row.unit) for value in (medians[row.key], min(series), max(series)))
    return (row.label, *figures, compared)


def _judged(outcome: Outcome, target: Target) -> tuple[str, ...]:
    limit = shown(target.limit, target.unit)
    promised = limit if target.unit == "yes" else f"{target.sense} {limit}"
    try:
        median, minimum = target.value(outcome.medians()), target.value(outcome.minima())
    except KeyError:
        return (target.text, promised, "not measured", "", "")
    verdict = "met" if target.met(median) else "**missed**"
    return (target.text, promised, shown(median, target.unit), shown(minimum, target.unit), verdict)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return lines
