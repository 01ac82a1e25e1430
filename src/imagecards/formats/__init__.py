"""Annotation formats: each in and out, exact where it can be, and with a report of what was lost where not."""

from imagecards.formats.catalog import FORMATS, find_format
from imagecards.formats.format import Format, Reading
from imagecards.formats.losses import Loss, LossReport
from imagecards.formats.reading import read
from imagecards.formats.writing import write

__all__ = ["FORMATS", "Format", "Loss", "LossReport", "Reading", "find_format", "read", "write"]
