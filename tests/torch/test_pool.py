"""Memory for batches that is used again: they are what they would be without it, and stay so while any is kept."""

import copy
import gc
import json
import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import imagecards as ic
from imagecards.images import read_pixels
from imagecards.testing.flakes import make_flakes

torch = pytest.importorskip("torch", reason="torch is not installed: it is where Python is 3.11")

from tests.torch.sameness import same  # noqa: E402 - not before torch
from torch.utils.data._utils.collate import default_collate_fn_map  # noqa: E402 - not before torch

from imagecards.torch import Loader, MapDataset, StreamDataset, collate, image_rows, pool  # noqa: E402 - not before torch

KINDS = (MapDataset, StreamDataset)
FORK: dict[str, Any] = {"num_workers": 2, "multiprocessing_context": "fork", "timeout": 60}
COUNT = 40


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> ic.ImageDataset:
    """Images so large that a batch of them does not go with the message."""
    images = make_flakes(tmp_path_factory.mktemp("photographs"), COUNT, width=192, height=128).images
    records = [json.loads(line) for line in (images / "metadata.jsonl").read_text(encoding="utf-8").splitlines()]
    for record in records:
        boxes = record["objects"]["bbox"]
        record["objects"]["segmentation"] = [[[x, y, x + width, y, x, y + height]] for x, y, width, height in boxes]
    (images / "metadata.jsonl").write_text("".join(map(line, records)), encoding="utf-8")
    return registered(images)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> ic.ImageDataset:
    """JPEG and PNG in colour and grey, of two sizes."""
    folder = tmp_path_factory.mktemp("mixed")
    random = np.random.default_rng(5)
    for number in range(12):
        shape = (130 + 20 * (number % 2), 180, *[3] * (number % 3 > 0))
        pixels = random.integers(0, 256, shape, np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02d}.{'png' if number % 4 == 0 else 'jpg'}")
    return registered(folder)


def line(record: dict[str, Any]) -> str:
    return json.dumps(record) + "\n"


def registered(folder: Path) -> ic.ImageDataset:
    cards = ic.CardRegistry(folder.parent / f"{folder.name}-cards")
    cards.register(ic.ImageDataset(image_dir=folder), "vision/photographs")
    opened = cards.open("vision/photographs")
    assert isinstance(opened, ic.ImageDataset)
    return opened


def as_floats(image: Any, target: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    return image.float().contiguous(), {"name": target["name"], "mean": image.float().mean()}


def as_dictionary(image: Any, target: dict[str, Any]) -> dict[str, Any]:
    return {"image": image, "flipped": image.flip(2), "row": target["row"]}


def newest_first(examples: list[Any]) -> Any:
    return collate(examples[::-1])


CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "as they are": ({}, {}),
    "grey": ({"colour": "grey"}, {}),
    "with masks": ({"masks": True}, {}),
    "as floats": ({"transform": as_floats}, {}),
    "as dictionaries": ({"transform": as_dictionary}, {}),
    "not decoded": ({"decode": False}, {}),
    "batches of another": ({}, {"collate_fn": newest_first}),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES)
def test_batches_are_those_of_one_process(photographs: ic.ImageDataset, kind: Any, case: str) -> None:
    reading, loading = CASES[case]
    dataset = kind(photographs, **reading)
    expected = list(Loader(dataset, 3, shuffle=True, **loading))
    assert same(list(Loader(dataset, 3, shuffle=True, **loading, **FORK)), expected)
    found = Loader(dataset, 3, shuffle=True, **loading, **FORK)
    assert all(same(batch, other) for batch, other in zip(found, expected, strict=True))


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_started_workers_have_it_too(photographs: ic.ImageDataset, method: str) -> None:
    dataset = MapDataset(photographs)
    loader = Loader(dataset, 4, **{**FORK, "multiprocessing_context": method, "num_workers": 1})
    places = set()
    for batch, expected in zip(loader, Loader(dataset, 4), strict=True):
        assert same(batch, expected)
        places.add(batch[0].data_ptr())
    assert len(places) < COUNT / 4


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("colour", ["rgb", "grey", "stored"])
def test_images_of_several_sizes_and_channels(mixed: ic.ImageDataset, kind: Any, colour: Any) -> None:
    dataset = kind(mixed, colour=colour)
    for size in (1, 2, 5):
        assert same(list(Loader(dataset, size, **FORK)), list(Loader(dataset, size)))


