"""One image's annotations as Python objects, `ImageRecord` and `BBox`: the schema of metadata.jsonl."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, model_validator

from imagecards.records import json_values, values
from imagecards.records.problem import Problem, refuse


def _areas(value: object) -> list[float | None]:
    areas = values.as_list(value)
    refuse(_area_problems(areas))
    return list(areas)


def _crowds(value: object) -> list[int | None]:
    flags = values.as_list(value)
    refuse(
        Problem((index,), "iscrowd-value", "iscrowd is 0 or 1", flag)
        for index, flag in enumerate(flags)
        if flag is not None and (isinstance(flag, bool) or not isinstance(flag, int) or flag not in (0, 1))
    )
    return list(flags)


def _ids(value: object) -> list[int] | list[str] | list[Any]:
    ids = values.as_list(value)
    refuse(
        Problem((index,), "wrong-type", f"an id is a whole number or text, not {json_values.kind_name(item)}", item)
        for index, item in enumerate(ids)
        if item is not None and (isinstance(item, bool) or not isinstance(item, int | str))
    )
    refuse(json_values.json_problems(ids, ()))
    return list(ids)


class BBox(BaseModel):
    """The objects in one image, as parallel lists: the n-th entry of each describes the n-th object.

    Further fields are kept as they are; each is a list with one entry an object, like the named ones.

    Attributes:
        bbox: Boxes ``[x, y, width, height]`` in absolute pixels from the top left corner.
        categories: One category a box: all whole numbers, or all text.
        segmentation: Outlines in pixels: polygons as flat lists of x, y, or a COCO run-length encoding.
        area: Areas in square pixels.
        iscrowd: 1 for a group that is outlined as one object, else 0.
        id: Identifiers of the objects.

    Example:
        >>> BBox(bbox=[[302.0, 109.0, 73.0, 52.0]], categories=[0]).categories
        [0]
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="allow")
    __pydantic_extra__: dict[str, Annotated[Any, PlainValidator(json_values.parallel_value)]] = Field(init=False)

    bbox: Annotated[list[list[float]], PlainValidator(values.boxes)]
    categories: Annotated[list[int] | list[str], PlainValidator(values.categories)]
    segmentation: Annotated[list[Any] | None, PlainValidator(values.segmentations)] = None
    area: Annotated[list[float | None] | None, PlainValidator(_areas)] = None
    iscrowd: Annotated[list[int | None] | None, PlainValidator(_crowds)] = None
    id: Annotated[list[int | None] | list[str | None] | None, PlainValidator(_ids)] = None

    @model_validator(mode="before")
    @classmethod
    def _drop_absent(cls, data: Any) -> Any:
        """Take a list of nothing but nulls as absent, as everywhere null means absent."""
        if not isinstance(data, Mapping):
            return data
        refuse(_key_problems(data))
        count = len(data["bbox"]) if isinstance(data.get("bbox"), list | tuple) else -1
        kept = ("bbox", "categories", "category")  # the last one is refused, whatever it holds
        return {key: item for key, item in data.items() if key in kept or not _is_absent(item, count)}

    @model_validator(mode="after")
    def _check_parallel(self) -> "BBox":
        refuse(_parallel_problems(len(self.bbox), dict(self)))
        return self

    def present(self) -> dict[str, Any]:
        """Return the fields that are there, as JSON: ``bbox``, ``categories``, then the others."""
        return {key: item for key, item in self if item is not None}


class ImageRecord(BaseModel):
    """What a line of metadata.jsonl says of one image.

    Further fields are kept as they are and may be any JSON.

    Attributes:
        file_name: The image, as a safe relative POSIX path.
        caption: A text on the image.
        categories: Categories of the image as a whole: all whole numbers, or all text.
        objects: The objects in the image.

    Example:
        >>> record = ImageRecord(file_name="0001.png", caption="A cat.", weather="rain")
        >>> record.present()
        {'file_name': '0001.png', 'caption': 'A cat.', 'weather': 'rain'}
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="allow")
    __pydantic_extra__: dict[str, Annotated[Any, PlainValidator(json_values.json_value)]] = Field(init=False)

    file_name: Annotated[str, PlainValidator(values.file_name)]
    caption: Annotated[str, PlainValidator(values.text)] | None = None
    categories: Annotated[list[int] | list[str], PlainValidator(values.categories)] | None = None
    objects: BBox | None = None

    @model_validator(mode="before")
    @classmethod
    def _drop_absent(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        refuse(_key_problems(data))
        return {key: item for key, item in data.items() if item is not None}

    @model_validator(mode="after")
    def _check_keys(self) -> "ImageRecord":
        refuse(problem for key in self.extra for problem in json_values.text_problems(key))
        return self

    @property
    def extra(self) -> dict[str, Any]:
        """The further fields."""
        return self.__pydantic_extra__ or {}

    def present(self) -> dict[str, Any]:
        """Return the fields that are there, as JSON: the named ones first, then the others."""
        fields = {key: item for key, item in self if item is not None}
        if isinstance(self.objects, BBox):  # what was made without validation may hold anything
            fields["objects"] = self.objects.present()
        return fields


def _key_problems(fields: Mapping[Any, Any]) -> Iterator[Problem]:
    """Half surrogate pairs in names of fields, which pydantic would refuse in its own words."""
    for key in fields:
        if isinstance(key, str) and not key.isascii():
            yield from json_values.text_problems(key)


def _area_problems(areas: list[Any] | tuple[Any, ...]) -> Iterator[Problem]:
    for index, area in enumerate(areas):
        if area is None:
            continue
        problems = list(json_values.number_problems(area, (index,)))
        yield from problems
        if not problems and area < 0:
            yield Problem((index,), "negative-area", "the area is negative", area)


def _parallel_problems(count: int, fields: Mapping[str, Any]) -> Iterator[Problem]:
    for name, items in fields.items():
        yield from json_values.text_problems(name)
        if name == "category":  # the column of categories has this name
            yield Problem((name,), "reserved-field", "the categories of objects are named `categories`", items)
        elif items is None:
            continue
        elif not isinstance(items, list):
            message = f"a field of objects is a list with one entry an object, not {json_values.kind_name(items)}"
            yield Problem((name,), "wrong-type", message, items)
        elif len(items) != count:
            message = f"there are {count} boxes but {len(items)} entries here"
            yield Problem((name,), "unequal-lengths", message, items)


def _is_absent(value: object, count: int) -> bool:
    if value is None:
        return True
    return isinstance(value, list | tuple) and len(value) == count and all(item is None for item in value)
