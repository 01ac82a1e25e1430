"""A plan: what a registration would store, before anything is."""

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow.compute as pc

from imagecards.cards import DataCard
from imagecards.datasets import ImageDataset, TableDataset
from imagecards.registry.dataset_survey import Survey
from imagecards.registry.links import check_linked, links_in
from imagecards.registry.pack import Member, group_members
from imagecards.registry.request import Request
from imagecards.registry.shelf import Shelf
from imagecards.storage import Store


@dataclass(frozen=True)
class UploadPlan:
    """What a registration would store.

    Attributes:
        files: How many files.
        size: Their bytes, about; images that were not read yet count as new.
        images: How many images are new, or not known.
        commits: How many commits it takes, where files are committed; else 0.
        warnings: Which limits of the store it comes near to, and what to do.
    """

    files: int
    size: int
    images: int
    commits: int
    warnings: tuple[str, ...]


def plan_upload(
    store: Store, data: ImageDataset | TableDataset, request: Request, lenders: Iterable[DataCard], *, copy: bool
) -> UploadPlan:
    """Find out what would be stored; images are not read.

    Args:
        store: The registry's store.
        data: What is to be registered.
        request: What is to be said of it.
        lenders: The cards whose images need not be stored again.
        copy: Whether images behind URLs are to be stored, too.

    Raises:
        InvalidMetadataError: The dataset breaks rules that can be seen without its images.
        InvalidInputError: Images are not to be stored, and one lies where a card can't name it.
    """
    kept = [path.stat().st_size for found in request.artifacts.values() for _, path in found.files]
    folders = [1 if found.packed else len(found.files) for found in request.artifacts.values()]
    if isinstance(data, TableDataset):
        return _plan(store, 1, len(data.to_bytes()) + sum(kept), 0, folders)
    survey = Survey.of(data, data.scan() if data.image_dir is not None else None)
    stored = Shelf(store, lenders).digests()
    settled = pc.is_in(survey.facts["sha256"], value_set=stored).to_pylist()
    names = survey.facts["file_name"].to_pylist()
    if not copy:
        links = links_in(data.source, names)
        check_linked(survey.facts, stored, links)
        settled = [done or link is not None for done, link in zip(settled, links, strict=True)]
    new = [Member(name, size) for name, size, done in zip(names, survey.sizes, settled, strict=True) if not done]
    files = len(group_members(new)) + 1 + bool(data.splits) + bool(data.attributes) + len(survey.documents)
    return _plan(store, files, sum(member.size for member in new) + sum(kept), len(new), folders)


def _plan(store: Store, files: int, size: int, images: int, folders: list[int]) -> UploadPlan:
    files += sum(folders)
    commits = -(-files // store.batch_size) + 1 if store.batch_size else 0
    return UploadPlan(files, size, images, commits, store.limits(files, max(folders, default=0)))
