"""Boxes, masks as run lengths, polygons, outlines and brushes: functions on arrays that touch no file.

Pixel (column c, row r) covers [c, c+1] x [r, r+1]; x is to the right and y down. The value that a mask is, is
`Runs`. Two functions are called ``iou``, so those of masks are in `imagecards.geometry.rle` and those of boxes in
`imagecards.geometry.boxes`: import the modules for them.
"""

from imagecards.geometry.boxes import (
    cxcywh_to_xywh,
    denormalise,
    iou_matrix,
    normalise,
    xywh_to_cxcywh,
    xywh_to_xyxy,
    xyxy_to_xywh,
)
from imagecards.geometry.brush import decode_brush, encode_brush
from imagecards.geometry.fill import fill_centre
from imagecards.geometry.masks import components, instances_of, mask_to_runs, paint, runs_to_mask
from imagecards.geometry.outlines import centre_polygons, centre_polygons_many, edge_polygons, edge_polygons_many, join
from imagecards.geometry.polygons import (
    POLYGON_RULES,
    check_polygon,
    check_polygons,
    polygon_area,
    polygon_bounds,
    polygons_to_runs,
    polygons_to_runs_many,
)
from imagecards.geometry.rle import (
    Runs,
    area,
    bounds,
    decode_counts,
    difference,
    encode_counts,
    intersection,
    runs_from_coco,
    runs_from_coco_many,
    runs_from_pairs,
    runs_from_row_major,
    runs_to_coco,
    runs_to_coco_many,
    runs_to_pairs,
    union,
)
from imagecards.geometry.scaling import ScaleRule, nearest_places, scaled
from imagecards.geometry.segmentations import runs_of, runs_of_many
from imagecards.geometry.windows import cut, placed

__all__ = [
    "POLYGON_RULES",
    "Runs",
    "ScaleRule",
    "area",
    "bounds",
    "centre_polygons",
    "centre_polygons_many",
    "check_polygon",
    "check_polygons",
    "components",
    "cut",
    "cxcywh_to_xywh",
    "decode_brush",
    "decode_counts",
    "denormalise",
    "difference",
    "edge_polygons",
    "edge_polygons_many",
    "encode_brush",
    "encode_counts",
    "fill_centre",
    "instances_of",
    "intersection",
    "iou_matrix",
    "join",
    "mask_to_runs",
    "nearest_places",
    "normalise",
    "paint",
    "placed",
    "polygon_area",
    "polygon_bounds",
    "polygons_to_runs",
    "polygons_to_runs_many",
    "runs_from_coco",
    "runs_from_coco_many",
    "runs_from_pairs",
    "runs_from_row_major",
    "runs_of",
    "runs_of_many",
    "runs_to_coco",
    "runs_to_coco_many",
    "runs_to_mask",
    "runs_to_pairs",
    "scaled",
    "union",
    "xywh_to_cxcywh",
    "xywh_to_xyxy",
    "xyxy_to_xywh",
]
