"""Commits on the Hub of which it is known whether they were made.

A commit names its parent, and the Hub refuses it once the branch has moved on. So each writer reads the head, sees
what is there, and commits on top of that; of two, one has to look again. A mark in the title of a commit tells whose it
is: after an answer that was lost, the history says whether it was made, and whether it still can be.
"""

import os
import random
import secrets
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from imagecards.storage import bucket
from imagecards.storage.answers import Refused
from imagecards.storage.bucket import pauses
from imagecards.storage.hubanswers import hub_explained, hub_unknown, hub_wait

if TYPE_CHECKING:
    from imagecards.storage.hubrepo import HubRepo, Operations

    Plan = Callable[[str], Operations | None]

_LONGEST = 60  # characters of a title; the mark comes after them
_CONFLICTS = 60  # times that others may be first before a writer gives up


class Committer:
    """Makes commits, one at a time in a process: of two on one head, the Hub would refuse one.

    Args:
        repo: Where.
    """

    def __init__(self, repo: "HubRepo") -> None:
        self._repo = repo
        self._locks: dict[int, threading.Lock] = {}  # by process: what is held during a fork stays so in the child

    def commit(self, plan: "Plan", title: str, place: str) -> str | None:
        """Make a commit, and find out whether it was made.

        Args:
            plan: Says what is in it, given the commit that it goes on; None if there is nothing to do.
            title: What it is called; a mark is added.
            place: What is written, for errors.

        Returns:
            A commit that has it; None if there was nothing to do.

        Raises:
            StorageError: It was not made, nor ever will be.
            CommitUnknownError: It may have been made, or still be.
        """
        with self._locks.setdefault(os.getpid(), threading.Lock()):
            mark = secrets.token_hex(8)
            short = title if len(title) <= _LONGEST else f"{title[:_LONGEST]}..."
            return self._commit(plan, f"{short} ({mark})", mark, place)

    def _commit(self, plan: "Plan", title: str, mark: str, place: str) -> str | None:
        sent: str | None = None  # the parent of a commit of ours that may have been made
        head = ""
        tries, conflicts = pauses(), 0
        while True:
            try:
                head = head or self._repo.head()
                if sent is not None and head != sent:
                    if self._was_made(mark, head, sent):
                        return head
                    sent = None  # nor will it be: its parent is the head no longer
                operations = plan(head)
            except Refused as refused:
                problem = refused
                break
            if operations is None:
                return None
            try:
                head, sent = self._repo.send(operations, head, title), head
                continue  # the client says so, too, where there was nothing to commit: the history decides
            except Refused as refused:
                problem = refused
            if problem.landed and not problem.again:  # the exchange is over: what isn't there now won't come
                return self._look_again(head, mark, problem, place, over=sent is None)
            if problem.status == 412 or problem.landed:  # that somebody was first may be our own doing
                sent = head
            elif not problem.again:
                break
            if problem.status == 412 and conflicts < _CONFLICTS:
                conflicts += 1
                pause = bucket.PAUSES[min(conflicts // 4, 3)] * random.uniform(0.1, 1.5)  # noqa: S311 - jitter
            else:
                pause = next(tries) or 0.0
                if not pause:
                    return self._look_again(sent, mark, problem, place)
            time.sleep(hub_wait(pause, problem.after))
            head = ""
        raise hub_unknown(problem, place) if sent else hub_explained(problem, place, writing=True)

    def _look_again(self, sent: str | None, mark: str, problem: Refused, place: str, *, over: bool = False) -> str:
        """Say what is known in the end of a commit that was tried often enough."""
        head = sent
        try:
            if sent is not None:
                head = self._repo.head()
                if head != sent and self._was_made(mark, head, sent):
                    return head
        except Refused:
            head, over = sent, False
        if sent is not None and head == sent and not over:
            raise hub_unknown(problem, place)
        raise hub_explained(problem, place, writing=True)

    def _was_made(self, mark: str, head: str, since: str) -> bool:
        """Whether a commit with a mark is among those from a head back to one before."""
        for commit in self._repo.history(head):
            if commit["id"] == since:
                return False
            if mark in commit["title"]:
                return True
        return False
