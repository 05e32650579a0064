"""Found components matched to true ones: Hungarian assignment by the cosine of patterns or the correlation of maps."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike

__all__ = ["check_correlation", "grains_found", "map_correlation", "match_maps", "match_patterns", "pattern_cosine"]


def _stack(name: str, array: ArrayLike) -> np.ndarray:
    """Array of (k, ...) as float64 (k, n)."""
    array = np.asarray(array, dtype=float)
    if array.ndim < 2:
        raise ValueError(f"{name} must be (k, ...) with at least 2 dimensions, found shape {array.shape}")
    if np.isinf(array).any():
        raise ValueError(f"{name} must be finite or NaN (excluded), found an infinite value")
    return array.reshape(len(array), int(np.prod(array.shape[1:])))


def pair_of_stacks(found: ArrayLike, truth: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Both arrays flattened, after checking that one component has the same shape in both."""
    if np.ndim(found) >= 2 and np.shape(found)[1:] != np.shape(truth)[1:]:
        wanted, shape = np.shape(truth)[1:], np.shape(found)[1:]
        raise ValueError(f"found must have components of the truth's shape {wanted}, found {shape}")
    return _stack("found", found), _stack("truth", truth)


def similarity(found: np.ndarray, truth: np.ndarray, centred: bool) -> np.ndarray:
    """(k_true, k_found) cosines, or correlations where `centred`; 0 where one side is constant or empty."""
    table = np.zeros((len(truth), len(found)))
    for i, t in enumerate(truth):
        for j, f in enumerate(found):
            use = np.isfinite(t) & np.isfinite(f)
            if not use.any():
                continue
            a, b = t[use], f[use]
            if centred:
                # Exactly constant maps keep rounding noise after centring, which would correlate at random.
                if np.ptp(a) <= 1e-12 * np.abs(a).max() or np.ptp(b) <= 1e-12 * np.abs(b).max():
                    continue
                a, b = a - a.mean(), b - b.mean()
            # Scaled first, so that very small or large values neither vanish nor overflow in the squares.
            largest = np.abs(a).max(), np.abs(b).max()
            if min(largest) > 0:
                a, b = a / largest[0], b / largest[1]
                table[i, j] = a @ b / np.sqrt((a @ a) * (b @ b))
    return np.clip(table, -1, 1)


def assign(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hungarian assignment with the largest sum: (index of found or -1, score or 0) per true component."""
    pairs = np.full(len(table), -1)
    scores = np.zeros(len(table))
    rows, cols = scipy.optimize.linear_sum_assignment(table, maximize=True)
    pairs[rows] = cols
    scores[rows] = table[rows, cols]
    return pairs, scores


def match_patterns(found: ArrayLike, truth: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Match found patterns to true ones by their cosine.

    Parameters
    ----------
    found : array_like
        (k_found, ...); k_found may be smaller or larger than k_true. NaN = excluded.
    truth : array_like
        (k_true, ...), with the same shape per component.

    Returns
    -------
    pairs : ndarray of int
        (k_true,), index of the matched pattern, -1 if there is none.
    cosines : ndarray
        (k_true,), cosines of the pairs, 0 if there is none.

    Raises
    ------
    ValueError
        If the shapes differ or a value is infinite.

    Examples
    --------
    >>> from unmix4d.scores import match_patterns
    >>> pairs, cosines = match_patterns([[0, 2.0], [3.0, 0]], [[1.0, 0], [0, 1.0]])
    >>> pairs.tolist(), cosines.tolist()
    ([1, 0], [1.0, 1.0])
    """
    return assign(similarity(*pair_of_stacks(found, truth), centred=False))


def match_maps(found: ArrayLike, truth: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Match found maps to true ones by their Pearson correlation over all positions.

    Parameters
    ----------
    found : array_like
        (k_found, ...); k_found may be smaller or larger than k_true. NaN = excluded.
    truth : array_like
        (k_true, ...), with the same shape per component.

    Returns
    -------
    pairs : ndarray of int
        (k_true,), index of the matched map, -1 if there is none.
    correlations : ndarray
        (k_true,), correlations of the pairs, 0 if there is none or if a map is constant.

    Raises
    ------
    ValueError
        If the shapes differ or a value is infinite.

    Examples
    --------
    >>> from unmix4d.scores import match_maps
    >>> pairs, r = match_maps([[0, 1.0, 0, 0]], [[1.0, 0, 0, 0], [0, 1.0, 0, 0]])
    >>> pairs.tolist(), r.round(3).tolist()
    ([-1, 0], [0.0, 1.0])
    """
    return assign(similarity(*pair_of_stacks(found, truth), centred=True))


def pattern_cosine(found: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """Compute the cosine of each true pattern with the found pattern matched to it (as in Kimoto 2025, eq. 9).

    Parameters
    ----------
    found, truth : array_like
        As for `match_patterns`.

    Returns
    -------
    ndarray
        (k_true,), cosines, 0 for a missing pattern.

    Raises
    ------
    ValueError
        If the shapes differ or a value is infinite.

    Examples
    --------
    >>> from unmix4d.scores import pattern_cosine
    >>> pattern_cosine([[1.0, 1.0]], [[1.0, 1.0], [1.0, 0.0]]).tolist()
    [1.0, 0.0]
    """
    return match_patterns(found, truth)[1]


def map_correlation(found: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """Compute the Pearson correlation of each true map with the found map matched to it.

    Parameters
    ----------
    found, truth : array_like
        As for `match_maps`.

    Returns
    -------
    ndarray
        (k_true,), correlations, 0 for a missing or constant map.

    Raises
    ------
    ValueError
        If the shapes differ or a value is infinite.

    Examples
    --------
    >>> from unmix4d.scores import map_correlation
    >>> map_correlation([[5.0, 5.0, 7.0]], [[0.0, 0.0, 1.0]]).round(6).tolist()
    [1.0]
    """
    return match_maps(found, truth)[1]


def grains_found(found_maps: ArrayLike, true_maps: ArrayLike, threshold: float = 0.7) -> int:
    """Count the true maps whose matched map has a correlation above `threshold`.

    Parameters
    ----------
    found_maps, true_maps : array_like
        As for `match_maps`.
    threshold : float
        Threshold of the correlation, -1 to 1.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If the shapes differ, a value is infinite, or the threshold is out of range.

    Examples
    --------
    >>> from unmix4d.scores import grains_found
    >>> grains_found([[0, 1.0, 0]], [[0, 1.0, 0], [0, 0, 1.0]])
    1
    """
    check_correlation(threshold)
    return int(np.sum(map_correlation(found_maps, true_maps) > threshold))


def check_correlation(threshold: Any, name: str = "threshold") -> None:
    """Refuse what no correlation can exceed."""
    if not -1 <= threshold <= 1:
        raise ValueError(f"{name} must be between -1 and 1, found {threshold!r}")
