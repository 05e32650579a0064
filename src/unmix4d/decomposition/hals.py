"""Hierarchical alternating least squares for one non-negative factor (Cichocki and Phan 2009).

Works on thin matrices only: the products with the data are made elsewhere.
"""

from __future__ import annotations

import numpy as np

__all__ = ["update_factor", "INNER_SWEEPS"]

# A second sweep over thin matrices costs nothing beside a pass over the scan, and saves passes.
INNER_SWEEPS = 2


def update_factor(cross, gram, factor, sweeps: int = INNER_SWEEPS) -> np.ndarray:
    """Lower ``|X - factor @ other|^2`` over the non-negative factor, the other one fixed, one component at a time.

    Parameters
    ----------
    cross : ndarray (m, k)
        X @ other.T
    gram : ndarray of float64 (k, k)
        other @ other.T
    factor : ndarray (m, k)
        Where to start; not changed.

    Returns
    -------
    ndarray (m, k), of the dtype of `factor`
    """
    # Components as rows: every step then reads and writes contiguous memory.
    work = np.array(factor.T, order="C")
    cross = np.ascontiguousarray(cross.T, work.dtype)
    gram = np.asarray(gram, np.float64)
    weights = gram.astype(work.dtype)
    alive = np.flatnonzero(np.diag(gram) > 0)
    for _ in range(sweeps):
        for j in alive:
            step = cross[j] - weights[j] @ work
            step /= weights[j, j]
            work[j] += step
            np.maximum(work[j], 0, out=work[j])
    return np.ascontiguousarray(work.T)
