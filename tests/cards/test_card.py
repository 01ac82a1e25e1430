"""Cards: a golden file, the round trip, newer formats, and what a card refuses."""

import copy
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from imagecards.cards import (
    Artifact,
    ArtifactFile,
    CardName,
    CardRef,
    DataCard,
    Document,
    Parent,
    StoredFile,
    Summary,
    Tag,
    TagEntry,
    Version,
    seal,
    unseal,
)
from imagecards.digests import digest
from imagecards.errors import FormatError, IntegrityError

ATTEMPT = "20261120T123526Z-0123456789abcdef"
DIGEST = "sha256:" + "ab" * 32
OTHER = "sha256:" + "cd" * 32


def stored(name: str, size: int = 7, sha: str = DIGEST) -> StoredFile:
    return StoredFile(key=f"data/vision/flakes/{ATTEMPT}/{name}", size=size, digest=sha)


def images(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "kind": "images",
        "name": "vision/flakes",
        "version": "1.2.0",
        "attempt": ATTEMPT,
        "dataset_digest": DIGEST,
        "summary": Summary(images=2, objects=3, bytes=14),
        "records": stored("records.parquet"),
    }
    return {**fields, **changes}


def table(**changes: Any) -> dict[str, Any]:
    fields = images(kind="table", summary=Summary(rows=2, container="polars"), table=stored("table.parquet"))
    del fields["records"]
    return {**fields, **changes}


def full_card() -> DataCard:
    return DataCard(
        **images(
            description="Flakes of graphene.\nSecond run.",
            license="CC-BY-4.0",
            source="https://example.org/flakes",
            metadata={"sensor": {"gain": 1.5, "ids": [1, 2], "note": None}, "é": "✓"},
            parents=[Parent(ref="vision/raw@1.0.0", digest=OTHER)],
            bump_reason="1 image added",
            summary=Summary(
                images=2,
                annotated=1,
                objects=3,
                bytes=14,
                categories=[("flake", 2), (7, 1)],
                formats={"PNG": 1, "JPEG": 1},
                modes={"RGB": 2},
                width=(640, 800),
                height=(480, 480),
                splits={"train": 1, "val": 1},
            ),
            splits=stored("splits.parquet"),
            documents=[Document(path="metadata.jsonl", size=3, digest=OTHER, stored=stored("documents/0.zst"))],
            shards=[stored("shard-00000.tar", 2560)],
            artifacts={
                "plot": Artifact(
                    kind="file",
                    files=[ArtifactFile(path="plot.png", stored=stored("artifacts/plot/plot.png"))],
                ),
            },
            code={"imagecards": "0.1.0"},
        )
    )


GOLDEN = """{
 "checksum": "sha256:3c785c7e978e6712524530d58dd2d117b86436d43caf8d8c09f38fe3a66dc70f",
 "artifacts": {
  "plot": {
   "files": [
    {
     "path": "plot.png",
     "stored": {
      "digest": "sha256:AB",
      "key": "data/vision/flakes/ATTEMPT/artifacts/plot/plot.png",
      "size": 7
     }
    }
   ],
   "kind": "file"
  }
 },
 "attempt": "ATTEMPT",
 "bump_reason": "1 image added",
 "code": {
  "imagecards": "0.1.0"
 },
 "dataset_digest": "sha256:AB",
 "description": "Flakes of graphene.\\nSecond run.",
 "documents": [
  {
   "digest": "sha256:CD",
   "path": "metadata.jsonl",
   "size": 3,
   "stored": {
    "digest": "sha256:AB",
    "key": "data/vision/flakes/ATTEMPT/documents/0.zst",
    "size": 7
   }
  }
 ],
 "format": "1.0",
 "kind": "images",
 "license": "CC-BY-4.0",
 "metadata": {
  "sensor": {
   "gain": 1.5,
   "ids": [
    1,
    2
   ],
   "note": null
  },
  "é": "✓"
 },
 "name": "vision/flakes",
 "parents": [
  {
   "digest": "sha256:CD",
   "ref": "vision/raw@1.0.0"
  }
 ],
 "records": {
  "digest": "sha256:AB",
  "key": "data/vision/flakes/ATTEMPT/records.parquet",
  "size": 7
 },
 "shards": [
  {
   "digest": "sha256:AB",
   "key": "data/vision/flakes/ATTEMPT/shard-00000.tar",
   "size": 2560
  }
 ],
 "source": "https://example.org/flakes",
 "splits": {
  "digest": "sha256:AB",
  "key": "data/vision/flakes/ATTEMPT/splits.parquet",
  "size": 7
 },
 "summary": {
  "annotated": 1,
  "bytes": 14,
  "categories": [
   [
    "flake",
    2
   ],
   [
    7,
    1
   ]
  ],
  "formats": {
   "JPEG": 1,
   "PNG": 1
  },
  "height": [
   480,
   480
  ],
  "images": 2,
  "modes": {
   "RGB": 2
  },
  "objects": 3,
  "splits": {
   "train": 1,
   "val": 1
  },
  "width": [
   640,
   800
  ]
 },
 "version": "1.2.0"
}
"""


