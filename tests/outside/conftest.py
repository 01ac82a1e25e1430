"""Other tools, each in an environment of its own, and what they read of our files.

The environments are those of the benchmarks, in ``.bench``, and stay there between runs.
"""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from benchmarks.children import ROOT
from benchmarks.peers import ENVIRONMENTS, peers_python

collect_ignore = ["read_with_datumaro.py", "read_with_supervision.py"]  # what they import is not in this environment

Tool = Callable[..., Any]
"""Runs a tool's reader with some arguments, and returns what it read."""


@pytest.fixture(scope="session")
def supervision() -> Tool:
    return _tool("supervision")


@pytest.fixture(scope="session")
def datumaro() -> Tool:
    return _tool("datumaro")


def _tool(name: str) -> Tool:
    python = peers_python(ROOT / ".bench" / name, ENVIRONMENTS[name])
    if python is None:
        pytest.skip(f"pip can't install {', '.join(ENVIRONMENTS[name])}")
    script = Path(__file__).with_name(f"read_with_{name}.py")
    variables = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COV_"))}

    def read(*arguments: object) -> Any:
        command = [str(python), str(script), *map(str, arguments)]
        done = subprocess.run(
            command, env=variables | {"PYTHONUTF8": "1"}, capture_output=True, text=True, encoding="utf-8", check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return read
