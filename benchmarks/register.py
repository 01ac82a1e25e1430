"""Registering a folder of images: the first time, unchanged, and with one image more."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.children import clock, measure
from benchmarks.figures import Row, Sample, Suite, Target, figure, ratio
from benchmarks.measured.stopwatch import one_more
from benchmarks.options import Options
from benchmarks.peers import secluded
from benchmarks.photographs import Photographs, make_photographs

_STEPS = {"first": "the first time", "again": "unchanged", "added": "one image more"}
_CONTESTANTS = {
    "cards": "imagecards",
    "dvc": "DVC",
    "trackio": "trackio",
    "cards command": "`imagecards register`",
    "dvc command": "`dvc add`",
}
_BARE = ("bare", "written", "written: processor")
_AGAINST = {
    "cards": "bare",
    "dvc": "cards {step}",
    "trackio": "cards {step}",
    "cards command": "cards {step}",
    "dvc command": "cards command {step}",
}


class Register:
    """One size of images."""

    method = (
        "Each contestant meets the same files in a new place of its own, with warm caches of the system "
        "and empty ones of its own, in a fresh process after its imports and a warm-up on one image; "
        "commands are timed with their start. Whatever was written before is synced before each step. The "
        "bare loop reads each file and takes its sha256, in one thread; it runs before each step of "
        "imagecards, in its process, and once what the disk alone needs for the bytes. imagecards "
        "validates metadata.jsonl, reads the image headers and fsyncs what it writes; the peers do not "
        "fsync images. DVC: `Repo.add` in a repository without git; trackio: `add_dir` and `log_artifact`."
    )

    def __init__(self, options: Options, count: int, size: int) -> None:
        self.title = f"Register {count:,} JPEGs of {size // 1000} kB"
        self._what = f"{count:,} x {size // 1000} kB"
        self._options = options
        self._peers = options.peers.get("peers")
        self._count, self._size = count, size
        self._scratch = options.scratch / "register"
        self._made = Photographs(Path(), Path())

    @property
    def rows(self) -> Sequence[Row]:
        """The bare loop; every contestant's every step; what imagecards stored."""
        timed = [
            Row(f"{who} {step}", f"{name}, {words}", against=_AGAINST[who].format(step=step))
            for step, words in _STEPS.items()
            for who, name in _CONTESTANTS.items()
        ]
        weighed = [Row(f"cards {step}: stored", f"stored by imagecards, {_STEPS[step]}", "bytes") for step in _STEPS]
        bare = [Row("bare", "bare loop"), Row("written", "the same bytes written to one file, fsynced", against="bare")]
        return [*bare, *timed, *weighed]

    @property
    def targets(self) -> Sequence[Target]:
        """Those of the first time, of an unchanged folder and of one more image."""
        what = self._what
        return [
            Target(f"register {what}, to bare loop", ratio("cards first", "bare"), "at most", 3),
            Target(f"register {what}, speed to DVC's API", ratio("dvc first", "cards first"), "at least", 6),
            Target(
                f"register {what} as a command, speed to `dvc add`",
                ratio("dvc command first", "cards command first"),
                "at least",
                6,
            ),
            Target(f"register {what}, speed to trackio", ratio("trackio first", "cards first"), "at least", 2.5),
            Target(f"again unchanged {what}, to bare loop", ratio("cards again", "bare"), "under", 0.75),
            Target(f"one image added {what}, to bare loop", ratio("cards added", "bare"), "under", 0.9),
            Target(f"stored by it unchanged {what}", figure("cards again: stored"), "under", 1e6, "bytes"),
            Target(f"stored by it for one image {what}", figure("cards added: stored"), "under", 1e6, "bytes"),
        ]

    def prepare(self) -> None:
        """Draw the images."""
        place = self._options.data / f"jpeg-{self._count}-{self._size}"
        self._made = make_photographs(place, self._count, self._size)

    def round(self, number: int) -> Sample:
        """Every contestant once, each on a copy of the folder."""
        contestants: list[tuple[str, Callable[[Path], Sample]]] = [
            ("cards", self._cards),
            ("cards command", self._cards_command),
        ]
        if self._peers is not None:
            contestants += [
                ("dvc", self._dvc),
                ("trackio", self._trackio),
                ("dvc command", self._dvc_command),
            ]
        turn = number % len(contestants)
        sample: dict[str, float] = {}
        for who, contestant in contestants[turn:] + contestants[:turn]:
            with self._copy() as images:
                sample |= {key if key in _BARE else f"{who} {key}": value for key, value in contestant(images).items()}
        return sample

    @contextmanager
    def _copy(self) -> Iterator[Path]:
        shutil.rmtree(self._scratch, ignore_errors=True)
        images = self._scratch / "place" / "images"
        shutil.copytree(self._made.images, images)
        os.sync()
        time.sleep(2.5)  # caches by time of change can't trust files that are younger than the clock's tick
        try:
            yield images
        finally:
            shutil.rmtree(self._scratch)

    def _cards(self, images: Path) -> Sample:
        registry = self._scratch / "registry"
        return measure("register_cards", images, self._made.more, registry, environment=self._cards_variables())

    def _cards_command(self, images: Path) -> Sample:
        command = [sys.executable, "-m", "imagecards.cli", "register", images, "bench/images"]
        command += ["--registry", self._scratch / "registry"]
        return self._commands(images, command, self._cards_variables())

    def _cards_variables(self) -> dict[str, str]:
        return {"IMAGECARDS_CACHE": str(self._scratch / "cache")}

    def _dvc(self, images: Path) -> Sample:
        self._dvc_init(images.parent)
        variables = secluded(self._scratch)
        return measure("dvc_add", self._made.more, images.parent, python=self._peers, environment=variables)

    def _dvc_command(self, images: Path) -> Sample:
        self._dvc_init(images.parent)
        return self._commands(images, [self._peers, "-m", "dvc", "add", "images"], secluded(self._scratch))

    def _dvc_init(self, place: Path) -> None:
        clock([self._peers, "-m", "dvc", "init", "--no-scm", "--quiet"], place, secluded(self._scratch))

    def _trackio(self, images: Path) -> Sample:
        variables = secluded(self._scratch)
        return measure("trackio_log", images, self._made.more, python=self._peers, environment=variables)

    def _commands(self, images: Path, command: Sequence[object], variables: dict[str, str]) -> Sample:
        sample = {step: clock(command, images.parent, variables) for step in ("first", "again")}
        with one_more(images, self._made.more):
            sample["added"] = clock(command, images.parent, variables)
        return sample


def suites(options: Options) -> list[Suite]:
    """Many small images, and fewer large ones."""
    if options.quick:
        return [Register(options, 400, 12_000), Register(options, 40, 500_000)]
    return [Register(options, 10_000, 12_000), Register(options, 1_500, 500_000)]
