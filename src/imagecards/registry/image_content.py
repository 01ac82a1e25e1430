"""What a version of an image dataset consists of: found out, packed and stored."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from imagecards.cards import DataCard, Document, Summary
from imagecards.datasets import (
    Derived,
    Side,
    bump_between,
    facts_table,
    in_order,
    summarize,
    used_categories,
)
from imagecards.records import Report, dataset_digest, record_digests
from imagecards.registry import contents
from imagecards.registry.attempt import Attempt
from imagecards.registry.attributes import encode_attributes
from imagecards.registry.dataset_survey import Survey
from imagecards.registry.difference import card_side
from imagecards.registry.files import is_whole
from imagecards.registry.links import Links, append_links, learn_links, same_links
from imagecards.registry.pack import Group, Member, group_members, pack_groups, shard_key
from imagecards.registry.shelf import Shelf
from imagecards.registry.version_content import content_of
from imagecards.splits import find_identical_bytes
from imagecards.storage import Store

_log = logging.getLogger("imagecards")


@dataclass(frozen=True)
class ImageContent:
    """What a version of an image dataset consists of.

    Attributes:
        survey: The dataset.
        facts: What its files are; complete.
        digests: The record digest of each image.
        dataset_digest: The digest of all of it.
        shelf: Where the images are stored.
        links: The objects elsewhere that images are; none for those that are stored.
    """

    survey: Survey
    facts: pa.Table
    digests: list[bytes]
    dataset_digest: str
    shelf: Shelf
    links: Links
    kind: Literal["images"] = "images"

    @classmethod
    def of(cls, survey: Survey, facts: pa.Table, shelf: Shelf, links: Links) -> "ImageContent":
        """Compute the digests of a dataset whose files are known."""
        digests = record_digests(survey.records, facts["sha256"].to_pylist())
        names = facts["file_name"].to_pylist()
        whole = dataset_digest(names, digests, survey.dataset.splits, survey.dataset.attributes)
        return cls(survey, facts, digests, whole, shelf, links)

    @cached_property
    def summary(self) -> Summary:
        """Its counts."""
        linked = len(self.links) - self.links.count(None)
        return Summary(**summarize(self._table(), self.survey.dataset.splits), linked=linked)

    def bump_since(self, store: Store, card: DataCard) -> Derived:
        """Which part of the version it raises, compared with an earlier one."""
        if card.kind != self.kind:
            return Derived("major", "images, where there was a table")
        return bump_between(card_side(store, card), self._side())

    @property
    def lenders(self) -> tuple[DataCard, ...]:
        """The cards whose shards it points into."""
        return self.shelf.lenders

    @property
    def outcome(self) -> str:
        """What `imagecards.registry.version_content.content_of` says of a card that holds this, as one text."""
        documents = (f"{path} {sha256}" for path, sha256 in self.survey.document_digests.items())
        return "\n".join((self.dataset_digest, *documents))

    def same_files(self, card: DataCard) -> bool:
        """Whether a version holds the same images, annotations and metadata files.

        One that only names images elsewhere does not hold those that are to be stored, or that lie in other places.
        """
        same = card.dataset_digest == self.dataset_digest
        if self.survey.layout is not None:
            same = "\n".join(content_of(card)) == self.outcome
        if not same or not card.summary.linked:
            return same
        return same_links(self.shelf.store, card, self.survey.records["file_name"].to_pylist(), self.links)

    def put(self, attempt: Attempt) -> Mapping[str, Any]:
        """Store records, splits and metadata files, and return the card's fields that name them."""
        stored = pa.array([link is None for link in self.links], pa.bool_())
        places, shards = self.shelf.place(pc.if_else(stored, self.facts["sha256"], pa.scalar(None, pa.binary(32))))
        table = self._table()
        for name in contents.PLACE_COLUMNS.names:
            table = table.append_column(name, places[name])
        table = table.append_column("digest", self._short_digests)
        if self.summary.linked:
            table = append_links(table, self.links)
        splits, attributes = self.survey.dataset.splits, self.survey.dataset.attributes
        return {
            "records": attempt.put("records.parquet", [contents.encode_records(table)]),
            "splits": attempt.put("splits.parquet", [contents.encode_splits(splits)]) if splits else None,
            "attributes": attempt.put("attributes.json", [encode_attributes(attributes)]) if attributes else None,
            "documents": tuple(self._put_documents(attempt)),
            "shards": shards,
        }

    def _put_documents(self, attempt: Attempt) -> Iterator[Document]:
        known = {document.digest: document.stored for lender in self.lenders for document in lender.documents}
        stored: set[str] = set()
        for number, (path, text) in enumerate(self.survey.documents.items()):
            sha256 = self.survey.document_digests[path]
            if sha256 not in known or not (sha256 in stored or is_whole(attempt.store, known[sha256])):
                stored.add(sha256)
                known[sha256] = attempt.put(f"documents/{number:05d}.zst", [contents.compress(text)])
            yield Document(path=path, size=len(text), digest=sha256, stored=known[sha256])

    def _side(self) -> Side:
        """It as a diff needs it: with record digests as short as they are stored."""
        table, dataset = self._table(), self.survey.dataset
        index = table.select(["file_name", "sha256"]).append_column("digest", self._short_digests)
        counts = {"categories": self.summary.categories, "category_count": self.summary.category_count}
        return Side(index, in_order(table), dataset.splits, dataset.attributes, used_categories(table, counts))

    @cached_property
    def _short_digests(self) -> pa.Array:
        short = [each[: contents.DIGEST_SIZE] for each in self.digests]
        return pa.array(short, pa.binary(contents.DIGEST_SIZE))

    def _table(self) -> pa.Table:
        table = self.survey.records
        for name in contents.IMAGE_COLUMNS.names:
            table = table.append_column(name, self.facts[name])
        return table


