"""Estimate the standard error of map values from the patterns and the residuals of the fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["weight_errors"]

_BLOCK = 2**21  # numbers of a (positions, k, k) array that are held at a time
_RIDGE = 1e-10  # of patterns of norm 1: two equal patterns get a huge error instead of a division by zero


def weight_errors(maps: ArrayLike, patterns: ArrayLike, residuals: ArrayLike, *, counting: bool = True) -> np.ndarray:
    """Estimate the standard error of every map value, propagated from the noise of the patterns it was fitted to.

    Least squares for known patterns P gives weights with the covariance G^-1 (P V P^T) G^-1, where G = P P^T and V is the
    variance of the pixels. Components with zero weight at a position are not included there, because non-negative least
    squares has put them on their bound. Intensity that two patterns share makes both weights uncertain, which is contained
    in G^-1.

    Parameters
    ----------
    maps : array_like (k, scan_row, scan_col)
        Non-negative maps, with NaN where excluded.
    patterns : array_like (k, det_row, det_col) or (k, n)
        Patterns, with NaN where excluded.
    residuals : array_like (scan_row, scan_col) or float
        Root mean square of data minus reconstruction at every position (`unmix4d.Decomposition.residual_map`): it sets the
        level of the variance, so you need to know neither the gain nor the noise of the detector. Deviations from the model
        count as noise too.
    counting : bool
        If True, the variance of a pixel is proportional to its expectation, as for counts. If False, all pixels of a
        position have the same variance.

    Returns
    -------
    ndarray of float64 (k, scan_row, scan_col)
        Standard errors in the unit of the maps, NaN where excluded. For a weight of zero, the error it would have together
        with the non-zero ones.

    Raises
    ------
    ValueError
        If the shapes of maps, patterns and residuals do not match.

    Notes
    -----
    The patterns are assumed to be known exactly. Weights that were smoothed, or are a median of several runs, have smaller
    errors.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.maps import weight_errors
    >>> patterns = np.array([[[4.0, 0.0]], [[0.0, 1.0]]])
    >>> weight_errors(np.ones((2, 1, 1)), patterns, 0.5, counting=False).ravel().round(3).tolist()
    [0.177, 0.707]
    """
    maps = np.asarray(maps, float)
    patterns = np.asarray(patterns, float)
    patterns = patterns.reshape(len(patterns), -1)
    residuals = np.asarray(residuals, float)
    if residuals.ndim == 0:
        residuals = np.full(maps.shape[1:], float(residuals))
    if len(maps) != len(patterns) or residuals.shape != maps.shape[1:]:
        shapes = f"{maps.shape}, {patterns.shape} and {residuals.shape}"
        raise ValueError(f"maps, patterns and residuals must be of one decomposition, got the shapes {shapes}")
    pixels = patterns[:, np.isfinite(patterns).all(axis=0)]
    kept = np.isfinite(maps).all(axis=0)
    norms = np.linalg.norm(pixels, axis=1)
    norms[norms == 0] = 1.0
    weights = (maps[:, kept].T * norms).clip(min=0)
    out = np.full(maps.shape, np.nan)
    out[:, kept] = (_errors(weights, pixels / norms[:, None], residuals[kept], counting) / norms).T
    return out


def _errors(weights: np.ndarray, patterns: np.ndarray, residuals: np.ndarray, counting: bool) -> np.ndarray:
    """(n, k) for patterns of norm 1."""
    k, n_pixels = patterns.shape
    gram = patterns @ patterns.T + _RIDGE * np.eye(k)
    # Third moments: the variance of counts, patterns[l] for a weight of 1, as the weights see it.
    thirds = np.stack([((patterns * one) @ patterns.T).ravel() for one in patterns]) if counting else None
    totals = patterns.sum(axis=1)
    out = np.empty(weights.shape)
    step = max(_BLOCK // k**2, 1)
    for start in range(0, len(weights), step):
        part = slice(start, start + step)
        m = weights[part]
        free = n_pixels / np.maximum(n_pixels - (m > 0).sum(axis=1), 1)  # a fit with more weights leaves less over
        variance = residuals[part] ** 2 * free
        spread, level = None, variance
        if counting:
            expected = m @ totals / n_pixels
            spread = (m @ thirds).reshape(-1, k, k)
            # As in the Gram matrix: otherwise the errors of two equal patterns would cancel.
            spread[:, np.arange(k), np.arange(k)] += _RIDGE * expected[:, None]
            spread[expected <= 0] = gram  # nothing is there that the variance could go with
            level = np.divide(variance, expected, out=variance, where=expected > 0)
        out[part] = np.sqrt(np.maximum(_shares(m > 0, gram, spread) * level[:, None], 0))
    return out


def _shares(active: np.ndarray, gram: np.ndarray, spread: np.ndarray | None) -> np.ndarray:
    """Diagonal of G^-1 (P V P^T) G^-1 among the active components; of an inactive one, beside all that are active."""
    k = len(gram)
    both = active[:, :, None] & active[:, None, :]
    inverse = np.linalg.inv(np.where(both, gram, np.eye(k))) * both
    # Rows of the inverse: of the active ones as they are, of any other one as if it were added to them (Schur).
    beside = np.eye(k) - inverse @ gram
    left = np.maximum(np.einsum("ij,nji->ni", gram, beside), _RIDGE)
    rows = np.where(active[:, None, :], inverse, beside / left[:, None, :])
    return np.einsum("nji,nji->ni", rows, (gram if spread is None else spread) @ rows)
