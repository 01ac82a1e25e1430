"""A registry in a dataset repo on the Hugging Face Hub."""

from collections.abc import Iterable
from typing import Any

from imagecards.storage.answers import Refused
from imagecards.storage.hubanswers import NO_REPO, hub_explained
from imagecards.storage.hubbatch import HubBatch
from imagecards.storage.hubfiles import HubFiles
from imagecards.storage.hubkeys import HubKeys
from imagecards.storage.hubpages import with_pages
from imagecards.storage.hubrepo import refuse_branch, refuse_model
from imagecards.storage.hubstaging import staged
from imagecards.storage.pages import Pages
from imagecards.storage.store import Names, check_body, check_key, check_new_key

FILES_A_COMMIT = 50
"""Files that are committed or deleted together at most; the Hub advises against more than 50 to 100."""

FILES_A_FOLDER = 10_000
"""Files that a folder on the Hub holds at most."""


class HubStore(HubKeys):
    """Keys in a dataset repo, below a folder, each created by a commit.

    The token is found by the Hub's client (``hf auth login``, ``HF_TOKEN``). It is not kept here, shown, or sent to
    other processes.

    Args:
        repo: ``owner/name``.
        branch: The branch; it exists.
        folder: The folder in the repo, or ``""`` for all of it.

    Example:
        >>> HubStore("owner/repo", folder="cards")
        <HubStore hf://datasets/owner/repo/cards>
    """

    batch_size = FILES_A_COMMIT

    def __init__(self, repo: str, branch: str = "main", folder: str = "") -> None:
        super().__init__(repo, branch, folder)
        self._files = HubFiles(self._repo, self._committer)

    def make(self, *, private: bool = True) -> None:
        """See `Store.make`."""
        try:
            self._repo.head()
            return
        except Refused as refused:
            problem = refused
        if problem.code != NO_REPO:
            raise hub_explained(problem, self.url)
        refuse_model(self._repo)
        refuse_branch(self._repo, self.url)
        try:
            self._repo.make(private=private)
        except Refused as refused:
            problem = refused
        else:
            return
        raise hub_explained(problem, self.url, writing=True)

    def wins_once(self, key: str) -> bool:
        """See `Store.wins_once`: the second one commits on the head that the first one found."""
        try:
            before = self._repo.head()
            self.put_if_absent(key, [b"first"])
            with staged(self.path(key), [b"second"]) as late:
                operation = late.uploaded(self._repo)
                refused = self._repo.is_refused(operation, before)
        except Refused as error:
            problem = error
        else:
            return refused and self.get(key) == b"first"
        raise hub_explained(problem, self.url, writing=True)

    def put_if_absent(self, key: str, body: Iterable[bytes]) -> bool:
        """See `Store.put_if_absent`."""
        path = self.path(check_new_key(key))
        check_body(key, body)
        with staged(path, body) as file:
            return self._files.create([file], f"Add {key}", self._place(key))

    def put_and_show(self, key: str, body: bytes, pages: Pages) -> bool:
        """See `Store.put_and_show`: README and viewer are replaced by the commit that creates the key."""
        path, place = self.path(check_new_key(key)), self._place(key)
        with staged(path, [body]) as file:
            return with_pages(lambda shown: self._files.create([file], f"Add {key}", place, shown), self._repo, pages)

    def batch(self) -> HubBatch:
        """See `Store.batch`: large files are sent ahead, and committed with others by few commits."""
        return HubBatch(self, self._files, FILES_A_COMMIT)

    def limits(self, files: int, folder: int) -> tuple[str, ...]:
        """See `Store.limits`."""
        found = []
        if folder > FILES_A_FOLDER:
            found.append(f"an artifact of {folder:,} files, where a folder on the Hub holds {FILES_A_FOLDER:,}: tar it")
        if files > FILES_A_COMMIT * 20:
            found.append(f"{files:,} files, of which the Hub takes few a commit: keep them in fewer, larger ones")
        return tuple(found)

    def delete(self, keys: Iterable[str]) -> None:
        """See `Store.delete`; the bytes stay in the repo's history."""
        from huggingface_hub import CommitOperationDelete

        paths = list(dict.fromkeys(self.path(check_key(key)) for key in keys))
        for start in range(0, len(paths), FILES_A_COMMIT):
            some = paths[start : start + FILES_A_COMMIT]

            def plan(head: str, some: Names = some) -> list[Any] | None:
                there = self._repo.look(some, head)
                return [CommitOperationDelete(path) for path in there] or None

            self._committer.commit(plan, f"Delete {len(some)} files", self.url)

    def label(self, name: str) -> None:
        """See `Store.label`."""
        try:
            self._repo.tag(name)
        except Refused as refused:
            problem = refused
        else:
            return
        raise hub_explained(problem, f"{self.url}, tag {name}", writing=True)
