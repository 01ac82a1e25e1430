"""Layouts of folders side by side: for each image, annotations in a file of the same stem, which no two may share."""

import re
from collections.abc import Callable, Iterator

from imagecards.datasets import is_image_name
from imagecards.formats.scene import Part, Scene, Write

_SPLIT = re.compile(
    r"(?:train|val|valid|test|dev|eval|minival|holdout)(?:ing|idation|ation|val)?[-_]?\d*\Z", re.IGNORECASE
)


def names_split(folder: str) -> bool:
    """Whether a folder is called as splits are, so that it is one where nothing says so.

    Example:
        >>> [name for name in ("train", "Validation", "val2017", "trainval", "cats") if names_split(name)]
        ['train', 'Validation', 'val2017', 'trainval']
    """
    return _SPLIT.match(folder) is not None


def places_of(scene: Scene, part: Part, folder: str, beside: Callable[[str], str]) -> list[str]:
    """Where each image of a part is written; one that would have the annotations of another gets another name.

    Args:
        scene: The dataset; its losses take what is renamed.
        part: The images.
        folder: The folder of the images.
        beside: Tells for the place of an image where its annotations are.
    """
    return list(_places(scene, part, folder, beside))


def copy_images(scene: Scene, part: Part, files: list[str], write: Write) -> None:
    """Write the image files of a part, byte for byte, to their places."""
    contents = scene.dataset.read_many([scene.dataset.names[row] for row in part.rows])
    for file, content in zip(files, contents, strict=True):
        write(file, [content])


def _places(scene: Scene, part: Part, folder: str, beside: Callable[[str], str]) -> Iterator[str]:
    prefix = f"{part.split}/" if part.split is not None else ""
    names = [scene.dataset.names[row] for row in part.rows]
    bare = all(name.startswith(prefix) for name in names)
    taken: set[str] = set()
    for name in names:
        file = f"{folder}/{name.removeprefix(prefix) if bare else name}"
        stem, dot, extension = file.rpartition(".")
        if not is_image_name(file):
            message = "the name has none of the extensions of images, so that readers will not find it"
            scene.losses.add("image-hidden", message, name)
            stem, dot, extension = file, "", ""
        number, unique = 1, stem
        while beside(f"{unique}.png") in taken:
            number += 1
            unique = f"{stem}-{number}"
        if number > 1:
            message = "the image gets another name: its annotations would be those of one that differs by extension"
            scene.losses.add("images-renamed-apart", message, f"{name} -> {unique}{dot}{extension}")
        taken.add(beside(f"{unique}.png"))
        yield f"{unique}{dot}{extension}"
