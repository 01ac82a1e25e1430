"""The audit finds each way in which plain opsml loses cards, and changes nothing."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from tests.conftest import MakeFolder
from tests.opsml import doing
from tests.opsml.conftest import MakeMode
from tests.opsml.servers import Ended, Mode, dumped

from imagecards.errors import InvalidInputError, MissingDependencyError, NotFoundError, StorageError
from imagecards.opsml import audit as auditing
from imagecards.opsml.audit import audit
from imagecards.opsml.findings import Audit, Entry, Finding, judge
from imagecards.opsml.place import read_only

pytest.importorskip("opsml", "3.0.0rc16", reason="opsml 3 has no wheel for this machine")

from tests.opsml import damaging, plain  # they import opsml


def found_in(mode: Mode, monkeypatch: pytest.MonkeyPatch) -> Audit:
    """The audit of a mode's registry, from this process."""
    for name, value in mode.environment.items():
        if not name.startswith("OPSML_TRACKING"):
            monkeypatch.setenv(name, value)
    return audit(mode.uri)


def lost(found: Audit, rule: str | None = None) -> set[str]:
    return {uid for finding in found.findings if rule in (None, finding.rule) for uid in finding.uids}


def only(found: Audit) -> Finding:
    assert [str(finding) for finding in found.findings[1:]] == []
    return found.findings[0]


@pytest.mark.parametrize("name", ["sqlite", "server"])
def test_nothing_is_wrong_with_sound_cards(name: str, make_mode: MakeMode, monkeypatch: pytest.MonkeyPatch) -> None:
    mode = make_mode(name)
    mode.run(damaging.register_each_kind)
    found = found_in(mode, monkeypatch)
    assert (found.ok, found.cards, found.findings) == (True, 5, ())


