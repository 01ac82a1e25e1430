"""What is wrong with COCO's files is told with file, place and rule, and the rest is kept."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.formats.sameness import said

from imagecards.errors import FormatError, ImageCardsError, InvalidMetadataError
from imagecards.formats import read

SQUARE = [[1.0, 1.0, 5.0, 1.0, 5.0, 4.0, 1.0, 4.0]]
HUGE = 10**30


def document() -> dict[str, Any]:
    """Two images, two categories, three annotations: the last two of the second image."""
    images = [{"id": n, "file_name": f"{n}.png", "width": 10, "height": 8} for n in (1, 2)]
    annotations = [
        {"id": 10 + n, "image_id": image, "category_id": 1, "bbox": [1, 1, 4, 3], "segmentation": SQUARE}
        for n, image in enumerate((1, 2, 2))
    ]
    return {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}],
    }


def put(folder: Path, content: Any) -> Path:
    file = folder / "_annotations.coco.json"
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return folder


def issues(folder: Path, content: Any) -> list[tuple[str, str]]:
    """The field and rule of each issue; the same is told when the good part is kept."""
    put(folder, content)
    with pytest.raises(InvalidMetadataError) as caught:
        read(folder, "coco", check_images=False)
    found = read(folder, "coco", check_images=False, strict=False)
    assert {issue.file for issue in caught.value.issues} == {"_annotations.coco.json"}
    assert tuple(caught.value.issues) == tuple(found.report)
    return [(issue.field, issue.rule) for issue in found.report]


def changed(where: str, number: int, **fields: Any) -> dict[str, Any]:
    content = document()
    content[where][number] |= fields
    return content


def removed(where: str, number: int, field: str) -> dict[str, Any]:
    content = document()
    del content[where][number][field]
    return content


OBJECT = "annotations[1] (id 11)"
RLE_RULES = [
    ({"size": [8, 10], "counts": [79]}, "bad-rle"),
    ({"size": [8, 10], "counts": [81]}, "bad-rle"),
    ({"size": [8, 10], "counts": [90, -10]}, "rle-counts"),
    ({"size": [8, 10], "counts": [1.5, 78.5]}, "rle-counts"),
    ({"size": [8, 10], "counts": "\u00fc"}, "bad-rle"),
    ({"size": [8, 10], "counts": "0P"}, "bad-rle"),
    ({"size": [8, 10], "counts": ""}, "bad-rle"),
    ({"size": [8, 10], "counts": None}, "rle-counts"),
    ({"size": [8], "counts": [8]}, "rle-size"),
    ({"size": [8, 10]}, "rle-keys"),
    ({"size": [8, 10], "counts": [80], "more": 1}, "rle-keys"),
    ({"size": [2**31, 2**31], "counts": [2**62]}, "rle-counts"),
    ({"size": [2**31, 2**31], "counts": [3]}, "bad-rle"),
    ({"size": [10, 8], "counts": [80]}, "rle-size"),
    ({}, "rle-keys"),
]
POLYGON_RULES = [
    ([[1, 1, 5, 1, 5]], "polygon-length"),
    ([[1, 1, 5, 1]], "polygon-length"),
    ([[]], "polygon-length"),
    ([[100, 100, 110, 100, 110, 110]], "polygon-outside"),
    ([[1, 1, 1e9, 1, 1e9, 5]], "polygon-outside"),
    ([[1, 1, 1e300, 1, 1e300, 5]], "polygon-outside"),
    ([[1, 1, HUGE, 1, 5, 5]], "polygon-outside"),
    ("text", "wrong-type"),
    (7, "wrong-type"),
    (True, "wrong-type"),
]


@pytest.mark.parametrize(
    ("content", "field", "rule"),
    [
        *[(changed("annotations", 1, segmentation=outline), "segmentation", rule) for outline, rule in RLE_RULES],
        *[(changed("annotations", 1, segmentation=outline), "segmentation", rule) for outline, rule in POLYGON_RULES],
        (changed("annotations", 1, segmentation=[1, 2, 3]), "segmentation", "wrong-type"),
        (changed("annotations", 1, segmentation=[["a"] * 6]), "segmentation", "wrong-type"),
        (changed("annotations", 1, segmentation=[[None] * 6]), "segmentation", "wrong-type"),
        (changed("annotations", 1, segmentation=[[True] * 6]), "segmentation", "wrong-type"),
        (changed("annotations", 1, segmentation=None, bbox=None), "bbox", "wrong-type"),
        (changed("annotations", 1, bbox=[1, 2, 3]), "bbox", "bbox-length"),
        (changed("annotations", 1, bbox=[1, 2, 3, -1]), "bbox", "bbox-negative-size"),
        (changed("annotations", 1, bbox="1 2 3 4"), "bbox", "wrong-type"),
        (changed("annotations", 1, bbox=[1, 2, 3, "4"]), "bbox", "wrong-type"),
        (changed("annotations", 1, bbox=[1, 2, 3, HUGE]), "bbox", "number-too-large"),
        (changed("annotations", 1, bbox=[1, 2, 30, 4]), "bbox", "box-outside-image"),
        (changed("annotations", 1, area=-1), "area", "negative-area"),
        (changed("annotations", 1, area="x"), "area", "wrong-type"),
        (changed("annotations", 1, iscrowd=2), "iscrowd", "iscrowd-value"),
        (changed("annotations", 1, iscrowd=True), "iscrowd", "iscrowd-value"),
        (changed("annotations", 1, id=10), "id", "duplicate-id"),
        (changed("annotations", 1, id=[1]), "id", "wrong-type"),
        (changed("annotations", 1, id=1.5), "id", "wrong-type"),
        (changed("annotations", 1, id=HUGE), "id", "wrong-type"),
        (changed("annotations", 1, id=2**60), "id", "number-too-large"),
        (changed("annotations", 1, image_id=7), "image_id", "unknown-image"),
        (changed("annotations", 1, image_id="2"), "image_id", "unknown-image"),
        (changed("annotations", 1, image_id={}), "image_id", "wrong-type"),
        (changed("annotations", 1, image_id=True), "image_id", "wrong-type"),
        (changed("annotations", 1, category_id=7), "category_id", "unknown-category"),
        (changed("annotations", 1, category_id="a"), "category_id", "wrong-type"),
        (changed("annotations", 1, category_id=True), "category_id", "wrong-type"),
        (changed("annotations", 1, name="a\0"), "name", "bad-text"),
        (changed("annotations", 1, other=2**60), "other", "number-too-large"),
        (removed("annotations", 1, "image_id"), "image_id", "missing-field"),
        (removed("annotations", 1, "category_id"), "category_id", "missing-field"),
    ],
)
def test_bad_annotations(tmp_path: Path, content: Any, field: str, rule: str) -> None:
    found = issues(tmp_path, content)
    own = content["annotations"][1].get("id")
    called = f"annotations[1] (id {own})" if type(own) is int and own < HUGE else "annotations[1]"
    for place, broken in found:
        assert place.startswith(f"{called}.{field}"), place
        assert broken == rule
    kept = said(read(tmp_path, "coco", check_images=False, strict=False).dataset)
    assert [entry["id"] for entry in kept["1.png"]["objects"]] == [10]
    assert [entry["id"] for entry in kept["2.png"]["objects"]] == [12]


SECOND = "images[1] (id 2)"
LEFT_OUT = [(f"annotations[{n}] (id 1{n}).image_id", "unknown-image") for n in (1, 2)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            changed("images", 0, id=2),
            [(f"{SECOND}.id", "duplicate-id"), ("annotations[0] (id 10).image_id", "unknown-image")],
        ),
        (changed("images", 1, file_name="1.png"), [(SECOND, "duplicate-image")]),
        (changed("images", 1, file_name="../2.png"), [(f"{SECOND}.file_name", "unsafe-path")]),
        (changed("images", 1, file_name="/etc/2.png"), [(f"{SECOND}.file_name", "unsafe-path")]),
        (changed("images", 1, license=2**60), [(f"{SECOND}.license", "number-too-large")]),
        (removed("images", 1, "file_name"), [(f"{SECOND}.file_name", "missing-field"), *LEFT_OUT]),
        (changed("images", 1, file_name=3), [(f"{SECOND}.file_name", "wrong-type"), *LEFT_OUT]),
        (changed("images", 1, width=0), [(f"{SECOND}.width", "image-size"), *LEFT_OUT]),
        (changed("images", 1, width=-3), [(f"{SECOND}.width", "image-size"), *LEFT_OUT]),
        (changed("images", 1, height=8.5), [(f"{SECOND}.height", "image-size"), *LEFT_OUT]),
        (changed("images", 1, height=True), [(f"{SECOND}.height", "image-size"), *LEFT_OUT]),
        (changed("images", 1, height=2**40), [(f"{SECOND}.height", "image-size"), *LEFT_OUT]),
        (changed("images", 1, caption=["x"]), [(f"{SECOND}.caption", "wrong-type"), *LEFT_OUT]),
    ],
)
def test_bad_images(tmp_path: Path, content: Any, expected: list[tuple[str, str]]) -> None:
    assert issues(tmp_path, content) == expected


@pytest.mark.parametrize(
    ("own", "rule"), [(None, "missing-field"), ([2], "wrong-type"), (2.0, "wrong-type"), (True, "wrong-type")]
)
def test_image_ids(tmp_path: Path, own: Any, rule: str) -> None:
    found = issues(tmp_path, changed("images", 1, id=own))
    assert found[0] == ("images[1].id", rule)
    assert {broken for _, broken in found[1:]} == {"unknown-image"}


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([{"id": 1, "name": "a"}, {"id": 1, "name": "b"}], [("categories[1] (id 1).id", "duplicate-id")]),
        ([{"id": 1, "name": "a"}, 3], [("categories[1]", "wrong-type")]),
        ([{"id": 1, "name": "a"}, {"name": "b"}], [("categories[1].id", "missing-field")]),
        ([{"id": 1, "name": "a"}, {"id": "2", "name": "b"}], [("categories[1].id", "wrong-type")]),
        ([{"id": 1, "name": "a"}, {"id": 2**60, "name": "b"}], [("categories[1].id", "wrong-type")]),
        ([{"id": 1, "name": "a"}, {"id": 2}], [("categories[1] (id 2).name", "missing-field")]),
        ([{"id": 1, "name": "a"}, {"id": 2, "name": 2}], [("categories[1] (id 2).name", "wrong-type")]),
        ([{"id": 1, "name": "a"}, {"id": 2, "name": "\0"}], [("categories[1] (id 2).name", "bad-text")]),
        (
            [{"id": 1, "name": "a"}, {"id": 2, "name": "b", "x": 2**60}],
            [("categories[1] (id 2).x", "number-too-large")],
        ),
    ],
)
def test_bad_categories(tmp_path: Path, entries: list[Any], expected: list[tuple[str, str]]) -> None:
    assert issues(tmp_path, document() | {"categories": entries}) == expected
    kept = read(tmp_path, "coco", check_images=False, strict=False).dataset
    assert kept.attributes["categories"] == [{"id": 1, "name": "a"}]
    assert len(said(kept)["2.png"]["objects"]) == 2


def test_categories_that_are_no_list(tmp_path: Path) -> None:
    found = issues(tmp_path, document() | {"categories": {"1": "a"}})
    assert found == [
        ("categories", "wrong-type"),
        *[(f"annotations[{n}] (id 1{n}).category_id", "unknown-category") for n in range(3)],
    ]


def test_bad_header(tmp_path: Path) -> None:
    assert issues(tmp_path, document() | {"info": {"x": [2**60]}}) == [("info.x[0]", "number-too-large")]


@pytest.mark.parametrize("entry", [None, 3, "x", [1]])
def test_entries_that_are_no_objects(tmp_path: Path, entry: Any) -> None:
    content = document()
    content["images"].append(entry)
    content["annotations"].append(entry)
    assert issues(tmp_path, content) == [("images[2]", "wrong-type"), ("annotations[3]", "wrong-type")]


@pytest.mark.parametrize("text", [3, ["x"], None])
def test_bad_captions(tmp_path: Path, text: Any) -> None:
    content = document()
    content["annotations"].append({"id": 20, "image_id": 1, "caption": text})
    assert issues(tmp_path, content) == [("annotations[3] (id 20).caption", "wrong-type")]


def test_everything_at_once(tmp_path: Path) -> None:
    content = document()
    content["annotations"][0] |= {"bbox": [1]}
    content["annotations"][1] |= {"segmentation": {"size": [8, 10], "counts": [79]}}
    content["annotations"][2] |= {"iscrowd": 5}
    content["annotations"].append({"id": 13, "image_id": 2, "category_id": 2, "bbox": [0, 0, 99, 1]})
    content["annotations"].append({"id": 14, "image_id": 2, "category_id": 2, "bbox": [0, 0, 9, 1], "area": -1})
    content["annotations"].append({"id": 15, "image_id": 2, "category_id": 2, "bbox": [0, 0, 9, 1]})
    found = issues(tmp_path, content)
    assert sorted(found) == [
        ("annotations[0] (id 10).bbox", "bbox-length"),
        ("annotations[1] (id 11).segmentation", "bad-rle"),
        ("annotations[2] (id 12).iscrowd", "iscrowd-value"),
        ("annotations[3] (id 13).bbox", "box-outside-image"),
        ("annotations[4] (id 14).area", "negative-area"),
    ]
    kept = said(read(tmp_path, "coco", check_images=False, strict=False).dataset)
    assert [entry["id"] for entry in kept["2.png"]["objects"]] == [15]
    assert kept["1.png"]["objects"] == []


def test_types_are_those_of_the_first(tmp_path: Path) -> None:
    content = document()
    content["annotations"][0]["score"] = 1
    content["annotations"][1]["score"] = "high"
    put(tmp_path, content)
    found = read(tmp_path, "coco", check_images=False, strict=False).report
    assert [(issue.field, issue.rule) for issue in found] == [("annotations[1] (id 11).score", "mixed-types")]
    assert "in what is said of '1.png' it is a number" in found[0].message


def test_images_that_are_something_else(tmp_path: Path) -> None:
    content = document()
    content["images"].append({"id": 3, "file_name": "3.png", "width": 10, "height": 8})
    put(tmp_path, content)
    Image.new("L", (8, 10)).save(tmp_path / "1.png")
    (tmp_path / "2.png").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(InvalidMetadataError) as caught:
        read(tmp_path)
    found = [(issue.file, issue.field, issue.rule) for issue in caught.value.issues]
    file = "_annotations.coco.json"
    assert found == [
        (file, "images[0] (id 1)", "size-differs"),
        (file, "images[1] (id 2)", "not-an-image"),
        (file, "images[2] (id 3)", "missing-file"),
    ]


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n", "git-lfs pointer"),
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff{}", "not JSON"),
        (b'{"images": ' + 5000 * b"[" + 5000 * b"]" + b"}", "not JSON"),
        (b"[]", "is a list"),
        (b"3", "is a value"),
        (b"{}", "has no images"),
        (b'{"images": {}}', "images is a list"),
        (b'{"images": [], "annotations": {"a": 1}}', "annotations is a list"),
    ],
)
def test_files_that_are_something_else(tmp_path: Path, content: bytes, match: str) -> None:
    put(tmp_path, content)
    for strict in (True, False):
        with pytest.raises(FormatError, match=match):
            read(tmp_path, "coco", strict=strict)


def test_one_bad_file_of_several(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        (tmp_path / split).mkdir()
        put(tmp_path / split, document() if split == "train" else b"version https://git-lfs")
    with pytest.raises(InvalidMetadataError) as caught:
        read(tmp_path, check_images=False)
    assert [(issue.file, issue.rule) for issue in caught.value.issues] == [
        ("valid/_annotations.coco.json", "unreadable-file")
    ]
    kept = read(tmp_path, check_images=False, strict=False).dataset
    assert kept.names == ("train/1.png", "train/2.png")


def test_pointers_of_other_names(tmp_path: Path) -> None:
    (tmp_path / "train.json").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(FormatError, match="git-lfs pointer"):
        read(tmp_path, "coco")


@pytest.mark.parametrize("depth", [70, 300, 1000])
@pytest.mark.parametrize("field", ["more", "segmentation", "bbox", "area", "id"])
def test_deep_values(tmp_path: Path, depth: int, field: str) -> None:
    def deep(content: Any) -> bytes:
        return json.dumps(content).replace('"DEEP"', depth * "[" + "1" + depth * "]").encode()

    (found,) = issues(tmp_path, deep(changed("annotations", 1, **{field: "DEEP"})))
    assert found[0].startswith("annotations[1]")
    assert found[1] == ("wrong-type" if field == "id" else "too-deep")
    kept = said(read(tmp_path, "coco", check_images=False, strict=False).dataset)
    assert [entry["id"] for entry in kept["2.png"]["objects"]] == [12]
    assert issues(tmp_path, deep(changed("images", 1, more="DEEP"))) == [(SECOND, "too-deep")]
    assert issues(tmp_path, deep(document() | {"more": "DEEP"}))[0][1] == "too-deep"
    (category,) = issues(tmp_path, deep(changed("categories", 1, x="DEEP")))
    assert category[1] == "too-deep"


def many(count: int, **fields: Any) -> dict[str, Any]:
    """One image with many objects that are alike, and a sound one at the end."""
    content = document()
    own = {"image_id": 2, "category_id": 1, "bbox": [0, 0, 1, 1]}
    content["annotations"] = [{"id": n, **own, **fields} for n in range(count)] + [{"id": count, **own}]
    return content


@pytest.mark.parametrize(
    ("fields", "count"),
    [({"bbox": [0, 0, 1]}, 300), ({"area": -1, "segmentation": 3}, 300), ({"bbox": [0, 0, 99, 1]}, 10_500)],
)
def test_many_bad_objects_of_one_image(tmp_path: Path, fields: dict[str, Any], count: int) -> None:
    found = read(put(tmp_path, many(count, **fields)), "coco", check_images=False, strict=False)
    assert found.report.error_count == count * (2 if "area" in fields else 1)
    assert [entry["id"] for entry in said(found.dataset)["2.png"]["objects"]] == [count]


def test_many_fields_do_not_multiply(tmp_path: Path) -> None:
    content = many(3000)
    for number, annotation in enumerate(content["annotations"]):
        annotation[f"k{number}"] = 1
    assert issues(tmp_path, content) == [(SECOND, "too-many-fields")]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "bbox", "counts", "size", "name", "caption", "x", ""]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


def anywhere(content: dict[str, Any], draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
    """Put any JSON in the place of anything."""
    where = draw(st.sampled_from(["images", "annotations", "categories", ""]))
    if not where:
        content[draw(st.sampled_from([*content, "info", "licenses", "new"]))] = draw(JSON)
    elif not isinstance(content[where], list) or not content[where]:
        return
    elif draw(st.booleans()):
        entry = draw(st.sampled_from(content[where]))
        if isinstance(entry, dict):
            entry[draw(st.sampled_from([*entry, "new", "iscrowd", "area", "caption", "categories", "category"]))] = (
                draw(JSON)
            )
    else:
        content[where].append(draw(JSON))


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_anything_is_an_issue_or_kept(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    content = document()
    for _ in range(data.draw(st.integers(1, 3))):
        anywhere(content, data.draw)
    folder = put(tmp_path_factory.mktemp("any"), content)
    try:
        found = read(folder, "coco", check_images=False, strict=False)
    except ImageCardsError:
        return
    names = [entry.get("file_name") for entry in content["images"] if isinstance(entry, dict)]
    assert all(record.file_name in names for record in found.dataset.records)


@pytest.mark.parametrize("key", ["images", "annotations", "categories"])
def test_a_member_that_is_there_twice(tmp_path: Path, key: str) -> None:
    text = json.dumps(document())
    put(tmp_path, f'{text[:-1]}, "{key}" : []}}'.encode())
    with pytest.raises(FormatError, match=f"has {key} twice, and it is not clear which counts: make one of them"):
        read(tmp_path, "coco", check_images=False)
    put(tmp_path, {**document(), "more": {key: 1, "says": f'"{key}":', f'"{key}': [{key: key}]}})
    read(tmp_path, "coco", check_images=False)


@pytest.mark.parametrize("name", ["../1.png", "/1.png", "C:\\1.png", "a\0.png", "con.png", "", "a//1.png"])
def test_names_that_are_no_paths_are_told_as_such_where_images_are_missing(tmp_path: Path, name: str) -> None:
    content = changed("images", 0, file_name=name)
    put(tmp_path, content)
    Image.new("L", (10, 8)).save(tmp_path / "2.png")
    found = read(tmp_path, "coco", strict=False)
    assert {issue.rule for issue in found.report} == {"unsafe-path"}
    assert found.dataset.names == ("2.png",)


def test_images_behind_links_are_told(tmp_path: Path) -> None:
    for folder in ("data", "images"):
        (tmp_path / folder).mkdir()
    put(tmp_path / "data", document())
    for number in (1, 2):
        Image.new("L", (10, 8)).save(tmp_path / "images" / f"{number}.png")
    (tmp_path / "data" / "images").symlink_to(tmp_path / "images")
    with pytest.raises(InvalidMetadataError, match="links such as 'images' are not followed: put the image itself"):
        read(tmp_path / "data", "coco")


def test_no_field_is_overwritten_by_one_that_gets_its_name(tmp_path: Path) -> None:
    content = document()
    content["images"][0] |= {"objects": 1, "objects_": 2, "captions": "own", "file_name_": 3}
    content["annotations"][0] |= {"category": 1, "category_": 2, "categories": 3, "categories_": 4}
    content["annotations"].append({"id": 1, "image_id": 1, "caption": "said"})
    put(tmp_path, content)
    found = read(tmp_path, "coco", check_images=False).dataset
    fields = said(found)["1.png"]
    assert {key: fields[key] for key in ("objects_", "objects__", "captions_", "file_name_")} == {
        "objects_": 2,
        "objects__": 1,
        "captions_": "own",
        "file_name_": 3,
    }
    assert fields["captions"] == [{"id": 1, "caption": "said"}]
    (entry,) = fields["objects"]
    assert {key: entry[key] for key in ("categories", "category_", "category__", "categories_", "categories__")} == {
        "categories": "a",
        "category_": 2,
        "category__": 1,
        "categories_": 4,
        "categories__": 3,
    }


def test_an_image_of_which_too_much_is_said(tmp_path: Path) -> None:
    content = document()
    content["annotations"][0]["segmentation"] = [[1.0, 1.0, 5.0, 1.0, 5.0, 4.0] * 800_000]
    put(tmp_path, content)
    found = read(tmp_path, "coco", check_images=False, strict=False)
    (issue,) = found.report
    assert (issue.rule, issue.field) == ("line-too-long", "images[0] (id 1)")
    assert issue.message.startswith("as a line of metadata.jsonl, what is said of the image and its objects would be")
    assert found.dataset.names == ("2.png",)
