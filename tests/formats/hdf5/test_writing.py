"""Examples in HDF5: every label in both layouts, traced to its image, the same files for any number of workers."""

import hashlib
import json
import multiprocessing
import pickle
import tempfile
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.formats.hdf5.drawn import contents, file_of, labelled, noise, of_pixels
from tests.formats.strategies import datasets

from imagecards.datasets import ImageDataset, replaced
from imagecards.errors import AlreadyExistsError, FormatError, InvalidInputError
from imagecards.formats import write
from imagecards.formats.hdf5 import Examples, Recipe, check_file, write_examples
from imagecards.formats.hdf5.partition import balanced, upstream
from imagecards.formats.hdf5.planning import make_plan
from imagecards.formats.outlines import mask_of_object
from imagecards.formats.rows import records_of
from imagecards.formats.scene import Scene
from imagecards.geometry import mask_to_runs, runs_to_coco, runs_to_mask, scaled
from imagecards.images import read_picture
from imagecards.records import objects_of, record_digests

LAYOUTS = pytest.mark.parametrize("layout", ["packed", "examples"])


@LAYOUTS
class TestLabels:
    def made(self, tmp_path: Path, layout: str, **options: Any) -> Examples:
        write(labelled(), tmp_path / "out", "hdf5", layout=layout, **options)
        return Examples(tmp_path / "out")

    def test_binary(self, tmp_path: Path, layout: str) -> None:
        first, second = (each.label for each in self.made(tmp_path, layout, label="binary"))
        assert (first.dtype, first.shape) == (np.dtype("u1" if layout == "packed" else "f4"), (1, 12, 20))
        assert (first.sum(), second.sum()) == (28, 37)

    def test_classes(self, tmp_path: Path, layout: str) -> None:
        first, second = (each.label for each in self.made(tmp_path, layout, label="classes"))
        assert (first.dtype, first.shape) == (np.dtype("u1" if layout == "packed" else "i4"), (12, 20))
        assert np.bincount(first.ravel()).tolist() == [240 - 28, 12, 16]  # the dog lies over the cat
        assert np.bincount(second.ravel()).tolist() == [240 - 37, 21, 16]

    def test_multilabel(self, tmp_path: Path, layout: str) -> None:
        first, second = (each.label for each in self.made(tmp_path, layout, label="multilabel"))
        assert (first.dtype, first.shape) == (np.dtype("u1" if layout == "packed" else "f4"), (2, 12, 20))
        assert first.sum(axis=(1, 2)).tolist() == [16, 16]
        assert second.sum(axis=(1, 2)).tolist() == [25, 16]

    def test_boxes(self, tmp_path: Path, layout: str) -> None:
        first, second = (each.label for each in self.made(tmp_path, layout, label="boxes", image_shape=[24, 10]))
        assert first.dtype == np.float32
        assert first.tolist() == [[0.5, 2, 2, 8, 0], [1.5, 6, 2, 8, 1]]
        assert second.tolist() == [[0.5, 2, 2, 8, 0], [1.5, 6, 2, 8, 1], [5, 4, 1.5, 6, 0]]

    def test_class(self, tmp_path: Path, layout: str) -> None:
        pixels = {name: noise((4, 5, 1)) for name in ("a.png", "b.png", "c.png")}
        one = {"bbox": [[0, 0, 1, 1], [1, 1, 1, 1]], "categories": ["rust", "rust"]}
        records: list[dict[str, Any]] = [
            {"file_name": "a.png", "categories": ["scratch"]},
            {"file_name": "b.png", "objects": one},
            {"file_name": "c.png", "categories": ["clean"]},
        ]
        losses = write(of_pixels(pixels, records), tmp_path / "out", "hdf5", layout=layout, label="class")
        found = [each.label for each in Examples(tmp_path / "out")]
        assert [(each.shape, each.dtype, int(each)) for each in found] == [((), np.dtype("i8"), n) for n in (2, 0, 1)]
        assert losses.rules == ("objects-dropped",)
        said = json.loads((tmp_path / "out" / "data_params.json").read_text())["classes"]
        assert said == [{"name": name, "number": n} for n, name in enumerate(["rust", "clean", "scratch"])]
        for bad, many in (([], "no class"), (["clean", "rust"], "2 classes")):
            records[2]["categories"] = bad
            with pytest.raises(InvalidInputError, match=rf"c\.png has {many}"):
                write(of_pixels(pixels, records), tmp_path / "bad", "hdf5", layout=layout, label="class")

    def test_what_they_do_not_say_is_told(self, tmp_path: Path, layout: str) -> None:
        rules = {
            label: write(labelled(), tmp_path / label, "hdf5", layout=layout, label=label).rules
            for label in ("binary", "classes", "multilabel", "boxes")
        }
        assert rules == {
            "binary": ("classes-united", "instances-united"),
            "classes": ("instances-united", "overlap-hidden"),
            "multilabel": ("instances-united",),
            "boxes": ("outlines-dropped",),
        }
        small = write(labelled(), tmp_path / "small", "hdf5", layout=layout, image_shape=[2, 2], masks="area")
        assert "masks-lost" in small.rules
        nothing = of_pixels({"a.png": noise((4, 4, 1))}, [{"file_name": "a.png", "caption": "x"}])
        told = write(nothing, tmp_path / "nothing", "hdf5", layout=layout)
        assert told.rules == ("captions-dropped", "unknown-as-negative")


