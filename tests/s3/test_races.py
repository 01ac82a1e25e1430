"""Many processes that register under one name in one bucket: every success is a version of its own, and whole."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from imagecards import CardRegistry
from imagecards.datasets import TableDataset


def register_rounds(url: str, worker: int, rounds: int) -> dict[str, int]:
    """The versions that a process registered, and what is in each."""
    registry = CardRegistry(url)
    found = {}
    for number in range(rounds):
        value = worker * 1000 + number
        card = registry.register(np.array([value]), "a/b", bump="minor", tags=["newest"])
        found[str(card.version)] = value
    registry.store.close()
    return found


def race(bucket: str, workers: int, rounds: int) -> None:
    url = f"s3://{bucket}/raced"
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as processes:
        results = list(processes.map(register_rounds, [url] * workers, range(workers), [rounds] * workers))
    merged = {version: value for found in results for version, value in found.items()}
    assert len(merged) == workers * rounds == sum(map(len, results)), "two were told the same version"
    registry = CardRegistry(url)
    assert {str(version) for version in registry.versions("a/b")} == set(merged)
    for version, value in merged.items():
        opened = registry.open(f"a/b@{version}")
        assert isinstance(opened, TableDataset)
        assert opened.to_numpy().tolist() == [value]
    found = registry.verify(deep=True)
    assert found.ok, found.problems
    registry.store.close()


def test_every_success_is_a_version(bucket: str) -> None:
    race(bucket, workers=4, rounds=2)


@pytest.mark.campaign
def test_every_success_of_many_is_a_version(bucket: str) -> None:
    race(bucket, workers=32, rounds=20)
