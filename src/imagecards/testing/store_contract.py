# ruff: noqa: D102
# The name of a test says what it tests.
"""Every promise of `imagecards.storage.Store` as a test, for whoever writes a store (needs pytest).

class TestMyStore(StoreContract):
    def make_store(self, tmp_path):
        return MyStore(tmp_path)

    def plant(self, store, key, data):
        store.client.upload(key, data)  # round the store, as an intruder or a half-done put would
"""

import os
import pickle
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from imagecards.errors import IntegrityError, InvalidInputError, NotFoundError
from imagecards.storage import LEFTOVER, Entry, Store, open_store

BAD_KEYS = (
    *(
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "../a",
        "a/../b",
        "a/./b",
        "a\0b",
        "a\nb",
        "a\\b",
        "~/a",
        "C:/a",
    ),
    *("file:///a", "a\u202eb", "a\u200bb", "e\u0301", "a.", "a ", "a/nul", "COM1.json", "x" * 256, "\ud800"),
)
"""Keys that a store has to refuse, each for another reason."""

ODD_KEYS = (
    *("a", "a-b/c.d_e", "with blank/and more", "100%/50%25/%2e%2e", "[a-z]{b}"),
    *(
        "ünï/çødé/漢字.json",
        "x" * 255,
        "/".join("d" * 20 for _ in range(20)),
        "a#b",
        "a=b&c",
        "+1",
        "-rf",
        ".hidden",
    ),
)
"""Keys that a store has to take, each of which some other would stumble over."""


