"""Each weakening of the code that carries the protocol is noticed by a test of its own."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from tests.protocol.mutants import MUTANTS, Mutant
from tests.protocol.mutation import Edit, applied

from imagecards.registry.commit import commit

TESTS = Path(__file__).parents[1]
CONFIG = TESTS.parent / "pyproject.toml"
QUIET = ("-p", "no:cacheprovider", "-p", "no:faulthandler", "-p", "no:unraisableexception", "-p", "no:terminal")


def run(checks: Iterable[str], folder: Path) -> pytest.ExitCode:
    """Run tests in a session of their own, up to the first that fails."""
    nodes = [str(TESTS / check) for check in checks]
    own = ("-c", str(CONFIG), "-o", "addopts=--strict-markers --import-mode=importlib -m 'not campaign'")
    return pytest.ExitCode(pytest.main([*nodes, "-x", *own, *QUIET, f"--basetemp={folder}"]))


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_a_weakening_is_noticed(mutant: Mutant, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with applied(*mutant.edits):
        outcome = run([mutant.check], tmp_path / "mutant")
    assert outcome == pytest.ExitCode.TESTS_FAILED, f"{mutant.check} does not notice it"


def test_without_a_weakening_every_check_passes(tmp_path: Path) -> None:
    assert run(dict.fromkeys(mutant.check for mutant in MUTANTS), tmp_path / "right") == pytest.ExitCode.OK


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("a text that is nowhere", "", "0 times"),
        ("store", "", "look for what it became"),
        ('"""The commit', '"""A commit', "no function"),
    ],
)
def test_an_edit_that_does_not_fit_is_told(old: str, new: str, told: str) -> None:
    with pytest.raises(LookupError, match=told), applied(Edit("registry.commit", old, new)):
        pass


def test_afterwards_the_code_is_the_right_one_again() -> None:
    right = commit.__code__
    with applied(Edit("registry.commit", "range(_TRIES)", "range(1)")):
        assert commit.__code__ is not right
    assert commit.__code__ is right
