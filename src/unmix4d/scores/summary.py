"""The scores of one result, component by component."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .matching import check_correlation, match_maps, pair_of_stacks, similarity

__all__ = ["Score", "score"]


@dataclass(frozen=True, eq=False, repr=False)
class Score:
    """Scores of one result for each component. Printing it gives a table.

    Attributes
    ----------
    names : tuple of str
        Names of the true components.
    pairs : ndarray of int
        (k_true,), index of the component matched by its map, -1 if there is none.
    map_correlation, pattern_cosine : ndarray
        (k_true,), scores of this match, 0 if there is none.
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
    def found(self) -> int:
        """Number of true components that were found."""
        return int(np.sum(self.map_correlation > self.threshold))

    @property
    def mean_map_correlation(self) -> float:
        """Mean over the true components, 0 for missing ones."""
        return float(np.mean(self.map_correlation))

    @property
    def mean_pattern_cosine(self) -> float:
        """Mean over the true components, 0 for missing ones."""
        return float(np.mean(self.pattern_cosine))

    def __repr__(self) -> str:
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


def score(result: Any, truth: Any, *, threshold: float = 0.7) -> Score:
    """Score a result by map correlations and pattern cosines, after matching its maps to the true ones.

    Parameters
    ----------
    result : (patterns, maps) or object with `patterns` and `maps`
        (k, det_row, det_col) and (k, scan_row, scan_col).
    truth : unmix4d.phantoms.Phantom, or object with `patterns` and `maps`
        `names` and `detector_mask` are used if present; masked pixels (True) are not compared.
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
    check_correlation(threshold)
    if hasattr(result, "patterns") and hasattr(result, "maps"):
        patterns, maps = result.patterns, result.maps
    elif isinstance(result, (tuple, list)) and len(result) == 2:
        patterns, maps = result
    else:
        raise TypeError(f"result must be (patterns, maps) or have .patterns and .maps, found {type(result).__name__}")
    if len(patterns) != len(maps):
        raise ValueError(f"result must have as many patterns as maps, found {len(patterns)} and {len(maps)}")
    pairs, correlations = match_maps(maps, truth.maps)
    true_patterns = np.array(truth.patterns, dtype=float)
    mask = getattr(truth, "detector_mask", None)
    if mask is not None:
        true_patterns[:, mask] = np.nan
    found, true = pair_of_stacks(patterns, true_patterns)
    # One found pattern per true one: only those pairs are compared, no second matching.
    cosines = [similarity(found[[j]], true[[i]], False)[0, 0] if j >= 0 else 0.0 for i, j in enumerate(pairs)]
    names = getattr(truth, "names", None) or tuple(f"component {i}" for i in range(len(true)))
    return Score(tuple(names), pairs, correlations, np.asarray(cosines), float(threshold))
