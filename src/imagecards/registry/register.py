"""Registering: from data to a new version, complete or not at all."""

import logging
import os
import uuid
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from imagecards.cards import CardRef, DataCard, Origin, RegistryMarker
from imagecards.credentials import hide_credentials
from imagecards.datasets import FolderMemo, ImageDataset, TableDataset
from imagecards.datasets.source import origins_of
from imagecards.datasets.zips import ZipSource
from imagecards.errors import (
    CommitUnknownError,
    ImageCardsError,
    InvalidInputError,
    NotFoundError,
    VersionConflictError,
)
from imagecards.records import Report, attribute_issues
from imagecards.registry import keys, lookup
from imagecards.registry.artifacts import ANNOTATIONS, annotation_artifact
from imagecards.registry.attempt import Attempt, attempting
from imagecards.registry.commit import commit
from imagecards.registry.dataset_survey import Survey
from imagecards.registry.files import lost_file
from imagecards.registry.image_content import pack_images
from imagecards.registry.known import versions_behind
from imagecards.registry.links import NO_PLACE, Links, check_linked, links_in, recall
from imagecards.registry.plan import UploadPlan, plan_upload
from imagecards.registry.probe import check_exclusive
from imagecards.registry.publish import LenderWithdrawnError, publish, read_unless_damaged
from imagecards.registry.request import Request
from imagecards.registry.shelf import Shelf
from imagecards.registry.tables import TableContent
from imagecards.registry.tags import append_tags
from imagecards.registry.version_content import Content, SameContent, content_of
from imagecards.storage import Store

_log = logging.getLogger("imagecards")
_LOST_AND_FOUND = "lost+found"  # what a new file system has at its root
_TRIES = 3
_LENDERS = 4  # versions of a name whose records are searched for images; each is one read

Prepare = Callable[[Attempt, Request, DataCard | None], Content]


def register(
    store: Store,
    data: object,
    request: Request,
    executor: Executor | None,
    *,
    reread: bool = False,
    copy: bool | None = True,
    allow_unsafe_store: bool = False,
    private: bool = True,
) -> DataCard:
    """Register data as `imagecards.CardRegistry.register` says, and tag the version.

    With ``copy=None``, images that versions name where they lie stay there, and all others are stored.

    Raises:
        ImageCardsError: See there.
    """
    if copy is False:
        _check_linkable(data)
    if isinstance(data, ImageDataset):
        prepare = _prepare_images(store, data, executor, reread=reread, copy=copy)
        if origins := _origins(data):
            request = replace(request, circumstances={**request.circumstances, "origins": origins})
        request = _with_annotation_files(request, data)
    else:
        prepare = _prepare_table(data)
    ensure_registry(store, allow_unsafe_store=allow_unsafe_store, private=private)
    for remaining in reversed(range(_TRIES)):
        previous = _previous(store, request)
        try:
            with attempting(store, request.name) as attempt:
                card = publish(attempt, prepare(attempt, request, previous), request, previous)
            if card.attempt == attempt.id:
                label_version(store, card)
            break
        except LenderWithdrawnError:
            if not remaining:
                raise
    try:
        append_tags(store, card.name, request.tags, card.version, done=f"{card.ref} is registered")
    except CommitUnknownError as error:  # whoever resolves the attempt finds the card, which is there
        raise CommitUnknownError(str(error), card.attempt, error.visible) from error
    return card


