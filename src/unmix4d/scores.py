"""Scores of a result against a known truth.

Components come in no particular order and in no particular number, so they are matched to the true ones
first (Hungarian assignment, each found component used once); a true component without a partner scores 0.
Entries that are NaN (excluded pixels or positions) are left out on both sides.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.special import gammaln, xlogy

__all__ = [
    "Score",
    "grains_found",
    "map_correlation",
    "match_maps",
    "match_patterns",
    "pattern_cosine",
    "poisson_log_likelihood",
    "score",
    "true_grains",
]


def _stack(name, array):
    """Array of (k, ...) as float64 (k, n)."""
    array = np.asarray(array, dtype=float)
    if array.ndim < 2:
        raise ValueError(f"{name} must be (k, ...) with at least 2 dimensions, found shape {array.shape}")
    if np.isinf(array).any():
        raise ValueError(f"{name} must be finite or NaN (excluded), found an infinite value")
    return array.reshape(len(array), int(np.prod(array.shape[1:])))


def _pair_of_stacks(found, truth):
    """Both arrays flattened, after checking that one component has the same shape in both."""
    if np.ndim(found) >= 2 and np.shape(found)[1:] != np.shape(truth)[1:]:
        wanted, shape = np.shape(truth)[1:], np.shape(found)[1:]
        raise ValueError(f"found must have components of the truth's shape {wanted}, found {shape}")
    return _stack("found", found), _stack("truth", truth)


def _similarity(found, truth, centred):
    """(k_true, k_found) cosines, or correlations where `centred`; 0 where one side is constant or empty."""
    table = np.zeros((len(truth), len(found)))
    for i, t in enumerate(truth):
        for j, f in enumerate(found):
            use = np.isfinite(t) & np.isfinite(f)
            if not use.any():
                continue
            a, b = t[use], f[use]
            if centred:
                # Exactly constant maps keep rounding noise after centring, which would correlate at random.
                if np.ptp(a) <= 1e-12 * np.abs(a).max() or np.ptp(b) <= 1e-12 * np.abs(b).max():
                    continue
                a, b = a - a.mean(), b - b.mean()
            # Scaled first, so that very small or large values neither vanish nor overflow in the squares.
            largest = np.abs(a).max(), np.abs(b).max()
            if min(largest) > 0:
                a, b = a / largest[0], b / largest[1]
                table[i, j] = a @ b / np.sqrt((a @ a) * (b @ b))
    return np.clip(table, -1, 1)


def _match(table):
    """Hungarian assignment with the largest sum: (index of found or -1, score or 0) per true component."""
    pairs = np.full(len(table), -1)
    scores = np.zeros(len(table))
    rows, cols = linear_sum_assignment(table, maximize=True)
    pairs[rows] = cols
    scores[rows] = table[rows, cols]
    return pairs, scores


def match_patterns(found, truth):
    """Match found patterns to true ones by their cosine.

    Parameters
    ----------
    found : array_like
        (k_found, ...), k_found smaller or larger than k_true; NaN = excluded.
    truth : array_like
        (k_true, ...), same shape per component.

    Returns
    -------
    pairs : ndarray of int
        (k_true,), index of the found pattern, -1 where there is none.
    cosines : ndarray
        (k_true,), 0 where there is none.

    Raises
    ------
    ValueError
        If the shapes differ or a value is infinite.

    Examples
    --------
    >>> from unmix4d.scores import match_patterns
    >>> pairs, cosines = match_patterns([[0, 2.0], [3.0, 0]], [[1.0, 0], [0, 1.0]])
    >>> pairs.tolist(), cosines.tolist()
    ([1, 0], [1.0, 1.0])
    """
    return _match(_similarity(*_pair_of_stacks(found, truth), centred=False))


def match_maps(found, truth):
    """Match found maps to true ones by their Pearson correlation over all positions.

    Parameters
    ----------
    found : array_like
        (k_found, ...), k_found smaller or larger than k_true; NaN = excluded.
    truth : array_like
        (k_true, ...), same shape per component.

    Returns
    -------
    pairs : ndarray of int
        (k_true,), index of the found map, -1 where there is none.
    correlations : ndarray
        (k_true,), 0 where there is none or where a map is constant.

    Raises
    ------
    ValueError
        If the shapes differ or a value is infinite.

    Examples
    --------
    >>> from unmix4d.scores import match_maps
    >>> pairs, r = match_maps([[0, 1.0, 0, 0]], [[1.0, 0, 0, 0], [0, 1.0, 0, 0]])
    >>> pairs.tolist(), r.round(3).tolist()
    ([-1, 0], [0.0, 1.0])
    """
    return _match(_similarity(*_pair_of_stacks(found, truth), centred=True))


def pattern_cosine(found, truth):
    """Cosine of each true pattern with the found one matched to it (as in Kimoto 2025, eq. 9).

    Parameters
    ----------
    found, truth : array_like
        As in `match_patterns`.

    Returns
    -------
    ndarray
        (k_true,), 0 for a missing one.

    Raises
    ------
    ValueError
        If the shapes differ or a value is infinite.

    Examples
    --------
    >>> from unmix4d.scores import pattern_cosine
    >>> pattern_cosine([[1.0, 1.0]], [[1.0, 1.0], [1.0, 0.0]]).tolist()
    [1.0, 0.0]
    """
    return match_patterns(found, truth)[1]


def map_correlation(found, truth):
    """Pearson correlation of each true map with the found one matched to it.

    Parameters
    ----------
    found, truth : array_like
        As in `match_maps`.

    Returns
    -------
    ndarray
        (k_true,), 0 for a missing or constant one.

    Raises
    ------
    ValueError
        If the shapes differ or a value is infinite.

    Examples
    --------
    >>> from unmix4d.scores import map_correlation
    >>> map_correlation([[5.0, 5.0, 7.0]], [[0.0, 0.0, 1.0]]).round(6).tolist()
    [1.0]
    """
    return match_maps(found, truth)[1]


def grains_found(found_maps, true_maps, threshold=0.7):
    """Number of true maps whose matched map correlates by more than `threshold`.

    Parameters
    ----------
    found_maps, true_maps : array_like
        As in `match_maps`.
    threshold : float
        -1 to 1.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If the shapes differ, a value is infinite, or the threshold is out of range.

    Examples
    --------
    >>> from unmix4d.scores import grains_found
    >>> grains_found([[0, 1.0, 0]], [[0, 1.0, 0], [0, 0, 1.0]])
    1
    """
    _check_threshold(threshold)
    return int(np.sum(map_correlation(found_maps, true_maps) > threshold))


def poisson_log_likelihood(counts, expected):
    """Mean over all entries of the Poisson log-likelihood ``x log(e) - e - log(x!)``.

    Parameters
    ----------
    counts : array_like
        Whole numbers that are not negative, any shape; NaN = left out.
    expected : array_like
        Expectations, same shape; NaN = left out.

    Returns
    -------
    float
        In nats per entry; -inf where a count above 0 was expected to be 0.

    Raises
    ------
    ValueError
        If the shapes differ, there is no entry, a count is no count, or an expectation is negative or infinite.

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
    return float(np.mean(xlogy(x, e) - e - gammaln(x + 1)))


