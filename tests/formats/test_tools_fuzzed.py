"""Files of annotation tools with anything anywhere: read, or refused with an error of ours; never anything else."""

import copy
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.formats import test_cvat, test_labelme, test_labelstudio, test_voc
from tests.formats.drawn import draw_image

from imagecards.errors import ImageCardsError
from imagecards.formats import read


def deep() -> Any:
    value: Any = 1
    for _ in range(900):
        value = [value]
    return value


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
    st.builds(list), st.builds(dict), st.builds(deep),
    st.just(10**400),
    st.sampled_from(["../../etc/passwd", "\ud800", "a\0b", "a/b", ".", "train/../x", "/", "\\"]),
    st.lists(st.integers(-5, 300), max_size=8), st.dictionaries(st.sampled_from("abc"), st.integers(), max_size=2),
)  # fmt: skip

LABELME: dict[str, Any] = {
    "version": "5.0",
    "flags": {},
    "shapes": [
        test_labelme.shape(group_id=1, score=0.5),
        test_labelme.shape([[1, 1], [3, 3]], kind="rectangle", group_id=1),
        test_labelme.shape([[1, 1], [3, 3]], kind="circle"),
        test_labelme.shape([[1, 1], [2, 1]], kind="mask", mask=test_labelme.png([[1, 0]])),
    ],
    "imagePath": "a.png",
    "imageData": None,
    "imageHeight": 10,
    "imageWidth": 20,
}
TASKS = [
    test_labelstudio.task(
        test_labelstudio.annotation(
            test_labelstudio.region("rectanglelabels", test_labelstudio.BOX, meta={"text": ["x"]}, score=0.5),
            test_labelstudio.region("polygonlabels", test_labelstudio.TRIANGLE, meta={"part_of": "r1"}, id="r2"),
            test_labelstudio.region("choices", {"choices": ["x"]}, None, id="c"),
            test_labelstudio.region("textarea", {"text": ["x"]}, None, id="t"),
        ),
        file_upload="a.png",
    )
]


@st.composite
def mutated(draw: st.DrawFn, document: Any) -> Any:
    """A document with up to three of its nodes replaced or removed."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        node = document
        above: list[tuple[Any, Any]] = []
        while isinstance(node, dict | list) and node and (not above or draw(st.integers(0, 5))):
            key = draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
            above.append((node, key))
            node = node[key]
        parent, key = above[-1]
        if draw(st.booleans()) and len(above) > 1:
            parent[key] = draw(ODD)
        elif isinstance(parent, dict):
            del parent[key]
    return document


def read_both_ways(place: Path, format: str) -> None:
    for strict in (True, False):
        try:
            read(place, format, strict=strict)
        except ImageCardsError:
            continue


@given(mutated(LABELME))
def test_labelme_files(document: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        draw_image(Path(folder) / "a.png")
        (Path(folder) / "a.json").write_text(json.dumps(document))
        read_both_ways(Path(folder), "labelme")


@given(mutated(TASKS))
def test_labelstudio_tasks(document: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        draw_image(Path(folder) / "a.png")
        (Path(folder) / "a.json").write_text(json.dumps(document))
        read_both_ways(Path(folder) / "a.json", "labelstudio")


CVAT = "<annotations>" + test_cvat.META + test_cvat.image(
    test_cvat.box(more='group_id="1"', inner='<attribute name="x">1</attribute>'),
    '<polygon label="cat" points="1,1;2,1;2,2" group_id="1"/>',
    '<mask label="m" rle="1, 1" left="0" top="0" width="2" height="1"/>',
    '<ellipse label="e" cx="5" cy="5" rx="1" ry="1"/><tag label="t"/>',
) + "</annotations>"  # fmt: skip
VOC = test_voc.xml(
    test_voc.thing(f"{test_voc.BOX}<polygon><x1>1</x1><y1>1</y1><x2>3</x2><y2>1</y2><x3>3</x3><y3>3</y3></polygon>")
)


@pytest.mark.parametrize(("text", "format"), [(CVAT, "cvat"), (VOC, "voc")])
@given(data=st.data())
def test_xml(text: str, format: str, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        stop = min(len(text), start + data.draw(st.integers(0, 20)))
        filling = data.draw(
            st.sampled_from(["", "-", "1e9", "nan", "<a>", "</a>", '"', "\x00", "&amp;", "&x;", "0", "é"])
        )
        text = text[:start] + filling + text[stop:]
    with tempfile.TemporaryDirectory() as folder:
        draw_image(Path(folder) / "a.png")
        (Path(folder) / "a.xml").write_text(text, encoding="utf-8")
        read_both_ways(Path(folder) / "a.xml", format)
