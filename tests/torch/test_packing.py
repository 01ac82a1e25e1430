"""What stands for a batch on its way: sent within one process, it arrives as it was."""

import gc
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="torch is not installed: it is where Python is 3.11")

from tests.torch.sameness import same  # noqa: E402 - not before torch

from imagecards.torch import collate  # noqa: E402 - not before torch
from imagecards.torch.packing import packed  # noqa: E402 - not before torch
from imagecards.torch.pool import Arena, new_pool  # noqa: E402 - not before torch
from imagecards.torch.sending import Sending  # noqa: E402 - not before torch


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


def test_small_tensors_of_one_name_keep_their_types_and_shapes(sent: Callable[[Any], Any]) -> None:
    for other in (torch.ones(2, dtype=torch.int64), torch.ones(2, 1), torch.tensor(1.0), torch.zeros(70_000), None):
        batch = [{"part": torch.ones(3)}, {"part": other}, {"part": torch.ones(0)}]
        assert same(sent(batch), batch)


@pytest.mark.parametrize("count", [3, 70_000])
def test_what_has_a_gradient_has_one_when_it_arrives(sent: Callable[[Any], Any], count: int) -> None:
    tensor = torch.ones(count).requires_grad_()
    assert same(sent(tensor), tensor)
    assert same(sent([{"part": tensor}] * 2), [{"part": tensor}] * 2)


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


def test_small_tensors_take_no_slot() -> None:
    slots = new_pool(1, 0)
    assert slots is not None
    arena = Arena(slots, 0)
    packed([torch.ones(3), {"part": torch.ones(3)}], arena)
    arena.end()
    assert slots.take(0) == 0


def test_what_lies_there_with_gaps_is_copied() -> None:
    slots = new_pool(1, 0)
    assert slots is not None
    arena = Arena(slots, 0)
    part = torch.from_numpy(arena.begin()((400, 800), np.uint8))
    part[:, ::2], part[:, 1::2] = 1, 2
    assert pickle.loads(bytes(ForkingPickler.dumps(packed(part[:, ::2], arena)))).eq(1).all()


def test_keys_keep_their_types(sent: Callable[[Any], Any]) -> None:
    found = sent([{1: "a"}, {True: "b"}])
    assert [type(key) for part in found for key in part] == [int, bool]


def test_a_worker_has_so_many_slots_and_no_more() -> None:
    slots = new_pool(1, 1_000)
    assert slots is not None
    assert [slots.take(0) is None for _ in range(65)] == [False] * 64 + [True]


def test_what_torch_refuses_to_stack_it_refuses() -> None:
    sending = Sending(collate)
    sending.pool = new_pool(1, 0)
    sending.begin(0)
    with pytest.raises(RuntimeError, match="Batches of sparse tensors are not"):
        sending([[torch.eye(3).to_sparse()]] * 2)


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


AT_EXIT = """
import atexit, pickle
atexit.register(lambda: print(slots.take(0)))  # it is called after what is registered later
import torch
from multiprocessing.reduction import ForkingPickler
from imagecards.torch.packing import packed
from imagecards.torch.pool import Arena, new_pool
slots = new_pool(1, 0)
kept = pickle.loads(bytes(ForkingPickler.dumps(packed(torch.ones(100_000), Arena(slots, 0)))))
"""


def test_a_batch_is_not_given_back_because_a_program_ends() -> None:
    done = subprocess.run([sys.executable, "-c", AT_EXIT], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
