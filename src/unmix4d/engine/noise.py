"""How strong a component must be to stand out of the noise of a scan.

The largest singular value that noise alone would have, for noise whose variance differs from pixel to pixel and from
position to position. Both are taken from what the found components leave over, so no model of the detector is needed.
"""

from __future__ import annotations

import numpy as np

__all__ = ["noise_edge", "strengths"]

# First a rough look, then a fine one. 1 - expit(34) is the rounding of doubles: a bound, no choice.
_LOGITS, _BETWEEN = np.concatenate([np.arange(-60.0, -8.0), np.arange(-8.0, 34.0, 0.5)]), np.arange(-1.0, 1.0, 0.02)
_GROUPS = 400  # of energies by quantiles, the largest ones apart: an approximation that saves work; no table
_BINS, _FAINT = 1 << 14, 1e-6  # of products before that, and what counts as nothing beside the largest one


def noise_edge(position_energy, pixel_energy, spectrum=None) -> float:
    """Largest singular value of a noise matrix with these sums of squares.

    Parameters
    ----------
    position_energy : ndarray (n_positions,)
        Expected sum of squares of the noise in every position.
    pixel_energy : ndarray (n_pixels,)
        The same for every pixel; both sum to the same total.
    spectrum : ndarray (m,), optional
        Squared transfer of a smoothing over the scan, per spatial frequency.

    Returns
    -------
    float
        The edge of the spectrum of ``A^(1/2) Z B^(1/2)`` in the limit of large matrices (Paul and Silverstein 2009),
        raised by what the largest value of a finite one fluctuates.

    References
    ----------
    Paul and Silverstein, J. Multivariate Anal. 100 (2009) 37, doi:10.1016/j.jmva.2008.03.010
    """
    pixel_energy, rows = np.maximum(pixel_energy, 0), np.maximum(position_energy, 0)
    n_rows = len(rows)
    if not (pixel_energy.any() and rows.any()):
        return 0.0
    # The variance of entry (i, j) is a_i * b_j, with a mean of 1 for the a of noise that is not smoothed.
    a, a_count = _grouped(rows / rows.mean())
    if spectrum is not None:
        # Frequencies do not know where the scan is bright: every combination counts.
        c, c_count = _grouped(spectrum)
        a, a_count = _products(a, a_count, c, c_count, n_rows)
    b, b_count = _grouped(pixel_energy / n_rows)
    fluctuation = 1 + 2 * min(n_rows, len(pixel_energy)) ** (-2 / 3)
    return float(np.sqrt(_edge(a, a_count, b, b_count) * fluctuation))


def _edge(a, a_count, b, b_count):
    """Upper end of the spectrum: the least z at which the two coupled equations of the resolvent have a real solution.

    They are z x = sum a / (1 - y a) and z y = sum b / (1 - x b), so that y sum a / (1 - y a) = x sum b / (1 - x b): every x
    has its y, and its z.
    """
    x, of_x = _both_sides(_LOGITS, b, b_count)
    y, of_y = _both_sides(_LOGITS, a, a_count)
    inner = slice(np.searchsorted(_LOGITS, -20.0), np.searchsorted(_LOGITS, 30.0))
    near = _LOGITS[inner][(of_x - np.interp(of_x, of_y, y) - x)[inner].argmin()]
    x, of_x = _both_sides(near + _BETWEEN, b, b_count)
    least, most = np.interp(of_x[[0, -1]], of_y, _LOGITS)
    y, of_y = _both_sides(np.linspace(max(least - 0.5, _LOGITS[0]), min(most + 0.5, _LOGITS[-1]), 200), a, a_count)
    return np.exp((of_x - np.interp(of_x, of_y, y) - x).min())


def _both_sides(logits, values, counts):
    """Logarithms of many x from 0 to 1 / max(b), given as logits of their share of it, and of x sum b / (1 - x b)."""
    most, share = values.max(), np.exp(-np.logaddexp(0, -logits))
    # Not 1 - share: what the largest value leaves of 1 has to be exact.
    with np.errstate(over="ignore"):  # a value next to nothing has an infinite rest: its term is 0
        rest = (most / values - 1) + np.exp(-np.logaddexp(0, logits))[:, None]
    return np.log(share / most), np.log(share * (1 / rest @ counts))


def _products(a, a_count, c, c_count, total):
    """All products of two grouped distributions, grouped again."""
    values, counts = np.outer(a, c).ravel(), np.outer(a_count, c_count).ravel()
    counts *= total / counts.sum()
    # Means over narrow bins, 1e-3 wide at the top, in place of a sort of all of them.
    least, most = max(values.min(), values.max() * _FAINT), values.max()
    bins = (np.log(np.maximum(values, least) / least) * ((_BINS - 1) / max(np.log(most / least), 1e-9))).astype(np.intp)
    values, counts = np.bincount(bins, values * counts), np.bincount(bins, counts)
    some = counts > 0
    values, counts = values[some] / counts[some], counts[some]
    ends = np.searchsorted(np.cumsum(counts), np.linspace(0, total, 4 * _GROUPS)[1:-1])
    # The largest decide where the edge is: they get groups of their own.
    starts = np.unique(np.concatenate([[0], ends, np.arange(max(len(values) - _GROUPS, 0), len(values))]))
    sums = np.add.reduceat(counts, starts)
    return np.add.reduceat(values * counts, starts) / np.where(sums > 0, sums, 1), sums


def _grouped(values):
    """A few hundred values with their numbers that stand for all of them."""
    values = np.sort(np.asarray(values, float))
    values = values[values > 0]
    if len(values) <= 2 * _GROUPS:
        return values, np.ones(len(values))
    # The largest decide where the edge is: they stay single.
    top, rest = values[-_GROUPS // 4 :], values[: -_GROUPS // 4]
    ends = np.linspace(0, len(rest), _GROUPS + 1).astype(int)
    numbers = np.diff(ends)
    return np.concatenate([np.add.reduceat(rest, ends[:-1]) / numbers, top]), np.concatenate([numbers, np.ones(len(top))])


def strengths(maps, patterns, left, right) -> np.ndarray:
    """How strong each component is in what stands out of the noise, by what no other component can stand for; float64 (k,).

    Norm of the map x norm of the pattern, each without the part along the other components and projected on the singular
    vectors above the `noise_edge`, left (n_positions, d) and right (d, n_pixels): to be compared with the edge. Of more
    components than singular vectors, the weakest ones are fitted to noise: they get no more than their share of noise.
    """
    return _unique(maps.astype(np.float64), left) * _unique(patterns.T.astype(np.float64), right.T)


def _unique(columns, basis):
    """Norm, within a basis, of each column without its part along the others."""
    size = np.linalg.norm(columns, axis=0)
    safe = np.where(size > 0, size, 1)
    units = columns / safe
    inverse = np.linalg.pinv(units.T @ units, rcond=1e-10, hermitian=True)
    diagonal = np.where(size > 0, np.maximum(np.diag(inverse), 1), 1)
    # The part of a column beyond the span of the others, from the inverse of their Gram matrix.
    return np.linalg.norm(basis.T @ (units @ inverse), axis=0) / diagonal * size
