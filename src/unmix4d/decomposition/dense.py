"""A small matrix, such as features, as what a solver iterates on: with the products of a compressed scan, but exact."""

from __future__ import annotations

import numpy as np
from scipy.sparse.linalg import svds

from ..weights import Weights
from .factorisation import gram_of
from .hals import update_rows

__all__ = ["Dense"]


class Dense:
    """A non-negative matrix in memory.

    Parameters
    ----------
    values : array_like (n_positions, n_pixels)
        Not weighted; float64 is kept, everything else becomes float32.
    frame : Frame
        Shape of the scan, and which positions take part.
    weights : Weights, optional
        None: as they are.

    Raises
    ------
    ValueError
        When a value is negative or not finite, or the shape is not that of the frame.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.decomposition.dense import Dense
    >>> from unmix4d.frame import Frame
    >>> problem = Dense(np.ones((6, 4)), Frame((2, 3), (1, 4)))
    >>> problem.on_maps(np.eye(4)[:1])
    array([[1., 1., 1., 1., 1., 1.]])
    """

    parallel = True

    def __init__(self, values, frame, weights: Weights | None = None):
        values = np.asarray(values)
        values = values if values.dtype == np.float64 else values.astype(np.float32)
        if values.ndim != 2 or len(values) != frame.n_positions:
            raise ValueError(f"values must have {frame.n_positions} rows, one for a position, got the shape {values.shape}")
        if not np.isfinite(values).all() or (values < 0).any():
            raise ValueError("values must be finite and not negative, but some are not")
        self.weights, self.frame = weights or Weights(), frame
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

    def sweep(self, maps, patterns):
        """New maps, then new patterns by HALS, and the sum of the squared residuals as far as the sums can tell."""
        maps = update_rows(self.on_maps(patterns), gram_of(patterns), maps)
        cross, gram = self.on_patterns(maps), gram_of(maps)
        patterns = update_rows(cross, gram, patterns)
        fitted = np.einsum("ij,ij->", cross, patterns, dtype=np.float64)
        return maps, patterns, max(self.norm2 - 2 * fitted + float((gram * gram_of(patterns)).sum()), 0.0)

    def exact_error(self, maps, patterns):
        """Sum of the squared residuals, from the residuals themselves."""
        rest = self._values - maps.T @ patterns
        return float(np.einsum("ij,ij->", rest, rest, dtype=np.float64))

    def directions(self, n: int):
        """The matrix in its n leading directions: coordinates (n_positions, n) and directions (n, n_pixels)."""
        if n < min(self.shape) // 4:
            start = np.ones(min(self.shape), self.dtype)  # the same answer every time
            vectors = svds(self._values, k=n, v0=start, return_singular_vectors="vh")[2][::-1]
        else:
            gram = gram_of(np.ascontiguousarray(self._values.T))
            vectors = np.linalg.eigh(gram)[1][:, ::-1][:, :n].T
        vectors = np.ascontiguousarray(vectors, self.dtype)
        return self._values @ vectors.T, vectors