def _check_threshold(threshold):
    if not -1 <= threshold <= 1:
        raise ValueError(f"threshold must be between -1 and 1, found {threshold!r}")


def true_grains(thickness, fraction=0.15, min_positions=25):
    """Where each grain truly is: its thickness exceeds a fraction of the overall maximum.

    Parameters
    ----------
    thickness : array_like
        (k, scan_row, scan_col), true maps; NaN counts as outside.
    fraction : float
        Of the largest value of all maps, 0 to 1 (excluded).
    min_positions : int
        A grain with fewer positions is no true grain: its map is False throughout, so that indices stay as
        they are.

    Returns
    -------
    ndarray of bool
        (k, scan_row, scan_col), True = in the grain.

    Raises
    ------
    ValueError
        If an argument is outside its range, or there is no finite value.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.scores import true_grains
    >>> maps = np.zeros((2, 8, 8))
    >>> maps[0, :, :4] = 1.0; maps[1, :2, 6:] = 1.0
    >>> true_grains(maps).sum(axis=(1, 2)).tolist()
    [32, 0]
    """
    thickness = np.asarray(thickness, dtype=float)
    if thickness.ndim != 3:
        raise ValueError(f"thickness must be (k, scan_row, scan_col), found shape {thickness.shape}")
    if not 0 <= fraction < 1:
        raise ValueError(f"fraction must be at least 0 and below 1, found {fraction!r}")
    if not np.isfinite(thickness).any():
        raise ValueError(f"thickness must have a finite value, found none in shape {thickness.shape}")
    # A comparison with NaN is False, which is what is wanted.
    inside = thickness > fraction * np.nanmax(thickness)
    enough = inside.sum(axis=(1, 2)) >= min_positions
    return inside & enough[:, None, None]


