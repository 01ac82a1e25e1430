"""Datasets of records whose images nobody reads."""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from imagecards import ImageDataset, ImageMetadata
from imagecards.errors import NotFoundError


class Images:
    """Image files in memory."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files

    def read(self, name: str) -> bytes:
        if name not in self.files:
            raise NotFoundError(name)
        return self.files[name]

    def read_many(self, names: Sequence[str]) -> Iterator[bytes]:
        return map(self.read, names)

    def close(self) -> None:
        pass


def dataset_of(
    records: Iterable[Mapping[str, Any]],
    splits: Mapping[str, Sequence[str]] | None = None,
    files: Mapping[str, bytes] | None = None,
) -> ImageDataset:
    """A dataset of records, as lines of metadata.jsonl have them."""
    table = ImageMetadata(records=list(records)).table  # type: ignore[arg-type]
    return ImageDataset.from_source(Images(files or {}), table, splits)


def labelled(labels: Mapping[str, Sequence[str | int]], **fields: Mapping[str, Any]) -> ImageDataset:
    """A dataset whose images have objects of these classes, and further fields by image."""
    return dataset_of(
        {
            "file_name": name,
            "objects": {"bbox": [[0, 0, 1, 1]] * len(classes), "categories": list(classes)},
            **{field: values[name] for field, values in fields.items() if name in values},
        }
        for name, classes in labels.items()
    )


XAMI = {"central-ring": (668, 668), "read-out-streak": (651, 2799), "smoke-ring": (576, 1669), "star-loop": (702, 1844)}


def xami(seed: int = 4) -> dict[str, list[str]]:
    """Classes of 1,055 images as the XAMI dataset has them.

    7,021 objects of five classes in 25 label sets: 55 images have none, and the rarest class is in 21 images. The file
    names begin with an observation, of which there are fewer than images.
    """
    rng = random.Random(seed)
    count = 1055
    while True:
        have: list[dict[str, int]] = [{} for _ in range(count)]
        for name, (images, objects) in XAMI.items():
            inside = rng.sample(range(55, count), images)
            for image in inside:
                have[image][name] = 1
            for image in rng.choices(inside, k=objects - images):
                have[image][name] += 1
        bare = [image for image in range(55, count) if not have[image]]
        rare = (bare + rng.sample([image for image in range(55, count) if have[image]], 21))[:21]
        for image in rare:
            have[image]["other"] = 1
        for image in rng.choices(rare, k=20):
            have[image]["other"] += 1
        if len(bare) <= 21:
            break
    filters = [f"S{observation:010d}_{letter}" for observation in range(600) for letter in "UBL"]
    names = [f"{name}_png.rf.{number:032x}.jpg" for number, name in enumerate(sorted(rng.sample(filters, count)))]
    rng.shuffle(have)
    return {
        name: [label for label, times in counts.items() for _ in range(times)]
        for name, counts in zip(names, have, strict=True)
    }


@pytest.fixture(scope="session")
def xami_dataset() -> ImageDataset:
    return labelled(xami())
