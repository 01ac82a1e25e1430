"""Layouts of folders side by side: for each image, annotations in a file of the same stem, which no two may share."""

import re
from collections.abc import Callable, Iterator

from imagecards.datasets import is_image_name
from imagecards.formats.lost import lose_hidden
from imagecards.formats.scene import Part, Scene, Write
from imagecards.paths import collision_key

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
    files = [f"{folder}/{name.removeprefix(prefix) if bare else name}" for name in names]
    # names that differ by case are one on some file systems; and no image gets the name that another one has
    own = {_key(beside, file.rpartition(".")[0] if is_image_name(file) else file) for file in files}
    taken: set[str] = set()
    for name, file in zip(names, files, strict=True):
        stem, dot, extension = file.rpartition(".")
        if not is_image_name(file):
            lose_hidden(name, scene.losses)
            stem, dot, extension = file, "", ""
        number, unique = 1, stem
        key = _key(beside, stem)
        while key in taken or (number > 1 and key in own):
            number += 1
            unique = f"{stem}-{number}"
            key = _key(beside, unique)
        if number > 1:
            message = (
                "the image gets another name: its annotations would be those of one that differs by extension or case"
            )
            scene.losses.add("images-renamed-apart", message, f"{name} -> {unique}{dot}{extension}")
        taken.add(key)
        yield f"{unique}{dot}{extension}"


def _key(beside: Callable[[str], str], stem: str) -> str:
    """What images have in common whose annotations would be one file."""
    return collision_key(beside(f"{stem}.png"))
