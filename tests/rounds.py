"""Many processes that register under one name, round after round: every success is a version of its own, and whole."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from types import MappingProxyType

import numpy as np

from imagecards import CardRegistry
from imagecards.datasets import TableDataset


def register_rounds(
    url: str, worker: int, rounds: int, tags: Sequence[str] = (), environment: Mapping[str, str] = MappingProxyType({})
) -> dict[str, int]:
    """The versions that a worker registered, and what is in each."""
    os.environ.update(environment)
    registry = CardRegistry(url)
    found = {}
    for number in range(rounds):
        value = worker * 1000 + number
        card = registry.register(np.array([value]), "a/b", bump="minor", tags=tags)
        found[str(card.version)] = value
    registry.store.close()
    return found


def check_rounds(url: str, results: Sequence[Mapping[str, int]], count: int) -> CardRegistry:
    """See that what workers were told is what is there."""
    merged = {version: value for found in results for version, value in found.items()}
    assert len(merged) == count == sum(map(len, results)), "two were told the same version"
    registry = CardRegistry(url)
    assert {str(version) for version in registry.versions("a/b")} == set(merged)
    for version, value in merged.items():
        opened = registry.open(f"a/b@{version}")
        assert isinstance(opened, TableDataset)
        assert opened.to_numpy().tolist() == [value]
    found = registry.verify(deep=True)
    assert found.ok, found.problems
    return registry


def race(url: str, workers: int, rounds: int) -> None:
    """Let processes register tables of one name, and see that what they were told is what is there."""
    context = get_context("forkserver")
    # what the server forks has the environment of the server's beginning
    environment = {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "HF_", "IMAGECARDS_"))}
    with ProcessPoolExecutor(workers, mp_context=context) as processes:
        tasks = [(url, worker, rounds, ["newest"], environment) for worker in range(workers)]
        results = list(processes.map(register_rounds, *zip(*tasks, strict=True)))
    registry = check_rounds(url, results, workers * rounds)
    moves = registry.store.children("tags/a/b/newest/")
    assert len(moves) == workers * rounds, "every move of the tag is in its log"
    registry.store.close()
