"""Converting annotations: COCO in and out, to YOLO, polygons and masks to run lengths."""

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from benchmarks.children import measure
from benchmarks.figures import Row, Sample, Suite, Target, figure, ratio
from benchmarks.options import Options
from benchmarks.outlines import make_annotations, make_masks

_CONTESTANTS = MappingProxyType(
    {"cards": "imagecards", "supervision": "supervision", "datumaro": "datumaro", "pycocotools": "pycocotools"}
)
_JOBS = MappingProxyType(
    {
        "in": "COCO in",
        "out": "COCO out",
        "yolo": "COCO to YOLO-seg",
        "masks": "masks to RLE",
        "fill": "polygons to RLE",
    }
)
_ROOM = 2**29  # what all contestants write fits into this many bytes
_MISSING = frozenset({("supervision", "fill"), ("datumaro", "fill"), ("pycocotools", "out"), ("pycocotools", "yolo")})


class Convert:
    """The same annotations and masks, by each contestant in a process of its own."""

    method = (
        "Each contestant does all jobs in one fresh process, after doing all of them on small data. COCO in: one JSON "
        "file, in the memory as the contestant has it; pycocotools: `COCO(file)`. COCO out: from there to a JSON file. "
        "COCO to YOLO-seg: from file to files. Masks to RLE: PNG files of 640 x 480 pixels, each pixel the number of "
        "its instance, to one COCO file with run lengths; masks such as these are read by imagecards only, so the "
        "others get the loop that people write, around their own types, writers and encoders (cv2 decodes for "
        "supervision and datumaro, Pillow for imagecards and pycocotools). Polygons to RLE: the parsed polygons to "
        "the masks that the contestant works with; pycocotools: `annToRLE`, whose masks are COCO's compressed text "
        "already, for which imagecards has another row. What is written goes to a file system in memory, where there "
        "is one: creating a file for each image costs every contestant the same, and on a disk that can take longer "
        "than the conversion (the last row). Nobody copies images. All images are one blank JPEG. "
        "imagecards reads the head of each where it writes YOLO, in case EXIF turns it, and datumaro reads none; "
        "another row has imagecards find each image and compare its size. "
        "supervision reads their headers where it writes COCO, decodes them where it writes YOLO, and fills every "
        "polygon at once into a mask that it keeps, which is also what it writes: at 640 x 480 pixels it needs more "
        "than 20 GB for these, so the images have 320 x 240. datumaro writes boxes to YOLO and nothing else. Both run "
        "with opencv-python-headless. imagecards checks every object and tells of all that a format can't hold."
    )

    def __init__(self, options: Options, images: int, objects: int, masks: int) -> None:
        self.title = f"Convert {images:,} images with {objects:,} polygons, and {masks:,} masks"
        self._options = options
        self._counts = images, objects, masks
        self._folders: list[Path] = []
        self._visible = 0

    @property
    def rows(self) -> Sequence[Row]:
        """Each job by each contestant that does it."""
        rows = []
        for job, words in _JOBS.items():
            for who, name in _CONTESTANTS.items():
                if (who, job) not in _MISSING:
                    label = f"{words}, {name}" + (" (boxes)" if (who, job) == ("datumaro", "yolo") else "")
                    rows.append(Row(f"{who} {job}", label, against=None if who == "cards" else f"cards {job}"))
                if (who, job) == ("cards", "in"):
                    rows.append(Row("cards in checked", f"{words}, {name}, images checked", against="cards in"))
                if (who, job) == ("cards", "fill"):
                    rows.append(Row("cards fill text", f"{words}, {name}, and as COCO's text", against="cards fill"))
        return [*rows, Row("cards files", "creating the label files alone, on the disk", against="cards yolo")]

    @property
    def targets(self) -> Sequence[Target]:
        """Twice the speed of those who convert, and about that of the library that everybody checks against."""
        faster = [
            Target(f"{words}, speed to {who}", ratio(f"{who} {job}", f"cards {job}"), "at least", 2)
            for job, words in _JOBS.items()
            for who in ("supervision", "datumaro")
            if (who, job) not in _MISSING
        ]
        near = [
            Target(f"{words}, time to pycocotools'", ratio(f"cards {job}", f"pycocotools {job}"), "at most", 1.5)
            for job, words in _JOBS.items()
            if ("pycocotools", job) not in _MISSING
        ]
        return [*faster, *near]

    def prepare(self) -> None:
        """Draw the annotations and the masks."""
        data = self._options.data
        data.mkdir(parents=True, exist_ok=True)
        images, objects, masks = self._counts
        folders = [data / f"coco-{images}-{objects}", data / f"masks-{masks}"]
        warm_up = [data / "coco-warm-up", data / "masks-warm-up"]
        make_annotations(folders[0], images, objects, width=320, height=240)
        self._visible = make_masks(folders[1], masks, 7 * masks, width=640, height=480)
        make_annotations(warm_up[0], 20, 140, width=320, height=240)
        make_masks(warm_up[1], 5, 35, width=640, height=480)
        self._folders = folders + warm_up

    def round(self, number: int) -> Sample:
        """Every contestant once."""
        pythons: dict[str, Path | None] = {"cards": None, "pycocotools": None}
        pythons |= {who: self._options.peers[who] for who in ("supervision", "datumaro") if who in self._options.peers}
        contestants = list(pythons)
        turn = number % len(contestants)
        sample: dict[str, float] = {}
        for who in contestants[turn:] + contestants[:turn]:
            figures = self._measure(who, pythons[who])
            sample |= {f"{who} {name}": value for name, value in figures.items()}
        return sample

    def _measure(self, who: str, python: Path | None) -> dict[str, float]:
        with _new_folder(self._options) as scratch:
            figures = dict(measure(f"formats_{who}", *self._folders, scratch, python=python))
            if who == "cards":
                files = [path.read_bytes() for path in (scratch / "measured/yolo").rglob("*.txt")]
                figures["files"] = _create(self._options.scratch / "files", files)
        found = figures.pop("masks: objects")
        assert found == self._visible, f"{who} found {found:.0f} of {self._visible} objects in the masks"
        return figures