class StoreContract:
    """The tests; a subclass says how to make a store.

    Attributes:
        processes: Whether other processes see what one puts. Then the store must be picklable.
        races: How many rounds the races have.
        racers: How many processes race.
        reads: How often many threads read.
        start_method: How those other processes are started. What ``forkserver`` starts has the environment variables
            of its first use.
    """

    processes = True
    races = 20
    racers = 4
    reads = 3_000
    start_method = "forkserver"

    def make_store(self, tmp_path: Path) -> Store:
        """Make an empty store, which may keep what it holds below a folder that the test removes."""
        raise NotImplementedError

    def plant(self, store: Store, key: str, data: bytes) -> None:
        """Put bytes under a key without the store's help."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        """The store under test."""
        store = self.make_store(tmp_path)
        yield store
        store.close()

    # -- putting and getting ---------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        "pieces",
        [[], [b""], [b"data"], [b"da", b"", b"ta"], [b"\0" * 3_000_000, os.urandom(2_000_001)]],
        ids=["nothing", "empty", "one", "three", "megabytes"],
    )
    def test_what_was_put_is_got(self, store: Store, pieces: Sequence[bytes]) -> None:
        assert store.put_if_absent("a/b/c", iter(pieces)) is True
        assert store.get("a/b/c") == b"".join(pieces)
        known = store.stat("a/b/c")
        assert known is not None
        assert known[:2] == ("a/b/c", len(b"".join(pieces)))

    def test_the_first_put_wins_for_ever(self, store: Store) -> None:
        assert store.put_if_absent("a/b", [b"first"]) is True
        assert store.put_if_absent("a/b", [b"second"]) is False
        assert store.put_if_absent("a/b", [b"first"]) is False
        assert store.get("a/b") == b"first"

    @pytest.mark.parametrize("before", [0, 10, 3_000_000])
    def test_a_body_that_raises_leaves_nothing(self, store: Store, before: int) -> None:
        problem = RuntimeError("the images couldn't be read")

        def body() -> Iterator[bytes]:
            yield bytes(before)
            raise problem

        with pytest.raises(RuntimeError) as caught:
            store.put_if_absent("a/b", body())
        assert caught.value is problem
        assert store.stat("a/b") is None
        assert list(store.list("")) == []
        assert store.put_if_absent("a/b", [b"now"]) is True
        assert store.get("a/b") == b"now"

    def test_nothing_is_visible_while_the_body_comes(self, store: Store) -> None:
        def body() -> Iterator[bytes]:
            for _ in range(3):
                yield b"x" * 1_500_000
                assert store.stat("a/b") is None
                assert store.children("a/") == []
                with pytest.raises(NotFoundError):
                    store.get("a/b")

        assert store.put_if_absent("a/b", body()) is True
        assert len(store.get("a/b")) == 4_500_000

    def test_who_comes_first_while_the_body_comes_wins(self, store: Store) -> None:
        def body() -> Iterator[bytes]:
            yield b"slow "
            assert store.put_if_absent("a/b", [b"quick"]) is True
            yield b"and late"

        assert store.put_if_absent("a/b", body()) is False
        assert store.get("a/b") == b"quick"

    @pytest.mark.parametrize("body", [b"data", bytearray(b"data"), memoryview(b"data"), "data"])
    def test_a_body_is_pieces_not_bytes(self, store: Store, body: Sequence[bytes]) -> None:
        with pytest.raises(InvalidInputError, match="give \\[data\\]"):
            store.put_if_absent("a/b", body)
        assert store.stat("a/b") is None

    # -- ranges ----------------------------------------------------------------------------------------------

    def test_every_range_of_a_small_value(self, store: Store) -> None:
        data = bytes(range(7))
        store.put_if_absent("a", [data])
        for start in range(9):
            for length in (None, *range(9)):
                end = max(start, len(data)) if length is None else start + length
                if end <= len(data):
                    assert store.get("a", start, length) == data[start:end]
                else:
                    with pytest.raises(IntegrityError, match="truncated"):
                        store.get("a", start, length)

    @pytest.mark.parametrize(("start", "length"), [(0, 2**40), (2**40, 1), (2**62, 2**62), (2**70, 1), (1, 2**70)])
    def test_a_huge_range_costs_nothing(self, store: Store, start: int, length: int) -> None:
        store.put_if_absent("a", [b"data"])
        with pytest.raises(IntegrityError, match="truncated"):
            store.get("a", start, length)

    def test_several_ranges_are_what_each_of_them_is(self, store: Store) -> None:
        data = bytes(range(7))
        store.put_if_absent("a/b c+d", [data])
        ranges = [(start, length) for start in range(8) for length in range(8 - start)]
        mixed = [*ranges[::-2], *ranges, (0, 7), (3, 1)]
        assert store.get_ranges("a/b c+d", mixed) == [data[start : start + length] for start, length in mixed]
        assert store.get_ranges("a/b c+d", []) == []
        for beyond in (6, 7, 100):
            with pytest.raises(IntegrityError, match="truncated"):
                store.get_ranges("a/b c+d", [(0, 2), (beyond, 2)])
        with pytest.raises(InvalidInputError, match="negative"):
            store.get_ranges("a/b c+d", [(0, 2), (-1, 2)])
        with pytest.raises(NotFoundError, match="a/c"):
            store.get_ranges("a/c", [(0, 1), (2, 1)])

    @pytest.mark.parametrize(("start", "length"), [(-1, None), (-1, 1), (0, -1), (2, -5)])
    def test_a_negative_range_is_refused(self, store: Store, start: int, length: int | None) -> None:
        store.put_if_absent("a", [b"data"])
        with pytest.raises(InvalidInputError, match="negative"):
            store.get("a", start, length)

    # -- what isn't there ------------------------------------------------------------------------------------

    def test_an_empty_store_is_empty(self, store: Store) -> None:
        assert list(store.list("")) == []
        assert list(store.list("a/b/")) == []
        assert store.children("") == []
        assert store.children("a/b/") == []
        assert store.stat("a/b") is None
        store.delete(["a/b", "c"])
        with pytest.raises(NotFoundError, match="a/b"):
            store.get("a/b")
        with pytest.raises(NotFoundError, match="a/b"):
            store.get("a/b", 1, 2)

    def test_a_folder_is_not_a_key(self, store: Store) -> None:
        store.put_if_absent("a/b/c", [b"data"])
        assert store.stat("a/b") is None
        store.delete(["a/b", "a"])
        assert store.get("a/b/c") == b"data"
        with pytest.raises(NotFoundError):
            store.get("a/b")

    def test_nothing_is_below_a_key(self, store: Store) -> None:
        store.put_if_absent("a/b", [b"data"])
        assert store.stat("a/b/c") is None
        assert store.children("a/b/") == []
        assert list(store.list("a/b/")) == []
        store.delete(["a/b/c"])
        with pytest.raises(NotFoundError):
            store.get("a/b/c")

    # -- listing ---------------------------------------------------------------------------------------------

    def test_keys_are_listed_in_order_wherever_they_lie(self, store: Store) -> None:
        keys = [
            "a/b",
            "a-b",
            "a.b/c",
            "a/b-c/d",
            "a/a",
            "a0",
            "b/1.10.0",
            "b/1.2.0",
            "Z",
            "ä/x",
            "a/b.c",
            "a/c/d/e/f",
        ]
        for number, key in enumerate(keys):
            store.put_if_absent(key, [bytes(number)])
        listed = list(store.list(""))
        assert [(entry.key, entry.size) for entry in listed] == sorted((key, number) for number, key in enumerate(keys))
        assert [entry.key for entry in store.list("a/")] == sorted(key for key in keys if key.startswith("a/"))
        assert [entry.key for entry in store.list("a/c/d/")] == ["a/c/d/e/f"]
        assert listed == [store.stat(key) for key in sorted(keys)]

    def test_children_are_the_names_directly_below(self, store: Store) -> None:
        for key in ("c/v/f/1.0.0.json", "c/v/f/1.1.0.json", "c/v/g/1.0.0.json", "c/w.json", "d"):
            store.put_if_absent(key, [b""])
        assert store.children("") == ["c", "d"]
        assert store.children("c/") == ["v", "w.json"]
        assert store.children("c/v/") == ["f", "g"]
        assert store.children("c/v/f/") == ["1.0.0.json", "1.1.0.json"]

    def test_listing_many(self, store: Store) -> None:
        keys = [f"n/{number:04d}" for number in range(120)]
        for key in keys:
            store.put_if_absent(key, [key.encode()])
        assert [entry.key for entry in store.list("n/")] == keys
        assert store.children("n/") == [key[2:] for key in keys]

    def test_times_are_the_store_s_own(self, store: Store) -> None:
        store.put_if_absent("a", [b"data"])
        store.put_if_absent("b", [b"data"])
        first, second = store.list("")
        assert isinstance(first, Entry)
        assert 0 < first.modified <= second.modified
        assert store.stat("a") == first, "asking must not change it"

    @pytest.mark.parametrize("prefix", ["a", "/", "a//", "../", "a/..", "./"])
    def test_a_prefix_is_a_folder(self, store: Store, prefix: str) -> None:
        with pytest.raises(InvalidInputError):
            store.list(prefix)
        with pytest.raises(InvalidInputError):
            store.children(prefix)

    # -- leftovers -------------------------------------------------------------------------------------------

    def test_leftovers_are_listed_but_no_children_and_in_nobodys_way(self, store: Store) -> None:
        left = f"a/{LEFTOVER}0123456789abcdef"
        self.plant(store, left, b"half")
        assert store.children("a/") == []
        assert [(entry.key, entry.size) for entry in store.list("")] == [(left, 4)]
        assert store.put_if_absent("a/b", [b"whole"]) is True
        assert store.children("a/") == ["b"]
        store.delete([left])
        assert [entry.key for entry in store.list("")] == ["a/b"]

    def test_what_nobody_finished_can_be_deleted(self, store: Store) -> None:
        def body() -> Iterator[bytes]:
            yield b"half"
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            store.put_if_absent("a/b", body())
        left = [entry.key for entry in store.unfinished("a/")]
        assert all(key.startswith(f"a/{LEFTOVER}") for key in left)
        store.delete(left)
        assert list(store.unfinished("")) == []

    def test_nothing_is_put_under_a_leftover_s_name(self, store: Store) -> None:
        with pytest.raises(InvalidInputError, match="leftover"):
            store.put_if_absent(f"a/{LEFTOVER}x", [b"data"])

    # -- keys ------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("key", BAD_KEYS, ids=ascii)
    def test_bad_keys_are_refused_everywhere(self, store: Store, key: str) -> None:
        calls: list[Callable[[], object]] = [
            lambda: store.put_if_absent(key, [b"data"]),
            lambda: store.get(key),
            lambda: store.get(key, 0, 1),
            lambda: store.stat(key),
            lambda: store.delete([key]),
        ]
        for call in calls:
            with pytest.raises(InvalidInputError):
                call()
        assert list(store.list("")) == []

    def test_odd_keys_are_taken_as_they_are(self, store: Store) -> None:
        keys = [f"{number}/{key}" for number, key in enumerate(ODD_KEYS)]
        for key in keys:
            assert store.put_if_absent(key, [key.encode()]) is True
        assert sorted(keys) == [entry.key for entry in store.list("")]
        for key in keys:
            assert store.get(key) == store.get(key, 0, len(key.encode())) == key.encode()
        store.delete(keys)
        assert list(store.list("")) == []

    # -- deleting --------------------------------------------------------------------------------------------

    def test_deleting(self, store: Store) -> None:
        keys = ["a/b/c", "a/b/d", "a/e", "f"]
        for key in keys:
            store.put_if_absent(key, [b"data"])
            store.get(key, 0, 2)
        store.delete(key for key in ("a/b/c", "missing/x", "a/b/d", "a/b/d", "f"))
        assert [entry.key for entry in store.list("")] == ["a/e"]
        assert store.children("") == ["a"]
        assert store.children("a/") == ["e"]
        for gone in ("a/b/c", "f"):
            assert store.stat(gone) is None
            with pytest.raises(NotFoundError):
                store.get(gone, 0, 2)
        assert store.put_if_absent("a/b/c", [b"again"]) is True
        assert store.get("a/b/c", 0, 5) == b"again"

    # -- races -----------------------------------------------------------------------------------------------

    def test_one_of_many_threads_wins(self, store: Store) -> None:
        with ThreadPoolExecutor(8) as threads:
            self._race(threads, store, workers=8)

    def test_one_of_many_processes_wins(self, store: Store) -> None:
        if not self.processes:
            with pytest.raises(InvalidInputError):
                pickle.dumps(store)
            return
        with ProcessPoolExecutor(self.racers, mp_context=get_context(self.start_method)) as processes:
            self._race(processes, store, workers=self.racers)

    def _race(self, executor: Executor, store: Store, workers: int) -> None:
        for number in range(self.races):
            key = f"race/{number}/x"
            bodies = [bytes([worker]) * 100_000 for worker in range(workers)]
            results = list(executor.map(race_for, [store] * workers, [key] * workers, bodies))
            assert sum(won for won, _ in results) == 1, f"{key}: exactly one must win"
            winner = bodies[[won for won, _ in results].index(True)]
            assert store.get(key) == winner
            assert all(seen == winner for _, seen in results), "whoever was told the outcome must see it at once"
        assert [entry.key for entry in store.list("race/")] == sorted(f"race/{n}/x" for n in range(self.races))

    def test_readers_never_see_a_half(self, store: Store) -> None:
        body = [b"x" * 400_000] * 5
        done = threading.Event()
        wrong: list[str] = []

        def look() -> None:
            while not done.is_set():
                for entry in list(store.list("seen/")):
                    if LEFTOVER in entry.key:
                        continue
                    if entry.size != 2_000_000 or store.get(entry.key) != b"".join(body):
                        wrong.append(entry.key)

        readers = [threading.Thread(target=look) for _ in range(2)]
        for reader in readers:
            reader.start()
        try:
            for number in range(10):
                assert store.put_if_absent(f"seen/{number}", body)
        finally:
            done.set()
            for reader in readers:
                reader.join()
        assert wrong == []

    def test_putting_while_the_folder_is_emptied(self, store: Store) -> None:
        done = threading.Event()
        problems: list[BaseException] = []

        def empty() -> None:
            while not done.is_set():
                try:
                    store.delete(["deep/er/a"])
                except BaseException as error:
                    problems.append(error)

        other = threading.Thread(target=empty)
        other.start()
        try:
            for number in range(30):
                assert store.put_if_absent("deep/er/a", [b"data"]) in (True, False)
                assert store.put_if_absent(f"deep/er/{number}/b", [b"data"]) is True
                store.delete([f"deep/er/{number}/b"])
        finally:
            done.set()
            other.join()
        assert problems == []

    # -- the store itself ------------------------------------------------------------------------------------

    def test_the_url_opens_it_again(self, store: Store) -> None:
        store.put_if_absent("a/b", [b"data"])
        if self.processes:
            assert open_store(store.url).get("a/b") == b"data"
        assert isinstance(store.url, str)

    def test_a_pickled_store_is_the_same(self, store: Store) -> None:
        if not self.processes:
            return
        store.put_if_absent("a/b", [b"data"])
        store.get("a/b", 1, 2)
        again: Store = pickle.loads(pickle.dumps(store))  # noqa: S301 - made on the line itself
        assert again.get("a/b", 1, 2) == b"at"
        assert again.put_if_absent("a/b", [b"other"]) is False
        assert again.put_if_absent("a/c", [b"new"]) is True
        assert store.get("a/c") == b"new"

    def test_a_closed_store_stays_usable(self, store: Store) -> None:
        store.put_if_absent("a/b", [b"data"])
        store.get("a/b", 1, 2)
        store.close()
        store.close()
        assert store.get("a/b", 1, 2) == b"at"
        assert store.put_if_absent("a/c", [b"new"]) is True

    def test_many_threads_read_one_store(self, store: Store) -> None:
        for number in range(100):
            store.put_if_absent(f"shards/{number}", [number.to_bytes(1, "big") * 5_000])

        def read(number: int) -> bool:
            which, start = number * 7 % 100, number * 13 % 4_000
            return store.get(f"shards/{which}", start, 900) == which.to_bytes(1, "big") * 900

        with ThreadPoolExecutor(8) as threads:
            assert all(threads.map(read, range(self.reads)))


def race_for(store: Store, key: str, body: bytes) -> tuple[bool, bytes]:
    """Put a body in pieces, and read back what stands there afterwards."""
    won = store.put_if_absent(key, [body[:50_000], body[50_000:]])
    return won, store.get(key)
