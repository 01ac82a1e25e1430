"""Reading examples: damaged, hostile and foreign files, other processes, a full disk, a worker that is killed."""

import multiprocessing
import os
import random
import resource
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from tests.formats.hdf5.drawn import labelled, names_of, noise, of_pixels

from imagecards.digests import digest
from imagecards.errors import FormatError, IntegrityError, InvalidInputError, NotFoundError, StorageError
from imagecards.formats.hdf5 import Examples, Recipe, normalised, write_examples

FILE = "preprocessed_data-0_p0.h5"


@pytest.fixture(params=["packed", "examples"])
def split(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    write_examples(labelled([f"{n}.png" for n in range(5)]), tmp_path / "out", Recipe(request.param))
    return tmp_path / "out"


class TestNotOurs:
    def test_files_of_the_original_converter(self, tmp_path: Path) -> None:
        for number in (10, 2, 1):
            with h5py.File(tmp_path / f"preprocessed_data-{number}_p0.h5", "w") as file:
                file.attrs["n_examples"] = number % 3
                for place in range(number % 3):
                    file[f"example_{place}/image"] = np.full((1, 4, 4), number, np.uint8)
                    file[f"example_{place}/label"] = np.zeros((1, 4, 4), np.float32)
        found = Examples(tmp_path)
        assert [int(each.image[0, 0, 0]) for each in found] == [1, 2, 2, 10]
        assert found[0][2:] == (None, None, None)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda file: file.attrs.__setitem__("n_examples", 6), "says that it has 6 examples"),
            (lambda file: file.attrs.__delitem__("n_examples"), "says that it has None examples"),
            (lambda file: file.attrs.__setitem__("layout", np.bytes_(b"x")), "the layout 'x', which is not known"),
            (lambda file: file.attrs.__setitem__("layout", "in a heap"), "@layout"),
        ],
    )
    def test_what_is_said_and_is_not(self, split: Path, change: Callable[[Any], None], message: str) -> None:
        with h5py.File(split / FILE, "r+") as file:
            change(file)
        with pytest.raises(FormatError, match=message):
            Examples(split)

    def test_links_in_the_place_of_pixels(self, split: Path, tmp_path: Path) -> None:
        with h5py.File(tmp_path / "other.h5", "w") as file:
            file["image"] = np.zeros((5, 1, 12, 20), np.uint8)
        with h5py.File(split / FILE, "r+") as file:
            place = "image" if "image" in file else "example_0/image"
            del file[place]
            file[place] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/image")
        with pytest.raises(FormatError, match=rf"{FILE}: {place} is a link to another file"):
            Examples(split)[0]

    def test_sizes_beyond_what_is_there(self, tmp_path: Path) -> None:
        write_examples(of_pixels({"a": noise((4, 5, 1)), "b": noise((5, 4, 1))}), tmp_path / "out")
        with h5py.File(tmp_path / "out" / FILE, "r+") as file:
            file["image_size"][1] = [5, 6]
        found = Examples(tmp_path / "out")
        assert found[0].image.shape == (1, 4, 5)
        with pytest.raises(FormatError, match=r"image_size\[1\] has \[5, 6\]"):
            found[1]

    def test_nothing(self, tmp_path: Path) -> None:
        for path in (tmp_path, tmp_path / "nosuch.h5"):
            with pytest.raises(NotFoundError):
                Examples(path)


def test_flipped_bytes_of_pixels_are_found(tmp_path: Path) -> None:
    """``packed`` has a checksum of each chunk, and of what HDF5 keeps for itself."""
    write_examples(labelled([f"{n}.png" for n in range(5)]), tmp_path / "out", Recipe("packed"))
    path = tmp_path / "out" / FILE
    content = path.read_bytes()
    right = [(each.image.tobytes(), each.label.tobytes(), *each[2:]) for each in Examples(path)]
    draw, told = random.Random(0), 0
    for _ in range(100):
        place = draw.randrange(len(content))
        path.write_bytes(content[:place] + bytes([content[place] ^ 1 << draw.randrange(8)]) + content[place + 1 :])
        try:
            found = [(each.image.tobytes(), each.label.tobytes(), *each[2:]) for each in Examples(path)]
        except (FormatError, NotFoundError):
            told += 1
        else:
            assert found == right, place  # in a gap that nothing is read from
    assert told > 25


def test_digests_are_compared_before_anything_is_read(split: Path) -> None:
    content = (split / FILE).read_bytes()
    right = {FILE: digest(content)}
    assert len(Examples(split, digests=right)) == 5
    (split / FILE).write_bytes(b"\0" + content[1:])
    with pytest.raises(IntegrityError, match=FILE):
        Examples(split, digests=right)
    with pytest.raises(InvalidInputError, match=f"no digest for {FILE}"):
        Examples(split, digests={})


