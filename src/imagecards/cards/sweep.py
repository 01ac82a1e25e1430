"""Sweeps: what says in which folders garbage collection is deleting files."""

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from imagecards.cards.model import RelativePath, Sealed


def _check_folder(folder: str) -> str:
    if not folder.startswith("data/") or folder.count("/") != 3:
        raise ValueError(f"{folder!r} is not the folder of an attempt, data/<space>/<name>/<attempt>")
    return folder


class Sweep(Sealed):
    """What one run of garbage collection is about to delete, for those who copy something into the registry.

    Attributes:
        folders: The attempts' folders that files are deleted in: ``data/<space>/<name>/<attempt>``.
    """

    what: ClassVar[str] = "sweep"

    folders: Annotated[tuple[Annotated[RelativePath, AfterValidator(_check_folder)], ...], Field(min_length=1)]
