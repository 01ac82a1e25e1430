"""What each command does and prints."""

import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from imagecards import CardRegistry
from imagecards.storage.cache import open_cache

MakeFolder = Callable[..., Path]
Run = Callable[..., Any]


@pytest.fixture
def filled(tmp_path: Path, make_folder: MakeFolder, run: Run, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry, the default one, with two versions of ``vision/cats``, the first one tagged ``prod``."""
    registry = tmp_path / "registry"
    monkeypatch.setenv("IMAGECARDS_REGISTRY", str(registry))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "note.txt").write_text("a note")
    first = ("--tag", "prod", "-m", "cats", "--license", "MIT", "--artifact", f"note={tmp_path / 'note.txt'}")
    assert run("register", make_folder(3), "vision/cats", *first).code == 0
    assert run("register", make_folder(4), "vision/cats").code == 0
    return registry


def test_register_says_what_was_registered_and_what_it_cost(run: Run, make_folder: MakeFolder, tmp_path: Path) -> None:
    done = run("register", make_folder(3), "a/b", "-r", tmp_path / "r", "--tag", "prod")
    assert done.code == 0
    assert done.out.startswith("registered a/b@1.0.0: 3 images, 3 objects, ")
    assert done.out.endswith(" added to the registry), tagged prod\n")
    assert done.err == ""


def test_a_dry_run_says_what_would_be_stored_and_stores_nothing(
    run: Run, make_folder: MakeFolder, tmp_path: Path
) -> None:
    done = run("register", make_folder(3), "a/b", "-r", tmp_path / "r", "--dry-run")
    assert re.fullmatch(r"would store 3 files of about \d+ B \(3 images that may be new\)\n", done.out)
    assert not (tmp_path / "r").exists()
    said = run("register", make_folder(3), "a/b", "-r", tmp_path / "r", "--dry-run", "--json").json
    assert (said["files"], said["images"], said["commits"], said["warnings"]) == (3, 3, 0, [])


def test_register_says_what_the_change_comes_to(run: Run, filled: Path, make_folder: MakeFolder) -> None:
    done = run("register", make_folder({"000.png": {"caption": "another"}}, name="other"), "vision/cats")
    assert done.out.startswith("registered vision/cats@2.0.0: 1 image, ")
    assert done.out.splitlines()[1].startswith("  major: 3 images removed, ")


def test_the_log_tells_the_history_newest_first(run: Run, filled: Path) -> None:
    assert run("withdraw", "vision/cats@1.1.0", "--reason", "wrong").code == 0
    lines = run("log", "vision/cats").out.splitlines()
    assert lines[0] == "1.1.0  withdrawn"
    assert lines[1].startswith("1.0.0  ")
    assert lines[1].endswith(" UTC  [prod]")
    assert lines[2:] == ["  changed    the first version", "  described  cats"]
    said = run("log", "vision/cats", "--json").json
    assert [row["version"] for row in said] == ["1.1.0", "1.0.0"]
    assert said[1]["reason"] == "the first version"


def test_register_says_when_nothing_changed(run: Run, filled: Path, tmp_path: Path) -> None:
    again = run("register", tmp_path / "images", "vision/cats")
    assert (again.code, again.out) == (0, "unchanged: vision/cats@1.1.0 has these data already\n")
    assert run("register", tmp_path / "images", "vision/cats", "--json").json["new"] is False
    assert len(run("versions", "vision/cats", "--json").json) == 2


def test_register_shows_warnings_on_standard_error(run: Run, make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder({"a.png": {"captoin": "x"}})
    done = run("register", folder, "a/b", "-r", tmp_path / "r", "--json")
    assert done.code == 0
    assert done.json["new"] is True
    assert done.err.startswith("warning: ")
    assert "did you mean `caption`?" in done.err


def test_register_takes_what_a_card_can_say(run: Run, filled: Path, make_folder: MakeFolder) -> None:
    said = ("--bump", "major", "--source", "a microscope", "--parent", "vision/cats@1.0.0", "--info", '{"lens": 20}')
    assert run("register", make_folder(2), "vision/new", *said).out.startswith("registered vision/new@1.0.0: ")
    shown = run("show", "vision/new", "--json").json
    assert (shown["source"], shown["metadata"]) == ("a microscope", {"lens": 20})
    assert shown["parents"][0]["ref"].startswith("vision/cats@1.0.0")
    assert "made from vision/cats@1.0.0" in run("show", "vision/new").out


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".npy"])
def test_register_takes_tables(run: Run, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"table{suffix}"
    frame = pl.DataFrame({"id": [1, 2, 3]})
    if suffix == ".parquet":
        frame.write_parquet(path)
    elif suffix == ".csv":
        frame.write_csv(path)
    else:
        np.save(path, np.arange(3))
    done = run("register", path, "a/table", "-r", tmp_path / "r")
    assert done.out.startswith("registered a/table@1.0.0: 3 rows, ")
    assert "3 rows" in run("list", "-r", tmp_path / "r").out
    assert "3 rows" in run("versions", "a/table", "-r", tmp_path / "r").out
    assert "rows" in run("show", "a/table", "-r", tmp_path / "r").out
    assert run("fetch", "a/table", "-r", tmp_path / "r", "--to", tmp_path / "again").code == 0
    assert len(list((tmp_path / "again").iterdir())) == 1


def test_list_and_versions(run: Run, filled: Path) -> None:
    line = " ".join(run("list").out.splitlines()[1].split())
    assert re.fullmatch(r"vision/cats 1\.1\.0 2 4 images 4 \S+ k?B prod cats", line)
    rows = run("list", "--json").json
    assert [(row["name"], row["version"], row["images"], row["tags"]) for row in rows] == [
        ("vision/cats", "1.1.0", 4, ["prod"])
    ]
    lines = run("versions", "vision/cats").out.splitlines()
    assert [line.split()[0] for line in lines] == ["VERSION", "1.0.0", "1.1.0"]
    rows = run("versions", "vision/cats", "--json").json
    assert [(row["version"], row["images"], row["tags"]) for row in rows] == [("1.0.0", 3, ["prod"]), ("1.1.0", 4, [])]


def test_list_says_when_there_is_nothing(run: Run, filled: Path) -> None:
    for version in ("1.0.0", "1.1.0"):
        run("withdraw", f"vision/cats@{version}", "--reason", "why not")
    listed = run("list")
    assert (listed.code, listed.out) == (0, "")
    assert "nothing is registered" in listed.err
    assert run("list", "--json").json == []


def test_show_aligns_the_counts_of_classes(run: Run, make_folder: MakeFolder, tmp_path: Path) -> None:
    boxes = [[1, 1, 2, 2]] * 12
    folder = make_folder({"a.png": {"objects": {"bbox": boxes, "categories": ["monolayer"] * 11 + ["bulk"]}}})
    run("register", folder, "a/b", "-r", tmp_path / "r")
    shown = run("show", "a/b", "-r", tmp_path / "r").out
    assert "  classes\n    monolayer  11\n    bulk        1\n" in shown


def test_show_caps_long_lists_of_classes(run: Run, make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder({"a.png": {"categories": list(range(30))}})
    run("register", folder, "a/b", "-r", tmp_path / "r")
    assert "... and 10 more (--json)" in run("show", "a/b", "-r", tmp_path / "r").out
    assert len(run("show", "a/b", "-r", tmp_path / "r", "--json").json["summary"]["categories"]) == 30


def test_show_has_tags_artifacts_and_digests(run: Run, filled: Path) -> None:
    card = CardRegistry(filled).load("vision/cats@prod")
    shown = run("show", "vision/cats@prod")
    assert shown.out.startswith("vision/cats@1.0.0  [prod]\n")
    assert card.digest in shown.out
    assert "  artifacts\n    note  1 file, 6 B\n" in shown.out
    said = run("show", "vision/cats@prod", "--json").json
    assert (said["digest"], said["tags"], said["license"]) == (card.digest, ["prod"], "MIT")
    assert said["artifacts"] == {"note": {"kind": "file", "files": ["note.txt"], "bytes": 6}}


def test_diff_gives_counts_first(run: Run, filled: Path) -> None:
    lines = run("diff", "vision/cats@1.0.0", "vision/cats").out.splitlines()
    assert lines == [
        "vision/cats@1.0.0 -> vision/cats@1.1.0",
        "images: 1 added, 3 unchanged",
        "objects: 1 added with images",
        "  + 003.png",
    ]
    back = run("diff", "vision/cats", "vision/cats@1.0.0", "--limit", "0").out.splitlines()
    assert back[1:] == ["images: 1 removed, 3 unchanged", "objects: 1 removed with images", "  ... and 1 more"]
    assert run("diff", "vision/cats", "vision/cats@1.0.0", "--exit-code").code == 1
    assert run("diff", "vision/cats", "vision/cats", "--exit-code").code == 0
    said = run("diff", "vision/cats@1.0.0", "vision/cats", "--json").json
    assert (said["same"], said["counts"]["images"]["added"], said["images"]["added"]) == (False, 1, ["003.png"])


def test_diff_compares_across_registries(run: Run, filled: Path, make_folder: MakeFolder, tmp_path: Path) -> None:
    other = ("--new-registry", tmp_path / "other")
    run("register", make_folder(3, name="elsewhere"), "a/b", "-r", tmp_path / "other")
    assert run("diff", "vision/cats@1.0.0", "a/b", *other).out.splitlines()[1:] == ["images: 3 unchanged"]
    assert run("diff", "vision/cats@1.1.0", "a/b", *other, "--exit-code").code == 1


def test_a_damaged_latest_version_is_listed_as_such(run: Run, filled: Path) -> None:
    spoil(filled / "cards/vision/cats/1.1.0.json")
    listed = run("list")
    assert (listed.code, listed.out.splitlines()[1].split()[:4]) == (0, ["vision/cats", "1.1.0", "2", "damaged"])


def spoil(file: Path) -> None:
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-20])


def test_one_damaged_document_hides_nothing_else(run: Run, filled: Path) -> None:
    run("tag", "vision/cats@1.0.0", "good", "bad")
    run("attach", "vision/cats@1.1.0", "first", "note.txt")
    run("attach", "vision/cats@1.1.0", "second", "note.txt")
    for place in ("cards/vision/cats/1.0.0", "tags/vision/cats/bad/00000001", "artifacts/vision/cats/1.1.0/first"):
        spoil(filled / f"{place}.json")
    listed = run("versions", "vision/cats")
    assert listed.code == 0
    assert listed.err.startswith("the tag bad of vision/cats is damaged: tags/vision/cats/bad/00000001.json ")
    damaged, sound = listed.out.splitlines()[1:]
    assert re.fullmatch(r"1\.0\.0 +damaged +good prod +cards/vision/cats/1\.0\.0\.json is damaged", damaged)
    assert re.match(r"1\.1\.0 .* 4 images", sound)
    assert [row["kind"] for row in run("versions", "vision/cats", "--json").json] == ["damaged", "images"]
    log = run("log", "vision/cats")
    assert log.out.splitlines()[-1] == ("1.0.0  damaged  [good prod]: cards/vision/cats/1.0.0.json is damaged")
    assert run("list").out.splitlines()[1].split()[:3] == ["vision/cats", "1.1.0", "2"]
    assert "bad (damaged)" in run("list").out
    shown = run("show", "vision/cats")
    assert (shown.code, shown.err) == (0, listed.err)
    assert "    second  1 file, 6 B\n    first  damaged: artifacts/vision/cats/1.1.0/first.json" in shown.out
    said = run("show", "vision/cats", "--json").json["artifacts"]
    assert (said["first"]["kind"], said["second"]["kind"]) == ("damaged", "file")


def test_diff_names_each_kind_of_change(run: Run, make_folder: MakeFolder, tmp_path: Path) -> None:
    registry = ("-r", tmp_path / "r")
    run("register", make_folder({"a.png": {}, "b.png": {}, "c.png": {"caption": "x"}}), "a/b", *registry)
    changed = make_folder({"d.png": {}, "b.png": {}, "c.png": {"caption": "y"}}, name="changed")
    (changed / "b.png").write_bytes((make_folder(1, name="other", seed=90) / "000.png").read_bytes())
    run("register", changed, "a/b", *registry)
    assert run("diff", "a/b@1.0.0", "a/b@2.0.0", *registry).out.splitlines()[1:] == [
        "images: 1 renamed, 1 with other bytes, 1 with other annotations",
        "fields: 1 caption",
        "  = a.png -> d.png",
        "  ~ b.png (other bytes)",
        "  ~ c.png: caption: 'x' -> 'y'",
    ]


def test_fetch_writes_the_files_again(run: Run, filled: Path, tmp_path: Path) -> None:
    fetched = run("fetch", "vision/cats")
    assert fetched.out == "fetched vision/cats@1.1.0 into cats\n"
    there = {path.name: path.read_bytes() for path in (tmp_path / "cats").iterdir()}
    assert there == {path.name: path.read_bytes() for path in (tmp_path / "images").iterdir()}
    said = run("fetch", "vision/cats@1.0.0", "--artifact", "note", "--to", tmp_path / "kept", "--json").json
    assert (said["artifact"], said["folder"]) == ("note", str(tmp_path / "kept"))
    assert (tmp_path / "kept/note.txt").read_text() == "a note"


def test_attach_tag_untag_withdraw(run: Run, filled: Path, tmp_path: Path) -> None:
    attached = run("attach", "vision/cats", "more", tmp_path / "note.txt")
    assert attached.out == "attached more to vision/cats@1.1.0: 1 file, 6 B\n"
    assert run("attach", "vision/cats", "more", tmp_path / "note.txt", "--json").json["files"] == ["note.txt"]
    assert run("tag", "vision/cats", "prod", "best").out == "prod, best -> vision/cats@1.1.0\n"
    assert run("tag", "vision/cats", "best", "--json").json["tags"] == ["best"]
    assert run("show", "vision/cats@best").code == 0
    assert run("untag", "vision/cats", "best").out == "best of vision/cats: taken away\n"
    assert run("untag", "vision/cats", "prod", "--json").json == {"name": "vision/cats", "untagged": ["prod"]}
    withdrawn = run("withdraw", "vision/cats@1.0.0", "--reason", "a secret")
    assert withdrawn.out == "vision/cats@1.0.0 is withdrawn: a secret\n"
    assert run("withdraw", "vision/cats@1.1.0", "--reason", "too", "--json").json["reason"] == "too"
    assert run("versions", "vision/cats").code == 3
    lines = run("versions", "vision/cats", "--withdrawn").out.splitlines()
    assert [line.split() for line in lines[1:]] == [["1.0.0", "withdrawn"], ["1.1.0", "withdrawn"]]


def test_verify_tells_each_problem_once(run: Run, filled: Path) -> None:
    whole = run("verify", "--deep")
    assert whole.code == 0
    assert whole.out.startswith("all as registered: 2 versions, ")
    shard = filled / CardRegistry(filled).load("vision/cats@1.0.0").shards[0].key
    damaged = bytearray(shard.read_bytes())
    damaged[600] ^= 1  # in an image that both versions have
    shard.chmod(0o644)
    shard.write_bytes(damaged)
    assert run("verify").code == 0
    found = run("verify", "--deep")
    assert found.code == 1
    lines = found.out.splitlines()
    assert lines[0] == shard.relative_to(filled).as_posix()
    assert lines[1].startswith("  has other bytes than were stored (expected sha256:")
    assert lines[1].endswith("(vision/cats@1.0.0, vision/cats@1.1.0)")
    assert lines[2].startswith("  000.png: the image has other bytes than were registered")
    assert lines[3].startswith("2 problems: 2 versions, ")
    assert len(lines) == 4
    assert max(map(len, lines)) < 200
    assert "... and 1 more (--limit, --json)" in run("verify", "--deep", "--limit", "1").out
    said = run("verify", "vision/cats@1.0.0", "--deep", "--json")
    assert (said.code, said.json["ok"], said.json["deep"]) == (1, False, True)
    assert {problem["image"] for problem in said.json["problems"]} == {"", "000.png"}


def test_verify_notes_a_withdrawn_parent(run: Run, filled: Path, make_folder: MakeFolder) -> None:
    run("register", make_folder(2, name="few"), "vision/few", "--parent", "vision/cats@1.0.0")
    run("withdraw", "vision/cats@1.0.0", "--reason", "a secret")
    found = run("verify")
    assert found.code == 0
    said = "note: vision/few@1.0.0: its parent vision/cats@1.0.0 was withdrawn (a secret): it can still be read"
    assert found.out.splitlines()[0].startswith(said)
    assert [note["card"] for note in run("verify", "--json").json["notes"]] == ["vision/few@1.0.0"]


def test_gc_lists_before_it_deletes(run: Run, filled: Path) -> None:
    assert run("gc").out == "nothing to collect\n"
    stray = filled / "data/vision/cats/20200101T000000Z-0123456789abcdef/shard-00000.tar"
    stray.parent.mkdir()
    stray.write_bytes(b"left behind")
    os.utime(stray, (1, 1))
    key = stray.relative_to(filled).as_posix()
    assert run("gc").out == f"{key}\n1 file, 11 B could be deleted (--delete)\n"
    assert run("gc", "--limit", "0").out.startswith("... and 1 more")
    assert run("gc", "--delete", "--json").json == {"keys": [key], "size": 11, "deleted": True}
    assert not stray.exists()


def test_cache_shows_and_clears(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = open_cache()
    assert cache is not None
    cache.put(hashlib.sha256(b"image").digest(), b"image")
    assert run("cache").out == f"{cache.root}: 1 file, 5 B of 10.7 GB at most\n"
    told = {"folder": cache.root, "files": 1, "size": 5, "limit": 10 << 30, "cleared": False}
    assert run("cache", "--json").json == told
    assert run("cache", "--clear").out == f"{cache.root}: 1 file, 5 B deleted\n"
    assert run("cache", "--json").json["files"] == 0
    monkeypatch.setenv("IMAGECARDS_CACHE", "off")
    assert run("cache", "--clear").out.startswith("nothing is cached")
    assert run("cache", "--json").json["folder"] is None
    monkeypatch.setenv("IMAGECARDS_CACHE_SIZE", "much")
    assert "'much'" in run("cache").err


def test_validate_lists_all_at_once(run: Run, make_folder: MakeFolder) -> None:
    good = make_folder(3)
    assert run("validate", good).out == f"{good}: 3 images valid\n"
    bad = make_folder({"a.png": {"captoin": "x"}, "b.png": {"objects": {"bbox": [[0, 0, 99, 9]]}}}, name="bad")
    (bad / "a.png").unlink()
    found = run("validate", bad)
    assert found.code == 1
    assert "metadata.jsonl:1: captoin" in found.out
    assert "missing-file" in found.out
    assert found.out.endswith("not valid; registering it would be refused\n")
    said = run("validate", bad, "--json")
    assert said.code == 1
    assert said.json["ok"] is False
    assert said.json["errors"] == len([issue for issue in said.json["issues"] if issue["severity"] == "error"])
    assert said.json["counts"]["missing-file"] == 1
    assert {"file", "line", "field", "value", "rule", "message", "severity", "suggestion"} == set(
        said.json["issues"][0]
    )
    assert "... and " in run("validate", bad, "--limit", "1").out


def test_validate_takes_a_metadata_file_alone(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "metadata.jsonl"
    path.write_text('{"file_name": "a.png"}\n{"file_name": "b.png"}\n')
    assert run("validate", path).out == f"{path}: 2 records valid\n"
    path.write_text('{"file_name": "a.png"}\n{"file_name": 5}\n')
    found = run("validate", path)
    assert found.code == 1
    assert "metadata.jsonl:2: file_name" in found.out
    assert run("validate", path, "--json").json["issues"][0]["line"] == 2


def test_the_registry_can_be_named_or_come_from_the_environment(
    run: Run, make_folder: MakeFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = make_folder(1)
    run("register", folder, "a/default")
    run("register", folder, "a/named", "--registry", tmp_path / "named")
    monkeypatch.setenv("IMAGECARDS_REGISTRY", str(tmp_path / "environment"))
    run("register", folder, "a/environment")
    for place, name in ((".imagecards", "default"), ("named", "named"), ("environment", "environment")):
        assert [row["name"] for row in run("list", "--json", "-r", place).json] == [f"a/{name}"]
    assert [row["name"] for row in run("list", "--json").json] == ["a/environment"]
    assert [row["name"] for row in run("list", "--json", "-r", "named").json] == ["a/named"]


def test_output_shows_control_characters_as_escapes(run: Run, make_folder: MakeFolder, tmp_path: Path) -> None:
    registry = CardRegistry(tmp_path / "r")
    registry.register(pl.DataFrame({"id": [1]}), "a/b", description="red\x1b[31m \u202eflip")
    for command in (("list",), ("show", "a/b"), ("versions", "a/b")):
        out = run(*command, "-r", tmp_path / "r").out
        assert "red\\x1b[31m \\u202eflip" in out
        assert "\x1b" not in out


def test_every_command_has_json(run: Run) -> None:
    shown = run("--help").out
    commands = [line.split()[0] for line in shown.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()]
    expected = (
        "validate convert compare formats register materialize derive attach list versions log show preview diff "
        "leaks lineage impact replay use uses lock fetch copy push pull sync tag untag withdraw verify gc cache "
        "severstal opsml"
    )
    assert " ".join(commands) == expected
    without_one = (
        "validate",
        "convert",
        "compare",
        "formats",
        "copy",
        "sync",
        "cache",
        "severstal prepare",
        "opsml audit",
    )
    groups = {"severstal": ["severstal prepare"], "opsml": ["opsml import", "opsml audit"]}
    for command in [each for name in commands for each in groups.get(name, [name])]:
        words = command.split()
        explained = run(*words, "--help").out
        assert "--json" in explained
        assert ("--registry" in explained) == (command not in without_one)
        assert json.loads(run(*words, "--json", "--no-such-option").out)["exit_code"] == 2


def test_help_explains_the_exit_codes_and_fits(run: Run) -> None:
    shown = run("--help").out
    for code in ("0", "1", "2", "3", "4", "5", "6", "130"):
        assert any(line.split()[:1] == [code] for line in shown.splitlines())
    assert "..." not in shown.partition("Commands:")[2].partition("Exit codes")[0]
    assert run("-h").out == shown
    assert run("--version").out.startswith("imagecards ")


def test_preview_draws_a_version_the_same_each_time(run: Run, filled: Path, tmp_path: Path) -> None:
    done = run("preview", "vision/cats@prod", "-o", tmp_path / "a.png", "-n", 2, "--width", 300)
    assert (done.code, done.out) == (0, f"drew 2 images of vision/cats@1.0.0 into {tmp_path / 'a.png'}\n")
    facts = run("preview", "vision/cats@prod", "-o", tmp_path / "b.png", "-n", 2, "--width", 300, "--json").json
    assert (facts["images"], facts["size"][0]) == (2, 300)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert run("preview", "vision/cats", "-o", tmp_path / "c.png", "--split", "train").code == 3
    assert not (tmp_path / "c.png").exists()
