"""``python -m imagecards.cli`` is the ``imagecards`` command."""

import os
import sys
from contextlib import suppress

from imagecards.cli.main import main


def run() -> None:
    """Run the command as a process of its own, and leave at once when it is done.

    Threads of the libraries may still be there then, and some abort a process that is torn down around them.
    """
    code: object = 0
    try:
        main()
    except SystemExit as end:
        code = end.code
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # the reader may have gone
            stream.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    run()