def golden() -> bytes:
    text = GOLDEN.replace("sha256:AB", DIGEST).replace("sha256:CD", OTHER).replace("ATTEMPT", ATTEMPT)
    return text.encode()


def test_the_format_on_disk_is_what_it_was() -> None:
    # Registries hold cards of this form for ever: when this fails, the format needs a new number.
    assert full_card().to_json() == golden()
    assert DataCard.from_json(golden(), "here") == full_card()


def test_a_card_comes_back_byte_for_byte() -> None:
    card = full_card()
    again = DataCard.from_json(card.to_json(), "here")
    assert again == card
    assert again.to_json() == card.to_json()
    assert again.digest == card.digest == digest(card.to_json())
    assert hash(again) == hash(card)
    for other in (copy.copy(card), copy.deepcopy(card), pickle.loads(pickle.dumps(card))):
        assert other == card
        assert other.to_json() == card.to_json()


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
COUNTS = st.dictionaries(st.text(max_size=5), st.integers(0, 2**53), max_size=3)
CARDS = st.builds(
    lambda **fields: DataCard(**images(**fields)),
    description=st.none() | st.text(),
    license=st.none() | st.text(),
    metadata=st.dictionaries(st.text(), JSON, max_size=3),
    code=st.dictionaries(st.text(), JSON, max_size=2),
    version=st.builds(Version, *[st.integers(0, 10**18 - 1)] * 3, st.sampled_from(["", "rc.1"])),
    summary=st.builds(
        Summary,
        images=st.integers(0, 2**53),
        categories=st.lists(st.tuples(st.text() | st.integers(), st.integers(0, 9)), max_size=3),
        formats=COUNTS,
        splits=COUNTS,
        width=st.none() | st.tuples(st.integers(0, 9), st.integers(10, 2**40)),
    ),
    shards=st.integers(0, 3).map(lambda count: [stored(f"shard-{number:05d}.tar") for number in range(count)]),
    splits=st.none() | st.just(stored("splits.parquet")),
)


@given(CARDS)
def test_any_card_comes_back_byte_for_byte(card: DataCard) -> None:
    data = card.to_json()
    again = DataCard.from_json(data, "here")
    assert again == card
    assert again.to_json() == data


def test_every_flipped_byte_of_a_card_is_found() -> None:
    data = golden()
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 1 << (place % 8)
        with pytest.raises(IntegrityError):
            DataCard.from_json(bytes(damaged), "here")


def test_what_a_card_says_of_itself() -> None:
    card = full_card()
    assert card.name == CardName("vision", "flakes")
    assert card.ref == CardRef.parse("vision/flakes@1.2.0")
    assert str(card.pin) == f"vision/flakes@1.2.0#{card.digest}"
    assert card.created == datetime(2026, 11, 20, 12, 35, 26, tzinfo=UTC)
    names = [
        "records.parquet",
        "splits.parquet",
        "documents/0.zst",
        "shard-00000.tar",
        "artifacts/plot/plot.png",
    ]
    assert card.keys() == tuple(f"data/vision/flakes/{ATTEMPT}/{name}" for name in names)
    assert [file.key for file in card.files()] == list(card.keys())
    assert DataCard(**table()).keys() == (f"data/vision/flakes/{ATTEMPT}/table.parquet",)


def test_a_card_never_changes() -> None:
    card = full_card()
    before = card.to_json()
    with pytest.raises(ValidationError, match="frozen"):
        card.description = "other"  # type: ignore[misc]  # the point of the test
    with pytest.raises(TypeError, match="a card can't be changed"):
        card.metadata["sensor"] = 1
    with pytest.raises(TypeError, match="a card can't be changed"):
        card.metadata["sensor"]["ids"].append(3)
    with pytest.raises(TypeError, match="a card can't be changed"):
        card.summary.splits["test"] = 1
    with pytest.raises(TypeError, match="a card can't be changed"):
        card.artifacts.clear()
    assert isinstance(card.shards, tuple)
    assert card.metadata == {"sensor": {"gain": 1.5, "ids": [1, 2], "note": None}, "é": "✓"}
    assert card.to_json() == before


