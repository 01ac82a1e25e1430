"""The README of a repo and the files of its viewer: committed together with a card, made anew for each head."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from imagecards.errors import CommitUnknownError, StorageError
from imagecards.storage.answers import Refused
from imagecards.storage.hubanswers import NO_ENTRY
from imagecards.storage.hubrepo import HubRepo
from imagecards.storage.hubstaging import Staged
from imagecards.storage.pages import Pages

if TYPE_CHECKING:
    from imagecards.storage.hubrepo import Operations

_log = logging.getLogger("imagecards")
_STEP = 8 << 20


class ShownPages:
    """Pages on their way to a repo.

    Args:
        repo: The repo.
        pages: The pages.
    """

    def __init__(self, repo: HubRepo, pages: Pages) -> None:
        self._repo = repo
        self._pages = pages
        self._files: dict[str, Staged] = {}

    def operations(self, head: str) -> "Operations":
        """What shows them, given the commit that it goes on.

        Raises:
            Refused: What the Hub said.
        """
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        texts = self._pages.texts(lambda path: self._read(path, head))
        if not texts:
            return []
        for path, place in self._pages.files.items():
            if path not in self._files:
                with place.open("rb") as file:
                    self._files[path] = Staged.of(path, iter(lambda: file.read(_STEP), b""))
        gone = self._repo.look([path for path, text in texts.items() if text is None], head)
        return [
            *(file.uploaded(self._repo) for file in self._files.values()),
            *(CommitOperationAdd(path, text) for path, text in texts.items() if text is not None),
            *(CommitOperationDelete(path) for path in gone),
        ]

    def drop(self) -> None:
        """Forget what was kept for them."""
        for file in self._files.values():
            file.drop()

    def _read(self, path: str, head: str) -> bytes | None:
        try:
            return self._repo.read(path, revision=head)[0]
        except Refused as refused:
            if refused.code != NO_ENTRY:
                raise
            return None


def with_pages(put: Callable[[ShownPages | None], bool], repo: HubRepo, pages: Pages) -> bool:
    """Put something together with pages; where that isn't taken, without them.

    Args:
        put: Puts it, with pages or without.
        repo: The repo.
        pages: The pages.
    """
    shown = ShownPages(repo, pages)
    try:
        return put(shown)
    except CommitUnknownError:
        raise
    except StorageError as error:
        _log.warning("%s: its README and viewer are left as they are: %s", repo.name, error)
    finally:
        shown.drop()
    return put(None)
