"""What may be a card is never taken out: nobody loses one to what killed registrations left."""

from typing import Any

import pytest
from tests.conftest import MakeFolder
from tests.opsml import damaging, doing, plain
from tests.opsml.servers import Ended, Mode

from imagecards.errors import ImageCardsError, StorageError
from imagecards.opsml import host
from imagecards.opsml.claims import is_claim
from imagecards.opsml.soundness import state_of

pytest.importorskip("opsml")


def test_what_a_killed_registration_left_is_known_in_each_mode(mode: Mode, make_folder: MakeFolder) -> None:
    images = str(make_folder(1))
    with pytest.raises(Ended, match="ended with 9"):
        mode.run(doing.die_while_registering, images)
    assert mode.run(_states, images) == {"claim": "unknown", "0.1.0": "unfinished", "0.2.0": "whole"}


def _states(images: str) -> dict[str, str]:
    doing.register(images, embed=True)
    return {"claim" if is_claim(row) else row.version: state_of(row) for row in host.rows()}


def test_cards_of_others_outlive_a_dead_claim_on_their_version(sqlite: Mode, make_folder: MakeFolder) -> None:
    sqlite.run(_others, str(make_folder(1)))


def _others(images: str) -> None:
    """Somebody was killed before there was a row, and the version was taken by opsml's own ways."""
    doing.register(images)
    doing.claim("0.2.0")
    ((version, uid),) = plain.register("cats")
    assert version == "0.2.0"
    doing.age(2)
    assert doing.register(images)[0] == "0.3.0"
    assert damaging.files_of(uid, {"data.txt": "hello"}) == ["data.txt"]
    assert doing.listed() == [("lab", "cats", f"0.{minor}.0") for minor in (1, 2, 3)], "the claim is gone"


def test_a_younger_card_outlives_a_dead_claim_on_its_version(sqlite: Mode, make_folder: MakeFolder) -> None:
    sqlite.run(_younger, str(make_folder(1)))


def _younger(images: str) -> None:
    """One that is being written by opsml's own ways just now."""
    doing.claim("0.1.0")
    doing.age(2)
    doing.orphan({"space": "lab", "name": "cats", "tags": ["imagecards"]})
    assert doing.register(images)[0] == "0.2.0"
    assert doing.listed() == [("lab", "cats", "0.1.0"), ("lab", "cats", "0.2.0")]


@pytest.mark.parametrize("said", ["No space left on device (os error 28)", "Failed to decrypt file: aead::Error"])
def test_a_card_that_can_not_be_looked_at_stays(sqlite: Mode, make_folder: MakeFolder, said: str) -> None:
    sqlite.run(_unreadable, str(make_folder(1)), said)


def _unreadable(images: str, said: str) -> None:
    doing.register(images)
    doing.claim("0.1.0")
    doing.age(2)
    download = host.download

    def fail(*_: Any) -> None:
        raise StorageError(said)

    host.__dict__["download"] = fail
    assert doing.register(images)[0] == "0.2.0"
    with pytest.raises(ImageCardsError, match="No space left" if "space" in said else "was finished: try later"):
        doing.opened(version="^0.1")
    host.__dict__["download"] = download
    assert [version for _, _, version in doing.listed()] == ["0.1.0", "0.2.0", "0.1.0"], "the claim stays, too"
    assert doing.opened(version="0.1.0")["names"] == ("000.png",)
