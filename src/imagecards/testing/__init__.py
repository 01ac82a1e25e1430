"""What other people's stores can be tested with, and faults to test them under.

- `imagecards.testing.store_contract`: `StoreContract`, every promise of a `Store` as a test (needs pytest);
- `imagecards.testing.faults`: failing, killed and recorded system calls;
- `imagecards.testing.crashes`: every state that a power cut can leave on disk.
"""

from typing import TYPE_CHECKING

from imagecards.errors import MissingDependencyError

if TYPE_CHECKING:
    from imagecards.testing.store_contract import StoreContract

__all__ = ["StoreContract"]


def __getattr__(name: str) -> "type[StoreContract]":
    if name != "StoreContract":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from imagecards.testing.store_contract import StoreContract
    except ModuleNotFoundError as error:
        raise MissingDependencyError(f"StoreContract needs {error.name}: pip install pytest") from error
    return StoreContract
