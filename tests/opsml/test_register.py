"""Registering in opsml: every version is there once, whole, and can be loaded; or it is not there."""

import os
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

import pytest
from tests.conftest import MakeFolder
from tests.opsml import doing
from tests.opsml.servers import Ended, Mode

import imagecards as ic
from imagecards.errors import (
    IntegrityError,
    InvalidInputError,
    InvalidMetadataError,
    StorageError,
    VersionConflictError,
)
from imagecards.opsml import host
from imagecards.opsml.naming import check_place

pytest.importorskip("opsml")


def race(mode: Mode, images: str, workers: int, count: int) -> None:
    """Let processes register under one name, and see that what they were told is what is there."""
    results = mode.run_all(doing.register_many, [(images, worker, count) for worker in range(workers)], timeout=500)
    made = [each for result in results for each in result]
    assert len({version for version, _, _ in made}) == len(made) == workers * count, "two were told the same version"
    told = {version: caption for version, _, caption in made}
    assert mode.run(_what_is_there, list(told), timeout=500) == (told, sorted(("lab", "cats", each) for each in told))


def _what_is_there(versions: list[str]) -> tuple[dict[str, str | None], list[tuple[str, str, str]]]:
    return doing.captions(versions), doing.listed()


def test_processes_that_register_at_once_get_a_version_each(mode: Mode, make_folder: MakeFolder) -> None:
    workers, count = (4, 5) if mode.name == "sqlite" else (3, 3)  # none of them has made the tables of the database
    race(mode, str(make_folder(1)), workers, count)


@pytest.mark.campaign
def test_many_processes_that_register_at_once_get_a_version_each(mode: Mode, make_folder: MakeFolder) -> None:
    race(mode, str(make_folder(1)), 8, 20)


def test_threads_that_register_at_once_get_a_version_each(sqlite: Mode, make_folder: MakeFolder) -> None:
    assert sqlite.run(_threads, str(make_folder(1))) == [f"0.{number}.0" for number in range(1, 10)]


def _threads(images: str) -> list[str]:
    with ThreadPoolExecutor(3) as threads:
        made = [
            made for result in threads.map(lambda _: doing.register_many(images, 0, 3), range(3)) for made in result
        ]
    return sorted(version for version, _, _ in made)


def test_fast_registrations_in_one_process_get_a_version_each(sqlite: Mode, make_folder: MakeFolder) -> None:
    sqlite.run(_fast, str(make_folder(1)))


def _fast(images: str) -> None:
    made = doing.register_many(images, 0, 60)
    assert [version for version, _, _ in made] == [f"0.{number}.0" for number in range(1, 61)]
    assert doing.captions([version for version, _, _ in made]) == {version: caption for version, _, caption in made}


def test_a_version_that_is_put_in_later_does_not_turn_back_the_numbers(sqlite: Mode, make_folder: MakeFolder) -> None:
    assert sqlite.run(_put_in_later, str(make_folder(1))) == ["5.0.0", *_LATER, "5.1.0", "5.1.1", "6.0.0"]


_LATER = [f"1.0.{patch}" for patch in range(22)]  # of which opsml forgets the first two


def _put_in_later(images: str) -> list[str]:
    interface = ic.opsml.ImageDataset(image_dir=images)
    how: list[dict[str, Any]] = [{"version": version} for version in ("5.0.0", *_LATER)]
    how += [{"bump": bump} for bump in ("minor", "patch", "major")]
    return [ic.opsml.register(interface, space="lab", name="cats", **each).version for each in how]


def test_a_version_that_is_there_is_never_registered_again(sqlite: Mode, make_folder: MakeFolder) -> None:
    sqlite.run(_register_again, str(make_folder(1)))


def _register_again(images: str) -> None:
    _, uid = doing.register(images)
    with pytest.raises(VersionConflictError, match=rf"lab/cats 0\.1\.0 is there already \({uid}\)"):
        doing.register(images, version="0.1.0")
    assert doing.opened()["names"] == ("000.png",)
    assert _register_exact(images, "0.1.1") == "0.1.1"
    _register_plainly("rc1")
    with pytest.raises(VersionConflictError, match=r"0\.2\.0 is there already \(lab/cats 0\.2\.0-rc1"):
        _register_exact(images, "0.2.0")  # opsml would take another number in silence
    assert doing.register(images)[0] == "0.3.0"


def _register_plainly(pre_tag: str) -> None:
    from tests.opsml.plain import TextData

    from opsml import CardRegistry, DataCard

    CardRegistry("data").register_card(DataCard(interface=TextData(), space="lab", name="cats"), pre_tag=pre_tag)


