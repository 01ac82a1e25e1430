"""Artifacts: files and folders that are kept beside a card."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from imagecards.cards import Artifact, ArtifactFile, AttachedArtifact, DataCard, Written, check_label
from imagecards.destination import new_folder
from imagecards.errors import (
    AlreadyExistsError,
    FormatError,
    ImageCardsError,
    IntegrityError,
    InvalidInputError,
    NotFoundError,
    StorageError,
    retold,
)
from imagecards.registry import keys
from imagecards.registry.attempt import Attempt, attempting
from imagecards.registry.files import read_chunks, read_file
from imagecards.registry.plain_files import check_paths, kind_of, read_pieces, walk_files
from imagecards.storage import Store
from imagecards.storage.shards import ShardWriter

ANNOTATIONS = "annotations"
"""The artifact that keeps the files which annotations were read from, where they were not metadata.jsonl."""

_MOST_BESIDE = 16


class StoredArtifact:
    """An artifact of a registered version, to be read.

    Attributes:
        name: What it was attached as.
        artifact: Its files, with sizes and digests.
    """

    def __init__(self, store: Store, name: str, artifact: Artifact) -> None:
        self.name = name
        self.artifact = artifact
        self._store = store

    @property
    def files(self) -> list[str]:
        """The paths of its files, relative to the artifact; a single file has its own name."""
        return [file.path for file in self.artifact.files]

    def read(self, path: str | None = None) -> bytes:
        """The bytes of one file, checked against their digest.

        Args:
            path: Which; may be left out where there is one file.

        Raises:
            NotFoundError: The artifact has no such file.
            IntegrityError: The bytes are not those that were attached.
        """
        chosen = [file for file in self.artifact.files if path is None or file.path == path]
        if len(chosen) != 1:
            asked = "has several files" if path is None else f"has no file {path!r}"
            raise NotFoundError(f"the artifact {self.name} {asked}; it has {', '.join(self.files[:10])}")
        return read_file(self._store, chosen[0].stored)

    def fetch(self, to: str | os.PathLike[str]) -> Path:
        """Write its files into a new folder, which appears whole or not at all.

        Args:
            to: The folder; it must not exist, or be empty. An artifact that is one file is written into it, too.

        Raises:
            AlreadyExistsError: Something is there already.
            InvalidInputError: The folder is the current one, or one that the current one lies in.
            IntegrityError: The bytes are not those that were attached.
            StorageError: The folder can't be written.
        """
        with new_folder(to) as write:
            for file in self.artifact.files:
                write(file.path, read_chunks(self._store, file.stored))
        return Path(to)


@dataclass(frozen=True)
class FoundArtifact:
    """A file or folder that is to be kept.

    Attributes:
        kind: Which of the two.
        files: Relative path and place of each file, in the order of the paths.
        packed: The name of the tar that holds all of them, where they are kept as one file.
    """

    kind: Literal["file", "folder"]
    files: tuple[tuple[str, Path], ...]
    packed: str | None = None


def find_artifacts(artifacts: Mapping[str, str | os.PathLike[str]]) -> dict[str, FoundArtifact]:
    """See that each artifact has a valid name and is a file or folder, before anything is stored.

    Raises:
        InvalidInputError: A name is not valid, nothing is there, or there is something that can't be kept: a link, a
            special file, a path that is not safe or too long, two paths that some systems can't tell apart.
        StorageError: It can't be read.
    """
    found = {}
    for name, path in artifacts.items():
        check_label(name, "artifact name")
        if not isinstance(path, str | os.PathLike):
            raise InvalidInputError(
                f"the artifact {name} is named by a path, not by {type(path).__name__}: give a path"
            )
        found[name] = _find(name, Path(path))
    return found


def annotation_artifact(files: Mapping[str, str]) -> FoundArtifact:
    """The files that annotations came in, to be kept as they are; a few beside each other, many in one tar.

    Args:
        files: Relative path and place of each.

    Raises:
        InvalidInputError: Two paths that some systems can't tell apart, or one that is too long.
    """
    found = tuple(sorted((relative, Path(place)) for relative, place in files.items()))
    if len(found) > _MOST_BESIDE:  # each file takes a sync, and there may be one for each image
        return FoundArtifact("file", found, packed=f"{ANNOTATIONS}.tar")
    check_paths([relative for relative, _ in found], "the files of the annotations can't be kept")
    return FoundArtifact("folder", found)


def put_artifact(attempt: Attempt, name: str, found: FoundArtifact) -> Artifact:
    """Store the files of an artifact in an attempt's folder."""
    if found.packed is not None:
        members = ((relative, b"".join(read_pieces(place))) for relative, place in found.files)
        stored = attempt.put(f"artifacts/{name}/{found.packed}", ShardWriter().chunks(members))
        return Artifact(kind="file", files=(ArtifactFile(path=found.packed, stored=stored),))
    files = tuple(
        ArtifactFile(path=relative, stored=attempt.put(f"artifacts/{name}/{relative}", read_pieces(place)))
        for relative, place in found.files
    )
    return Artifact(kind=found.kind, files=files)


