"""Size, place and shape of a region, in calibrated units also where the steps along rows and columns differ."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["region_shape", "shape_of_positions"]


def region_shape(
    mask: ArrayLike, step: tuple[float, float] = (1.0, 1.0), origin: tuple[float, float] = (0.0, 0.0)
) -> dict[str, float]:
    """Measure the size, position and shape of one region.

    All moments and diameters are calibrated, so they describe the grain in the specimen also for a scan with steps of 8 x 2
    nm. A position represents the rectangle of one step around it, so regions of one position have finite values too.

    Parameters
    ----------
    mask : array_like of bool (scan_row, scan_col)
        Mask of the region, with at least one True.
    step : (float, float)
        Distance between positions along (row, column).
    origin : (float, float)
        Calibrated coordinate of position (0, 0).

    Returns
    -------
    dict
        ``area`` (positions x step x step); ``equivalent_diameter``, the diameter of a circle of that area; ``feret_max`` and
        ``feret_min``, the largest and the smallest distance of two parallel lines that enclose the region (Walton 1948);
        ``centroid_row``, ``centroid_col``; ``major_axis`` and ``minor_axis`` (full lengths), ``orientation_deg`` of the
        major one and ``eccentricity`` of the ellipse with the same second moments. The orientation is counter-clockwise as
        seen with row 0 on top, ``atan2(-row, column)``, from 0 to 180 degrees (excluded), 0 where the region is round.

    Raises
    ------
    ValueError
        If the mask is empty.

    Notes
    -----
    Feret diameters are those of the convex hull of the edge midpoints of the positions, as in scikit-image. For ellipses of
    6 to 40 positions, the largest diameter is too long by a third of a step on average (the hull of the corners would be too
    long by three quarters of a step, that of the centres too short by half a step).

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.maps import region_shape
    >>> shape = region_shape(np.ones((2, 10), bool), step=(5.0, 1.0), origin=(100.0, 0.0))
    >>> shape["area"], shape["centroid_row"], shape["centroid_col"], shape["eccentricity"], shape["orientation_deg"]
    (100.0, 102.5, 4.5, 0.0, 0.0)
    """
    row, col = np.nonzero(np.asarray(mask, bool))
    if row.size == 0:
        raise ValueError("mask must have at least one position that is True, found none")
    return shape_of_positions(row, col, step, origin)


def shape_of_positions(
    row: np.ndarray, col: np.ndarray, step: tuple[float, float], origin: tuple[float, float]
) -> dict[str, float]:
    """`region_shape` of the positions of a region."""
    down, right = row * step[0], col * step[1]
    middle = float(down.mean()), float(right.mean())
    area = row.size * step[0] * step[1]
    feret_max, feret_min = _feret(row, col, step)
    return {
        "area": float(area),
        "equivalent_diameter": math.sqrt(4 * area / math.pi),
        "feret_max": feret_max,
        "feret_min": feret_min,
        "centroid_row": middle[0] + origin[0],
        "centroid_col": middle[1] + origin[1],
        **_ellipse(down - middle[0], right - middle[1], step),
    }


def _ellipse(down: np.ndarray, right: np.ndarray, step: tuple[float, float]) -> dict[str, float]:
    """The ellipse with the second moments of the region; the rectangle of a position has moments of its own."""
    xx, yy = np.mean(right**2) + step[1] ** 2 / 12, np.mean(down**2) + step[0] ** 2 / 12
    xy = -np.mean(right * down)  # up is positive
    half = math.hypot((xx - yy) / 2, xy)
    large, small = (xx + yy) / 2 + half, max((xx + yy) / 2 - half, 0.0)
    if half <= 1e-12 * large:  # rounding has no direction
        large = small = (xx + yy) / 2
        angle = 0.0
    else:
        angle = math.degrees(math.atan2(2 * xy, xx - yy)) / 2 % 180.0
    return {
        "major_axis": 4 * math.sqrt(large),
        "minor_axis": 4 * math.sqrt(small),
        "orientation_deg": angle if angle < 180.0 else 0.0,
        "eccentricity": math.sqrt(1 - small / large),
    }


def _feret(row: np.ndarray, col: np.ndarray, step: tuple[float, float]) -> tuple[float, float]:
    """Largest and smallest caliper of the region."""
    from scipy.spatial import ConvexHull

    # Only the ends of each row and column can be on the hull.
    ends = _ends(row, col) | _ends(col, row)
    row, col = row[ends], col[ends]
    offsets = ((-0.5, 0.0), (0.5, 0.0), (0.0, -0.5), (0.0, 0.5))
    points = np.concatenate([np.stack([row + a, col + b], axis=1) for a, b in offsets]) * step
    hull = points[ConvexHull(points).vertices]
    edges = np.roll(hull, -1, axis=0) - hull
    normals = np.stack([-edges[:, 1], edges[:, 0]], axis=1) / np.linalg.norm(edges, axis=1)[:, None]
    widths = np.ptp(hull @ normals.T, axis=0)
    longest = max(float(np.linalg.norm(hull - point, axis=1).max()) for point in hull)
    # Nothing is narrower than a position; the middles of the edges of a single one are a rhombus.
    return longest, max(float(widths.min()), float(min(step)))


def _ends(line: np.ndarray, along: np.ndarray) -> np.ndarray:
    """True for the first and the last entry of every line."""
    low = np.full(line.max() + 1, np.iinfo(np.intp).max)
    high = np.full(line.max() + 1, -1)
    np.minimum.at(low, line, along)
    np.maximum.at(high, line, along)
    return (along == low[line]) | (along == high[line])