def test_what_is_given_to_a_card_can_change_afterwards() -> None:
    given = {"list": [1], "dict": {"a": 1}}
    card = DataCard(**images(metadata=given))
    given["list"].append(2)  # type: ignore[attr-defined]  # it is a list
    assert card.metadata == {"list": [1], "dict": {"a": 1}}


def reseal(**changes: Any) -> bytes:
    return seal({**unseal(full_card().to_json(), "here"), **changes})


def test_a_newer_minor_format_is_read_and_written_back() -> None:
    body = unseal(full_card().to_json(), "here")
    body |= {"format": "1.7", "signature": {"by": "x", "none": None, "empty": []}, "weight": 1.5}
    body["summary"]["faces"] = 4
    body["shards"][0]["etag"] = "abc"
    data = seal(body)
    card = DataCard.from_json(data, "here")
    assert card.to_json() == data
    assert card.digest == digest(data)
    assert card.format == "1.7"
    assert card.description == full_card().description


def test_a_newer_major_format_is_refused_clearly() -> None:
    with pytest.raises(FormatError) as caught:
        DataCard.from_json(reseal(format="2.0", kind={"new": "shape"}), "cards/a/b/1.0.0.json")
    assert str(caught.value) == (
        "cards/a/b/1.0.0.json is a card of format 2.0, and this imagecards reads 1.x: upgrade imagecards"
    )


@pytest.mark.parametrize("found", ["1", "0.9", "1.0.0", "01.0", "latest", "", 1, None, [1]])
def test_what_is_no_format_is_refused(found: object) -> None:
    with pytest.raises(IntegrityError) as caught:
        DataCard.from_json(reseal(format=found), "x.json")
    assert str(caught.value) == f"x.json is not a card: its format is {found!r}; restore the file from a copy"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"colour": 1}, "as a whole: 'colour' is not a field of DataCard: it has "),
        ({"licence": "MIT"}, "as a whole: 'licence' is not a field of DataCard: did you mean 'license'?"),
        ({"kind": "video"}, "kind: Input should be 'images' or 'table'"),
        ({"version": "v1"}, "version: 'v1' is not a version"),
        ({"attempt": "x"}, "attempt: 'x' is not the id of an attempt"),
        ({"dataset_digest": "sha256:AB"}, "dataset_digest: String should match"),
        ({"summary": {"images": -1}}, "summary.images: Input should be greater than or equal to 0"),
        ({"summary": {"images": "2"}}, "summary.images: Input should be a valid integer"),
        ({"summary": {"images": True}}, "summary.images: Input should be a valid integer"),
        ({"summary": {"image": 2}}, "as a whole: 'image' is not a field of Summary: did you mean 'images'?"),
    ],
)
def test_a_card_with_a_true_checksum_and_a_wrong_field_is_refused(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        DataCard.from_json(reseal(**changes), "x.json")
    assert str(caught.value).startswith(f"x.json is not a card ({fault}")
    assert str(caught.value).endswith("): restore the file from a copy")


@pytest.mark.parametrize("changes", [{"bump_reason": None}, {"parents": []}, {"code": {}}, {"license": None}])
def test_empty_fields_are_not_written(changes: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match="is not in the exact form of a document"):
        DataCard.from_json(reseal(**changes), "x.json")


def test_another_kind_of_document_is_not_a_card() -> None:
    tag = TagEntry(card=CardName("a", "b"), tag=Tag("prod"), version=Version(1, 0, 0), number=1).to_json()
    with pytest.raises(IntegrityError, match=r"^x\.json is not a card \(kind: Field required; name: Field required;"):
        DataCard.from_json(tag, "x.json")
    with pytest.raises(IntegrityError, match=r"^this card does not begin with its checksum"):
        DataCard.from_json(b"")


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        (images(records=None), "a card of kind 'images' has records and no table"),
        (images(table=stored("t")), "a card of kind 'images' has records and no table"),
        (
            table(table=None),
            "a card of kind 'table' has a table, and no records or splits or attributes or documents or shards",
        ),
        (table(shards=[stored("s")]), "a card of kind 'table' has a table, and no shards"),
        (
            table(summary=Summary(rows=2)),
            "the summary of a table names its container, and that of images names none",
        ),
        (
            images(summary=Summary(container="numpy")),
            "the summary of a table names its container, and that of images names none",
        ),
        (
            images(shards=[stored("s"), stored("s", 8)]),
            f"data/vision/flakes/{ATTEMPT}/s is named twice, with different sizes or digests: it is one file",
        ),
        (
            images(shards=[stored("s"), stored("s")]),
            f"the shard data/vision/flakes/{ATTEMPT}/s is named twice: name it once",
        ),
        (
            images(parents=[Parent(ref="a/b@1.0.0", digest=DIGEST), Parent(ref="a/b@1.0.0", digest=OTHER)]),
            "the parent a/b@1.0.0 is named twice: name it once",
        ),
        (
            images(documents=[Document(path="m.jsonl", size=1, digest=DIGEST, stored=stored(n)) for n in "ab"]),
            "the document m.jsonl is named twice: name it once",
        ),
        (images(desciption="x"), "'desciption' is not a field of DataCard: did you mean 'description'?"),
        (images(format="2.0"), "the format '2.0' can't be written: this version of imagecards writes 1.0"),
        (images(metadata=[1]), "a dict of JSON values belongs here, not list"),
        (images(metadata={"a": {1}}), "a: set is not JSON; write it as text, a number, a list or a dict"),
        (images(name="Vision/flakes"), "'Vision' is not a valid space"),
        (images(name="flakes"), "it has no space; write space/name"),
    ],
)
def test_what_makes_no_card_is_explained(fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError) as caught:
        DataCard(**fields)
    assert fault in str(caught.value)


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ("cards/a/b/1.json", "is not the key of a data file, data/<space>/<name>/<attempt>/<file>"),
        (f"data/a/{ATTEMPT}/f", "is not the key of a data file, data/<space>/<name>/<attempt>/<file>"),
        (f"data/a/b/{ATTEMPT}/", "is not the key of a data file, data/<space>/<name>/<attempt>/<file>"),
        (f"data/a/b/{ATTEMPT}/../x", "is not a key: it has a '..' part"),
        (f"data/a/b/{ATTEMPT}/x\\y", "is not a key: it has a backslash"),
        (f"data/A/b/{ATTEMPT}/x", "'A' is not a valid space"),
        ("data/a/b/20261120/x", "'20261120' is not the id of an attempt"),
        ("data/a/b/20261320T123526Z-0123456789abcdef/x", "is not the id of an attempt"),
        (f"/data/a/b/{ATTEMPT}/x", "is not the key of a data file"),
        (f"s3://data/a/b/{ATTEMPT}/x", "is not the key of a data file"),
    ],
)
def test_keys_outside_of_an_attempt_are_refused(key: str, fault: str) -> None:
    for _ in range(2):  # what is remembered of folders must not let a second try pass
        with pytest.raises(ValidationError) as caught:
            StoredFile(key=key, size=1, digest=DIGEST)
        assert fault in str(caught.value)


