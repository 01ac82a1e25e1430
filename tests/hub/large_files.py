"""Large files of the test Hub: how they are uploaded, in one piece or in parts, and read from another host."""

import hashlib
import json
import re
from typing import Any

from tests.hub.repo import Problem, Repo
from tests.s3.origin import Answer

TOKEN = "hf_plantedWriteTokenOfTheTests0001"
READER = "hf_plantedReadTokenOfTheTests00002"
Asked = dict[str, Any]


def told(value: object, status: int = 200, *, more: str = "") -> Answer:
    """An answer in JSON, and where the next page of it is."""
    headers = {"Content-Type": "application/json", **({"Link": more} if more else {})}
    return status, headers, json.dumps(value).encode()


def ranged(data: bytes, asked: Asked, about: dict[str, str]) -> Answer:
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", asked["headers"].get("range", ""))
    if found is None:
        return 200, {**about, "Content-Length": str(len(data))}, data
    start, end = int(found[1]), min(int(found[2] or len(data)), len(data) - 1)
    if start >= len(data):
        return 416, {**about, "Content-Range": f"bytes */{len(data)}"}, b""
    return 206, {**about, "Content-Range": f"bytes {start}-{end}/{len(data)}"}, data[start : end + 1]


class LargeFiles:
    """What a Hub keeps outside git.

    Attributes:
        repos: Dataset repos by name.
        part: Large files of more bytes are uploaded in parts of so many.
        open: Whether nobody needs a token.
    """

    def __init__(self, part: int) -> None:
        self.repos: dict[str, Repo] = {}
        self.part = part
        self.open = True
        self._parts: dict[str, dict[int, bytes]] = {}

    def _repo(self, asked: Asked, name: str, *, writing: bool = False) -> Repo:
        token = asked["headers"].get("authorization", "").removeprefix("Bearer ")
        if token not in ("", TOKEN, READER):
            raise Problem(401, "", "Invalid credentials in Authorization header")
        repo = self.repos.get(name)
        if repo is None or (repo.private and not token and not self.open):
            raise Problem(404 if token else 401, "RepoNotFound", "Repository not found")
        if writing and not self.open and token != TOKEN:
            raise Problem(403 if token else 401, "", "you have no right to write to this repo")
        return repo

    def _cdn(self, asked: Asked, name: str, oid: str) -> Answer:
        assert "authorization" not in asked["headers"], "tokens are for the Hub alone"
        return ranged(self.repos[name].uploaded[oid], asked, {"ETag": f'"{oid}"', "Accept-Ranges": "bytes"})

    def _batch(self, asked: Asked, name: str) -> Answer:
        repo = self._repo(asked, name, writing=True)
        objects = []
        for each in json.loads(asked["body"])["objects"]:
            oid, size = each["oid"], each["size"]
            about: Asked = {"oid": oid, "size": size}
            if oid not in repo.uploaded:
                place = f"{asked['base']}/lfs/{name}/{oid}"
                upload: Asked = {"href": f"{place}?Signature=planted-signature"}
                if size > self.part:
                    parts = {f"{number + 1:05d}": f"{place}/{number}" for number in range(-(-size // self.part))}
                    upload = {"href": f"{place}/all", "header": {"chunk_size": str(self.part), **parts}}
                verify = {"href": f"{asked['base']}/lfs-verify/{name}"}
                about["actions"] = {"upload": upload, "verify": verify}
            objects.append(about)
        return told({"transfer": "basic", "objects": objects})

    def _upload(self, asked: Asked, name: str, oid: str) -> Answer:
        self.repos[name].upload(oid, asked["body"])
        return 200, {}, b""

    def _part(self, asked: Asked, name: str, oid: str, number: str) -> Answer:
        self._parts.setdefault(oid, {})[int(number)] = asked["body"]
        return 200, {"ETag": hashlib.md5(asked["body"], usedforsecurity=False).hexdigest()}, b""

    def _complete(self, asked: Asked, name: str, oid: str) -> Answer:
        parts = self._parts.get(oid, {})
        self.repos[name].upload(oid, b"".join(parts[number] for number in sorted(parts)))
        return told({})

    def _verify(self, asked: Asked, name: str) -> Answer:
        wanted = json.loads(asked["body"])
        there = self.repos[name].uploaded.get(wanted["oid"])
        if there is None or len(there) != wanted["size"]:
            raise Problem(404, "", "it was not uploaded")
        return told({})
