"""Where cards and bytes are kept: stores know keys and bytes, and nothing of what they mean."""

from imagecards.storage.batch import Batch
from imagecards.storage.local import LocalStore
from imagecards.storage.memory import MemoryStore
from imagecards.storage.store import LEFTOVER, Entry, Store
from imagecards.storage.urls import SCHEMES, open_store

__all__ = ["LEFTOVER", "SCHEMES", "Batch", "Entry", "LocalStore", "MemoryStore", "Store", "open_store"]
