"""Files in dataset repositories of the Hugging Face Hub: pinned to a commit, with the SHA-256 of each LFS file."""

import os
import re
from typing import Any

from imagecards.datasets.remote.objects import translated
from imagecards.datasets.remote.plain import PlainObjects
from imagecards.errors import InvalidInputError, NotFoundError

_REPO = re.compile(
    r"hf://datasets/(?P<repo>[^/@]+/[^/@]+)(?:@(?P<revision>refs/(?:pr|convert)/[^/]+|[^/]+))?(?P<path>/.+)?"
)
_COMMIT = re.compile(r"[0-9a-f]{40}")


def has_commit(url: str) -> bool:
    """Whether a URL means the same for good.

    Example:
        >>> has_commit("hf://datasets/owner/repo@main/a.png")
        False
    """
    match = _REPO.fullmatch(url)
    return match is not None and _COMMIT.fullmatch(match["revision"] or "") is not None


class HubObjects(PlainObjects):
    """Dataset repositories. What lies at a commit never changes, so neither ETags nor versions are needed."""

    def __init__(self) -> None:
        super().__init__("hf")

    def pin(self, url: str) -> str:
        """The same URL with the commit that its branch or tag (``main`` where it names none) is at now."""
        match = _REPO.fullmatch(url)
        if match is None:
            raise InvalidInputError(f"{url} is no place in a dataset repository: name hf://datasets/owner/repo/folder")
        commit, path = match["revision"] or "main", match["path"] or ""
        if not _COMMIT.fullmatch(commit):
            try:
                commit = self.system()._api.repo_info(match["repo"], repo_type="dataset", revision=commit).sha
            except Exception as error:  # each file system and its client has errors of its own
                problem = translated(error, url)
                if isinstance(problem, NotFoundError):
                    problem = NotFoundError(
                        f"{url}: there is no such dataset repository or revision, or it can't be seen without a token "
                        "(hf auth login): correct the name"
                    )
            else:
                return f"hf://datasets/{match['repo']}@{commit}{path}"
            raise problem
        return f"hf://datasets/{match['repo']}@{commit}{path}"

    def system(self) -> Any:
        """The Hub of ``HF_ENDPOINT``, or that of Hugging Face; its library finds the token."""
        from fsspec import filesystem

        return filesystem("hf", endpoint=os.environ.get("HF_ENDPOINT"), use_listings_cache=False)

    def sha256(self, entry: dict[str, Any]) -> bytes | None:
        """The digest of an LFS file; the Hub knows that of no other."""
        stated = (entry.get("lfs") or {}).get("sha256", "")
        return bytes.fromhex(stated) if re.fullmatch(r"[0-9a-f]{64}", stated) else None
