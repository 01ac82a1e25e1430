"""What changed, image by image."""

import hashlib
import pickle

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from imagecards.datasets.diff import DiffCounts, diff_counts

Version = dict[str, tuple[int, int]]  # name -> (image, annotations)


def table(version: Version) -> pa.Table:
    images = [hashlib.sha256(b"%d" % image).digest() for image, _ in version.values()]
    records = [hashlib.sha256(repr((name, *values)).encode()).digest() for name, values in version.items()]
    return pa.table(
        {
            "file_name": pa.array(version, pa.string()),
            "sha256": pa.array(images, pa.binary(32)),
            "digest": pa.array(records, pa.binary(32)),
        }
    )


def test_each_kind_of_change() -> None:
    old = {"same": (1, 1), "image": (2, 1), "record": (3, 1), "gone": (4, 1), "from": (5, 1)}
    new = {"new": (8, 1), "to": (5, 1), "same": (1, 1), "record": (3, 2), "image": (9, 1)}
    diff = diff_counts(table(old), table(new))
    assert diff == DiffCounts(
        added=("new",),
        removed=("gone",),
        renamed=(("from", "to"),),
        changed_images=("image",),
        changed_records=("record",),
        unchanged=1,
    )
    assert diff.counts == {
        "added": 1,
        "removed": 1,
        "renamed": 1,
        "changed_images": 1,
        "changed_records": 1,
        "unchanged": 1,
    }
    assert list(diff.lines()) == ["+ new", "- gone", "= from -> to", "~ image (other bytes)"]
    assert pickle.loads(pickle.dumps(diff)) == diff


def test_equal_images_are_paired_in_order() -> None:
    diff = diff_counts(table({"a": (1, 1), "b": (1, 1), "c": (1, 1)}), table({"x": (1, 1), "y": (1, 1)}))
    assert diff == DiffCounts(renamed=(("a", "x"), ("b", "y")), removed=("c",))


versions = st.dictionaries(st.sampled_from("abcdefgh"), st.tuples(st.integers(0, 4), st.integers(0, 2)), max_size=8)


@given(versions, versions)
def test_agrees_with_a_slow_model(old: Version, new: Version) -> None:
    diff = diff_counts(table(old), table(new))
    both = old.keys() & new.keys()
    assert set(diff.changed_images) == {name for name in both if old[name][0] != new[name][0]}
    assert set(diff.changed_records) == {
        name for name in both if old[name][0] == new[name][0] and old[name] != new[name]
    }
    assert diff.unchanged == sum(old[name] == new[name] for name in both)
    assert {*diff.removed, *(pair[0] for pair in diff.renamed)} == old.keys() - new.keys()
    assert {*diff.added, *(pair[1] for pair in diff.renamed)} == new.keys() - old.keys()
    assert all(old[before][0] == new[after][0] for before, after in diff.renamed)
    assert not {old[name][0] for name in diff.removed} & {new[name][0] for name in diff.added}
    assert (not any(diff.groups.values())) == (old == new)
    for chunked in (pa.concat_tables([table(old).slice(0, 2), table(old).slice(2)]),):
        assert diff_counts(chunked, table(new)) == diff
