"""Steps that change which classes there are and what they are called."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from imagecards.datasets import ImageDataset, Step
from imagecards.errors import InvalidInputError, InvalidMetadataError
from imagecards.records import ImageMetadata
from imagecards.transforms import TRANSFORMS, Binarise, ClassAgnostic, MergeClasses, RenameClasses, SelectClasses

Make = Callable[..., ImageDataset]
BOX = [0, 0, 2, 2]
XAMI = [
    {"id": 1, "name": "central-ring", "supercategory": "artefacts", "color": "#01fcd6"},
    {"id": 3, "name": "read-out-streak", "supercategory": "artefacts", "color": "#144d9e"},
    {"id": 4, "name": "smoke-ring", "supercategory": "artefacts", "color": "#9f1564"},
]


@pytest.fixture
def rings(make: Make, objects: Callable[..., Any]) -> ImageDataset:
    entries = [("smoke-ring", BOX), ("central-ring", BOX), ("read-out-streak", BOX)]
    return make(
        [
            {"file_name": "a.png", "objects": objects(entries, id=[11, 12, 13])},
            {"file_name": "b.png", "objects": objects([("read-out-streak", BOX)], id=[21])},
            {"file_name": "c.png", "objects": objects([])},
            {"file_name": "d.png", "categories": ["smoke-ring", "central-ring"]},
        ],
        attributes={"categories": XAMI, "info": {"year": 2024}},
        splits={"train": ["a.png", "b.png"], "valid": ["c.png", "d.png"]},
    )


@pytest.fixture
def numbered(make: Make, objects: Callable[..., Any]) -> ImageDataset:
    return make(
        [
            {"file_name": "a.png", "objects": objects([(0, BOX), (2, BOX)], id=[1, 2])},
            {"file_name": "b.png", "objects": objects([(1, BOX)], id=[3])},
        ]
    )


def said(dataset: ImageDataset, field: str = "category") -> list[Any]:
    """A field of the objects of each image."""
    ImageMetadata.from_table(dataset.table)  # the records are sound
    lists = dataset.table["objects"].to_pylist()
    return [entries if entries is None else [entry[field] for entry in entries] for entries in lists]


def test_selecting_keeps_ids_images_and_splits(rings: ImageDataset) -> None:
    chosen = SelectClasses(classes=["read-out-streak", 1]).apply(rings)
    assert said(chosen) == [["central-ring", "read-out-streak"], ["read-out-streak"], [], None]
    assert said(chosen, "id") == [[12, 13], [21], [], None]
    assert chosen.attributes == {"categories": [XAMI[0], XAMI[1]], "info": {"year": 2024}}
    assert chosen.splits == rings.splits
    assert chosen.source is rings.source
    assert chosen.table["categories"].to_pylist() == [None, None, None, ["central-ring"]]


def test_a_number_is_a_class_before_it_is_an_id(
    make: Make, objects: Callable[..., Any], numbered: ImageDataset
) -> None:
    assert said(SelectClasses(classes=[2]).apply(numbered)) == [[2], []]
    listed = make(
        [{"file_name": "a.png", "objects": objects([(3, BOX), (4, BOX)])}],
        attributes={"categories": [{"id": 4, "name": 3}, {"id": 5, "name": 4}]},
    )
    assert said(SelectClasses(classes=[4]).apply(listed)) == [[4]]
    assert said(SelectClasses(classes=[5]).apply(listed)) == [[4]]


@pytest.mark.parametrize(
    "step",
    [
        SelectClasses(classes=["smoke"]),
        RenameClasses(names={"smoke": "x"}),
        MergeClasses(into={"x": ["smoke"]}),
        Binarise(positive="smoke"),
    ],
    ids=lambda step: step.step_name,
)
def test_an_unknown_class_is_told_with_those_that_there_are(step: Step, rings: ImageDataset) -> None:
    with pytest.raises(InvalidInputError) as caught:
        step.apply(rings)
    assert str(caught.value) == (
        f"{step.step_name}: there is no class 'smoke' in this dataset: it has 'central-ring', 'read-out-streak', "
        "'smoke-ring'"
    )


def test_of_many_classes_only_some_are_told(make: Make, objects: Callable[..., Any]) -> None:
    many = make([{"file_name": "a.png", "objects": objects([(number, BOX) for number in range(500)])}])
    with pytest.raises(InvalidInputError, match=r"has 0, 1, .*, 19 and 480 more$"):
        SelectClasses(classes=[500]).apply(many)


def test_renaming_keeps_ids_colours_and_the_order_of_objects(rings: ImageDataset) -> None:
    renamed = RenameClasses(names={4: "smoke", "central-ring": "centre"}).apply(rings)
    assert said(renamed) == [["smoke", "centre", "read-out-streak"], ["read-out-streak"], [], None]
    assert renamed.attributes["categories"] == [
        {**XAMI[0], "name": "centre"},
        XAMI[1],
        {**XAMI[2], "name": "smoke"},
    ]
    assert renamed.table["categories"].to_pylist()[3] == ["smoke", "centre"]


def test_two_classes_can_swap_their_names(rings: ImageDataset) -> None:
    swapped = RenameClasses(names={"central-ring": "smoke-ring", "smoke-ring": "central-ring"}).apply(rings)
    assert said(swapped)[0] == ["central-ring", "smoke-ring", "read-out-streak"]
    assert [entry["id"] for entry in swapped.attributes["categories"]] == [1, 3, 4]


def test_a_number_that_gets_a_name_stays_its_id(numbered: ImageDataset) -> None:
    named = RenameClasses(names={0: "crack", 1: "dent", 2: "scratch"}).apply(numbered)
    assert said(named) == [["crack", "scratch"], ["dent"]]
    assert named.attributes["categories"] == [
        {"id": 0, "name": "crack"},
        {"id": 1, "name": "dent"},
        {"id": 2, "name": "scratch"},
    ]


def test_numbers_renamed_to_numbers_go_on_being_their_own_ids(numbered: ImageDataset) -> None:
    moved = RenameClasses(names={0: 7}).apply(numbered)
    assert said(moved) == [[7, 2], [1]]
    assert "categories" not in moved.attributes


def test_names_beside_numbers_are_refused(numbered: ImageDataset) -> None:
    with pytest.raises(InvalidInputError, match="rename-classes: the classes of a dataset are all text or all whole"):
        RenameClasses(names={0: "crack"}).apply(numbered)


def test_two_classes_can_not_be_renamed_into_one(rings: ImageDataset) -> None:
    with pytest.raises(InvalidInputError, match="2 classes would be called 'smoke-ring': use MergeClasses"):
        RenameClasses(names={"central-ring": "smoke-ring"}).apply(rings)
    with pytest.raises(InvalidInputError, match="a class is named twice"):
        RenameClasses(names={"central-ring": "x", 1: "y"}).apply(rings)


def test_merging_takes_over_the_entry_of_the_first_class(rings: ImageDataset) -> None:
    merged = MergeClasses(into={"ring": ["smoke-ring", "central-ring"]}).apply(rings)
    assert said(merged) == [["ring", "ring", "read-out-streak"], ["read-out-streak"], [], None]
    assert said(merged, "id") == said(rings, "id")
    assert merged.attributes["categories"] == [XAMI[1], {**XAMI[2], "name": "ring"}]
    assert merged.table["categories"].to_pylist()[3] == ["ring"]


def test_merging_into_a_class_that_is_there_keeps_its_entry(rings: ImageDataset) -> None:
    merged = MergeClasses(into={"read-out-streak": ["smoke-ring"]}).apply(rings)
    assert said(merged)[0] == ["read-out-streak", "central-ring", "read-out-streak"]
    assert merged.attributes["categories"] == [XAMI[0], XAMI[1]]


@pytest.mark.parametrize(
    ("into", "message"),
    [
        ({"x": ["smoke-ring"], "y": [4]}, "'smoke-ring' is to become 'x' and 'y'"),
        ({"x": ["smoke-ring"], "smoke-ring": ["central-ring"]}, "'smoke-ring' is to become 'x', and others"),
        ([("x", ["smoke-ring"]), ("x", ["central-ring"])], "'x' is given twice"),
    ],
)
def test_a_class_becomes_one_other(into: Any, message: str, rings: ImageDataset) -> None:
    with pytest.raises(InvalidInputError, match=message):
        MergeClasses(into=into).apply(rings)


def test_class_agnostic_has_the_objects_of_the_version_with_classes(
    rings: ImageDataset, numbered: ImageDataset
) -> None:
    for dataset in (rings, numbered):
        agnostic = ClassAgnostic(name="flake").apply(dataset)
        assert said(agnostic, "id") == said(dataset, "id")
        assert {name for names in said(agnostic) for name in names or ()} == {"flake"}
        assert agnostic.attributes["categories"] == [{"id": 1, "name": "flake"}]
    assert ClassAgnostic().apply(rings).table["categories"].to_pylist()[3] == ["object"]


def test_class_agnostic_of_nothing_says_nothing_of_classes(make: Make) -> None:
    agnostic = ClassAgnostic().apply(make([{"file_name": "a.png"}]))
    assert agnostic.attributes == {}
    assert said(agnostic) == [None]


def test_binarise_makes_the_rest_background(rings: ImageDataset) -> None:
    one = Binarise(positive="read-out-streak").apply(rings)
    assert said(one) == [["read-out-streak"], ["read-out-streak"], [], None]
    assert one.attributes["categories"] == [XAMI[1]]
    without = Binarise(positive=3, negatives=False).apply(rings)
    assert without.names == ("a.png", "b.png")
    assert without.splits == {"train": ("a.png", "b.png"), "valid": ()}


def test_binarise_finds_the_class_of_whole_images(rings: ImageDataset) -> None:
    assert Binarise(positive="smoke-ring", negatives=False).apply(rings).names == ("a.png", "d.png")


def test_binarise_with_a_name_for_the_rest(rings: ImageDataset, numbered: ImageDataset) -> None:
    two = Binarise(positive="read-out-streak", rest="ring").apply(rings)
    assert said(two)[0] == ["ring", "ring", "read-out-streak"]
    assert two.attributes["categories"] == [XAMI[1], {"id": 5, "name": "ring"}]
    assert two.table["categories"].to_pylist()[3] == ["ring"]
    assert said(Binarise(positive=2, rest=9).apply(numbered)) == [[9, 2], [9]]
    with pytest.raises(InvalidInputError, match="the rest can't be called 'smoke-ring' too"):
        Binarise(positive="smoke-ring", rest="smoke-ring").apply(rings)


@pytest.mark.parametrize(
    "categories",
    ["rings", [{"name": "a"}], [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}], [{"id": 1, "name": "a"}] * 2],
)
def test_attributes_that_hold_no_categories_are_refused(categories: Any, make: Make) -> None:
    dataset = make([{"file_name": "a.png", "categories": ["a"]}], attributes={"categories": categories})
    with pytest.raises(InvalidMetadataError, match=r"class-agnostic: .*the dataset's attributes"):
        ClassAgnostic().apply(dataset)


@pytest.mark.parametrize(
    ("step", "fields"),
    [
        (SelectClasses, {"classes": []}),
        (SelectClasses, {"classes": ["a"] * 10_001}),
        (SelectClasses, {"classes": "abc"}),
        (SelectClasses, {"classes": [True]}),
        (SelectClasses, {"classes": [2**60]}),
        (SelectClasses, {"classes": ["a" * 1001]}),
        (RenameClasses, {"names": {}}),
        (RenameClasses, {"names": {"a": ""}}),
        (RenameClasses, {"names": {"a": 1.5}}),
        (MergeClasses, {"into": {"a": []}}),
        (ClassAgnostic, {"nme": "a"}),
        (Binarise, {"positive": None}),
    ],
)
def test_what_is_no_parameter_is_refused(step: type[Step], fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        step(**fields)


@pytest.mark.parametrize(
    "step",
    [
        SelectClasses(classes=["a", 1]),
        RenameClasses(names={0: "a", "b": 1}),
        MergeClasses(into={"a": ["b", 2]}),
        ClassAgnostic(name=3),
        Binarise(positive="a", rest="b", negatives=False),
    ],
    ids=lambda step: step.step_name,
)
def test_parameters_come_back_from_json_as_they_were(step: Step) -> None:
    params = json.loads(json.dumps(step.model_dump(mode="json")))
    assert TRANSFORMS[step.step_name](**params) == step
    assert hash(step) == hash(TRANSFORMS[step.step_name](**params))


@given(
    st.lists(st.lists(st.sampled_from("abcde"), max_size=5), max_size=6),
    st.dictionaries(st.sampled_from("abcde"), st.sampled_from("vwxyz"), min_size=1),
)
def test_classes_change_object_by_object(lists: list[list[str]], names: dict[str, str]) -> None:
    records: list[Any] = [
        {
            "file_name": f"{row}.png",
            "categories": values,
            "objects": {"bbox": [BOX] * len(values), "categories": values},
        }
        for row, values in enumerate(lists)
    ]
    listed = [{"id": number, "name": name} for number, name in enumerate("abcde")]
    table = ImageMetadata(records=records).table
    dataset = ImageDataset.from_source(None, table, attributes={"categories": listed})  # type: ignore[arg-type]
    into: dict[int | str, list[int | str]] = {}
    for old, new in names.items():
        into.setdefault(new, []).append(old)
    merged = MergeClasses(into=into).apply(dataset)
    assert said(merged) == [[names.get(value, value) for value in values] for values in lists]
    images = merged.table["categories"].to_pylist()
    assert images == [list(dict.fromkeys(names.get(value, value) for value in values)) for values in lists]
    chosen = SelectClasses(classes=list(names)).apply(dataset)
    assert said(chosen) == [[value for value in values if value in names] for values in lists]
