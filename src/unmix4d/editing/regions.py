"""Regions of one map that can become separate components."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..maps.region_set import RegionSet
from ..maps.regions import NOISE, OUTLIERS, above_threshold, separate_regions

__all__ = ["region_parts", "regions_of"]

_LEAST = 4  # positions of a region that can be a part: what is smaller is speckle


def regions_of(result: Any, i: int, least: int = _LEAST) -> RegionSet:
    """Return the separate regions of a map, largest first."""
    kept = result.geometry.kept_positions.reshape(result.geometry.scan_shape)
    image = np.maximum(np.nan_to_num(result.maps[i : i + 1]), 0)
    return separate_regions(above_threshold(image, kept, outliers=OUTLIERS, noise=NOISE)[0], min_size=least, kept=kept)


def region_parts(result: Any, i: int, n: int) -> np.ndarray:
    """Return the positions nearest to each of the n largest regions of a map, as booleans (n, scan_row, scan_col)."""
    from scipy.ndimage import distance_transform_edt

    found = regions_of(result, i)
    if len(found) < n:
        many = f"{len(found)} region{'s' * (len(found) != 1)}"
        raise ValueError(
            f"into must be at most the number of separate regions of the map, but that of component {i} has {many} of "
            f"{_LEAST} positions or more, got {n}"
        )
    away = np.stack([distance_transform_edt(~found.mask(j)) for j in range(n)])
    return away.argmin(0) == np.arange(n)[:, None, None]
