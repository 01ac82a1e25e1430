"""The README of a repo: YAML that the Hub understands, and a table of what is registered in it."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from imagecards.cards import DataCard

README = "README.md"
BEGIN = "<!-- imagecards: what stands between these two lines is written anew with each version -->"
END = "<!-- imagecards: end -->"

_LONGEST = 1 << 18  # characters of a README in which its YAML ends
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))
_LICENSES = frozenset(
    {
        *("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "cc-by-2.0", "cc-by-3.0", "cc-by-4.0"),
        *("cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nc-nd-4.0", "cc-by-nd-4.0"),
        *("gpl-2.0", "gpl-3.0", "lgpl-3.0", "agpl-3.0", "mpl-2.0", "odc-by", "odbl", "pddl", "unlicense"),
    }
)
"""Those that the Hub knows by these names, in small letters; all else is ``other`` there."""


def describe(card: DataCard, splits: Mapping[str, list[str]]) -> dict[str, Any]:
    """What a README says of a card.

    Args:
        card: The card.
        splits: The files of the viewer, by split.
    """
    summary = card.summary
    tasks = ["object-detection"] if summary.objects else ["image-classification"] if summary.categories else []
    return {
        "version": str(card.version),
        "digest": card.dataset_digest,
        "images": summary.images,
        "objects": summary.objects,
        "rows": summary.rows or 0,
        "bytes": summary.bytes,
        "license": card.license,
        "description": card.description,
        "tasks": tasks,
        "splits": {split: list(paths) for split, paths in sorted(splits.items())},
        "shown": {str(card.version): card.digest} if splits else {},
    }


def render_readme(index: Mapping[str, Mapping[str, Any]], old: str | None, written: str = "") -> str:
    """The README of a repo.

    Args:
        index: What is said of each name (`describe`).
        old: The README that is there; what others wrote into it stays.
        written: The name of which something is said anew, or nothing any more.

    Example:
        >>> about = {"version": "1.0.0", "images": 3, "license": "MIT", "splits": {}}
        >>> print(*render_readme({"a/b": about}, None).splitlines()[:4], sep=" ")
        --- license: mit size_categories: - n<1K
    """
    front, body = _parts(old or "")
    derived = _front(index, front, written)
    if "license" in derived:
        front.pop("license_name", None)
    if "configs" not in derived:  # those that are left are among them
        front.pop("configs", None)
    front = {**front, **derived}
    text = yaml.safe_dump(front, sort_keys=False, allow_unicode=True, width=1000)
    section = f"{BEGIN}\n{_table(index)}{END}"
    begin = body.find(BEGIN)
    end = body.find(END, begin) if begin >= 0 else -1
    if end >= 0:
        body = body[:begin] + section + body[end + len(END) :]
    else:
        body = f"{body.rstrip()}\n\n{section}\n".lstrip("\n")
    return f"---\n{text}---\n\n{body.lstrip()}"


def _parts(text: str) -> tuple[dict[str, Any], str]:
    """The YAML of a README, and what follows."""
    found = re.match(r"---\r?\n(.*?)^---\s*?$\n?", text[:_LONGEST], re.DOTALL | re.MULTILINE)
    if found is None:
        return {}, text
    try:
        front = yaml.safe_load(found[1])
    except (yaml.YAMLError, ValueError, RecursionError):
        front = None
    return (front if isinstance(front, dict) else {}), text[found.end() :]


def _front(index: Mapping[str, Mapping[str, Any]], old: Mapping[str, Any], written: str) -> dict[str, Any]:
    """The fields that follow from what is registered."""
    count = sum(_number(about, "images") + _number(about, "rows") for about in index.values())
    tasks = sorted({str(task) for about in index.values() for task in about.get("tasks") or ()})
    licenses = {str(about["license"]) for about in index.values() if about.get("license")}
    front: dict[str, Any] = {}
    if licenses:
        license = licenses.pop() if len(licenses) == 1 else "several"
        known = license.lower() in _LICENSES
        front |= {"license": license.lower()} if known else {"license": "other", "license_name": _slug(license)}
    if tasks:
        front["task_categories"] = tasks
    front["size_categories"] = [next((name for limit, name in _SIZES if count < limit), "n>10M")]
    tags = old.get("tags")
    front["tags"] = list(dict.fromkeys([*(tags if isinstance(tags, list) else ()), "imagecards"]))
    ours = [_config(name, about["splits"]) for name, about in index.items() if about["splits"]]
    if ours:
        ours[0]["default"] = True
    names = {_config_name(name) for name in (*index, written)}
    others = [each for each in _configs(old) if each.get("config_name") not in names]
    if ours or others:
        front["configs"] = ours + [{key: each[key] for key in each if key != "default" or not ours} for each in others]
    return front


def _configs(old: Mapping[str, Any]) -> list[dict[str, Any]]:
    configs = old.get("configs")
    return [each for each in configs if isinstance(each, dict)] if isinstance(configs, list) else []


def _config_name(name: str) -> str:
    return name.replace("/", "--")


def _config(name: str, splits: Mapping[str, list[str]]) -> dict[str, Any]:
    return {
        "config_name": _config_name(name),
        "data_files": [{"split": split, "path": list(paths)} for split, paths in splits.items()],
    }


def _table(index: Mapping[str, Mapping[str, Any]]) -> str:
    lines = [
        "Datasets registered with imagecards: versioned, immutable, proved by digests.",
        "",
        "| dataset | newest version | images | objects | rows | what it is |",
        "|---|---|---|---|---|---|",
    ]
    for name, about in index.items():
        counts = " | ".join(f"{_number(about, field):,}" for field in ("images", "objects", "rows"))
        lines.append(f"| {name} | {_cell(about.get('version'))} | {counts} | {_cell(about.get('description'))} |")
    return "\n".join(lines) + "\n"


def _number(about: Mapping[str, Any], field: str) -> int:
    value = about.get(field)
    return value if isinstance(value, int) else 0


def _cell(text: object) -> str:
    """Text that is no more than that in a table of Markdown."""
    plain = " ".join(str(text or "").split())[:300]
    return re.sub(r"([\\`*_\[\]<>|&#!])", lambda found: f"&#{ord(found[1])};", plain)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-")[:80] or "other"
