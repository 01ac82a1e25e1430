"""The command line: parse, call, print."""

from imagecards.cli.main import main

__all__ = ["main"]