def _register_exact(images: str, version: str) -> str:
    return doing.register(images, version=version)[0]


def test_another_version_than_was_claimed_is_not_kept(sqlite: Mode, make_folder: MakeFolder) -> None:
    sqlite.run(_taken_meanwhile, str(make_folder(1)))


def _taken_meanwhile(images: str) -> None:
    """Somebody takes the version by opsml's own ways just when it is to be registered: opsml takes another number."""
    from tests.opsml import plain

    plainly = host.register_card
    taken: list[str] = []

    def take_first(interface: Any, **options: Any) -> Any:
        if options["name"] == "cats" and options["version"] in ("0.1.0", "5.0.0"):
            taken.append(plain.register("cats", version=options["version"])[0][0])
        return plainly(interface, **options)

    host.__dict__["register_card"] = take_first
    assert doing.register(images)[0] == "0.2.0"
    with pytest.raises(VersionConflictError, match=r"5\.0\.0 is there already"):
        doing.register(images, version="5.0.0")
    assert doing.listed() == [("lab", "cats", version) for version in ("0.1.0", "0.2.0", "5.0.0")]
    assert taken == ["0.1.0", "5.0.0"]


def test_two_that_want_the_same_version_get_it_once(sqlite: Mode, make_folder: MakeFolder) -> None:
    answers = sqlite.run_all(_try_exact, [(str(make_folder(1)), "1.0.0")] * 2)
    assert sorted(answers) == ["1.0.0", "conflict"]


def _try_exact(images: str, version: str) -> str:
    try:
        return _register_exact(images, version)
    except VersionConflictError:
        return "conflict"


def test_an_error_while_files_are_written_comes_out_as_it_was(sqlite: Mode, make_folder: MakeFolder) -> None:
    assert sqlite.run(doing.fail_while_registering, str(make_folder(1))) == []


@pytest.mark.parametrize("begins", ["claim-", "cats"])
def test_what_a_panic_of_opsml_leaves_is_taken_out(sqlite: Mode, make_folder: MakeFolder, begins: str) -> None:
    assert sqlite.run(doing.panic_while_registering, str(make_folder(1)), begins) == []


def test_bad_data_never_reach_opsml(make_folder: MakeFolder) -> None:
    images = make_folder({"a.png": {"objects": {"bbox": [[0, 0, 99, 99]], "categories": ["cat"]}}})
    with pytest.raises(InvalidMetadataError, match=r"a\.png"):
        doing.register(str(images))
    (images / "metadata.jsonl").write_text("")
    (images / "empty.png").write_bytes(b"")
    with pytest.raises(InvalidMetadataError, match=r"empty\.png"):
        doing.register(str(images))
    (images / "empty.png").unlink()
    (images / "link.png").symlink_to(images / "a.png")
    with pytest.raises(InvalidMetadataError, match=r"link\.png"):
        doing.register(str(images))


@pytest.mark.parametrize("name", ["My_Cats", "a/b", "é", "cats v1.2", "", "-a", "a--b", "a" * 60, "claim-a"])
def test_what_opsml_would_write_in_another_way_is_refused(make_folder: MakeFolder, name: str) -> None:
    with pytest.raises(InvalidInputError, match=r"name for opsml|longer than|did you mean 'my-cats'|a claim"):
        doing.register(str(make_folder(1)), name)


def test_a_space_leaves_room_for_the_name_of_a_claim() -> None:
    check_place("a" * 36, "a" * 16)
    for space, name in (("a" * 37, "a"), ("a" * 36, "a" * 17)):
        with pytest.raises(InvalidInputError, match="is longer than opsml takes"):
            check_place(space, name)


@pytest.mark.parametrize(
    ("how", "what"),
    [
        ({"tags": ["it's"]}, "no tag for opsml"),
        ({"tags": ["x' OR '1'='1"]}, "no tag for opsml"),
        ({"tags": "prod"}, r"write \['prod'\]"),
        ({"tags": [1]}, "no tag for opsml"),
        ({"version": "1.2.0-rc.1"}, "pre-release"),
        ({"version": "1.2"}, "did you mean '1.2.0'"),
        ({"bump": "huge"}, "'huge' is not a part"),
    ],
)
def test_arguments_are_checked_before_opsml_is_called(
    make_folder: MakeFolder, how: dict[str, object], what: str
) -> None:
    with pytest.raises(InvalidInputError, match=what):
        doing.register(str(make_folder(1)), "cats", **how)


def test_only_our_interface_is_registered() -> None:
    with pytest.raises(InvalidInputError, match=r"takes an imagecards\.opsml\.ImageDataset, not int"):
        ic.opsml.register(3, space="lab", name="cats")  # type: ignore[arg-type]


