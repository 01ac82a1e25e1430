"""What tests of training loops lean on."""

from importlib.util import find_spec
from pathlib import Path

import pytest

import imagecards as ic
from imagecards.testing.flakes import make_flakes


@pytest.fixture(scope="session")
def flakes(tmp_path_factory: pytest.TempPathFactory) -> ic.ImageDataset:
    """23 small images in a registry, opened."""
    if find_spec("torch") is None:
        pytest.skip("torch is not installed: it is where Python is 3.11")
    place: Path = tmp_path_factory.mktemp("flakes")
    made = make_flakes(place, 23, width=48, height=32)
    registry = ic.CardRegistry(place / "cards")
    registry.register(ic.ImageDataset(image_dir=made.images), "vision/flakes")
    opened = registry.open("vision/flakes")
    assert isinstance(opened, ic.ImageDataset)
    return opened
