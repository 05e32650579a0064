"""What a solver iterates on: the compressed scan, the scan itself, or a small matrix in memory, with the same products.

All are weighted data, and factors have components as rows: maps (k, n_positions), patterns (k, n_pixels).
"""

from __future__ import annotations

import numpy as np
import scipy

from ..engine.weights import Weights
from .factorisation import across, gram_of
from .hals import update_factor, update_rows

__all__ = ["Compressed", "Full", "Dense"]


class Compressed:
    """The low-rank matrix of a scan; nothing is read any more.

    Parameters
    ----------
    low : LowRank
    """

    parallel = True  # several starts at the same time: nothing is shared but what is only read

    def __init__(self, low):
        self.low, self.weights, self.geometry = low, low.weights, low.geometry
        self.dtype, self.shape, self.norm2 = low.dtype, low.shape, low.norm2
        self._left, self._right = np.ascontiguousarray(low.left.T), low.right

    def on_maps(self, patterns):
        """patterns @ X.T, (k, n_positions)."""
        return across(patterns, self._right).astype(self.dtype) @ self._left

    def on_patterns(self, maps):
        """maps @ X, (k, n_pixels)."""
        return across(maps, self._left).astype(self.dtype) @ self._right

    def sweep(self, maps, patterns, gram=None):
        """New maps, then new patterns by HALS, and what there is to know of them.

        Parameters
        ----------
        maps, patterns : ndarray
        gram : ndarray, optional
            Of the patterns, where it is known.

        Returns
        -------
        maps, patterns : ndarray
        error : float
            Sum of the squared residuals as far as the sums can tell.
        gram : ndarray
            Of the new patterns.
        """
        maps = update_rows(self.on_maps(patterns), gram_of(patterns) if gram is None else gram, maps)
        return maps, *self.with_patterns(self.on_patterns(maps), gram_of(maps), patterns)

    def with_patterns(self, cross, gram, patterns):
        """New patterns, the error and their gram, from the products of the new maps."""
        patterns = update_rows(cross, gram, patterns)
        its_gram = gram_of(patterns)
        return patterns, self.error(cross, gram, patterns, its_gram), its_gram

    def error(self, cross, gram, patterns, its_gram):
        """Sum of the squared residuals from the products with the data, and the Gram matrices of both factors."""
        fitted = np.einsum("ij,ij->i", cross, patterns, dtype=np.float64).sum()
        return max(self.norm2 - 2 * fitted + float((gram * its_gram).sum()), 0.0)

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
        self.matrix, self.weights, self.geometry = matrix, matrix.weights, matrix.geometry
        self.dtype, self.shape, self.norm2 = matrix.dtype, matrix.shape, norm2

    def on_maps(self, patterns):
        """patterns @ X.T, (k, n_positions). One pass."""
        return self.matrix.times(patterns.T).T

    def on_patterns(self, maps):
        """maps @ X, (k, n_pixels). One pass."""
        return self.matrix.transpose_times(maps.T).T.astype(self.dtype)

    def sweep(self, maps, patterns, gram=None):
        """As `Compressed.sweep`; the maps of a block are brought up to date while it is in memory: one pass."""
        maps, xtm, gram = self.matrix.alternate(patterns, maps.T, update_factor)
        return np.ascontiguousarray(maps.T), *self.with_patterns(xtm.T, gram, patterns)

    with_patterns, error = Compressed.with_patterns, Compressed.error

    def exact_error(self, maps, patterns):
        """Sum of the squared residuals, computed directly. One pass."""
        return float(self.matrix.squared_residuals(maps.T, patterns).sum())


class Dense:
    """A non-negative matrix in memory.

    Parameters
    ----------
    values : array_like (n_positions, n_pixels)
        Not weighted; float64 is kept, everything else becomes float32.
    geometry : ScanGeometry
        Shape of the scan, and which positions take part.
    weights : Weights, optional
        None: as they are.

    Raises
    ------
    ValueError
        If a value is negative or not finite, or the shape is not that of the geometry.
    """

    parallel = True

    def __init__(self, values, geometry, weights: Weights | None = None):
        values = np.asarray(values)
        values = values if values.dtype == np.float64 else values.astype(np.float32)
        if values.ndim != 2 or len(values) != geometry.n_positions:
            raise ValueError(
                f"values must have {geometry.n_positions} rows, one for a position, got the shape {values.shape}"
            )
        if not np.isfinite(values).all() or (values < 0).any():
            raise ValueError("values must be finite and not negative, but some are not")
        self.weights, self.geometry = weights or Weights(), geometry
        if self.weights.positions is not None:
            values = values * self.weights.positions[:, None].astype(values.dtype)
        if self.weights.pixels is not None:
            values = values * self.weights.pixels.astype(values.dtype)
        self._values = np.ascontiguousarray(values)
        self.dtype, self.shape = values.dtype, values.shape
        self.norm2 = float(np.einsum("ij,ij->", values, values, dtype=np.float64))

    def on_maps(self, patterns):
        """patterns @ X.T, (k, n_positions)."""
        return patterns @ self._values.T

    def on_patterns(self, maps):
        """maps @ X, (k, n_pixels)."""
        return maps @ self._values

    sweep, with_patterns, error = Compressed.sweep, Compressed.with_patterns, Compressed.error

    def exact_error(self, maps, patterns):
        """Sum of the squared residuals, from the residuals themselves."""
        rest = self._values - maps.T @ patterns
        return float(np.einsum("ij,ij->", rest, rest, dtype=np.float64))

    def directions(self, n: int):
        """The matrix in its n leading directions: coordinates (n_positions, n) and directions (n, n_pixels)."""
        if n < min(self.shape) // 4:
            start = np.ones(min(self.shape), self.dtype)  # the same answer every time
            vectors = scipy.sparse.linalg.svds(self._values, k=n, v0=start, return_singular_vectors="vh")[2][::-1]
        else:
            gram = gram_of(np.ascontiguousarray(self._values.T))
            vectors = np.linalg.eigh(gram)[1][:, ::-1][:, :n].T
        vectors = np.ascontiguousarray(vectors, self.dtype)
        return self._values @ vectors.T, vectors
