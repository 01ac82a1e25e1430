"""Loaders: order, ranks, workers, stopping and going on, and what happens when something is wrong."""

import json
import multiprocessing
import os
import pickle
import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import imagecards as ic
from imagecards.errors import FormatError, IntegrityError, InvalidInputError
from imagecards.images import read_pixels

torch = pytest.importorskip("torch", reason="torch is not installed: it is where Python is 3.11")

from imagecards.torch import Loader, MapDataset, StreamDataset  # noqa: E402 - not before torch
from imagecards.torch.columns import SharedTable  # noqa: E402 - not before torch

KINDS = (MapDataset, StreamDataset)


def name_of(image: Any, target: dict[str, Any]) -> str:
    return str(target["name"])


def note(worker: int) -> None:
    os.environ["WORKER_OF_A_TEST"] = str(worker)


def environment_of(image: Any, target: dict[str, Any]) -> str:
    return os.environ["WORKER_OF_A_TEST"]


def names(loader: Any, most: int | None = None) -> list[str]:
    """The names of the first batches."""
    found: list[str] = []
    if most == 0:
        return found
    for number, batch in enumerate(loader, start=1):
        found += batch
        if number == most:
            break
    return found


def steps(loaders: list[Any], most: int) -> list[str]:
    return [name for loader in loaders for name in names(loader, most)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shuffle", [False, True])
def test_each_image_once_for_all_ranks_in_each_epoch(flakes: ic.ImageDataset, kind: Any, shuffle: bool) -> None:
    dataset = kind(flakes, transform=name_of)
    for ranks in (1, 3):
        loaders = [Loader(dataset, 4, shuffle=shuffle, rank=rank, world_size=ranks) for rank in range(ranks)]
        orders = []
        for epoch in range(2):
            for loader in loaders:
                loader.set_epoch(epoch)
            assert len({len(loader) for loader in loaders}) == 1
            found = steps(loaders, 99)
            assert sorted(found) == sorted(flakes.names)
            orders.append(found)
        assert (orders[0] != orders[1]) == shuffle


@pytest.mark.parametrize("kind", KINDS)
def test_stopped_and_gone_on_with_by_other_ranks(flakes: ic.ImageDataset, kind: Any) -> None:
    dataset = kind(flakes, transform=name_of)
    for stop in range(4):
        before = [Loader(dataset, 3, shuffle=True, seed=5, rank=rank, world_size=2) for rank in range(2)]
        for loader in before:
            loader.set_epoch(7)
        found = steps(before, stop)
        states = [json.loads(json.dumps(loader.state_dict())) for loader in before]
        assert states[0] == states[1]
        after = [Loader(dataset, 2, shuffle=True, seed=5, rank=rank, world_size=3) for rank in range(3)]
        for loader in after:
            loader.load_state_dict(states[0])
            loader.set_epoch(loader.epoch)
        assert sorted(found + steps(after, 99)) == sorted(flakes.names)
        assert (
            names(after[0]) == names(Loader(dataset, 2, shuffle=True, seed=5, rank=0, world_size=3)) or after[0].epoch
        )


class Recorded:
    """A source that notes what is asked for together."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self.asked: list[list[str]] = []

    def read(self, name: str) -> bytes:
        raise AssertionError(f"{name} is read alone")

    def read_many(self, names: Any) -> Any:
        self.asked.append([*names])
        return self.source.read_many(names)

    def places(self, names: Any) -> Any:
        return self.source.places(names)

    def close(self) -> None:
        pass


def test_a_stream_reads_as_images_lie(flakes: ic.ImageDataset) -> None:
    """Several batches at once, in the order of their bytes, and gives them in the order of the epoch."""
    turned = flakes.table.take(np.arange(23)[::-1])
    source = Recorded(flakes.source)
    places = flakes.source.places(flakes.table["file_name"])  # type: ignore[attr-defined]
    lies = {name: tuple(place) for name, place in zip(flakes.names, places.tolist(), strict=True)}
    dataset = StreamDataset(ic.ImageDataset.from_source(source, turned), transform=name_of)
    assert names(Loader(dataset, 4)) == sorted(lies, key=lambda name: lies[name])
    source.asked.clear()
    order = names(Loader(dataset, 4, shuffle=True, seed=1, buffer=12))
    assert [len(each) for each in source.asked] == [12, 11]
    assert all(each == sorted(each, key=lambda name: lies[name]) for each in source.asked)
    assert order[:12] != source.asked[0]
    assert sorted(order[:12]) == sorted(source.asked[0])


def test_an_epoch_that_is_over_is_gone_on_with_by_the_next(flakes: ic.ImageDataset) -> None:
    loader = Loader(MapDataset(flakes, transform=name_of), 5, shuffle=True)
    whole = names(loader)
    other = Loader(MapDataset(flakes, transform=name_of), 4, shuffle=True)
    other.load_state_dict(loader.state_dict())
    assert (len(other), names(other)) == (0, [])
    assert sorted(names(other)) == sorted(whole)  # once more from the start
    other.set_epoch(1)
    assert names(other) != whole


@pytest.mark.parametrize(
    ("method", "workers", "kind"),
    [("fork", 2, MapDataset), ("fork", 2, StreamDataset), ("spawn", 1, StreamDataset), ("forkserver", 1, MapDataset)],
)
def test_worker_processes_keep_the_order(flakes: ic.ImageDataset, method: str, workers: int, kind: Any) -> None:
    """Stopped in the middle, and gone on with in this process."""
    dataset = kind(flakes, transform=name_of)
    alone = names(Loader(dataset, 4, shuffle=True, seed=3))
    loader = Loader(dataset, 4, shuffle=True, seed=3, num_workers=workers, multiprocessing_context=method)
    begun = names(loader, 2)
    assert begun == alone[:8]
    rest = Loader(dataset, 4, shuffle=True, seed=3)
    rest.load_state_dict(loader.state_dict())
    assert begun + names(rest) == alone


def test_batches_come_out_of_workers_as_they_are(flakes: ic.ImageDataset) -> None:
    dataset = MapDataset(flakes)
    alone = Loader(dataset, 8)
    for here, there in zip(alone, Loader(dataset, 8, num_workers=1, multiprocessing_context="fork"), strict=True):
        assert torch.equal(here[0], there[0])
        for one, other in zip(here[1], there[1], strict=True):
            assert one.keys() == other.keys()
            assert all(str(one[key]) == str(other[key]) for key in one)
            assert other["boxes"].dtype == torch.float32
            other["boxes"] += 1  # it can be written to


def test_workers_that_persist_see_the_next_epoch(flakes: ic.ImageDataset) -> None:
    dataset = StreamDataset(flakes, transform=name_of)
    loader = Loader(dataset, 4, shuffle=True, num_workers=2, persistent_workers=True, multiprocessing_context="fork")
    alone = Loader(dataset, 4, shuffle=True)
    for epoch in range(3):
        loader.set_epoch(epoch)
        alone.set_epoch(epoch)
        assert names(loader) == names(alone)


def test_an_epoch_that_was_begun_earlier_keeps_its_order(flakes: ic.ImageDataset) -> None:
    """Another one that is begun meanwhile, by the same loader, has nothing to do with it."""
    dataset = StreamDataset(flakes, transform=name_of)
    alone = Loader(dataset, 4, shuffle=True)
    loader = Loader(dataset, 4, shuffle=True, num_workers=1, multiprocessing_context="fork")
    expected = [names(alone)]
    alone.set_epoch(1)
    expected.append(names(alone))
    first = iter(loader)
    begun = next(first)
    loader.set_epoch(1)
    second = names(loader)
    assert [begun + [name for batch in first for name in batch], second] == expected


def test_what_a_worker_shall_do_first_is_done(flakes: ic.ImageDataset) -> None:
    dataset = MapDataset(flakes, transform=environment_of)
    options: dict[str, Any] = {"num_workers": 2, "multiprocessing_context": "fork"}
    found = names(Loader(dataset, 4, worker_init_fn=note, **options))
    assert set(found) == {"0", "1"}


def test_any_other_loader_gets_each_image_once(flakes: ic.ImageDataset) -> None:
    found: list[str] = []
    for rank in range(2):
        dataset = StreamDataset(flakes, transform=name_of, rank=rank, world_size=2)
        plain = torch.utils.data.DataLoader(dataset, batch_size=4, num_workers=2, multiprocessing_context="fork")
        found += names(plain)
    assert sorted(found) == sorted(flakes.names)


def test_an_example(flakes: ic.ImageDataset) -> None:
    dataset = MapDataset(flakes)
    image, target = dataset[4]
    record = flakes.records[4]
    pixels = read_pixels(flakes.read_bytes(record.file_name))
    assert (target["name"], target["row"], target["caption"]) == (record.file_name, 4, record.caption)
    assert image.dtype == torch.uint8
    assert np.array_equal(image.numpy(), pixels.transpose(2, 0, 1))
    boxes = np.array(record.objects.bbox, np.float32)  # type: ignore[union-attr]
    boxes[:, 2:] += boxes[:, :2]
    assert np.array_equal(target["boxes"].numpy(), boxes)
    assert [dataset.classes[label] for label in target["labels"]] == record.objects.categories  # type: ignore[union-attr]
    assert dataset[-1][1]["name"] == flakes.names[-1]
    with pytest.raises(IndexError):
        dataset[23]


def test_what_is_left_of_an_image_lies_as_others_do(tmp_path: Path) -> None:
    pixels = np.arange(6 * 8 * 4, dtype=np.uint8).reshape(6, 8, 4)
    for number in range(2):
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    dataset = MapDataset(ic.ImageDataset(image_dir=tmp_path))
    assert np.array_equal(dataset[0][0].numpy(), pixels.transpose(2, 0, 1)[:3])
    images, _ = next(iter(Loader(dataset, 2)))
    assert images.is_contiguous(memory_format=torch.channels_last)


def test_batches(flakes: ic.ImageDataset) -> None:
    images, targets = next(iter(Loader(MapDataset(flakes, colour="grey"), 3)))
    assert images.shape == (3, 1, 32, 48)
    colours, _ = next(iter(Loader(MapDataset(flakes), 3)))
    assert colours.is_contiguous(memory_format=torch.channels_last)  # nothing was turned around
    assert torch.equal(colours[1], MapDataset(flakes)[1][0])
    assert [target["name"] for target in targets] == list(flakes.names[:3])
    unlike = Loader(MapDataset(flakes, transform=lambda image, target: (image[:, : 9 + target["row"]], target)), 2)
    assert [tuple(image.shape) for image in next(iter(unlike))[0]] == [(3, 9, 48), (3, 10, 48)]
    stacked = Loader(MapDataset(flakes, transform=lambda image, target: (image / 255, len(target["labels"]))), 2)
    assert next(iter(stacked))[0].dtype == torch.float32
    names, files, records = next(iter(Loader(StreamDataset(flakes, decode=False), 3)))
    assert files == [flakes.read_bytes(name) for name in names]
    assert records == [record.present() for record in flakes.records[:3]]


def test_masks_and_classes_of_images(make_folder: Any) -> None:
    outline = [[1, 1, 4, 1, 4, 3, 1, 3]]
    one = {"bbox": [[1, 1, 3, 2]], "categories": ["b"], "segmentation": [outline], "area": [6.0], "iscrowd": [1]}
    folder = make_folder({"a.png": {"objects": one, "categories": ["a", "b"]}, "b.png": {"caption": "none"}})
    dataset = MapDataset(ic.ImageDataset(image_dir=folder), masks=True, colour="stored")
    image, target = dataset[0]
    assert image.shape == (1, 6, 8)
    assert target["masks"].nonzero().tolist() == [[0, y, x] for y in (1, 2) for x in (1, 2, 3)]
    assert (target["labels"].tolist(), target["classes"].tolist()) == ([1], [0, 1])
    assert (target["area"].tolist(), target["iscrowd"].tolist(), target["caption"]) == ([6.0], [1], None)
    empty = dataset[1][1]
    assert empty.keys() == target.keys()
    assert (empty["boxes"].shape, empty["masks"].shape, empty["labels"].dtype) == ((0, 4), (0, 6, 8), torch.int64)


def test_what_can_not_be_is_told(flakes: ic.ImageDataset, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="is none of the classes"):
        MapDataset(flakes, classes=["monolayer"])
    with pytest.raises(InvalidInputError, match="classes are string"):
        MapDataset(flakes, classes=[1, 2])
    with pytest.raises(InvalidInputError, match="no segmentation"):
        MapDataset(flakes, masks=True)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInputError, match="has no images"):
        MapDataset(ic.ImageDataset(image_dir=tmp_path / "empty"))
    dataset = MapDataset(flakes)
    with pytest.raises(InvalidInputError, match="23 images can't be shared among 24 ranks"):
        Loader(dataset, rank=0, world_size=24)
    with pytest.raises(InvalidInputError, match="leave drop_last out"):
        Loader(dataset, drop_last=True)
    with pytest.raises(InvalidInputError, match="batch_size is a whole number from 1, not 0"):
        Loader(dataset, 0)
    with pytest.raises(InvalidInputError, match="seed 1, and here 0"):
        Loader(dataset).load_state_dict(Loader(dataset, seed=1).state_dict())
    for options in ({"batch_size": 2.5}, {"seed": -1}, {"seed": "1"}, {"buffer": 0}):
        with pytest.raises(InvalidInputError, match="is a whole number from"):
            Loader(dataset, **options)
    with pytest.raises(InvalidInputError, match="epoch is a whole number from 0, not -1"):
        Loader(dataset).set_epoch(-1)
    state = Loader(dataset).state_dict()
    for wrong in ({"epoch": None}, {"taken": -1}, {"taken": "3"}, {"epoch": 1.5}, {"taken": 10**30}):
        with pytest.raises(InvalidInputError, match="this state is of another loader"):
            Loader(dataset).load_state_dict(state | wrong)
    with pytest.raises(InvalidInputError, match="this state is of another loader"):
        Loader(dataset).load_state_dict({name: value for name, value in state.items() if name != "epoch"})
    with pytest.raises(InvalidInputError, match="not ImageDataset"):
        Loader(flakes)  # type: ignore[arg-type]


def test_ranks_come_from_the_environment(flakes: ic.ImageDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    dataset = MapDataset(flakes, transform=name_of)
    assert names(Loader(dataset, 30)) == list(flakes.names[12:])
    assert names(Loader(dataset, 30, rank=0, world_size=1)) == list(flakes.names)
    monkeypatch.setenv("RANK", "first")
    with pytest.raises(InvalidInputError, match=r"\$RANK and \$WORLD_SIZE are numbers, not 'first' and '2'"):
        Loader(dataset)
    with pytest.raises(InvalidInputError, match="give both"):
        Loader(dataset, rank=0)


def test_damage_in_a_worker_names_the_image(tmp_path: Path, make_folder: Any) -> None:
    registry = ic.CardRegistry(tmp_path / "cards")
    registry.register(ic.ImageDataset(image_dir=make_folder(6)), "a/b")
    (shard,) = (tmp_path / "cards" / "data").rglob("*.tar")
    data = bytearray(shard.read_bytes())
    data[data.index(b"seed\0003")] ^= 1
    shard.chmod(0o644)
    shard.write_bytes(data)
    dataset = registry.open("a/b")
    assert isinstance(dataset, ic.ImageDataset)
    loader = Loader(StreamDataset(dataset), 2, num_workers=1, multiprocessing_context="fork")
    with pytest.raises(IntegrityError, match=r"003\.png of a/b@1\.0\.0 has other bytes"):
        list(loader)


def test_an_image_that_can_not_be_decoded_is_named(make_folder: Any) -> None:
    folder = make_folder(3)
    whole = (folder / "001.png").read_bytes()
    (folder / "001.png").write_bytes(whole[:-30])
    with pytest.raises(FormatError, match=r"^001\.png: "):
        list(Loader(MapDataset(ic.ImageDataset(image_dir=folder))))


def _expect(shared: SharedTable, expected: bytes) -> None:
    assert shared.table.column("file_name").combine_chunks().to_pylist() == json.loads(expected)
    if Path("/proc/self/maps").exists():
        assert re.search(r"imagecards-\w+\.arrow \(deleted\)", Path("/proc/self/maps").read_text())


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_started_workers_map_one_file_that_nothing_leaves_behind(flakes: ic.ImageDataset, method: str) -> None:
    """It has no name, and goes with the table; pickled for anything else, a table is a copy."""
    shared = SharedTable(flakes.table)
    assert pickle.loads(pickle.dumps(shared)).table.equals(flakes.table)
    assert shared._file is None
    expected = json.dumps(flakes.names).encode()
    files: list[int | None] = []
    for _ in range(2):
        process: Any = multiprocessing.get_context(method).Process(  # type: ignore[attr-defined]
            target=_expect, args=(shared, expected)
        )
        process.start()
        process.join()
        assert process.exitcode == 0
        files.append(shared._file)
        forked = multiprocessing.get_context("fork").Process(target=shared.__dict__.clear)
        forked.start()
        forked.join()
    (file,) = {*files}
    assert file is not None
    assert os.fstat(file).st_nlink == 0
    del shared, process, forked
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(file)


def test_the_use_is_recorded_once_by_the_first_rank(flakes: ic.ImageDataset) -> None:
    calls: list[int] = []
    for rank in range(2):
        loader = Loader(MapDataset(flakes), 8, rank=rank, world_size=2, on_start=partial(calls.append, rank))
        assert calls == [0] * rank
        list(loader)
        list(loader)
    assert calls == [0]


@pytest.mark.parametrize("kind", [MapDataset, StreamDataset])
def test_an_epoch_that_could_not_be_begun_is_still_gone_on_with(flakes: ic.ImageDataset, kind: Any) -> None:
    refusals = [OSError("no network")]

    def record() -> None:
        if refusals:
            raise refusals.pop()

    dataset = kind(flakes, transform=lambda image, target: target["name"])
    loader = Loader(dataset, 4, collate_fn=list)
    everything = [name for batch in loader for name in batch]
    next(iter(loader))
    state = loader.state_dict()
    after = Loader(dataset, 4, collate_fn=list, on_start=record)
    after.load_state_dict(state)
    with pytest.raises(OSError, match="no network"):
        iter(after)
    assert after.state_dict() == state
    assert [name for batch in after for name in batch] == everything[4:]
