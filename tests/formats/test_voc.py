"""Pascal VOC: boxes that count from 1, layouts, splits, and what hostile XML gets."""

import time
from pathlib import Path
from typing import Any

import pytest
from tests.formats.drawn import draw_image
from tests.formats.sameness import said

from imagecards.datasets import ImageDataset
from imagecards.errors import FormatError, InvalidInputError, InvalidMetadataError
from imagecards.formats import find_format, read, xml_nodes
from imagecards.formats import voc as module


def bounds(*numbers: str) -> str:
    tags = zip(("xmin", "ymin", "xmax", "ymax"), numbers, strict=False)
    return f"<bndbox>{''.join(f'<{tag}>{number}</{tag}>' for tag, number in tags)}</bndbox>"


BOX = bounds("3", "2", "6", "2")
SIZE = "<size><width>20</width><height>10</height><depth>3</depth></size>"


def thing(inner: str = BOX, name: str = "cat") -> str:
    return f"<object><name>{name}</name>{inner}</object>\n"


def xml(*objects: str, filename: str = "a.png", size: str = SIZE, more: str = "") -> str:
    return (
        f"<annotation>\n<folder>x</folder><filename>{filename}</filename>{more}{size}\n{''.join(objects)}</annotation>"
    )


def beside(tmp_path: Path, *objects: str, name: str = "a", **fields: str) -> Path:
    draw_image(tmp_path / f"{name}.png")
    (tmp_path / f"{name}.xml").write_text(xml(*objects, **fields))
    return tmp_path


def objects_of(place: Path, **options: Any) -> list[dict[str, Any]]:
    found = said(ImageDataset.read(place, **options))["a.png"]["objects"]
    assert isinstance(found, list)
    return found


def test_boxes_count_from_one_and_include_their_last_pixel(tmp_path: Path) -> None:
    assert objects_of(beside(tmp_path, thing())) == [{"bbox": [2, 1, 4, 1], "categories": "cat"}]


@pytest.mark.parametrize(
    ("boxes", "box"), [("1-based", [2, 1, 4, 1]), ("0-based", [3, 2, 4, 1]), ("edges", [3, 2, 3, 0])]
)
def test_how_tools_count(tmp_path: Path, boxes: str, box: list[float]) -> None:
    assert objects_of(beside(tmp_path, thing()), boxes=boxes)[0]["bbox"] == box
    with pytest.raises(InvalidInputError):
        read(tmp_path, boxes="2-based")


def test_a_box_that_begins_at_zero_is_told(tmp_path: Path) -> None:
    zero = bounds("0", "2", "6", "2")
    reading = read(beside(tmp_path, thing(zero)))
    assert "boxes-from-zero" in [issue.rule for issue in reading.report.warnings]
    assert not read(tmp_path, boxes="0-based").report


def test_polygons(tmp_path: Path) -> None:
    outline = "<polygon><x1>1</x1><y1>1</y1><x2>5</x2><y2>1</y2><x3>5</x3><y3>4</y3></polygon>"
    boxed, alone = objects_of(beside(tmp_path, thing(BOX + outline), thing(outline)))
    assert boxed["bbox"] == [2, 1, 4, 1]
    assert boxed["segmentation"] == alone["segmentation"] == [[0.5, 0.5, 4.5, 0.5, 4.5, 3.5]]
    assert alone["bbox"] == [0.5, 0.5, 4, 3]
    assert objects_of(tmp_path, boxes="edges")[1]["segmentation"] == [[1, 1, 5, 1, 5, 4]]


def test_fields_are_kept(tmp_path: Path) -> None:
    part = f"<part><name>head</name>{BOX}</part>"
    flags = "<pose>Left</pose><truncated>1</truncated><difficult>0</difficult><occluded>1</occluded><pose>x</pose>"
    place = beside(
        tmp_path,
        thing(BOX + flags + part + "<attributes><attribute>x</attribute></attributes>"),
        more="<source><database>d</database></source><segmented>0</segmented><path>C:\\me\\a.png</path>"
        "<weather>rain</weather>",
    )
    assert said(ImageDataset.read(place))["a.png"] == {
        "source": {"database": "d"},
        "segmented": 0,
        "weather": "rain",
        "objects": [
            {
                "bbox": [2, 1, 4, 1],
                "categories": "cat",
                "truncated": 1,
                "difficult": 0,
                "occluded": 1,
                "pose": "Left",
                "parts": [{"name": "head", "bbox": [2, 1, 4, 1]}],
                "attributes": {"attribute": "x"},
            }
        ],
    }


