"""Files of a repo on the Hub, created by commits and looked at afterwards."""

from collections.abc import Sequence
from typing import Any

from imagecards.errors import StorageError
from imagecards.storage.answers import Refused
from imagecards.storage.hubanswers import hub_explained, hub_unknown
from imagecards.storage.hubcommit import Committer
from imagecards.storage.hubpages import ShownPages
from imagecards.storage.hubrepo import HubRepo
from imagecards.storage.hubstaging import Staged


class HubFiles:
    """Creates files.

    Args:
        repo: Where.
        committer: Makes its commits.
    """

    def __init__(self, repo: HubRepo, committer: Committer) -> None:
        self._repo = repo
        self._committer = committer

    def create(self, files: list[Staged], title: str, place: str, pages: ShownPages | None = None) -> bool:
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

    def not_there(self, files: list[Staged], place: str) -> list[Staged]:
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

    def send_ahead(self, file: Staged) -> None:
        """Send the bytes of a file before it is committed, if it is a large one.

        Raises:
            Refused: What the Hub said.
        """
        file.uploaded(self._repo)

    def _check(self, files: Sequence[Staged], commit: str, place: str) -> None:
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
