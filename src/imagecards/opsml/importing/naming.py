"""What images are called whose files became others: their endings have to say so."""

from collections import Counter
from collections.abc import Mapping

from imagecards.errors import FormatError
from imagecards.paths import collision_key
from imagecards.records.issues import shown


def new_names(endings: Mapping[str, str]) -> dict[str, str]:
    """New names of images, by their old ones.

    An ending gives way to the new one: ``a.jpg`` becomes ``a.png``. Where two images would be called the same, or some
    file systems could not tell them apart, each keeps its own ending before the new one: ``a.jpg`` becomes
    ``a.jpg.png``, but for one that has the new ending already.

    Args:
        endings: The ending that each image has now, ``.png`` for example, by its old name.

    Raises:
        FormatError: Two images would be called the same even so.

    Example:
        >>> new_names({"a.jpg": ".png", "b.png": ".png", "b.jpg": ".png"})
        {'a.jpg': 'a.png', 'b.png': 'b.png', 'b.jpg': 'b.jpg.png'}
    """
    short = {old: _with_ending(old, ending) for old, ending in endings.items()}
    taken = Counter(collision_key(name) for name in short.values())
    names = {
        old: name if name == old or taken[collision_key(name)] == 1 else old + endings[old]
        for old, name in short.items()
    }
    first: dict[str, str] = {}
    for old, name in names.items():
        other = first.setdefault(collision_key(name), old)
        if other != old:
            raise FormatError(
                f"the images {shown(other)} and {shown(old)} would both be called {shown(name)}: "
                "rename one where they come from"
            )
    return names


def _with_ending(name: str, ending: str) -> str:
    folder, slash, file = name.rpartition("/")
    stem, dot, old = file.rpartition(".")
    if dot and f".{old.lower()}" == ending:
        return name
    return f"{folder}{slash}{stem if dot and stem else file}{ending}"
