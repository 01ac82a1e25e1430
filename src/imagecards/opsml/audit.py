"""Auditing a registry of opsml's: what it lost, said before somebody needs it."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from imagecards import errors
from imagecards.credentials import hide_credentials
from imagecards.errors import ImageCardsError, StorageError
from imagecards.opsml.findings import Audit, Entry, judge
from imagecards.opsml.host import opsml
from imagecards.opsml.place import read_only

KINDS = ("data", "model", "experiment", "prompt")
PATIENCE = 600.0
"""Seconds after which opsml is given up on a card."""

_COMMAND = ("-P", "-m", "imagecards.opsml.inspecting")  # -P: nothing is imported from the folder that it works in


def audit(uri: str, storage: str | None = None, *, patience: float = PATIENCE) -> Audit:
    """Look at every card of a registry of opsml's, and say what is wrong. Nothing in it is changed.

    Each card is decrypted with all of its files, in a folder for temporary files, one card at a time. opsml works in
    processes of its own: whatever it prints, leaves behind or hangs in, is their affair.

    Args:
        uri: Where the registry is: ``sqlite:///folder/opsml.db`` or the path of that file, ``postgresql://``,
            ``mysql://``, or ``http://`` for a server of opsml's. On databases that are servers, opsml itself brings
            tables of an older opsml up to its own version, as it does whenever it is used.
        storage: Where its files are; by default ``$OPSML_STORAGE_URI``, else ``opsml_registries`` in this folder.
        patience: Seconds after which opsml is given up on a card.

    Raises:
        InvalidInputError: This is no registry of opsml 3.
        NotFoundError: There is no such file or folder.
        StorageError: The registry can't be listed.
        MissingDependencyError: opsml 3 is not installed.
    """
    opsml()
    with read_only(uri, storage) as (folder, environment):
        inspector = _Inspector(folder, environment, patience)
        try:
            rows = [row for kind in KINDS for row in inspector.ask({"do": "list", "kind": kind})["rows"]]
            entries = [inspector.look_at(Entry(**row)) for row in rows]
        finally:
            inspector.end()
    return Audit(hide_credentials(uri), len(entries), judge(entries))


class _Inspector:
    """Asks `imagecards.opsml.inspecting`, in a process that is started anew when it doesn't answer."""

    def __init__(self, folder: Path, environment: Mapping[str, str], patience: float) -> None:
        self.folder = folder
        self.environment = {**environment, "PYTHONPATH": os.pathsep.join(_import_places())}
        self.patience = min(patience, threading.TIMEOUT_MAX)
        self.process: subprocess.Popen[str] | None = None
        self.answers: queue.Queue[str] = queue.Queue()

    def look_at(self, entry: Entry) -> Entry:
        """An entry with what came of decrypting its card."""
        asked = {name: getattr(entry, name) for name in ("kind", "uid", "space", "name", "version")}
        try:
            return replace(entry, failure=hide_credentials(self.ask({"do": "look", "entry": asked})["failure"]))
        except StorageError as error:
            return replace(entry, failure=str(error))

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a request.

        Raises:
            StorageError: There is none, in time or at all.
            ImageCardsError: The error that was met there.
        """
        if self.process is None:
            self._begin()
        assert self.process is not None
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.answers.get(timeout=self.patience)
        except queue.Empty:
            self.end()
            raise StorageError(f"opsml gave no answer in {self.patience:g} seconds") from None
        except OSError:
            line = ""
        if not line:
            code = self.end()
            raise StorageError(f"the process that opsml works in broke down (exit code {code})")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            kind = getattr(errors, answer["error"], StorageError)
            found: ImageCardsError = kind(hide_credentials(answer["message"]))  # opsml may say where it connects
            raise found
        return answer

    def end(self) -> int | None:
        """End the process, whatever it is doing."""
        if self.process is None:
            return None
        process, self.process = self.process, None
        if process.poll() is None:
            process.kill()
        code = process.wait()
        for stream in (process.stdin, process.stdout):
            assert stream is not None
            with suppress(OSError):  # what was not sent to a process that broke down
                stream.close()
        return code

    def _begin(self) -> None:
        self.process = subprocess.Popen(  # noqa: S603  # our own module
            [sys.executable, *_COMMAND],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )
        self.answers = queue.Queue()
        threading.Thread(target=_relay, args=(self.process.stdout, self.answers), daemon=True).start()


def _import_places() -> list[str]:
    """Where this process imports from, as a process sees it that works in another folder."""
    return [str(Path(place).absolute()) for place in sys.path]


def _relay(stream: Any, answers: "queue.Queue[str]") -> None:
    """Hand on each line, and an empty one for the end."""
    with suppress(ValueError):  # the stream was closed: nobody waits any more
        for line in stream:
            answers.put(line)
    answers.put("")
