"""The cache: it gives the right bytes or none, whatever happens to its folder, and stays small."""

import errno
import hashlib
import os
import pickle
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagecards.errors import InvalidInputError
from imagecards.storage import MemoryStore
from imagecards.storage import cache as caching
from imagecards.storage.cache import DEFAULT_SIZE, ByteCache, cache_for, open_cache
from imagecards.storage.eviction import clear, shrink, usage
from imagecards.testing.faults import count_calls, fail_at, os_calls

DATA = b"an image"


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def place(root: Path, data: bytes) -> Path:
    name = sha(data).hex()
    return root / "bytes" / name[:2] / name


def files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file() and path.name != "added")


@given(st.binary(max_size=64), st.binary(max_size=64))
def test_what_was_put_is_got_and_nothing_else(tmp_path_factory: pytest.TempPathFactory, one: bytes, two: bytes) -> None:
    cache = ByteCache(str(tmp_path_factory.mktemp("cache")), 10_000)
    cache.put(sha(one), one)
    assert cache.get(sha(one), len(one)) == one
    assert cache.get(sha(two), len(two)) == (one if one == two else None)
    assert cache.get(sha(one), len(one) + 1) is None


def test_only_the_user_can_read_it(tmp_path: Path) -> None:
    ByteCache(str(tmp_path / "new" / "cache"), 10_000).put(sha(DATA), DATA)
    kept = place(tmp_path / "new" / "cache", DATA)
    assert [path.stat().st_mode & 0o777 for path in (kept, kept.parent, kept.parent.parent)] == [0o600, 0o700, 0o700]


def flip(kept: Path, elsewhere: Path) -> None:
    kept.write_bytes(b"On image")


def cut_off(kept: Path, elsewhere: Path) -> None:
    kept.write_bytes(DATA[:3])


def grow(kept: Path, elsewhere: Path) -> None:
    kept.write_bytes(DATA * 2)


def empty(kept: Path, elsewhere: Path) -> None:
    kept.write_bytes(b"")


def link(kept: Path, elsewhere: Path) -> None:
    kept.unlink()
    kept.symlink_to(elsewhere)


def pipe(kept: Path, elsewhere: Path) -> None:
    kept.unlink()
    os.mkfifo(kept)


@pytest.mark.parametrize("damage", [flip, cut_off, grow, empty, link, pipe])
def test_damage_is_found_and_mended(tmp_path: Path, damage: Callable[[Path, Path], None]) -> None:
    cache = ByteCache(str(tmp_path / "cache"), 10_000)
    cache.put(sha(DATA), DATA)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(DATA)
    damage(place(tmp_path / "cache", DATA), elsewhere)
    assert cache.get(sha(DATA), len(DATA)) is None
    assert files(tmp_path / "cache") == [], "what is wrong goes at once"
    cache.put(sha(DATA), DATA)
    assert cache.get(sha(DATA), len(DATA)) == DATA
    assert elsewhere.read_bytes() == DATA
    assert not place(tmp_path / "cache", DATA).is_symlink()


def test_damage_is_mended_by_putting_alone(tmp_path: Path) -> None:
    cache = ByteCache(str(tmp_path), 10_000)
    cache.put(sha(DATA), DATA)
    place(tmp_path, DATA).write_bytes(b"torn")
    cache.put(sha(DATA), DATA)
    assert cache.get(sha(DATA), len(DATA)) == DATA


def test_a_folder_in_place_of_a_file_is_left_alone(tmp_path: Path) -> None:
    cache = ByteCache(str(tmp_path), 10_000)
    place(tmp_path, DATA).mkdir(parents=True)
    cache.put(sha(DATA), DATA)
    assert cache.get(sha(DATA), len(DATA)) is None
    assert files(tmp_path) == []


