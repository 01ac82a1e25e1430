"""Memory for batches that is used again: they are what they would be without it, and stay so while any is kept."""

import copy
import gc
import json
import multiprocessing
import os
import pickle
from collections.abc import Callable, Iterator
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import imagecards as ic
from imagecards.images import read_pixels
from imagecards.testing.flakes import make_flakes

torch = pytest.importorskip("torch", reason="torch is not installed: it is where Python is 3.11")

from torch.utils.data._utils.collate import default_collate_fn_map  # noqa: E402

from imagecards.torch import Loader, MapDataset, StreamDataset, collate, image_rows, pool  # noqa: E402
from imagecards.torch.packing import packed  # noqa: E402
from imagecards.torch.pool import Arena, new_pool  # noqa: E402
from imagecards.torch.sending import Sending  # noqa: E402

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


def same(one: Any, other: Any) -> bool:
    """Whether two batches are of the same kinds, and all numbers in them, too."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, torch.Tensor):
        alike = one.dtype == other.dtype and one.shape == other.shape and one.requires_grad == other.requires_grad
        return bool(alike and torch.equal(one, other))
    return bool(one == other)


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


def as_sparse(image: Any, target: dict[str, Any]) -> list[Any]:
    return [image[0].to_sparse()]


def test_what_torch_refuses_to_stack_it_refuses(photographs: ic.ImageDataset) -> None:
    with pytest.raises(RuntimeError, match="Batches of sparse tensors are not"):
        list(Loader(MapDataset(photographs, transform=as_sparse), 4, **FORK))


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


def mapped() -> bool:
    return "imagecards-batches" in Path("/proc/self/maps").read_text(encoding="utf-8")


def test_a_loader_keeps_no_memory_between_epochs(photographs: ic.ImageDataset) -> None:
    loader = Loader(MapDataset(photographs), 4, **FORK)
    next(iter(loader))
    gc.collect()
    assert not mapped()
    other = copy.deepcopy(loader)
    assert same(list(other), list(loader))


def test_nothing_is_left_behind(photographs: ic.ImageDataset) -> None:
    loader = Loader(MapDataset(photographs), 4, **FORK)
    kept = [next(iter(loader))[0] for _ in range(2)]
    open_files = len(os.listdir("/proc/self/fd"))
    kept.append(next(iter(loader))[0])
    assert mapped()
    del loader, kept
    gc.collect()
    assert not mapped()
    assert len(os.listdir("/proc/self/fd")) < open_files


# What follows sends batches within one process.


@pytest.fixture(scope="module")
def sent() -> Iterator[Callable[[Any], Any]]:
    slots = new_pool(1, 2)
    assert slots is not None
    arena = Arena(slots, 0)

    def send(batch: Any) -> Any:
        ready = packed(batch, arena)
        message = bytes(ForkingPickler.dumps(ready))
        arena.end()
        return pickle.loads(message)

    yield send
    gc.collect()
    assert slots.take(0) is not None


TYPES = [torch.uint8, torch.uint16, torch.int64, torch.float16, torch.float32, torch.bfloat16, torch.bool]
SHAPES = [(), (0,), (3,), (2, 0, 4), (5, 4), (70_000,), (3, 200, 130)]


@st.composite
def tensors(draw: st.DrawFn) -> Any:
    shape, dtype = draw(st.sampled_from(SHAPES)), draw(st.sampled_from(TYPES))
    tensor = (torch.arange(int(np.prod(shape))) % 251).reshape(shape).to(dtype)
    change = draw(st.sampled_from(["none", "turned", "sliced", "expanded", "gradient"]))
    if change == "turned" and tensor.ndim > 1:
        return tensor.transpose(0, -1)
    if change == "sliced" and tensor.ndim:
        return tensor[::2]
    if change == "expanded" and tensor.ndim:
        return tensor[:1].expand(3, *tensor[:1].shape)
    if change == "gradient" and dtype == torch.float32:
        return tensor.requires_grad_()
    return tensor


PARTS = st.one_of(tensors(), st.none(), st.integers(), st.text(max_size=3), st.binary(max_size=3))
BATCHES = st.recursive(
    PARTS,
    lambda part: (
        st.lists(part, max_size=4)
        | st.lists(part, max_size=3).map(tuple)
        | st.dictionaries(st.sampled_from(["image", "boxes", 7]), part)
        | st.lists(st.fixed_dictionaries({"boxes": part, "name": part}), max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(batch=BATCHES)
def test_what_is_sent_arrives(sent: Callable[[Any], Any], batch: Any) -> None:
    assert same(sent(batch), batch)


def test_tensors_that_arrive_are_of_their_own(sent: Callable[[Any], Any]) -> None:
    batch = [{"boxes": torch.full((number, 4), float(number))} for number in (1, 2, 3)]
    found = sent(batch)
    with torch.no_grad():
        product = torch.ones(1, 4, requires_grad=True) * found[0]["boxes"]
    found[1]["boxes"].zero_()  # autograd would refuse to go back over a neighbour that was changed
    weights = torch.ones(4, requires_grad=True)
    loss = (weights * found[0]["boxes"]).sum()
    found[2]["boxes"].zero_()
    loss.backward()
    assert torch.equal(found[0]["boxes"], batch[0]["boxes"])
    assert torch.equal(product, batch[0]["boxes"])


@pytest.mark.filterwarnings("ignore:(Sparse invariant|The PyTorch API of nested):UserWarning")
def test_tensors_that_are_not_what_lies_in_memory(sent: Callable[[Any], Any]) -> None:
    for count in (3, 70_000):
        numbers = torch.complex(torch.ones(count), torch.ones(count)).conj()
        assert same(sent(numbers), numbers.clone())
        assert same(sent([{"part": numbers.imag}, {"part": numbers.imag}]), [{"part": -torch.ones(count)}] * 2)
        assert torch.equal(sent(torch.eye(count // 300 + 1).to_sparse()).to_dense(), torch.eye(count // 300 + 1))
        nested = sent(torch.nested.nested_tensor([torch.ones(2), torch.zeros(count)]))
        assert [len(each) for each in nested.unbind()] == [2, count]


def test_a_batch_that_came_to_nothing_leaves_its_room() -> None:
    slots = new_pool(1, 0)
    assert slots is not None
    arena = Arena(slots, 0)
    for _ in range(9):
        room = arena.begin()((100, 100), np.uint8)
        assert arena.where(room.ctypes.data, room.nbytes) == 0
    packed([torch.zeros(100_000)], arena)
    arena.end()
    assert arena.where(room.ctypes.data, room.nbytes) is None
    assert [slots.take(0) for _ in range(2)] == [1, None]


def test_batches_that_fail_leave_their_room() -> None:
    sending = Sending(collate)
    sending.pool = new_pool(1, 0)
    assert sending.begin(0) is not None
    large = torch.zeros(100_000)
    for _ in range(3):
        with pytest.raises(RuntimeError, match="equal size"):
            sending([{"large": large, "uneven": torch.zeros(count)} for count in (2, 3)])
    assert sending([{"large": large}] * 2)["large"].begin == 0


@pytest.mark.parametrize(
    ("choose", "begin"),
    [
        (lambda images: images, 0),
        (lambda images: images[1:], 90_000),
        (lambda images: images[::2], 270_000),
        (lambda images: images[::-1], 270_000),
        (lambda images: [image.T for image in images], 270_000),
        (lambda images: [images[0], images[1].float().byte(), images[2]], 270_000),
    ],
)
def test_images_are_a_batch_only_where_they_lie_as_one(choose: Callable[[Any], Any], begin: int) -> None:
    sending = Sending(collate)
    sending.pool = new_pool(1, 0)
    new = sending.begin(0)
    assert new is not None
    room = new()
    images = [torch.from_numpy(room((300, 300), np.uint8)) for _ in range(3)]
    for number, image in enumerate(images):
        image[...] = ((torch.arange(90_000) + number) % 251).reshape(300, 300)
    expected = torch.stack(choose(images))
    ready = sending([(image, {}) for image in choose(images)])
    assert ready[0].begin == begin
    assert same(pickle.loads(bytes(ForkingPickler.dumps(ready)))[0], expected)


class Named(torch.Tensor):  # type: ignore[name-defined]  # torch's class
    """Somebody's tensor, whose stacks are of its class."""


@pytest.mark.filterwarnings("ignore:Sparse invariant:UserWarning")
@pytest.mark.parametrize(
    "image",
    [
        torch.ones(3, 0),
        torch.eye(300).to_sparse(),
        torch.ones(300, 300).as_subclass(Named),
        torch.complex(torch.ones(300, 300), torch.ones(300, 300)).conj(),
    ],
)
def test_other_tensors_are_stacked_by_torch(image: Any) -> None:
    sending = Sending(collate)
    sending.pool = new_pool(1, 0)
    sending.begin(0)
    examples: list[Any] = [(image, {}), (image, {})]
    found, expected = pickle.loads(bytes(ForkingPickler.dumps(sending(examples))))[0], collate(examples)[0]
    assert (type(found), found.layout) == (type(expected), expected.layout)
    assert torch.equal(found.to_dense(), expected.to_dense())


def test_a_pool_goes_nowhere_else() -> None:
    slots = new_pool(1, 2)
    with pytest.raises(TypeError, match="to the workers of its loop"):
        pickle.dumps(slots)
    assert new_pool(0, 0) is None
