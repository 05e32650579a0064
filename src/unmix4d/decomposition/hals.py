"""Hierarchical alternating least squares for one non-negative factor (Cichocki and Phan 2009).

Works on thin matrices only: the products with the data are made elsewhere.
"""

from __future__ import annotations

import numpy as np

__all__ = ["update_rows", "update_factor", "INNER_SWEEPS"]

# A second sweep over thin matrices costs nothing beside a pass over the scan, and saves passes.
INNER_SWEEPS = 2
_NOTHING = 1e-30  # of the largest sum of squares
_CHUNK = 1 << 14  # columns brought up to date at a time, so that they stay in the cache


def update_rows(cross, gram, factor, sweeps: int = INNER_SWEEPS) -> np.ndarray:
    """Lower ``|X - other.T @ factor|^2`` over the non-negative factor, the other one fixed, one component at a time.

    Parameters
    ----------
    cross : ndarray (k, m)
        other @ X
    gram : ndarray of float64 (k, k)
        other @ other.T
    factor : ndarray (k, m)
        Where to start; not changed.

    Returns
    -------
    ndarray (k, m), of the dtype of `factor`
    """
    out = np.array(factor, order="C")
    gram = np.asarray(gram, np.float64)
    size = np.diag(gram)
    # A step to the minimum of a component that is nothing beside the others would be larger than single precision goes.
    some = size > _NOTHING * size.max(initial=0)
    alive = np.flatnonzero(some)
    divisor = np.where(some, size, 1)[:, None]
    # The step of a component to its minimum needs only the others: with a zero on the diagonal it costs one product.
    weights = (gram / divisor).astype(out.dtype)
    np.fill_diagonal(weights, 0)
    target = (cross / divisor).astype(out.dtype, copy=False)
    for start in range(0, out.shape[1], _CHUNK):
        part = np.ascontiguousarray(out[:, start : start + _CHUNK])
        goal = target[:, start : start + _CHUNK]
        step = np.empty(part.shape[1], part.dtype)
        for _ in range(sweeps):
            for j in alive:
                np.dot(weights[j], part, out=step)
                np.subtract(goal[j], step, out=step)
                np.maximum(step, 0, out=part[j])
        out[:, start : start + _CHUNK] = part
    return out


def update_factor(cross, gram, factor) -> np.ndarray:
    """`update_rows` for a factor with components as columns: cross (m, k), gram (k, k), factor (m, k) -> (m, k)."""
    return np.ascontiguousarray(update_rows(cross.T, gram, factor.T).T)
