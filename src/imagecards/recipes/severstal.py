"""Severstal's steel: from the CSV and the photographs to examples of one class of defect, split in two."""

import os
from collections.abc import Sequence
from concurrent.futures import Executor
from fractions import Fraction
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import pyarrow as pa
import pyarrow.compute as pc

from imagecards.datasets import ImageDataset, replaced
from imagecards.errors import InvalidInputError
from imagecards.formats import LossReport, read
from imagecards.formats.documents import read_text
from imagecards.formats.hdf5 import Recipe, write_examples
from imagecards.formats.severstal.rows import parse_rows, read_header
from imagecards.records import printable
from imagecards.splits import Holdout
from imagecards.transforms import Binarise

Order: TypeAlias = Literal["first", "stratified"]
"""``first``: the first rows of the CSV are the training part. ``stratified``: drawn by a seed, by class."""

TRAIN, EVAL = "train_input", "eval_input"

DEFAULT = Recipe(layout="examples", label="binary", image_shape=(256, 256), colour="grey", masks="upstream", files=10)
"""What the original converter makes, but with balanced files."""


def read_class(
    csv: str | os.PathLike[str],
    images: str | os.PathLike[str],
    class_id: int,
    *,
    split: float = 0.85,
    order: Order = "first",
    seed: int = 0,
    negatives: bool = False,
    executor: Executor | None = None,
) -> ImageDataset:
    """Read the images that have one class of defect, as a dataset with the splits ``train_input`` and ``eval_input``.

    Args:
        csv: The file of masks, in either of Kaggle's variants.
        images: The folder of the images.
        class_id: The class; all others are background.
        split: The share of the training part; of images without defects, too.
        order: How the parts are made. By ``first`` they are the first rows of the class, rounded down, and the rest;
            images without defects are taken by name.
        seed: For ``stratified``: another one gives other parts.
        negatives: Whether images without any defect are there, too.
        executor: Where to read the sizes of images.

    Raises:
        InvalidInputError: There is no such order or class, or a part would have no images.
        InvalidMetadataError: The CSV breaks rules; ``.issues`` has all of it.
        NotFoundError: There is no such file or folder.
    """
    if order not in get_args(Order):
        raise InvalidInputError(f"order is one of {', '.join(get_args(Order))}, not {order!r:.60}")
    if type(class_id) is not int or class_id < 1:
        raise InvalidInputError(f"a class is a whole number from 1 on, not {class_id!r:.60}")
    if not 0 < split < 1:
        raise InvalidInputError(f"split is the share of the training part, between 0 and 1, not {split!r:.60}")
    whole = read(csv, "severstal", images=images, executor=executor, classes=max(4, class_id)).dataset
    wanted = [name for name in dict.fromkeys(_rows_of(Path(csv), class_id)) if name in set(whole.names)]
    if not wanted:
        raise InvalidInputError(f"no image of {printable(str(csv))} has the class {class_id}: see its rows")
    clean = _without_defects(whole) if negatives else []
    places = pc.index_in(pa.array([*wanted, *clean], pa.string()), whole.table["file_name"])
    chosen = replaced(whole, table=whole.table.take(places), splits={})
    dataset = Binarise(positive=str(class_id)).apply(chosen)
    share = Fraction(repr(split))
    if order == "stratified":
        shares = {TRAIN: share.numerator, EVAL: share.denominator - share.numerator}
        return Holdout(shares=shares, seed=seed).apply(dataset)
    parts = [_cut(names, share) for names in (wanted, clean)]
    splits = {TRAIN: [*parts[0][0], *parts[1][0]], EVAL: [*parts[0][1], *parts[1][1]]}
    for name, members in splits.items():
        if not members:
            count = len(dataset)
            raise InvalidInputError(f"{name} would have none of the {count:,} images: choose another split")
    return replaced(dataset, splits=splits)


def prepare(
    csv: str | os.PathLike[str],
    images: str | os.PathLike[str],
    out: str | os.PathLike[str],
    class_id: int,
    recipe: Recipe = DEFAULT,
    *,
    split: float = 0.85,
    order: Order = "first",
    seed: int = 0,
    negatives: bool = False,
    executor: Executor | None = None,
) -> LossReport:
    """Write the examples of one class of defect: ``out/train_input``, ``out/eval_input``, and what is said of them.

    Interrupted, the same call goes on; see `imagecards.formats.hdf5.write_examples`.

    Args:
        csv: The file of masks.
        images: The folder of the images.
        out: A new folder.
        class_id: The class.
        recipe: How images become examples.
        split: See `read_class`, as all below.
        order: How the parts are made.
        seed: What they are drawn by.
        negatives: Whether images without any defect are there, too.
        executor: Where to do it.

    Returns:
        What the examples do not say of the dataset.
    """
    dataset = read_class(
        csv, images, class_id, split=split, order=order, seed=seed, negatives=negatives, executor=executor
    )
    return write_examples(dataset, out, recipe, executor=executor)


def _rows_of(csv: Path, class_id: int) -> list[str]:
    """The images of a class in the order of its rows."""
    text = read_text(csv)
    rows = parse_rows(text, read_header(text, csv), lambda *issue: None)  # what is wrong was told when it was read
    return [row.image for row in rows if row.category == class_id and row.pixels]


def _without_defects(dataset: ImageDataset) -> list[str]:
    counts = pc.list_value_length(dataset.table["objects"])
    names: list[str] = dataset.table.filter(pc.equal(counts, 0))["file_name"].to_pylist()
    return sorted(names)


def _cut(names: Sequence[str], share: Fraction) -> tuple[Sequence[str], Sequence[str]]:
    first = int(share * len(names))
    return names[:first], names[first:]
