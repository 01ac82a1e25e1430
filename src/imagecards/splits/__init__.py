"""Splits."""

from imagecards.datasets import Step

STEPS: dict[str, type[Step]] = {}
