"""Return the values of a map along a line."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import ArrayLike

from ..core import checks

__all__ = ["line_profile"]


def line_profile(
    image: ArrayLike,
    start: tuple[float, float],
    stop: tuple[float, float],
    *,
    width: int = 1,
    step: float | tuple[float, float] = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the values of a map along a straight line, about one position apart, averaged across the line.

    Parameters
    ----------
    image : ndarray (scan_row, scan_col)
        Map or image of the scan; NaN is ignored.
    start, stop : (float, float)
        First and last point of the line, (row, column), inside the map.
    width : int
        Number of positions across the line that are averaged.
    step : float or (float, float)
        Distance between positions along (row, column), used for the distances.

    Returns
    -------
    distances : ndarray of float64 (n,)
        Distances from `start`.
    values : ndarray of float64 (n,)
        Values, interpolated linearly between positions; NaN where all are excluded.

    Raises
    ------
    ValueError
        If an end is outside the map, or both are the same.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.maps import line_profile
    >>> distances, values = line_profile(np.arange(12.0).reshape(3, 4), (1, 0), (1, 3), step=2.0)
    >>> distances.tolist(), values.tolist()
    ([0.0, 2.0, 4.0, 6.0], [4.0, 5.0, 6.0, 7.0])
    """
    image = np.asarray(checks.unwrap(image), np.float64)
    if image.ndim != 2:
        raise ValueError(f"image must be a map (scan_row, scan_col), got {image.ndim} dimensions")
    start, stop = _inside(start, "start", image.shape), _inside(stop, "stop", image.shape)
    width, step = checks.count(width, "width"), np.array(checks.pair(step, "step"))
    way = stop - start
    length = np.hypot(*way)
    if length == 0:
        raise ValueError(f"stop must differ from start, got {tuple(start)} for both")
    along = np.linspace(0, 1, int(np.ceil(length)) + 1)
    across = (np.arange(width) - (width - 1) / 2)[:, None, None] * np.array([-way[1], way[0]]) / length
    points = np.moveaxis(start + along[:, None] * way + across, -1, 0)
    known = np.isfinite(image)
    # What lies beyond the border or is excluded counts with no weight, rather than as a value.
    weight, total = (
        scipy.ndimage.map_coordinates(part, points, order=1, mode="constant")
        for part in (known * 1.0, np.where(known, image, 0))
    )
    weight, total = np.where(weight > 1e-9, weight, 0).sum(0), np.where(weight > 1e-9, total, 0).sum(0)
    values = np.divide(total, weight, out=np.full(len(along), np.nan), where=weight > 0)
    return along * np.hypot(*(way * step)), values


def _inside(point: tuple[float, float], name: str, shape: tuple[int, ...]) -> np.ndarray:
    point = np.array(checks.pair(point, name))
    if (point < 0).any() or (point > np.array(shape) - 1).any():
        raise ValueError(f"{name} must be inside the map of {shape[0]} x {shape[1]} positions, got {tuple(point)}")
    return point
