"""What a solver iterates on: the compressed scan, or the scan itself, with the same three products.

Both are weighted data, and factors have components as rows: maps (k, n_positions), patterns (k, n_pixels).
"""

from __future__ import annotations

import numpy as np

from .factorisation import gram_of
from .hals import update_factor, update_rows

__all__ = ["Compressed", "Full"]


class Compressed:
    """The low-rank matrix of a scan; nothing is read any more.

    Parameters
    ----------
    low : LowRank
    """

    parallel = True  # several starts at the same time: nothing is shared but what is only read

    def __init__(self, low):
        self.low, self.weights, self.frame = low, low.weights, low.frame
        self.dtype, self.shape, self.norm2 = low.dtype, low.shape, low.norm2
        self._left, self._right = np.ascontiguousarray(low.left.T), low.right

    def on_maps(self, patterns):
        """patterns @ X.T, (k, n_positions)."""
        return (patterns @ self._right.T) @ self._left

    def on_patterns(self, maps):
        """maps @ X, (k, n_pixels)."""
        return (maps @ self._left.T) @ self._right

    def sweep(self, maps, patterns):
        """New maps, then new patterns by HALS, and the sum of the squared residuals as far as the sums can tell."""
        maps = update_rows(self.on_maps(patterns), gram_of(patterns), maps)
        cross, gram = self.on_patterns(maps), gram_of(maps)
        patterns = update_rows(cross, gram, patterns)
        return maps, patterns, self.error(cross, gram, patterns)

    def error(self, cross, gram, patterns):
        """Sum of the squared residuals from the products with the data."""
        fitted = np.einsum("ij,ij->i", cross, patterns, dtype=np.float64).sum()
        return max(self.norm2 - 2 * fitted + float((gram * gram_of(patterns)).sum()), 0.0)

    def exact_error(self, maps, patterns):
        """Sum of the squared residuals in double precision, of what the compression left out too.

        ``|X - M P|^2 = |A - M P R^T|^2 + |M (P - P R^T R)|^2 + what is outside``, for X = A R with orthonormal R: no
        difference of large numbers, as from the sums of an iteration.
        """
        wide = patterns.astype(np.float64)
        right = self._right.astype(np.float64)
        inside = wide @ right.T
        outside = wide - inside @ right
        left_over = self._left.T - maps.T.astype(np.float64) @ inside
        kept = np.einsum("ij,ij->", self._left, self._left, dtype=np.float64)
        beyond = float((gram_of(maps.astype(np.float64)) * (outside @ outside.T)).sum())
        return float(np.einsum("ij,ij->", left_over, left_over)) + beyond + max(self.norm2 - float(kept), 0.0)


class Full:
    """The scan itself: a pass for every product, one for a sweep.

    Parameters
    ----------
    matrix : WeightedMatrix
    norm2 : float
        Sum of the weighted squares.
    """

    parallel = False

    def __init__(self, matrix, norm2: float):
        self.matrix, self.weights, self.frame = matrix, matrix.weights, matrix.frame
        self.dtype, self.shape, self.norm2 = matrix.dtype, matrix.shape, norm2

    def on_maps(self, patterns):
        """patterns @ X.T, (k, n_positions). One pass."""
        return self.matrix.times(patterns.T).T

    def on_patterns(self, maps):
        """maps @ X, (k, n_pixels). One pass."""
        return self.matrix.transpose_times(maps.T).T.astype(self.dtype)

    def sweep(self, maps, patterns):
        """As `Compressed.sweep`; the maps of a block are brought up to date while it is in memory: one pass."""
        maps, xtm, gram = self.matrix.alternate(patterns, maps.T, update_factor)
        cross = xtm.T
        patterns = update_rows(cross, gram, patterns)
        return np.ascontiguousarray(maps.T), patterns, self.error(cross, gram, patterns)

    error = Compressed.error

    def exact_error(self, maps, patterns):
        """Sum of the squared residuals, computed directly. One pass."""
        return float(self.matrix.squared_residuals(maps.T, patterns).sum())
