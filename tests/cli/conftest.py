"""The command line in this process, which is quick, with what it printed."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from imagecards.cli import main


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Result]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """``run("show", "a/b")``: the exit code and what was printed."""

    def call(*arguments: object) -> Result:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        assert isinstance(ended.value.code, int)
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return Result(ended.value.code, printed.out, printed.err)

    return call
