"""Where on this machine is kept what can be had again at any time."""

import os

import platformdirs


def cache_root() -> str:
    """The folder of all that imagecards caches: ``$IMAGECARDS_CACHE``, else the user's cache folder.

    Empty where nothing is to be cached (``off``), and for a user who has no home, as in some containers.
    """
    given = os.environ.get("IMAGECARDS_CACHE")
    if given:
        return "" if given.lower() == "off" else given
    try:
        return platformdirs.user_cache_dir("imagecards")
    except (RuntimeError, KeyError):
        return ""