@pytest.mark.parametrize("transform", [None, as_floats, as_dictionary])
def test_memory_is_used_again(photographs: ic.ImageDataset, transform: Any) -> None:
    loader = Loader(MapDataset(photographs, transform=transform), 1, **FORK)
    places = {(batch["image"] if isinstance(batch, dict) else batch[0]).data_ptr() for batch in loader}
    assert len(places) <= 2 * 4


def test_where_torch_was_told_how_to_stack_it_is_done_so(
    photographs: ic.ImageDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(default_collate_fn_map, torch.Tensor, lambda parts, **_: len(parts))
    for batch in Loader(MapDataset(photographs, transform=as_dictionary), 20, **FORK):
        assert (batch["image"], batch["flipped"]) == (20, 20)


def slices(batch: Any) -> Any:
    return batch[0][0, 1]


def channels_first(batch: Any) -> Any:
    return batch[0].permute(0, 2, 3, 1)


def as_numpy(batch: Any) -> Any:
    return torch.as_tensor(batch[0].numpy()[:, 0])


@pytest.mark.parametrize("keep", [slices, channels_first, as_numpy])
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_loop_keeps_stays(photographs: ic.ImageDataset, kind: Any, keep: Callable[[Any], Any]) -> None:
    dataset = kind(photographs)
    expected = [keep(batch).clone() for batch in Loader(dataset, 2)]
    kept: dict[int, Any] = {}
    random = np.random.default_rng(3)
    loader = Loader(dataset, 2, **FORK)
    for _ in range(3):
        for number, batch in enumerate(loader):
            if random.random() < 0.4:
                kept[number] = keep(batch)
            if kept and random.random() < 0.3:
                kept.pop(int(random.choice(list(kept))))
            assert all(torch.equal(each, expected[place]) for place, each in kept.items())
    assert all(torch.equal(each, expected[place]) for place, each in kept.items())


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_is_decoded_when_it_is_asked_for(
    photographs: ic.ImageDataset, kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = []

    def noted(data: bytes, *args: Any, **options: Any) -> Any:
        decoded.append(data)
        return read_pixels(data, *args, **options)

    monkeypatch.setattr(image_rows, "read_pixels", noted)
    examples = kind(photographs).read(range(COUNT)) if kind is MapDataset else iter(kind(photographs))
    next(examples)
    assert len(decoded) == 1


class Within(MapDataset):
    """A dataset that has a loop of its own."""

    within: Any

    def __getitems__(self, rows: Any) -> list[Any]:
        return [next(iter(Loader(self.within, len(rows))))[1][0]["name"]]


def test_a_loop_within_a_worker(photographs: ic.ImageDataset) -> None:
    dataset = Within(photographs)
    dataset.within = MapDataset(photographs)
    first = MapDataset(photographs)[0][1]["name"]
    assert list(Loader(dataset, 20, **FORK)) == [[first]] * 2


def test_what_is_read_when_a_worker_starts_may_be_kept(photographs: ic.ImageDataset) -> None:
    kept = []

    def read(worker: int) -> None:
        kept.append(torch.utils.data.get_worker_info().dataset[7][0])

    dataset = MapDataset(photographs)
    expected = dataset[7][0]
    changed = multiprocessing.get_context("fork").Value("i", 0)
    take = pool.Pool.take

    def noted(self: Any, worker: int) -> Any:
        changed.value += not np.array_equal(kept[0].numpy(), expected.numpy())
        return take(self, worker)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool.Pool, "take", noted)
        list(Loader(dataset, 2, worker_init_fn=read, **{**FORK, "num_workers": 1}))
    assert changed.value == 0


def test_several_iterators_of_one_loader(photographs: ic.ImageDataset) -> None:
    loader = Loader(MapDataset(photographs), 2, **FORK)
    expected = list(Loader(MapDataset(photographs), 2))
    for batch in loader:
        first = batch
        break
    ones = [first]
    for one, other, number in zip(iter(loader), iter(loader), range(99), strict=False):
        ones.append(one)
        assert same(one, expected[number])
        assert same(other, expected[number])
    assert same(ones, [expected[0], *expected])


def test_workers_that_persist(photographs: ic.ImageDataset) -> None:
    loader = Loader(MapDataset(photographs), 2, shuffle=True, persistent_workers=True, **FORK)
    alone = Loader(MapDataset(photographs), 2, shuffle=True)
    places = set()
    for epoch in range(3):
        loader.set_epoch(epoch)
        alone.set_epoch(epoch)
        for number, (batch, expected) in enumerate(zip(loader, alone, strict=False)):
            assert same(batch, expected)
            places.add(batch[0].data_ptr())
            if epoch == 1 and number == 5:
                break
    assert len(places) <= 2 * 4


class Keeping(MapDataset):
    """Somebody's dataset that keeps what it has read."""

    kept: dict[int, Any]

    def __getitems__(self, rows: Any) -> list[Any]:
        missing = [row for row in rows if row not in self.kept]
        self.kept.update(zip(missing, super().__getitems__(missing), strict=True))
        return [self.kept[row] for row in rows]


def test_a_dataset_that_keeps_its_examples(photographs: ic.ImageDataset) -> None:
    dataset = Keeping(photographs)
    dataset.kept = {}
    options = {**FORK, "num_workers": 1, "persistent_workers": True}
    loader, alone = Loader(dataset, 4, **options), Loader(MapDataset(photographs), 4)
    for _ in range(3):
        assert all(same(batch, expected) for batch, expected in zip(loader, alone, strict=True))


class Recent:
    """Somebody's ``collate_fn`` that keeps what it has seen, and makes batches of that."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def __call__(self, examples: list[Any]) -> Any:
        self.seen += [image for image, _ in examples]
        return torch.stack(self.seen)


@pytest.mark.parametrize("kind", KINDS)
def test_a_collate_fn_that_keeps_images(photographs: ic.ImageDataset, kind: Any) -> None:
    options = {**FORK, "num_workers": 1}
    loader = Loader(kind(photographs), 4, collate_fn=Recent(), **options)
    assert all(map(same, loader, Loader(kind(photographs), 4, collate_fn=Recent())))


def no_memory(name: str) -> int:
    raise OSError(12, "Cannot allocate memory")


def test_where_there_is_none_batches_are_the_same(
    photographs: ic.ImageDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "memfd_create", no_memory)
    loader = Loader(MapDataset(photographs), 4, **FORK)
    assert same(list(loader), list(Loader(MapDataset(photographs), 4)))


def test_a_batch_that_does_not_fit(photographs: ic.ImageDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_SLOT", 1 << 17)  # an image fits, and two don't
    loader = Loader(MapDataset(photographs), 3, **FORK)
    assert same(list(loader), list(Loader(MapDataset(photographs), 3)))


def mapped() -> int:
    """How many pools there are in this process, those among them that other tests have left."""
    gc.collect()
    return Path("/proc/self/maps").read_text(encoding="utf-8").count("imagecards-batches")


def test_a_loader_keeps_no_memory_between_epochs(photographs: ic.ImageDataset) -> None:
    before = mapped()
    loader = Loader(MapDataset(photographs), 4, **FORK)
    next(iter(loader))
    gc.collect()
    assert mapped() == before
    other = copy.deepcopy(loader)
    assert same(list(other), list(loader))


def test_nothing_is_left_behind(photographs: ic.ImageDataset) -> None:
    before = mapped()
    loader = Loader(MapDataset(photographs), 4, **FORK)
    kept = [next(iter(loader))[0] for _ in range(2)]
    open_files = len(os.listdir("/proc/self/fd"))
    kept.append(next(iter(loader))[0])
    assert mapped() > before
    del loader, kept
    assert mapped() == before
    assert len(os.listdir("/proc/self/fd")) < open_files
