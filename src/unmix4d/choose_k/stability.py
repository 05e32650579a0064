"""Whether other starts find the same components."""

from __future__ import annotations

import numpy as np
import scipy

__all__ = ["correlations", "stability"]


def correlations(first, second) -> np.ndarray:
    """Pearson correlation (k, m) of the columns of two arrays (n, k) and (n, m), 0 where one is constant."""
    return _standard(first).T @ _standard(second)


def _standard(columns):
    columns = columns.astype(np.float64)
    size = np.abs(columns).max(0)
    columns -= columns.mean(0)
    norm = np.linalg.norm(columns, axis=0)
    # What is left of a constant column after centring is rounding.
    good = norm > 1e-9 * size * np.sqrt(len(columns))
    return np.where(good, columns / np.where(good, norm, 1), 0.0)


def stability(maps, others) -> np.ndarray:
    """How well every component is found again from other starts.

    maps (ndarray (n_positions, k)): Of the start that is kept.
    others (sequence of ndarray (n_positions, k)): Of the other starts.
    Returns ndarray of float64 (k,): Correlation with the matched map (Hungarian assignment), the mean over the other starts;
        NaN without any.
    """
    if not len(others):
        return np.full(maps.shape[1], np.nan)
    found = []
    for other in others:
        table = correlations(maps, other)
        rows, columns = scipy.optimize.linear_sum_assignment(table, maximize=True)
        found.append(table[rows, columns])
    return np.mean(found, axis=0)
