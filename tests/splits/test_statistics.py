"""What the splits of a dataset have, as a table and as text."""

import pytest
from tests.splits.conftest import dataset_of, labelled

from imagecards.datasets import replaced
from imagecards.errors import InvalidInputError
from imagecards.splits import split_statistics
from imagecards.splits.labels import labels_of

SPLITS = {"train": ["a.png", "b.png"], "valid": ["c.png"], "none": []}


def test_images_objects_and_shares_are_counted() -> None:
    dataset = replaced(labelled({"a.png": ["cat", "cat", "dog"], "b.png": [], "c.png": ["dog"]}), splits=SPLITS)
    found = split_statistics(dataset)
    assert found.render().splitlines() == [
        "               none        train         valid",
        "images            0            2             1",
        "objects           0            3             1",
        "without class     0            1             0",
        "cat               0  2 (66.667%)    0 (0.000%)",
        "dog               0  1 (33.333%)  1 (100.000%)",
    ]
    table = found.table()
    assert table.filter(split="train").rows() == [
        ("train", "cat", 1, 2, 2 / 3),
        ("train", "dog", 1, 1, 1 / 3),
        ("train", None, 1, 0, None),
    ]
    assert [each.split for each in split_statistics(dataset, ["valid", "train"]).splits] == ["valid", "train"]
    with pytest.raises(InvalidInputError, match="there is no split 'test'"):
        split_statistics(dataset, ["test"])


def test_classes_of_images_and_objects_are_labels() -> None:
    dataset = dataset_of(
        [
            {"file_name": "a.png", "categories": [3, 1], "objects": {"bbox": [[0, 0, 1, 1]] * 2, "categories": [1, 1]}},
            {"file_name": "b.png", "categories": [3, 3]},
            {"file_name": "c.png", "objects": {"bbox": [], "categories": []}},
        ]
    )
    found = labels_of(dataset)
    assert found.names == (1, 3)
    assert found.counts == ({0: 2, 1: 1}, {1: 1}, {})
    assert found.totals() == [(1, 2), (2, 2)]
    later = labels_of(replaced(dataset, table=dataset.table.slice(1)))
    assert later.counts == ({0: 1}, {})
