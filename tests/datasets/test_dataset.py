"""ImageDataset: what it accepts, what it refuses, what it says of a folder."""

import hashlib
import json
import os
import pickle
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from imagecards.datasets import FILE_FACTS, ImageDataset, Source
from imagecards.datasets.folder import FolderSource
from imagecards.errors import (
    FormatError,
    InvalidInputError,
    InvalidMetadataError,
    NotFoundError,
    StorageError,
)
from imagecards.records.issues import Report
from imagecards.records.metadata import ImageMetadata
from imagecards.records.record import BBox, ImageRecord

Write = Callable[..., Path]
DATA = Path(__file__).parents[3] / "shared" / "data"


def box(*boxes: list[float], category: int = 0) -> dict[str, Any]:
    return {"bbox": list(boxes), "categories": [category] * len(boxes)}


def rules(report: Report) -> list[tuple[str, int | None, str]]:
    return [(issue.file, issue.line, issue.rule) for issue in report]


def listing(root: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if path.is_file()
    }


# What users of opsml 1.4 and 1.5 know it by


def test_a_folder_with_its_metadata_file(folder: Write) -> None:
    root = folder({"a.png": None, "metadata.jsonl": [{"file_name": "a.png", "caption": "A flake."}]})
    for dataset in (
        ImageDataset(image_dir=str(root), metadata="metadata.jsonl"),
        ImageDataset(str(root), "metadata.jsonl"),
        ImageDataset(image_dir=root, metadata=Path("metadata.jsonl")),
        ImageDataset(image_dir=root),
    ):
        assert dataset.metadata.records[0].caption == "A flake."
        assert len(dataset) == 1
        assert dataset.validate().ok
        assert dataset.image_dir == str(root)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ("blah.jsonl", "metadata file blah.jsonl does not exist in image_dir"),
        (Path("blah.jsonl"), "metadata file blah.jsonl does not exist in image_dir"),
        ("metadata.txt", "metadata must be a jsonl file"),
        ("metadata.jsonlx", "metadata must be a jsonl file"),
        ("../metadata.jsonl", "metadata file ../metadata.jsonl must be a relative path inside image_dir"),
        ("/etc/metadata.jsonl", "metadata file /etc/metadata.jsonl must be a relative path inside image_dir"),
        ("{path}.jsonl", "metadata file {path}.jsonl does not exist in image_dir"),
        ("folder.jsonl", "metadata file folder.jsonl does not exist in image_dir"),
        (3, "metadata must be an ImageMetadata or the name of a jsonl file"),
        (b"metadata.jsonl", "metadata must be an ImageMetadata or the name of a jsonl file"),
        (["metadata.jsonl"], "metadata must be an ImageMetadata or the name of a jsonl file"),
    ],
)
def test_metadata_that_is_not_there(folder: Write, metadata: Any, message: str) -> None:
    root = folder({"a.png": None, "folder.jsonl/x.png": None})
    with pytest.raises(ValidationError) as caught:
        ImageDataset(image_dir=root, metadata=metadata)
    assert [(error["loc"], error["msg"]) for error in caught.value.errors()] == [(("metadata",), message)]
    assert message in str(caught.value)


@pytest.mark.parametrize("image_dir", ["no such folder", Path("no such folder"), 3, None, b".", "a\0b", __file__])
def test_a_folder_that_is_not_there(image_dir: Any) -> None:
    with pytest.raises(ValidationError, match="image_dir must be a") as caught:
        ImageDataset(image_dir=image_dir, metadata="metadata.jsonl")
    assert caught.value.errors()[0]["loc"] == ("image_dir",)


def test_both_arguments_are_refused_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        ImageDataset(image_dir="no such folder", metadata="metadata.txt")
    assert [error["loc"] for error in caught.value.errors()] == [("image_dir",), ("metadata",)]


