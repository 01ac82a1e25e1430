"""A registry in a dataset repo on the Hugging Face Hub."""

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote

from imagecards.errors import ImageCardsError, IntegrityError, InvalidInputError, NotFoundError, StorageError
from imagecards.paths import check_relative
from imagecards.storage.answers import Refused
from imagecards.storage.hubanswers import NO_ENTRY, NO_REPO, hub_explained, hub_unknown
from imagecards.storage.hubbatch import HubBatch
from imagecards.storage.hubcommit import Committer
from imagecards.storage.hubpages import ShownPages, with_pages
from imagecards.storage.hubrepo import HubRepo, missing_repo, refuse_model
from imagecards.storage.hubstaging import Staged, staged
from imagecards.storage.pages import Pages
from imagecards.storage.store import (
    LEFTOVER,
    Entry,
    Names,
    Store,
    check_body,
    check_key,
    check_new_key,
    check_prefix,
    check_range,
)

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoFile

FILES_A_COMMIT = 50
"""Files that are committed or deleted together at most; the Hub advises against more than 50 to 100."""

FILES_A_FOLDER = 10_000
"""Files that a folder on the Hub holds at most."""

_REPO = re.compile(r"datasets/([A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95})(?:@([^/@]+))?(?:/(.*))?", re.ASCII)
_OWN = ("README.md", "viewer", ".gitattributes", ".gitignore")  # of the repo itself, at its top
_FORBIDDEN = (".git", ".cache", ".huggingface")  # folders that the client refuses
_FAR = 1 << 62  # no file ends there


class HubStore(Store):
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

    remote = True
    shows = True
    batch_size = FILES_A_COMMIT

    def __init__(self, repo: str, branch: str = "main", folder: str = "") -> None:
        reason = check_relative(folder) if folder else None
        if reason is not None:
            raise InvalidInputError(f"the folder in {repo} {reason}: name it hf://datasets/{repo}/folder")
        at = "" if branch == "main" else f"@{branch.replace('/', '%2F')}"
        self.url = f"hf://datasets/{repo}{at}/{folder}".rstrip("/")
        self._root = f"{folder}/" if folder else ""
        self._repo = HubRepo(repo, branch)
        self._committer = Committer(self._repo)

    def __repr__(self) -> str:
        return f"<HubStore {self.url}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_url, (self.url,)

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Open the store of an URL ``hf://datasets/owner/repo@branch/folder``; branch and folder may be left out.

        Raises:
            InvalidInputError: It is not of that form.
        """
        found = _REPO.fullmatch(url.removeprefix("hf://"))
        if found is None:  # it isn't shown: there may be a token in it
            message = "that names no dataset repo: name a registry as hf://datasets/owner/repo/folder"
            raise InvalidInputError(message)
        return cls(found[1], unquote(found[2] or "main"), (found[3] or "").removesuffix("/"))

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

    def missing(self) -> str | None:
        """See `Store.missing`."""
        return missing_repo(self._repo, self.url)

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

    def locate(self, key: str) -> str:
        """See `Store.locate`."""
        return self.path(key)

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

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """See `Store.get`."""
        check_range(key, start, length)
        path = self.path(check_key(key))
        if length == 0 or start >= _FAR:  # no range of HTTP says that
            return self._nothing(key, start, length)
        whole = start == 0 and length is None
        end = "" if length is None else min(start + length, _FAR) - 1
        try:
            data, ranged = self._repo.read(path, "" if whole else f"bytes={start}-{end}")
        except Refused as refused:
            problem = refused
        else:
            if not ranged:  # of small files, everything is sent
                if start > len(data):
                    raise self._truncated(key, len(data), start + (length or 0))
                data = data[start : None if length is None else start + length]
            if length is not None and len(data) < length:
                raise self._truncated(key, start + len(data), start + length)
            return data
        if problem.status == 416:
            return self._nothing(key, start, length)
        raise self._refused(problem, key)

    def list(self, prefix: str) -> Iterator[Entry]:
        """See `Store.list`."""
        check_prefix(prefix)
        return self._list(prefix)

    def _list(self, prefix: str) -> Iterator[Entry]:
        from huggingface_hub.hf_api import RepoFile

        found = [each for each in self._tree(prefix, deep=True) if isinstance(each, RepoFile)]
        yield from sorted(self._entry(each.path.removeprefix(self._root), each) for each in found)

    def children(self, prefix: str) -> Names:
        """See `Store.children`."""
        check_prefix(prefix)
        above = len(self._root + prefix)
        names = {each.path[above:] for each in self._tree(prefix, deep=False)}
        return sorted(name for name in names if not name.startswith(LEFTOVER))

    def stat(self, key: str) -> Entry | None:
        """See `Store.stat`."""
        path = self.path(check_key(key))
        try:
            found = self._repo.look([path])
        except Refused as refused:
            problem = refused
        else:
            return self._entry(key, found[path]) if path in found else None
        raise self._refused(problem, key)

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

    def _tree(self, prefix: str, *, deep: bool) -> Any:
        folder = (self._root + prefix).rstrip("/")
        try:
            found = self._repo.tree(folder, deep=deep)
        except Refused as refused:
            problem = refused
        else:
            inside = [each for each in found if each.path.startswith(f"{folder}/" if folder else "")]
            if self._root:
                return inside
            return [each for each in inside if each.path.partition("/")[0] not in _OWN]
        raise self._refused(problem, prefix)

    def _entry(self, key: str, found: "RepoFile") -> Entry:
        assert found.last_commit is not None
        return Entry(key, found.size, found.last_commit.date.timestamp())

    def _nothing(self, key: str, start: int, length: int | None) -> bytes:
        """A range without bytes, if the file reaches as far as it begins."""
        known = self.stat(key)
        if known is None:
            raise self._refused(Refused(NO_ENTRY, 404), key)
        needed = start + (length or 0)
        if needed > known.size:
            raise self._truncated(key, known.size, needed)
        return b""

    def _truncated(self, key: str, size: int, needed: int) -> IntegrityError:
        place = self._place(key)
        message = f"{place} is truncated: it has {size:,} bytes, {needed:,} are needed. Restore it from a copy"
        return IntegrityError(message, place, f"{needed} bytes", f"{size} bytes")

    def _refused(self, refused: Refused, key: str) -> ImageCardsError:
        place = self._place(key)
        if refused.code == NO_ENTRY:
            return NotFoundError(f"{place} doesn't exist: see what is there, or restore it from a copy")
        explained = hub_explained(refused, place)
        return NotFoundError(str(explained)) if refused.code == NO_REPO else explained

    def path(self, key: str) -> str:
        """Where a key lies in the repo."""
        parts = key.split("/")
        if any(part in _FORBIDDEN for part in parts) or (not self._root and parts[0] in _OWN):
            raise InvalidInputError(f"the key {key!r} has a name that a repo keeps for itself: choose another name")
        return self._root + key

    def _place(self, key: str) -> str:
        return f"{self.url}/{key}"
