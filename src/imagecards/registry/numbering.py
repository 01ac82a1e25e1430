"""Numbering: which number a new version gets, and why."""

import logging
from collections.abc import Sequence

from imagecards.cards import FIRST, Bump, DataCard, Version
from imagecards.datasets import Derived
from imagecards.errors import IntegrityError
from imagecards.registry import lookup
from imagecards.registry.files import lost_file
from imagecards.registry.request import Request
from imagecards.registry.version_content import Content
from imagecards.storage import Store

_log = logging.getLogger("imagecards")


def next_version(versions: Sequence[Version], bump: Bump) -> Version:
    """The next number after the latest that is free; a pre-release is not released by this."""
    latest = lookup.latest_version(versions)
    if latest is None:
        return FIRST
    number = latest.bump(bump)
    taken = set(versions)
    while number in taken:
        number = number.bump(bump)
    return number


def find_bump(
    store: Store, content: Content, request: Request, newest: DataCard | None, latest: Version | None
) -> Derived:
    """Which part of the version to raise, and why: what was asked for, else what the change comes to."""
    if request.bump != "auto":
        return Derived(request.bump, "asked for")
    if latest is None or request.version is not None:
        return Derived("minor", "every version before was withdrawn")  # said where there were any
    if newest is None:
        return Derived("major", "the version before can't be read")
    if newest.dataset_digest == content.dataset_digest:
        if lost_file(store, newest) is None:
            if newest.summary.linked and not content.same_files(newest):
                stored = not content.summary.linked
                return Derived("patch", "the same data, " + ("stored here now" if stored else "linked anew"))
            return Derived("patch", "the same data, described anew")
        return Derived("patch", f"the same data, stored anew, since files of {newest.version} are missing")
    try:
        return content.bump_since(store, newest)
    except IntegrityError as error:
        _log.warning("%s can't be compared with: %s", newest.ref, error)
        return Derived("major", f"{newest.version} can't be compared with, it is damaged")


def tell_reason(request: Request, bump: Derived, *, first: bool) -> str:
    """Why a version has its number, as its card says it."""
    if request.reason:
        return request.reason
    if request.version is not None:
        return "asked for by number"
    return "the first version" if first else f"{bump.part}: {bump.reason}"
