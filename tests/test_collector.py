"""The garbage collector rests while blocks run, and is afterwards as it was, whatever happens in them."""

import gc
import os
import threading
from collections.abc import Iterator

import pytest

from imagecards.collector import collector_at_rest


@pytest.fixture(autouse=True)
def _enabled() -> Iterator[None]:
    gc.enable()
    yield
    gc.enable()


def test_it_rests_within_and_is_awake_behind() -> None:
    with collector_at_rest():
        assert not gc.isenabled()
        with collector_at_rest():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_an_error_wakes_it() -> None:
    with pytest.raises(KeyError), collector_at_rest():
        raise KeyError
    assert gc.isenabled()


def test_one_that_was_disabled_stays_so() -> None:
    gc.disable()
    with collector_at_rest():
        pass
    assert not gc.isenabled()


def test_functions_can_rest_as_a_whole() -> None:
    @collector_at_rest()
    def awake(deeper: bool) -> list[bool]:
        return [gc.isenabled(), *(awake(False) if deeper else ())]

    assert awake(True) == [False, False]
    assert awake(False) == [False]
    assert gc.isenabled()


def test_the_last_thread_to_end_wakes_it() -> None:
    entered, leave = threading.Event(), threading.Event()

    def rest() -> None:
        with collector_at_rest():
            entered.set()
            leave.wait(30)

    thread = threading.Thread(target=rest)
    with collector_at_rest():
        thread.start()
        assert entered.wait(30)
    awake_while_the_other_rests = gc.isenabled()
    leave.set()
    thread.join()
    assert not awake_while_the_other_rests
    assert gc.isenabled()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system doesn't fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_processes_are_awake() -> None:
    with collector_at_rest():
        child = os.fork()
        if not child:
            awake = gc.isenabled()
            with collector_at_rest():
                awake = awake and not gc.isenabled()
            os._exit(int(not (awake and gc.isenabled())))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert not gc.isenabled()
    assert gc.isenabled()
