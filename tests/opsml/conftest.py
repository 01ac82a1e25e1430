"""Registries of opsml's in each of its modes; its servers are started once for all tests of a worker."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest
from tests.opsml.servers import MODES, Mode, Servers, mode_of

MakeMode = Callable[[str], Mode]


@pytest.fixture(scope="session")
def opsml_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(tmp_path_factory.mktemp("servers"), stack.enter_context)


@pytest.fixture
def make_mode(opsml_servers: Servers, tmp_path: Path) -> Iterator[MakeMode]:
    """``make_mode("sqlite")``: a registry of that mode with nothing in it."""
    pytest.importorskip("opsml", "3.0.0rc16", reason="opsml 3 has no wheel for this machine")
    with ExitStack() as stack:

        def make(name: str) -> Mode:
            made: AbstractContextManager[Mode] = mode_of(name, tmp_path / f"opsml-{name}", opsml_servers)
            return stack.enter_context(made)

        yield make


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest, make_mode: MakeMode) -> Mode:
    """A registry with nothing in it, of each mode in turn."""
    return make_mode(request.param)


@pytest.fixture
def sqlite(make_mode: MakeMode) -> Mode:
    """A registry with nothing in it: SQLite and a folder."""
    return make_mode("sqlite")
