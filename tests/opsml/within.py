"""What a process of its own does: opsml reads its settings once, at the first registry of a process."""

import os
import pickle
import traceback
from collections.abc import Mapping
from multiprocessing.connection import Connection


def call(send: Connection, folder: str, environment: Mapping[str, str], work: bytes) -> None:
    """Call a function with arguments, all of it pickled, and send back what it returns or raises."""
    os.environ.update(environment)
    os.chdir(folder)
    try:
        function, arguments = pickle.loads(work)
        answer = (True, function(*arguments))
    except BaseException as error:  # a panic of Rust is none of Exception
        answer = (False, as_sent(error))
    send.send(answer)
    send.close()


def as_sent(error: BaseException) -> BaseException:
    """The error, with what led to it as a note; where it can't be sent, one that says as much."""
    told = "".join(traceback.format_exception(error))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(told)
    return error
