"""The room is imported lazily, and says what to install and where it can be."""

import subprocess
import sys
from importlib import metadata

import pytest

import imagecards as ic
from imagecards.errors import MissingDependencyError
from imagecards.opsml import host


def test_what_to_install_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opsml", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'imagecards\[opsml\]'; it has wheels for Linux"):
        _ = ic.opsml.register
    with pytest.raises(AttributeError, match="no attribute 'Register'"):
        _ = ic.opsml.Register


def test_an_old_opsml_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("opsml")
    monkeypatch.setattr(metadata, "version", lambda name: "2.2.4")
    with pytest.raises(MissingDependencyError, match=r"needs opsml 3, and 2\.2\.4 is installed"):
        _ = ic.opsml.load


def test_a_part_that_a_later_opsml_does_not_have_is_told() -> None:
    pytest.importorskip("opsml")
    with pytest.raises(MissingDependencyError, match=r"has no data\.Nothing: imagecards\.opsml was written for 3\.0"):
        host.part("data.Nothing")


def test_opsml_is_imported_when_it_is_used() -> None:
    code = "import sys, imagecards as ic; ic.opsml; print(sorted({'opsml', 'numpy', 'pyarrow'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_names() -> None:
    assert dir(ic.opsml) == ["BBox", "ImageDataset", "ImageMetadata", "ImageRecord", "load", "record_links", "register"]


@pytest.mark.parametrize("text", ["it's", 'a"b', "a\\b"])
def test_quotes_never_reach_opsml(text: str) -> None:
    with pytest.raises(ic.errors.InvalidInputError, match="has a quote"):
        host.rows(tags=[text])