@settings(max_examples=10, deadline=None)
@given(datasets(), st.sampled_from(["packed", "examples"]), st.sampled_from(["any-overlap", "area", "nearest"]))
def test_masks_are_those_of_the_library(dataset: ImageDataset, layout: str, rule: Any) -> None:
    names = dataset.table["file_name"].to_pylist()
    assume(names)
    records = dict(zip(names, records_of(dataset.table), strict=True))
    with tempfile.TemporaryDirectory() as folder:
        write(dataset, Path(folder, "out"), "hdf5", layout=layout, label="binary", image_shape=[7, 9], masks=rule)
        found = {each.file_name: each.label for path in Path(folder, "out").rglob("*.h5") for each in Examples(path)}
    assert set(found) == set(names)
    sizes = zip(names, dataset.table["height"].to_pylist(), dataset.table["width"].to_pylist(), strict=True)
    for name, height, width in sizes:
        expected = np.zeros((7, 9), bool)
        for entry in objects_of(records[name]):
            expected |= runs_to_mask(scaled(mask_of_object(entry, height, width), 9, 7, rule))
        assert np.array_equal(found[name][0], expected)


@LAYOUTS
def test_masks_as_the_original_converter_has_them(tmp_path: Path, layout: str) -> None:
    mask = np.random.default_rng(1).random((13, 31)) < 0.5
    entry = {"bbox": [[0, 0, 31, 13]], "categories": ["x"], "segmentation": [runs_to_coco(mask_to_runs(mask))]}
    dataset = of_pixels({"a.png": noise((13, 31, 1))}, [{"file_name": "a.png", "objects": entry}])
    options: dict[str, Any] = {"label": "binary", "masks": "upstream", "image_shape": [8, 10]}
    write(dataset, tmp_path / "out", "hdf5", layout=layout, **options)
    theirs = cv2.resize(mask.astype(np.uint8), (10, 8), interpolation=cv2.INTER_NEAREST)  # the rule of torch, too
    assert np.array_equal(Examples(tmp_path / "out")[0].label[0], theirs)


@LAYOUTS
@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pixels_are_those_of_the_file(tmp_path: Path, layout: str, dtype: str, channels: int) -> None:
    pixels = {f"{n}.png": noise((5 + n, 9 - n, channels), dtype, n) for n in range(4)}  # of several sizes, too
    write(of_pixels(pixels), tmp_path / "out", "hdf5", layout=layout, files=2)
    found = Examples(tmp_path / "out")
    assert [each.file_name for each in found] == [*pixels]
    for example, values in zip(found, pixels.values(), strict=True):
        assert (example.image.dtype, example.label.shape) == (np.dtype(dtype), values.shape[:2])
        assert np.array_equal(example.image, values.transpose(2, 0, 1))
    assert (tmp_path / "out" / "meta.dat").read_text() == "preprocessed_data-0_p0.h5 2\npreprocessed_data-1_p0.h5 2\n"


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_grey_is_pillows(tmp_path: Path, kind: str) -> None:
    Image.fromarray(noise((40, 30, 3))).save(file := BytesIO(), kind)
    for mode in ("L", "RGB"):
        dataset = of_pixels({"a": noise((40, 30, 3))})
        dataset.source.files["a"] = file.getvalue()  # type: ignore[attr-defined]
        write(dataset, tmp_path / mode, "hdf5", colour={"L": "grey", "RGB": "rgb"}[mode])
        theirs = np.asarray(Image.open(file).convert(mode)).reshape(40, 30, -1)
        assert np.array_equal(Examples(tmp_path / mode)[0].image, theirs.transpose(2, 0, 1))


