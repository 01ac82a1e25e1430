"""What is taken out of opsml after a registration is the own row, and no other."""

from types import SimpleNamespace
from typing import Any

import pytest

from imagecards.errors import StorageError
from imagecards.opsml import host

pytest.importorskip("opsml")


@pytest.mark.parametrize(
    ("before", "state", "deleted"),
    [
        ([], "unfinished", ["row"]),
        ([], "undecipherable", ["row"]),
        ([], "whole", []),  # opsml failed when all was written
        (["row"], "unfinished", []),  # somebody who registers by opsml's own ways just now
    ],
)
def test_a_row_is_taken_out_if_it_is_new_and_no_card(
    monkeypatch: pytest.MonkeyPatch, before: list[str], state: str, deleted: list[str]
) -> None:
    from imagecards.opsml import registering

    taken_out: list[str] = []
    answers = iter([before, ["row"]])

    def fail(*_: Any, **__: Any) -> Any:
        raise StorageError("it panicked")

    def rows(**_: Any) -> list[Any]:
        return [SimpleNamespace(uid=uid, version="0.2.0", tags=("imagecards",)) for uid in next(answers)]

    monkeypatch.setattr(host, "rows", rows)
    monkeypatch.setattr(host, "register_card", fail)
    monkeypatch.setattr(host, "delete", lambda row: taken_out.append(row.uid))
    monkeypatch.setattr(registering, "state_of", lambda _: state)
    interface: Any = SimpleNamespace(failure=None)
    with pytest.raises(StorageError, match="it panicked"):
        registering._register(interface, "lab", "cats", "0.2.0", ["imagecards"])
    assert taken_out == deleted


@pytest.mark.parametrize(("listed", "deleted"), [("own", ["own"]), ("another's", [])])
def test_a_card_under_another_version_is_taken_out_if_it_is_the_own_one(
    monkeypatch: pytest.MonkeyPatch, listed: str, deleted: list[str]
) -> None:
    from imagecards.opsml import registering

    taken_out: list[str] = []
    answers = iter([[], [SimpleNamespace(uid=listed, version="0.3.0")]])

    def lost(*_: Any, **__: Any) -> Any:
        raise StorageError("no such card")

    monkeypatch.setattr(host, "rows", lambda **_: next(answers))
    monkeypatch.setattr(host, "register_card", lambda *_, **__: SimpleNamespace(uid="own", version="0.3.0"))
    monkeypatch.setattr(host, "delete", lambda row: taken_out.append(row.uid))
    monkeypatch.setattr(host, "load_card", lost)
    interface: Any = SimpleNamespace(failure=None)
    try:
        assert (
            registering._register(
                interface,
                "lab",
                "cats",
                "0.2.0",
                ["imagecards"],
            )
            is None
        )
    except StorageError:
        assert not deleted, "the own card is not there any more, and that is told"
    assert taken_out == deleted