def test_a_metadata_object_is_used_and_nothing_is_written(folder: Write) -> None:
    root = folder({"0001.png": None, "0002.png": None, "0003.png": None})
    before = listing(root)
    metadata = ImageMetadata(
        records=[
            ImageRecord(file_name="0001.png", objects=BBox(bbox=[[2.0, 9.0, 3.0, 2.0]], categories=[0])),
            ImageRecord(file_name="0002.png", caption="a caption"),
            ImageRecord(file_name="0002.png", objects=BBox(bbox=[[8.0, 1.0, 5.0, 2.0]], categories=[1])),
            ImageRecord(file_name="0003.png", objects=BBox(bbox=[[1.0, 3.0, 2.0, 6.0]], categories=[2])),
        ]
    )
    dataset = ImageDataset(image_dir=root, metadata=metadata)
    assert dataset.metadata is metadata
    assert dict(dataset.documents) == {"metadata.jsonl": metadata}
    assert not dataset.validate()
    assert dataset.names == ("0001.png", "0002.png", "0003.png")
    second = dataset.records[1]
    assert (second.caption, second.objects and second.objects.bbox) == ("a caption", [[8.0, 1.0, 5.0, 2.0]])
    assert [record.file_name for record in dataset] == list(dataset.names)
    assert listing(root) == before


def test_the_dataset_of_the_tests_of_opsml() -> None:
    if not (DATA / "opsml").is_dir():
        pytest.skip("the shared test data is not beside this checkout")
    dataset = ImageDataset(image_dir=DATA / "opsml", metadata="metadata.jsonl")
    report = dataset.validate()
    assert report.ok
    assert set(report.counts) <= {"not-registered"}  # its licence lies beside the images
    assert dataset.names == ("cats.jpg", "cat2.jpg")
    assert dataset.image("cats.jpg").size == (640, 480)
    assert len(set(dataset.read_many())) == 1
    assert dataset.summary["bytes"] == 2 * 63304


def test_a_real_folder_without_metadata() -> None:
    root = DATA / "maskterial" / "GrapheneH" / "images"
    if not root.is_dir():
        pytest.skip("the shared test data is not beside this checkout")
    dataset = ImageDataset(image_dir=root)
    assert not dataset.validate()
    assert len(dataset) == 10
    assert dataset.summary["width"] == (1920, 1920)
    assert dataset.names == tuple(sorted(path.name for path in root.iterdir()))
    assert len(dataset.metadata) == 0


# Binding and reading