@pytest.mark.parametrize("depth", [1, 2])
def test_links_planted_for_folders_lead_nowhere(tmp_path: Path, depth: int) -> None:
    cache = ByteCache(str(tmp_path / "cache"), 1024)
    elsewhere = tmp_path / "elsewhere"
    real = place(elsewhere, DATA)
    real.parent.mkdir(parents=True)
    real.write_bytes(DATA)
    planted = tmp_path / "cache" / "bytes"
    if depth == 2:
        planted.mkdir(parents=True)
        planted /= sha(DATA).hex()[:2]
    planted.parent.mkdir(parents=True, exist_ok=True)
    planted.symlink_to(real.parent if depth == 2 else real.parent.parent)
    before = files(elsewhere)
    assert cache.get(sha(DATA), len(DATA)) is None
    cache.put(sha(DATA), DATA * 20)
    assert clear(str(tmp_path / "cache")) == usage(str(tmp_path / "cache")) == (0, 0)
    assert files(elsewhere) == before
    assert real.read_bytes() == DATA


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_marks_are_written_into_no_planted_file(tmp_path: Path, link: Callable[[Path, Path], None]) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"x" * 5000)
    (tmp_path / "bytes").mkdir()
    link(precious, tmp_path / "bytes" / "added")
    cache = ByteCache(str(tmp_path), 1000)
    for number in range(20):
        data = b"%200d" % number
        cache.put(sha(data), data)
        assert cache.get(sha(data), 200) == data
    assert precious.read_bytes() == b"x" * 5000


def test_clearing_leaves_what_was_not_put(tmp_path: Path) -> None:
    cache = ByteCache(str(tmp_path), 10_000)
    cache.put(sha(DATA), DATA)
    cache.put(sha(b""), b"")
    mine = [tmp_path / "letters.txt", tmp_path / "bytes" / "ab.txt", place(tmp_path, DATA).with_name("notes")]
    for path in mine:
        path.write_bytes(b"mine")
    assert clear(str(tmp_path)) == (2, len(DATA))
    assert files(tmp_path) == sorted(mine)
    assert clear(str(tmp_path / "nowhere")) == (0, 0)


# -- how large it gets ---------------------------------------------------------------------------------------


def test_it_stays_within_its_limit(tmp_path: Path) -> None:
    limit = 200_000
    cache = ByteCache(str(tmp_path), limit)
    for number in range(600):
        data = b"%1000d" % number
        cache.put(sha(data), data)
        if number % 20 == 0:
            assert usage(str(tmp_path)).size <= limit
    left = usage(str(tmp_path))
    assert left.size >= 0.7 * limit, "it keeps what it may"
    assert left.size == 1000 * left.entries


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    cache = ByteCache(str(tmp_path), 10_000)
    bodies = [b"%1000d" % number for number in range(8)]
    for age, data in enumerate(reversed(bodies)):
        cache.put(sha(data), data)
        os.utime(place(tmp_path, data), (0, time.time() - 1000 * (8 - age)))
    assert cache.get(sha(bodies[7]), 1000) == bodies[7], "the oldest one is used"
    assert shrink(str(tmp_path), 3000) == (5, 5000)
    assert [data for data in bodies if place(tmp_path, data).exists()] == [bodies[0], bodies[1], bodies[7]]


def test_one_entry_does_not_push_out_everything(tmp_path: Path) -> None:
    cache = ByteCache(str(tmp_path), 1000)
    cache.put(sha(b"x" * 251), b"x" * 251)
    assert files(tmp_path) == []
    cache.put(sha(b"x" * 250), b"x" * 250)
    assert len(files(tmp_path)) == 1


def test_what_a_killed_process_leaves_is_removed_later(tmp_path: Path) -> None:
    cache = ByteCache(str(tmp_path), 10_000)
    cache.put(sha(DATA), DATA)

    def dead(number: int, name: str, arguments: object) -> None:
        raise OSError(errno.EIO, f"nobody does {name} any more")

    with os_calls(dead, only=("replace", "unlink")):
        cache.put(sha(b"other"), b"other")
    assert cache.get(sha(b"other"), 5) is None
    left = [path for path in files(tmp_path) if path.name.startswith(".tmp-")]
    assert left
    shrink(str(tmp_path), 10_000)
    assert all(path.exists() for path in left), "somebody may still be writing them"
    for path in left:
        os.utime(path, (0, time.time() - 4000))
    shrink(str(tmp_path), 10_000)
    assert files(tmp_path) == [place(tmp_path, DATA)]


