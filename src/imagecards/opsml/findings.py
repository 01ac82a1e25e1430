"""What is wrong in a registry of opsml's, judged by its rows and by what came of decrypting each card."""

import re
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias, get_args

from imagecards.cards import Version
from imagecards.errors import InvalidInputError
from imagecards.records import printable

Rule: TypeAlias = Literal[
    "duplicate-version",
    "not-decryptable",
    "orphan-row",
    "missing-files",
    "shared-stem",
    "unreadable",
    "dangling-uid",
    "version-order",
]
RULES: tuple[Rule, ...] = get_args(Rule)

# what opsml says, by what it means; the first that matches
_MEANINGS: tuple[tuple[Rule, re.Pattern[str]], ...] = (
    ("shared-stem", re.compile(r"^files share a stem")),
    ("orphan-row", re.compile(r"(?i)(?:does not exist|not found|no such file|404|no ?such ?key).*card\.json")),
    ("not-decryptable", re.compile(r"(?i)decrypt file|aead|ciphertext|decryption key|no rows returned|plain text")),
    ("missing-files", re.compile(r"(?i)does not exist|not found|no such file|404|no ?such ?key|is not stored")),
)
_AT_ONCE = timedelta(minutes=1)
_SHOWN = 5
_MEANT = {
    "not-decryptable": "is stored, and can't be decrypted any more",
    "orphan-row": "has a row and no files, as a registration leaves it that was killed, or that is still at work",
    "missing-files": "lacks files that it names",
    "shared-stem": "has files that opsml mixes up or fails to load, now and then",
    "unreadable": "can't be loaded",
}


@dataclass(frozen=True)
class Entry:
    """A row of a registry, and what came of decrypting its card.

    Attributes:
        kind: ``data``, ``model``, ``experiment`` or ``prompt``.
        uid: What opsml knows it by.
        space: Its space.
        name: Its name.
        version: Its version, as opsml writes it.
        created: When the row was made, in ISO 8601.
        names: The uids that it names, by kind.
        failure: What opsml said when it could not be decrypted; empty where it could.
    """

    kind: str
    uid: str
    space: str
    name: str
    version: str
    created: str
    names: Mapping[str, Sequence[str]]
    failure: str = ""


@dataclass(frozen=True)
class Finding:
    """Something wrong in a registry of opsml's.

    Attributes:
        rule: One of `RULES`.
        kind: ``data``, ``model``, ``experiment`` or ``prompt``.
        card: ``space/name``.
        version: The version; several are joined with commas.
        uids: The rows that are concerned; of a version that is there twice, those that are lost.
        survivor: The uid of the one row of a duplicated version that still loads, if any.
        message: What is wrong, and what to do.
    """

    rule: Rule
    kind: str
    card: str
    version: str
    uids: tuple[str, ...]
    survivor: str | None
    message: str

    def __str__(self) -> str:
        return printable(f"{self.kind} {self.card} {self.version}: {self.message} ({self.rule})")


@dataclass(frozen=True)
class Audit:
    """What an audit came to.

    Attributes:
        registry: Where the registry is, without passwords.
        cards: How many cards were looked at.
        findings: What is wrong, kind by kind and name by name.
    """

    registry: str
    cards: int
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def to_dict(self) -> dict[str, Any]:
        """Return the audit as a JSON object."""
        findings = [asdict(finding) for finding in self.findings]
        return {"ok": self.ok, "registry": self.registry, "cards": self.cards, "findings": findings}


def judge(entries: Iterable[Entry]) -> tuple[Finding, ...]:
    """Say what is wrong with all rows of a registry."""
    every = sorted(entries, key=lambda entry: (entry.kind, entry.space, entry.name, entry.created, entry.uid))
    there: defaultdict[str, set[str]] = defaultdict(set)
    named: defaultdict[tuple[str, str, str], list[Entry]] = defaultdict(list)
    for entry in every:
        there[entry.kind].add(entry.uid)
        named[entry.kind, entry.space, entry.name].append(entry)
    found: list[Finding] = []
    for rows in named.values():
        versions: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in rows:
            versions[entry.version].append(entry)
        for same in versions.values():
            if len(same) > 1:
                found.append(_duplicate(same))
            elif same[0].failure:
                found.append(_broken(same[0]))
        found += _out_of_order(rows)
        found += (finding for entry in rows for finding in _dangling(entry, there))
    return tuple(found)


def _duplicate(same: Sequence[Entry]) -> Finding:
    """Rows that share a version share a folder: what was written last is there."""
    sound = [entry.uid for entry in same if not entry.failure]
    lost = tuple(entry.uid for entry in same if entry.failure)
    message = f"{len(same):,} rows have this version, and opsml keeps the files of one: "
    if len(sound) == 1:
        message += f"{sound[0]} is left, delete the row{'s' if len(lost) > 1 else ''} {_some(lost)} in the database"
    elif sound:
        message += f"{_some(sound)} load, from the same files"
    else:
        message += "none of them loads any more; register it again from its source"
    return _finding("duplicate-version", same[0], message, lost, sound[0] if len(sound) == 1 else None)


def _broken(entry: Entry) -> Finding:
    rule: Rule = next((rule for rule, meant in _MEANINGS if meant.search(entry.failure)), "unreadable")
    return _finding(rule, entry, f"{entry.uid} {_MEANT[rule]}: {printable(entry.failure, 300)}", (entry.uid,))


def _out_of_order(rows: Sequence[Entry]) -> Iterator[Finding]:
    """Versions whose rows are younger than the row of a higher one.

    Those that writers at the same time give out may be stored in any order: nothing is said of versions of one major
    version that came within a minute.
    """
    late: list[Entry] = []
    recent: deque[tuple[datetime, Version]] = deque()
    highest = settled = Version(0, 0, 0)
    for entry in rows:
        version, time = _version(entry.version), datetime.fromisoformat(entry.created)
        if version is None:
            continue
        while recent and time - recent[0][0] > _AT_ONCE:
            settled = max(settled, recent.popleft()[1])
        if version < settled or version.major < highest.major:
            late.append(entry)
        recent.append((time, version))
        highest = max(highest, version)
    if late:
        names = list(dict.fromkeys(entry.version for entry in late))
        came = f"{_some(names)} came after a higher version"
        message = f"{came}; if they are no back-ports, numbers were given out in a wrong order"
        uids = tuple(entry.uid for entry in late)
        yield Finding("version-order", late[0].kind, _card(late[0]), ", ".join(names), uids, None, message)


def _dangling(entry: Entry, there: Mapping[str, Collection[str]]) -> Iterator[Finding]:
    for kind, uids in entry.names.items():
        for uid in uids:
            if uid not in there.get(kind, ()):
                message = f"{entry.uid} names the {kind} card {uid}, which is not there any more"
                yield _finding("dangling-uid", entry, message, (entry.uid,))


def _finding(rule: Rule, entry: Entry, message: str, uids: tuple[str, ...], survivor: str | None = None) -> Finding:
    return Finding(rule, entry.kind, _card(entry), entry.version, uids, survivor, message)


def _some(texts: Sequence[str]) -> str:
    return ", ".join(texts[:_SHOWN]) + (f" and {len(texts) - _SHOWN:,} more" if len(texts) > _SHOWN else "")


def _card(entry: Entry) -> str:
    return f"{entry.space}/{entry.name}"


def _version(text: str) -> Version | None:
    try:
        return Version.parse(text.partition("+")[0].lower())
    except InvalidInputError:
        return None