def attach(
    store: Store, card: DataCard, name: str, path: str | os.PathLike[str], written: Written | None = None
) -> Artifact:
    """Keep a file or folder beside a registered version.

    Args:
        store: The registry's store.
        card: The version.
        name: What to call the artifact.
        path: The file or folder.
        written: How it was made from the version, where this package wrote it.

    Raises:
        AlreadyExistsError: An artifact of that name is there and has other content.
        InvalidInputError: The name or path is not valid.
    """
    found = find_artifacts({name: path})[name]
    there = find_artifact(store, card, name)
    with attempting(store, card.name) as attempt:
        artifact = put_artifact(attempt, name, found).model_copy(update={"written": written})
        if there is None:
            entry = AttachedArtifact(card=card.digest, name=name, artifact=artifact)
            key = f"{keys.attached(card.ref)}{name}.json"
            there = AttachedArtifact.from_json(
                attempt.commit(key, entry.to_json(), ask=f"attach {name} to {card.ref} again"), place=key
            ).artifact
        if there == artifact:
            return artifact
        attempt.abandon()
    if same_content(there, artifact):
        return there
    message = f"{card.ref} has an artifact {name} already, with other content: choose another name; nothing is replaced"
    raise AlreadyExistsError(message)


def all_artifacts(store: Store, card: DataCard) -> dict[str, Artifact]:
    """The artifacts of a version, by name: those of its registration and those attached later.

    Raises:
        IntegrityError: An attached one is damaged or pinned to another card; says which others can be read.
    """
    artifacts, damaged = readable_artifacts(store, card)
    for name, error in damaged.items():
        others = f"; {', '.join(artifacts)} of {card.ref} can be read, each by itself" if artifacts else ""
        raise retold(error, f"the artifact {name} is damaged: {error}{others}")
    return artifacts


def readable_artifacts(store: Store, card: DataCard) -> tuple[dict[str, Artifact], dict[str, ImageCardsError]]:
    """The artifacts of a version that can be read, and what is wrong with each of the others, by name."""
    artifacts = dict(card.artifacts)
    damaged: dict[str, ImageCardsError] = {}
    labels = keys.document_names(store.children(keys.attached(card.ref)))
    for name in keys.valid(partial(check_label, what="artifact name"), labels):
        if name not in artifacts:
            try:
                artifacts[name] = _read_attached(store, card, name)
            except (IntegrityError, FormatError) as error:
                damaged[name] = error
    return dict(sorted(artifacts.items())), damaged


def find_artifact(store: Store, card: DataCard, name: str) -> Artifact | None:
    """One artifact of a version, whatever became of the others; ``None`` where it has none of that name.

    Raises:
        IntegrityError: It is damaged, or pinned to another card.
    """
    if name in card.artifacts:
        return card.artifacts[name]
    there = name in keys.document_names(store.children(keys.attached(card.ref)))
    return _read_attached(store, card, name) if there else None


def _read_attached(store: Store, card: DataCard, name: str) -> Artifact:
    key = f"{keys.attached(card.ref)}{name}.json"
    attached = AttachedArtifact.from_json(store.get(key), place=key)
    attached.check_pin(card.digest, name, place=key)
    return attached.artifact


def open_artifact(store: Store, card: DataCard, name: str) -> StoredArtifact:
    """An artifact of a version, to be read.

    Raises:
        NotFoundError: The version has none of that name.
        IntegrityError: It is damaged, or pinned to another card.
    """
    artifact = find_artifact(store, card, name)
    if artifact is None:
        artifacts, damaged = readable_artifacts(store, card)
        names = sorted([*artifacts, *damaged])
        has = f"it has {', '.join(names)}" if names else "it has none"
        raise NotFoundError(f"{card.ref} has no artifact {name!r}: {has}")
    return StoredArtifact(store, name, artifact)


def same_content(one: Artifact, other: Artifact) -> bool:
    """Whether two artifacts have the same files with the same bytes, wherever those are stored."""
    return _digests(one) == _digests(other)


def _digests(artifact: Artifact) -> list[tuple[str, str]]:
    return [(file.path, file.stored.digest) for file in artifact.files]


def _find(name: str, path: Path) -> FoundArtifact:
    """A file, or the files of a folder; what was named may itself be reached through a link."""
    what = f"the artifact {name} can't be kept"
    try:
        mode = path.stat().st_mode
        place = Path(os.path.realpath(path, strict=True))
    except FileNotFoundError as error:
        message = f"{what}: {path} is neither a file nor a folder, there is nothing; name what is to be kept"
        raise InvalidInputError(message) from error
    except OSError as error:
        raise StorageError(f"{path} can't be read ({error.strerror}): nothing was stored") from error
    if stat.S_ISDIR(mode):
        found = FoundArtifact("folder", tuple(sorted(walk_files(place, what))))
    elif stat.S_ISREG(mode):
        found = FoundArtifact("file", ((path.name, place),))
    else:
        raise InvalidInputError(f"{what}: {path} is {kind_of(mode)}, neither a file nor a folder; name one of these")
    if not found.files:
        raise InvalidInputError(f"{what}: {path} holds no files; put some there, or name another folder")
    check_paths([relative for relative, _ in found.files], what)
    return found
