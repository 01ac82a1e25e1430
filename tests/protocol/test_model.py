"""The protocol keeps its promises in every state, and none of its rules can be left out."""

from dataclasses import asdict

import pytest
from tests.protocol.weakenings import GOLDEN, WEAKENINGS, explore, told
from tests.protocol.world import Rules


def test_no_state_breaks_a_promise() -> None:
    found = explore(Rules())
    assert found.promise is None, found.way
    assert found.states > 10_000, "the states are too few to mean something"
    assert {"done", "conflict", "failed", "unknown"} <= found.ends


@pytest.mark.parametrize("name", WEAKENINGS)
def test_a_rule_that_is_left_out_breaks_a_promise(name: str) -> None:
    assert explore(WEAKENINGS[name]).promise is not None


def test_every_rule_is_left_out_once() -> None:
    protocol = asdict(Rules())
    left_out = {
        rule for rules in WEAKENINGS.values() for rule, value in asdict(rules).items() if value != protocol[rule]
    }
    assert left_out == set(protocol)


def test_the_counterexamples_are_those_that_are_written_down() -> None:
    assert GOLDEN.read_text() == told(), "read the new ones, then write them with: python -m tests.protocol.weakenings"