def triangle(*points: int) -> str:
    numbers = zip(("x1", "y1", "x2", "y2", "x3", "y3"), points, strict=True)
    return f"<polygon>{''.join(f'<{tag}>{number}</{tag}>' for tag, number in numbers)}</polygon>"


def test_several_polygons_are_the_parts_of_one_outline(tmp_path: Path) -> None:
    place = beside(tmp_path, thing(triangle(1, 1, 5, 1, 5, 4) + triangle(9, 6, 12, 6, 12, 9)))
    assert objects_of(place, boxes="edges") == [
        {"bbox": [1, 1, 11, 8], "categories": "cat", "segmentation": [[1, 1, 5, 1, 5, 4], [9, 6, 12, 6, 12, 9]]}
    ]
    assert not read(place).report


@pytest.mark.parametrize(
    ("inner", "tag"),
    [
        (BOX + bounds("1", "1", "2", "2"), "bndbox"),
        (BOX + "<difficult>0</difficult><difficult>1</difficult>", "difficult"),
        (BOX + "<pose>Left</pose><pose>x</pose>", "pose"),
        ("<bndbox><xmin>3</xmin><xmin>4</xmin><ymin>2</ymin><xmax>6</xmax><ymax>2</ymax></bndbox>", "bndbox/xmin"),
        (BOX + "<who><x>1</x><x>2</x></who>", "who/x"),
        (BOX + f"<part><name>a</name><name>b</name>{BOX}</part>", "part/name"),
        (triangle(1, 1, 5, 1, 5, 4).replace("<y1>", "<x1>7</x1><y1>"), "polygon/x1"),
    ],
)
def test_what_is_there_twice_is_told(tmp_path: Path, inner: str, tag: str) -> None:
    reading = read(beside(tmp_path, thing(inner)))
    assert [(issue.file, issue.line, issue.rule, issue.field) for issue in reading.report] == [
        ("a.xml", 3, "repeated-element", f"object[0].{tag}")
    ]
    once = beside(tmp_path / "once", thing(BOX + "<who><x>1</x></who>"))
    if tag == "who/x":
        assert objects_of(tmp_path) == objects_of(once)


def test_an_image_is_described_once(tmp_path: Path) -> None:
    place = beside(tmp_path, thing(), thing(), more=SIZE + "<weather>rain</weather><weather>sun</weather>")
    assert [issue.field for issue in read(place).report] == ["size", "weather"]
    assert said(ImageDataset.read(place))["a.png"]["weather"] == "rain"


def test_attributes_have_names(tmp_path: Path) -> None:
    pairs = "".join(
        f"<attribute><name>{name}</name><value>{value}</value></attribute>" for name, value in (("a", 1), ("b", 2))
    )
    reading = read(beside(tmp_path, thing(BOX + f"<attributes>{pairs}</attributes>")))
    assert said(reading.dataset)["a.png"]["objects"][0]["attributes"] == {"a": "1", "b": "2"}
    assert not reading.report


def test_masks_and_other_lists_are_told_and_kept(tmp_path: Path) -> None:
    place = devkit(tmp_path)
    for kind in ("Class", "Object"):
        draw_image(place / f"Segmentation{kind}" / "a.png")
    (place / "ImageSets" / "Segmentation").mkdir()
    (place / "ImageSets" / "Segmentation" / "train.txt").write_text("a\n")
    reading = read(place)
    assert [(issue.rule, issue.file) for issue in reading.report] == [
        ("file-not-read", "ImageSets/Segmentation"), ("file-not-read", "SegmentationClass"),
        ("file-not-read", "SegmentationObject"),
    ]  # fmt: skip
    assert len(reading.dataset) == 3
    assert not reading.dataset.splits
    kept = set(reading.dataset.annotation_files)
    assert {"ImageSets/Segmentation/train.txt", "SegmentationClass/a.png", "SegmentationObject/a.png"} <= kept