def _prepare_images(
    store: Store, dataset: ImageDataset, executor: Executor | None, *, reread: bool, copy: bool | None
) -> Prepare:
    Report(attribute_issues(dataset.attributes)).raise_errors()
    scan = memo = remembered = None
    if dataset.image_dir is not None:
        _refuse_inside(store, dataset.image_dir)
        scan = dataset.scan()
        named = dataset.metadata_file
        if named == "" or named in {file.name for file in scan.files}:
            memo = FolderMemo(dataset.image_dir, named)
            remembered = None if reread else memo.recall(scan)
    survey = Survey.of(dataset, scan, reread=reread) if remembered is None else None

    def prepare(attempt: Attempt, request: Request, previous: DataCard | None) -> Content:
        outcome = None if previous is None or previous.summary.linked else "\n".join(content_of(previous))
        if previous is not None and remembered is not None and remembered == outcome:
            if lost_file(attempt.store, previous) is None:
                return SameContent(previous)
            _log.warning("files of %s are missing or truncated: its data are stored again", previous.ref)
        found = survey or Survey.of(dataset, scan)
        lenders = _lenders(attempt.store, request, previous, dataset)
        shelf = Shelf(attempt.store, lenders)
        links: Links | None = None
        if not copy:
            links = links_in(dataset.source, found.records["file_name"].to_pylist())
            if not reread:
                found, links = _recalled(attempt.store, found, lenders, links)
            if copy is False:
                check_linked(found.facts, shelf.digests(), links)
        content = pack_images(attempt, found, shelf, executor, links)
        if memo is not None and scan is not None:
            memo.remember(scan, content.outcome)
        return content

    return prepare


def _recalled(store: Store, survey: Survey, lenders: list[DataCard], links: Links) -> tuple[Survey, Links]:
    """What is known of linked images from versions that link the same objects."""
    facts, links = recall(store, lenders, links)
    columns = [
        survey.facts["file_name"] if name == "file_name" else pc.coalesce(survey.facts[name], facts[name])
        for name in survey.facts.column_names
    ]
    return replace(survey, facts=pa.table(columns, schema=survey.facts.schema)), links


def _with_annotation_files(request: Request, data: ImageDataset) -> Request:
    """A request that keeps the files, too, that the annotations were read from."""
    if not data.annotation_files:
        return request
    kept = {ANNOTATIONS: annotation_artifact(data.annotation_files)}
    return replace(request, artifacts={**kept, **request.artifacts})


def _check_linkable(data: object) -> None:
    """See that data may be registered with ``copy=False``, as far as can be seen at once.

    Raises:
        InvalidInputError: They may not.
    """
    if not isinstance(data, ImageDataset):
        raise InvalidInputError("a table is always stored: leave copy=False out")
    if data.image_dir is not None:
        raise InvalidInputError(NO_PLACE.format(f"the folder {data.image_dir}"))
    if isinstance(data.source, ZipSource):
        message = (
            f"the images in {data.source.name} can't be registered with copy=False: none of them has a URL of its own. "
            "Leave copy=False out, or unpack the zip where it lies"
        )
        raise InvalidInputError(message)


def _origins(dataset: ImageDataset) -> tuple[Origin, ...]:
    """Where a dataset's images are read from, as a card says it."""
    return tuple(
        Origin(place=each.url, size=each.size, digest=f"sha256:{each.sha256.hex()}" if each.sha256 else None)
        for each in origins_of(dataset.source)
    )


def _refuse_inside(store: Store, image_dir: str) -> None:
    """See that neither of registry and dataset becomes part of the other (a hidden registry does not), links followed.

    Raises:
        InvalidInputError: One would.
    """
    if "://" in store.url:
        return
    registry, images = os.path.realpath(store.url), os.path.realpath(image_dir)
    inside = os.path.relpath(registry, images)
    if not any(part.startswith(".") for part in inside.split("/")) or inside == ".":
        message = f"the registry {store.url} lies in the image folder {image_dir}: put it beside, or in a hidden folder"
        raise InvalidInputError(message)
    if os.path.relpath(images, registry).partition("/")[0] != "..":
        message = f"the image folder {image_dir} lies in the registry {store.url}: put it elsewhere"
        raise InvalidInputError(message)


def _prepare_table(data: object) -> Prepare:
    content = TableContent.of(_as_table(data))
    return lambda attempt, request, previous: content


