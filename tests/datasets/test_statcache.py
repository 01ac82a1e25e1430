"""What is remembered of files is right or not used."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagecards.datasets.examine import examine_folder
from imagecards.datasets.foldermemo import FolderMemo
from imagecards.datasets.scan import FolderScan, scan_folder
from imagecards.datasets.statcache import StatCache

Write = Callable[..., Path]
LATER = 10_000_000_000  # a scan ten seconds from now trusts files of now


def learn(root: Path, age_ns: int = LATER) -> tuple[FolderScan, pa.Table, StatCache]:
    scan = scan_folder(root)
    facts = examine_folder(root, scan.files).facts
    cache = StatCache(root)
    cache.remember(scan.stats, facts, scan.began_ns + age_ns)
    return scan, facts, cache


def known(root: Path) -> dict[str, bool]:
    scan = scan_folder(root)
    facts, told = StatCache(root).lookup(scan.stats)
    assert [told and digest is not None for told, digest in zip(told, facts["sha256"].to_pylist(), strict=True)] == [
        digest is not None for digest in facts["sha256"].to_pylist()
    ]
    return {file.name: bool(flag) for file, flag in zip(scan.files, told, strict=True)}


def test_tells_what_it_was_told(folder: Write) -> None:
    root = folder({"b.png": None, "a.jpg": None, "in/c.png": None})
    assert known(root) == {"a.jpg": False, "b.png": False, "in/c.png": False}
    scan, facts, _ = learn(root)
    again, told = StatCache(root).lookup(scan.stats)
    assert again.equals(facts)
    assert told.all()
    backwards, _ = StatCache(root).lookup(scan.stats.take([2, 1, 0]))
    assert backwards["file_name"].to_pylist() == ["in/c.png", "b.png", "a.jpg"]
    assert backwards["sha256"].to_pylist() == facts["sha256"].to_pylist()[::-1]


def test_an_empty_folder(folder: Write) -> None:
    root = folder({})
    learn(root)
    assert known(root) == {}


def test_only_what_changed_is_forgotten(folder: Write, picture: Callable[..., bytes]) -> None:
    root = folder({f"{letter}.png": None for letter in "abcdefg"})
    learn(root)
    status = (root / "a.png").stat()
    (root / "a.png").write_bytes(picture(colour=99))  # same size or not, the times differ
    os.utime(root / "a.png", ns=(status.st_atime_ns, status.st_mtime_ns))  # ctime can't be set back
    os.utime(root / "b.png")
    (root / "c.png").rename(root / "h.png")
    (root / "d.png").unlink()
    (root / "i.png").write_bytes(picture())
    (root / "e.png").rename(root / "old")
    (root / "e.png").write_bytes((root / "old").read_bytes())  # same content, another file
    assert known(root) == {
        "a.png": False,
        "b.png": False,
        "e.png": False,
        "f.png": True,
        "g.png": True,
        "h.png": False,
        "i.png": False,
        "old": False,
    }


def test_young_files_are_not_trusted(folder: Write) -> None:
    root = folder({"a.png": None})
    learn(root, age_ns=0)
    assert known(root) == {"a.png": False}
    learn(root, age_ns=1_900_000_000)
    assert known(root) == {"a.png": False}
    learn(root, age_ns=2_500_000_000)
    assert known(root) == {"a.png": True}


def test_files_from_the_future_are_not_trusted(folder: Write) -> None:
    root = folder({"a.png": None})
    os.utime(root / "a.png", ns=(time.time_ns() + 10**15,) * 2)
    learn(root)
    assert known(root) == {"a.png": False}


def test_what_is_not_a_sound_image_is_looked_at_again(folder: Write) -> None:
    root = folder({"a.png": None, "b.png": b"no image"})
    learn(root)
    assert known(root) == {"a.png": True, "b.png": False}


def test_a_smaller_limit_looks_at_large_images_again(folder: Write) -> None:
    root = folder({"a.png": None})
    scan, _, cache = learn(root)
    assert cache.lookup(scan.stats, max_pixels=1200)[1].all()
    facts, told = cache.lookup(scan.stats, max_pixels=1199)
    assert not told.any()
    assert facts["width"].to_pylist() == [None]


def test_any_flipped_byte_empties_the_cache(folder: Write) -> None:
    root = folder({"a.png": None, "b.jpg": None})
    scan, facts, cache = learn(root)
    sound = Path(cache.path).read_bytes()

    @settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(st.integers(0, len(sound) - 1), st.integers(1, 255), st.booleans())
    def check(place: int, change: int, cut: bool) -> None:
        damaged = bytearray(sound)
        damaged[place] ^= change
        Path(cache.path).write_bytes(damaged[:place] if cut else damaged)
        answer, told = StatCache(root).lookup(scan.stats)
        assert not told.any()
        assert answer["sha256"].null_count == 2

    check()
    Path(cache.path).write_bytes(sound)
    assert StatCache(root).lookup(scan.stats)[0].equals(facts)


def test_a_cache_that_others_could_write_is_not_believed(folder: Write) -> None:
    root = folder({"a.png": None})
    _, _, cache = learn(root)
    os.chmod(cache.path, 0o666)
    assert known(root) == {"a.png": False}
    os.chmod(cache.path, 0o600)
    assert known(root) == {"a.png": True}
    os.rename(cache.path, cache.path + ".real")
    os.symlink(cache.path + ".real", cache.path)
    assert known(root) == {"a.png": False}


@pytest.mark.parametrize("call", ["open", "write", "replace", "makedirs"])
def test_a_cache_that_cannot_be_written_is_no_error(
    folder: Write, monkeypatch: pytest.MonkeyPatch, own_cache: Path, call: str
) -> None:
    root = folder({"a.png": None})
    scan = scan_folder(root)
    facts = examine_folder(root, scan.files).facts

    def full(*args: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    cache = StatCache(root)
    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        cache.remember(scan.stats, facts, scan.began_ns + LATER)
    assert known(root) == {"a.png": False}
    assert not [path for path in own_cache.rglob("*") if path.is_file()]


def test_the_place_is_private_and_outside_the_folder(folder: Write, own_cache: Path) -> None:
    root = folder({"a.png": None})
    _, _, cache = learn(root)
    assert Path(cache.path).is_relative_to(own_cache)
    assert Path(cache.path).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in root.iterdir()] == ["a.png"]


def test_without_a_home_nothing_is_cached(folder: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(name: str) -> str:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("IMAGECARDS_CACHE")
    monkeypatch.setattr("platformdirs.user_cache_dir", homeless)
    root = folder({"a.png": None})
    scan = scan_folder(root)
    cache = StatCache(root)
    cache.remember(scan.stats, examine_folder(root, scan.files).facts, scan.began_ns)
    assert not cache.lookup(scan.stats)[1].any()
    memo = FolderMemo(root, "")
    memo.remember(scan, "outcome")
    assert memo.recall(scan) is None
