"""What a repo shows of a version that is being committed: images in the viewer, and a README."""

import json
import logging
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagecards.cards import CardRef, DataCard, Version
from imagecards.errors import ImageCardsError, IntegrityError
from imagecards.registry import lookup
from imagecards.registry.readme import README, describe, render_readme
from imagecards.registry.request import Viewer
from imagecards.storage import Store
from imagecards.storage.pages import Pages, Read
from imagecards.temporary import temporary_folder

if TYPE_CHECKING:  # what registers images imports it, what registers tables doesn't
    from imagecards.datasets import ImageDataset, Source

VIEWER = "viewer"
INDEX = f"{VIEWER}/index.json"
"""What the README says of each name, for the next one that writes it."""

_log = logging.getLogger("imagecards")
_IMAGES = 100  # of each split in a sample
_BYTES = 64 << 20  # of all images of a sample together, about


@contextmanager
def showing(
    store: Store, card: DataCard, viewer: Viewer, *, source: Store | None = None, instead_of: Version | None = None
) -> Iterator[Pages | None]:
    """The pages that a store shows with a card, for the time of a block; none where it shows nothing.

    What can't be shown keeps no version from being registered.

    Args:
        store: Where the card is about to be committed.
        card: The card.
        viewer: How much of its images is shown.
        source: Where to read them, if not there.
        instead_of: The version that is withdrawn, where that is why this one is shown.
    """
    if not store.shows:
        yield None
        return
    with temporary_folder("viewer") as folder:
        files: dict[str, Path] = {}
        splits: dict[str, list[str]] = {}
        try:
            if card.summary.linked:
                pass  # its images were to stay where they lie
            elif card.kind == "images" and viewer != "none":
                place = folder / "written"
                files, splits = _write_images(source or store, card, place, sample=viewer == "sample")
            elif card.table is not None and viewer != "none" and card.summary.container != "numpy":
                splits = {"train": [store.locate(card.table.key)]}
        except (ImageCardsError, OSError) as error:
            _log.warning("%s can't be shown in the viewer: %s", card.ref, error)
        yield Pages(files, lambda read: _texts(str(card.name), describe(card, splits), splits, read, instead_of))


@contextmanager
def showing_without(store: Store, ref: CardRef) -> Iterator[Pages | None]:
    """The pages that a store shows once a version is withdrawn, for the time of a block; none where it changes none.

    In the place of the version comes the newest one that is left, with a sample of its images if some are shown of the
    one that goes, and were of that one when it was registered. What can't be shown keeps no version from being
    withdrawn.

    Args:
        store: Where the version is about to be withdrawn.
        ref: The version.
    """
    if not store.shows:
        yield None
        return
    with ExitStack() as stack:
        try:
            pages = _without(store, ref, stack)
        except (ImageCardsError, OSError) as error:
            _log.warning("README and viewer still show %s: %s", ref, error)
            pages = None
        yield pages


def _without(store: Store, ref: CardRef, stack: ExitStack) -> Pages | None:
    name = str(ref.name)
    shown = _index(store.page(INDEX)).get(name, {})
    if shown.get("version") != str(ref.version):
        return None
    gone = lookup.withdrawn_versions(store, ref.name)
    left = lookup.latest_version(
        version for version in lookup.all_versions(store, ref.name) if version not in gone and version != ref.version
    )
    card = None
    with suppress(IntegrityError):  # one that is damaged can't be shown, either
        card = None if left is None else lookup.read_card(store, CardRef(ref.name, left))
    if card is None:
        return Pages({}, lambda read: _texts(name, None, {}, read) if _shows(read, ref) else {})
    viewer: Viewer = "sample" if shown["splits"] and _shown(shown).get(str(left)) == card.digest else "none"
    pages = stack.enter_context(showing(store, card, viewer, instead_of=ref.version))
    assert pages is not None
    return Pages(pages.files, lambda read: pages.texts(read) if _shows(read, ref) else {})


def _shows(read: Read, ref: CardRef) -> bool:
    """Whether a version is the one that is shown of its name: somebody may have registered another meanwhile."""
    return bool(_index(read(INDEX)).get(str(ref.name), {}).get("version") == str(ref.version))


