"""A dataset repo on the Hub, and what is asked of it."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from imagecards.errors import StorageError
from imagecards.storage.answers import Refused
from imagecards.storage.bucket import pauses
from imagecards.storage.hubanswers import NO_ENTRY, NO_REPO, hide_signatures, hub_explained, hub_refusal, hub_wait
from imagecards.storage.hubpatience import bounded

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
    from huggingface_hub.hf_api import RepoFile, RepoFolder

    Operations = Sequence[CommitOperationAdd | CommitOperationDelete]

T = TypeVar("T")

_PATHS = 500  # that one request asks about
_TIMEOUT = 60.0


class HubRepo:
    """One branch of a dataset repo.

    Args:
        name: ``owner/repo``.
        branch: The branch; to read from, a tag or a commit will do.
    """

    def __init__(self, name: str, branch: str) -> None:
        self.name = name
        self.branch = branch

    @property
    def api(self) -> "HfApi":
        """The client; the token is found by it, for each request anew."""
        from huggingface_hub import HfApi

        hide_signatures()
        return HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, library_name="imagecards")

    def ask(self, call: Callable[[], T]) -> T:
        """Make a request that may be repeated, until it succeeds or was tried often enough.

        Raises:
            Refused: What the Hub said last.
        """
        for pause in pauses():
            try:
                return self.ask_once(call)
            except Refused as refused:
                if pause is None or not refused.again:
                    raise
                after = refused.after
            time.sleep(hub_wait(pause, after))
        raise AssertionError("the last try either returns or raises")

    def ask_once(self, call: Callable[[], T]) -> T:
        """Make a request whose repetition its caller, or the client itself, decides on.

        Raises:
            Refused: What the Hub said.
        """
        try:
            with bounded():
                return call()
        except Exception as error:  # what is none of the Hub's refusals is raised again
            refused = hub_refusal(error)
            if refused is None:
                raise
        raise refused  # out here, so that nothing of the original error hangs on to it

    def head(self) -> str:
        """The commit that the branch is at."""
        return self.ask(
            lambda: str(self.api.dataset_info(self.name, revision=self.branch, expand=["sha"], timeout=_TIMEOUT).sha)
        )

    def make(self, *, private: bool) -> None:
        """Make the repo.

        Raises:
            Refused: What the Hub said.
        """
        self.ask(lambda: self.api.create_repo(self.name, repo_type="dataset", private=private, exist_ok=True))

    def is_model(self) -> bool:
        """Whether there is a model of that name."""
        with suppress(Refused):
            self.ask_once(lambda: self.api.model_info(self.name, expand=["sha"]))
            return True
        return False

    def look(self, paths: Sequence[str], revision: str | None = None) -> "dict[str, RepoFile]":
        """What is known of files, by path; those that are not there are left out."""
        from huggingface_hub.hf_api import RepoFile

        found: dict[str, RepoFile] = {}
        for start in range(0, len(paths), _PATHS):
            some = list(paths[start : start + _PATHS])
            told = self.ask(
                partial(
                    self.api.get_paths_info,
                    self.name,
                    some,
                    expand=True,
                    revision=revision or self.branch,
                    repo_type="dataset",
                )
            )
            found.update((each.path, each) for each in told if isinstance(each, RepoFile))
        return found

    def tree(self, folder: str, *, deep: bool) -> "list[RepoFile | RepoFolder]":
        """What lies in a folder, or all that lies below it, with times of change; nothing if there is no folder."""
        try:
            return self.ask_once(  # the client repeats it
                lambda: list(
                    self.api.list_repo_tree(
                        self.name,
                        folder or None,
                        recursive=deep,
                        expand=deep,
                        revision=self.branch,
                        repo_type="dataset",
                    )
                )
            )
        except Refused as refused:
            if refused.code != NO_ENTRY:
                raise
            return []

    def read(self, path: str, wanted: str = "", revision: str | None = None) -> tuple[bytes, bool]:
        """Read a file, or the range that a header asks for; says whether the answer is that range."""
        from huggingface_hub import hf_hub_url

        api = self.api
        url = hf_hub_url(self.name, path, repo_type="dataset", revision=revision or self.branch, endpoint=api.endpoint)
        headers = {"Accept-Encoding": "identity", **({"Range": wanted} if wanted else {})}
        reply = self.ask(lambda: self._get(url, headers))
        return reply.content, reply.status_code == 206

    def upload(self, addition: "CommitOperationAdd") -> None:
        """Send the bytes of a large file ahead, and learn how to commit a small one; nothing is visible yet."""
        with _no_bars():
            self.ask_once(  # the client repeats it
                lambda: self.api.preupload_lfs_files(
                    self.name, [addition], repo_type="dataset", revision=self.branch, free_memory=True
                )
            )

    def tag(self, label: str) -> None:
        """Let a tag stand for the head."""
        self.ask(
            lambda: self.api.create_tag(self.name, tag=label, revision=self.branch, repo_type="dataset", exist_ok=True)
        )

    def send(self, operations: "Operations", parent: str, title: str) -> str:
        """Commit on top of a commit; gives the new head, or the present one where nothing changes by it.

        Raises:
            Refused: What the Hub said; the status is 412 if the branch has moved on.
        """
        with _no_bars():
            return self.ask_once(
                lambda: str(
                    self.api.create_commit(
                        self.name,
                        list(operations),
                        commit_message=title,
                        repo_type="dataset",
                        revision=self.branch,
                        parent_commit=parent,
                    ).oid
                )
            )

    def is_refused(self, operation: "CommitOperationAdd", parent: str) -> bool:
        """Whether a commit on top of one that is the head no longer is refused, as it has to be.

        Raises:
            Refused: What the Hub said instead.
        """
        for pause in pauses():
            try:
                self.send([operation], parent, "Try to be second")
                return False
            except Refused as refused:
                if refused.status == 412:
                    return True
                if pause is None or not refused.again:
                    raise
            time.sleep(pause)
        raise AssertionError("the last try either returns or raises")

    def history(self, head: str) -> Iterator[dict[str, Any]]:
        """The commits up to one, the newest first, a page at a time: histories get long."""
        url = f"{self.api.endpoint}/api/datasets/{self.name}/commits/{head}"
        while url:
            reply = self.ask(partial(self._get, url, {}))
            yield from self.ask_once(reply.json)
            url = reply.links.get("next", {}).get("url", "")

    def _get(self, url: str, headers: dict[str, str]) -> Any:
        from huggingface_hub import get_session, hf_raise_for_status
        from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # documented, not declared

        reply = get_session().get(
            url, headers={**build_hf_headers(library_name="imagecards"), **headers}, timeout=_TIMEOUT
        )
        hf_raise_for_status(reply)
        return reply


_quiet = threading.Lock()
_hidden: list[bool] = []  # for each block that is running now, whether bars were drawn before the first one


@contextmanager
def _no_bars() -> Iterator[None]:
    """Keep the client from drawing bars of its own, one for each file, for the time of a block in any thread."""
    from huggingface_hub import constants, utils

    bars: Any = utils  # which doesn't declare what it documents
    if constants.HF_HUB_DISABLE_PROGRESS_BARS is not None:
        yield
        return
    with _quiet:
        _hidden.append(_hidden[0] if _hidden else not bars.are_progress_bars_disabled())
        bars.disable_progress_bars()
    try:
        yield
    finally:
        with _quiet:
            drawn = _hidden.pop()
            if drawn and not _hidden:
                bars.enable_progress_bars()


def missing_repo(repo: HubRepo, url: str) -> str | None:
    """What to do about a repo that isn't there; None if it is.

    Raises:
        StorageError: That can't be told.
    """
    try:
        repo.head()
    except Refused as refused:
        if refused.code != NO_REPO:
            raise hub_explained(refused, url) from None
    else:
        return None
    if repo.is_model():
        return f"{repo.name} is a model on the Hub, and registries are kept in dataset repos: choose another name"
    return str(hub_explained(Refused(NO_REPO, 404), url))


def refuse_model(repo: HubRepo) -> None:
    """See that no registry is made beside a model that was meant to be it.

    Raises:
        StorageError: There is a model of the name.
    """
    if repo.is_model():
        message = (
            f"{repo.name} is a model on the Hub, and registries are kept in dataset repos: choose another name, or "
            f"make the dataset repo first (hf repos create {repo.name} --repo-type dataset)"
        )
        raise StorageError(message)


def refuse_branch(repo: HubRepo, url: str) -> None:
    """See that no repo is made for a branch that it wouldn't have.

    Raises:
        StorageError: The branch is not the one that a new repo has.
    """
    if repo.branch != "main":
        message = (
            f"{url} can't be written: there is no dataset repo {repo.name}, and a new one has the branch main alone: "
            f"leave @{repo.branch} out, or make the repo and its branch first (hf repos create, hf repos branch create)"
        )
        raise StorageError(message)
