"""What is read from maps: where a component is present, its regions and their shapes, where two are together."""

from .drift import drift_between, drift_of
from .line_profile import line_profile
from .overlap import area_table, global_minmax, pair_table, two_largest
from .regions import above_threshold, find_regions, is_spread, threshold
from .shapes import region_shape
from .weight_errors import weight_errors

__all__ = [
    "above_threshold", "area_table", "drift_between", "drift_of", "find_regions", "global_minmax", "is_spread",
    "line_profile", "pair_table", "region_shape", "threshold", "two_largest", "weight_errors",
]  # fmt: skip
