"""The test Hub itself, asked by the real client: what the store's tests rest on."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, get_session
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from tests.hub.conftest import REPO
from tests.hub.large_files import READER, TOKEN
from tests.hub.origin import HubInMemory
from tests.s3.proxy import Proxy


@pytest.fixture
def api(proxy: Proxy) -> HfApi:
    api = HfApi(endpoint=proxy.address)
    api.create_repo(REPO, repo_type="dataset", private=True)
    return api


def commit(api: HfApi, files: dict[str, bytes], parent: str | None = None) -> str:
    operations = [CommitOperationAdd(path, data) for path, data in files.items()]
    made = api.create_commit(REPO, operations, commit_message="x", repo_type="dataset", parent_commit=parent)
    return str(made.oid)


def head(api: HfApi) -> str:
    return str(api.dataset_info(REPO, expand=["lastModified"]).sha)


def test_repos(api: HfApi, hub: HubInMemory) -> None:
    assert hub.repos[REPO].private
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_repo(REPO, repo_type="dataset")
    assert api.create_repo(REPO, repo_type="dataset", exist_ok=True).repo_id == REPO
    with pytest.raises(RepositoryNotFoundError):
        api.dataset_info("owner/other")
    with pytest.raises(RevisionNotFoundError):
        api.dataset_info(REPO, revision="dev")


@pytest.mark.parametrize("part", [1 << 40, 1000])
def test_small_and_large_files(api: HfApi, hub: HubInMemory, part: int, tmp_path: Path) -> None:
    hub.part = part
    large = bytes(range(256)) * 20
    commit(api, {"a/b.json": b"{}", "a/ä b/c.tar": large})
    assert hub.files(REPO)["a/ä b/c.tar"] == large
    found = {
        each.path: each for each in api.get_paths_info(REPO, ["a/b.json", "a/ä b/c.tar", "x"], repo_type="dataset")
    }
    assert set(found) == {"a/b.json", "a/ä b/c.tar"}
    there = api.hf_hub_download(REPO, "a/ä b/c.tar", repo_type="dataset", local_dir=tmp_path)
    assert Path(there).read_bytes() == large
    url = f"{api.endpoint}/datasets/{REPO}/resolve/main/a/%C3%A4%20b/c.tar"
    reply = get_session().get(url, headers={"Range": "bytes=250-259"})
    assert (reply.status_code, reply.content) == (206, large[250:260])
    assert get_session().get(url, headers={"Range": "bytes=9000-"}).status_code == 416


def test_a_commit_with_an_old_parent_is_refused(api: HfApi) -> None:
    first = head(api)
    commit(api, {"a": b"1"}, first)
    with pytest.raises(HfHubHTTPError, match="412"):
        commit(api, {"b": b"2"}, first)

    def race(number: int) -> int:
        try:
            commit(api, {f"c{number}": b"3"}, now)
        except HfHubHTTPError as error:
            return int(error.response.status_code)
        return 200

    now = head(api)
    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(race, range(8))) == [200] + [412] * 7


def test_the_same_file_again_makes_no_commit(api: HfApi) -> None:
    made = commit(api, {"a": b"1"})
    assert commit(api, {"a": b"1"}, "0" * 40) == made


def test_deleting(api: HfApi, hub: HubInMemory) -> None:
    commit(api, {"a": b"1", "b": b"2"})
    api.create_commit(REPO, [CommitOperationDelete("a")], commit_message="x", repo_type="dataset")
    assert set(hub.files(REPO)) == {".gitattributes", "b"}
    with pytest.raises(EntryNotFoundError):
        api.create_commit(REPO, [CommitOperationDelete("a")], commit_message="x", repo_type="dataset")


def test_pages_of_a_tree_and_of_a_history(api: HfApi, hub: HubInMemory) -> None:
    hub.page = 3
    for number in range(4):
        commit(api, {f"a/{number}/x": b"1"})
    listed = api.list_repo_tree(REPO, "a", recursive=True, expand=True, repo_type="dataset")
    files = [each for each in listed if hasattr(each, "size")]
    assert [each.path for each in files] == [f"a/{number}/x" for number in range(4)]
    assert all(each.last_commit is not None for each in files)
    assert len(api.list_repo_commits(REPO, repo_type="dataset")) == 5
    with pytest.raises(EntryNotFoundError):
        list(api.list_repo_tree(REPO, "b", repo_type="dataset"))


def test_tags(api: HfApi) -> None:
    made = commit(api, {"a": b"1"})
    commit(api, {"b": b"2"})
    api.create_tag(REPO, tag="a/b/1.0.0", revision=made, repo_type="dataset")
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_tag(REPO, tag="a/b/1.0.0", repo_type="dataset")
    refs = api.list_repo_refs(REPO, repo_type="dataset")
    assert [(tag.name, tag.target_commit) for tag in refs.tags] == [("a/b/1.0.0", made)]
    assert [branch.name for branch in refs.branches] == ["main"]


def test_ignored_files_are_left_out_in_silence(api: HfApi, hub: HubInMemory) -> None:
    commit(api, {".gitignore": b"*.json\n"})
    commit(api, {"a.json": b"1", "b.txt": b"2"})
    assert "a.json" not in hub.files(REPO)
    assert "b.txt" in hub.files(REPO)


def test_tokens(api: HfApi, hub: HubInMemory, proxy: Proxy) -> None:
    hub.open = False
    assert HfApi(endpoint=proxy.address, token=TOKEN).dataset_info(REPO).id == REPO
    assert HfApi(endpoint=proxy.address, token=READER).dataset_info(REPO).id == REPO
    with pytest.raises(RepositoryNotFoundError):
        HfApi(endpoint=proxy.address, token=False).dataset_info(REPO)
    with pytest.raises(HfHubHTTPError, match="401"):
        HfApi(endpoint=proxy.address, token="hf_wrong").dataset_info(REPO)
    with pytest.raises(HfHubHTTPError, match="403"):
        commit(HfApi(endpoint=proxy.address, token=READER), {"a": b"1"})


@pytest.mark.parametrize("kind", ["late 500", "lost"])
def test_a_commit_can_land_although_its_reply_is_lost(api: HfApi, hub: HubInMemory, proxy: Proxy, kind: str) -> None:
    import httpx2

    with proxy.failing(2, kind), pytest.raises((HfHubHTTPError, httpx2.HTTPError)):
        commit(api, {"a": b"1"})
    assert hub.files(REPO)["a"] == b"1"


def test_too_many_requests(api: HfApi, proxy: Proxy) -> None:
    with proxy.failing(1, "429"), pytest.raises(HfHubHTTPError, match="429") as caught:
        head(api)
    assert caught.value.response.headers["Retry-After"] == "0"
