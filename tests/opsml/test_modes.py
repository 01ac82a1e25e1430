"""The modes themselves: what plain opsml does in each of them."""

import os
import time
from pathlib import Path

import pytest
from tests.opsml import plain
from tests.opsml.servers import Ended, Mode

pytest.importorskip("opsml")


def test_a_card_is_registered_listed_and_loaded_in_each_mode(mode: Mode) -> None:
    made = mode.run(plain.register)
    assert [version for version, _ in made] == ["0.1.0"]
    assert mode.run(plain.listed) == made
    assert mode.run(plain.loadable) == [made[0][1]]
    assert not list(Path.cwd().glob("opsml*.db"))


def test_what_a_process_raises_comes_back(sqlite: Mode) -> None:
    with pytest.raises(KeyError, match="nothing") as caught:
        sqlite.run(_fail)
    assert any("in _fail" in note for note in caught.value.__notes__)


def test_a_process_that_dies_or_hangs_is_told(sqlite: Mode) -> None:
    with pytest.raises(Ended, match="ended with 9"):
        sqlite.run(os._exit, 9)
    with pytest.raises(Ended, match="in time"):
        sqlite.run(time.sleep, 60, timeout=0.5)


def _fail() -> None:
    raise KeyError("nothing")
