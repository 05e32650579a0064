"""The K-component loss, mean |X - M P|, of many factorisations in one pass."""

from __future__ import annotations

from functools import partial

import numpy as np

from ..engine.buffers import buffer

__all__ = ["absolute_losses"]


def absolute_losses(matrix, factors) -> np.ndarray:
    """Mean of |X - maps @ patterns| over all entries of a scan, for several factorisations; one pass.

    matrix: PatternMatrix.
    factors (sequence of (maps, patterns)): (n_positions, k) and (k, n_pixels) of the unweighted data.
    Returns ndarray of float64 (n_factors,): In the intensity unit of the data: the K-component loss of Cao 2025.
    """
    maps = [np.ascontiguousarray(m, matrix.dtype) for m, _ in factors]
    patterns = [np.ascontiguousarray(p, matrix.dtype) for _, p in factors]
    rows, _ = matrix.visit(partial(_absolute_kernel, patterns=patterns), maps)
    return rows.sum(0) / np.prod(matrix.shape, dtype=float)


def _absolute_kernel(X, *maps, patterns):
    rows = np.empty((len(X), len(maps)))
    for i, (own, its) in enumerate(zip(maps, patterns)):
        difference = np.dot(own, its, out=buffer("absolute", X.shape, X.dtype))
        np.subtract(X, difference, out=difference)
        rows[:, i] = np.abs(difference, out=difference).sum(1, dtype=np.float64)
    return rows, ()
