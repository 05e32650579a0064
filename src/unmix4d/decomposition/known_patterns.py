"""Maps of patterns that are known, and what they leave beyond counting noise: one pass over the scan."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from .nnls import nnls_rows

__all__ = ["KnownFit", "fit_known"]

_UNSEEN = 0.05  # of a position that each known pattern may have and not be found; no table
_EXACT = 1e-3  # of the intensity, root mean square: no pattern is known better; no table
_PIECE = 1 << 18  # values looked at at a time in double precision, a size of work


@dataclass(frozen=True, eq=False)
class KnownFit:
    """Maps of given patterns, and what the same pass says about the scan.

    Attributes
    ----------
    maps : ndarray (n_positions, k)
    squares : ndarray of float64 (n_positions,)
        Squared residuals.
    excess : ndarray of float64 (n_positions,)
        By how many standard deviations of counting noise the residual of a position is larger than noise makes it.
    gain : float
        Intensity units per count, as the noise says: 1 of counted electrons. Of several scans the mean.
    mean_pattern : ndarray of float64 (n_pixels,)
    totals : ndarray of float64 (n_positions,)
    total : float
    minimum : float
    """

    maps: np.ndarray
    squares: np.ndarray
    excess: np.ndarray
    gain: float
    mean_pattern: np.ndarray
    totals: np.ndarray
    total: float
    minimum: float


def fit_known(matrix, patterns, weighted: bool = True) -> KnownFit:
    """Exact non-negative least squares of every position for patterns (k, n_pixels).

    weighted: Every pixel by its counting noise, as the known patterns have it on the mean, dark ones by that of the mean.

    Raises
    ------
    ValueError
        If a kept value of the scan is NaN or infinite; says where.
    """
    patterns = np.ascontiguousarray(patterns, matrix.dtype)
    wide, mean = patterns.astype(np.float64), _mean_of(patterns)
    # What is beyond noise is judged with weights always: a plain fit follows bright pixels, and leaves more in dark ones.
    rights = [wide / (mean + mean.mean())] if weighted else [wide, wide / (mean + mean.mean())]
    factors = [(np.ascontiguousarray(right.T, matrix.dtype), right @ wide.T) for right in rights]
    rows, (pixel_sum,) = matrix.visit_and_look(partial(_fit_kernel, patterns=patterns, mean=mean, factors=factors))
    k = len(patterns)
    maps, told = np.ascontiguousarray(rows[:, :k], matrix.dtype), rows[:, k:].T
    squares, totals, least, own_squares, energy, *noise = told
    matrix.refuse_not_finite(totals, pixel_sum)
    gains, excess = [], np.zeros(len(rows))  # each scan may have been divided by a dose of its own
    for own in _each_scan(matrix.geometry):
        gain, excess[own] = _beyond_noise(*(values[own] for values in noise))
        gains.append(gain)
    # What is simulated without noise leaves rounding.
    excess = np.where(own_squares <= _EXACT**2 * energy, 0, excess)
    return KnownFit(
        maps, squares, excess, float(np.mean(gains)), pixel_sum / len(rows), totals, float(totals.sum()), float(least.min())
    )  # fmt: skip


def _each_scan(geometry):
    """Rows of the matrix (n_positions,) that are of one scan, of each that has any."""
    of = np.zeros(geometry.scan_shape, int)
    for i, part in enumerate(geometry.scan_slices):
        of[part] = i
    of = of.ravel()[geometry.kept_positions]
    return [of == i for i in np.unique(of)]


def _mean_of(patterns):
    """Mean of the patterns, each with the sum 1."""
    totals = patterns.sum(1, keepdims=True, dtype=np.float64)
    return (patterns / np.where(totals > 0, totals, 1)).mean(0)


def _fit_kernel(X, *, patterns, mean, factors):
    # A NaN or infinity is found in the sums and reported with its place.
    with np.errstate(all="ignore"):
        maps, *more = (nnls_rows(np.nan_to_num(X @ right), gram) for right, gram in factors)
        judged = more[0] if more else maps
        step = max(2, _PIECE // X.shape[1])
        pieces = [slice(start, start + step) for start in range(0, len(X), step)]
        told = np.concatenate([_told(X[p], judged[p] @ patterns, mean) for p in pieces])
        squares = told[:, 2] if not more else np.concatenate([_squares(X[p], maps[p] @ patterns) for p in pieces])
        return np.column_stack([maps.astype(np.float64), squares, told]), (X.sum(0, dtype=np.float64),)


def _squares(X, fitted):
    return np.square(X - fitted, dtype=np.float64).sum(1)


def _told(X, fitted, any_of_them):
    """Of every position: sum, smallest value, squared residual, and what `_beyond_noise` takes."""
    rest, fitted = X - fitted.astype(np.float64), fitted.astype(np.float64)
    # A weak component is often fitted as nothing: its pixels must not count as dark.
    expected = fitted + _UNSEEN * fitted.sum(1, keepdims=True) * any_of_them
    mean = expected.mean(1, keepdims=True)
    # Bright pixels are noisy: each counts by its variance, and dark ones by what the position has on the mean.
    weights = np.where(mean > 0, 1 / (expected + np.where(mean > 0, mean, 1)), 1)
    first = weights * expected
    apart = np.full((2, len(X)), np.nan)
    apart[0, 1:] = (weights[1:] * np.diff(X.astype(np.float64), axis=0) ** 2).sum(1)
    apart[1, 1:] = (weights[1:] * (expected[1:] + expected[:-1])).sum(1)
    sums = [(weights * rest**2).sum(1), first.sum(1), (weights * first).sum(1), (first**2).sum(1)]
    energy = (fitted**2).sum(1)
    return np.column_stack([X.sum(1, dtype=np.float64), X.min(1), (rest**2).sum(1), energy, *sums, *apart])


def _beyond_noise(squares, mean, wide_mean, second, step, expected):
    """Gain of the detector, and by how much every position exceeds its noise.

    Of Poisson counts n of mean m in units of g, (x - g m)**2 has the mean g**2 m and the variance g**4 (m + 2 m**2). The
    gain is what the typical position shows, or two neighbouring ones by what they differ in, whichever is less: a scan in
    which most is new has small differences between neighbours.
    """
    some = mean > 0
    if not some.any():
        return 1.0, np.sqrt(squares / 3)
    ratios = [np.median(squares[some] / mean[some])]
    pairs = some & np.isfinite(step) & (np.nan_to_num(expected) > 0)
    if pairs.any():
        ratios.append(np.median(step[pairs] / expected[pairs]))
    gain = float(min(ratios))
    spread = np.sqrt(gain**3 * wide_mean + 2 * gain**2 * second)
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = (squares - gain * mean) / spread
        # Where nothing is fitted, noise is that of the counts themselves: n pixels of one count have n g**2 and 3 n g**4.
        alone = np.sqrt(squares / 3) / gain
    alone = np.where(np.isfinite(alone), alone, 0.0)
    # The mean that is expected is a little too large.
    return gain * (1 + _UNSEEN), np.where(spread > 0, excess, alone)
