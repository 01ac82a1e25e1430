"""Forked worker processes share a dataset: what each takes does not grow with it."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed: it is where Python is 3.11")
pytestmark = pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="only Linux tells what processes share"
)
SCRIPT = Path(__file__).with_name("many_records.py")


@cache
def measured(kind: str, count: int, workers: int) -> dict[str, int]:
    command = [sys.executable, "-W", "ignore", str(SCRIPT), kind, str(count), str(workers)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told: dict[str, int] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("kind", ["map", "stream"])
def test_what_a_worker_takes_does_not_grow_with_the_dataset(kind: str) -> None:
    few, many = measured("map", 1_000, 1), measured(kind, 80_000, 2)
    assert many["worker"] <= few["worker"] + 3
    assert few["worker"] < 32  # MB; swept as in one process it would be all that the parent had, 60 and more


@pytest.mark.campaign
@pytest.mark.parametrize("kind", ["map", "stream"])
def test_a_million_records_and_sixteen_workers_take_less_than_half_as_much_again(kind: str) -> None:
    assert measured(kind, 1_000_000, 16)["all"] < 1.5 * measured(kind, 1_000_000, 0)["all"]
