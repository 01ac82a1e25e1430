"""Processes of their own for what is measured, so that no contestant meets another's memory or caches."""

import compileall
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PREFIX = "FIGURES "


def compile_package() -> None:
    """Compile what is measured, as pip compiles the peers: where the writing of bytecode is off, nothing else does."""
    for folder in ("src", "benchmarks"):
        compileall.compile_dir(ROOT / folder, quiet=1)


def measure(
    module: str, *arguments: object, python: Path | None = None, environment: Mapping[str, str] | None = None
) -> dict[str, float]:
    """Run a module of `benchmarks.measured` and return the figures that it prints.

    Args:
        module: Its name.
        arguments: What it is told.
        python: The interpreter; by default this one.
        environment: Variables beside those of this process.

    Raises:
        RuntimeError: It failed; says how.
    """
    command = [str(python or sys.executable), "-m", f"benchmarks.measured.{module}", *map(str, arguments)]
    done = subprocess.run(command, env=_variables(environment), capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith(PREFIX)]
    if done.returncode or not lines:
        raise RuntimeError(f"{module} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    figures: dict[str, float] = json.loads(lines[-1].removeprefix(PREFIX))
    return figures


def clock(command: Sequence[object], place: Path, environment: Mapping[str, str] | None = None) -> float:
    """The seconds that a whole command takes, its start included.

    Args:
        command: The program and its arguments.
        place: The working directory.
        environment: Variables beside those of this process.

    Raises:
        RuntimeError: It failed; says how.
    """
    variables = _variables(environment)
    os.sync()
    start = time.perf_counter()
    done = subprocess.run(
        [str(word) for word in command], cwd=place, env=variables, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return seconds


def _variables(environment: Mapping[str, str] | None) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("IMAGECARDS_")}
    return {**ours, "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "src", ROOT))), **(environment or {})}
