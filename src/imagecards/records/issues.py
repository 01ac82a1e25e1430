"""What is wrong with a dataset: every issue with its place, its rule and, where obvious, its mending."""

import dataclasses
import json
import reprlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, TypeAlias, overload

from imagecards.errors import InvalidMetadataError

Severity: TypeAlias = Literal["error", "warning"]

MAX_KEPT_ISSUES = 10_000
MAX_VALUE_CHARS = 80
MAX_FIELD_CHARS = 200

_brief = reprlib.Repr()
_brief.maxstring = _brief.maxother = _brief.maxlong = MAX_VALUE_CHARS
_brief.maxlevel = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Issue:
    """One thing that is wrong, or worth a look, in one place.

    Attributes:
        file: The file, as a path relative to the dataset: ``train/metadata.jsonl`` or ``cats/001.png``.
        line: The line in that file, counted from 1, where it has lines.
        field: The field in the record, ``objects.bbox[2]``, or ``""`` for the record as a whole.
        value: What was found, as `shown` shows it, or ``""``.
        rule: The broken rule's stable name, ``bbox-negative-size``.
        message: What is wrong, in a sentence without a full stop.
        severity: ``"error"`` stops a registration, ``"warning"`` does not.
        suggestion: How to mend it, where that is obvious: "did you mean `caption`?".

    Example:
        >>> print(Issue("metadata.jsonl", 12, "captoin", "'a cat'", "unknown-field", "no field has this name",
        ...             "warning", "did you mean `caption`?"))
        metadata.jsonl:12: captoin: no field has this name; did you mean `caption`? (unknown-field)
    """

    file: str
    line: int | None
    field: str
    value: str
    rule: str
    message: str
    severity: Severity = "error"
    suggestion: str | None = None

    def to_dict(self) -> dict[str, str | int | None]:
        """Return the issue as a JSON object: one key an attribute."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        place = printable(self.file) + (f":{self.line}" if self.line is not None else "")
        field = f" {printable(self.field, MAX_FIELD_CHARS)}:" if self.field else ""
        hint = f"; {printable(self.suggestion)}" if self.suggestion else ""
        return f"{place}:{field} {printable(self.message)}{hint} ({self.rule})"


class Collector:
    """Takes issues one by one and keeps what a `Report` keeps, in bounded memory.

    Attributes:
        counts: How often each rule was broken at each severity.
    """

    def __init__(self) -> None:
        self.counts: Counter[tuple[Severity, str]] = Counter()
        self._kept: dict[Severity, list[tuple[int, Issue]]] = {"error": [], "warning": []}
        self._added = 0

    @property
    def full(self) -> bool:
        """Whether nothing more will be kept: issues need no texts from now on, only to be counted."""
        return len(self._kept["error"]) >= MAX_KEPT_ISSUES

    def count(self, rules: Iterable[str]) -> None:
        """Count errors by their rules alone, once nothing more is kept."""
        self.counts.update(("error", rule) for rule in rules)

    def add_report(self, report: "Report") -> None:
        """Add the issues of a report, and count those that it did not keep."""
        for issue in report:
            if self.full:
                break
            self.add(issue)
            self.counts[issue.severity, issue.rule] -= 1
        self.counts.update(report._counts)

    def add(self, issue: Issue) -> None:
        """Count an issue, and keep it if there is room."""
        self.counts[issue.severity, issue.rule] += 1
        self._added += 1
        kept = self._kept[issue.severity]
        if len(kept) < MAX_KEPT_ISSUES:
            kept.append((self._added, issue))

    def kept(self) -> tuple[Issue, ...]:
        """Return what is kept, in the order in which it came; errors take the room of warnings."""
        errors, warnings = self._kept["error"], self._kept["warning"]
        both = errors + warnings[: MAX_KEPT_ISSUES - len(errors)]
        return tuple(issue for _, issue in sorted(both, key=lambda item: item[0]))

    def report(self) -> "Report":
        """Return what was added so far as a report."""
        report = Report()
        report._issues, report._counts = self.kept(), +self.counts
        return report


class Report(Sequence[Issue]):
    """The issues of a dataset, in the order in which they were found, as an immutable sequence.

    Memory stays bounded whatever the input: at most 10,000 issues are kept, errors before warnings, while
    `counts`, `error_count` and `warning_count` stay exact.

    Args:
        issues: What was found; consumed once.

    Example:
        >>> report = Report([Issue("a.png", None, "", "", "empty-file", "the file is empty")])
        >>> report.ok, report.counts["empty-file"]
        (False, 1)
    """

    __slots__ = ("_counts", "_issues")

    def __init__(self, issues: Iterable[Issue] = ()) -> None:
        collector = Collector()
        for issue in issues:
            collector.add(issue)
        self._issues = collector.kept()
        self._counts = collector.counts

    def __add__(self, other: "Report") -> "Report":
        """Join two reports; the counts of both stay exact."""
        joined = Report([*self._issues, *other._issues])
        joined._counts = self._counts + other._counts
        return joined

    @classmethod
    def joined(cls, reports: "Iterable[Report]") -> "Report":
        """Join many reports, in one go; the counts of all stay exact."""
        collector = Collector()
        for report in reports:
            collector.add_report(report)
        return collector.report()

    @overload
    def __getitem__(self, index: int) -> Issue: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Issue, ...]: ...
    def __getitem__(self, index: int | slice) -> Issue | tuple[Issue, ...]:
        return self._issues[index]

    def __len__(self) -> int:
        return len(self._issues)

    def __iter__(self) -> Iterator[Issue]:
        return iter(self._issues)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Report):
            return NotImplemented
        return self._issues == other._issues and self._counts == other._counts

    def __hash__(self) -> int:
        return hash(self._issues)

    def __repr__(self) -> str:
        return f"<Report: {self._headline()}>"

    @property
    def errors(self) -> tuple[Issue, ...]:
        """The kept issues that stop a registration."""
        return tuple(issue for issue in self._issues if issue.severity == "error")

    @property
    def warnings(self) -> tuple[Issue, ...]:
        """The kept issues that do not."""
        return tuple(issue for issue in self._issues if issue.severity == "warning")

    @property
    def error_count(self) -> int:
        """How many errors were found, kept or not."""
        return sum(count for (severity, _), count in self._counts.items() if severity == "error")

    @property
    def warning_count(self) -> int:
        """How many warnings were found, kept or not."""
        return sum(count for (severity, _), count in self._counts.items() if severity == "warning")

    @property
    def ok(self) -> bool:
        """Whether nothing stops a registration."""
        return self.error_count == 0

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each rule was broken, kept or not, the most frequent first."""
        by_rule: Counter[str] = Counter()
        for (_, rule), count in self._counts.items():
            by_rule[rule] += count
        return MappingProxyType(dict(sorted(by_rule.items(), key=lambda item: (-item[1], item[0]))))

    def to_json(self) -> str:
        """Return the report as JSON text for machines, with the issues that were kept."""
        return json.dumps(
            {
                "ok": self.ok,
                "errors": self.error_count,
                "warnings": self.warning_count,
                "counts": dict(self.counts),
                "issues": [issue.to_dict() for issue in self._issues],
            },
            indent=1,
        )

    def render(self, limit: int = 20) -> str:
        """Return the report as text for people: a headline, the first ``limit`` issues and counts."""
        lines = [self._headline()]
        lines += [f"  {issue}" for issue in self._issues[:limit]]
        hidden = self.error_count + self.warning_count - min(limit, len(self._issues))
        if hidden > 0:
            lines.append(f"  ... and {hidden:,} more")
            lines.append("by rule: " + ", ".join(f"{rule} {count:,}" for rule, count in self.counts.items()))
        return "\n".join(lines)

    def raise_errors(self) -> None:
        """Raise when something stops a registration.

        Raises:
            InvalidMetadataError: With the rendered report as its message and every kept issue in ``.issues``.
        """
        if not self.ok:
            raise InvalidMetadataError(self.render(), self._issues)

    def _headline(self) -> str:
        counts = (("error", self.error_count), ("warning", self.warning_count))
        return ", ".join(_plural(count, noun) for noun, count in counts if count) or "nothing is wrong"


def shown(value: object) -> str:
    """Return ``value`` as an issue shows it: its ``repr``, cut to 80 characters.

    Example:
        >>> shown([1.0, 2.0])
        '[1.0, 2.0]'
    """
    try:
        text = _brief.repr(value)
    except ValueError:  # a whole number with more digits than Python turns into text
        text = f"<a {type(value).__name__} too long to show>"
    return text if len(text) <= MAX_VALUE_CHARS else text[: MAX_VALUE_CHARS - 1] + "…"


def field_name(key: str) -> str:
    """Return a key as an issue names it: cut to 80 characters, as a key may be as long as a file."""
    return key if len(key) <= MAX_VALUE_CHARS else key[: MAX_VALUE_CHARS - 1] + "…"


def printable(text: str, limit: int = 1000) -> str:
    r"""Return ``text`` safe for a terminal: control and invisible characters as escapes, cut to ``limit``.

    Example:
        >>> print(printable("a\x1b[2Jb"))
        a\x1b[2Jb
    """
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return cut if cut.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in cut)


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
