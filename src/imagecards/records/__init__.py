"""Records: what is known of each image, in metadata.jsonl, as Python objects and as columns."""

from imagecards.records.attributes import attribute_issues
from imagecards.records.digest import dataset_digest, record_digests
from imagecards.records.issues import Collector, Issue, Report, printable, shown
from imagecards.records.jsonl import read_jsonl
from imagecards.records.metadata import ImageMetadata, Records
from imagecards.records.objects import objects_of
from imagecards.records.record import BBox, ImageRecord

__all__ = [
    "BBox",
    "Collector",
    "ImageMetadata",
    "ImageRecord",
    "Issue",
    "Records",
    "Report",
    "attribute_issues",
    "dataset_digest",
    "objects_of",
    "printable",
    "read_jsonl",
    "record_digests",
    "shown",
]
