"""The peers live in an environment of their own: what they pin clashes with what we use."""

import json
import subprocess
import sys
from pathlib import Path

PINS = ("dvc==3.67.1", "trackio==0.43.0")
"""What is measured against."""


def peers_python(place: Path) -> Path | None:
    """The interpreter that has the peers; the environment is made on first use.

    Args:
        place: The environment's folder.

    Returns:
        The interpreter, or nothing where the peers can't be installed: then they are not measured.
    """
    python = place / "bin" / "python"
    made = place / "pins.txt"
    wanted = "\n".join(PINS)
    if made.is_file() and made.read_text(encoding="utf-8") == wanted:
        return python
    print(f"making an environment with {', '.join(PINS)}", flush=True)
    install = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check", *PINS]
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
        subprocess.run(install, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"the peers can't be installed and are left out: {error}", file=sys.stderr)
        return None
    made.write_text(wanted, encoding="utf-8")
    return python


def peer_versions(python: Path | None) -> dict[str, str]:
    """The versions of the peers, by name."""
    if python is None:
        return {}
    names = [pin.split("==")[0] for pin in PINS]
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