def pack_images(
    attempt: Attempt, survey: Survey, shelf: Shelf, executor: Executor | None, links: Links | None = None
) -> ImageContent:
    """Read the images that are not stored yet, or not known, and store what is new and not linked.

    Args:
        attempt: Gets the shards.
        survey: The dataset.
        shelf: Where images are stored already; gets the new ones.
        executor: Where to do it; see `imagecards.registry.pack.pack_groups`.
        links: The objects that images are, where those are to be named; ``None`` for the others.

    Raises:
        InvalidMetadataError: The images break rules, or the boxes do not fit them.
    """
    stored = shelf.digests()
    names = survey.facts["file_name"].to_pylist()
    facts, links, read = learn_links(survey.facts, links or [None] * len(names), executor)
    settled = pc.is_in(facts["sha256"], value_set=stored).to_numpy(zero_copy_only=False).astype(bool)
    linked = np.array([link is not None for link in links], dtype=bool)
    rows = np.flatnonzero(~settled & ~linked)
    exact = survey.layout is not None
    groups = group_members([Member(names[row], survey.sizes[row], exact) for row in rows.tolist()])
    for number in range(len(groups)):
        attempt.claim(shard_key(attempt.prefix, number))
    known = frozenset(stored.to_pylist()) if groups else frozenset()
    packed = pack_groups(attempt.batch, attempt.prefix, survey.dataset.source, groups, known, executor)
    facts, issues = _merge(facts, rows, [names[row] for row in rows.tolist()], packed)
    survey.learn(facts, Report(read) + issues)
    shelf.add_groups(packed)
    _warn_of_leaks(survey.dataset.splits, facts)
    return ImageContent.of(survey, facts, shelf, links)


def _warn_of_leaks(splits: Mapping[str, Sequence[str]], facts: pa.Table) -> None:
    """Say where splits have the same bytes under several names: that much is known without looking for it."""
    if len(splits) < 2:
        return
    found = find_identical_bytes(facts["file_name"], facts["sha256"], splits)
    if not found.ok:
        more = f" and {found.count - 1:,} more" if found.count > 1 else ""
        _log.warning("splits share images: %s%s; imagecards leaks says more", found.leaks[0], more)


def _merge(facts: pa.Table, rows: "np.ndarray", names: list[str], packed: list[Group]) -> tuple[pa.Table, Report]:
    """Put what was read in the place of what was not known."""
    examined = [found for group in packed for found in group.examined]
    digests, sizes, infos, problems = zip(*examined, strict=True) if examined else ((), (), (), ())
    read = facts_table(names, digests, sizes, infos)
    order = np.arange(facts.num_rows)
    order[rows] = facts.num_rows + np.arange(len(rows))
    issues = Report([issue for issue in problems if issue is not None])
    return pa.concat_tables([facts, read]).take(pa.array(order)), issues
