"""Label Studio: in, out, there and back, whose annotation counts, and what hostile exports get."""

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from PIL import Image
from tests.formats.drawn import draw_image
from tests.formats.rich import rich_datasets, sizes_of
from tests.formats.sameness import said, same, same_but
from tests.formats.strategies import datasets, make_dataset

from imagecards.datasets import ImageDataset
from imagecards.errors import FormatError, InvalidMetadataError
from imagecards.formats import find_format, read, write
from imagecards.formats.outlines import runs_of
from imagecards.geometry import encode_brush, polygon_area, runs_to_mask


def region(type_: str, value: dict[str, Any], labels: Any = ("cat",), **fields: Any) -> dict[str, Any]:
    kind = {"labels": "labels"}.get(type_, type_)
    value = {**value, kind: list(labels)} if labels is not None else value
    size = {"original_width": 20, "original_height": 10, "image_rotation": 0}
    return {"id": "r1", "from_name": "l", "to_name": "image", "type": type_, "value": value, **size, **fields}


BOX = {"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0}
BOX_SAID = {"bbox": [2.0, 2.0, 6.0, 4.0], "categories": "cat", "id": "r1"}
TRIANGLE = {"points": [[0, 0], [50, 0], [50, 100]], "closed": True}


def annotation(*result: Any, **fields: Any) -> dict[str, Any]:
    return {"id": 1, "completed_by": 1, "result": list(result), "was_cancelled": False, **fields}


def task(*annotations: Any, image: str = "/data/upload/1/0a1b2c3d-a.png", **fields: Any) -> dict[str, Any]:
    return {"id": 1, "annotations": list(annotations), "predictions": [], "data": {"image": image}, **fields}


def export(tmp_path: Path, *tasks: Any) -> Path:
    draw_image(tmp_path / "a.png")
    place = tmp_path / "project-1.json"
    place.write_text(json.dumps(list(tasks)))
    return place


def image_of(place: Path, **options: Any) -> dict[str, Any]:
    return said(ImageDataset.read(place, **options))["a.png"]


@given(datasets())
def test_written_and_read_again_it_is_the_same(dataset: ImageDataset) -> None:
    with tempfile.TemporaryDirectory() as place:
        assert not write(dataset, f"{place}/out", "labelstudio")
        if len(dataset):
            reading = read(f"{place}/out")
            assert reading.format == "labelstudio"
            assert not reading.report
            assert same(dataset, reading.dataset, sizes_of(dataset))


@given(rich_datasets())
def test_whatever_is_lost_is_named(dataset: ImageDataset) -> None:
    with tempfile.TemporaryDirectory() as place:
        losses = write(dataset, f"{place}/out", "labelstudio")
        if not len(dataset):
            return
        again = read(f"{place}/out", "labelstudio").dataset
        assert same_but(dataset, again, sizes_of(dataset), losses)
        if len(losses):
            assert not write(again, f"{place}/again", "labelstudio")
            assert same(again, read(f"{place}/again", "labelstudio").dataset, sizes_of(dataset))


def test_each_kind_of_region(tmp_path: Path) -> None:
    mask = np.zeros((10, 20), bool)
    mask[2:4, 5:9] = True
    place = export(
        tmp_path,
        task(
            annotation(
                region("rectanglelabels", BOX),
                region("polygonlabels", TRIANGLE, id="r2"),
                region("brushlabels", {"format": "rle", "rle": encode_brush(mask)}, id="r3"),
                region("ellipselabels", {"x": 50, "y": 50, "radiusX": 20, "radiusY": 40, "rotation": 0}, id="r4"),
                region("rectanglelabels", BOX | {"x": 50, "rotation": 90}, id="r5"),
            )
        ),
    )
    box, polygon, brush, ellipse, turned = image_of(place)["objects"]
    assert box == BOX_SAID
    assert polygon["segmentation"] == [[0, 0, 10, 0, 10, 10]]
    assert runs_to_mask(runs_of(brush["segmentation"], 10, 20)).tolist() == mask.tolist()
    assert brush["bbox"] == [5, 2, 4, 2]
    assert ellipse["bbox"] == [6, 1, 8, 8]
    assert polygon_area(np.array(ellipse["segmentation"][0])) == pytest.approx(np.pi * 16, rel=0.03)
    assert turned["segmentation"] == [[10, 2, 10, 8, 6, 8, 6, 2]]  # turned about its top left corner


def test_labels_in_a_result_of_their_own(tmp_path: Path) -> None:
    place = export(
        tmp_path,
        task(
            annotation(
                region("rectangle", BOX, None),
                region("labels", BOX, ["cat", "big"]),
                region("choices", {**BOX, "choices": ["blurred"]}, None, from_name="quality"),
                region("textarea", {**BOX, "text": ["x"]}, None, from_name="note"),
            )
        ),
    )
    assert image_of(place) == {
        "objects": [BOX_SAID | {"labels": ["cat", "big"], "quality": ["blurred"], "note": ["x"]}]
    }


def test_controls_may_be_called_as_fields_are(tmp_path: Path) -> None:
    """A text on a region whose control is called "category" is not the category."""
    names = ("bbox", "category", "segmentation", "id", "id_", "area", "iscrowd")
    texts = [region("textarea", {**BOX, "text": ["x"]}, None, from_name=name) for name in names]
    place = export(tmp_path, task(annotation(region("rectanglelabels", BOX), *texts)))
    assert image_of(place) == {"objects": [BOX_SAID | {f"{name}_": ["x"] for name in names if name != "id"}]}


def test_regions_of_one_id_have_their_own_labels(tmp_path: Path) -> None:
    regions = [region("rectanglelabels", BOX, [name]) for name in ("cat", "dog")]
    objects = image_of(export(tmp_path, task(annotation(*regions))))["objects"]
    assert [entry["categories"] for entry in objects] == ["cat", "dog"]


def test_many_results_of_one_id_take_no_longer_than_others(tmp_path: Path) -> None:
    """Each of 6,000 regions and texts once looked at all others: 36 million steps."""
    text = region("textarea", {**BOX, "text": ["x"]}, None, from_name="note")
    place = export(tmp_path, task(annotation(*[region("rectanglelabels", BOX), text] * 3000)))
    began = time.process_time()
    assert len(image_of(place)["objects"]) == 3000
    assert time.process_time() - began < 5


def test_splits_may_have_a_slash(tmp_path: Path) -> None:
    record = {"file_name": "a/b/c.png", "objects": {"bbox": [], "categories": []}}
    dataset = make_dataset([record], {"a/b/c.png": (4, 4)}, {"a/b": ["a/b/c.png"]})
    assert not write(dataset, tmp_path / "out", "labelstudio")
    assert dict(read(tmp_path / "out").dataset.splits) == {"a/b": ("a/b/c.png",)}


def test_a_split_that_can_be_none_is_a_field(tmp_path: Path) -> None:
    each = task(annotation())
    each["data"]["split"] = "../x"
    assert image_of(export(tmp_path, each)) == {"objects": [], "split": "../x"}


def test_choices_and_texts_are_the_images_own(tmp_path: Path) -> None:
    choices = region("choices", {"choices": ["day"]}, None, id="c")
    text = region("textarea", {"text": ["a cat", "on a mat"]}, None, id="t")
    rating = region("rating", {"rating": 4}, None, id="q", from_name="stars")
    place = export(tmp_path, task(annotation(choices, text, rating), data={"image": "a.png", "weather": "rain"}))
    assert image_of(place) == {
        "categories": ["day"],
        "caption": "a cat\non a mat",
        "stars": 4,
        "weather": "rain",
    }


def test_keypoints_and_relations_are_skipped_and_told(tmp_path: Path) -> None:
    point = region("keypointlabels", {"x": 1, "y": 1, "width": 1})
    relation = {"from_id": "a", "to_id": "b", "type": "relation", "direction": "right"}
    reading = read(export(tmp_path, task(annotation(point, relation, region("rectanglelabels", BOX)))))
    assert len(said(reading.dataset)["a.png"]["objects"]) == 1
    assert [(issue.rule, issue.severity) for issue in reading.report] == [("region-skipped", "warning")] * 2
    assert reading.report[0].field == "[0] (id 1).annotations[0].result[0].type"


def several() -> dict[str, Any]:
    def by(who: Any, label: str, created: str, updated: str, **fields: Any) -> dict[str, Any]:
        box = region("rectanglelabels", BOX, [label])
        return annotation(box, completed_by=who, created_at=created, updated_at=updated, **fields)

    return task(
        by(1, "one", "2024-01-01T00:00:00Z", "2024-01-09T00:00:00Z"),
        by({"id": 2, "email": "b@x.org"}, "two", "2024-01-02T00:00:00+02:00", "2024-01-03T00:00:00.5Z"),
        by(3, "three", "2023-01-02T00:00:00Z", "2024-02-03T00:00:00Z", was_cancelled=True),
        by(4, "four", "2024-01-05T00:00:00Z", "2024-01-05T00:00:00Z"),
    )


@pytest.mark.parametrize(
    ("annotator", "label"), [("last", "one"), ("first", "one"), (2, "two"), ("b@x.org", "two"), ("4", "four")]
)
def test_whose_annotation_counts(tmp_path: Path, annotator: Any, label: str) -> None:
    reading = read(export(tmp_path, several()), annotator=annotator)
    assert said(reading.dataset)["a.png"]["objects"][0]["categories"] == label
    assert {issue.rule: issue.message for issue in reading.report} == {
        "cancelled-annotations-ignored": "1 cancelled annotations don't count; the first of them is here",
        "annotations-of-others-ignored": "2 annotations of others don't count; the first of them is here",
    }


def test_a_ground_truth_wins(tmp_path: Path) -> None:
    chosen = several()
    chosen["annotations"][1]["ground_truth"] = True
    for annotator in ("first", "last"):
        found = image_of(export(tmp_path, chosen), annotator=annotator)
        assert found["objects"][0]["categories"] == "two"


def test_of_nobody_nothing_is_known(tmp_path: Path) -> None:
    assert image_of(export(tmp_path, several()), annotator=3) == {}
    assert image_of(export(tmp_path, task())) == {}
    assert image_of(export(tmp_path, task(annotation()))) == {"objects": []}


def test_predictions_never_count(tmp_path: Path) -> None:
    place = export(tmp_path, task(predictions=[{"result": [region("rectanglelabels", BOX)]}] * 3))
    reading = read(place)
    assert said(reading.dataset) == {"a.png": {}}
    assert [(issue.rule, issue.field, issue.message) for issue in reading.report] == [
        ("predictions-ignored", "[0] (id 1)", "3 predictions don't count; the first of them is here")
    ]


@pytest.mark.parametrize(
    "image",
    [
        "/data/upload/1/0a1b2c3d-a.png",
        "/data/local-files/?d=set%2Fa.png",
        "https://ls.example.org/data/local-files/?x=1&d=set/a.png",
        "s3://bucket/deep/a.png",
        "https://x.org/a.png?token=%2F..%2F",
        "C:\\images\\a.png",
        "/home/me/a.png",
        "a.png",
    ],
)
def test_the_image_is_found(tmp_path: Path, image: str) -> None:
    assert ImageDataset.read(export(tmp_path, task(image=image))).names == ("a.png",)


def test_an_ambiguous_image_is_an_issue(tmp_path: Path) -> None:
    draw_image(tmp_path / "x" / "a.png")
    assert ImageDataset.read(export(tmp_path, task(image="s3://b/x/a.png"))).names == ("x/a.png",)
    reading = read(export(tmp_path, task(image="s3://b/y/a.png")), strict=False)
    (issue,) = reading.report.errors
    assert (issue.file, issue.field, issue.rule) == ("project-1.json", "[0] (id 1).data.image", "ambiguous-image")


def test_a_missing_image_is_an_issue(tmp_path: Path) -> None:
    reading = read(export(tmp_path, task(image="b.png"), task()), strict=False)
    assert [issue.rule for issue in reading.report.errors] == ["missing-file"]
    assert reading.dataset.names == ("a.png",)


def test_the_field_of_the_image(tmp_path: Path) -> None:
    place = export(tmp_path, task(data={"url": "a.png", "other": "text"}))
    assert image_of(place) == {"other": "text"}
    place = export(tmp_path, task(data={"before": "b.png", "after": "a.png"}))
    assert [issue.rule for issue in read(place, strict=False).report.errors] == ["no-image"]
    assert image_of(place, image_key="after") == {"before": "b.png"}


def test_without_a_size_that_of_the_file_counts(tmp_path: Path) -> None:
    bare = region("rectanglelabels", BOX)
    del bare["original_width"], bare["original_height"]
    assert image_of(export(tmp_path, task(annotation(bare))))["objects"] == [BOX_SAID]


def two_images(**fields: Any) -> dict[str, Any]:
    """A task whose images are a list: a box in each, of another label."""
    regions = [
        region("rectanglelabels", BOX, [label], id=label, item_index=n) for n, label in enumerate(("one", "two"))
    ]
    day = region("choices", {"choices": ["day"]}, None, id="c")
    regions[1] |= {"original_width": 8, "original_height": 5}
    return task(annotation(*regions, day), data={"images": ["a.png", "b.png"], **fields})


def test_each_image_of_a_list_has_its_own_regions(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((5, 8), np.uint8)).save(tmp_path / "b.png")
    found = said(ImageDataset.read(export(tmp_path, two_images(weather="rain"))))
    assert found["a.png"] == {
        "categories": ["day"],
        "objects": [{**BOX_SAID, "categories": "one", "id": "one"}],
        "weather": "rain",
    }
    assert found["b.png"]["objects"] == [{"bbox": [0.8, 1.0, 2.4, 2.0], "categories": "two", "id": "two"}]


def test_what_is_said_of_all_images_is_not_multiplied(tmp_path: Path) -> None:
    """A megabyte of choices and fields once became twenty gigabytes."""
    for more in (annotation(*[region("choices", {"choices": ["day"]}, None)] * 5000), annotation()):
        data = {"images": ["a.png"] * 20_000, "note": "x" * 10 if more["result"] else "x" * 1_000_000}
        reading = read(export(tmp_path, task(more, data=data), task()), strict=False)
        assert [(issue.rule, issue.field) for issue in reading.report] == [("task-too-large", "[0] (id 1)")]
        assert reading.dataset.names == ("a.png",)


@pytest.mark.parametrize("item", [2, -1, "1", 0.5, True])
def test_a_region_of_an_image_that_is_not_there_is_told(tmp_path: Path, item: Any) -> None:
    for data in ({"images": ["a.png", "b.png"]}, {"images": "a.png"}):
        other = region("rectanglelabels", BOX, id="x", item_index=item)
        reading = read(export(tmp_path, task(annotation(other), data=data)), strict=False)
        issue = reading.report.errors[0]
        assert (issue.rule, issue.field) == ("other-image", "[0] (id 1).annotations[0].result[0].item_index")
        assert said(reading.dataset)["a.png"]["objects"] == []


def test_regions_of_another_tag_are_not_those_of_the_image(tmp_path: Path) -> None:
    draw_image(tmp_path / "b.png")
    data = {"image": "a.png", "after": "b.png"}
    mine, other = (region("rectanglelabels", BOX, [name], id=name, to_name=name) for name in ("image", "after"))
    for results in ([mine, other], [other]):
        reading = read(export(tmp_path, task(annotation(*results), data=data)), strict=False)
        assert [(issue.rule, issue.value) for issue in reading.report.errors] == [("other-image", "'after'")]
        objects = said(reading.dataset)["a.png"]["objects"]
        assert [entry["categories"] for entry in objects] == [result["to_name"] for result in results[:-1]]
    chosen = read(export(tmp_path, task(annotation(mine, other), data=data)), image_key="after", to_name="after")
    assert [entry["categories"] for entry in said(chosen.dataset)["b.png"]["objects"]] == ["after"]
    assert [(issue.rule, issue.severity) for issue in chosen.report] == [
        ("results-of-other-images-ignored", "warning"), ("unlisted-image", "warning"),
    ]  # fmt: skip


def test_tags_of_other_names_than_the_fields(tmp_path: Path) -> None:
    """Which tag shows which field is in the configuration of the project, not in the export."""
    data = {"image": "a.png", "after": "b.png"}
    regions = [region("rectanglelabels", BOX, [name], id=name, to_name=name) for name in ("left", "right")]
    place = export(tmp_path, task(annotation(*regions), data=data))
    assert [issue.rule for issue in read(place, strict=False).report.errors] == ["other-image"] * 2
    assert [entry["categories"] for entry in image_of(place, to_name="left")["objects"]] == ["left"]
    place = export(tmp_path, task(annotation(regions[0]), data={"image": "a.png"}))
    assert [entry["categories"] for entry in image_of(place)["objects"]] == ["left"]


def test_a_missing_image_names_its_task(tmp_path: Path) -> None:
    (issue,) = read(export(tmp_path, task(), task(image="b.png", id=7)), strict=False).report.errors
    assert (issue.rule, issue.field) == ("missing-file", "[1] (id 7)")


def test_a_list_without_data_is_called_what_it_is(tmp_path: Path) -> None:
    place = export(tmp_path, {"id": 1, "image": "a.png", "label": [], "annotator": 1, "annotation_id": 1})
    with pytest.raises(InvalidMetadataError, match="JSON-MIN"):
        read(place, "labelstudio")


@pytest.mark.parametrize("images", [True, False])
def test_sizes_are_kept_without_the_images(tmp_path: Path, images: bool) -> None:
    none: dict[str, Any] = {"bbox": [], "categories": []}
    said_of: dict[str, dict[str, Any]] = {"a.png": {"objects": none}, "b.png": {}, "c.png": {"caption": "c"}}
    records = [{"file_name": name, **said} for name, said in said_of.items()]
    sizes = {"a.png": (20, 10), "b.png": (8, 5), "c.png": (3, 2)}
    write(make_dataset(records, sizes), tmp_path / "out", "labelstudio", images=images)
    again = read(tmp_path / "out", check_images=False).dataset.table
    assert again["file_name"].to_pylist() == [*sizes]
    assert [*zip(again["width"].to_pylist(), again["height"].to_pylist(), strict=True)] == [*sizes.values()]


def test_a_size_is_that_of_any_result(tmp_path: Path) -> None:
    point = region("keypointlabels", {"x": 1, "y": 1, "width": 1})
    reading = read(export(tmp_path, task(annotation(point), image="b.png")), check_images=False)
    assert reading.dataset.table["width"].to_pylist() == [20]


NAN = float("nan")
R = "[0] (id 1).annotations[0].result[1]"


@pytest.mark.parametrize(
    ("bad", "rule", "where"),
    [
        (region("rectanglelabels", BOX | {"x": NAN}), "not-finite", f"{R}.value.x"),
        (region("rectanglelabels", BOX | {"width": 1e300}), "not-finite", f"{R}.value.width"),
        (region("rectanglelabels", BOX | {"width": "3"}), "wrong-type", f"{R}.value.width"),
        (region("rectanglelabels", {"x": 1}), "wrong-type", f"{R}.value.y"),
        (region("rectanglelabels", BOX | {"width": -5}), "bbox-negative-size", f"{R}.bbox"),
        (region("rectanglelabels", BOX | {"x": 200}), "box-outside-image", f"{R}.bbox"),
        (region("rectanglelabels", BOX, None), "no-label", f"{R}.value"),
        (region("rectanglelabels", BOX, image_rotation=90), "image-turned", f"{R}.image_rotation"),
        (region("rectanglelabels", BOX, original_width="x"), "size-unknown", R),
        (region("rectanglelabels", BOX, original_width=21), "size-differs", f"{R}.original_width"),
        (region("polygonlabels", {"points": [[1, 1]]}), "polygon-too-short", f"{R}.value.points"),
        (region("polygonlabels", {"points": [[1, 1], [2], [3, 3]]}), "wrong-type", f"{R}.value.points[1]"),
        (region("polygonlabels", {"points": [[1, 1], [2, NAN], [3, 3]]}), "not-finite", f"{R}.value.points[1]"),
        (region("brushlabels", {"format": "rle", "rle": [0, 1, 2]}), "bad-brush", f"{R}.value.rle"),
        (region("brushlabels", {"format": "rle", "rle": "xx"}), "bad-brush", f"{R}.value.rle"),
        (region("brushlabels", {"format": "png", "rle": []}), "bad-brush", f"{R}.value.rle"),
        (region("ellipselabels", {"x": 300, "y": 0, "radiusX": 1, "radiusY": 1}), "shape-outside", f"{R}.value"),
        (region("cubelabels", BOX), "unknown-region", f"{R}.type"),
        ("x", "wrong-type", R),
        ({"type": "rectanglelabels"}, "wrong-type", f"{R}.value"),
    ],
)
def test_bad_regions_are_named_and_left_out(tmp_path: Path, bad: Any, rule: str, where: str) -> None:
    good = region("rectanglelabels", BOX, ["good"], id="g")
    place = export(tmp_path, task(annotation(good, bad, good)))
    with pytest.raises(InvalidMetadataError, match=rule):
        read(place)
    reading = read(place, strict=False)
    issue = reading.report.errors[0]
    assert (issue.file, issue.rule, issue.field) == ("project-1.json", rule, where)
    assert [entry["categories"] for entry in said(reading.dataset)["a.png"]["objects"]] == ["good", "good"]


def test_a_huge_brush_allocates_nothing(tmp_path: Path) -> None:
    huge = region("brushlabels", {"format": "rle", "rle": [0] * 20}, original_width=2**20, original_height=2**20)
    reading = read(export(tmp_path, task(annotation(huge))), strict=False)
    assert "bad-brush" in [issue.rule for issue in reading.report.errors]


@pytest.mark.parametrize(
    ("bad", "rule", "where"),
    [
        ("x", "wrong-type", "[1]"),
        ({"id": 1}, "wrong-type", "[1]"),
        (task(image="data:image/png;base64,AAAA"), "no-image", "[1] (id 1).data.image"),
        (task(data={"image": 3}), "no-image", "[1] (id 1).data.image"),
        (task(3), "wrong-type", "[1] (id 1).annotations[0]"),
    ],
)
def test_bad_tasks_are_named_and_left_out(tmp_path: Path, bad: Any, rule: str, where: str) -> None:
    good = task(annotation(region("rectanglelabels", BOX)))
    draw_image(tmp_path / "b.png")
    if isinstance(bad, dict) and bad.get("data") == {"image": "/data/upload/1/0a1b2c3d-a.png"}:
        bad["data"] = {"image": "b.png"}
    reading = read(export(tmp_path, good, bad), strict=False)
    issue = reading.report.errors[0]
    assert (issue.file, issue.rule, issue.field) == ("project-1.json", rule, where)
    assert said(reading.dataset)["a.png"]["objects"] == [BOX_SAID]


@pytest.mark.parametrize("text", ["[" * 100_000, "[" * 100_000 + "NaN", '{"tasks": []}', "version https://git-lfs.x"])
def test_bad_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(FormatError):
        read(tmp_path / "a.json", "labelstudio")


def test_its_coco_export_is_not_this_format(tmp_path: Path) -> None:
    draw_image(tmp_path / "images" / "a.png")
    coco = {"images": [{"id": 0, "file_name": "images/a.png", "width": 20, "height": 10}], "annotations": []}
    (tmp_path / "result.json").write_text(json.dumps({**coco, "categories": []}))
    assert find_format(tmp_path).name == "coco"
    assert find_format(tmp_path / "result.json").name == "coco"


def test_an_export_is_told_from_its_beginning(tmp_path: Path) -> None:
    place = export(tmp_path, task(annotation(*[region("rectanglelabels", BOX)] * 3000)))
    assert place.stat().st_size > 500_000
    assert find_format(place).name == "labelstudio"
    assert find_format(tmp_path).name == "labelstudio"