def test_limits() -> None:
    with pytest.raises(ValidationError, match="at most 1000"):
        Summary(categories=[(number, 1) for number in range(1001)])
    with pytest.raises(ValidationError, match="the width goes from 2 to 1: give the smaller number first"):
        Summary(width=(2, 1))
    with pytest.raises(ValidationError, match="the digest of a parent has its own field"):
        Parent(ref=f"a/b@1.0.0#{DIGEST}", digest=DIGEST)
    with pytest.raises(ValidationError, match=r"the path has a '\.\.' part"):
        Document(path="../metadata.jsonl", size=1, digest=DIGEST, stored=stored("a"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (images(origins=[{"place": ""}]), "at least 1 character"),
        (images(origins=[{"place": "s3://bucket/images", "digest": "md5:00"}]), "should match pattern"),
        (images(origins=[{"place": "a.zip", "size": -1}]), "greater than or equal to 0"),
        (images(origins=[{"place": "a.zip"}] * 1001), "at most 1000"),
        (images(origins=[{"place": "a.zip", "url": "s3://bucket"}]), "is not a field of Origin"),
        (table(origins=[{"place": "a.zip"}]), "no origins"),
        (images(summary={"images": 2, "linked": 3}), "there are no more than all"),
    ],
)
def test_what_an_origin_and_a_count_of_links_can_not_be(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DataCard(**fields)


def test_a_card_without_origins_and_links_says_nothing_of_them() -> None:
    text = DataCard(**images()).to_json()
    assert b"origins" not in text
    assert b"linked" not in text
    card = DataCard(**images(summary={"images": 2, "linked": 1}, origins=[{"place": "a.zip", "size": 1}]))
    assert DataCard.from_json(card.to_json()) == card
