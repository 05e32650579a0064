"""The mean pattern of each of many regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..engine.sparse_columns import batches, weighted_sums
from .groups import mean_of

if TYPE_CHECKING:
    from scipy import sparse

    from ..engine.matrix import PatternMatrix

__all__ = ["region_means"]


def region_means(matrix: PatternMatrix, columns: sparse.csc_array) -> np.ndarray:
    """(k, n_pixels) means over the positions that each sparse column (n_positions, k) has, NaN for one that has none."""
    out = np.empty((columns.shape[1], matrix.shape[1]), matrix.dtype)
    for some in batches(columns, matrix.shape[1]):
        rows = columns[:, some].tocsr()
        seen = rows.sum(axis=0, dtype=float)[:, None]
        out[some] = mean_of(weighted_sums(matrix, rows), seen, matrix.dtype)
    return out
