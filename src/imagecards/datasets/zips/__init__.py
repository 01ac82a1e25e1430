"""Zip files: a dataset's folder in one file, on disk or behind a URL, whose members are read and never trusted."""

from imagecards.datasets.zips.opening import open_zip
from imagecards.datasets.zips.source import ZipSource
from imagecards.datasets.zips.unpacked import UnpackedSource, unpack

__all__ = ["UnpackedSource", "ZipSource", "open_zip", "unpack"]
