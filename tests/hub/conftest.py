"""A Hub in memory, behind the proxy that counts requests and lets them go wrong."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from tests.hub.large_files import TOKEN
from tests.hub.origin import HubInMemory
from tests.s3.proxy import Proxy, before

from imagecards.storage import bucket as requests

pytest.register_assert_rewrite("imagecards.testing.store_contract")

REPO = "owner/repo"


@pytest.fixture
def hub() -> HubInMemory:
    return HubInMemory()


@pytest.fixture
def proxy(hub: HubInMemory) -> Iterator[Proxy]:
    with before(hub) as running:
        yield running


@pytest.fixture(autouse=True)
def _own_hub(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's own is used, and nobody waits long before trying again."""
    if "TestRealHubStore" in request.node.nodeid:
        return
    proxy: Proxy = request.getfixturevalue("proxy")
    tmp_path_factory: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    import huggingface_hub.utils._http as client
    from huggingface_hub import constants

    monkeypatch.setenv("HF_ENDPOINT", proxy.address)
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_HOME", str(tmp_path_factory.mktemp("hf")))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    monkeypatch.setattr(requests, "PAUSES", (0.01, 0.01, 0.02, 0.02))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path_factory.mktemp("hf") / "none"))
    clock: Any = SimpleNamespace(sleep=lambda seconds: None)
    monkeypatch.setattr(client, "time", clock)
