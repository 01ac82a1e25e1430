"""Replay: whether a derived version, and what was written from it, comes out the same when it is made again."""

from concurrent.futures import Executor
from dataclasses import dataclass, replace

from imagecards.cards import Artifact, DataCard, Written
from imagecards.datasets import Diff, ImageDataset, diff_sides
from imagecards.digests import digest
from imagecards.errors import ImageCardsError, IntegrityError, InvalidInputError
from imagecards.registry.artifacts import readable_artifacts
from imagecards.registry.contents import read_records
from imagecards.registry.difference import card_side
from imagecards.registry.known import known_facts
from imagecards.registry.parents import find_parent
from imagecards.registry.plain_files import walk_files
from imagecards.registry.recompute import recompute, side_and_digest, write_from
from imagecards.registry.steps import rebuild_steps
from imagecards.storage import Store
from imagecards.temporary import temporary_folder


@dataclass(frozen=True)
class ReplayedArtifact:
    """An artifact that was written again.

    Attributes:
        name: Its name.
        same: Whether every file came out the same.
        differences: The files that did not, each with what is the matter; or why it could not be written.
    """

    name: str
    same: bool
    differences: tuple[str, ...] = ()


@dataclass(frozen=True)
class Replay:
    """What a replay came to.

    Attributes:
        reference: The version.
        expected: The dataset digest that its card states.
        actual: The dataset digest that came out; empty where the version could not be made again, or was not derived.
        diff: From the registered version to the one that came out, where they differ.
        artifacts: The artifacts that were written by this package, each written again.
        problems: Why the version could not be made again.
        notes: What does not stand in the way, but is worth knowing: a parent that was withdrawn.
    """

    reference: str
    expected: str
    actual: str = ""
    diff: Diff | None = None
    artifacts: tuple[ReplayedArtifact, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether all that could be made again came out the same, and nothing was in the way."""
        return not self.problems and self.diff is None and all(artifact.same for artifact in self.artifacts)

    def render(self, limit: int = 20) -> str:
        """Say it in text.

        Args:
            limit: How many differences of each kind to tell.
        """
        lines = []
        if self.actual:
            said = "the same dataset digest" if self.actual == self.expected else "another dataset digest"
            lines.append(f"{self.reference}: {said}, {self.actual}")
        if self.diff is not None:
            lines += [f"  expected {self.expected}", *(f"  {line}" for line in self.diff.render(limit).splitlines())]
        for artifact in self.artifacts:
            lines.append(f"artifact {artifact.name}: {'the same files' if artifact.same else 'differs'}")
            lines += [f"  {line}" for line in artifact.differences[:limit]]
            more = len(artifact.differences) - limit
            lines += [f"  ... and {more:,} more"] if more > 0 else []
        lines += [f"{self.reference}: {problem}" for problem in self.problems]
        lines += [f"note: {note}" for note in self.notes]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.render()


def replay(store: Store, card: DataCard, executor: Executor | None) -> Replay:
    """Make a version again from its pinned parents, and its artifacts from it; nothing is stored.

    Args:
        store: The registry's store.
        card: The version.
        executor: Where to write artifacts.

    Raises:
        InvalidInputError: The version was not derived, and nothing was written from it: there is nothing to make again.
    """
    artifacts, unreadable = readable_artifacts(store, card)
    written = {name: each for name, each in artifacts.items() if each.written is not None}
    if not card.transform and not written:
        message = f"{card.ref} was not derived, and no artifact was written from it: there is nothing to replay"
        raise InvalidInputError(f"{message}; verify checks its bytes")
    found = _replay_dataset(store, card) if card.transform else Replay(str(card.ref), card.dataset_digest)
    replayed = tuple(_replay_artifact(store, card, name, artifact, executor) for name, artifact in written.items())
    problems = tuple(f"its artifact {name} can't be read: {error}" for name, error in unreadable.items())
    return replace(found, artifacts=replayed, problems=(*found.problems, *problems))


def _replay_dataset(store: Store, card: DataCard) -> Replay:
    reference, expected = str(card.ref), card.dataset_digest
    parents = [find_parent(store, parent) for parent in card.parents]
    notes = tuple(found.message for found in parents if found.state == "withdrawn")
    problems = [found.message for found in parents if found.card is None]
    cards = [found.card for found in parents if found.card is not None]
    if problems:
        return Replay(reference, expected, problems=tuple(problems), notes=notes)
    try:
        child = recompute(store, cards, card.transform)
        other = _other_image(store, card, child)
        if other:
            return Replay(reference, expected, problems=(other,), notes=notes)
        side, actual = side_and_digest(child)
    except IntegrityError as error:
        problem = f"could not be made again, because a parent is damaged: {error}"
        return Replay(reference, expected, problems=(problem,), notes=notes)
    except ImageCardsError as error:
        return Replay(reference, expected, problems=(f"could not be made again: {error}",), notes=notes)
    if actual == expected:
        return Replay(reference, expected, actual, notes=notes)
    try:
        diff = diff_sides(card_side(store, card), side)
    except ImageCardsError as error:
        problem = f"has another dataset digest, {actual}, and what differs can't be told: {error}"
        return Replay(reference, expected, actual, problems=(problem,), notes=notes)
    if diff.same:
        problem = "states a dataset digest that its own records do not have: run verify --deep"
        return Replay(reference, expected, actual, problems=(problem,), notes=notes)
    return Replay(reference, expected, actual, diff, notes=notes)


def _other_image(store: Store, card: DataCard, child: ImageDataset) -> str:
    """Say which image would be made that was not registered, before any is made: steps may ask for huge ones."""
    table = child.table
    if card.records is None or not {"width", "height"} <= set(table.column_names):
        return ""
    made = table.filter(known_facts(child.source, table["file_name"])["sha256"].is_null())
    columns = ("file_name", "width", "height")
    records = read_records(store, card.records, columns, rows=card.summary.images)
    registered = {name: size for name, *size in zip(*(records[column].to_pylist() for column in columns), strict=True)}
    for name, *size in zip(*(made[column].to_pylist() for column in columns), strict=True):
        if registered.get(name) != size:
            there = registered.get(name)
            was = f"was registered with {there[0]:,} x {there[1]:,}" if there else "was not registered"
            return (
                f"{name} would come out with {size[0]:,} x {size[1]:,} pixels, and {was}: other steps made this version"
            )
    return ""


def _replay_artifact(
    store: Store, card: DataCard, name: str, artifact: Artifact, executor: Executor | None
) -> ReplayedArtifact:
    made = artifact.written
    assert made is not None
    with temporary_folder("replay") as folder:
        to = folder / "written"
        try:
            write_from(store, card, to, made.format, rebuild_steps(made.steps), made.options, executor)
            files = {path: digest(place.read_bytes()) for path, place in walk_files(to, "what was written")}
        except ImageCardsError as error:
            return ReplayedArtifact(name, same=False, differences=(f"could not be written again: {error}",))
    differences = tuple(_differences(artifact, files, made))
    return ReplayedArtifact(name, not differences, differences)


def _differences(artifact: Artifact, files: dict[str, str], made: Written) -> list[str]:
    expected = {file.path: file.stored.digest for file in artifact.files}
    found = [f"{path} is not written any more" for path in sorted(expected.keys() - files.keys())]
    found += [f"{path} was not written before" for path in sorted(files.keys() - expected.keys())]
    found += [
        f"{path} has other bytes ({files[path][:19]}..., and was {expected[path][:19]}...)"
        for path in sorted(expected.keys() & files.keys())
        if expected[path] != files[path]
    ]
    return found + ([f"it was written by imagecards {made.imagecards}"] if found else [])
