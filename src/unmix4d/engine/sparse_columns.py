"""Products of a scan with many columns of weights that are zero nearly everywhere, such as the grains of a film."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .matrix import PatternMatrix

if TYPE_CHECKING:
    from scipy import sparse

__all__ = ["as_columns", "batches", "weighted_sums"]

_SUM_VALUES = 1 << 20  # columns x pixels that one pass adds up: 8 MB in double precision, for each block that is in flight


def as_columns(weights: Any) -> sparse.csc_array:
    """Dense or sparse weights (n_positions, k) in double precision, column by column."""
    from scipy import sparse

    return sparse.csc_array(weights if sparse.issparse(weights) else np.asarray(weights, float), dtype=float)


def batches(columns: sparse.csc_array, n_pixels: int) -> Iterator[np.ndarray]:
    """Numbers of the columns whose sums are held at a time; those of neighbouring positions go together."""
    ends = columns.indptr
    first = np.full(columns.shape[1], columns.shape[0])
    full = np.flatnonzero(np.diff(ends))
    first[full] = columns.indices[ends[full]]
    order, size = np.argsort(first, kind="stable"), max(1, _SUM_VALUES // n_pixels)
    return (order[start : start + size] for start in range(0, len(order), size))


def weighted_sums(matrix: PatternMatrix, weights: sparse.csr_array) -> np.ndarray:
    """weights.T @ X, (k, n_pixels), in float64. One pass."""
    return matrix.visit(_sums_kernel, (weights.astype(matrix.dtype),))[1][0]


def _sums_kernel(X, weights):
    return None, (weights.T @ X,)


_sums_kernel.narrow_sums = True  # type: ignore[attr-defined]