def test_cards_of_imagecards_are_sound_but_one_that_was_killed(
    sqlite: Mode, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = str(make_folder(2))
    sqlite.run(doing.register_many, images, 0, 2)
    sqlite.run(_register_embedded, images)
    assert found_in(sqlite, monkeypatch).ok
    with pytest.raises(Ended):
        sqlite.run(doing.die_while_registering, images)
    sqlite.run(_break, "claim-forms")
    found = {(each.rule, each.card, each.version) for each in found_in(sqlite, monkeypatch).findings}
    assert found == {("orphan-row", "lab/cats", "0.3.0"), ("orphan-row", "lab/claim-forms", "0.1.0")}, "not its claim"


def _break(name: str) -> None:
    """A card that loses its files."""
    plain.register(name)
    shutil.rmtree(Path(os.environ["OPSML_STORAGE_URI"], "opsml_data_registry", "lab", name))


def _register_embedded(images: str) -> None:
    doing.register(images, "embedded", embed=True)


def test_versions_that_were_given_twice_in_one_process(sqlite: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    made = sqlite.run(damaging.register_in_one_second, 30)
    there = set(sqlite.run(plain.loadable))
    assert len(there) < 30
    found = found_in(sqlite, monkeypatch)
    assert lost(found) == {uid for _, uid in made} - there
    for finding in found.findings:
        assert finding.rule == "duplicate-version"
        assert finding.survivor in there
        assert str(finding.survivor) in finding.message


@pytest.mark.parametrize("name", ["sqlite", "server"])
def test_versions_that_were_given_twice_in_a_race(
    name: str, make_mode: MakeMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    _race(make_mode(name), 3, 5 if name == "sqlite" else 3, monkeypatch)


@pytest.mark.campaign
@pytest.mark.parametrize("name", ["sqlite", "postgres", "server"])
def test_many_versions_that_were_given_twice(name: str, make_mode: MakeMode, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _race(make_mode(name), 8, 20, monkeypatch) < 160


def _race(mode: Mode, workers: int, count: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Let processes register with plain opsml, and see that the audit finds all that is lost; how many are not."""
    mode.run(plain.register, "dogs")  # makes the tables
    answers = mode.run_all(plain.register, [("cats", count)] * workers, timeout=300)
    made = {uid for each in answers for _, uid in each}
    found = found_in(mode, monkeypatch)
    there = set(mode.run(plain.loadable, timeout=300))
    assert lost(found, "duplicate-version") == made - there
    assert found.cards == workers * count + 1
    return len(there)


def test_a_version_that_is_asked_for_again(sqlite: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    made = sqlite.run(damaging.register_again, "1.2.3")
    assert [version for version, _ in made] == ["1.2.3", "1.3.0", "1.3.0"]
    finding = only(found_in(sqlite, monkeypatch))
    assert (finding.rule, finding.version, finding.uids, finding.survivor) == (
        *("duplicate-version", "1.3.0", (made[1][1],)),
        made[2][1],
    )


def test_an_older_card_that_is_registered_again(sqlite: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    made = sqlite.run(damaging.register_reloaded)
    assert [version for version, _ in made] == ["0.1.0", "0.2.0", "0.2.0"]
    finding = only(found_in(sqlite, monkeypatch))
    assert (finding.rule, finding.uids, finding.survivor) == ("duplicate-version", (made[1][1],), made[2][1])


def test_numbers_that_came_in_a_wrong_order(make_mode: MakeMode, monkeypatch: pytest.MonkeyPatch) -> None:
    mode = make_mode("postgres")  # SQLite's clock of seconds makes other damage of it
    assert mode.run(damaging.register_backports)[-1] == "1.1.0"
    finding = only(found_in(mode, monkeypatch))
    assert (finding.rule, finding.version.split(", ")[0], finding.version.split(", ")[-1]) == (
        *("version-order", "1.0.0"),
        "1.1.0",
    )
    assert len(finding.uids) == 23


@pytest.mark.parametrize("name", ["sqlite", "server"])
def test_a_registration_that_was_killed(name: str, make_mode: MakeMode, monkeypatch: pytest.MonkeyPatch) -> None:
    mode = make_mode(name)
    with pytest.raises(Ended):
        mode.run(damaging.register_killed)
    ((version, uid),) = mode.run(plain.listed)
    finding = only(found_in(mode, monkeypatch))
    rule = "unreadable" if name == "server" else "orphan-row"  # opsml's server doesn't say why
    assert (finding.rule, finding.version, finding.uids) == (rule, version, (uid,))
    (sound,) = mode.run(plain.register)
    assert lost(found_in(mode, monkeypatch)) == {uid}
    assert sound[1] != uid


def test_a_name_that_opsml_panics_at(sqlite: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    sqlite.run(damaging.register_odd_name)
    ((_, uid),) = sqlite.run(plain.listed)
    there = sqlite.run(damaging.files_of, uid, {"data.txt": "hello"})  # the order of the folder decides
    assert lost(found_in(sqlite, monkeypatch)) == (set() if there else {uid})


@pytest.mark.parametrize("name", ["s3", "server"])
def test_an_empty_file_that_opsml_panics_at(name: str, make_mode: MakeMode, monkeypatch: pytest.MonkeyPatch) -> None:
    mode = make_mode(name)
    mode.run(damaging.register_empty)
    ((_, uid),) = mode.run(plain.listed)
    finding = only(found_in(mode, monkeypatch))
    assert (finding.rule, finding.uids) == ("missing-files", (uid,))


@pytest.mark.parametrize("text", ["short", "a text that has more bytes than a nonce"])
def test_a_link_that_was_stored_in_plain_text(text: str, sqlite: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    uid = sqlite.run(damaging.register_link, text)
    finding = only(found_in(sqlite, monkeypatch))
    assert (finding.rule, finding.uids) == ("not-decryptable", (uid,))


def test_files_that_share_a_stem(sqlite: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    sqlite.run(damaging.register_pairs, 12)
    rows = {uid for _, uid in sqlite.run(plain.listed)}
    assert rows
    found = found_in(sqlite, monkeypatch)
    assert lost(found) >= rows - lost(found, "duplicate-version")  # whether one loads is a matter of chance each time
    told = [finding.message for finding in found.findings if finding.rule == "shared-stem"]
    assert all("0001.jpg, 0001.txt" in message for message in told)
    assert told


@pytest.mark.parametrize("name", ["sqlite", "server"])
def test_uids_of_cards_that_are_gone(name: str, make_mode: MakeMode, monkeypatch: pytest.MonkeyPatch) -> None:
    mode = make_mode(name)
    uids = mode.run(damaging.link_and_delete)
    found = found_in(mode, monkeypatch)
    assert {finding.rule for finding in found.findings} == {"dangling-uid"}
    assert {(finding.kind, finding.uids[0], finding.message.split()[5].strip(",")) for finding in found.findings} == {
        ("model", uids["model"], uids["data"]),
        ("experiment", uids["experiment"], uids["other"]),
        ("experiment", uids["experiment"], uids["gone"]),
    }


def test_files_and_keys_that_were_deleted(sqlite: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    (card,) = sqlite.run(plain.register)
    Path(str(sqlite.storage), "opsml_data_registry/lab/cats/v0.1.0/data.txt").unlink()
    finding = only(found_in(sqlite, monkeypatch))
    assert (finding.rule, finding.uids) == ("missing-files", (card[1],))
    monkeypatch.setenv("OPSML_ENCRYPT_SECRET", "")
    assert lost(found_in(sqlite, monkeypatch)) == {card[1]}


def test_an_audit_changes_nothing(mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    mode.run(plain.register, "cats", 3)
    mode.run(damaging.register_empty)
    before = state_of(mode)
    found = found_in(mode, monkeypatch)
    assert state_of(mode) == before
    assert any("cats" in str(part) for part in before)
    assert found.cards >= 3
    assert len(found.findings) == (mode.name in ("s3", "server"))


_OF_THE_SERVER = "INTO .?(opsml_user|opsml_audit_event|sqlite_sequence)"


def test_a_database_of_an_older_opsml_stays_as_it_is(sqlite: Mode) -> None:
    sqlite.run(plain.register)
    place = sqlite.folder / "opsml.db"
    with closing(sqlite3.connect(place)) as database:
        database.execute("DELETE FROM _sqlx_migrations WHERE description = 'add eval metric'")
        database.execute("ALTER TABLE opsml_experiment_metric DROP COLUMN is_eval")
        database.commit()
    before = place.read_bytes()
    assert audit(sqlite.uri, sqlite.storage).cards == 1
    assert place.read_bytes() == before
    sqlite.run(plain.listed)
    assert place.read_bytes() != before  # what opsml does by itself


def state_of(mode: Mode) -> list[Any]:
    """Every byte of a registry that lasts; a server keeps a log of whom it answers, in tables of its own."""
    state: list[Any] = [
        (str(path), path.read_bytes())
        for path in sorted(mode.folder.rglob("*"))
        if path.is_file() and mode.temporary not in path.parents and path.suffix and mode.name != "server"
    ]
    if mode.name == "server":
        state = [path.read_bytes() for path in sorted(mode.folder.rglob("opsml_registries/**/*")) if path.is_file()]
        (database,) = mode.folder.rglob("opsml.db")
        with closing(sqlite3.connect(database)) as opened:
            state += [line for line in opened.iterdump() if not re.search(_OF_THE_SERVER, line)]
    if mode.name == "postgres":
        state += [line for line in dumped(mode.uri).splitlines() if "restrict" not in line]  # a word by chance
    if mode.name == "s3":
        bucket = str(mode.storage).removeprefix("s3://")
        with urlopen(f"{mode.environment['AWS_ENDPOINT_URL']}/{bucket}?list-type=2") as answer:
            state.append(answer.read().partition(b"<Contents>")[2])
    return state


def test_the_command_prints_nothing_else_and_leaves_nothing_behind(sqlite: Mode) -> None:
    sqlite.run(damaging.register_again, "1.2.3")
    before = sorted(sqlite.temporary.iterdir())
    command = [sys.executable, "-m", "imagecards.cli", "opsml", "audit", sqlite.uri]
    done = subprocess.run(
        [*command, "--storage", str(sqlite.storage), "--json"],
        env={**os.environ, **sqlite.environment},
        cwd=sqlite.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    said = json.loads(done.stdout)
    assert (done.returncode, done.stderr, said["ok"], said["cards"]) == (1, "", False, 3)
    assert said["findings"][0]["rule"] == "duplicate-version"
    assert sorted(sqlite.temporary.iterdir()) == before
    assert not (sqlite.folder / "opsml_registries").exists()


def test_an_audit_works_where_opsml_would_wait_for_ever(sqlite: Mode) -> None:
    assert sqlite.run(_audit_after_a_fork, sqlite.uri, timeout=60) == 0


def _audit_after_a_fork(uri: str) -> int:
    plain.register("dogs")
    child = os.fork()
    if not child:
        os._exit(0 if audit(uri).ok else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def entry(version: str, minute: float, uid: str = "", failure: str = "", **names: list[str]) -> Entry:
    created = (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)).isoformat()
    return Entry("data", uid or f"{minute:09.3f}", "lab", "cats", version, created, names, failure)


@pytest.mark.parametrize(
    ("versions", "late"),
    [
        ([("0.1.0", 0), ("0.2.0", 0), ("1.0.0", 5)], []),
        ([("0.2.0", 0), ("0.1.0", 0.5), ("0.3.0", 9)], []),  # writers at the same time
        ([("0.2.0", 0), ("0.1.0", 1.5)], ["0.1.0"]),
        ([("5.0.0", 0), ("1.0.0", 0.1), ("1.0.1", 0.2), ("1.1.0", 0.3), ("5.1.0", 9)], ["1.0.0", "1.0.1", "1.1.0"]),
        ([("1.0.0", 0), ("1.0.0-rc.1", 3), ("1.0.1-RC1+build", 6)], ["1.0.0-rc.1"]),
        ([("1.0.0", 0), ("no version", 3)], []),
    ],
)
def test_which_versions_are_out_of_order(versions: list[tuple[str, float]], late: list[str]) -> None:
    findings = judge(entry(version, minute) for version, minute in reversed(versions))
    assert [finding.version for finding in findings] == ([", ".join(late)] if late else [])
    assert all(finding.rule == "version-order" for finding in findings)


def test_what_is_left_of_versions_that_are_there_twice() -> None:
    (one,) = judge([entry("1.0.0", 0, "a", "aead::Error"), entry("1.0.0", 0, "b"), entry("1.0.0", 0, "c", "gone")])
    assert (one.survivor, one.uids) == ("b", ("a", "c"))
    assert "b is left, delete the rows a, c" in one.message
    (none,) = judge([entry("1.0.0", 0, "a", "aead::Error"), entry("1.0.0", 0, "b", "gone")])
    assert (none.survivor, none.uids) == (None, ("a", "b"))
    (both,) = judge([entry("1.0.0", 0, "a"), entry("1.0.0", 0, "b")])
    assert (both.survivor, both.uids) == (None, ())
    assert "a, b load" in both.message


def test_what_opsml_says_is_shown_without_control_characters() -> None:
    (finding,) = judge([entry("1.0.0", 0, failure="x\x1b[2J")])
    assert finding.rule == "unreadable"
    assert "\x1b" not in str(finding)


ROW = {"kind": "data", "space": "lab", "version": "1.0.0", "created": "2026-01-01T00:00:00+00:00", "names": {}}
STUBBORN = f"""
import json, os, sys, time
for line in sys.stdin:
    asked = json.loads(line)
    if asked["do"] == "list":
        rows = [dict({ROW}, uid=uid, name=uid) for uid in ("hangs", "dies", "sound")] if asked["kind"] == "data" else []
        print(json.dumps({{"rows": rows}}), flush=True)
    elif asked["entry"]["uid"] == "hangs":
        time.sleep(600)
    elif asked["entry"]["uid"] == "dies":
        os._exit(7)
    else:
        print(json.dumps({{"failure": ""}}), flush=True)
"""


def test_opsml_is_given_up_on_a_card_and_the_audit_goes_on(sqlite: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    sqlite.run(plain.register)
    monkeypatch.setattr(auditing, "_COMMAND", ("-c", STUBBORN))
    found = audit(sqlite.uri, sqlite.storage, patience=1)
    told = {finding.uids[0]: (finding.rule, finding.message) for finding in found.findings}
    assert {uid: rule for uid, (rule, _) in told.items()} == {"hangs": "unreadable", "dies": "unreadable"}
    assert "no answer in 1 seconds" in told["hangs"][1]
    assert "exit code 7" in told["dies"][1]


@pytest.mark.parametrize(
    ("uri", "error", "said"),
    [
        ("gopher://x/y", InvalidInputError, "no registry of opsml's"),
        ("sqlite://:memory:", InvalidInputError, "names no file"),
        ("postgresql://", InvalidInputError, "names no server"),
        ("postgresql://host:port/x", InvalidInputError, "no address"),
        ("nowhere.db", NotFoundError, "there is no file"),
        ("x" * 5000, NotFoundError, "there is no file"),
        ("\x1b[2J.db", NotFoundError, r"there is no file .*\\x1b\[2J\.db"),
        ("a\0b", NotFoundError, "there is no file"),
        ("sqlite:///nowhere/opsml.db", NotFoundError, "there is no file"),
        (__file__, InvalidInputError, "no database of SQLite"),
        ("postgresql://me:secret@127.0.0.1:1/x", StorageError, "nothing answers at 127.0.0.1:1"),
    ],
)
def test_what_is_no_registry_is_refused(uri: str, error: type[Exception], said: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=said) as caught:
        audit(uri, str(tmp_path))
    assert "secret" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as database:
        database.execute("CREATE TABLE things (uid)")
    with pytest.raises(InvalidInputError, match="no table opsml_data_registry"):
        audit(str(tmp_path / "other.db"), str(tmp_path))


def test_a_database_whose_writer_was_killed_is_copied_as_it_is(tmp_path: Path) -> None:
    """Whoever closes such a database after writing to it moves its journal into it."""
    alive = tmp_path / "alive.db"
    with closing(sqlite3.connect(alive)) as writing:
        writing.execute("PRAGMA journal_mode=wal")
        writing.execute("CREATE TABLE opsml_data_registry (uid)")
        writing.commit()
        for end in ("", "-wal"):
            shutil.copy(f"{alive}{end}", tmp_path / f"killed.db{end}")
    before = {end: (tmp_path / f"killed.db{end}").read_bytes() for end in ("", "-wal")}
    (tmp_path / "files").mkdir()
    with (
        read_only(str(tmp_path / "killed.db"), str(tmp_path / "files")) as (folder, _),
        closing(sqlite3.connect(folder / "opsml.db")) as copied,
    ):
        assert copied.execute("SELECT * FROM opsml_data_registry").fetchall() == []
    assert {end: (tmp_path / f"killed.db{end}").read_bytes() for end in ("", "-wal")} == before


def test_what_opsml_leaves_behind_goes_with_the_look(sqlite: Mode) -> None:
    sqlite.run(plain.listed)
    Path(str(sqlite.storage)).mkdir(exist_ok=True)
    with read_only(sqlite.uri, sqlite.storage) as (folder, environment):
        assert Path(environment["TMPDIR"]).parent == folder
        assert environment["OPSML_TRACKING_URI"] == f"sqlite://{folder}/opsml.db"
    assert not folder.exists()


def test_an_audit_does_not_tell_the_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = "import sys\nfor _ in sys.stdin: print('{\"rows\": []}', flush=True)"
    monkeypatch.setattr(auditing, "_COMMAND", ("-c", nothing))
    monkeypatch.setattr(auditing, "read_only", lambda *_: nullcontext((tmp_path, dict(os.environ))))
    assert audit("postgresql://me:secret@host/x").registry == "postgresql://***@host/x"


def test_a_server_is_not_told_where_its_files_are() -> None:
    with pytest.raises(InvalidInputError, match="a server knows where its files are: leave s3://bucket out"):
        audit("http://127.0.0.1:1", "s3://bucket")


def test_an_audit_says_that_it_needs_opsml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opsml", None)
    with pytest.raises(MissingDependencyError, match=r"imagecards\[opsml\]"):
        audit("opsml.db")


def test_files_must_be_somewhere(sqlite: Mode, tmp_path: Path) -> None:
    sqlite.run(plain.register)
    with pytest.raises(NotFoundError, match="--storage"):
        audit(sqlite.uri, str(tmp_path / "nothing"))
    assert not (tmp_path / "nothing").exists()
