"""What a single value in a record may be: pure checks that name every problem with its place."""

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any, NoReturn

from imagecards.digests import MAX_SAFE_INTEGER
from imagecards.paths import check_relative
from imagecards.records.json_values import kind_name, number_problems, text_problems, without_nulls
from imagecards.records.problem import Problem, refuse

_FAR = MAX_SAFE_INTEGER  # in pixels


def file_name(value: object) -> str:
    """Return an image's name if it is a safe relative path, given as text or as a path object.

    Raises:
        pydantic.ValidationError: It isn't.
    """
    text = value.as_posix() if isinstance(value, PurePath) else value
    if not isinstance(text, str):
        _refuse_one("wrong-type", f"a file name is text, not {kind_name(value)}", value)
    reason = check_relative(text)
    if reason is not None:
        _refuse_one("unsafe-path", f"the path {reason}", value)
    return str(text)


def text(value: object) -> str:
    """Return ``value`` if it is text that every reader can hold.

    Raises:
        pydantic.ValidationError: It isn't.
    """
    if not isinstance(value, str):
        _refuse_one("wrong-type", f"this is text, not {kind_name(value)}", value)
    refuse(text_problems(value))
    return str(value)


def categories(value: object) -> list[int] | list[str]:
    """Return a list of categories: all whole numbers, or all text.

    Raises:
        pydantic.ValidationError: One issue for each category that is neither, or unlike the first.
    """
    items = list(as_list(value))
    refuse(_category_problems(items))
    return items


def boxes(value: object) -> list[list[float]]:
    """Return boxes ``[x, y, width, height]`` in absolute pixels, with their numbers as given.

    Raises:
        pydantic.ValidationError: One is not four finite numbers, or its width or height is negative.
    """
    items = as_list(value)
    refuse(problem for index, box in enumerate(items) if not _is_box(box) for problem in _box_problems(box, index))
    return [list(box) for box in items]


def segmentations(value: object) -> list[list[list[float]] | dict[str, Any] | None]:
    """Return the outlines of objects: for each polygons, or a run-length encoding, or nothing.

    Polygons are flat lists of at least three points in pixels, ``[[x1, y1, x2, y2, x3, y3], ...]``; a
    run-length encoding is ``{"size": [height, width], "counts": ...}`` with COCO's text or its list of runs.

    Raises:
        pydantic.ValidationError: One is none of these.
    """
    outlines = as_list(value)
    refuse(problem for index, outline in enumerate(outlines) for problem in _outline_problems(outline, index))
    return [without_nulls(outline) for outline in outlines]


def as_list(value: object) -> list[Any] | tuple[Any, ...]:
    """Return ``value`` if it is a list or a tuple.

    Raises:
        pydantic.ValidationError: It isn't.
    """
    if not isinstance(value, list | tuple):
        _refuse_one("wrong-type", f"this is a list, not {kind_name(value)}", value)
    return value


def _category_problems(items: list[Any]) -> Iterator[Problem]:
    kinds = set()
    for index, item in enumerate(items):
        if isinstance(item, str):
            yield from text_problems(item, (index,))
        elif isinstance(item, int) and not isinstance(item, bool):
            yield from number_problems(item, (index,))
        else:
            message = f"a category is a whole number or text, not {kind_name(item)}"
            yield Problem((index,), "wrong-type", message, item)
            continue
        kinds.add(isinstance(item, str))
        if len(kinds) == 2:
            yield Problem((index,), "mixed-types", "categories are all whole numbers or all text", item)
            return


def _is_box(box: object) -> bool:
    return (
        isinstance(box, list | tuple)
        and len(box) == 4
        and all(map(_is_coordinate, box))
        and box[2] >= 0
        and box[3] >= 0
    )


def _is_coordinate(value: Any) -> bool:
    return type(value) in (float, int) and -_FAR <= value <= _FAR


def _box_problems(box: Any, index: int) -> Iterator[Problem]:
    if not isinstance(box, list | tuple):
        yield Problem((index,), "wrong-type", f"a box is a list of four numbers, not {kind_name(box)}", box)
        return
    problems = [found for i, number in enumerate(box) for found in number_problems(number, (index, i))]
    yield from problems
    if len(box) != 4:
        message = f"a box is [x, y, width, height], this one has {len(box)} numbers"
        yield Problem((index,), "bbox-length", message, box)
    if problems or len(box) != 4:
        return
    if any(abs(number) > _FAR for number in box):
        yield Problem((index,), "number-too-large", "no image is as large as this box", box)
    for side, size in zip(("width", "height"), box[2:], strict=True):
        if size < 0:
            yield Problem((index,), "bbox-negative-size", f"the {side} of a box is negative", box)


def _outline_problems(outline: object, index: int) -> Iterator[Problem]:
    if isinstance(outline, Mapping):
        yield from _run_length_problems(outline, index)
    elif isinstance(outline, list | tuple):
        for nth, polygon in enumerate(outline):
            yield from _polygon_problems(polygon, (index, nth))
    elif outline is not None:
        message = f"an outline is a list of polygons or a run-length encoding, not {kind_name(outline)}"
        yield Problem((index,), "wrong-type", message, outline)


def _polygon_problems(polygon: object, place: tuple[int, int]) -> Iterator[Problem]:
    if not isinstance(polygon, list | tuple):
        yield Problem(place, "wrong-type", f"a polygon is a list of numbers, not {kind_name(polygon)}", polygon)
        return
    for index, number in enumerate(polygon):
        yield from number_problems(number, (*place, index))
    if len(polygon) < 6 or len(polygon) % 2:
        message = f"a polygon is x, y of at least three points, this one has {len(polygon)} numbers"
        yield Problem(place, "polygon-length", message, polygon)


def _run_length_problems(encoding: Mapping[Any, Any], index: int) -> Iterator[Problem]:
    if set(encoding) != {"size", "counts"}:
        message = "a run-length encoding has exactly the keys size and counts"
        yield Problem((index,), "rle-keys", message, list(encoding))
        return
    size, counts = encoding["size"], encoding["counts"]
    if not (isinstance(size, list | tuple) and len(size) == 2 and all(map(_is_count, size)) and all(size)):
        yield Problem((index, "size"), "rle-size", "the size is [height, width] in whole pixels", size)
    if isinstance(counts, str):
        yield from text_problems(counts, (index, "counts"))
    elif not (isinstance(counts, list | tuple) and all(map(_is_count, counts))):
        message = "the counts are text or a list of run lengths"
        yield Problem((index, "counts"), "rle-counts", message, counts)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_SAFE_INTEGER


def _refuse_one(rule: str, message: str, value: object) -> NoReturn:
    refuse([Problem((), rule, message, value)])
    raise AssertionError  # refuse() always raises on a problem
