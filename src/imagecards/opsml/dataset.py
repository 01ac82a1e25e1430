"""ImageDataset as opsml's cards take it: the interface that opsml 3 dropped."""

import os
import shutil
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from imagecards.cards import DataCard, Parent
from imagecards.datasets import ImageDataset as OpenDataset
from imagecards.errors import ImageCardsError, InvalidInputError, StorageError
from imagecards.formats.scene import check_splits
from imagecards.opsml import host
from imagecards.opsml.manifest import RECORDS, Manifest
from imagecards.opsml.packing import open_packed, write_packed
from imagecards.opsml.table import Described, describe
from imagecards.paths import is_url
from imagecards.records import ImageMetadata
from imagecards.registry import CardRegistry
from imagecards.registry.catalogue import AnyReference
from imagecards.registry.request import refuse_credentials
from imagecards.temporary import TemporaryPlace


class ImageDataset(host.part("data.DataInterface")):  # type: ignore[misc]  # known only where opsml is
    """A dataset of images for a ``DataCard`` of opsml.

    opsml keeps a table of records and a manifest. The images stay where they are, unless they are to be embedded.
    What was registered is pinned by digests: images that change later are found when they are read.

    Args:
        image_dir: As in `imagecards.ImageDataset`.
        metadata: See there.
        embed: Whether the images are stored in the card, too.
        data_dir: What opsml 2 called ``image_dir``.
        splits: The metadata of each split, as opsml 2 took them.
        shard_size: Of opsml 2; it has no effect.

    Raises:
        pydantic.ValidationError: The folder or the metadata file does not exist, or an argument has a wrong type.

    Example:
        >>> import tempfile
        >>> from imagecards.opsml import ImageDataset
        >>> len(ImageDataset(image_dir=tempfile.mkdtemp()).dataset)
        0
    """

    def __new__(cls, *_: Any, **__: Any) -> Any:
        """An empty interface: opsml's own constructor takes no other arguments than its own."""
        return super().__new__(cls)

    def __init__(
        self,
        image_dir: str | os.PathLike[str] | None = None,
        metadata: str | os.PathLike[str] | ImageMetadata | None = None,
        *,
        embed: bool = False,
        data_dir: str | os.PathLike[str] | None = None,
        splits: Mapping[str | None, Any] | None = None,
        shard_size: str | None = None,
    ) -> None:
        if data_dir is not None or splits is not None or shard_size is not None:
            from imagecards.opsml.version2 import bind

            dataset, place = bind(image_dir, metadata, data_dir=data_dir, splits=splits, shard_size=shard_size)
        else:
            place = image_dir if image_dir is not None else ""
            dataset = OpenDataset(image_dir=place, metadata=metadata)
        text = os.fspath(place)
        self._bind(dataset, text if is_url(text) else str(Path(text).absolute()), embed=embed)

    @classmethod
    def from_card(cls, registry: CardRegistry, reference: AnyReference, *, embed: bool = False) -> "ImageDataset":
        """A version in a registry of imagecards.

        Args:
            registry: The registry.
            reference: Which version: ``"vision/flakes@^1"``.
            embed: Whether the images are stored in opsml's card, too.

        Raises:
            NotFoundError: There is no such version.
            InvalidInputError: It is a table.
        """
        card = registry.load(reference)
        dataset = registry.open(card)
        if not isinstance(dataset, OpenDataset):
            raise InvalidInputError(f"{card.ref} is a table: opsml has interfaces of its own for those")
        made: ImageDataset = cls.__new__(cls)
        made._bind(dataset, registry.url, card=card, embed=embed)
        return made

    @classmethod
    def from_metadata(cls, metadata: Any) -> "ImageDataset":
        """What opsml makes of a card that it loads: a dataset that is not open before ``card.load()``."""
        made: ImageDataset = cls.__new__(cls)
        made._bind(None, "")
        return made

    def _bind(
        self, dataset: OpenDataset | None, uri: str, *, card: DataCard | None = None, embed: bool = False
    ) -> None:
        refuse_credentials(uri, "image_dir=")
        self._dataset, self._uri, self._card, self._embed = dataset, uri, card, embed
        self._prepared: TemporaryPlace | None = None
        self.failure: BaseException | None = None

    def __reduce__(self) -> Any:
        return _unpickled, (self._dataset, self._uri, self._card, self._embed)

    @property
    def dataset(self) -> OpenDataset:
        """The open dataset.

        Raises:
            InvalidInputError: It comes from opsml, and was not loaded yet.
        """
        if self._dataset is None:
            raise InvalidInputError("this dataset was not loaded yet: call card.load() first")
        return self._dataset

    @property
    def data_type(self) -> Any:
        """What opsml's list says of it."""
        return host.images()

    @cached_property
    def manifest(self) -> Manifest:
        """What opsml keeps of it, but for the images that are embedded; they are read for it.

        Raises:
            InvalidMetadataError: The dataset breaks rules; ``.issues`` has all of it.
        """
        dataset, card = self.dataset, self._card
        if not self._uri:
            message = "this dataset comes from opsml, where it is registered: make one by image_dir= or from_card"
            raise InvalidInputError(message)
        return Manifest(
            digest=self._described.digest,
            uri=self._uri,
            card=card.pin if card is not None else None,
            parents=tuple(Parent(ref=each.ref, digest=each.digest) for each in card.parents) if card else (),
            images=len(dataset),
            splits=tuple(dataset.splits),
            attributes=dict(dataset.attributes),
        )

    @cached_property
    def _described(self) -> Described:
        if self._card is None:
            self.dataset.validate().raise_errors()
        check_splits(self.dataset)
        return describe(self.dataset)

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags that opsml finds it and its children by; `imagecards.opsml.register` gives them to the card."""
        return self.manifest.tags

    def prepare(self) -> None:
        """Write what opsml is to keep into a temporary folder, so that nothing can go wrong or take long later.

        A folder is looked at anew: it may have changed since the dataset was made, or registered.
        """
        if self._dataset is not None and self._dataset.root is not None:
            for learnt in ("manifest", "_described"):
                self.__dict__.pop(learnt, None)
        try:
            self._prepared = TemporaryPlace("opsml")
            self._write(self._prepared.path)
        except OSError as error:
            if isinstance(error, ImageCardsError):
                raise
            message = f"what opsml is to keep can't be written ({error}): make room in the folder for temporary files"
            raise StorageError(f"{message}, or set TMPDIR") from error

    def save(self, path: Path, save_kwargs: Any = None) -> Any:
        """Write what opsml is to keep; opsml calls this."""
        try:
            if self._prepared is None:
                self._write(Path(path))
            else:
                for file in self._prepared.path.iterdir():
                    shutil.move(file, Path(path, file.name))
                self._prepared = None
            return host.saved(RECORDS, self.manifest.extra)
        except BaseException as error:  # opsml makes a text of it
            self.failure = error
            raise

    def _write(self, folder: Path) -> None:
        write_packed(folder, self.manifest, self._described.table, self.dataset.source if self._embed else None)

    def load(self, path: Path, metadata: Any, load_kwargs: Any = None) -> None:
        """Open what opsml kept; opsml calls this. ``DataLoadKwargs(data={"at": ...})`` says where the images are."""
        at = (getattr(load_kwargs, "data", None) or {}).get("at")
        self.open_from(Path(path), "the card", at)

    def open_from(self, folder: Path, place: str, at: str | None = None, expected: str | None = None) -> OpenDataset:
        """Open what was written into a folder."""
        self._dataset = open_packed(folder, place, at, expected=expected)
        self.data = self._dataset
        return self._dataset


def _unpickled(dataset: OpenDataset | None, uri: str, card: DataCard | None, embed: bool) -> ImageDataset:
    made: ImageDataset = ImageDataset.__new__(ImageDataset)
    made._bind(dataset, uri, card=card, embed=embed)
    return made