def test_truncated_anywhere(split: Path) -> None:
    content = (split / FILE).read_bytes()
    for length in range(0, len(content) - 1, len(content) // 40):
        (split / FILE).write_bytes(content[:length])
        with pytest.raises(FormatError, match=FILE):
            list(Examples(split))


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize(("way", "layout"), [("fork", "examples"), ("spawn", "packed")])
def test_other_processes_open_files_for_themselves(tmp_path: Path, way: str, layout: Any) -> None:
    write_examples(labelled([f"{n}.png" for n in range(5)]), tmp_path / "out", Recipe(layout))
    found = Examples(tmp_path / "out")
    assert found[3].file_name == "3.png"
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(way)) as pool:
        assert pool.submit(names_of, found).result() == [f"{n}.png" for n in range(5)]
    assert names_of(found) == [f"{n}.png" for n in range(5)]
    found.close()
    assert found[-1].file_name == "4.png"


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_reads_by_files_of_its_own(split: Path) -> None:
    found = Examples(split)
    expected = found[3].image.tolist()
    inherited = {*map(id, found._open.values())}
    kept = [*found._open.values()]  # so that no other object gets the place of one
    process = os.fork()
    if not process:
        same = True
        try:
            same = found[3].image.tolist() != expected or bool(inherited & {*map(id, found._open.values())})
        finally:
            os._exit(int(same))
    assert os.waitpid(process, 0)[1] == 0
    assert {*map(id, found._open.values())} == {*map(id, kept)}


@pytest.mark.parametrize("layout", ["packed", "examples"])
def test_what_is_open_is_read_whatever_comes_in_its_place(tmp_path: Path, layout: Any) -> None:
    write_examples(labelled(), tmp_path / "out", Recipe(layout))
    (file,) = (tmp_path / "out").glob("*.h5")
    examples = Examples(file)
    expected = examples[1].image
    file.unlink()
    assert np.array_equal(examples[1].image, expected)
    file.write_bytes(b"")
    assert np.array_equal(examples[1].image, expected)


def test_threads_read_at_once(tmp_path: Path) -> None:
    pixels = {f"{n}.png": np.full((64, 64, 1), n, np.uint8) for n in range(40)}
    write_examples(of_pixels(pixels), tmp_path / "out", Recipe(files=2))
    found = Examples(tmp_path / "out")
    with ThreadPoolExecutor(4) as threads:
        for place, example in enumerate(threads.map(found.__getitem__, [*range(40)] * 5)):
            assert (example.image == place % 40).all()


def test_normalisation() -> None:
    for dtype, white in (("u1", 255), ("u2", 65535), ("f4", 1)):
        pixels = np.array([[0, white]], dtype)
        assert normalised(pixels, "zero_one").tolist() == [[0, 1]]
        assert normalised(pixels, "zero_centered").tolist() == [[-1, 1]]
        assert normalised(pixels, "standard_score").tolist() == [[-1, 1]]
        assert normalised(pixels, "none") is pixels
        assert not normalised(np.full((3, 3), white, dtype), "standard_score").any()
    with pytest.raises(InvalidInputError, match="normalise is one of"):
        Examples("nosuch", normalise="x")  # type: ignore[arg-type]


@contextmanager
def file_size_limit(nbytes: int) -> Iterator[None]:
    """As a full disk does it: what is written beyond fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (nbytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, old)


@pytest.mark.parametrize("layout", ["packed", "examples"])
def test_a_full_disk(tmp_path: Path, layout: Any) -> None:
    dataset = of_pixels({f"{n}.png": noise((200, 200, 1), seed=n) for n in range(12)})
    for limit in (0, 3000, 100_000, 300_000):
        with file_size_limit(limit), pytest.raises(StorageError, match=r"h5 can't be written"):
            write_examples(dataset, tmp_path / "out", Recipe(layout))
        assert [*tmp_path.iterdir()] == []
    write_examples(dataset, tmp_path / "out", Recipe(layout))
    assert len(Examples(tmp_path / "out")) == 12


class DeadlySource:
    """Kills whoever reads a certain image."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self.owner = os.getpid()

    def read(self, name: str) -> bytes:
        if name == "3.png" and os.getpid() != self.owner:
            os.kill(os.getpid(), signal.SIGKILL)
        data: bytes = self.source.read(name)
        return data

    def read_many(self, names: Any) -> Any:
        return map(self.read, names)

    def close(self) -> None:
        pass


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_worker_that_is_killed(tmp_path: Path) -> None:
    dataset = labelled([f"{n}.png" for n in range(5)])
    deadly = type(dataset).from_source(DeadlySource(dataset.source), dataset.table)
    with (
        ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool,
        pytest.raises(StorageError, match=r"a worker was killed .*preprocessed_data-\d_p0\.h5 not finished"),
    ):
        write_examples(deadly, tmp_path / "out", Recipe(files=5), executor=pool)
    assert not (tmp_path / "out").exists()
    write_examples(deadly, tmp_path / "out", Recipe(files=5))
    assert len(Examples(tmp_path / "out")) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert [path for path in (tmp_path / "out").iterdir() if path.suffix == ".part"] == []