def _write_images(
    store: Store, card: DataCard, to: Path, *, sample: bool
) -> tuple[dict[str, Path], dict[str, list[str]]]:
    """Write images and annotations as ``datasets`` reads them; gives the files, and the paths of each split."""
    from imagecards.formats import write
    from imagecards.registry.opening import open_images

    dataset = open_images(store, card)
    write(_in_order(_sample(dataset) if sample else dataset), to, "parquet")
    files = {f"{VIEWER}/{card.name}/{place.name}": place for place in sorted((to / "data").iterdir())}
    splits: dict[str, list[str]] = {}
    for path in files:
        splits.setdefault(path.rpartition("/")[2].partition("-")[0], []).append(path)
    return files, splits


def _sample(dataset: "ImageDataset") -> "ImageDataset":
    """The first images of each split, as many as are looked at without waiting."""
    from imagecards.datasets import ImageDataset

    sizes = dict(zip(dataset.names, dataset.table["size"].to_pylist(), strict=True))
    rows = {name: row for row, name in enumerate(dataset.names)}
    groups: list[tuple[str | None, Sequence[str]]] = [*dataset.splits.items()] or [(None, dataset.names)]
    chosen: dict[str | None, list[str]] = {}
    for split, names in groups:
        left = _BYTES // len(groups)
        chosen[split] = []
        for name in names[:_IMAGES]:
            left -= sizes[name]
            if left < 0 and chosen[split]:
                break
            chosen[split].append(name)
    kept = sorted({rows[name] for names in chosen.values() for name in names})
    splits = {split: names for split, names in chosen.items() if split is not None}
    return ImageDataset.from_source(
        dataset.source, dataset.table.take(kept), splits, attributes=dict(dataset.attributes)
    )


def _in_order(dataset: "ImageDataset") -> "ImageDataset":
    """The same dataset, made for being read once, split by split."""
    from imagecards.datasets import ImageDataset

    order = [name for names in dataset.splits.values() for name in names]
    rest = set(dataset.names) - set(order)
    source = _Ahead(dataset.source, [*order, *(name for name in dataset.names if name in rest)])
    return ImageDataset.from_source(source, dataset.table, dataset.splits, attributes=dataset.attributes)


class _Ahead:
    """Images that are asked for one by one, and read many at a time, as long as they are asked for in order."""

    def __init__(self, source: "Source", order: list[str]) -> None:
        self._source = source
        self._left = deque(order)
        self._images = source.read_many(order)

    def read(self, name: str) -> bytes:
        if self._left and self._left[0] == name:
            self._left.popleft()
            return next(self._images)
        return self._source.read(name)

    def read_many(self, names: Sequence[str]) -> Iterator[bytes]:
        return map(self.read, names)

    def close(self) -> None:
        self._source.close()


def _texts(
    name: str,
    about: dict[str, Any] | None,
    splits: Mapping[str, list[str]],
    read: Read,
    gone: Version | None = None,
) -> dict[str, bytes | None]:
    """README and index, with what is said of a name now in the place of what was; None where it is gone."""
    index = _index(read(INDEX))
    before = index.pop(name, {})
    if about is not None:
        shown = {version: digest for version, digest in _shown(before).items() if version != str(gone)}
        index[name] = about | {"shown": shown | _shown(about)}
    index = dict(sorted(index.items()))
    old = read(README)
    texts: dict[str, bytes | None] = {
        path: None
        for paths in before.get("splits", {}).values()
        for path in paths
        if path.startswith(f"{VIEWER}/{name}/") and not any(path in kept for kept in splits.values())
    }
    texts[INDEX] = (json.dumps(index, ensure_ascii=False, indent=1) + "\n").encode()
    texts[README] = render_readme(index, None if old is None else old.decode("utf-8", "replace"), name).encode()
    return texts


def _index(text: bytes | None) -> dict[str, Any]:
    """What was said of each name; nothing where it can't be read, since it is only shown."""
    try:
        index = json.loads(text or b"{}")
        return {name: about for name, about in index.items() if _is_sound(about)}
    except (ValueError, AttributeError):
        return {}


def _shown(about: Mapping[str, Any]) -> dict[str, Any]:
    """The digests of the cards whose images were shown when they were registered, by version."""
    shown = about.get("shown")
    return shown if isinstance(shown, dict) else {}


def _is_sound(about: Any) -> bool:
    splits = about.get("splits") if isinstance(about, dict) else None
    return isinstance(splits, dict) and all(
        isinstance(paths, list) and all(isinstance(path, str) for path in paths) for paths in splits.values()
    )