def test_grey_and_colour_of_every_type(tmp_path: Path) -> None:
    for dtype in ("u2", "f4"):
        grey = noise((6, 7, 1), dtype)
        for colour, channels in (("grey", 1), ("rgb", 3)):
            for values in (grey, np.repeat(grey, 3, axis=2)):
                out = tmp_path / f"{dtype}{colour}{values.shape[2]}"
                write(of_pixels({"a.png": values}), out, "hdf5", colour=colour)
                image = Examples(out)[0].image
                np.testing.assert_allclose(image, np.repeat(grey.transpose(2, 0, 1), channels, axis=0), rtol=1e-6)
                assert image.dtype == np.dtype(dtype)


@LAYOUTS
def test_every_example_is_traced_to_its_image(tmp_path: Path, layout: str) -> None:
    dataset = labelled([f"深/{n}.png" for n in range(70)])
    write(dataset, tmp_path / "out", "hdf5", layout=layout, files=3)
    found = Examples(tmp_path / "out")
    files = [dataset.read_bytes(name) for name in dataset.names]
    shas = [hashlib.sha256(data).digest() for data in files]
    records = dataset.table.drop_columns(["width", "height"])
    assert [each.file_name for each in found] == list(dataset.names)
    assert [each.image_digest for each in found] == [f"sha256:{sha.hex()}" for sha in shas]
    assert [each.record_digest for each in found] == [f"sha256:{d.hex()}" for d in record_digests(records, shas)]
    assert np.array_equal(found[-1].image[0], read_picture(files[-1]).pixels[:, :, 0])
    assert [each.file_name for each in found[5:8]] == list(dataset.names[5:8])
    with pytest.raises(IndexError):
        found[70]
    again = pickle.loads(pickle.dumps(found))
    assert again[69].file_name == found[69].file_name
    for file in found.files:
        check_file(file)


@pytest.fixture(scope="module")
def processes() -> Any:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@LAYOUTS
def test_any_number_of_workers_makes_the_same_files(tmp_path: Path, layout: str, processes: Any) -> None:
    dataset = labelled([f"{n}.png" for n in range(40)])
    splits = {"train": dataset.names[:25], "fold/valid": dataset.names[20:]}
    dataset = ImageDataset.from_source(dataset.source, dataset.table, splits)
    recipe = Recipe(layout=layout, files=7, name="x")  # type: ignore[arg-type]
    losses = [write_examples(dataset, tmp_path / "0", recipe)]
    with ThreadPoolExecutor(3) as threads:
        losses.append(write_examples(dataset, tmp_path / "1", recipe, executor=threads))
    losses.append(write_examples(dataset, tmp_path / "2", recipe, executor=processes))
    losses.append(write(dataset, tmp_path / "3", "hdf5", layout=layout, files=7, name="x"))
    assert losses[0] == losses[1] == losses[2] == losses[3]
    made = [contents(tmp_path / str(number)) for number in range(4)]
    assert made[0] == made[1] == made[2] == made[3]
    assert [name for name in sorted(made[0]) if not name.endswith(".h5")] == [
        "data_params.json",
        "fold/meta_valid.dat",
        "meta_train.dat",
    ]
    lengths = [len(Examples(tmp_path / "0" / "train" / f"x-{n}_p0.h5")) for n in range(7)]
    assert lengths == [4, 4, 4, 4, 3, 3, 3]
    told = (tmp_path / "0" / "fold" / "meta_valid.dat").read_text().splitlines()
    assert told == [f"fold/valid/x-{n}_p0.h5 {3 - (n > 5)}" for n in range(7)]


