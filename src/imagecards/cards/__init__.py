"""Cards: frozen statements of what datasets are; their names, versions, tags, and the files that hold them.

A card is a value. Nothing here reads or writes storage: the registry does, and keeps what
`DataCard.to_json` gives.
"""

from imagecards.cards.absence import Absence
from imagecards.cards.arrival import Arrival
from imagecards.cards.artifact import Artifact, ArtifactFile, AttachedArtifact
from imagecards.cards.attempt import attempt_time, new_attempt
from imagecards.cards.card import DataCard, Document, Parent
from imagecards.cards.document import seal, unseal
from imagecards.cards.making import MOST_STEPS, Made, Written
from imagecards.cards.marker import RegistryMarker
from imagecards.cards.model import FORMAT, Sealed
from imagecards.cards.name import CardName, check_label
from imagecards.cards.origin import Origin
from imagecards.cards.ranges import LATEST, Spec
from imagecards.cards.reference import CardRef, Reference, parse_reference
from imagecards.cards.stored import StoredFile
from imagecards.cards.summary import Summary
from imagecards.cards.sweep import Sweep
from imagecards.cards.tag import Tag, TagEntry, check_tag
from imagecards.cards.tomb import Tombstone
from imagecards.cards.use import Use, use_time
from imagecards.cards.version import FIRST, Bump, Version

__all__ = [
    "FIRST",
    "FORMAT",
    "LATEST",
    "MOST_STEPS",
    "Absence",
    "Arrival",
    "Artifact",
    "ArtifactFile",
    "AttachedArtifact",
    "Bump",
    "CardName",
    "CardRef",
    "DataCard",
    "Document",
    "Made",
    "Origin",
    "Parent",
    "Reference",
    "RegistryMarker",
    "Sealed",
    "Spec",
    "StoredFile",
    "Summary",
    "Sweep",
    "Tag",
    "TagEntry",
    "Tombstone",
    "Use",
    "Version",
    "Written",
    "attempt_time",
    "check_label",
    "check_tag",
    "new_attempt",
    "parse_reference",
    "seal",
    "unseal",
    "use_time",
]
