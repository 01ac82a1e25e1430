"""Objects behind URLs: listed once, read in ranges, told apart by what their store says of them.

Nothing is ever written there. Each kind of store has a module of its own; the rest of the package knows `RemoteObject`
and `RemoteSource`.
"""

from imagecards.datasets.remote.access import objects_at, present, read_object, read_pieces
from imagecards.datasets.remote.objects import ObjectChangedError, RemoteObject
from imagecards.datasets.remote.source import RemoteSource
from imagecards.datasets.remote.url import check_url

__all__ = [
    "ObjectChangedError",
    "RemoteObject",
    "RemoteSource",
    "check_url",
    "objects_at",
    "present",
    "read_object",
    "read_pieces",
]
