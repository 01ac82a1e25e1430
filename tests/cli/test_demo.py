"""The demonstration runs to its end, in time, and fits a screen."""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_demo_runs_and_fits_a_screen() -> None:
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-m", "demo"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - began < 60
    assert max(map(len, done.stdout.splitlines())) <= 110
    assert "\033" not in done.stdout
    for told in (
        "did you mean",
        "registered vision/flakes@1.0.0: 24 images",
        "unchanged: vision/flakes@2.0.0",
        "2 added",
        "all as registered",
        "flake-0000.jpg: the image has other bytes",
        "(no difference)",
    ):
        assert told in done.stdout
