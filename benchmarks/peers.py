"""The peers live in environments of their own: what they pin clashes with what we use, and with each other."""

import fcntl
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

ENVIRONMENTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "peers": ("dvc==3.67.1", "trackio==0.43.0"),
        "supervision": ("supervision==0.31.2", "opencv-python-headless==4.14.0.94"),
        "datumaro": ("datumaro==1.13.12",),
        "loading": ("webdataset==1.0.2", "datasets==5.2.0", "pillow==13.0.0"),
        "folds": ("iterative-stratification==0.1.9", "scikit-learn==1.9.1"),
    }
)
"""What is measured against, by environment."""


def peers_python(place: Path, pins: Sequence[str]) -> Path | None:
    """The interpreter that has some peers; the environment is made on first use, by one process at a time.

    Args:
        place: The environment's folder.
        pins: The peers, in pinned versions.

    Returns:
        The interpreter, or nothing where the peers can't be installed: then they are left out.
    """
    python = place / "bin" / "python"
    made = place / "pins.txt"
    wanted = "\n".join(pins)
    with _alone(place):
        if made.is_file() and made.read_text(encoding="utf-8") == wanted:
            return python
        print(f"making an environment with {', '.join(pins)}", flush=True)
        install = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check", *pins]
        try:
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
            subprocess.run(install, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"{', '.join(pins)} can't be installed and is left out: {error}", file=sys.stderr)
            return None
        made.write_text(wanted, encoding="utf-8")
    return python


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """While inside, no other process makes the environment."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with open(place.with_name(f"{place.name}.lock"), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def peer_versions(python: Path, pins: Sequence[str]) -> dict[str, str]:
    """The versions of some peers, by name."""
    names = [pin.split("==")[0] for pin in pins]
    code = f"import importlib.metadata as m, json; print(json.dumps({{n: m.version(n) for n in {names}}}))"
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True)
    versions: dict[str, str] = json.loads(done.stdout)
    return versions


def secluded(scratch: Path) -> dict[str, str]:
    """Variables that keep the peers' settings and caches inside a folder, and the peers off the network."""
    return {
        "DVC_NO_ANALYTICS": "1",
        "DVC_GLOBAL_CONFIG_DIR": str(scratch / "dvc-global"),
        "DVC_SYSTEM_CONFIG_DIR": str(scratch / "dvc-system"),
        "DVC_SITE_CACHE_DIR": str(scratch / "dvc-site"),
        "TRACKIO_DIR": str(scratch / "trackio"),
        "HF_HOME": str(scratch / "hugging"),
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
