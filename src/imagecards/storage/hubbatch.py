"""The data files of a version, committed to the Hub a few commits at a time."""

import threading
from collections import Counter
from collections.abc import Iterable, Sequence

from imagecards.errors import CommitUnknownError, StorageError
from imagecards.storage.answers import Refused
from imagecards.storage.batch import Batch
from imagecards.storage.hubanswers import hub_explained
from imagecards.storage.hubfiles import HubFiles
from imagecards.storage.hubkeys import HubKeys
from imagecards.storage.hubstaging import Staged
from imagecards.storage.store import check_body, check_new_key


class HubBatch(Batch):
    """Files that are sent ahead one by one, as far as they are large, and committed together.

    Args:
        store: Where.
        creating: Makes the commits.
        size: How many files a commit has at most.
    """

    def __init__(self, store: HubKeys, creating: HubFiles, size: int) -> None:
        super().__init__(store)
        self._keys = store
        self._creating = creating
        self._size = size
        self._files: dict[str, Staged] = {}
        self._folders: Counter[str] = Counter()
        self._lock = threading.Lock()

    def put_if_absent(self, key: str, body: Iterable[bytes]) -> bool:
        """See `Batch.put_if_absent`."""
        check_new_key(key)
        check_body(key, body)
        folder = key.rpartition("/")[0]
        self._folders[folder] += 1
        for limit in self._keys.limits(0, self._folders[folder]):
            raise StorageError(f"{self.url}/{folder} can't be stored: {limit}")
        file = Staged.of(self._keys.path(key), body)
        taken = False
        try:
            self._creating.send_ahead(file)
            with self._lock:
                taken = self._files.setdefault(key, file) is file
        except Refused as refused:
            problem = refused
        else:
            return taken
        finally:
            if not taken:  # also where the user stopped it
                file.drop()
        raise hub_explained(problem, f"{self.url}/{key}", writing=True)

    def finish(self) -> None:
        """See `Batch.finish`."""
        while self._files:
            keys = list(self._files)[: self._size]
            self._commit(keys)
            for key in keys:
                self._files.pop(key).drop()

    def drop(self) -> None:
        """See `Batch.drop`."""
        while self._files:
            self._files.popitem()[1].drop()

    def _commit(self, keys: Sequence[str]) -> None:
        place = f"{self.url}/{keys[0]}" + (f" and {len(keys) - 1} more" if len(keys) > 1 else "")
        left = [self._files[key] for key in keys]
        try:
            while left and not self._creating.create(left, f"Add {len(left)} data files", place):
                left = self._creating.not_there(left, place)  # another copy of the same version was faster
        except CommitUnknownError as error:
            # only a card commits: data files that may not be there are failed ones
            raise StorageError(f"data files could not be stored: {error}") from error
