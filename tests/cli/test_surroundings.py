"""The command in its surroundings: pipes, odd terminals, and how long it takes to begin."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from imagecards import CardRegistry, ImageDataset

MakeFolder = Callable[..., Path]
COMMAND = f"{sys.executable} -m imagecards.cli"


@pytest.fixture
def registry(tmp_path: Path, make_folder: MakeFolder) -> Path:
    place = tmp_path / "registry"
    opened = CardRegistry(place)
    opened.register(ImageDataset(image_dir=make_folder(2)), "a/b", tags=["prod"], description="größer 🔬")
    for number in range(3):
        opened.register(pl.DataFrame({"id": [number]}), "a/table")
    return place


def shell(line: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = ["bash", "-o", "pipefail", "-c", line]
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", check=False, env=os.environ | environment, timeout=60
    )


def test_a_reader_that_has_seen_enough_is_no_error(registry: Path) -> None:
    done = shell(f"{COMMAND} versions a/table -r {registry} | head -n 1")
    assert (done.stdout.split()[0], done.stderr, done.returncode) == ("VERSION", "", 0)
    done = shell(f"{COMMAND} show a/b --json -r {registry} | true")
    assert (done.stderr, done.returncode) == ("", 0)
    assert shell(f"{COMMAND} --help | true").stderr == ""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_terminal_can_show_any_name(registry: Path, encoding: str) -> None:
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    command = [*COMMAND.split(), "show", "a/b", "-r", str(registry)]
    shown = subprocess.run(command, capture_output=True, encoding=encoding, check=True, env=environment).stdout
    assert ("größer 🔬" in shown) == (encoding == "utf-8")
    assert ("größer" in shown) == (encoding != "ascii")
    assert "U0001f52c" in shown or encoding == "utf-8"
    said = shell(f"{COMMAND} show a/b --json -r {registry}", PYTHONIOENCODING=encoding)
    assert json.loads(said.stdout)["description"] == "größer 🔬"


HEAVY = ("PIL", "numpy", "pandas", "polars", "pyarrow", "rich")


@pytest.mark.parametrize(
    ("call", "allowed"),
    [
        ("--help", ()),  # typer itself imports pydantic for any command
        ("show a/b", ("pydantic",)),
        ("show a/b --json", ("pydantic",)),
        ("versions a/b", ("pydantic",)),
        ("tag a/b prod", ("pydantic",)),
        ("untag a/b prod", ("pydantic",)),
        ("withdraw a/b@1.0.0 --reason x", ("pydantic",)),
        ("gc", ("pydantic",)),
        ("cache", ("pydantic",)),
        ("list", ("pydantic", "polars")),
    ],
)
def test_a_command_imports_no_more_than_it_needs(registry: Path, call: str, allowed: tuple[str, ...]) -> None:
    script = (
        "import sys\n"
        "from imagecards.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    command = [sys.executable, "-c", script, *call.split()]
    environment = os.environ | {"IMAGECARDS_REGISTRY": str(registry)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert {*HEAVY, "pydantic"} & set(done.stderr.split()) <= set(allowed)