def devkit(tmp_path: Path, **sets: str) -> Path:
    for name in ("a", "b", "c"):
        draw_image(tmp_path / "JPEGImages" / f"{name}.png")
    (tmp_path / "Annotations").mkdir()
    for name in ("a", "b"):
        (tmp_path / "Annotations" / f"{name}.xml").write_text(xml(thing(), filename=f"{name}.png"))
    (tmp_path / "ImageSets" / "Main").mkdir(parents=True)
    for name, text in sets.items():
        (tmp_path / "ImageSets" / "Main" / f"{name}.txt").write_text(text)
    return tmp_path


def test_the_layout_of_the_challenge(tmp_path: Path) -> None:
    place = devkit(tmp_path, train="a\n", val="b\r\n", trainval="a\nb\n", cat_train="a  1\n", test="c\n")
    reading = read(place)
    assert reading.format == "voc"
    assert not reading.report
    assert dict(reading.dataset.splits) == {"test": ("test/c.png",), "train": ("train/a.png",), "val": ("val/b.png",)}
    assert said(reading.dataset)["test/c.png"] == {}
    assert sorted(reading.dataset.annotation_files) == [
        "Annotations/a.xml", "Annotations/b.xml", "ImageSets/Main/test.txt", "ImageSets/Main/train.txt",
        "ImageSets/Main/val.txt",
    ]  # fmt: skip


def test_without_sets_there_are_no_splits(tmp_path: Path) -> None:
    assert sorted(ImageDataset.read(devkit(tmp_path)).names) == ["a.png", "b.png", "c.png"]


def test_cvats_default_is_no_split(tmp_path: Path) -> None:
    assert not ImageDataset.read(devkit(tmp_path, default="a\nb\n")).splits


def test_sets_that_overlap_or_name_what_is_not_there(tmp_path: Path) -> None:
    reading = read(devkit(tmp_path, train="a\nx y\n", val="a\n"), strict=False)
    assert [(issue.file, issue.line, issue.rule) for issue in reading.report] == [
        ("ImageSets/Main/val.txt", 1, "several-splits"),
        ("ImageSets/Main/train.txt", 2, "missing-file"),
    ]


def test_folders_of_splits_with_xml_beside_images(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        beside(tmp_path / split, thing())
    reading = read(tmp_path)
    assert reading.format == "voc"
    assert dict(reading.dataset.splits) == {"train": ("train/a.png",), "valid": ("valid/a.png",)}


def test_images_in_a_folder_beside(tmp_path: Path) -> None:
    draw_image(tmp_path / "images" / "a.png")
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "x.xml").write_text(xml(thing()))
    assert ImageDataset.read(tmp_path).names == ("a.png",)
    one = read(tmp_path / "annotations" / "x.xml", images=tmp_path / "images")
    assert one.dataset.names == ("a.png",)


def test_a_file_that_names_another_image(tmp_path: Path) -> None:
    beside(tmp_path, thing(), name="b", filename="a.png")
    draw_image(tmp_path / "a.png")
    reading = read(tmp_path)
    assert [(issue.rule, issue.file) for issue in reading.report] == [("name-differs", "b.xml")]
    assert "objects" in said(reading.dataset)["b.png"]


def test_sizes(tmp_path: Path) -> None:
    place = beside(tmp_path, thing(), size="<size><width>0</width><height>0</height></size>")
    assert [issue.rule for issue in read(place).report] == ["size-unknown"]
    beside(tmp_path, thing(), size="<size><width>21</width><height>10</height></size>")
    assert [issue.rule for issue in read(place, strict=False).report.errors] == ["size-differs"]
    beside(tmp_path, thing(), size="")
    assert not read(place).report


@pytest.mark.parametrize(
    ("bad", "rule", "where"),
    [
        (thing(bounds("NaN", "2", "6", "2")), "not-finite", ".bndbox.xmin"),
        (thing(bounds("1e999", "2")), "not-finite", ".bndbox.xmin"),
        (thing(bounds("1", "2")), "not-finite", ".bndbox.xmax"),
        (thing(bounds("9", "2", "1", "2")), "bbox-negative-size", ".bndbox"),
        (thing(bounds("9", "2", "900", "2")), "box-outside-image", ".bbox"),
        (thing(""), "missing-field", ".bndbox"),
        (thing(name=""), "missing-field", ".name"),
        (thing("<polygon><x1>1</x1><y1>1</y1></polygon>"), "polygon-too-short", ".polygon"),
        (thing("<polygon><x1>1</x1><x2>1</x2></polygon>"), "not-finite", ".polygon.y1"),
        (thing(BOX + "<part><name>x</name></part>"), "missing-field", ".part"),
    ],
)
def test_bad_objects_are_named_and_left_out(tmp_path: Path, bad: str, rule: str, where: str) -> None:
    place = beside(tmp_path, thing(), bad, thing(name="dog"))
    with pytest.raises(InvalidMetadataError, match=rule):
        read(place)
    reading = read(place, strict=False)
    (issue,) = reading.report.errors
    assert (issue.file, issue.line, issue.rule, issue.field) == ("a.xml", 4, rule, f"object[1]{where}")
    assert [entry["categories"] for entry in said(reading.dataset)["a.png"]["objects"]] == ["cat", "dog"]


LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))

HOSTILE = [
    (f'<!DOCTYPE annotation [<!ENTITY l0 "ha">{LAUGHS}]><annotation>&l9;</annotation>', "xml-entities"),
    ('<!DOCTYPE annotation [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation>&x;</annotation>', "xml-entities"),
    ('<!DOCTYPE annotation [<!ENTITY % x SYSTEM "http://127.0.0.1/x"> %x;]><annotation/>', "xml-entities"),
    ("<annotation>" + "<a>" * 100_000, "xml-too-deep"),
    ("<annotation><object>", "not-xml"),
    ("<annotation>&x;</annotation>", "not-xml"),
    ('<?xml version="1.0" encoding="klingon"?><annotation/>', "not-xml"),
    ("", "not-xml"),
    ("<annotation>\0</annotation>", "not-xml"),
    ("version https://git-lfs.github.com/spec/v1\n", "unreadable-file"),
]


@pytest.mark.parametrize(("text", "rule"), HOSTILE)
def test_hostile_files_are_named_and_left_out(tmp_path: Path, text: str, rule: str) -> None:
    beside(tmp_path, thing())
    (tmp_path / "b.xml").write_text(text)
    reading = read(tmp_path, "voc", strict=False)
    (issue,) = reading.report.errors
    assert (issue.file, issue.rule) == ("b.xml", rule)
    assert len(said(reading.dataset)["a.png"]["objects"]) == 1


def test_other_xml_is_not_looked_at(tmp_path: Path) -> None:
    beside(tmp_path, thing())
    (tmp_path / "b.xml").write_text("<project/>")
    reading = read(tmp_path, "voc")
    assert [(issue.file, issue.rule) for issue in reading.report.warnings] == [("b.xml", "not-voc")]
    assert list(reading.dataset.annotation_files) == ["a.xml"]


def test_an_external_document_type_is_never_read(tmp_path: Path) -> None:
    beside(tmp_path, thing())
    text = (tmp_path / "a.xml").read_text()
    (tmp_path / "a.xml").write_text(f'<!DOCTYPE annotation SYSTEM "file:///etc/passwd">{text}')
    assert len(objects_of(tmp_path)) == 1


def test_a_file_may_have_too_many_elements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven million empty ones fit into a file of 28 MB, and took 1.5 GB."""
    monkeypatch.setattr(xml_nodes, "MAX_ELEMENTS", 100)
    assert not read(beside(tmp_path, thing(), more="<b/>" * 20)).report.errors
    for inner in ("<b/>" * 100, f"<x>{'<b/>' * 100}</x>"):
        reading = read(beside(tmp_path, thing(), more=inner), strict=False)
        assert [issue.rule for issue in reading.report.errors] == ["xml-too-many"]


def test_many_points_take_no_longer_each(tmp_path: Path) -> None:
    """To find each among all others took 18 seconds for 20,000."""
    count = 20_000
    points = "".join(f"<x{n}>{n % 9 + 1}</x{n}><y{n}>{n % 7 + 1}</y{n}>" for n in range(1, count + 1))
    began = time.process_time()
    (entry,) = objects_of(beside(tmp_path, thing(f"<polygon>{points}</polygon>")))
    assert len(entry["segmentation"][0]) == 2 * count
    assert time.process_time() - began < 5


def test_a_file_may_be_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 10)
    assert [issue.rule for issue in read(beside(tmp_path), strict=False).report.errors] == ["file-too-large"]


def test_other_xml_is_not_this_format(tmp_path: Path) -> None:
    draw_image(tmp_path / "a.png")
    (tmp_path / "a.xml").write_text("<note/>")
    with pytest.raises(FormatError):
        find_format(tmp_path)
