"""Training from HDF5 examples: order, ranks and going on are those of any dataset; targets come from labels."""

import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from tests.formats.hdf5.drawn import labelled, noise, of_pixels

from imagecards import ImageDataset
from imagecards.digests import digest
from imagecards.errors import FormatError, IntegrityError, InvalidInputError
from imagecards.formats import write
from imagecards.formats.hdf5 import Examples, Recipe, write_examples

torch = pytest.importorskip("torch", reason="torch is not installed: it is where Python is 3.11")

from imagecards.torch import Loader, MapDataset, StreamDataset  # noqa: E402 - not before torch

KINDS = (MapDataset, StreamDataset)
NAMES = [f"{number:02d}.png" for number in range(23)]


@pytest.fixture(scope="module", params=["packed", "examples"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("hdf5") / "out"
    write_examples(labelled(NAMES), out, Recipe(request.param, files=3))
    return out


def name_of(image: Any, target: dict[str, Any]) -> str:
    return f"{target['name']} {os.getpid()}"


def names(loader: Any, most: int | None = None) -> list[str]:
    batches = [[each.split()[0] for each in batch] for _, batch in zip(range(most or 99), loader, strict=False)]
    return [name for batch in batches for name in batch]


@pytest.mark.parametrize("kind", KINDS)
def test_each_once_for_all_ranks_in_each_epoch_and_gone_on_with_by_others(folder: Path, kind: Any) -> None:
    dataset = kind(Examples(folder), transform=name_of)
    for ranks in range(1, 4):
        loaders = [Loader(dataset, 4, shuffle=True, rank=rank, world_size=ranks, buffer=8) for rank in range(ranks)]
        orders = []
        for epoch in range(3):
            for loader in loaders:
                loader.set_epoch(epoch)
            orders.append([name for loader in loaders for name in names(loader)])
            assert sorted(orders[-1]) == NAMES
        assert orders[0] != orders[1] != orders[2]
        for loader in loaders:
            loader.set_epoch(3)
        begun = [name for loader in loaders for name in names(loader, 1)]
        after = [Loader(dataset, 3, shuffle=True, rank=rank, world_size=2, buffer=8) for rank in range(2)]
        for loader in after:
            loader.load_state_dict(loaders[0].state_dict())
        assert sorted([*begun, *(name for loader in after for name in names(loader))]) == NAMES


@pytest.mark.parametrize(("kind", "method"), [(MapDataset, "fork"), (StreamDataset, "fork"), (MapDataset, "spawn")])
def test_workers_open_the_files_themselves(folder: Path, kind: Any, method: str) -> None:
    dataset = kind(Examples(folder), transform=name_of)
    alone = Loader(dataset, 4, shuffle=True, seed=3, buffer=8)
    expected = names(alone)  # read here first: a fork has these files open
    workers = 2 if method == "fork" else 1
    options: dict[str, Any] = {"num_workers": workers, "multiprocessing_context": method}
    loader = Loader(dataset, 4, shuffle=True, seed=3, buffer=8, **options)
    begun = [each for _, batch in zip(range(3), loader, strict=False) for each in batch]
    assert [each.split()[0] for each in begun] == expected[:12]
    processes = {each.split()[1] for each in begun}
    assert len(processes) == workers
    assert str(os.getpid()) not in processes
    alone.load_state_dict(loader.state_dict())
    assert names(alone) == expected[12:]


LABELS: list[Any] = ["binary", "classes", "multilabel", "boxes", "class"]


@pytest.mark.parametrize("layout", ["packed", "examples"])
@pytest.mark.parametrize("label", LABELS)
def test_targets_come_from_labels(tmp_path: Path, layout: Any, label: str) -> None:
    dataset = labelled()
    if label == "class":
        records = [{"file_name": name, "categories": [kind]} for name, kind in (("a.png", "y"), ("b.png", "x"))]
        dataset = of_pixels({name: noise((12, 20, 1)) for name in ("a.png", "b.png")}, records)
    write(dataset, tmp_path / "out", "hdf5", layout=layout, label=label)
    examples = Examples(tmp_path / "out", normalise="zero_one")
    image, target = MapDataset(examples)[1]
    assert (image.dtype, image.shape) == (torch.float32, (1, 12, 20))
    assert np.array_equal(image.numpy(), examples[1].image)
    assert (target["name"], target["row"]) == ("b.png", 1)
    if label == "boxes":
        assert target["boxes"].tolist() == [[1, 1, 5, 5], [3, 3, 7, 7], [10, 2, 13, 5]]
        assert (target["labels"].tolist(), target["labels"].dtype) == ([0, 1, 0], torch.int64)
    elif label == "class":
        assert (target["label"].item(), target["label"].dtype, target["label"].shape) == (0, torch.int64, ())
    else:
        assert target["label"].shape[-2:] == (12, 20)
        assert np.array_equal(target["label"].numpy(), examples[1].label)
    images, targets = next(iter(Loader(MapDataset(examples), 2)))
    assert images.shape == (2, 1, 12, 20)
    assert [each["name"] for each in targets] == ["a.png", "b.png"]


def test_files_of_the_original_converter_and_of_other_machines(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.attrs["n_examples"] = 1
        file["example_0/image"] = np.arange(8, dtype=">u2").reshape(1, 2, 4)
        file["example_0/label"] = np.zeros((1, 2, 4), "f4")
    image, target = MapDataset(Examples(tmp_path))[0]
    assert image.tolist() == [[[0, 1, 2, 3], [4, 5, 6, 7]]]
    assert (target["name"], target["label"].shape) == (None, (1, 2, 4))
    with h5py.File(tmp_path / "x.h5", "a") as file:
        del file["example_0/label"]
        file["example_0/label"] = np.zeros((3, 7), "u1")
    with pytest.raises(FormatError, match=r"a label of \(3, 7\), uint8: labels are masks"):
        MapDataset(Examples(tmp_path))[0]


class TestWhatChanged:
    def test_a_file_that_was_written_again(self, folder: Path, tmp_path: Path) -> None:
        for file in folder.glob("*.h5"):
            (tmp_path / file.name).write_bytes(file.read_bytes())
        dataset = MapDataset(Examples(tmp_path), transform=name_of)
        changed = sorted(tmp_path.glob("*.h5"))[1]
        changed.write_bytes(changed.read_bytes())  # the same bytes, at another time
        os.utime(changed, ns=(1, 1))
        loader = Loader(dataset, 4, num_workers=1, multiprocessing_context="fork")
        with pytest.raises(IntegrityError, match=f"{changed.name} was changed after"):
            list(loader)
        with pytest.raises(IntegrityError) as caught:
            dataset[12]
        assert caught.value.place == str(changed)

    def test_other_bytes_than_the_card_says(self, folder: Path, tmp_path: Path) -> None:
        digests = {}
        for file in folder.glob("*.h5"):
            digests[file.name] = digest(file.read_bytes())
            (tmp_path / file.name).write_bytes(file.read_bytes())
        assert len(MapDataset(Examples(tmp_path, digests=digests))) == 23
        data = bytearray(changed := (tmp_path / "preprocessed_data-2_p0.h5").read_bytes())
        data[len(changed) // 2] ^= 1
        (tmp_path / "preprocessed_data-2_p0.h5").write_bytes(data)
        with pytest.raises(IntegrityError, match=r"preprocessed_data-2_p0\.h5 has other bytes"):
            Examples(tmp_path, digests=digests)

    def test_the_state_of_others(self, folder: Path, tmp_path: Path) -> None:
        write_examples(labelled(NAMES), tmp_path / "out", Recipe(files=2))
        for kind in KINDS:
            state = Loader(kind(Examples(folder))).state_dict()
            Loader(kind(Examples(folder))).load_state_dict(state)
            with pytest.raises(InvalidInputError, match="this state is of another loader"):
                Loader(kind(Examples(tmp_path / "out"))).load_state_dict(state)

    def test_the_state_of_other_images_in_files_as_large(self, tmp_path: Path) -> None:
        loaders = []
        for seed in range(2):
            pixels = {name: noise((8, 8, 1), seed=seed) for name in NAMES}
            write(of_pixels(pixels), tmp_path / str(seed), "hdf5", layout="examples", label="binary")
            loaders.append(Loader(MapDataset(Examples(tmp_path / str(seed)))))
        sizes = [[file.stat().st_size for file in sorted((tmp_path / str(seed)).glob("*.h5"))] for seed in range(2)]
        assert sizes[0] == sizes[1]
        with pytest.raises(InvalidInputError, match="this state is of another loader"):
            loaders[1].load_state_dict(loaders[0].state_dict())


def test_what_can_not_be_is_told(folder: Path, tmp_path: Path) -> None:
    for options in ({"colour": "grey"}, {"classes": ["cat"]}, {"masks": True}, {"decode": False}):
        with pytest.raises(InvalidInputError, match="leave colour, classes, masks and decode out"):
            MapDataset(Examples(folder), **options)
    with pytest.raises(InvalidInputError, match="an ImageDataset, or HDF5 Examples, not str"):
        MapDataset(str(folder))  # type: ignore[arg-type]
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.attrs["n_examples"] = 0
    with pytest.raises(InvalidInputError, match="has no examples"):
        StreamDataset(Examples(tmp_path))


def test_a_dataset_and_its_examples_train_alike(tmp_path: Path) -> None:
    """The same order for the same seed, where the files have the order of the dataset."""
    dataset = labelled(NAMES)
    assert isinstance(dataset, ImageDataset)
    write_examples(dataset, tmp_path / "out", Recipe(files=4))
    pairs = [MapDataset(dataset, transform=name_of), MapDataset(Examples(tmp_path / "out"), transform=name_of)]
    orders = [names(Loader(each, 5, shuffle=True, seed=2)) for each in pairs]
    assert orders[0] == orders[1]