def test_binding_reads_nothing(folder: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    root = folder({"a.png": None, "metadata.jsonl": b"this is not JSON"})

    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("something was read")

    for call in ("open", "scandir", "listdir", "read"):
        monkeypatch.setattr(os, call, refuse)
    monkeypatch.setattr("builtins.open", refuse)
    ImageDataset(image_dir=root)
    ImageDataset(image_dir=root, metadata="metadata.jsonl")


def test_images_that_are_not_listed_belong_to_it(folder: Write) -> None:
    root = folder(
        {
            "c.png": None,
            "b.png": None,
            "a.jpg": None,
            "in/d.png": None,
            "metadata.jsonl": [{"file_name": "c.png"}],
        }
    )
    dataset = ImageDataset(image_dir=root)
    assert dataset.names == ("c.png", "a.jpg", "b.png", "in/d.png")
    assert dataset.records[2] == ImageRecord(file_name="b.png")
    assert rules(dataset.validate()) == [
        ("a.jpg", None, "unlisted-image"),
        ("b.png", None, "unlisted-image"),
        ("in/d.png", None, "unlisted-image"),
    ]
    assert dataset.read_bytes("in/d.png") == (root / "in/d.png").read_bytes()
    digests = [hashlib.sha256(data).hexdigest() for data in dataset.read_many(["b.png", "a.jpg"])]
    assert digests == [hashlib.sha256((root / name).read_bytes()).hexdigest() for name in ("b.png", "a.jpg")]
    assert dataset.image("a.jpg").mode == "RGB"
    with pytest.raises(NotFoundError):
        dataset.read_bytes("z.png")
    with pytest.raises(FormatError, match="max_pixels"):
        dataset.image("a.jpg", max_pixels=10)


def test_sub_folders_with_metadata_are_splits(folder: Write) -> None:
    root = folder(
        {
            "train/metadata.jsonl": [
                {"file_name": "x/1.png", "score": 1},
                {"file_name": "2.png", "score": 2},
            ],
            "train/x/1.png": None,
            "train/2.png": None,
            "train/3.png": None,
            "test/metadata.jsonl": [{"file_name": "1.png", "score": 0.5, "objects": box([0, 0, 5, 5])}],
            "test/1.png": None,
            "other/1.png": None,
            "train/x/metadata.jsonl": b"not one of ours\n",
        }
    )
    dataset = ImageDataset(image_dir=root)
    assert dict(dataset.splits) == {
        "test": ("test/1.png",),
        "train": ("train/x/1.png", "train/2.png", "train/3.png"),
    }
    assert dataset.names == ("test/1.png", "train/x/1.png", "train/2.png", "other/1.png", "train/3.png")
    assert [record.extra.get("score") for record in dataset] == [0.5, 1.0, 2.0, None, None]
    assert list(dataset.documents) == ["test/metadata.jsonl", "train/metadata.jsonl"]
    assert dataset.documents["train/metadata.jsonl"].records[0].file_name == "x/1.png"
    assert dataset.summary["splits"] == {"test": 1, "train": 3}
    train = dataset.split("train")
    assert train.names == ("train/x/1.png", "train/2.png", "train/3.png")
    assert train.read_bytes("train/2.png") == (root / "train/2.png").read_bytes()
    assert train.records[0].extra == {"score": 1.0}
    assert train.splits == {"train": train.names}
    assert rules(dataset.validate()) == [
        ("other/1.png", None, "unlisted-image"),
        ("train/3.png", None, "unlisted-image"),
        ("train/x/metadata.jsonl", None, "not-registered"),
    ]
    with pytest.raises(NotFoundError, match="no split 'eval' in this dataset: it has test, train"):
        dataset.split("eval")


def test_a_file_at_the_top_beside_splits(folder: Write) -> None:
    root = folder(
        {
            "metadata.jsonl": [
                {"file_name": "a.png"},
                {"file_name": "train/1.png", "caption": "from the top"},
            ],
            "a.png": None,
            "train/metadata.jsonl": [{"file_name": "1.png", "categories": ["x"]}],
            "train/1.png": None,
        }
    )
    dataset = ImageDataset(image_dir=root)
    assert dataset.splits == {"train": ("train/1.png",)}
    assert dataset.names == ("a.png", "train/1.png")
    assert dataset.records[1].present() == {
        "file_name": "train/1.png",
        "caption": "from the top",
        "categories": ["x"],
    }
    top_only = ImageDataset(image_dir=root, metadata="metadata.jsonl")
    assert top_only.splits == {}
    assert top_only.records[1].categories is None
    assert rules(top_only.validate()) == [("train/metadata.jsonl", None, "not-registered")]
    sub_only = ImageDataset(image_dir=root, metadata="train/metadata.jsonl")
    assert sub_only.names == ("train/1.png", "a.png")


def test_files_that_contradict_each_other(folder: Write) -> None:
    root = folder(
        {
            "metadata.jsonl": [{"file_name": "a.png"}, {"file_name": "train/1.png", "caption": "one"}],
            "a.png": None,
            "train/metadata.jsonl": [{"file_name": "1.png", "caption": "two"}],
            "train/1.png": None,
        }
    )
    assert rules(ImageDataset(image_dir=root).validate()) == [("train/metadata.jsonl", 1, "contradicting-lines")]


@pytest.mark.parametrize(
    ("train", "test", "field"),
    [
        ({"categories": ["x"]}, {"categories": [1]}, "categories"),
        ({"score": 1}, {"score": "high"}, "score"),
        ({"where": {"x": [1]}}, {"where": {"x": ["a"]}}, "where.x"),
        (
            {"objects": box([0, 0, 1, 1]) | {"depth": [1]}},
            {"objects": box([0, 0, 1, 1]) | {"depth": ["a"]}},
            "objects.depth",
        ),
    ],
)
def test_types_that_differ_between_files(
    folder: Write, train: dict[str, Any], test: dict[str, Any], field: str
) -> None:
    root = folder(
        {
            "train/metadata.jsonl": [{"file_name": "1.png", **train}],
            "train/1.png": None,
            "test/metadata.jsonl": [{"file_name": "1.png", **test}],
            "test/1.png": None,
        }
    )
    dataset = ImageDataset(image_dir=root)
    mixed = [issue for issue in dataset.validate() if issue.rule == "mixed-types"]
    assert [(issue.file, issue.field) for issue in mixed] == [("train/metadata.jsonl", field)]
    with pytest.raises(InvalidMetadataError, match="mixed-types"):
        len(dataset)
    with pytest.raises(InvalidMetadataError, match="mixed-types"):
        dataset.metadata  # noqa: B018 - reading it is the test


def test_unlike_files_that_fit_together(folder: Write) -> None:
    root = folder(
        {
            "a/metadata.jsonl": [{"file_name": "1.png", "categories": ["x"], "n": 1}],
            "a/1.png": None,
            "b/metadata.jsonl": [{"file_name": "1.png", "caption": "no categories", "n": 0.5, "tags": []}],
            "b/1.png": None,
            "c/metadata.jsonl": [{"file_name": "1.png", "objects": box(), "tags": ["t"], "w": {"q": None}}],
            "c/1.png": None,
            "d/metadata.jsonl": [],
        }
    )
    dataset = ImageDataset(image_dir=root)
    assert not dataset.validate()
    assert [record.present() for record in dataset.records] == [
        {"file_name": "a/1.png", "categories": ["x"], "n": 1.0},
        {"file_name": "b/1.png", "caption": "no categories", "n": 0.5, "tags": []},
        {"file_name": "c/1.png", "objects": {"bbox": [], "categories": []}, "tags": ["t"], "w": {}},
    ]
    assert dataset.splits["d"] == ()


def test_names_that_collide_between_files(folder: Write) -> None:
    root = folder(
        {
            "metadata.jsonl": [{"file_name": "x.png"}, {"file_name": "A/x.png"}],
            "x.png": None,
            "A/x.png": None,
            "a/metadata.jsonl": [{"file_name": "x.png"}],
            "a/x.png": None,
        }
    )
    assert rules(ImageDataset(image_dir=root).validate()) == [("a/metadata.jsonl", 1, "name-collision")]


def test_numbers_that_do_not_fit_together(folder: Write) -> None:
    root = folder(
        {
            "a/metadata.jsonl": [{"file_name": "1.png", "n": 2**53 + 1}],
            "a/1.png": None,
            "b/metadata.jsonl": [{"file_name": "1.png", "n": 0.5}],
            "b/1.png": None,
        }
    )
    errors = ImageDataset(image_dir=root).validate().errors
    assert {issue.rule for issue in errors} & {"mixed-types", "number-too-large"}


def test_sub_folder_names_are_checked_too(folder: Write) -> None:
    root = folder({"CON/metadata.jsonl": [{"file_name": "x.png"}], "CON/x.png": None})
    assert "unsafe-path" in {rule for _, _, rule in rules(ImageDataset(image_dir=root).validate())}


def test_another_name_for_the_metadata_file(folder: Write) -> None:
    root = folder({"a.png": None, "metadata.jsonl": [], "mine.jsonl": [{"file_name": "a.png", "caption": "A"}]})
    dataset = ImageDataset(image_dir=root, metadata="mine.jsonl")
    assert dataset.records[0].caption == "A"
    assert list(dataset.documents) == ["mine.jsonl"]
    assert rules(dataset.validate()) == [("metadata.jsonl", None, "not-registered")]
    assert not ImageDataset(image_dir=root, metadata=dataset.metadata).validate().errors


def test_a_folder_that_goes_away(folder: Write) -> None:
    root = folder({"a.png": None})
    dataset = ImageDataset(image_dir=root)
    root.rename(root.with_name("elsewhere"))
    for use in (lambda: dataset.documents, lambda: dataset.names):
        with pytest.raises(StorageError, match="can't be read"):
            use()
    assert repr(dataset) == f"ImageDataset(image_dir={str(root)!r})"
    assert rules(dataset.validate()) == [(str(root), None, "missing-folder")]
    root.write_bytes(b"a file")
    (issue,) = dataset.validate()
    assert (issue.rule, issue.message) == ("missing-folder", "this is no folder any more")


def test_annotations_whose_images_went_away(folder: Write) -> None:
    root = folder({"a.png": None, "b.png": None})
    records = ImageDataset(image_dir=root).table
    dataset = ImageDataset.from_source(FolderSource(root), records)
    assert dataset.validate().ok
    (root / "b.png").unlink()
    assert rules(dataset.validate()) == [("b.png", None, "missing-file")]
    root.rename(root.with_name("elsewhere"))  # where an open folder would follow it
    assert [issue.rule for issue in dataset.validate()] == ["missing-file"] * 2


def test_what_can_not_be_read_hides_nothing_else(folder: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    root = folder({"a.png": None, "b.png": b"no image", "c.png": None, "locked/d.png": None})
    opened = os.open

    def refuse(path: Any, *arguments: Any, **named: Any) -> int:
        if path in ("a.png", "locked"):
            raise PermissionError(13, "Permission denied", path)
        return opened(path, *arguments, **named)

    monkeypatch.setattr(os, "open", refuse)
    dataset = ImageDataset(image_dir=root)
    assert rules(dataset.validate()) == [
        ("locked/", None, "unreadable"),
        ("a.png", None, "unreadable"),
        ("b.png", None, "not-an-image"),
    ]


def test_names_that_windows_can_not_hold_are_a_warning(folder: Write) -> None:
    root = folder({"a?.png": None, 'b"<.png': None, "c;d!.png": None, "metadata.jsonl": [{"file_name": "a?.png"}]})
    report = ImageDataset(image_dir=root).validate()
    assert report.ok
    found = [issue.file for issue in report if issue.rule == "unportable-name"]
    assert found == ["a?.png", 'b"<.png']


def test_a_metadata_file_that_goes_away(folder: Write) -> None:
    root = folder({"a.png": None, "metadata.jsonl": []})
    dataset = ImageDataset(image_dir=root, metadata="metadata.jsonl")
    (root / "metadata.jsonl").unlink()
    assert rules(dataset.validate()) == [("metadata.jsonl", None, "missing-file")]


def test_records_in_no_file_have_their_number(folder: Write) -> None:
    root = folder({"a.png": None})
    metadata = ImageMetadata(records=[ImageRecord(file_name="a.png"), ImageRecord(file_name="b.png")])
    report = ImageDataset(image_dir=root, metadata=metadata).validate()
    assert [(issue.file, issue.line, issue.rule) for issue in report] == [("records", 2, "missing-file")]


# All that is wrong, at once


def test_every_problem_is_found_in_one_go(folder: Write, picture: Callable[..., bytes]) -> None:
    root = folder(
        {
            "good.png": None,
            "lies.png": picture("JPEG"),
            "empty.png": b"",
            "damaged.png": picture()[:40],
            "half.jpg": picture("JPEG", (200, 200))[:-50],
            "no.png": b"%!PS-Adobe-3.0 EPSF-3.0",
            "Case.PNG": None,
            "unlisted.png": None,
            "notes.txt": b"hello",
            "metadata.jsonl": [
                {"file_name": "good.png", "objects": box([0, 0, 10, 10], [35, 0, 10, 10])},
                {"file_name": "lies.png"},
                {"file_name": "empty.png"},
                {"file_name": "damaged.png", "objects": box([0, 0, 1000, 1000])},
                {"file_name": "half.jpg"},
                {"file_name": "no.png"},
                {"file_name": "case.png"},
                {"file_name": "nowhere.png"},
                {"file_name": "notes.txt"},
            ],
        }
    )
    report = ImageDataset(image_dir=root).validate()
    assert set(rules(report)) == {
        ("lies.png", None, "extension-mismatch"),
        ("empty.png", None, "empty-file"),
        ("damaged.png", None, "damaged-image"),
        ("half.jpg", None, "truncated-image"),
        ("no.png", None, "not-an-image"),
        ("metadata.jsonl", 7, "missing-file"),
        ("metadata.jsonl", 8, "missing-file"),
        ("metadata.jsonl", 9, "not-an-image"),
        ("Case.PNG", None, "unlisted-image"),
        ("Case.PNG", None, "name-collision"),
        ("unlisted.png", None, "unlisted-image"),
        ("metadata.jsonl", 1, "box-outside-image"),
    }
    outside = next(issue for issue in report if issue.rule == "box-outside-image")
    assert (outside.field, outside.value) == ("objects.bbox[1]", "[35.0, 0.0, 10.0, 10.0]")
    with ThreadPoolExecutor(3) as pool:
        assert ImageDataset(image_dir=root).validate(executor=pool) == report


def test_lines_are_counted_as_an_editor_does(folder: Write) -> None:
    text = b'\xef\xbb\xbf\r\n{"file_name": "a.png"}\r\n\r\n   \n{"file_name": "b.png", "caption": "x"}\n'
    text += b'{"file_name": "b.png", "objects": {"bbox": [[0, 0, 99, 9]], "categories": [0]}}'
    root = folder({"a.png": None, "b.png": None, "metadata.jsonl": text})
    (root / "a.png").unlink()
    assert rules(ImageDataset(image_dir=root).validate()) == [
        ("metadata.jsonl", 2, "missing-file"),
        ("metadata.jsonl", 6, "box-outside-image"),
    ]


def test_bad_lines_do_not_hide_what_else_is_wrong(folder: Write) -> None:
    text = b'{"file_name": "a.png", "caption": 3}\nnot json\n{"file_name": "gone.png"}\n'
    root = folder({"a.png": None, "b.png": b"", "metadata.jsonl": text})
    dataset = ImageDataset(image_dir=root)
    found = rules(dataset.validate())
    assert ("metadata.jsonl", 2, "not-json") in found
    assert "missing-file" in {rule for _, _, rule in found}
    assert ("b.png", None, "empty-file") in found
    assert "unlisted-image" not in {rule for _, _, rule in found}  # their lines may be among the bad ones
    for use in (
        lambda: dataset.names,
        lambda: dataset.metadata,
        lambda: dataset.documents,
        lambda: dataset.summary,
    ):
        with pytest.raises(InvalidMetadataError) as caught:
            use()
        assert {issue.line for issue in caught.value.issues if issue.file == "metadata.jsonl"} >= {1, 2}


def test_links_in_the_folder(folder: Write, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    root = folder({"a.png": None, "metadata.jsonl": [{"file_name": "a.png"}, {"file_name": "link.png"}]})
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    assert rules(ImageDataset(image_dir=root).validate()) == [("link.png", None, "symlink")]
    (root / "metadata.jsonl").unlink()
    (tmp_path / "elsewhere.jsonl").write_text('{"file_name": "a.png"}\n')
    (root / "metadata.jsonl").symlink_to(tmp_path / "elsewhere.jsonl")
    assert ("metadata.jsonl", None, "symlink") in rules(ImageDataset(image_dir=root).validate())


def test_hostile_names_in_the_metadata(folder: Write, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    names = [
        "../secret.png",
        "/etc/passwd",
        "..\\..\\x",
        "file:///etc/passwd",
        "zip://x::..",
        "C:\\x",
        "a\0.png",
    ]
    root = folder({"a.png": None, "metadata.jsonl": [{"file_name": name} for name in names]})
    report = ImageDataset(image_dir=root).validate()
    assert [(issue.line, issue.rule) for issue in report if issue.severity == "error"] == [
        (number, "unsafe-path") for number in range(1, len(names) + 1)
    ]


def test_looking_again_finds_what_changed(folder: Write, picture: Callable[..., bytes]) -> None:
    root = folder({"a.png": None, "metadata.jsonl": [{"file_name": "a.png", "caption": "one"}]})
    dataset = ImageDataset(image_dir=root)
    assert list(dataset.names) == ["a.png"]
    assert (dataset.records[0].caption, dict(dataset.splits)) == ("one", {})
    (root / "metadata.jsonl").write_text('{"file_name": "a.png", "caption": "two"}\n')
    (root / "b.png").write_bytes(picture())
    (root / "s").mkdir()
    (root / "s" / "c.png").write_bytes(picture())
    (root / "s" / "metadata.jsonl").write_text("")
    assert list(dataset.names) == ["a.png"]
    assert dataset.validate().ok
    assert list(dataset.names) == ["a.png", "b.png", "s/c.png"]
    assert dataset.records[0].caption == "two"
    assert dataset.metadata.records[0].caption == "two"
    assert list(dataset.documents) == ["metadata.jsonl", "s/metadata.jsonl"]
    assert dataset.splits == {"s": ("s/c.png",)}
    (root / "a.png").unlink()
    assert not dataset.validate().ok
    with pytest.raises(InvalidMetadataError):
        len(dataset)


# Around another source


class Memory:
    """A source in memory, as the registry's own is one."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    def read(self, name: str) -> bytes:
        return self.files[name]

    def read_many(self, names: Sequence[str]) -> Any:
        return map(self.read, names)

    def close(self) -> None:
        pass


def test_around_another_source(folder: Write) -> None:
    root = folder(
        {
            "b.png": None,
            "a.png": None,
            "metadata.jsonl": [{"file_name": "b.png", "caption": "B", "extra": {"deep": [1]}}],
        }
    )
    on_disk = ImageDataset(image_dir=root)
    files = {name: on_disk.read_bytes(name) for name in on_disk.names}
    layout = on_disk.lay_out()
    table = layout.records
    facts = {
        "sha256": [bytes(32)] * 2,
        "size": [1, 2],
        "width": [3, 3],
        "height": [4, 4],
        "mode": ["L"] * 2,
        "format": ["PNG"] * 2,
    }
    for name, values in facts.items():
        table = table.append_column(name, pa.array(values, FILE_FACTS.field(name).type))
    source = Memory(files)
    assert isinstance(source, Source)
    dataset = ImageDataset.from_source(source, table, {"train": ["a.png"]})
    assert dataset.image_dir is None
    assert dataset.source is source
    assert dataset.names == on_disk.names
    assert list(dataset) == list(on_disk)
    assert dataset.metadata.records[0].present() == {
        "file_name": "b.png",
        "caption": "B",
        "extra": {"deep": [1]},
    }
    assert rules(dataset.validate()) == [("b.png", None, "size-differs"), ("a.png", None, "size-differs")]
    assert dataset.table.column_names[-6:] == FILE_FACTS.names[1:]
    assert dataset.summary["bytes"] == 3
    assert dataset.image("a.png").size == (40, 30)
    assert dataset.split("train").names == ("a.png",)
    assert dataset.split("train").table["size"].to_pylist() == [2]
    with pytest.raises(InvalidInputError, match="is a folder"):
        dataset.lay_out()
    with pytest.raises(NotFoundError, match="it has none"):
        ImageDataset.from_source(source, table).split("train")
    assert "2 images" in repr(dataset)


def test_data_loaders_can_take_it_along(folder: Write) -> None:
    root = folder({"a.png": None, "metadata.jsonl": [{"file_name": "a.png", "caption": "A"}]})
    dataset = ImageDataset(image_dir=root)
    fresh = pickle.loads(pickle.dumps(dataset))
    assert fresh.read_bytes("a.png") == dataset.read_bytes("a.png")
    assert list(dataset) == list(pickle.loads(pickle.dumps(dataset)))
    around = ImageDataset.from_source(FolderSource(root), dataset.table, {"train": ["a.png"]})
    copy = pickle.loads(pickle.dumps(around))
    assert copy.names == ("a.png",)
    assert copy.splits == {"train": ("a.png",)}
    assert copy.split("train").read_bytes("a.png") == dataset.read_bytes("a.png")


def test_the_layout_is_what_registering_needs(folder: Write) -> None:
    root = folder({"b.png": None, "a.png": None, "z.txt": b"", "metadata.jsonl": [{"file_name": "b.png"}]})
    layout = ImageDataset(image_dir=root).lay_out()
    assert layout.names == ["b.png", "a.png"]
    assert [file.name for file in layout.files] == layout.names
    assert layout.report.ok
    assert json.dumps(dict(layout.splits)) == "{}"
