"""Means over rings of equal radius, and their interpolation back to pixels, as sparse matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy

__all__ = ["ENOUGH", "Rings"]

ENOUGH = 6.0  # pixels without which a ring says nothing: at the very centre and in the corners


class Rings:
    """Rings one pixel apart; a pixel between two belongs to both, by distance (linear interpolation both ways).

    Parameters
    ----------
    radius : ndarray (det_row, det_col)
        In pixels.
    kept : ndarray of bool (det_row * det_col,)
        Excluded pixels have no weight in any mean.
    dtype : dtype

    Attributes
    ----------
    full : ndarray (n_rings, 1)
        `count` of all pixels that take part.
    """

    def __init__(self, radius: np.ndarray, kept: np.ndarray, dtype: Any) -> None:
        radius = radius.ravel()
        inner = np.floor(radius).astype(int)
        outer = radius - inner
        pixels = np.tile(np.arange(radius.size), 2)
        entries = np.concatenate([1 - outer, outer]), (pixels, np.concatenate([inner, inner + 1]))
        spread = scipy.sparse.csr_matrix(entries, shape=(radius.size, int(inner.max()) + 2))
        self._spread = spread.astype(dtype)
        gather = spread.T @ scipy.sparse.diags(kept.astype(np.float64))
        gather.eliminate_zeros()
        self._gather = scipy.sparse.csr_matrix(gather).astype(dtype)
        self._nearest = np.rint(radius).astype(np.intp)
        self.full = self._gather @ np.ones((radius.size, 1), dtype)

    def count(self, used: np.ndarray) -> np.ndarray:
        """(n_rings, k): how many pixels of each ring are used; `used` is (n_pixels, k) of 0 and 1."""
        return self._gather @ used

    def mean(self, values: np.ndarray, count: np.ndarray) -> np.ndarray:
        """(n_rings, k): mean over each ring, of values that are 0 where unused; 0 where there are too few."""
        return np.where(count >= ENOUGH, self._gather @ values / np.maximum(count, 1), 0).astype(values.dtype)

    def at_pixels(self, means: np.ndarray) -> np.ndarray:
        """(n_pixels, k): means at the radius of every pixel."""
        return self._spread @ means

    def about(self, means: np.ndarray) -> np.ndarray:
        """(n_pixels, k): means of the nearest ring, a few times faster where that is good enough."""
        return np.take(means, self._nearest, axis=0)
