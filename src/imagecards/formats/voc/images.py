"""The image of a VOC file, and what both are called without their folders and extensions."""

from imagecards.formats.building import DatasetBuilder
from imagecards.formats.finding import ImageFinder, bare_name, normal_path


def find_image(said: str, relative: str, finder: ImageFinder, builder: DatasetBuilder) -> str | None:
    """The image of an XML file: of the same name, else the one that it names, with a warning where these differ.

    Args:
        said: The file name that it has.
        relative: Its own path.
        finder: Knows the files that are there.
        builder: Takes the warning.

    Raises:
        AmbiguousImageError: There are several.
    """
    bare = without_folder(relative)
    folder, _, own = bare.rpartition("/")
    above, _, last = folder.rpartition("/")
    bases = [folder, *(f"{folder}/{each}".lstrip("/") for each in ("JPEGImages", "images"))]
    if last.lower() in ("labels", "xml", "xmls"):
        bases += [f"{above}/{each}".lstrip("/") for each in ("JPEGImages", "images")]
    prefixes = [f"{base}/" if base else "" for base in bases]
    if bare != relative:  # in Annotations/x, the images may lie in JPEGImages/x
        inner = relative.split("Annotations/", 1)
        prefixes += [f"{inner[0]}{each}/{inner[1].rpartition('/')[0]}/" for each in ("JPEGImages", "images")]
    same = next((found for prefix in prefixes if (found := finder.with_stem(prefix + _bare_stem(own)))), None)
    named = finder.exact(prefix + normal_path(said) for prefix in prefixes) if said else None
    if same is not None and named is not None and same != named:
        message = f"filename names {named}, and the file is called after {same}, which counts"
        builder.warn("name-differs", message, relative, None, "filename", said)
    if same is not None or named is not None:
        return same or named
    return finder.similar(normal_path(said)) if said else None


def stem_of(relative: str) -> str:
    """What ``ImageSets`` calls an image: its path without the folder of its kind and without extension."""
    return _bare_stem(bare_name(without_folder(relative)))


def without_folder(relative: str) -> str:
    """A path without the folder that only says that annotations are in it."""
    parts = relative.split("/")
    if "Annotations" in parts[:-1]:
        parts.remove("Annotations")
    return "/".join(parts)


def _bare_stem(path: str) -> str:
    return path.rpartition(".")[0]


def suffix_of(name: str) -> str:
    """The extension of an image that isn't there, by the name that it has in XML."""
    _, dot, suffix = name.rpartition(".")
    return f".{suffix}" if dot and "/" not in suffix else ".jpg"
