"""Steps that the tests of deriving apply."""

from typing import Any, Literal

import pyarrow as pa

from imagecards import ImageDataset
from imagecards.datasets import Step, register_step, replaced


@register_step
class Keep(Step):
    """The first so many images."""

    step_name = "test-keep"
    first: int

    def apply(self, dataset: ImageDataset, *others: ImageDataset) -> ImageDataset:
        return replaced(dataset, table=dataset.table.slice(0, self.first))


@register_step
class Caption(Step):
    """Another caption for every image."""

    step_name = "test-caption"
    text: str

    def apply(self, dataset: ImageDataset, *others: ImageDataset) -> ImageDataset:
        column = pa.array([self.text] * len(dataset), pa.string())
        table = dataset.table
        return replaced(dataset, table=table.set_column(table.column_names.index("caption"), "caption", column))


@register_step
class Halves(Step):
    """Two splits."""

    step_name = "test-halves"

    def apply(self, dataset: ImageDataset, *others: ImageDataset) -> ImageDataset:
        half = len(dataset) // 2
        return replaced(dataset, splits={"a": dataset.names[:half], "b": dataset.names[half:]})


@register_step
class Join(Step):
    """The images of the first dataset, with a count of the others as their caption."""

    step_name = "test-join"
    joins = True

    def apply(self, dataset: ImageDataset, *others: ImageDataset) -> ImageDataset:
        return Caption(text=f"and {len(others)} more").apply(dataset)


@register_step
class Breaks(Step):
    """A step that makes what no dataset may be."""

    step_name = "test-breaks"
    how: Literal[
        "negative box", "unsafe name", "one name twice", "missing image", "not a dataset", "no names", "no lists"
    ]

    def apply(self, dataset: ImageDataset, *others: ImageDataset) -> Any:
        table = dataset.table
        if self.how == "not a dataset":
            return table
        if self.how == "no names":
            return replaced(dataset, table=table.drop_columns(["file_name"]))
        if self.how == "no lists":
            return replaced(dataset, table=table.set_column(3, "objects", pa.array([1] * len(dataset))))
        if self.how == "missing image":
            return replaced(dataset, splits={"train": ["nowhere.png"]})
        if self.how == "negative box":
            objects = table["objects"].combine_chunks()
            boxes = [[{**each, "bbox": [0.0, 0.0, -1.0, 1.0]} for each in row] for row in objects.to_pylist()]
            return replaced(dataset, table=table.set_column(3, "objects", pa.array(boxes, objects.type)))
        name = "../x.png" if self.how == "unsafe name" else dataset.names[0]
        names = pa.array([name] * len(dataset), pa.string())
        return replaced(dataset, table=table.set_column(0, "file_name", names), splits={})


class Unregistered(Step):
    """A step that nobody was told of."""

    step_name = "test-unregistered"

    def apply(self, dataset: ImageDataset, *others: ImageDataset) -> ImageDataset:
        return dataset
