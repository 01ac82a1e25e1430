"""A registry in a dataset repo on the Hugging Face Hub."""

from collections.abc import Iterable
from typing import Any

from imagecards.errors import StorageError
from imagecards.storage.answers import Refused
from imagecards.storage.hubanswers import NO_REPO, hub_explained, hub_unknown
from imagecards.storage.hubbatch import HubBatch
from imagecards.storage.hubkeys import HubKeys
from imagecards.storage.hubpages import ShownPages, with_pages
from imagecards.storage.hubrepo import refuse_branch, refuse_model
from imagecards.storage.hubstaging import Staged, staged
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
            return self.put_staged([file], f"Add {key}", self._place(key))

    def put_and_show(self, key: str, body: bytes, pages: Pages) -> bool:
        """See `Store.put_and_show`: README and viewer are replaced by the commit that creates the key."""
        path, place = self.path(check_new_key(key)), self._place(key)
        with staged(path, [body]) as file:
            return with_pages(lambda shown: self.put_staged([file], f"Add {key}", place, shown), self._repo, pages)

    def put_staged(self, files: "list[Staged]", title: str, place: str, pages: ShownPages | None = None) -> bool:
        """Create files by one commit, unless one of them exists.

        Args:
            files: The files.
            title: What the commit is called.
            place: What is written, for errors.
            pages: What is shown with them.

        Returns:
            Whether they were created.

        Raises:
            StorageError: They were not, nor ever will be.
            CommitUnknownError: They may have been.
        """
        paths = [file.path for file in files]

        def plan(head: str) -> list[Any] | None:
            if self._repo.look(paths, head):
                return None
            shown = [] if pages is None else pages.operations(head)
            return [*(file.uploaded(self._repo) for file in files), *shown]

        made = self._committer.commit(plan, title, place)
        if made is None:
            return False
        self._check(files, made, place)
        return True

    def not_there(self, files: "list[Staged]", place: str) -> "list[Staged]":
        """Which of files somebody else did not create meanwhile.

        Args:
            files: The files.
            place: What is written, for errors.

        Raises:
            StorageError: One is there with other content.
        """
        try:
            there = self._repo.look([file.path for file in files])
        except Refused as refused:
            problem = refused
        else:
            other = next(
                (file for file in files if file.path in there and not file.is_stored_as(there[file.path])), None
            )
            if other is not None:
                message = f"{place}: {other.path} is there with other content: remove it from the repo, and try again"
                raise StorageError(message)
            return [file for file in files if file.path not in there]
        raise hub_explained(problem, place)

    def batch(self) -> HubBatch:
        """See `Store.batch`: large files are sent ahead, and committed with others by few commits."""
        return HubBatch(self, FILES_A_COMMIT)

    def limits(self, files: int, folder: int) -> tuple[str, ...]:
        """See `Store.limits`."""
        found = []
        if folder > FILES_A_FOLDER:
            found.append(f"an artifact of {folder:,} files, where a folder on the Hub holds {FILES_A_FOLDER:,}: tar it")
        if files > FILES_A_COMMIT * 20:
            found.append(f"{files:,} files, of which the Hub takes few a commit: keep them in fewer, larger ones")
        return tuple(found)

    def send_ahead(self, file: Staged) -> None:
        """Send the bytes of a file before it is committed, if it is a large one.

        Raises:
            Refused: What the Hub said.
        """
        file.uploaded(self._repo)

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

    def _check(self, files: "Iterable[Staged]", commit: str, place: str) -> None:
        """See that a commit has files as they were sent: the Hub leaves out in silence what its rules ignore.

        Raises:
            StorageError: It hasn't.
            CommitUnknownError: That can't be told.
        """
        try:
            there = self._repo.look([file.path for file in files], commit)
        except Refused as refused:
            problem = refused
        else:
            for file in files:
                if not file.is_stored_as(there.get(file.path)):
                    message = (
                        f"{place}: the Hub left out {file.path}: remove what ignores it from the repo's .gitignore"
                    )
                    raise StorageError(message)
            return
        raise hub_unknown(problem, place)
