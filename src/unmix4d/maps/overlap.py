"""Where two components are at the same position: the two largest weights, their ratio, and the area above a ratio."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["area_table", "global_minmax", "pair_table", "two_largest"]


def two_largest(
    weights: ArrayLike, *, present: ArrayLike | None = None, background: Sequence[int] = ()
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the two largest weights of every position and their ratio (Cao 2025, "overlapping estimation").

    Parameters
    ----------
    weights : array_like (k, scan_row, scan_col)
        Weights on a common scale, with NaN where excluded. Negative values count as zero.
    present : array_like of bool (k, scan_row, scan_col), optional
        Where each weight is significant. By default where it is above zero; a second weight of zero then gives the ratio 0.
    background : sequence of int
        Components that are ignored, such as a background.

    Returns
    -------
    ratio : ndarray (scan_row, scan_col), float32 or float64
        Second largest weight divided by the largest, 0 to 1. NaN where excluded, where nothing is present, or where the
        largest or the second weight is not present.
    first, second : ndarray of int (scan_row, scan_col)
        Components of the two weights, by their numbers in `weights`; -1 where none is present.

    Raises
    ------
    ValueError
        If fewer than two components are left besides the background.

    Notes
    -----
    If weights are equal, the component with the lower number is the first.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.maps import two_largest
    >>> ratio, first, second = two_largest(np.array([[[4.0, 0.0]], [[3.0, 0.0]], [[9.0, 9.0]]]), background=[2])
    >>> ratio.tolist(), first.tolist(), second.tolist()
    ([[0.75, nan]], [[0, -1]], [[1, -1]])
    """
    weights = np.asarray(weights)
    if weights.dtype.kind != "f":
        weights = weights.astype(float)
    chosen = np.array([i for i in range(len(weights)) if i not in set(background)], int)
    if len(chosen) < 2:
        raise ValueError(f"an overlap needs two components besides the background, got {len(chosen)} of {len(weights)}")
    kept = np.isfinite(weights[chosen]).all(axis=0)
    values = np.where(kept, np.maximum(weights[chosen], 0), 0)
    there = values > 0 if present is None else (values > 0) & np.asarray(present, bool)[chosen]
    order = np.argsort(-values, axis=0, kind="stable")[:2]
    (large, small), (has_first, has_second) = (np.take_along_axis(a, order, axis=0) for a in (values, there))
    has_second &= has_first
    first, second = (np.where(has, chosen[i], -1) for has, i in zip((has_first, has_second), order))
    known = kept & (has_second if present is not None else has_first)
    ratio = np.full(kept.shape, np.nan, weights.dtype)
    np.divide(small, large, out=ratio, where=known & (large > 0))
    return ratio, first, second


def global_minmax(maps: ArrayLike) -> np.ndarray:
    """Scale all maps together from 0 to 1 by one minimum and one maximum, as in the program of Cao 2025.

    Parameters
    ----------
    maps : array_like (k, scan_row, scan_col)
        Maps; NaN is ignored.

    Returns
    -------
    ndarray of the same shape
        Scaled maps, zeros if all values are equal.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.maps import global_minmax
    >>> global_minmax(np.array([[[1.0, 2.0]], [[3.0, 5.0]]])).tolist()
    [[[0.0, 0.25]], [[0.5, 1.0]]]
    """
    maps = np.asarray(maps)
    values = maps[np.isfinite(maps)]
    low, high = (values.min(), values.max()) if values.size else (0, 0)
    return (maps - low) / (high - low if high > low else 1)


def area_table(ratio: np.ndarray, kept: np.ndarray, thresholds: Sequence[float], area: float = 1.0) -> dict[str, np.ndarray]:
    """Compute the area in which the overlap ratio is at least each threshold.

    Parameters
    ----------
    ratio : ndarray (scan_row, scan_col)
        Overlap ratio of every position.
    kept : ndarray of bool (scan_row, scan_col)
        Positions that are used.
    thresholds : sequence of float
        Thresholds of the ratio.
    area : float
        Area of a position.

    Returns
    -------
    dict of ndarray (n_thresholds,)
        The columns ``threshold``, ``n_positions``, ``area`` and ``share`` of the positions that are used.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.maps import area_table
    >>> table = area_table(np.array([[0.8, 0.2, np.nan]]), np.ones((1, 3), bool), [0.1, 0.5], area=4.0)
    >>> table["n_positions"].tolist(), table["area"].tolist(), table["share"].round(2).tolist()
    ([2, 1], [8.0, 4.0], [0.67, 0.33])
    """
    # A comparison with NaN is False, which is what is wanted.
    numbers = np.array([np.count_nonzero(kept & (ratio >= t)) for t in thresholds], int)
    share = numbers / max(np.count_nonzero(kept), 1)
    return {"threshold": np.asarray(thresholds, float), "n_positions": numbers, "area": numbers * area, "share": share}


def pair_table(
    ratio: np.ndarray, first: np.ndarray, second: np.ndarray, threshold: float, area: float = 1.0
) -> dict[str, np.ndarray]:
    """Tabulate which two components overlap, and on how large an area.

    Parameters
    ----------
    ratio, first, second : ndarray (scan_row, scan_col)
        Ratio and components as returned by `two_largest`.
    threshold : float
        Smallest ratio of the positions counted in the columns that end in ``_above``.
    area : float
        Area of a position.

    Returns
    -------
    dict of ndarray (n_pairs,)
        The columns ``component`` and ``partner`` (the larger number); ``n_positions`` and ``area`` where these two are the
        largest; ``n_above`` and ``area_above`` where their ratio is at least the threshold; and ``mean_ratio``. Sorted by
        ``n_above``, then by ``n_positions``, largest first.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.maps import pair_table
    >>> found = np.array([[0.9, 0.4, 0.8]]), np.array([[0, 2, 2]]), np.array([[2, 0, 1]])
    >>> table = pair_table(*found, 0.75)
    >>> table["component"].tolist(), table["partner"].tolist(), table["n_positions"].tolist(), table["n_above"].tolist()
    ([0, 1], [2, 2], [2, 1], [1, 1])
    """
    use = (second >= 0) & np.isfinite(ratio)
    ratios = ratio[use].astype(float)
    ends = np.sort(np.stack([first[use], second[use]]), axis=0)
    pairs, which = np.unique(ends, axis=1, return_inverse=True)
    which = which.ravel()  # NumPy 2.0 alone keeps the shape of the input
    n = np.bincount(which, minlength=pairs.shape[1])
    above = np.bincount(which, weights=ratios >= threshold, minlength=pairs.shape[1]).astype(int)
    mean = np.bincount(which, weights=ratios, minlength=pairs.shape[1]) / np.maximum(n, 1)
    order = np.lexsort((pairs[1], pairs[0], -n, -above))
    columns = {"component": pairs[0], "partner": pairs[1], "n_positions": n, "area": n * area, "n_above": above,
               "area_above": above * area, "mean_ratio": mean}  # fmt: skip
    return {name: column[order] for name, column in columns.items()}