@dataclass(frozen=True, eq=False, repr=False)
class Score:
    """Scores of one result, component by component; printing it gives a table.

    Attributes
    ----------
    names : tuple of str
        True components.
    pairs : ndarray of int
        (k_true,), index of the matched found component, -1 where missing (matched by maps).
    map_correlation, pattern_cosine : ndarray
        (k_true,), both for that one match; 0 where missing.
    threshold : float
        Map correlation above which a component counts as found.

    Examples
    --------
    >>> from unmix4d import phantoms
    >>> from unmix4d.scores import score
    >>> truth = phantoms.martineau_fig5(scan_shape=(2, 20))
    >>> print(score((truth.patterns[::-1], truth.maps[::-1]), truth))
    component       match  map r  pattern cos
    left crystal        1  1.000        1.000
    right crystal       0  1.000        1.000
    found 2 of 2 (map r > 0.7), mean map r 1.000, mean pattern cos 1.000
    """

    names: tuple
    pairs: np.ndarray
    map_correlation: np.ndarray
    pattern_cosine: np.ndarray
    threshold: float = 0.7

    @property
    def found(self):
        """Number of true components found."""
        return int(np.sum(self.map_correlation > self.threshold))

    @property
    def mean_map_correlation(self):
        """Mean over the true components, missing ones as 0."""
        return float(np.mean(self.map_correlation))

    @property
    def mean_pattern_cosine(self):
        """Mean over the true components, missing ones as 0."""
        return float(np.mean(self.pattern_cosine))

    def __repr__(self):
        width = max(len(name) for name in (*self.names, "component"))
        lines = [f"{'component':<{width}}  {'match':>6}  map r  pattern cos"]
        for name, pair, r, cosine in zip(self.names, self.pairs, self.map_correlation, self.pattern_cosine):
            match = "-" if pair < 0 else str(pair)
            lines.append(f"{name:<{width}}  {match:>6}  {r:5.3f}  {cosine:11.3f}")
        lines.append(
            f"found {self.found} of {len(self.names)} (map r > {self.threshold:g}), mean map r "
            f"{self.mean_map_correlation:.3f}, mean pattern cos {self.mean_pattern_cosine:.3f}"
        )
        return "\n".join(lines)


def score(result, truth, *, threshold=0.7):
    """Score a result: match its maps to the true ones, report map correlation and pattern cosine of it.

    Parameters
    ----------
    result : (patterns, maps) or object with `patterns` and `maps`
        (k, det_row, det_col) and (k, scan_row, scan_col).
    truth : unmix4d.phantoms.Phantom, or object with `patterns` and `maps`
        `names` and `detector_mask` are used where present; masked pixels (True) do not count.
    threshold : float
        Map correlation above which a component counts as found.

    Returns
    -------
    Score

    Raises
    ------
    ValueError, TypeError
        If shapes differ, the numbers of patterns and maps differ, or `result` has neither form.

    Examples
    --------
    >>> from unmix4d import phantoms
    >>> from unmix4d.scores import score
    >>> truth = phantoms.random_scan(shape=(6, 5, 9, 8), k=3)
    >>> score((truth.patterns, truth.maps), truth).found
    3
    """
    _check_threshold(threshold)
    if hasattr(result, "patterns") and hasattr(result, "maps"):
        patterns, maps = result.patterns, result.maps
    elif isinstance(result, (tuple, list)) and len(result) == 2:
        patterns, maps = result
    else:
        raise TypeError(
            f"result must be (patterns, maps) or have .patterns and .maps, found {type(result).__name__}"
        )
    if len(patterns) != len(maps):
        raise ValueError(f"result must have as many patterns as maps, found {len(patterns)} and {len(maps)}")
    pairs, correlations = match_maps(maps, truth.maps)
    true_patterns = np.array(truth.patterns, dtype=float)
    mask = getattr(truth, "detector_mask", None)
    if mask is not None:
        true_patterns[:, mask] = np.nan
    found, true = _pair_of_stacks(patterns, true_patterns)
    # One found pattern per true one: only those pairs are compared, no second matching.
    cosines = [
        _similarity(found[[j]], true[[i]], False)[0, 0] if j >= 0 else 0.0 for i, j in enumerate(pairs)
    ]
    names = getattr(truth, "names", None) or tuple(f"component {i}" for i in range(len(true)))
    return Score(tuple(names), pairs, correlations, np.asarray(cosines), float(threshold))
