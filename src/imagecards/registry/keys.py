"""Which key holds what in a registry (format 1): the only place that spells a path below its root."""

from imagecards.cards import CardName, CardRef

MARKER = "imagecards.json"
CARDS = "cards/"
DATA = "data/"
TAGS = "tags/"
TOMBS = "tombs/"
ATTACHED = "artifacts/"


def cards(name: CardName) -> str:
    """The folder of a name's cards, one file a version."""
    return f"{CARDS}{name.space}/{name.name}/"


def card(ref: CardRef) -> str:
    """The card of one version: the commit point."""
    return f"{cards(ref.name)}{ref.version}.json"


def attempts(name: CardName) -> str:
    """The folder of all attempts to register a name."""
    return f"{DATA}{name.space}/{name.name}/"


def tombs(name: CardName) -> str:
    """The folder of a name's withdrawn versions."""
    return f"{TOMBS}{name.space}/{name.name}/"


def tomb(ref: CardRef) -> str:
    """What says that a version is withdrawn."""
    return f"{tombs(ref.name)}{ref.version}.json"


def tags(name: CardName) -> str:
    """The folder of a name's tags, one folder a tag."""
    return f"{TAGS}{name.space}/{name.name}/"


def tag(name: CardName, label: str, number: int) -> str:
    """One entry in the append-only log of a tag; the highest number holds."""
    return f"{tags(name)}{label}/{number:08d}.json"


def attached(ref: CardRef) -> str:
    """The folder of what was attached to a version after its registration."""
    return f"{ATTACHED}{ref.name.space}/{ref.name.name}/{ref.version}/"


def document_names(children: list[str]) -> list[str]:
    """The stems of the sealed documents in a folder listing."""
    return [child[:-5] for child in children if child.endswith(".json")]
