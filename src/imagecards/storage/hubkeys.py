"""What is in a dataset repo on the Hub, as keys."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote

from imagecards.errors import ImageCardsError, InvalidInputError, NotFoundError
from imagecards.paths import check_relative
from imagecards.storage.answers import Refused
from imagecards.storage.hubanswers import NO_ENTRY, NO_REPO, hub_explained
from imagecards.storage.hubcommit import Committer
from imagecards.storage.hubrepo import HubRepo, missing_repo
from imagecards.storage.ranges import answered_range, no_bytes, range_header
from imagecards.storage.store import LEFTOVER, Entry, Names, Store, check_key, check_prefix, check_range

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoFile

_REPO = re.compile(r"datasets/([A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95})(?:@([^/@]+))?(?:/(.*))?", re.ASCII)
_OWN = ("README.md", "viewer", ".gitattributes", ".gitignore")  # of the repo itself, at its top
_FORBIDDEN = (".git", ".cache", ".huggingface")  # folders that the client refuses


class HubKeys(Store):
    """The half of `imagecards.storage.hub.HubStore` that reads.

    Args:
        repo: ``owner/name``.
        branch: The branch; it exists.
        folder: The folder in the repo, or ``""`` for all of it.
    """

    remote = True
    shows = True

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
            kind = re.match(r"hf://(model|space|bucket)s/", url)
            what = f"names a {kind[1]}" if kind else "names no dataset repo"
            message = f"that {what}, where a registry was meant: name it as hf://datasets/owner/repo/folder"
            raise InvalidInputError(message)
        return cls(found[1], unquote(found[2] or "main"), (found[3] or "").removesuffix("/"))

    def missing(self) -> str | None:
        """See `Store.missing`."""
        return missing_repo(self._repo, self.url)

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """See `Store.get`."""
        check_range(key, start, length)
        path = self.path(check_key(key))
        asked = range_header(start, length)
        if asked is None:
            return self._nothing(key, start, length)
        try:
            data, ranged = self._repo.read(path, asked)
        except Refused as refused:
            problem = refused
        else:
            return answered_range(self._place(key), data, start, length, ranged=ranged or not asked)
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

    def page(self, path: str) -> bytes | None:
        """See `Store.page`."""
        try:
            return self._repo.read(path)[0]
        except Refused as refused:
            problem = refused
        if problem.code in (NO_ENTRY, NO_REPO):
            return None
        raise self._refused(problem, path)

    def locate(self, key: str) -> str:
        """See `Store.locate`."""
        return self.path(key)

    def path(self, key: str) -> str:
        """Where a key lies in the repo."""
        parts = key.split("/")
        if any(part in _FORBIDDEN for part in parts) or (not self._root and parts[0] in _OWN):
            raise InvalidInputError(f"the key {key!r} has a name that a repo keeps for itself: choose another name")
        return self._root + key

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
        return no_bytes(self._place(key), known.size, start, length)

    def _refused(self, refused: Refused, key: str) -> ImageCardsError:
        place = self._place(key)
        if refused.code == NO_ENTRY:
            return NotFoundError(f"{place} doesn't exist: see what is there, or restore it from a copy")
        explained = hub_explained(refused, place)
        return NotFoundError(str(explained)) if refused.code == NO_REPO else explained

    def _place(self, key: str) -> str:
        return f"{self.url}/{key}"
