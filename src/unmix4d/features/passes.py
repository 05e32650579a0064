"""Features of a view in one pass: sparse weights on every batch of patterns."""

from __future__ import annotations

from functools import partial

import numpy as np

__all__ = ["Weighting", "in_one_pass", "linear", "variance_per_count"]


def in_one_pass(source, kernel) -> np.ndarray:
    """What a kernel, importable by name as for `PatternMatrix.visit`, says of every pattern: (n_positions, n_features)."""
    return source.matrix().visit_and_look(kernel)[0]


class Weighting:
    """Sparse weights on patterns; pixels without any are not looked at.

    Parameters
    ----------
    weights : scipy sparse matrix (n_features, n_pixels)
    """

    def __init__(self, weights):
        self._used = np.unique(weights.indices)
        self._weights = weights[:, self._used]
        self._narrow = self._weights.astype(np.float32)

    def pixels(self, X) -> np.ndarray:
        """A copy of the pixels (m, n_used) that have weights, for `apply`."""
        return X[:, self._used]

    def apply(self, pixels) -> np.ndarray:
        """(m, n_features) of the pixels (m, n_used), in their dtype."""
        weights = self._narrow if pixels.dtype == np.float32 else self._weights
        return np.ascontiguousarray((weights @ pixels.T).T)

    def __call__(self, X) -> np.ndarray:
        """Weighted sums (m, n_features) of patterns (m, n_pixels)."""
        return self.apply(self.pixels(X))


def linear(source, weights) -> partial:
    """To be called later: weighted sums of every pattern of a view, for sparse weights (n_features, n_pixels)."""
    return partial(in_one_pass, source, partial(_linear_kernel, weighting=Weighting(weights)))


def variance_per_count(weights) -> np.ndarray:
    """Variance of weighted means of Poisson counts relative to the mean, (n_features,), for weights that sum to 1."""
    return np.asarray(weights.multiply(weights).sum(axis=1)).ravel()


def _linear_kernel(X, weighting):
    return weighting(X), ()
