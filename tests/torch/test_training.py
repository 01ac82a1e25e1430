"""A small model learns from a card, and leaves its trace there."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import imagecards as ic
from imagecards.records import ImageMetadata

torch = pytest.importorskip("torch", reason="torch is not installed: it is where Python is 3.11")

from imagecards.torch import Loader, MapDataset  # noqa: E402 - not before torch

nn = torch.nn


class SmallUNet(torch.nn.Module):  # type: ignore[name-defined]  # torch's class
    """One level down and up again, with a way across."""

    def __init__(self) -> None:
        super().__init__()
        self.before = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU())
        self.below = nn.Sequential(
            nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.Upsample(scale_factor=2)
        )
        self.after = nn.Conv2d(24, 1, 3, padding=1)

    def forward(self, images: Any) -> Any:
        across = self.before(images)
        return self.after(torch.cat([across, self.below(across)], dim=1))


def steel(folder: Path, count: int) -> ic.ImageDataset:
    """Dark plates with a bright defect, whose outline is known."""
    rng = np.random.default_rng(4)
    records = []
    for number in range(count):
        pixels = rng.normal(60, 8, (32, 48))
        x, y, width, height = (int(value) for value in rng.integers([2, 2, 6, 6], [30, 18, 16, 12]))
        pixels[y : y + height, x : x + width] += 90
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / f"{number:02d}.png")
        outline = [[x, y, x + width, y, x + width, y + height, x, y + height]]
        objects = {"bbox": [[x, y, width, height]], "categories": ["defect"], "segmentation": [outline]}
        records.append(ic.ImageRecord.model_validate({"file_name": f"{number:02d}.png", "objects": objects}))
    return ic.ImageDataset(image_dir=folder, metadata=ImageMetadata(records=records))


def as_pair(image: Any, target: dict[str, Any]) -> tuple[Any, Any]:
    return image.float() / 255, target["masks"].any(dim=0, keepdim=True).float()


def test_a_small_unet_learns_from_a_card_and_the_run_is_recorded(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    registry = ic.CardRegistry(tmp_path / "cards")
    card = registry.register(steel(tmp_path / "images", 24), "steel/plates")

    torch.manual_seed(0)
    torch.set_num_threads(1)
    plates = registry.open(card)
    assert isinstance(plates, ic.ImageDataset)
    record = partial(registry.record_use, card, "model/unet@1", run="run-17")
    dataset = MapDataset(plates, masks=True, colour="grey", transform=as_pair)
    loader = Loader(dataset, 4, shuffle=True, seed=1, on_start=record)
    model, losses = SmallUNet(), []
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    for epoch in range(2):
        loader.set_epoch(epoch)
        total = 0.0
        for images, masks in loader:
            optimiser.zero_grad()
            loss = nn.functional.binary_cross_entropy_with_logits(model(images), masks)
            loss.backward()
            optimiser.step()
            total += loss.item()
        losses.append(total / len(loader))

    assert losses[1] < 0.7 * losses[0]
    (use,) = registry.uses(card)
    assert (use.by, use.metadata["run"]) == ("model/unet@1", "run-17")
    (hit,) = registry.impact("03.png").hits
    assert "model/unet@1" in str(hit)