# -- what goes wrong -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO, errno.EMFILE])
def test_no_fault_is_ever_told(tmp_path: Path, code: int) -> None:
    def use(root: Path) -> None:
        cache = ByteCache(str(root), 1000)
        for data in (b"a" * 200, b"b" * 200, b"a" * 200):
            found = cache.get(sha(data), 200)
            assert found in (None, data)
            if found is None:
                cache.put(sha(data), data)

    calls = count_calls(lambda: use(tmp_path / "counted"))
    for number in range(1, calls + 1):
        root = tmp_path / str(number)
        with os_calls(fail_at(number, code)):
            use(root)
        use(root)
        assert all(path.stat().st_size in (0, 200) for path in files(root))


def test_a_file_in_place_of_the_folder_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"")
    for root in (tmp_path / "cache", tmp_path / "cache" / "below", Path("/proc/nowhere")):
        cache = ByteCache(str(root), 10_000)
        cache.put(sha(DATA), DATA)
        assert cache.get(sha(DATA), len(DATA)) is None
        assert usage(str(root)) == (0, 0)


def _use(root: str, seed: int) -> int:
    """Gets and puts of one process among several, in a cache that is too small for all of them."""
    cache = ByteCache(root, 40_000)
    hits = 0
    for step in range(150):
        data = (b"%d " % ((seed * 7 + step * step) % 60)) * 400
        found = cache.get(sha(data), len(data))
        assert found in (None, data)
        hits += found is not None
        if found is None:
            cache.put(sha(data), data)
    return hits


def test_many_processes_share_it(tmp_path: Path) -> None:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(3, mp_context=get_context("forkserver")) as processes:
        hits = list(processes.map(_use, [str(tmp_path)] * 3, range(3)))
    assert sum(hits) > 0
    assert 0 < usage(str(tmp_path)).size <= 40_000
    assert not [path for path in files(tmp_path) if path.name.startswith(".tmp-")]


# -- where it is ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("", DEFAULT_SIZE),
        ("0", 0),
        ("12345", 12345),
        ("500MB", 500_000_000),
        ("1.5 kB", 1500),
        ("20GiB", 20 << 30),
        ("2ti", 2 << 40),
        ("7B", 7),
    ],
)
def test_sizes(monkeypatch: pytest.MonkeyPatch, text: str, size: int) -> None:
    monkeypatch.setenv("IMAGECARDS_CACHE_SIZE", text)
    cache = open_cache()
    assert (cache.limit if cache is not None else 0) == size


@pytest.mark.parametrize("text", ["much", "-1", "1e9", "10 XB", "٣", "nan", "1" * 40, "5iB"])
def test_what_is_no_size_is_told(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("IMAGECARDS_CACHE_SIZE", text)
    with pytest.raises(InvalidInputError, match="IMAGECARDS_CACHE_SIZE is"):
        open_cache()


@pytest.mark.parametrize("off", ["off", "OFF"])
def test_it_can_be_switched_off(monkeypatch: pytest.MonkeyPatch, off: str) -> None:
    monkeypatch.setenv("IMAGECARDS_CACHE", off)
    assert open_cache() is None


def test_a_user_without_a_home_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(*arguments: object) -> str:
        raise RuntimeError("no home")

    monkeypatch.delenv("IMAGECARDS_CACHE")
    monkeypatch.setattr("platformdirs.user_cache_dir", homeless)
    assert open_cache() is None


def test_only_reading_from_a_server_needs_it() -> None:
    store = MemoryStore()
    assert cache_for(store) is None
    store.remote = True
    assert cache_for(store) is not None


def test_elsewhere_it_is_the_one_of_that_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sent = pickle.dumps(caching.open_cache())
    monkeypatch.setenv("IMAGECARDS_CACHE", str(tmp_path))
    received = pickle.loads(sent)
    assert isinstance(received, ByteCache)
    assert received.root == str(tmp_path)
    monkeypatch.setenv("IMAGECARDS_CACHE", "off")
    assert pickle.loads(sent) is None
