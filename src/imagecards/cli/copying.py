"""``imagecards copy``, ``push``, ``pull`` and ``sync``: the same versions in another registry."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagecards.cli.options import AsJson, Name, Public, Reference, Registry, Shown, Viewer, open_registry
from imagecards.cli.printing import plural, print_json, say, size, warn

if TYPE_CHECKING:  # --help must not wait for the models of cards
    from imagecards.registry import CardRegistry
    from imagecards.registry.copied import Copied

_PLACE = "A registry: a folder, s3://bucket/folder or hf://datasets/owner/repo/folder."
_NEW = "A registry, or an empty place that becomes one."

From = Annotated[str, typer.Argument(metavar="FROM", help=_PLACE)]
To = Annotated[str, typer.Argument(metavar="TO", help=_NEW)]
Parents = Annotated[bool, typer.Option("--parents", help="Copy what it was made from, too.")]
Withdrawn = Annotated[
    bool, typer.Option("--withdrawn", help="Copy the card and tombstone of a version that is withdrawn, without data.")
]


def add_commands(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("copy")(copy)
    app.command("push")(_moving("Copy a version of your registry into another one.", To, outward=True))
    app.command("pull")(_moving("Copy a version of another registry into yours.", From, outward=False))
    app.command("sync")(sync)


def copy(
    reference: Reference,
    source: From,
    to: To,
    parents: Parents = False,
    withdrawn: Withdrawn = False,
    public: Public = False,
    viewer: Shown = Viewer.SAMPLE,
    as_json: AsJson = False,
) -> None:
    """Copy a version from one registry into another.

    The card, the bytes and the digests are the same in both; artifacts attached to it come along. Only what is missing
    is sent, so a copy that was interrupted goes on where it stopped.
    """
    target = open_registry(to, public=public, viewer=viewer)
    _copy(reference, source, target, parents=parents, withdrawn=withdrawn, as_json=as_json)


def _moving(what: str, place: Any, *, outward: bool) -> Callable[..., None]:
    """``push`` or ``pull``: one of the two registries is yours."""

    def move(
        reference: Reference,
        other: place,
        parents: Parents = False,
        withdrawn: Withdrawn = False,
        public: Public = False,
        viewer: Shown = Viewer.SAMPLE,
        registry: Registry = None,
        as_json: AsJson = False,
    ) -> None:
        source, to = (registry, other) if outward else (other, registry)
        target = open_registry(to, public=public, viewer=viewer)
        _copy(reference, source, target, parents=parents, withdrawn=withdrawn, as_json=as_json)

    move.__doc__ = what
    return move


def sync(
    name: Name,
    source: From,
    to: To,
    parents: Parents = False,
    public: Public = False,
    viewer: Shown = Viewer.SAMPLE,
    as_json: AsJson = False,
) -> None:
    """Copy all versions of a name, with their tags.

    Attached artifacts and withdrawals come along; uses stay where they were recorded. What the other
    registry says by itself is left as it is, and told; the exit code is 1 then.
    """
    target = open_registry(to, public=public, viewer=viewer)
    done = open_registry(source).sync(name, target, parents=parents)
    moved = {label: None if version is None else str(version) for label, version in done.tags.items()}
    if as_json:
        versions = [_facts(copied) for copied in done.versions]
        said = {"name": str(done.name), "to": target.url, "versions": versions, "tags": moved}
        print_json(said | {"conflicts": list(done.conflicts)})
    else:
        for copied in done.versions:
            _say(copied, quiet=True)
        for label, version in moved.items():
            say(f"{label} -> {version or 'nothing'}")
        left = len(done.versions) - len(done.created)
        say(f"{done.name} in {target.url}: {plural(len(done.created), 'version')} copied, {left:,} there before")
        for conflict in done.conflicts:
            warn(f"left as it is: {conflict}")
    if done.conflicts:
        raise typer.Exit(1)


def _copy(
    reference: str, source: str | None, target: "CardRegistry", *, parents: bool, withdrawn: bool, as_json: bool
) -> None:
    done = open_registry(source).copy(reference, target, parents=parents, withdrawn=withdrawn)
    if as_json:
        print_json(_facts(done) | {"to": target.url, "parents": [_facts(parent) for parent in done.parents]})
        return
    for copied in (*done.parents, done):
        _say(copied)


def _say(copied: "Copied", *, quiet: bool = False) -> None:
    """Say what became of a version; quietly, of one that was there say nothing."""
    ref = copied.card.ref
    if copied.withdrawn:
        what = f"copied {ref}: withdrawn, its card alone" if copied.created else ""
    elif copied.created or copied.files:
        what = f"copied {ref}: {plural(copied.files, 'file')}, {size(copied.size)} sent"
    else:
        what = ""
    if what or not quiet:
        say(what or f"unchanged: {ref} was there")
    for parent in copied.left_out:
        say(f"  not there: {parent}, which it was made from (--parents copies it too)")


def _facts(copied: "Copied") -> dict[str, Any]:
    return {
        "reference": str(copied.card.ref),
        "digest": copied.card.digest,
        "dataset_digest": copied.card.dataset_digest,
        "created": copied.created,
        "files": copied.files,
        "bytes": copied.size,
        "artifacts": list(copied.artifacts),
        "withdrawn": copied.withdrawn,
        "left_out": [str(parent) for parent in copied.left_out],
    }
