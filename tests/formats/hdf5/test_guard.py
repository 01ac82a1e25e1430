"""HDF5 files of others: whatever leads out of the file, or claims more than it has, is refused before it is opened."""

import os
import random
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from tests.formats.hdf5.drawn import noise

from imagecards.digests import digest
from imagecards.errors import FormatError, ImageCardsError, IntegrityError, NotFoundError
from imagecards.formats.hdf5 import GuardedFile, Limits, check_file, inflation

SECRET = "not for others"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A file that a hostile one tries to have read."""
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["secret"] = np.frombuffer(SECRET.encode(), np.uint8)
    return tmp_path / "other.h5"


def harmless(file: h5py.File, other: Path) -> None:
    pixels = np.zeros((64, 64, 3), np.uint8)
    every = {"compression": "gzip", "shuffle": True, "fletcher32": True}
    file.create_dataset("example_0/image", data=pixels, chunks=(32, 32, 3), **every)
    file.create_dataset("lzf", data=pixels, compression="lzf")
    file["names"] = np.array([b"a", b"b"])
    file["yes"] = np.array([True, False])
    file["compact"] = 1.5
    file["empty"] = np.zeros((0, 4))
    file.create_group("circle")["up"] = file["/"]


def external_storage(file: h5py.File, other: Path) -> None:
    file.create_dataset("g/image", shape=(5,), dtype="u1", external=[(str(other), 0, 5)])


def external_link(file: h5py.File, other: Path) -> None:
    file.create_group("g")["image"] = h5py.ExternalLink(str(other), "/secret")


def external_group(file: h5py.File, other: Path) -> None:
    file["g"] = h5py.ExternalLink(str(other), "/")


def virtual(file: h5py.File, other: Path) -> None:
    layout = h5py.VirtualLayout((5,), "u1")
    layout[:] = h5py.VirtualSource(str(other), "secret", shape=(5,))
    file.create_virtual_dataset("g/image", layout)


def soft(file: h5py.File, other: Path) -> None:
    file["x"] = np.zeros(3)
    file.create_group("g")["image"] = h5py.SoftLink("/x")


def soft_circle(file: h5py.File, other: Path) -> None:
    file.create_group("g")["image"] = h5py.SoftLink("/g/image")


def huge_shape(file: h5py.File, other: Path) -> None:
    file.create_dataset("g/image", shape=(2**20, 2**20), dtype="u1", chunks=(1024, 1024))


def huge_chunk(file: h5py.File, other: Path) -> None:
    file.create_dataset("g/image", shape=(2**15, 2**16), dtype="u1", chunks=(2**15, 2**16), compression="gzip")


def references(file: h5py.File, other: Path) -> None:
    file.create_group("g")["image"] = np.array([file.ref], dtype=h5py.ref_dtype)


def regions(file: h5py.File, other: Path) -> None:
    file["x"] = np.zeros(3)
    file.create_group("g")["image"] = np.array([file["x"].regionref[:2]], dtype=h5py.regionref_dtype)


def text_in_a_heap(file: h5py.File, other: Path) -> None:
    file.create_dataset("g/image", data=["x" * 10], dtype=h5py.string_dtype())


def compound(file: h5py.File, other: Path) -> None:
    file.create_group("g")["image"] = np.zeros(2, [("a", "i4"), ("b", "f4")])


def named_type(file: h5py.File, other: Path) -> None:
    file.create_group("g")["image"] = np.dtype("i4")


def other_filter(file: h5py.File, other: Path) -> None:
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_chunk((5,))
    made.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, (1,))
    group = file.create_group("g")
    h5py.h5d.create(group.id, b"image", h5py.h5t.STD_U8LE, h5py.h5s.create_simple((5,)), made)


def twice_deflated(file: h5py.File, other: Path) -> None:
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_chunk((5,))
    for _ in range(2):
        made.set_filter(h5py.h5z.FILTER_DEFLATE, 0, (1,))
    group = file.create_group("g")
    h5py.h5d.create(group.id, b"image", h5py.h5t.STD_U8LE, h5py.h5s.create_simple((5,)), made)


HOSTILE = (
    *(external_storage, external_link, external_group, virtual, soft, soft_circle, huge_shape, huge_chunk),
    *(references, regions, text_in_a_heap, compound, named_type, other_filter, twice_deflated),
)


def made(tmp_path: Path, make: Callable[[h5py.File, Path], None], other: Path) -> Path:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        make(file, other)
    return tmp_path / "x.h5"


@pytest.mark.parametrize("make", HOSTILE)
def test_what_is_not_harmless_is_refused(tmp_path: Path, make: Any, other: Path) -> None:
    path = made(tmp_path, make, other)
    with pytest.raises(FormatError, match=r"x\.h5: /g"):
        check_file(path)
    with GuardedFile(path) as file, pytest.raises(FormatError, match=r"x\.h5: /g/image"):
        file.read("/g/image")


def test_what_is_harmless_is_read(tmp_path: Path, other: Path) -> None:
    path = made(tmp_path, harmless, other)
    check_file(path)
    with GuardedFile(path) as file:
        assert file.read("/example_0/image").shape == (64, 64, 3)
        assert file.dataset("lzf").read_at(3).shape == (64, 3)
        assert file.read("names").tolist() == [b"a", b"b"]
        assert file.read("compact") == 1.5
        assert file.read("empty").shape == (0, 4)
        assert set(file.names()) == {"circle", "compact", "empty", "example_0", "lzf", "names", "yes"}
        for path_inside in ("nosuch", "example_0", "names/x"):
            with pytest.raises(FormatError, match=rf"{path_inside} is "):
                file.read(path_inside)


def test_attributes_are_numbers_and_text_of_a_fixed_length(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.attrs["n"] = np.int64(7)
        file.attrs["text"] = np.bytes_("é".encode())
        file.attrs["heap"] = "a text in a heap"
        file.attrs["list"] = [1, 2]
        file.attrs["float"] = 1.5
        file.attrs["latin"] = np.bytes_(b"\xe9")
        file.attrs["ref"] = file.ref
    with GuardedFile(tmp_path / "x.h5") as guarded:
        assert [guarded.attribute(name) for name in ("n", "text", "nosuch")] == [7, "é", None]
        for name in ("heap", "list", "float", "latin", "ref"):
            with pytest.raises(FormatError, match=f"@{name}"):
                guarded.attribute(name)


def test_a_chunk_that_inflates_beyond_the_limit(tmp_path: Path) -> None:
    limits = Limits(nbytes=2**20)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        for name, size in (("bomb", 2**24), ("sound", 2**16)):
            dataset = file.create_dataset(name, (2**16,), "u1", chunks=(2**16,), compression="gzip")
            noise = np.random.default_rng(0).bytes(2**12)  # so that the sound one needs a look, too
            dataset.id.write_direct_chunk((0,), zlib.compress(noise + bytes(size - len(noise))))
    check_file(tmp_path / "x.h5", limits=limits)  # what is stored is all that can be known without inflating it
    with GuardedFile(tmp_path / "x.h5", limits=limits) as guarded:
        assert guarded.read("sound").shape == (2**16,)
        with pytest.raises(FormatError, match="bomb has a chunk that would become larger than 1,048,576 bytes"):
            guarded.read("bomb")


def test_a_chunk_that_says_it_is_larger_than_the_file(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("x", data=noise((64, 64)), chunks=(64, 64), compression="gzip")
        stored = file["x"].id.get_chunk_info(0).size
    content = (tmp_path / "x.h5").read_bytes()
    assert content.count(stored.to_bytes(4, "little")) == 1  # in the index of chunks
    claimed = content.replace(stored.to_bytes(4, "little"), (1 << 29).to_bytes(4, "little"))
    (tmp_path / "x.h5").write_bytes(claimed)
    with GuardedFile(tmp_path / "x.h5") as guarded:
        with pytest.raises(FormatError, match=r"x\.h5: x can't be read"):
            guarded.read("x")
        with pytest.raises(FormatError, match=r"x\.h5: x can't be read"):
            guarded.dataset("x").read_at(3)


class TestRows:
    """Chunks that are one example each, which are not inflated by HDF5."""

    @pytest.fixture(params=["isal.isal_zlib", "zlib"])
    def inflater(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(inflation, "INFLATER", pytest.importorskip(request.param))

    def rows(self, tmp_path: Path, values: Any, **options: Any) -> Path:
        every: dict[str, Any] = {"chunks": (1, *values.shape[1:]), "compression": 1}
        with h5py.File(tmp_path / "x.h5", "w", libver="v110") as file:
            file.create_dataset("x", data=values, **every | options)
        return tmp_path / "x.h5"

    @pytest.mark.usefixtures("inflater")
    @pytest.mark.parametrize("dtype", ["u1", ">u2", "<i4", "f4", ">f8"])
    @pytest.mark.parametrize("fletcher32", [False, True])
    def test_they_are_what_was_written(self, tmp_path: Path, dtype: str, fletcher32: bool) -> None:
        values = noise((3, 2, 5, 7)).astype(dtype)
        with GuardedFile(self.rows(tmp_path, values, fletcher32=fletcher32)) as guarded:
            rows = guarded.dataset("x")
            assert rows._row_deflated
            for place in range(3):
                found = rows.read_at(place)
                assert (found.dtype, found.tolist()) == (values.dtype, values[place].tolist())
                found[:] = 0  # it is the reader's own

    def test_what_only_hdf5_can_undo_is_left_to_it(self, tmp_path: Path) -> None:
        values = noise((4, 6, 6))
        others: list[dict[str, Any]] = [{"shuffle": True}, {"chunks": (2, 6, 6)}, {"compression": "lzf"}]
        for number, options in enumerate(others):
            (tmp_path / str(number)).mkdir()
            with GuardedFile(self.rows(tmp_path / str(number), values, **options)) as guarded:
                assert not guarded.dataset("x")._row_deflated
                assert guarded.dataset("x").read_at(1).tolist() == values[1].tolist()
        with h5py.File(tmp_path / "x.h5", "w") as file:  # one that deflate was left out for; and one never written
            for name in ("mask", "missing"):
                dataset = file.create_dataset(name, (2, 6, 6), "u1", chunks=(1, 6, 6), compression=1, fillvalue=7)
                dataset[0] = values[0]
            file["mask"].id.write_direct_chunk((1, 0, 0), values[1].tobytes(), 1)
        with GuardedFile(tmp_path / "x.h5") as guarded:
            for name, second in (("mask", values[1]), ("missing", np.full((6, 6), 7))):
                rows = guarded.dataset(name)
                assert [rows.read_at(place).tolist() for place in range(2)] == [values[0].tolist(), second.tolist()]

    @pytest.mark.usefixtures("inflater")
    def test_every_flipped_byte_is_told(self, tmp_path: Path) -> None:
        values = noise((1, 9, 9)) // 16
        path = self.rows(tmp_path, values)
        with h5py.File(path) as file:
            info = file["x"].id.get_chunk_info(0)
        whole = path.read_bytes()
        for place in range(info.byte_offset, info.byte_offset + info.size):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
            with GuardedFile(path) as guarded, suppress(FormatError):
                assert guarded.dataset("x").read_at(0).tolist() == values[0].tolist()
                assert place == info.byte_offset + 1  # how hard it was tried to deflate

    @pytest.mark.usefixtures("inflater")
    @pytest.mark.parametrize("cut", [1, 4])
    def test_a_stream_that_ends_before_its_checksum_is_damaged(self, tmp_path: Path, cut: int) -> None:
        with h5py.File(tmp_path / "x.h5", "w") as file:
            dataset = file.create_dataset("x", (1, 4096), "u1", chunks=(1, 4096), compression=1)
            dataset.id.write_direct_chunk((0, 0), zlib.compress(bytes(4096))[:-cut])
        with GuardedFile(tmp_path / "x.h5") as guarded, pytest.raises(FormatError, match="x can't be read"):
            guarded.dataset("x").read_at(0)

    def test_a_chunk_that_says_it_is_larger_than_the_file_takes_no_memory(self, tmp_path: Path) -> None:
        path = tmp_path / "x.h5"
        with h5py.File(path, "w") as file:  # in the oldest form of its structures, which have no checksums
            file.create_dataset("x", data=noise((1, 64, 64)), chunks=(1, 64, 64), compression=1)
            stored = file["x"].id.get_chunk_info(0).size
        content = path.read_bytes()
        assert content.count(stored.to_bytes(4, "little")) == 1
        path.write_bytes(content.replace(stored.to_bytes(4, "little"), (1 << 29).to_bytes(4, "little")))
        tracemalloc.start()
        with GuardedFile(path) as guarded:
            rows = guarded.dataset("x")
            assert not rows._row_deflated
            with pytest.raises(FormatError, match=r"x\.h5"):
                rows.read_at(0)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2**24

    @pytest.mark.usefixtures("inflater")
    @pytest.mark.parametrize("size", [0, 4095, 4097, 1 << 28])
    def test_no_more_is_inflated_than_there_may_be(self, tmp_path: Path, size: int) -> None:
        with h5py.File(tmp_path / "x.h5", "w") as file:
            dataset = file.create_dataset("x", (1, 4096), "u1", chunks=(1, 4096), compression=1)
            dataset.id.write_direct_chunk((0, 0), zlib.compress(bytes(size)))
        with GuardedFile(tmp_path / "x.h5") as guarded:
            rows = guarded.dataset("x")
            tracemalloc.start()
            with pytest.raises(FormatError, match=r"x\.h5: x can't be read"):
                rows.read_at(0)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < 2**20


def test_limits(tmp_path: Path, other: Path) -> None:
    path = made(tmp_path, harmless, other)
    with pytest.raises(FormatError, match="more than 3 objects"):
        check_file(path, limits=Limits(objects=3))
    with GuardedFile(path, limits=Limits(objects=3)) as file, pytest.raises(FormatError, match="3 are the limit"):
        file.names()
    with GuardedFile(path, limits=Limits(nbytes=1000)) as file, pytest.raises(FormatError, match="1,000 are the limit"):
        file.read("lzf")


def test_the_digest_comes_first(tmp_path: Path, other: Path) -> None:
    path = made(tmp_path, harmless, other)
    right = digest(path.read_bytes())
    check_file(path, right)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(IntegrityError, match=r"x\.h5 has other bytes") as caught:
        check_file(path, right)
    assert (caught.value.place, caught.value.expected) == (str(path), right)
    path.write_bytes(b"no HDF5")
    with pytest.raises(IntegrityError):  # HDF5 never saw it
        check_file(path, right)


def test_no_file_and_no_hdf5(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nosuch"):
        check_file(tmp_path / "nosuch.h5")
    os.mkfifo(tmp_path / "pipe.h5")  # nobody waits for it
    with pytest.raises(NotFoundError):
        check_file(tmp_path / "pipe.h5")
    (tmp_path / "x.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(FormatError, match=r"x\.h5"):
        check_file(tmp_path / "x.h5")


def damaged(content: bytes, seed: int) -> bytes:
    draw = random.Random(seed)
    found = bytearray(content)
    if seed % 4 == 0:
        return bytes(found[: draw.randrange(len(found))])
    for _ in range(draw.choice((1, 1, 8))):
        # half of them where HDF5 keeps its own structures
        found[draw.randrange(min(2048, len(found)) if seed % 2 else len(found))] = draw.randrange(256)
    return bytes(found)


@pytest.mark.parametrize(
    "seeds", [range(150), pytest.param(range(150, 10_000), marks=pytest.mark.campaign)], ids=["some", "many"]
)
def test_damage_is_told_or_harms_nothing(tmp_path: Path, other: Path, seeds: range) -> None:
    content = made(tmp_path, harmless, other).read_bytes()
    for seed in seeds:
        path = tmp_path / f"{seed}.h5"
        path.write_bytes(damaged(content, seed))
        with suppress(ImageCardsError), GuardedFile(path) as file:
            file.check()
            for name in ("example_0/image", "lzf", "names", "compact"):
                file.read(name)
        path.unlink()
