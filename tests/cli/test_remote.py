"""Images behind URLs and in zips, from the command line."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.remote import remove, upload

MakeFolder = Callable[..., Path]
Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def _default_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGECARDS_REGISTRY", str(tmp_path / "registry"))


def test_a_url_is_validated_registered_and_materialized(run: Run, make_folder: MakeFolder) -> None:
    url = upload(make_folder(3))
    assert run("validate", url).out == f"{url}: 3 images valid\n"
    assert run("register", url, "a/b", "--no-copy", "--dry-run").out == "would store 2 files of about 0 B\n"
    linked = run("register", url, "a/b", "--no-copy")
    assert linked.code == 0
    assert "3 images, 3 objects, 3 of the images named where they lie" in linked.out
    shown = run("show", "a/b").out
    assert "3 of the images lie elsewhere" in shown
    assert url in shown
    made = run("materialize", "a/b@1.0.0")
    assert made.out.startswith("registered a/b@1.0.1: 3 images")
    assert run("materialize", "a/b@1.0.0").out == "unchanged: a/b@1.0.1 holds these images already\n"
    assert run("materialize", "a/b@1.0.0", "--json").json["new"] is False
    assert run("verify").code == 0
    remove(f"{url}/001.png")
    found = run("verify")
    assert found.code == 1
    assert f"{url}/001.png" in found.out


def test_what_is_wrong_with_a_url(run: Run, make_folder: MakeFolder) -> None:
    refused = run("register", "s3://key:hidden@bucket/images", "a/b")
    assert refused.code != 0
    assert "hidden" not in refused.err + refused.out
    assert "read from disk" in run("register", upload(make_folder(1)), "a/b", "--from", "coco").err
    assert "can't be registered with copy=False" in run("register", make_folder(1), "a/b", "--no-copy").err


def test_a_zip(run: Run, make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder(2)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        for each in sorted(folder.iterdir()):
            packed.write(each, each.name)
    assert run("validate", tmp_path / "a.zip").out == f"{tmp_path}/a.zip: 2 images valid\n"
    assert run("register", tmp_path / "a.zip", "a/b").code == 0
    assert run("show", "a/b", "--json").json["origins"][0]["place"] == "a.zip"
    assert run("register", folder, "a/b").out.startswith("unchanged")
    assert run("register", tmp_path / "a.zip", "a/c", "--metadata", "metadata.jsonl").code == 0
