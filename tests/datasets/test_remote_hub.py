"""Dataset repositories: branches are pinned to commits, digests of large files are believed, others are not made up."""

from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from pydantic import ValidationError
from tests.conftest import png
from tests.remote import count_reads

from imagecards import CardRegistry, ImageDataset
from imagecards.datasets.remote import RemoteSource
from imagecards.datasets.remote.hub import HubObjects, has_commit
from imagecards.errors import InvalidInputError, NotFoundError

COMMIT, NEWER = "a" * 40, "b" * 40
IMAGE = png(300, 300) + bytes(70_000)


class FakeHub(MemoryFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Says what the Hub's file system says of files: those that begin with a letter are in LFS."""

    protocol = "hf"
    store: dict[str, Any] = {}  # noqa: RUF012 - as in the class above
    pseudo_dirs: list[str] = [""]  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__(skip_instance_cache=True)
        self.head = COMMIT
        self._api = SimpleNamespace(repo_info=self._repo_info)

    @classmethod
    def _strip_protocol(cls, path: str) -> Any:
        return super()._strip_protocol(path.removeprefix("hf://"))

    def _repo_info(self, repo: str, *, repo_type: str, revision: str) -> SimpleNamespace:
        if (repo, repo_type, revision) not in (
            ("owner/repo", "dataset", "main"),
            ("owner/repo", "dataset", "refs/pr/1"),
        ):
            raise FileNotFoundError("https://hub/?token=hidden")
        return SimpleNamespace(sha=self.head)

    def find(self, path: str, **options: Any) -> Any:
        found = super().find(path, **options)
        return {name: self._with_lfs(entry) for name, entry in found.items()}

    def ls(self, path: str, detail: bool = True, **options: Any) -> Any:
        found = super().ls(path, detail=detail, **options)
        return [self._with_lfs(entry) for entry in found] if detail else found

    def _with_lfs(self, entry: dict[str, Any]) -> dict[str, Any]:
        if entry["type"] == "file" and entry["name"].rpartition("/")[2][0].isalpha():
            data = self.store[entry["name"]].getvalue()
            return {**entry, "lfs": {"size": len(data), "sha256": sha256(data).hexdigest(), "pointer_size": 130}}
        return {**entry, "lfs": None}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    made = FakeHub()
    made.head = COMMIT  # fsspec gives the same instance again
    made.store.clear()
    monkeypatch.setattr(HubObjects, "system", lambda self: made)
    for name in ("a.png", "1.png"):
        made.pipe_file(f"/datasets/owner/repo@{COMMIT}/images/{name}", IMAGE)
        made.pipe_file(f"/datasets/owner/repo@{NEWER}/images/{name}", b"newer")
    return made


@pytest.mark.parametrize("revision", ["", "@main", "@refs/pr/1", f"@{COMMIT}"])
def test_a_revision_is_pinned_to_its_commit(hub: FakeHub, revision: str) -> None:
    dataset = ImageDataset(image_dir=f"hf://datasets/owner/repo{revision}/images")
    assert isinstance(dataset.source, RemoteSource)
    assert dataset.source.url == f"hf://datasets/owner/repo@{COMMIT}/images"
    hub.head = NEWER
    assert dataset.read_bytes("a.png") == IMAGE
    assert has_commit(dataset.source.url)


def test_the_hub_knows_the_digest_of_large_files(
    hub: FakeHub, registry: CardRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = count_reads(monkeypatch)
    url = "hf://datasets/owner/repo/images"
    linked = registry.register(ImageDataset(image_dir=url), "a/b", copy=False)
    sizes = dict(reads)
    assert sizes["a.png"] == 65536  # its header
    assert sizes["1.png"] > 70_000  # all of it
    assert registry.register(ImageDataset(image_dir=url), "a/packed").dataset_digest == linked.dataset_digest
    del reads[:]
    assert registry.register(ImageDataset(image_dir=url), "a/b", copy=False) == linked
    assert not reads
    assert registry.verify("a/b", deep=True).ok
    del hub.store[f"/datasets/owner/repo@{COMMIT}/images/a.png"]
    [problem] = registry.verify("a/b").problems
    assert (problem.image, problem.actual) == ("a.png", "missing")


@pytest.mark.parametrize(
    "url",
    ["hf://owner/model/images", "hf://spaces/owner/repo/images", "hf://datasets/owner", "hf://buckets/owner/b/images"],
)
def test_other_places_on_the_hub_are_refused(hub: FakeHub, url: str) -> None:
    with pytest.raises(InvalidInputError, match="is no place in a dataset repository"):
        HubObjects().pin(url)


def test_what_is_not_there_is_told_without_secrets(hub: FakeHub) -> None:
    with pytest.raises(NotFoundError, match="no such dataset repository or revision") as caught:
        HubObjects().pin("hf://datasets/owner/gone/images")
    assert "hidden" not in str(caught.value)
    assert caught.value.__context__ is None
    with pytest.raises(ValidationError, match="has no files"):
        ImageDataset(image_dir="hf://datasets/owner/repo/nothing")
