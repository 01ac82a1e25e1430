"""Writers of one name who meet again and again: each steps aside for a moment, where a try takes requests."""

from collections.abc import Iterable

import numpy as np
import pytest

from imagecards import CardRegistry
from imagecards.storage import MemoryStore


class Crowded(MemoryStore):
    """Somebody else is first with the next version, five times.

    Attributes:
        rivals: What the others have registered.
    """

    def __init__(self, *, remote: bool) -> None:
        super().__init__()
        self.remote = remote
        self.rivals: list[int] = []
        self._quiet = True

    def begin(self) -> None:
        self._quiet = False

    def put_if_absent(self, key: str, body: Iterable[bytes]) -> bool:
        if key.startswith("cards/") and not self._quiet and len(self.rivals) < 5:
            self._quiet = True
            self.rivals.append(len(self.rivals) + 1)
            CardRegistry(self).register(np.array(self.rivals), "a/b", bump="minor")
            self._quiet = False
        return super().put_if_absent(key, body)


@pytest.mark.parametrize("remote", [True, False])
def test_who_lost_waits_longer_each_time(remote: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Crowded(remote=remote)
    registry = CardRegistry(store)
    registry.register(np.array([0]), "a/b")
    waited: list[float] = []
    monkeypatch.setattr("imagecards.registry.publish.random.uniform", lambda least, most: most)
    monkeypatch.setattr("imagecards.registry.publish.time.sleep", waited.append)
    store.begin()
    card = registry.register(np.array([99]), "a/b", bump="minor")
    assert str(card.version) == "1.6.0"
    assert waited == ([0.2, 0.4, 0.8, 1.0, 1.0] if remote else [])
