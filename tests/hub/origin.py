"""A Hub in memory that the real client talks to: datasets, their commits, large files, tags, pages and refusals.

It answers one request at a time as a function; `tests.s3.proxy.before` makes it a server, counts what it is asked, and
lets chosen requests go wrong.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import parse_qs, unquote, urlsplit

from tests.hub.large_files import TOKEN, Asked, LargeFiles, ranged, told
from tests.hub.repo import Commit, File, Problem, Repo
from tests.s3.origin import Answer

Route = Callable[..., Answer]


class HubInMemory(LargeFiles):
    """As much of the Hub as its client asks for when it makes, fills and reads a dataset repo.

    Attributes:
        models: Names of repos of models, of which nothing else is known.
        page: How many entries a page of a tree has, and of a history.
        ignores_parents: Whether commits land whatever their parent is, as on no real Hub.
    """

    def __init__(self, *, page: int = 1000, part: int = 1 << 40, open: bool = True) -> None:
        super().__init__(part)
        self.models: set[str] = set()
        self.page = page
        self.open = open
        self.ignores_parents = False

    def files(self, name: str, branch: str = "main") -> dict[str, bytes]:
        """The bytes of each file of a repo."""
        return {path: file.data for path, file in self.repos[name].find(branch).tree.items()}

    def plant(self, name: str, path: str, data: bytes) -> None:
        """Put a file past every rule."""
        repo = self.repos[name]
        repo._add("main", {**repo.find("main").tree, path: File(data, large=False)}, "planted", "")

    def __call__(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        split = urlsplit(target)
        names = {name.lower(): value for name, value in headers.items()}
        asked = {
            "method": method,
            "query": {name: values[0] for name, values in parse_qs(split.query).items()},
            "path": split.path,
            "headers": names,
            "body": body,
            "base": f"http://{names['host']}",
        }
        try:
            for pattern, route in _ROUTES:
                found = re.fullmatch(pattern, f"{'GET' if method == 'HEAD' else method} {split.path}")
                if found is not None:
                    return route(self, asked, *[unquote(part or "") for part in found.groups()])
            raise Problem(404, "", f"no such page: {method} {split.path}")
        except Problem as problem:
            about = {"X-Error-Message": problem.message}
            if problem.code:
                about["X-Error-Code"] = problem.code
            status, first, data = told({"error": problem.message}, problem.status)
            return status, {**first, **about}, data

    # -- repos -------------------------------------------------------------------------------------------------

    def _create(self, asked: Asked) -> Answer:
        wanted = json.loads(asked["body"])
        name = f"{wanted['organization']}/{wanted['name']}"
        if not self.open and asked["headers"].get("authorization") != f"Bearer {TOKEN}":
            raise Problem(403, "", "you have no right to make a repo there")
        url = f"{asked['base']}/datasets/{name}"
        if wanted.get("type") != "dataset":
            self.models.add(name)
            return told({"url": f"{asked['base']}/{name}"})
        if name in self.repos:
            return told({"error": "You already created this dataset repo", "url": url}, 409)
        self.repos[name] = Repo(private=wanted.get("visibility") == "private" or bool(wanted.get("private")))
        return told({"url": url})

    def _info(self, asked: Asked, name: str, revision: str = "main") -> Answer:
        commit = self._repo(asked, name).find(revision or "main")
        about: Asked = {"id": name, "sha": commit.oid, "private": self.repos[name].private, "tags": [], "gated": False}
        if "expand" not in asked["query"]:
            about |= {"lastModified": commit.date, "createdAt": commit.date, "disabled": False, "downloads": 0}
            about |= {"siblings": [{"rfilename": path} for path in sorted(commit.tree)], "likes": 0, "_id": "0"}
        return told(about)

    def _model(self, asked: Asked, name: str) -> Answer:
        if name not in self.models:
            raise Problem(404, "RepoNotFound", "Repository not found")
        return told({"id": name, "sha": "0" * 40, "tags": []})

    def _validate(self, asked: Asked) -> Answer:
        content = json.loads(asked["body"])["content"]
        if not content.startswith("---\n"):
            raise Problem(400, "BadRequest", "a README begins with YAML")
        return told({"errors": [], "warnings": []})

    def _agents(self, asked: Asked) -> Answer:
        return told({"standardEnvVars": [], "harnesses": {}})

    # -- commits -----------------------------------------------------------------------------------------------

    def _preupload(self, asked: Asked, name: str, branch: str) -> Answer:
        repo = self._repo(asked, name, writing=True)
        wanted = json.loads(asked["body"])["files"]
        return told({"files": [repo.upload_mode(branch, each["path"], each["size"]) for each in wanted]})

    def _commit(self, asked: Asked, name: str, branch: str) -> Answer:
        repo = self._repo(asked, name, writing=True)
        body = asked["body"]
        if self.ignores_parents:
            body = re.sub(rb', "parentCommit": "[0-9a-f]*"', b"", body)
        commit = repo.commit(branch, body)
        url = f"{asked['base']}/datasets/{name}/commit/{commit.oid}"
        return told({"success": True, "commitOid": commit.oid, "commitUrl": url, "hookOutput": ""})

    def _history(self, asked: Asked, name: str, revision: str) -> Answer:
        def about(commit: Commit) -> Asked:
            said = {"title": commit.title, "message": commit.message}
            return {"id": commit.oid, "authors": [{"user": "user"}], "date": commit.date, **said}

        return self._page(asked, [about(commit) for commit in self._repo(asked, name).history(revision)])

    def _tag(self, asked: Asked, name: str, revision: str) -> Answer:
        repo = self._repo(asked, name, writing=True)
        label = json.loads(asked["body"])["tag"]
        if label in repo.tags:
            raise Problem(409, "", "Tag reference exists already")
        repo.tags[label] = repo.find(revision).oid
        return told({})

    def _refs(self, asked: Asked, name: str) -> Answer:
        repo = self._repo(asked, name)

        def of(kind: str, refs: Mapping[str, str]) -> list[Asked]:
            return [
                {"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": commit} for name, commit in refs.items()
            ]

        return told({"branches": of("heads", repo.branches), "tags": of("tags", repo.tags), "converts": []})

    # -- trees -------------------------------------------------------------------------------------------------

    def _tree(self, asked: Asked, name: str, revision: str, path: str = "") -> Answer:
        commit = self._repo(asked, name).find(revision)
        query = asked["query"]
        deep = query.get("recursive", "").lower() == "true"
        prefix = f"{path}/" if path else ""
        entries: dict[str, Asked] = {}
        for each in sorted(commit.tree):
            if each.startswith(prefix):
                parts = each[len(prefix) :].split("/")
                for length in range(1, len(parts)) if deep else range(1, min(2, len(parts))):
                    folder = prefix + "/".join(parts[:length])
                    entries.setdefault(folder, {"type": "directory", "path": folder, "oid": "0" * 40, "size": 0})
                if deep or len(parts) == 1:
                    entries[each] = self._about(name, commit, each, query.get("expand", ""))
        if prefix and not entries:
            raise Problem(404, "EntryNotFound", f"{path} does not exist on {revision!r}")
        return self._page(asked, list(entries.values()))

    def _paths(self, asked: Asked, name: str, revision: str) -> Answer:
        commit = self._repo(asked, name).find(revision)
        form = parse_qs(asked["body"].decode())
        expand = form.get("expand", [""])[0]
        found = []
        for path in form.get("paths", ()):
            if path in commit.tree:
                found.append(self._about(name, commit, path, expand))
            elif any(each.startswith(f"{path}/") for each in commit.tree):
                found.append({"type": "directory", "path": path, "oid": "0" * 40, "size": 0})
        return told(found)

    def _about(self, name: str, commit: Commit, path: str, expand: str) -> Asked:
        file = commit.tree[path]
        about = file.about(path)
        if expand.lower() == "true":
            last = self.repos[name].commits[file.commit]
            about["lastCommit"] = {"id": last.oid, "title": last.title, "date": last.date}
        return about

    def _page(self, asked: Asked, entries: list[Asked]) -> Answer:
        start = int(asked["query"].get("cursor", 0))
        more = ""
        if start + self.page < len(entries):
            kept = "".join(f"&{name}={value}" for name, value in asked["query"].items() if name != "cursor")
            following = f"{asked['base']}{asked['path']}?cursor={start + self.page}{kept}"
            more = f'<{following}>; rel="next"'
        return told(entries[start : start + self.page], more=more)

    # -- bytes -------------------------------------------------------------------------------------------------

    def _resolve(self, asked: Asked, name: str, revision: str, path: str) -> Answer:
        commit = self._repo(asked, name).find(revision)
        file = commit.tree.get(path)
        if file is None:
            raise Problem(404, "EntryNotFound", "Entry not found")
        about = {"X-Repo-Commit": commit.oid, "ETag": f'"{file.oid}"', "Accept-Ranges": "bytes"}
        if file.large:
            about |= {"X-Linked-Etag": f'"{file.sha256}"', "X-Linked-Size": str(len(file.data))}
            elsewhere = asked["base"].replace("127.0.0.1", "localhost")
            place = f"{elsewhere}/cdn/{name}/{file.sha256}?Signature=planted-signature"
            return 302, {**about, "Location": place}, b""
        return ranged(file.data, asked, about)


_NAME = "([^/]+/[^/]+?)"
_ROUTES: Iterable[tuple[str, Route]] = (
    ("POST /api/repos/create", HubInMemory._create),
    ("POST /api/validate-yaml", HubInMemory._validate),
    ("GET /api/agent-harnesses", HubInMemory._agents),
    (f"GET /api/models/{_NAME}", HubInMemory._model),
    (f"GET /api/datasets/{_NAME}", HubInMemory._info),
    (f"GET /api/datasets/{_NAME}/revision/([^/]+)", HubInMemory._info),
    (f"GET /api/datasets/{_NAME}/refs", HubInMemory._refs),
    (f"GET /api/datasets/{_NAME}/commits/([^/]+)", HubInMemory._history),
    (f"GET /api/datasets/{_NAME}/tree/([^/]+)(?:/(.+))?", HubInMemory._tree),
    (f"POST /api/datasets/{_NAME}/preupload/([^/]+)", HubInMemory._preupload),
    (f"POST /api/datasets/{_NAME}/commit/([^/]+)", HubInMemory._commit),
    (f"POST /api/datasets/{_NAME}/paths-info/([^/]+)", HubInMemory._paths),
    (f"POST /api/datasets/{_NAME}/tag/([^/]+)", HubInMemory._tag),
    (rf"POST /datasets/{_NAME}\.git/info/lfs/objects/batch", HubInMemory._batch),
    (f"GET /datasets/{_NAME}/resolve/([^/]+)/(.+)", HubInMemory._resolve),
    (f"GET /cdn/{_NAME}/([0-9a-f]+)", HubInMemory._cdn),
    (f"PUT /lfs/{_NAME}/([0-9a-f]+)", HubInMemory._upload),
    (f"PUT /lfs/{_NAME}/([0-9a-f]+)/([0-9]+)", HubInMemory._part),
    (f"POST /lfs/{_NAME}/([0-9a-f]+)/all", HubInMemory._complete),
    (f"POST /lfs-verify/{_NAME}", HubInMemory._verify),
)