def test_a_killed_registration_is_passed_over_and_taken_out_a_day_later(sqlite: Mode, make_folder: MakeFolder) -> None:
    images = str(make_folder(1))
    with pytest.raises(Ended, match="ended with 9"):
        sqlite.run(_die_behind_another, images)
    sqlite.run(_after_a_kill, images)


def _die_behind_another(images: str) -> None:
    doing.register(images)
    doing.die_while_registering(images)


def _after_a_kill(images: str) -> None:
    rows = doing.listed()
    assert ("lab", "cats", "0.2.0") in rows
    assert len(rows) == 3, "the claim tells that it was never finished"
    assert doing.opened()["names"] == ("000.png",), "the range passes it over"
    with pytest.raises(IntegrityError, match=r"0\.2\.0 .* is being registered, or was when its process was killed"):
        doing.opened(version="0.2.0")
    with pytest.raises(VersionConflictError, match=r"0\.2\.0 is there already"):
        doing.register(images, version="0.2.0")
    assert doing.register(images)[0] == "0.3.0", "its number is not used"
    assert doing.listed()[-1][1].startswith("claim-")

    doing.age(2)
    assert doing.register(images)[0] == "0.4.0"
    assert doing.listed() == [("lab", "cats", f"0.{minor}.0") for minor in (1, 3, 4)]


def test_a_claim_that_outlives_its_finished_card_hides_nothing(sqlite: Mode, make_folder: MakeFolder) -> None:
    images = str(make_folder(1))
    with pytest.raises(Ended, match="ended with 7"):
        sqlite.run(_die_when_done, images)
    sqlite.run(_after_it, images)


def _after_it(images: str) -> None:
    assert [name.partition("-")[0] for _, name, _ in doing.listed()] == ["cats", "claim"]
    assert doing.opened()["names"] == ("000.png",)
    doing.age(2)
    assert doing.register(images)[0] == "0.2.0"
    assert doing.listed() == [("lab", "cats", "0.1.0"), ("lab", "cats", "0.2.0")]


def _die_when_done(images: str) -> None:
    room = import_module("imagecards.opsml.registering")
    finish = room._register

    def register(*arguments: Any) -> None:
        finish(*arguments)
        os._exit(7)

    room.__dict__["_register"] = register
    doing.register(images)


def test_a_disk_that_is_full_is_told(monkeypatch: pytest.MonkeyPatch, make_folder: MakeFolder) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/proc/none")
    with pytest.raises(StorageError, match=r"what opsml is to keep can't be written .* set TMPDIR"):
        doing.register(str(make_folder(1)))


def test_a_version_that_others_hold_is_told(sqlite: Mode, make_folder: MakeFolder) -> None:
    sqlite.run(_held, str(make_folder(1)))


def _held(images: str) -> None:
    """A claim without a card, as a process leaves it that is killed between the two."""
    import_module("imagecards.opsml.claims").__dict__["_PATIENCE"] = 0.2

    def register() -> None:
        with pytest.raises(StorageError, match=r"others hold lab/cats 1\.0\.0: they are registering it, or"):
            doing.register(images, version="1.0.0")
        done.append(doing.register(images)[0])

    done: list[str] = []
    host.in_passing_row(register, space="lab", name="claim-0", tags=["of=lab/cats", "version=1.0.0"])
    assert done == ["1.1.0"]
    assert doing.register(images, version="1.0.0")[0] == "1.0.0"


def test_standard_output_and_temporary_files_stay_as_they_were(sqlite: Mode, make_folder: MakeFolder) -> None:
    printed, left = sqlite.run(doing.noise_of, str(make_folder(1)))
    assert printed == "before\nbetween\nafter\n"
    assert left == []


def test_what_others_print_meanwhile_is_not_lost(sqlite: Mode, make_folder: MakeFolder) -> None:
    *lines, count = sqlite.run(doing.prints_of_others, str(make_folder(1))).splitlines()
    assert lines == [f"line {number}" for number in range(len(lines))]
    assert count == f"{len(lines)} lines"


@pytest.mark.parametrize("started", ["not yet", "by us", "by opsml"])
def test_a_forked_process_never_hangs(sqlite: Mode, make_folder: MakeFolder, started: str) -> None:
    said = sqlite.run(doing.use_after_fork, str(make_folder(1)), started, timeout=60)
    if started == "not yet":
        assert said == "0"
    else:
        assert said.startswith("StorageError: opsml can't")
        assert "was forked while opsml ran" in said
