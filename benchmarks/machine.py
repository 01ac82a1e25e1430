"""What a run ran on and with: enough to judge its figures, nothing that names a host or a place."""

import os
import platform
from importlib import metadata
from pathlib import Path

_PACKAGES = ("imagecards", "pyarrow", "pydantic", "numpy", "pillow", "polars", "pycocotools")


def describe(place: Path, peers: dict[str, str], load: float) -> dict[str, str]:
    """The machine, the interpreter and the versions.

    Args:
        place: Where the data are; its file system counts.
        peers: The versions of the peers, by name.
        load: How many processes were at work before.
    """
    versions = {name: metadata.version(name) for name in _PACKAGES} | peers
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "file system": _file_system(place),
        "load before the run": f"{load:.2f} (others at work make figures doubtful)",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": ", ".join(f"{name} {version}" for name, version in versions.items()),
    }


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    fields = {name.strip(): value.strip() for name, value in fields.items()}
    model = fields.get("model name", platform.machine())
    return f"{model} (virtual)" if "hypervisor" in fields.get("flags", "").split() else model


def _file_system(place: Path) -> str:
    """The type of the file system with the longest mount point above a place."""
    try:
        mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    except OSError:
        return "unknown"
    above = [(len(point), kind) for point, kind in mounts if place.resolve().is_relative_to(point)]
    return max(above)[1] if above else "unknown"
