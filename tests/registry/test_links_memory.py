"""Forked processes share the links of a version: what each takes does not grow with them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="only Linux tells what processes share"
)
SCRIPT = Path(__file__).with_name("many_links.py")


def measured(count: int, workers: int) -> dict[str, int]:
    command = [sys.executable, "-W", "ignore", str(SCRIPT), str(count), str(workers)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told: dict[str, int] = json.loads(done.stdout)
    return told


def test_what_a_process_takes_that_reads_links_does_not_grow_with_them() -> None:
    assert measured(80_000, 2)["worker"] <= measured(1_000, 1)["worker"] + 3  # MB; 16 more if each link were an object


@pytest.mark.campaign
def test_a_million_links_and_sixteen_processes_take_less_than_half_as_much_again() -> None:
    assert measured(1_000_000, 16)["all"] < 1.5 * measured(1_000_000, 0)["all"]
