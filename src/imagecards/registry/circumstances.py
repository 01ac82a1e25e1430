"""Under which circumstances a version was derived: the code and the environment that made it."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from imagecards.release import VERSION

_LIBRARIES = ("numpy", "pillow", "pyarrow", "pycocotools")  # those that bytes of a derived version may depend on
_SECONDS = 10


def code_revision() -> dict[str, Any]:
    """The version of this package; in a git repository also its commit, and whether files differ from it."""
    found: dict[str, Any] = {"imagecards": VERSION}
    commit = _git("rev-parse", "--verify", "--quiet", "HEAD")
    if commit:
        found["git"] = commit.strip()
        found["dirty"] = _git("status", "--porcelain", "--untracked-files=no") != ""
    return found


def environment() -> dict[str, Any]:
    """The versions of Python and of the libraries, the system and the kind of processor."""
    found = {"python": platform.python_version(), "system": platform.system(), "machine": platform.machine()}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def _git(*arguments: str) -> str | None:
    """What git says of the working directory; nothing where there is no git, or no repository."""
    command = [
        "git",
        "-c",
        "core.fsmonitor=false",
        *arguments,
    ]  # a monitor would be a program that the repository names
    try:
        done = subprocess.run(  # noqa: S603  # nothing in it comes from elsewhere
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
            env=os.environ | {"GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None
