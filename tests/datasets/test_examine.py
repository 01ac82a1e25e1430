"""Looking into files: digests, headers and issues, in the order of the files whatever does the work."""

import hashlib
import io
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from PIL import Image

from imagecards.datasets.examine import Examined, examine_bytes, examine_folder
from imagecards.datasets.facts import FILE_FACTS
from imagecards.datasets.scan import scan_folder
from imagecards.errors import StorageError
from imagecards.images import ImageInfo

Write = Callable[..., Path]
Picture = Callable[..., bytes]


def rule(examined: Examined) -> str | None:
    return examined.issue.rule if examined.issue is not None else None


def test_a_sound_image(picture: Picture) -> None:
    data = picture("JPEG")
    assert examine_bytes("in/a.JPEG", data) == Examined(
        hashlib.sha256(data).digest(), len(data), ImageInfo(40, 30, "RGB", "JPEG"), None
    )


@pytest.mark.parametrize(
    ("name", "kind", "expected", "hint"),
    [
        ("a.png", "JPEG", "extension-mismatch", "rename it to a.jpg"),
        ("in/a.b.jpg", "PNG", "extension-mismatch", "rename it to in/a.b.png"),
        ("a.txt", "PNG", "extension-mismatch", "rename it to a.txt.png"),
    ],
)
def test_names_that_promise_something_else(picture: Picture, name: str, kind: str, expected: str, hint: str) -> None:
    examined = examine_bytes(name, picture(kind))
    assert rule(examined) == expected
    assert examined.info is None
    assert examined.issue is not None
    assert hint in str(examined.issue)


def test_what_is_no_image(picture: Picture) -> None:
    assert rule(examine_bytes("a.png", b"")) == "empty-file"
    eps = examine_bytes("a.png", b"%!PS-Adobe-3.0 EPSF-3.0\n")
    assert rule(eps) == "not-an-image"
    assert "PostScript" in str(eps.issue)
    assert rule(examine_bytes("a.png", b"<svg onload='x()'/>")) == "not-an-image"
    assert rule(examine_bytes("a.png", picture()[:30])) == "damaged-image"
    large = examine_bytes("a.png", picture(), max_pixels=1199)
    assert rule(large) == "too-many-pixels"
    assert large.info is None
    assert rule(examine_bytes("a.png", picture(), max_pixels=1200)) is None


def test_half_an_image_is_a_warning(picture: Picture) -> None:
    examined = examine_bytes("a.jpg", picture("JPEG", (300, 300))[:-100])
    assert rule(examined) == "truncated-image"
    assert examined.info == ImageInfo(300, 300, "RGB", "JPEG")
    assert examined.issue is not None
    assert examined.issue.severity == "warning"


def test_sixteen_bits_and_floats() -> None:
    for mode in ("I;16", "F"):
        Image.new(mode, (5, 4)).save(target := io.BytesIO(), "TIFF")
        examined = examine_bytes("a.tif", target.getvalue())
        assert examined.info == (5, 4, mode, "TIFF")


@pytest.mark.parametrize("make", [None, ThreadPoolExecutor, ProcessPoolExecutor])
def test_a_folder_is_examined_in_order_by_any_executor(folder: Write, make: Callable[..., Executor] | None) -> None:
    files = {f"{number:04d}.png": None if number % 7 else b"bad %d" % number for number in range(300)}
    root = folder(files)
    scan = scan_folder(root)
    if make is None:
        examination = examine_folder(root, scan.files)
    elif make is ProcessPoolExecutor:
        with make(2, mp_context=get_context("spawn")) as pool:
            examination = examine_folder(root, scan.files, executor=pool)
    else:
        with make(4) as pool:
            examination = examine_folder(root, scan.files, executor=pool)
    assert examination.facts.schema == FILE_FACTS
    assert examination.facts["file_name"].to_pylist() == list(files)
    digests = [hashlib.sha256((root / name).read_bytes()).digest() for name in files]
    assert examination.facts["sha256"].to_pylist() == digests
    assert examination.facts["width"].to_pylist() == [40 if number % 7 else None for number in range(300)]
    assert [issue.file for issue in examination.issues] == [f"{number:04d}.png" for number in range(0, 300, 7)]


def test_large_files_use_threads(folder: Write) -> None:
    root = folder({f"{number}.png": bytes(150_000) for number in range(4)})
    examination = examine_folder(root, scan_folder(root).files)
    assert [issue.rule for issue in examination.issues] == ["not-an-image"] * 4


def test_files_that_went_away_since_the_scan(folder: Write) -> None:
    root = folder({"a.png": None, "b.png": None, "c.png": None})
    files = scan_folder(root).files
    (root / "a.png").unlink()
    (root / "b.png").unlink()
    (root / "b.png").symlink_to(root / "c.png")
    examination = examine_folder(root, files)
    assert [(issue.file, issue.rule) for issue in examination.issues] == [
        ("a.png", "missing-file"),
        ("b.png", "symlink"),
    ]
    assert examination.facts["sha256"].null_count == 2


def test_a_file_that_is_written_meanwhile_stops_the_work(folder: Write, picture: Picture) -> None:
    root = folder({"a.png": None})
    files = scan_folder(root).files
    (root / "a.png").write_bytes(picture(colour=200))
    with pytest.raises(StorageError, match="changed while"):
        examine_folder(root, files)


def test_no_files() -> None:
    examination = examine_folder(".", [])
    assert examination.facts.num_rows == 0
    assert examination.facts.schema == FILE_FACTS
