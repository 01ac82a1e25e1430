"""Image files for tests."""

from pathlib import Path

from PIL import Image


def draw_image(place: Path, width: int = 20, height: int = 10) -> Path:
    """Write a blank image."""
    place.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height)).save(place)
    return place
