"""The process that an audit lets opsml work in: it reads requests as lines of JSON, and answers each with one.

Started as ``python -m imagecards.opsml.inspecting``. A process that opsml hangs or breaks down in can be ended, and
the audit goes on in another.
"""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from imagecards.errors import ImageCardsError
from imagecards.opsml import host
from imagecards.opsml.claims import is_claim
from imagecards.opsml.place import stored_size


def main() -> None:
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whatever else is printed is no answer
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = listed(request["kind"]) if request["do"] == "list" else looked_at(**request["entry"])
        except ImageCardsError as error:
            answer = {"error": type(error).__name__, "message": str(error)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def listed(kind: host.Kind) -> dict[str, Any]:
    """The rows of a kind."""
    models = host.models_named() if kind == "experiment" else {}
    rows = [
        {
            "kind": kind,
            "uid": row.uid,
            "space": row.space,
            "name": row.name,
            "version": row.version,
            "created": row.created.isoformat(),
            "names": {
                "data": [] if kind == "data" else row.datacards,  # a data card's row names itself there
                "model": models.get(row.uid, ()),
                "experiment": [] if kind == "experiment" else row.experiments,
            },
        }
        for row in host.rows(kind)
        if not (kind == "data" and is_claim(row))  # which never has files: it tells of a registration by imagecards
    ]
    return {"rows": rows}


def looked_at(kind: host.Kind, uid: str, space: str, name: str, version: str) -> dict[str, Any]:
    """What is wrong with a card and its files: nothing, or what opsml said."""
    folder = Path("files")
    try:
        try:
            named = host.decrypt(kind, uid, folder)
        except ImageCardsError as error:
            failure = str(error.__cause__ or error)  # what opsml said, without what it was asked
            return {"failure": _sharing(folder) or failure}
        storage = os.environ.get("OPSML_STORAGE_URI")
        for file in named:
            if not (folder / file).exists():
                return {"failure": f"{file} is not stored"}
        for place in folder.rglob("*"):
            if place.is_file() and not place.stat().st_size:
                file = place.relative_to(folder).as_posix()
                # opsml takes a few bytes in plain text for an empty file
                if stored_size(storage, kind, space, name, version, file):
                    return {"failure": f"{file} is stored in plain text"}
        return {"failure": _sharing(folder)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sharing(folder: Path) -> str:
    """Files that opsml encrypts and decrypts through one temporary file, at the same time."""
    stems: dict[Path, Path] = {}
    for place in sorted(folder.rglob("*")):
        if place.is_file() and not place.name.endswith(".enc.tmp"):
            first = stems.setdefault(place.with_suffix(""), place)
            if first is not place:
                return f"files share a stem: {first.relative_to(folder)}, {place.relative_to(folder)}"
    return ""


if __name__ == "__main__":
    main()