def _as_table(data: object) -> TableDataset:
    if isinstance(data, str | os.PathLike):
        path = hide_credentials(str(os.fspath(data)))
        raise InvalidInputError(f"{path!r} is a path: register ImageDataset(image_dir={path!r}), or a table")
    return data if isinstance(data, TableDataset) else TableDataset(data)


def _lenders(store: Store, request: Request, previous: DataCard | None, dataset: ImageDataset) -> list[DataCard]:
    """Cards whose images need not be stored again: the newest of the name, the parents, and those they come from."""
    versions = lookup.live_versions(store, request.name)[-_LENDERS:]
    cards = [read_unless_damaged(store, CardRef(request.name, version)) for version in reversed(versions)]
    for ref in versions_behind(dataset.source, store):
        with suppress(NotFoundError):  # its images can be read all the same, and are stored again
            cards += [read_unless_damaged(store, ref)] if lookup.tombstone(store, ref) is None else []
    unique = {card.ref: card for card in (previous, *cards, *request.lenders) if card is not None}
    return [card for card in unique.values() if card.kind == "images"]


def plan(store: Store, data: object, request: Request, *, copy: bool = True) -> UploadPlan:
    """What a registration would store; nothing is stored, and images are not read.

    Raises:
        ImageCardsError: As `register`, as far as can be seen without reading images.
    """
    if not copy:
        _check_linkable(data)
    if isinstance(data, ImageDataset):
        request = _with_annotation_files(request, data)
    else:
        data = _as_table(data)
    lenders: list[DataCard] = []
    with suppress(NotFoundError):
        lookup.check_registry(store)
        if isinstance(data, ImageDataset):
            lenders = _lenders(store, request, _previous(store, request), data)
    return plan_upload(store, data, request, lenders, copy=copy)


def label_version(store: Store, card: DataCard) -> None:
    """Give a new version a name in the store's own tools; that it could not be given is said, and no more."""
    try:
        store.label(f"{card.name}/{card.version}")
    except ImageCardsError as error:
        _log.warning("%s is registered; it has no tag in the repo, which nothing here needs: %s", card.ref, error)


def ensure_registry(store: Store, *, allow_unsafe_store: bool = False, private: bool = True) -> None:
    """Make an empty place a registry; leave one that is there as it is.

    Args:
        store: The place.
        allow_unsafe_store: Whether the store may be one that replaces what is there.
        private: Whether only its owners may see the place, if it has to be made, too.

    Raises:
        InvalidInputError: There are files of another kind.
        StorageError: The store replaces what is there, and that isn't allowed.
        FormatError: There is a registry of a newer format.
    """
    store.make(private=private)
    with suppress(NotFoundError):
        lookup.check_registry(store)
        return
    others = [name for name in store.children("") if not name.startswith(".") and name != _LOST_AND_FOUND]
    if others and keys.MARKER not in others:
        message = (
            f"{store.url} holds {', '.join(others[:3])}{'...' if len(others) > 3 else ''} and is no registry: "
            "choose an empty or a new folder"
        )
        raise InvalidInputError(message)
    if store.remote and not allow_unsafe_store:
        check_exclusive(store)
    marker = RegistryMarker(registry=str(uuid.uuid4())).to_json()
    commit(store, keys.MARKER, marker, ask="register again")
    lookup.check_registry(store)


def _previous(store: Store, request: Request) -> DataCard | None:
    """The version that new data are compared with: the one asked for where it exists, else the latest."""
    versions = lookup.all_versions(store, request.name)
    gone = lookup.withdrawn_versions(store, request.name)
    if request.version in gone:
        message = f"{request.name}@{request.version} was withdrawn, and its number is never used again: choose another"
        raise VersionConflictError(message)
    live = [version for version in versions if version not in gone]
    version = request.version if request.version in live else lookup.latest_version(live)
    if version is None:
        return None
    return read_unless_damaged(store, CardRef(request.name, version))
