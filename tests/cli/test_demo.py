"""The demonstration runs to its end, in time, and fits a screen."""

import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_demo_runs_and_fits_a_screen() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-m", "demo"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 60  # however busy the machine is
    assert max(map(len, done.stdout.splitlines())) <= 110
    assert "\033" not in done.stdout
    for told in (
        "did you mean",
        "registered vision/flakes@1.0.0: 24 images",
        "unchanged: vision/flakes@2.0.0",
        "2 added",
        "registered vision/folds@1.0.0: ",
        "vision/folds@1.0.0: the same dataset digest",
        "made from vision/flakes@2.0.0 by min-area(pixels=2000.0)",
        "all as registered",
        "flake-0000.jpg: the image has other bytes",
        "(no difference)",
    ):
        assert told in done.stdout
