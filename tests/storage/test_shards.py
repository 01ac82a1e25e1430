import hashlib
import io
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagecards.errors import ImageCardsError, IntegrityError, InvalidInputError
from imagecards.paths import check_relative
from imagecards.storage.shards import END, ShardEntry, ShardWriter, check_shard, header, padding

plain = st.text("abcXYZ019._-", min_size=1, max_size=140)
paths = st.lists(st.text(min_size=1, max_size=60), min_size=1, max_size=5).map("/".join)
names = st.one_of(plain, paths).filter(lambda name: check_relative(name) is None)
sizes = st.one_of(st.integers(0, 2**20), st.integers(8**11 - 2, 8**11 + 2), st.integers(0, 2**62))
members = st.lists(st.tuples(names, st.binary(max_size=2000)), max_size=8)


def of_tarfile(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.PAX_FORMAT)


def pack(files: list[tuple[str, bytes]]) -> tuple[bytes, ShardWriter]:
    writer = ShardWriter()
    return b"".join(writer.chunks(files)), writer


def walk(shard: bytes) -> list[ShardEntry]:
    return list(check_shard(lambda start, length: shard[start : start + length], len(shard)))


@settings(max_examples=200, deadline=None)
@given(names, sizes)
def test_headers_are_those_of_tarfile(name: str, size: int) -> None:
    assert header(name, size) == of_tarfile(name, size)


@pytest.mark.parametrize("length", [1, 7, 99, 100, 101, 102, 155, 200, 255, 256, 512, 1000, 1024])
@pytest.mark.parametrize("letter", ["a", "ä", "漢", "😀", "/"])
def test_headers_of_long_names(length: int, letter: str) -> None:
    name = ("x" + letter) * (length // 2) + "y" * (length % 2)
    assert header(name, 5) == of_tarfile(name, 5)


@pytest.mark.parametrize("size", [0, 1, 8**11 - 1, 8**11, 8**12, 2**62])
def test_headers_of_any_size(size: int) -> None:
    assert header("a", size) == of_tarfile("a", size)


@settings(max_examples=100, deadline=None)
@given(members)
def test_a_shard_is_a_tar_with_the_files_where_it_says(files: list[tuple[str, bytes]]) -> None:
    shard, writer = pack(files)
    assert [(entry.name, shard[entry.offset : entry.offset + entry.size]) for entry in writer.entries] == files
    assert writer.size == len(shard)
    with tarfile.open(fileobj=io.BytesIO(shard), mode="r:") as tar:
        found = [(member.name, tar.extractfile(member).read()) for member in tar]  # type: ignore[union-attr]
    assert found == files
    assert walk(shard) == writer.entries


def test_the_tar_command_reads_it(tmp_path: Path) -> None:
    files = [("a.png", b"first"), ("nested/" + "d" * 120 + "/ü.png", b"second" * 200), ("empty", b"")]
    (tmp_path / "shard.tar").write_bytes(pack(files)[0])
    subprocess.run(["tar", "xf", "shard.tar"], cwd=tmp_path, check=True)
    assert [(tmp_path / name).read_bytes() for name, _ in files] == [data for _, data in files]


def test_the_same_files_make_the_same_bytes_for_ever() -> None:
    files = [("a.png", b"first"), ("ü.png", b"second")]
    assert (
        hashlib.sha256(pack(files)[0]).hexdigest() == "ce534dbcd54eb3fa2fba0d86ee3e03477041a94647b4ccbc083f35a0f697fccd"
    )


def test_an_empty_shard() -> None:
    shard, writer = pack([])
    assert shard == END
    assert writer.entries == walk(shard) == []


def test_chunks_are_few_and_large() -> None:
    files = [(f"{number}.jpg", bytes(12_000)) for number in range(1000)]
    sizes = [len(chunk) for chunk in ShardWriter().chunks(files)]
    assert len(sizes) == 4
    assert all(4 << 20 <= size < (4 << 20) + 13_000 for size in sizes[:-1])
    assert sum(sizes) == 1000 * (512 + 12_288) + 1024


def test_a_large_member_is_passed_on_without_a_copy() -> None:
    large = bytes(3_000_000)
    chunks = list(ShardWriter().chunks([("a", b"small"), ("b", large), ("c", b"small")]))
    assert any(chunk is large for chunk in chunks)


def test_members_are_taken_one_by_one() -> None:
    taken = 0

    def stream() -> Iterator[tuple[str, bytes]]:
        nonlocal taken
        for number in range(10):
            taken += 1
            yield str(number), bytes(1 << 19)

    writer = ShardWriter()
    chunks = writer.chunks(stream())
    next(chunks)
    assert taken < 4, "the rest of the shard isn't in memory yet"
    assert len(writer.entries) == taken


def test_a_writer_is_for_one_shard() -> None:
    writer = ShardWriter()
    list(writer.chunks([]))
    with pytest.raises(InvalidInputError, match="new one"):
        list(writer.chunks([]))


FILES = [
    ("first.png", b"\0" * 100),
    ("ünï.png", b"x" * 512),
    ("n" * 150, b""),
    ("last/file.jpg", bytes(range(256)) * 3),
]


def test_every_changed_byte_outside_the_members_is_found() -> None:
    shard, writer = pack(FILES)
    data = {place for entry in writer.entries for place in range(entry.offset, entry.offset + entry.size)}
    extended = {1024 + 512 + place for place in range(20)} | {3 * 1024 + 512 + place for place in range(160)}
    for place in range(len(shard)):
        for change in (0x01, 0x80, 0xFF):
            damaged = shard[:place] + bytes([shard[place] ^ change]) + shard[place + 1 :]
            if place in data:
                assert walk(damaged) == writer.entries, "members are proved by their own digests"
                continue
            try:
                seen = walk(damaged)
            except IntegrityError as error:
                assert "damaged at byte" in str(error)  # noqa: PT017 - there is another right outcome
            else:
                assert [entry.name for entry in seen] != [name for name, _ in FILES]
                assert place in extended, "only names without a checksum may come through, changed"


def test_members_before_the_damage_are_still_told() -> None:
    shard, writer = pack(FILES)
    place = writer.entries[2].offset - 100
    damaged = shard[:place] + b"!" + shard[place + 1 :]
    seen: list[ShardEntry] = []
    with pytest.raises(IntegrityError, match="my shard is damaged at byte") as caught:
        seen.extend(check_shard(lambda start, length: damaged[start : start + length], len(damaged), "my shard"))
    assert caught.value.place.startswith("my shard, byte ")


@pytest.mark.parametrize("step", [1, 511, 512, 513, 1024])
def test_every_truncation_and_extension_is_found(step: int) -> None:
    shard, _ = pack(FILES)
    for length in range(0, len(shard), step):
        with pytest.raises(IntegrityError):
            walk(shard[:length])
    for more in (b"\0", bytes(512), bytes(1024), bytes(10_240), shard, b"x" * 512):
        with pytest.raises(IntegrityError):
            walk(shard + more)


def test_swapped_and_doubled_members_are_told_as_they_lie() -> None:
    first, _ = pack(FILES[:1])
    second, _ = pack(FILES[3:])
    swapped = second[:-1024] + first[:-1024] + END
    assert [entry.name for entry in walk(swapped)] == ["last/file.jpg", "first.png"]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=4000), st.integers(0, 10))
