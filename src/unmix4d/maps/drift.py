"""How far the specimen moved between scans, from their maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["drift_between", "drift_of"]

_COMMON = 0.5  # of the smaller scan that both must show: with less, chance decides; a bound, no table
_LIKE = 0.3  # correlation below which two sets of maps have nothing in common that could be followed; a bound, no table


def drift_between(first: ArrayLike, second: ArrayLike) -> tuple[float, float]:
    """Measure the shift between two sets of maps of the same components.

    The maps of all components are correlated together at every shift, over the region that both scans show; excluded
    positions have no weight. A parabola through the largest correlation and its neighbours gives the shift with subpixel
    precision.

    Parameters
    ----------
    first, second : array_like (k, scan_row, scan_col)
        Maps of the same components, with NaN where excluded. The scans may have different shapes.

    Returns
    -------
    (float, float)
        Shift along rows and columns, in positions: a feature at (r, c) in the first scan is at (r + rows, c + cols) in the
        second. Zero if the maps have nothing in common.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.maps import drift_between
    >>> image = np.zeros((1, 20, 20)); image[0, 5:10, 6:12] = 1
    >>> [round(shift, 1) for shift in drift_between(image, np.roll(image, (2, -3), axis=(1, 2)))]
    [2.0, -3.0]
    """
    one, other = (_prepared(np.asarray(maps, float)) for maps in (first, second))
    shape = [a + b - 1 for a, b in zip(one[0].shape[1:], other[0].shape[1:])]
    common = _correlation(one[1][None], other[1][None], shape)
    products = _correlation(one[0], other[0], shape)
    squares = _correlation(one[0] ** 2, other[1][None], shape) * _correlation(one[1][None], other[0] ** 2, shape)
    enough = common >= _COMMON * min(one[1].sum(), other[1].sum())
    known = enough & (squares > 1e-12 * max(float(squares.max()), 1e-300))
    likeness = np.where(known, products / np.sqrt(np.where(known, squares, 1)), -np.inf)
    at = np.unravel_index(likeness.argmax(), likeness.shape)
    if not likeness[at] > _LIKE:
        return 0.0, 0.0
    row, col = (_peak(likeness, at, axis, n) for axis, n in enumerate(other[1].shape))
    return row, col


def drift_of(scans: Sequence[ArrayLike]) -> np.ndarray:
    """Measure the drift of every scan of a series from the first one, as the sum of `drift_between` neighbours.

    Parameters
    ----------
    scans : sequence of array_like (k, scan_row, scan_col)
        Maps of each scan.

    Returns
    -------
    ndarray (n_scans, 2)
        Drift along rows and columns, in positions.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.maps import drift_of
    >>> image = np.zeros((1, 20, 20)); image[0, 5:10, 6:12] = 1
    >>> drift_of([np.roll(image, (i, i), axis=(1, 2)) for i in range(3)]).round(1).tolist()
    [[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]
    """
    steps = [drift_between(a, b) for a, b in zip(scans, scans[1:])]
    return np.cumsum([(0.0, 0.0), *steps], axis=0)


def _prepared(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Maps about their mean, 0 where excluded, and where they are known."""
    known = np.isfinite(maps).all(0)
    values = np.where(known, np.nan_to_num(maps), 0)
    means = values.sum((1, 2), keepdims=True) / max(known.sum(), 1)
    return np.where(known, values - means, 0), known.astype(float)


def _correlation(first: np.ndarray, second: np.ndarray, shape: list[int]) -> np.ndarray:
    """Sum over the maps of first(x) second(x + shift), for every shift; negative shifts are at the end."""
    one, other = (np.fft.rfft2(part, shape) for part in (first, second))
    return np.fft.irfft2((one.conj() * other).sum(0), shape)


def _peak(likeness: np.ndarray, at: tuple[Any, ...], axis: int, n: int) -> float:
    """Where the parabola through the largest value and its neighbours along an axis has its top, as a shift.

    n: Length of the second scan along it: shifts from there on are negative ones.
    """
    near = [tuple(np.array(at) + step * (np.arange(2) == axis)) for step in (-1, 1)]
    below, above = (likeness[tuple(np.mod(place, likeness.shape))] for place in near)
    bend = below - 2 * likeness[at] + above
    part = 0.5 * (below - above) / bend if np.isfinite(bend) and bend < 0 else 0.0
    whole = int(at[axis])
    return (whole if whole < n else whole - likeness.shape[axis]) + float(part)
