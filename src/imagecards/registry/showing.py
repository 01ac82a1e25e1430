"""What a repo shows of a version that is being committed: images in the viewer, and a README."""

import json
import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from imagecards.cards import DataCard
from imagecards.errors import ImageCardsError
from imagecards.registry.readme import README, describe, render_readme
from imagecards.registry.request import Viewer
from imagecards.storage import Store
from imagecards.storage.pages import Pages, Read

VIEWER = "viewer"
INDEX = f"{VIEWER}/index.json"
"""What the README says of each name, for the next one that writes it."""

_log = logging.getLogger("imagecards")
_IMAGES = 100  # of each split in a sample
_BYTES = 64 << 20  # of all images of a sample together, about


@contextmanager
def showing(store: Store, card: DataCard, viewer: Viewer) -> Iterator[Pages | None]:
    """The pages that a store shows with a card, for the time of a block; none where it shows nothing.

    What can't be shown keeps no version from being registered.
    """
    if not store.shows:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="imagecards-viewer-") as folder:
        files: dict[str, Path] = {}
        splits: dict[str, list[str]] = {}
        try:
            if card.kind == "images" and viewer != "none":
                files, splits = _write_images(store, card, Path(folder) / "written", sample=viewer == "sample")
            elif card.table is not None and viewer != "none" and card.summary.container != "numpy":
                splits = {"train": [store.locate(card.table.key)]}
        except (ImageCardsError, OSError) as error:
            _log.warning("%s can't be shown in the viewer: %s", card.ref, error)
        yield Pages(files, lambda read: _texts(card, splits, read))


def _write_images(
    store: Store, card: DataCard, to: Path, *, sample: bool
) -> tuple[dict[str, Path], dict[str, list[str]]]:
    """Write images and annotations as ``datasets`` reads them; gives the files, and the paths of each split."""
    from imagecards.formats import write
    from imagecards.registry.reading import open_images

    dataset = open_images(store, card)
    write(_sample(dataset) if sample else dataset, to, "parquet")
    files = {f"{VIEWER}/{card.name}/{place.name}": place for place in sorted((to / "data").iterdir())}
    splits: dict[str, list[str]] = {}
    for path in files:
        splits.setdefault(path.rpartition("/")[2].partition("-")[0], []).append(path)
    return files, splits


def _sample(dataset: Any) -> Any:
    """The first images of each split, as many as are looked at without waiting."""
    from imagecards.datasets import ImageDataset

    sizes = dict(zip(dataset.names, dataset.table["size"].to_pylist(), strict=True))
    rows = {name: row for row, name in enumerate(dataset.names)}
    groups: Mapping[str | None, Any] = dataset.splits or {None: dataset.names}
    chosen: dict[str | None, list[str]] = {}
    for split, names in groups.items():
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


def _texts(card: DataCard, splits: Mapping[str, list[str]], read: Read) -> dict[str, bytes | None]:
    """README and index, with this card in the place of its name's last one."""
    index = _index(read(INDEX))
    before = index.get(str(card.name), {})
    index[str(card.name)] = describe(card, splits)
    index = dict(sorted(index.items()))
    old = read(README)
    texts: dict[str, bytes | None] = {
        path: None
        for paths in before.get("splits", {}).values()
        for path in paths
        if path.startswith(f"{VIEWER}/{card.name}/") and not any(path in kept for kept in splits.values())
    }
    texts[INDEX] = (json.dumps(index, ensure_ascii=False, indent=1) + "\n").encode()
    texts[README] = render_readme(index, None if old is None else old.decode("utf-8", "replace")).encode()
    return texts


def _index(text: bytes | None) -> dict[str, Any]:
    """What was said of each name; nothing where it can't be read, since it is only shown."""
    try:
        index = json.loads(text or b"{}")
        return {name: about for name, about in index.items() if _is_sound(about)}
    except (ValueError, AttributeError):
        return {}


def _is_sound(about: Any) -> bool:
    splits = about.get("splits") if isinstance(about, dict) else None
    return isinstance(splits, dict) and all(
        isinstance(paths, list) and all(isinstance(path, str) for path in paths) for paths in splits.values()
    )
