"""``imagecards severstal prepare``: what it writes and says, and the counts of the published data."""

import json
from pathlib import Path

import h5py
import pytest
from tests.cli.conftest import Run

from imagecards.testing.steel import Counts, make_steel


def names_and_counts(folder: Path) -> dict[str, int]:
    found = {}
    for path in folder.glob("*.h5"):
        with h5py.File(path) as file:
            found[path.name] = int(file.attrs["n_examples"])
    return found


def test_the_command(tmp_path: Path, run: Run) -> None:
    steel = make_steel(tmp_path / "steel", Counts((18, 5, 103, 16), 133, 251), width=100, height=16)
    given = ("--csv", steel.csv, "--images", steel.images, "--class-id", "3", "--image-shape", "8", "16")
    done = run("severstal", "prepare", *given, "--out", tmp_path / "out")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[:2] == [
        f"{tmp_path / 'out' / 'train_input'}: 87 examples",
        f"{tmp_path / 'out' / 'eval_input'}: 16 examples",
    ]
    counts = names_and_counts(tmp_path / "out" / "train_input")
    assert sorted(counts.values()) == [8, 8, 8, 9, 9, 9, 9, 9, 9, 9]
    packed = run(
        *("severstal", "prepare", *given, "--out", tmp_path / "packed", "--layout", "packed"),
        *("--files", "1", "--negatives", "--json"),
    ).json
    assert packed["examples"] == {"eval_input": 34, "train_input": 187}
    as_theirs = run("severstal", "prepare", *given, "--out", tmp_path / "theirs", "--like-processes", "5")
    assert as_theirs.code == 0
    counts = names_and_counts(tmp_path / "theirs" / "train_input")
    assert len(counts) == 12  # 5 runs of 17, and one of 2
    assert counts["preprocessed_data-11_p5.h5"] == 1
    told = json.loads((tmp_path / "theirs" / "data_params.json").read_text())
    assert told["train_input_hdf"]["dataset_range"]["5"] == [85, 86]
    taken = run("severstal", "prepare", *given, "--out", tmp_path / "out")
    assert (taken.code, "exists already" in taken.err) == (4, True)


@pytest.mark.campaign
def test_the_counts_of_the_published_data(tmp_path: Path, run: Run) -> None:
    steel = make_steel(tmp_path / "steel", Counts(), width=50, height=16)
    assert [sum(row[1] == number for row in steel.rows) for number in range(1, 5)] == [897, 247, 5150, 801]
    assert (len({row[0] for row in steel.rows}), len([*steel.images.iterdir()])) == (6666, 12568)
    given = ("--csv", steel.csv, "--images", steel.images, "--class-id", "3", "--image-shape", "8", "16")
    run("severstal", "prepare", *given, "--out", tmp_path / "ours", "--split", "0.85")
    run("severstal", "prepare", *given, "--out", tmp_path / "theirs", "--like-processes", "5")
    for part, count, smallest, largest in (("train_input", 4377, 1, 438), ("eval_input", 773, 1, 77)):
        ours, theirs = (names_and_counts(tmp_path / each / part) for each in ("ours", "theirs"))
        assert (len(ours), sum(ours.values()), max(ours.values()) - min(ours.values())) == (10, count, 1)
        assert (len(theirs), sum(theirs.values())) == (12, count)
        assert (min(theirs.values()), max(theirs.values())) == (smallest, largest)
