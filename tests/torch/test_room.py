"""The room is imported lazily, and says what to install."""

import subprocess
import sys

import pytest

import imagecards as ic
from imagecards.errors import MissingDependencyError


def test_what_to_install_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'imagecards\[torch\]'"):
        _ = ic.torch.MapDataset
    with pytest.raises(AttributeError, match="no attribute 'Mapdataset'"):
        _ = ic.torch.Mapdataset


def test_torch_is_imported_when_it_is_used() -> None:
    code = "import sys, imagecards as ic; ic.torch; print(sorted({'torch', 'numpy', 'pyarrow'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_names() -> None:
    assert dir(ic.torch) == ["Loader", "MapDataset", "StreamDataset", "collate"]
