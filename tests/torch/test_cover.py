"""Real processes: every image of an epoch comes once, by its name, whatever the ranks and workers are."""

from itertools import product
from typing import Any

import pytest

import imagecards as ic
from imagecards.errors import InvalidInputError, NotFoundError

torch = pytest.importorskip("torch", reason="torch is not installed: it is where Python is 3.11")

from imagecards.torch import Loader, MapDataset, StreamDataset  # noqa: E402 - not before torch

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more processes than cores
KINDS = (MapDataset, StreamDataset)
SOME = [(2, 3), (3, 1)]
EVERY = list(product(range(1, 5), range(4)))


def name_of(image: Any, target: dict[str, Any]) -> str:
    return str(target["name"])


def loaders(dataset: Any, ranks: int, workers: int, batch_size: int) -> list[Any]:
    options: dict[str, Any] = {"num_workers": workers, "multiprocessing_context": "fork" if workers else None}
    return [
        Loader(dataset, batch_size, shuffle=True, seed=9, buffer=8, rank=rank, world_size=ranks, **options)
        for rank in range(ranks)
    ]


@pytest.mark.parametrize("numbers", [SOME, pytest.param(EVERY, marks=pytest.mark.campaign)], ids=["some", "every"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_once_for_ranks_and_workers_in_three_epochs(flakes: ic.ImageDataset, kind: Any, numbers: Any) -> None:
    dataset = kind(flakes, transform=name_of)
    orders: dict[int, list[str]] = {}
    for ranks, workers in numbers:
        mine = loaders(dataset, ranks, workers, 3)
        for epoch in range(3):
            batches = []
            for loader in mine:
                loader.set_epoch(epoch)
                batches.append(list(loader))
            assert len({len(each) for each in batches}) == 1
            steps = [name for step in zip(*batches, strict=True) for batch in step for name in batch]
            assert sorted(steps) == sorted(flakes.names), (ranks, workers, epoch)
            assert orders.setdefault(epoch, steps) == steps  # one order, whoever reads it
    assert len({tuple(order) for order in orders.values()}) == 3


@pytest.mark.parametrize("numbers", [SOME, pytest.param(EVERY, marks=pytest.mark.campaign)], ids=["some", "every"])
@pytest.mark.parametrize("kind", KINDS)
def test_stopped_after_any_batch_and_gone_on_with_by_others(flakes: ic.ImageDataset, kind: Any, numbers: Any) -> None:
    dataset = kind(flakes, transform=name_of)
    for number, (ranks, workers) in enumerate(numbers):
        others = numbers[(number * 7 + 3) % len(numbers)]
        for stop in range(len(loaders(dataset, ranks, 0, 3)[0]) + 1):
            before, after = loaders(dataset, ranks, workers, 3), loaders(dataset, others[0], others[1], 2)
            found = [name for loader in before for _, batch in zip(range(stop), loader, strict=False) for name in batch]
            if stop:
                for loader in after:
                    loader.load_state_dict(before[0].state_dict())
            found += [name for loader in after for batch in loader for name in batch]
            assert sorted(found) == sorted(flakes.names), (ranks, workers, others, stop)


@pytest.mark.parametrize("kind", KINDS)
def test_more_workers_than_images(flakes: ic.ImageDataset, kind: Any) -> None:
    few = ic.ImageDataset.from_source(flakes.source, flakes.table.slice(0, 2), {"none": [], "two": flakes.names[:2]})
    for batch_size in (1, 4):
        (loader,) = loaders(kind(few.split("two"), transform=name_of), 1, 5, batch_size)
        assert sorted(name for batch in loader for name in batch) == sorted(flakes.names[:2])
    with pytest.raises(InvalidInputError, match="has no images"):
        kind(few.split("none"))
    with pytest.raises(NotFoundError, match="nosuch"):
        kind(few.split("nosuch"))
