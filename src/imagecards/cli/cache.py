"""``imagecards cache``: what this machine keeps of registries on servers."""

from typing import Annotated

import typer

from imagecards.cli.options import AsJson
from imagecards.cli.printing import plural, print_json, say, size


def add_commands(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("cache")(show_cache)


def show_cache(
    clear: Annotated[bool, typer.Option("--clear", help="Delete it; what is needed again is fetched again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what this machine keeps of registries on servers."""
    from imagecards.storage import eviction
    from imagecards.storage.cache import open_cache

    cache = open_cache()
    found = eviction.Usage(0, 0)
    if cache is not None:
        found = (eviction.clear if clear else eviction.usage)(cache.root)
    if as_json:
        folder, limit = (cache.root, cache.limit) if cache is not None else (None, 0)
        print_json({"folder": folder, "files": found.entries, "size": found.size, "limit": limit, "cleared": clear})
    elif cache is None:
        say("nothing is cached: IMAGECARDS_CACHE is off, or IMAGECARDS_CACHE_SIZE is 0")
    else:
        of = "deleted" if clear else f"of {size(cache.limit)} at most"
        say(f"{cache.root}: {plural(found.entries, 'file')}, {size(found.size)} {of}")
