"""Every code block of the documentation runs, in the order of its page, and prints what the page says.

- ``python`` blocks of a page share one namespace; those with ``>>>`` are doctests.
- ``console`` blocks: lines after ``$ `` are commands, the lines below each are what it prints (``...`` stands for
  anything). ``# exit 1`` behind a command is the exit code that it must have.
- ``text``, ``json`` and ``mermaid`` blocks are not code.
- A block that can't run says why, in a comment of the line above: ``<!-- not run: because ... -->``.
"""

import doctest
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
RUNNERS = ("python", "console")
NOT_CODE = ("text", "json", "mermaid")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NEEDS = {"training.md": "torch", "opsml.md": "opsml", "opsml-migrating.md": "opsml"}
SAME = doctest.OutputChecker()
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Block(NamedTuple):
    language: str
    text: str
    line: int
    excuse: str | None


def blocks(page: Path) -> Iterator[Block]:
    content = page.read_text(encoding="utf-8")
    for match in FENCE.finditer(content):
        above = content[: match.start()].rstrip("\n").rpartition("\n")[2]
        excuse = re.fullmatch(r"<!-- not run: (.{10,}) -->", above)
        line = content.count("\n", 0, match.start()) + 1
        yield Block(match[1], match[2], line, excuse and excuse[1])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_is_code_that_runs_or_says_why_not(page: Path) -> None:
    content = page.read_text(encoding="utf-8")
    assert content.count("\n```") + content.startswith("```") == 2 * len(list(blocks(page))), "a fence is not closed"
    for block in blocks(page):
        assert block.language in (*RUNNERS, *NOT_CODE), f"{page.name}:{block.line}: a block of {block.language!r}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = NEEDS.get(page.name)
    if needed is not None and find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed: it is where there are wheels for the tests")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMAGECARDS_CACHE", str(tmp_path / ".cache"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("COLUMNS", "110")
    monkeypatch.delenv("IMAGECARDS_REGISTRY", raising=False)
    if needed == "opsml":  # which reads its environment once, and whose threads would stay
        process = get_context("spawn").Process(target=run_page, args=(page,))
        process.start()
        process.join()
        assert process.exitcode == 0
    else:
        run_page(page)


def run_page(page: Path) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(page):
        place = f"{page.name}:{block.line}"
        if block.language == "python" and block.excuse is None:
            run_python(block, namespace, place)
        elif block.language == "console" and block.excuse is None:
            run_console(block, place)
        elif block.language == "json":
            json.loads(block.text)


def run_python(block: Block, namespace: dict[str, Any], place: str) -> None:
    if ">>>" not in block.text:
        exec(compile(block.text, place, "exec"), namespace)
        return
    test = doctest.DocTestParser().get_doctest(block.text, namespace, place, place, block.line)
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    runner.run(test, out=report.append, clear_globs=False)
    assert runner.failures == 0, "".join(report)
    namespace.update(test.globs)


def run_console(block: Block, place: str) -> None:
    for command, wanted in commands(block.text):
        code = re.search(r"# exit (\d+)$", command)
        done = subprocess.run(
            ["bash", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        printed = "\n".join(line.rstrip() for line in done.stdout.splitlines()) + "\n"
        assert done.returncode == int(code[1] if code else 0), f"{place}: {command}\n{printed}"
        if wanted.strip():
            assert SAME.check_output(wanted, printed, FLAGS), f"{place}: {command}\nprinted\n{printed}\nnot\n{wanted}"


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block with the output below it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        while command.endswith("\\"):
            more, _, output = output.partition("\n")
            command = command[:-1] + more.strip()
        yield command, output
