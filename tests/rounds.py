"""Many processes that register under one name, round after round: every success is a version of its own, and whole."""

import os
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from imagecards import CardRegistry
from imagecards.datasets import TableDataset


def _register(url: str, worker: int, rounds: int, environment: Mapping[str, str]) -> dict[str, int]:
    """The versions that a process registered, and what is in each."""
    os.environ.update(environment)
    registry = CardRegistry(url)
    found = {}
    for number in range(rounds):
        value = worker * 1000 + number
        card = registry.register(np.array([value]), "a/b", bump="minor", tags=["newest"])
        found[str(card.version)] = value
    registry.store.close()
    return found


def race(url: str, workers: int, rounds: int) -> None:
    """Let processes register tables of one name, and see that what they were told is what is there."""
    context = get_context("forkserver")
    # what the server forks has the environment of the server's beginning
    environment = {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "IMAGECARDS_"))}
    with ProcessPoolExecutor(workers, mp_context=context) as processes:
        tasks = [(url, worker, rounds, environment) for worker in range(workers)]
        results = list(processes.map(_register, *zip(*tasks, strict=True)))
    merged = {version: value for found in results for version, value in found.items()}
    assert len(merged) == workers * rounds == sum(map(len, results)), "two were told the same version"
    registry = CardRegistry(url)
    assert {str(version) for version in registry.versions("a/b")} == set(merged)
    for version, value in merged.items():
        opened = registry.open(f"a/b@{version}")
        assert isinstance(opened, TableDataset)
        assert opened.to_numpy().tolist() == [value]
    assert len(registry.store.children("tags/a/b/newest/")) == len(merged), "every move of the tag is in its log"
    found = registry.verify(deep=True)
    assert found.ok, found.problems
    registry.store.close()