class ConvertMany:
    """So many objects that their memory counts."""

    method = (
        "One COCO file, images of 640 x 480 pixels, to YOLO-seg in a fresh process, annotations only, imagecards "
        "alone. The memory is the process's peak resident size, interpreter and libraries included. Once more with "
        "`attributes` in every object, as annotation tools write them, and one object that is wrong, which is left out."
    )
    rows = (
        Row("convert", "COCO to YOLO-seg"),
        Row("memory", "peak memory", "bytes"),
        Row("tool convert", "COCO to YOLO-seg, with attributes and a wrong object"),
        Row("tool memory", "peak memory, with attributes and a wrong object", "bytes"),
    )

    def __init__(self, options: Options, images: int, objects: int) -> None:
        self.title = f"Convert {images:,} images with {objects:,} polygons"
        self._counts = images, objects
        self._place = options.data / f"coco-{images}-{objects}-bare"
        self._tool = options.data / f"coco-{images}-{objects}-tool"
        self._scratch = options.scratch / "formats-many"

    @property
    def targets(self) -> Sequence[Target]:
        """The promised memory."""
        images, objects = self._counts
        text = f"peak memory, {images:,} images with {objects:,} objects to YOLO-seg"
        return [
            Target(text, figure("memory"), "under", 1.5e9, "bytes"),
            Target(f"{text}, with attributes and a wrong object", figure("tool memory"), "under", 1.5e9, "bytes"),
        ]

    def prepare(self) -> None:
        """Draw the annotations."""
        self._place.parent.mkdir(parents=True, exist_ok=True)
        make_annotations(self._place, *self._counts, width=640, height=480, images=False)
        make_annotations(self._tool, *self._counts, width=640, height=480, images=False, tool=True)

    def round(self, number: int) -> Sample:
        """One conversion of each."""
        return self._measure(self._place, "") | self._measure(self._tool, "tool ")

    def _measure(self, place: Path, prefix: str) -> dict[str, float]:
        shutil.rmtree(self._scratch, ignore_errors=True)
        try:
            figures = measure("formats_memory", place, self._scratch)
        finally:
            shutil.rmtree(self._scratch, ignore_errors=True)
        return {f"{prefix}{name}": value for name, value in figures.items()}


@contextmanager
def _new_folder(options: Options) -> Iterator[Path]:
    """A folder in memory where there is one, else on the disk."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ROOM
    with TemporaryDirectory(dir=memory if roomy else options.scratch, prefix="imagecards-bench-") as folder:
        yield Path(folder)


def _create(folder: Path, files: Sequence[bytes]) -> float:
    """The seconds that it takes to create files in a new folder."""
    folder.mkdir()
    os.sync()
    start = time.perf_counter()
    for number, data in enumerate(files):
        (folder / f"{number}.txt").write_bytes(data)
    seconds = time.perf_counter() - start
    shutil.rmtree(folder)
    return seconds


def suites(options: Options) -> list[Suite]:
    """All contestants, and a large dataset."""
    if options.quick:
        return [Convert(options, 200, 1_400, 20), ConvertMany(options, 400, 3_000)]
    return [Convert(options, 5_000, 35_000, 500), ConvertMany(options, 40_000, 300_000)]
