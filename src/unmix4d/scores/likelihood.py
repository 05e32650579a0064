"""How likely counts are under an expectation."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import ArrayLike

__all__ = ["poisson_log_likelihood"]


def poisson_log_likelihood(counts: ArrayLike, expected: ArrayLike) -> float:
    """Compute the mean of the Poisson log-likelihood ``x log(e) - e - log(x!)`` over all entries.

    Parameters
    ----------
    counts : array_like
        Counts x, non-negative integers of any shape. NaN = excluded.
    expected : array_like
        Expectations e, of the same shape. NaN = excluded.

    Returns
    -------
    float
        Log-likelihood in nats per entry, -inf if the expectation of a count above 0 is 0.

    Raises
    ------
    ValueError
        If the shapes differ, there is no entry, a count is negative or not an integer, or an expectation is negative or
        infinite.

    Examples
    --------
    >>> from unmix4d.scores import poisson_log_likelihood
    >>> round(poisson_log_likelihood([[0, 1, 2]], [[0.5, 1.0, 2.0]]), 6)
    -0.935618
    """
    counts, expected = np.asarray(counts, dtype=float), np.asarray(expected, dtype=float)
    if counts.shape != expected.shape:
        raise ValueError(f"expected must have the shape of counts, {counts.shape}, found {expected.shape}")
    use = ~(np.isnan(counts) | np.isnan(expected))
    if not use.any():
        raise ValueError(f"counts and expected must have an entry that is not NaN, found none in shape {counts.shape}")
    x, e = counts[use], expected[use]
    if np.isinf(x).any() or (x < 0).any() or (x != np.rint(x)).any():
        raise ValueError("counts must be whole numbers that are not negative, found other values")
    if np.isinf(e).any() or (e < 0).any():
        raise ValueError("expected must be finite and not negative, found other values")
    return float(np.mean(scipy.special.xlogy(x, e) - e - scipy.special.gammaln(x + 1)))
