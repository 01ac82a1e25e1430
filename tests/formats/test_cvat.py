"""CVAT for images 1.1: every shape, groups, labels, layouts, and what hostile XML gets."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.formats.drawn import draw_image
from tests.formats.sameness import said
from tests.formats.test_voc import HOSTILE

from imagecards.datasets import ImageDataset
from imagecards.errors import FormatError, InvalidMetadataError
from imagecards.formats import cvat as module
from imagecards.formats import find_format, read
from imagecards.formats.outlines import runs_of
from imagecards.geometry import polygon_area, runs_to_mask

META = """<meta><task><name>t</name><labels>
<label><name>cat</name><color>#ff0000</color><type>any</type><attributes/></label>
<label><name>dog</name><color>#00ff00</color><attributes/></label>
</labels></task></meta>
"""


def box(label: str = "cat", more: str = "", inner: str = "") -> str:
    return f'<box label="{label}" xtl="1.5" ytl="2" xbr="5" ybr="6" {more}>{inner}</box>\n'


def image(*shapes: str, name: str = "a.png", more: str = "") -> str:
    return f'<image id="0" name="{name}" width="20" height="10" {more}>\n{"".join(shapes)}</image>\n'


def export(tmp_path: Path, *images: str, meta: str = META) -> Path:
    draw_image(tmp_path / "images" / "a.png")
    text = f'<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n{meta}{"".join(images)}'
    (tmp_path / "annotations.xml").write_text(f"{text}</annotations>\n")
    return tmp_path


def image_of(place: Path) -> dict[str, Any]:
    return said(ImageDataset.read(place))["a.png"]


def test_each_kind_of_shape(tmp_path: Path) -> None:
    place = export(
        tmp_path,
        image(
            box(),
            '<polygon label="dog" points="0,0;4,0;4,4.5"/>',
            '<mask label="cat" rle="1, 3, 2" left="2" top="3" width="3" height="2"/>',
            '<ellipse label="ring" cx="10" cy="5" rx="4" ry="2"/>',
            '<box label="turned" xtl="2" ytl="4" xbr="6" ybr="6" rotation="90"/>',
        ),
    )
    assert find_format(place).name == find_format(place / "annotations.xml").name == "cvat"
    plain, polygon, mask, ellipse, turned = image_of(place)["objects"]
    assert plain == {"bbox": [1.5, 2, 3.5, 4], "categories": "cat"}
    assert polygon["segmentation"] == [[0, 0, 4, 0, 4, 4.5]]
    assert polygon["bbox"] == [0, 0, 4, 4.5]
    pixels = runs_to_mask(runs_of(mask["segmentation"], 10, 20))
    assert np.argwhere(pixels).tolist() == [[3, 3], [3, 4], [4, 2]]  # along rows: the row below begins with the third
    assert mask["bbox"] == [2, 3, 3, 2]
    assert ellipse["bbox"] == [6, 3, 8, 4]
    assert polygon_area(np.array(ellipse["segmentation"][0])) == pytest.approx(np.pi * 8, rel=0.03)
    assert turned["bbox"] == [3, 3, 2, 4]


def test_fields_labels_and_tags(tmp_path: Path) -> None:
    inner = '<attribute name="colour">black</attribute><attribute name="age">3</attribute>'
    tag = '<tag label="day" source="manual"></tag><tag label="wet"><attribute name="how">very</attribute></tag>'
    reading = read(export(tmp_path, image(box(more='occluded="1" z_order="2" source="manual"', inner=inner), tag)))
    assert said(reading.dataset)["a.png"] == {
        "categories": ["day", "wet"],
        "tags": [{"label": "day", "attributes": {}}, {"label": "wet", "attributes": {"how": "very"}}],
        "objects": [
            {
                "bbox": [1.5, 2, 3.5, 4],
                "categories": "cat",
                "occluded": 1,
                "z_order": 2,
                "source": "manual",
                "attributes": {"colour": "black", "age": "3"},
            }
        ],
    }
    assert reading.dataset.attributes == {
        "categories": [
            {"id": 1, "name": "cat", "color": "#ff0000", "type": "any"},
            {"id": 2, "name": "dog", "color": "#00ff00"},
        ]
    }


def test_groups_join_parts(tmp_path: Path) -> None:
    triangle = '<polygon label="cat" points="10,0;14,0;14,4" group_id="1"/>'
    mask = '<mask label="m" rle="0, 4" left="0" top="0" width="2" height="2" group_id="3"/>'
    place = export(
        tmp_path,
        image(
            box(more='group_id="1"'),
            triangle,
            box("dog", 'group_id="2"'),
            box("bike", 'group_id="2"'),
            box(more='group_id="0"'),
            mask,
            box("m", 'group_id="3"'),
        ),
    )
    parts, dog, bike, alone, mixed = image_of(place)["objects"]
    assert len(parts["segmentation"]) == 2
    assert parts["bbox"] == [1.5, 0, 12.5, 6]
    assert "group_id" not in parts
    assert dog["group_id"] == bike["group_id"] == 2
    assert "group_id" not in alone
    assert runs_to_mask(runs_of(mixed["segmentation"], 10, 20))[:2, :2].all()


def test_what_has_no_area_is_skipped_and_told(tmp_path: Path) -> None:
    points = '<points label="p" points="1,1;2,2"/><polyline label="p" points="1,1;2,2"/>'
    reading = read(export(tmp_path, image(box(), points, '<skeleton label="s"><points label="x"/></skeleton>')))
    assert len(said(reading.dataset)["a.png"]["objects"]) == 1
    assert {issue.rule for issue in reading.report} == {"shape-skipped"}
    assert [issue.field for issue in reading.report] == ["a.png points[0]", "a.png polyline[0]", "a.png skeleton[0]"]


def test_subsets_are_splits(tmp_path: Path) -> None:
    for name in ("train/b.png", "Validation/x/b.png"):
        draw_image(tmp_path / "images" / name)
    place = export(
        tmp_path,
        image(more='subset="default"'),
        image(box(), name="b.png", more='subset="train"'),
        image(name="x/b.png", more='subset="Validation"'),
    )
    dataset = ImageDataset.read(place)
    assert dict(dataset.splits) == {"Validation": ("Validation/x/b.png",), "train": ("train/b.png",)}
    assert sorted(dataset.names) == ["Validation/x/b.png", "a.png", "train/b.png"]


def test_projects_have_labels_too(tmp_path: Path) -> None:
    place = export(tmp_path, image(), meta=META.replace("task>", "project>"))
    assert len(ImageDataset.read(place).attributes["categories"]) == 2


@pytest.mark.parametrize(
    ("bad", "rule", "where"),
    [
        ('<box label="x" xtl="nan" ytl="2" xbr="5" ybr="6"/>\n', "not-finite", "box[1].xtl"),
        ('<box label="x" ytl="2" xbr="5" ybr="6"/>\n', "not-finite", "box[1].xtl"),
        ('<box label="x" xtl="9" ytl="2" xbr="5" ybr="6"/>\n', "bbox-negative-size", "box[1].xbr"),
        ('<box label="x" xtl="9" ytl="2" xbr="500" ybr="6"/>\n', "box-outside-image", "box[1].bbox"),
        ('<box xtl="1" ytl="2" xbr="5" ybr="6"/>\n', "missing-field", "box[1].label"),
        ('<polygon label="x" points="1,1;2,2"/>\n', "polygon-too-short", "polygon[0].points"),
        ('<polygon label="x" points="1,1;2;3,3"/>\n', "wrong-type", "polygon[0].points[1]"),
        ('<polygon label="x" points="1,1;inf,2;3,3"/>\n', "not-finite", "polygon[0].points[1]"),
        ('<ellipse label="x" cx="-50" cy="1" rx="2" ry="2"/>\n', "shape-outside", "ellipse[0]"),
        ('<mask label="x" rle="1,2" left="0" top="0" width="2" height="2"/>\n', "bad-rle", "mask[0].rle"),
        ('<mask label="x" rle="1,-2,5" left="0" top="0" width="2" height="2"/>\n', "bad-rle", "mask[0].rle"),
        ('<mask label="x" rle="a" left="0" top="0" width="2" height="2"/>\n', "bad-rle", "mask[0].rle"),
        ('<mask label="x" rle="0,4" left="19" top="0" width="2" height="2"/>\n', "bad-rle", "mask[0].rle"),
        ('<mask label="x" rle="1099511627776" left="0" top="0" width="1048576" height="1048576"/>\n', "bad-rle",
         "mask[0].rle"),
        ('<mask label="x" rle="4" left="0.5" top="0" width="2" height="2"/>\n', "wrong-type", "mask[0].left"),
        ('<cube label="x"/>\n', "unknown-shape", "cube[0]"),
    ],
)  # fmt: skip
def test_bad_shapes_are_named_and_left_out(tmp_path: Path, bad: str, rule: str, where: str) -> None:
    place = export(tmp_path, image(box(), bad, box("dog")))
    with pytest.raises(InvalidMetadataError, match=rule):
        read(place)
    reading = read(place, strict=False)
    (issue,) = reading.report.errors
    assert (issue.file, issue.line, issue.rule, issue.field) == ("annotations.xml", 10, rule, f"a.png {where}")
    assert [entry["categories"] for entry in said(reading.dataset)["a.png"]["objects"]] == ["cat", "dog"]


@pytest.mark.parametrize(
    ("bad", "rule"),
    [
        ('<image id="1" name="b.png" width="0x" height="2"/>', "not-finite"),
        ('<image id="1" name="" width="1" height="2"/>', "missing-field"),
        ('<image id="1" name="b.png" width="1" height="2"/>', "missing-file"),
        ('<image id="1" name="a.png" width="20" height="10"/>', "duplicate-image"),
        ('<image id="1" name="c.png" width="21" height="10"/>', "size-differs"),
        ('<image id="1" name="x/d.png" width="20" height="10"/>', "ambiguous-image"),
        ('<track id="0" label="cat"><box frame="0"/></track>', "track"),
    ],
)
def test_bad_images_are_named_and_left_out(tmp_path: Path, bad: str, rule: str) -> None:
    for name in ("c.png", "y/d.png", "z/d.png"):
        draw_image(tmp_path / "images" / name)
    reading = read(export(tmp_path, image(box()), bad), strict=False)
    (issue,) = reading.report.errors
    assert (issue.file, issue.rule) == ("annotations.xml", rule)
    assert issue.line == 11
    assert len(said(reading.dataset)["a.png"]["objects"]) == 1


@pytest.mark.parametrize(("text", "rule"), HOSTILE)
def test_hostile_files_are_named(tmp_path: Path, text: str, rule: str) -> None:
    (tmp_path / "x.xml").write_text(
        text.replace("annotation>", "annotations>").replace("<annotation/>", "<annotations/>")
    )
    if rule == "unreadable-file":
        return
    reading = read(tmp_path / "x.xml", "cvat", strict=False)
    assert [issue.rule for issue in reading.report.errors] == [rule]


def test_what_came_before_the_harm_is_kept(tmp_path: Path) -> None:
    place = export(tmp_path, image(box()), "<image>" + "<a>" * 100)
    reading = read(place, strict=False)
    assert [issue.rule for issue in reading.report.errors] == ["xml-too-deep"]
    assert len(said(reading.dataset)["a.png"]["objects"]) == 1


def test_other_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.xml").write_text("<annotation/>")
    for place in (tmp_path, tmp_path / "x.xml"):
        with pytest.raises(FormatError):
            read(place, "cvat")
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 10)
    assert [issue.rule for issue in read(export(tmp_path), strict=False).report.errors] == ["file-too-large"]


def test_an_image_has_pixels(tmp_path: Path) -> None:
    for width in ("0", "-1", "1e12"):
        place = export(tmp_path, image(name="b.png").replace('width="20"', f'width="{width}"'), image())
        reading = read(place, strict=False, check_images=False)
        assert [(issue.line, issue.rule) for issue in reading.report] == [(8, "image-size")]
        assert reading.dataset.names == ("a.png",)


def test_a_large_file_is_read_image_by_image(tmp_path: Path) -> None:
    many = "".join(box(more=f'z_order="{number}"') for number in range(20_000))
    assert len(image_of(export(tmp_path, image(many)))["objects"]) == 20_000