def test_the_original_layout(tmp_path: Path) -> None:
    write(labelled(), tmp_path / "out", "hdf5", layout="examples", label="binary")
    with h5py.File(tmp_path / "out" / "preprocessed_data-0_p0.h5") as file:
        assert file.attrs["n_examples"] == 2
        assert file.attrs["n_examples"].dtype == np.int64
        assert sorted(file) == ["example_0", "example_1"]
        for name, dtype in (("image", np.uint8), ("label", np.float32)):
            dataset = file["example_1"][name]
            assert (dataset.dtype, dataset.shape) == (dtype, (1, 12, 20))
            assert (dataset.chunks, dataset.compression) == (None, None)


@given(st.integers(1, 400), st.integers(1, 60))
def test_balanced(count: int, files: int) -> None:
    if files > count:
        with pytest.raises(InvalidInputError, match="ask for"):
            balanced(count, files, "x")
        return
    shares = balanced(count, files, "x")
    lengths = [len(share.places) for share in shares]
    assert (len(shares), max(lengths) - min(lengths) <= 1) == (files, True)
    assert [place for share in shares for place in share.places] == [*range(count)]


@pytest.mark.parametrize(
    ("count", "processes", "files", "made", "least", "most"),
    [(4377, 5, 10, 12, 1, 438), (773, 5, 10, 12, 1, 77), (10, 3, 10, 12, 0, 1), (100, 8, 4, 9, 4, 12)],
)
def test_the_original_partition(count: int, processes: int, files: int, made: int, least: int, most: int) -> None:
    shares = upstream(count, files, processes, "preprocessed_data")
    lengths = [len(share.places) for share in shares]
    assert (len(shares), min(lengths), max(lengths)) == (made, least, most)
    assert sorted(place for share in shares for place in share.places) == [*range(count)]
    own = max(files // processes, 1)
    assert [share.file for share in shares] == [
        f"preprocessed_data-{f + own * p}_p{p}.h5" for p in range(made // own) for f in range(own)
    ]


class TestResuming:
    def test_what_is_whole_is_not_made_again(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        dataset = labelled([f"{n}.png" for n in range(12)])
        recipe = Recipe(files=4)
        whole = write_examples(dataset, tmp_path / "whole", recipe)
        broken = labelled([f"{n}.png" for n in range(12)])
        broken.source.files["8.png"] = b"no image"  # type: ignore[attr-defined]
        with pytest.raises(FormatError, match=r"8\.png"):
            write_examples(broken, tmp_path / "out", recipe)
        (gathering,) = tmp_path.glob(".out.*")
        assert str(gathering) in caplog.text
        assert sorted(path.name for path in gathering.iterdir()) == [f"preprocessed_data-{n}_p0.h5" for n in range(2)]
        (gathering / "preprocessed_data-1_p0.h5").write_bytes(b"damaged meanwhile")
        reads: list[str] = dataset.source.reads  # type: ignore[attr-defined]
        reads.clear()
        assert write_examples(dataset, tmp_path / "out", recipe) == whole
        assert reads == ["0.png", *(f"{n}.png" for n in range(3, 12))]  # the first is looked at for its type
        assert contents(tmp_path / "out") == contents(tmp_path / "whole")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "whole"]

    def test_an_image_that_changed_meanwhile(self, tmp_path: Path) -> None:
        names = [f"{n}.png" for n in range(4)]
        dataset, other = labelled(names), labelled(names)
        for each in (dataset, other):
            each.source.files["0.png"] = file_of(noise((12, 20, 1), seed=9 + (each is other)))  # type: ignore[attr-defined]
        dataset.source.files["3.png"] = b"no image"  # type: ignore[attr-defined]
        with pytest.raises(FormatError):
            write_examples(dataset, tmp_path / "out", Recipe(files=2))
        write_examples(other, tmp_path / "out", Recipe(files=2))
        assert np.array_equal(Examples(tmp_path / "out")[0].image[0], noise((12, 20), seed=10))

    def test_only_the_same_work_goes_on(self) -> None:
        """What was gathered is found again by a digest of all that files depend on, but the bytes of images."""
        dataset = labelled()
        other = [{**record, "caption": "another"} for record in records_of(dataset.table)]
        different: list[tuple[ImageDataset, Recipe]] = [
            (dataset, Recipe()),
            (dataset, Recipe(level=2)),
            (dataset, Recipe(masks="area")),
            (dataset, Recipe(name="x")),
            (dataset, Recipe("examples")),
            (of_pixels({name: noise((12, 20, 1)) for name in dataset.names}, other), Recipe()),
            (replaced(dataset, splits={"a": dataset.names}), Recipe()),
            (replaced(dataset, splits={"a": dataset.names[::-1]}), Recipe()),
        ]
        digests = [make_plan(Scene(each, None), recipe).digest for each, recipe in different]
        assert len({*digests}) == len(digests)
        assert make_plan(Scene(labelled(), None), Recipe()).digest == digests[0]

    def test_what_is_there_stays(self, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "x").touch()
        with pytest.raises(AlreadyExistsError):
            write_examples(labelled(), tmp_path / "out")
        assert [path.name for path in tmp_path.iterdir()] == ["out"]


class TestWhatDoesNotFit:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"layout": "x"}, "layout is one of packed, examples"),
            ({"label": "x"}, "label is one of"),
            ({"masks": "x"}, "masks is one of"),
            ({"colour": "x"}, "colour is one of"),
            ({"image_shape": [256]}, "image_shape is height and width"),
            ({"image_shape": [256, 0]}, "image_shape is height and width"),
            ({"files": 0}, "files is a whole number"),
            ({"files": True}, "files is a whole number"),
            ({"level": 10}, "level is a whole number from 0 to 9"),
            ({"name": "../x"}, "files can't be called"),
            ({"processes": 2}, "take layout='examples'"),
            ({"processes": 3, "layout": "examples"}, "2 examples for 3 processes"),
            ({"files": 3}, "2 examples for 3 files"),
            ({"images": False}, "no annotations only"),
            ({"nosuch": 1}, "has no option 'nosuch'"),
        ],
    )
    def test_options(self, tmp_path: Path, options: dict[str, Any], message: str) -> None:
        with pytest.raises(InvalidInputError, match=message):
            write(labelled(), tmp_path / "out", "hdf5", **options)
        assert [*tmp_path.iterdir()] == []

    def test_images_of_several_types_are_not_packed(self, tmp_path: Path) -> None:
        pixels = {"a.png": noise((4, 4, 1)), "b.png": noise((4, 4, 3))}
        with pytest.raises(InvalidInputError, match=r"b\.png has 3 channels of uint8, and the first image has 1"):
            write(of_pixels(pixels), tmp_path / "out", "hdf5")
        write(of_pixels(pixels), tmp_path / "grey", "hdf5", colour="grey")
        write(of_pixels(pixels), tmp_path / "groups", "hdf5", layout="examples")
        assert [each.image.shape for each in Examples(tmp_path / "groups")] == [(1, 4, 4), (3, 4, 4)]

    def test_sizes_that_differ_widely_are_not_packed(self, tmp_path: Path) -> None:
        pixels = {"a.png": noise((100, 1, 1)), "b.png": noise((1, 100, 1))}
        with pytest.raises(InvalidInputError, match="padded to 100 x 100"):
            write(of_pixels(pixels), tmp_path / "out", "hdf5")

    def test_nothing_and_empty_splits(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidInputError, match="no images"):
            write(of_pixels({}), tmp_path / "out", "hdf5")
        dataset = labelled()
        dataset = ImageDataset.from_source(dataset.source, dataset.table, {"a": dataset.names, "b": []})
        assert "empty-splits-dropped" in write(dataset, tmp_path / "out", "hdf5").rules

    def test_a_size_that_was_said_and_is_not(self, tmp_path: Path) -> None:
        dataset = labelled()
        dataset.source.files["b.png"] = file_of(noise((12, 21, 1)))  # type: ignore[attr-defined]
        with pytest.raises(FormatError, match=r"b\.png has 21 x 12 pixels, and 20 x 12 are said"):
            write(dataset, tmp_path / "out", "hdf5")
