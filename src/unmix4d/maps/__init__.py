"""What is read from maps: where a component is present, its separate regions, and their shapes."""

from .regions import above_threshold, find_regions, is_spread, threshold
from .shapes import region_shape

__all__ = ["above_threshold", "find_regions", "is_spread", "region_shape", "threshold"]
