"""A dataset repo of the test Hub: a branch of commits, tags, and the large files that were uploaded to it."""

import base64
import hashlib
import json
import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fnmatch import fnmatch
from itertools import count
from typing import Any

Tree = dict[str, "File"]
LARGE = ("*.tar", "*.parquet", "*.npy", "*.zst", "*.zip", "*.png", "*.jpg")
ATTRIBUTES = "".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in LARGE).encode()


class Problem(Exception):
    """What the Hub refuses, with its status and its word for it."""

    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(status, code, message)
        self.status = status
        self.code = code
        self.message = message or code


@dataclass(frozen=True)
class File:
    """A file in a tree; of a large one, git has only a pointer.

    Attributes:
        data: Its bytes.
        large: Whether it is stored outside git.
        commit: The commit that put it there.
    """

    data: bytes
    large: bool
    commit: str = ""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def oid(self) -> str:
        """What git calls it."""
        body = self.data
        if self.large:
            body = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {len(body)}\n".encode()
        return hashlib.sha1(b"blob %d\0" % len(body) + body, usedforsecurity=False).hexdigest()

    def about(self, path: str) -> dict[str, Any]:
        """As the tree and ``paths-info`` tell of it."""
        told: dict[str, Any] = {"type": "file", "path": path, "oid": self.oid, "size": len(self.data)}
        if self.large:
            told["lfs"] = {"oid": self.sha256, "size": len(self.data), "pointerSize": 134}
        return told


@dataclass(frozen=True)
class Commit:
    """One commit.

    Attributes:
        oid: Its name.
        parent: The one before.
        tree: All files, by path.
        title: The first line of what is said of it.
        message: The rest.
        date: When.
    """

    oid: str
    parent: str | None
    tree: Tree
    title: str
    message: str
    date: str


@dataclass
class Repo:
    """A repo.

    Attributes:
        private: Whether only those with a token see it.
        commits: All of them, by name.
        branches: The head of each branch.
        tags: The commit of each tag.
        uploaded: Large files by sha256, committed or not.
        large_from: From how many bytes on a file is a large one.
    """

    private: bool = False
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    uploaded: dict[str, bytes] = field(default_factory=dict)
    large_from: int = 100_000
    _lock: Any = field(default_factory=threading.RLock, repr=False)
    _numbers: Any = field(default_factory=lambda: count(1), repr=False)

    def __post_init__(self) -> None:
        if not self.commits:
            self._add("main", {".gitattributes": File(ATTRIBUTES, large=False)}, "initial commit", "")

    def copy(self) -> "Repo":
        """The same, to be changed on its own."""
        fresh = replace(self, commits=dict(self.commits), branches=dict(self.branches), tags=dict(self.tags))
        fresh.uploaded, fresh._lock, fresh._numbers = dict(self.uploaded), threading.RLock(), count(1000)
        return fresh

    def find(self, revision: str) -> Commit:
        """The commit that a branch, a tag or a name of a commit stands for."""
        oid = self.branches.get(revision) or self.tags.get(revision) or revision
        if oid not in self.commits:
            raise Problem(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return self.commits[oid]

    def history(self, revision: str) -> list[Commit]:
        """A commit and all before it, the newest first."""
        found, oid = [], self.find(revision).oid
        while oid:
            found.append(self.commits[oid])
            oid = self.commits[oid].parent or ""
        return found

    def upload_mode(self, revision: str, path: str, size: int) -> dict[str, Any]:
        """How a file is to be uploaded, whether it would be ignored, and what is there."""
        tree = self.find(revision).tree
        large = size >= self.large_from or any(fnmatch(path, pattern) for pattern in LARGE)
        ignored = tree.get(".gitignore", File(b"", large=False)).data.decode().split()
        told: dict[str, Any] = {
            "path": path,
            "uploadMode": "lfs" if large else "regular",
            "shouldIgnore": any(fnmatch(path, pattern) or fnmatch(path.split("/")[-1], pattern) for pattern in ignored),
        }
        if path in tree:
            told["oid"] = tree[path].sha256 if tree[path].large else tree[path].oid
        return told

    def upload(self, oid: str, data: bytes) -> None:
        """Take in a large file."""
        if hashlib.sha256(data).hexdigest() != oid:
            raise Problem(400, "BadRequest", "the bytes are not those of their sha256")
        self.uploaded[oid] = data

    def commit(self, branch: str, body: bytes) -> Commit:
        """Carry out a commit as it was sent: a header and operations, a line each."""
        header, *lines = [json.loads(line) for line in body.splitlines() if line.strip()]
        about = header["value"]
        with self._lock:
            if branch not in self.branches:
                raise Problem(404, "RevisionNotFound", f"Invalid rev id: {branch}")
            head = self.branches[branch]
            if about.get("parentCommit", head) != head:
                raise Problem(412, "", "A commit has happened since. Please refresh and try again.")
            tree = dict(self.commits[head].tree)
            for line in lines:
                self._carry_out(tree, line["key"], line["value"])
            return self._add(branch, tree, about["summary"], about.get("description", ""))

    def _carry_out(self, tree: Tree, key: str, value: dict[str, Any]) -> None:
        path = value["path"]
        if key == "file":
            tree[path] = File(base64.b64decode(value["content"]), large=False)
        elif key == "lfsFile":
            if value["oid"] not in self.uploaded:
                raise Problem(400, "BadRequest", f"{path} was not uploaded")
            tree[path] = File(self.uploaded[value["oid"]], large=True)
        elif key == "deletedFile":
            if path not in tree:
                raise Problem(404, "EntryNotFound", "A file with this name doesn't exist")
            del tree[path]
        else:
            raise Problem(400, "BadRequest", f"unknown operation {key}")

    def _add(self, branch: str, tree: Tree, title: str, message: str) -> Commit:
        number = next(self._numbers)
        parent = self.branches.get(branch)
        oid = hashlib.sha1(f"{parent} {number} {title}".encode(), usedforsecurity=False).hexdigest()
        date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        tree = {path: file if file.commit else replace(file, commit=oid) for path, file in tree.items()}
        self.commits[oid] = Commit(oid, parent, tree, title, message, date)
        self.branches[branch] = oid
        return self.commits[oid]