def test_garbage_is_damage_and_nothing_else(garbage: bytes, blocks: int) -> None:
    shard, _ = pack(FILES)
    start = 512 * blocks
    for bad in (
        garbage,
        garbage.ljust(-(-len(garbage) // 512) * 512, b"\0") + END,
        shard[:start] + garbage + shard[start:],
    ):
        try:
            assert all(isinstance(entry, ShardEntry) for entry in walk(bad))
        except ImageCardsError as error:
            assert type(error) is IntegrityError  # noqa: PT017 - garbage may be a shard by chance


@pytest.mark.parametrize("digits", [b"77777777777", b"-0000000001", b"00000 00001", b"0x000000001", b"0_000000001"])
def test_sizes_that_lie(digits: bytes) -> None:
    shard, _ = pack(FILES)
    for start in (124, 1024 + 124, 1024 + 1024 + 124):
        with pytest.raises(IntegrityError):
            walk(shard[:start] + digits + shard[start + 11 :])


def test_a_member_that_claims_more_than_there_is() -> None:
    lie = header("a.png", 10**9) + END
    with pytest.raises(IntegrityError, match="don't fit"):
        walk(lie)


def test_an_extended_header_that_claims_more_than_there_is() -> None:
    shard = bytearray(header("ü.png", 5))
    shard[124:135] = b"00000177777"
    with pytest.raises(IntegrityError):
        walk(bytes(shard) + END)


@pytest.mark.parametrize("size", range(0, 1100, 37))
def test_padding(size: int) -> None:
    assert (size + len(padding(size))) % 512 == 0
    assert len(padding(size)) < 512
    assert not any(padding(size))
