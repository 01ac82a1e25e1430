"""Contact sheets: images with what is said of them, small and side by side. Knows nothing of datasets."""

from imagecards.sheets.panel import Drawn, Panel
from imagecards.sheets.sheet import draw_sheet

__all__ = ["Drawn", "Panel", "draw_sheet"]
