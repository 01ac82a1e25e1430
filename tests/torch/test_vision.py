"""Torchvision's tensors, where it is installed. No wheel of it fits a torch without CUDA, so this is a stand-in.

It has what is documented of ``torchvision.tv_tensors``, and refuses what that could not be meant by. The module of
torchvision 0.28 itself, loaded without the rest of its package, took the same.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.formats.hdf5.drawn import labelled

import imagecards as ic
from imagecards.formats.hdf5 import Examples, Recipe, write_examples

torch = pytest.importorskip("torch", reason="torch is not installed: it is where Python is 3.11")

from imagecards.torch import Loader, MapDataset  # noqa: E402 - not before torch
from imagecards.torch.vision import tv_tensors  # noqa: E402 - not before torch


class Theirs(torch.Tensor):  # type: ignore[name-defined]  # torch's class
    """What is made of one is a plain tensor, unless it is a copy."""

    @classmethod
    def __torch_function__(cls, called: Any, types: Any, args: Any = (), options: Any = None) -> Any:
        with torch._C.DisableTorchFunctionSubclass():
            made = called(*args, **options or {})
        if called in (torch.Tensor.clone, torch.Tensor.detach) and isinstance(args[0], cls):
            return made.as_subclass(cls)
        return made.as_subclass(torch.Tensor) if isinstance(made, cls) else made


class Image(Theirs):
    """Shape (..., channels, height, width)."""

    def __new__(cls, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: Any = None) -> Any:
        assert data.ndim >= 3
        return torch.Tensor._make_subclass(cls, data)


class Mask(Image):
    """Shape (..., height, width)."""


class BoundingBoxes(Theirs):
    """Shape (n, 4); ``canvas_size`` is height and width."""

    format: str
    canvas_size: tuple[int, int]

    def __new__(cls, data: Any, *, format: str, canvas_size: tuple[int, int], dtype: Any = None) -> Any:
        assert data.shape[1:] == (4,)
        assert format in ("XYXY", "XYWH", "CXCYWH")
        made = torch.Tensor._make_subclass(cls, data)
        made.format, made.canvas_size = format, canvas_size
        return made


THEIRS: list[Any] = [Image, BoundingBoxes, Mask]


@pytest.fixture(params=["there", "not there", "of another torch"])
def vision(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[bool]:
    """Whether it is there."""
    there = request.param == "there"
    module = ModuleType("torchvision.tv_tensors")
    for kind in THEIRS:
        setattr(module, kind.__name__, kind)
    monkeypatch.setitem(sys.modules, "torchvision", ModuleType("torchvision") if there else None)
    monkeypatch.setitem(sys.modules, "torchvision.tv_tensors", module if there else None)
    if request.param == "of another torch":
        monkeypatch.setattr("imagecards.torch.vision.import_module", unfit)
    tv_tensors.cache_clear()
    yield there
    tv_tensors.cache_clear()


def unfit(name: str) -> Any:
    raise RuntimeError("operator torchvision::nms does not exist")


def is_inside(image: Any, boxes: Any) -> bool:
    height, width = boxes.canvas_size if isinstance(boxes, BoundingBoxes) else image.shape[-2:]
    plain = boxes.as_subclass(torch.Tensor)
    ordered = (plain[:, :2] < plain[:, 2:]).all()
    return bool(ordered and (plain[:, 2] <= width).all() and (plain[:, 3] <= height).all())


def test_images_boxes_and_masks_are_its_tensors(vision: bool, make_folder: Any) -> None:
    outline = [[1, 1, 4, 1, 4, 3, 1, 3]]
    one = {"bbox": [[1, 1, 6, 2]], "categories": ["b"], "segmentation": [outline]}
    folder = make_folder({"a.png": {"objects": one}, "b.png": {"caption": "none"}})
    seen: list[Any] = []

    def look(image: Any, target: dict[str, Any]) -> Any:
        seen.append((type(image), type(target["boxes"]), type(target["masks"]), type(target["labels"])))
        assert is_inside(image, target["boxes"])
        return image, target

    dataset = MapDataset(ic.ImageDataset(image_dir=folder), masks=True, colour="grey", transform=look)
    image, target = dataset[0]
    assert target["boxes"].tolist() == [[1, 1, 7, 3]]
    assert image.shape == (1, 6, 8)
    assert target["masks"].shape == (1, 6, 8)
    assert dataset[1][1]["boxes"].shape == (0, 4)
    plain = torch.Tensor
    assert set(seen) == {(Image, BoundingBoxes, Mask, plain) if vision else (plain, plain, plain, plain)}
    if vision:
        assert (target["boxes"].format, target["boxes"].canvas_size) == ("XYXY", (6, 8))
    images, targets = next(iter(Loader(dataset, 2)))
    assert (images.shape, len(targets)) == ((2, 1, 6, 8), 2)


def test_so_are_those_of_hdf5(vision: bool, tmp_path: Path) -> None:
    write_examples(labelled(), tmp_path / "boxes", Recipe(label="boxes"))
    write_examples(labelled(), tmp_path / "masks", Recipe(label="binary"))
    image, target = MapDataset(Examples(tmp_path / "boxes"))[1]
    assert is_inside(image, target["boxes"])
    mask = MapDataset(Examples(tmp_path / "masks"))[1][1]["label"]
    assert [type(each) for each in (image, target["boxes"], mask)] == (THEIRS if vision else [torch.Tensor] * 3)
    assert not vision or (target["boxes"].format, target["boxes"].canvas_size) == ("XYXY", (12, 20))


def test_so_are_those_that_a_worker_sends(vision: bool, flakes: ic.ImageDataset) -> None:
    options: dict[str, Any] = {"num_workers": 1, "multiprocessing_context": "fork", "timeout": 60}
    for (images, targets), (others, expected) in zip(
        Loader(MapDataset(flakes), 4, **options), Loader(MapDataset(flakes), 4), strict=True
    ):
        assert type(images) is type(others) is torch.Tensor
        assert torch.equal(images, others)
        for target, other in zip(targets, expected, strict=True):
            assert type(target["boxes"]) is type(other["boxes"]) is (BoundingBoxes if vision else torch.Tensor)
            assert target["boxes"].tolist() == other["boxes"].tolist()
