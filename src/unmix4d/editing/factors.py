"""Maps and patterns that an edit changes, and their fit to the scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import constraints
from ..decomposition.fitted_patterns import fitted_patterns
from ..decomposition.refit import refitted
from ..engine.weights import WeightedMatrix, Weights, choose_weights
from ..results.data_of_a_result import linked_matrix

if TYPE_CHECKING:
    from ..engine.matrix import PatternMatrix

__all__ = ["Factors", "evaluated", "factors_of", "fitted", "free_sides", "matrix_of", "require_data", "weights_for"]


@dataclass(frozen=True, eq=False)
class Factors:
    """Maps and patterns as matrices.

    Attributes
    ----------
    maps : ndarray (n_positions, k)
    patterns : ndarray (k, n_pixels)
    features : ndarray (k, n_features) or None
        The decomposed features, if the result was found in features.
    squares : ndarray of float64 (n_positions,) or None
        Squared residuals of every position, if they were computed.
    columns : int
        Number of columns over which the squares are summed.
    """

    maps: np.ndarray
    patterns: np.ndarray
    features: np.ndarray | None = None
    squares: np.ndarray | None = None
    columns: int = 0

    @property
    def rows(self) -> np.ndarray:
        """The rows that were decomposed: features if there are any, otherwise patterns."""
        return self.patterns if self.features is None else self.features

    def with_components(self, maps: Any, patterns: Any, features: Any = None) -> Factors:
        """Return factors with other components, in the data types of these."""
        dtype = self.maps.dtype
        patterns = np.ascontiguousarray(patterns, self.patterns.dtype)
        if self.features is not None:
            features = np.ascontiguousarray(features, self.features.dtype)
        return Factors(np.ascontiguousarray(maps, dtype), patterns, features)


def factors_of(result: Any) -> Factors:
    """Return the factors of a result."""
    geometry, features = result.geometry, result.features
    if features is not None:
        features = features.reshape(result.k, -1)
        features = np.ascontiguousarray(features[:, np.isfinite(features).all(0)])
    return Factors(geometry.from_maps(result.maps), geometry.from_images(result.patterns), features)


def matrix_of(result: Any, method: str) -> PatternMatrix | None:
    """Return the matrix that was decomposed, or None if it is no longer known."""
    if result.features is None:
        return None if result.source is None else linked_matrix(result, method)
    return None if result._view is None else result._view.matrix(result.settings.get("precision", "single"))


def require_data(result: Any, method: str, instead: str = "refit=False edits without them") -> PatternMatrix:
    """Return `matrix_of`, or raise ValueError if there is none."""
    matrix = matrix_of(result, method)
    if matrix is None and result.features is not None and result.source is not None:
        raise ValueError(
            f"{method} needs the features that were decomposed, which a saved result does not contain: load it with "
            f"them, unmix4d.load(path, data=u.angular_average()), or {instead}"
        )
    if matrix is None:
        raise ValueError(
            f"{method} needs the scan, which is not part of a saved result: load it with unmix4d.load(path, data=scan), or "
            f"{instead}"
        )
    return matrix


def free_sides(settings: dict[str, Any]) -> tuple[bool, bool]:
    """Return whether maps and patterns may be fitted; those under a constraint are not."""
    bound = set()
    for told in settings.get("constraints", ()):
        on = told.get("on") or getattr(getattr(constraints, told["name"], None), "on", "")
        bound |= {on} if on else {"maps", "patterns"}
    return "maps" not in bound and not settings.get("sum_to_one"), "patterns" not in bound


def weights_for(matrix: PatternMatrix, settings: dict[str, Any]) -> Weights:
    """Return the weights with which a result was fitted."""
    kind = settings.get("weights", "none")
    if kind not in ("capped", "poisson"):
        return Weights()
    return choose_weights(matrix.statistics(), kind, positions=free_sides(settings)[0])


def fitted(result: Any, factors: Factors, matrix: PatternMatrix, *, maps: bool = True, patterns: bool = True) -> Factors:
    """Fit maps for the given patterns, then patterns for those maps, each by exact non-negative least squares (two passes).

    The weights are those of the result. For features, their patterns are fitted too, in one pass over the scan.
    """
    free_maps, free_patterns = free_sides(result.settings)
    weights = weights_for(matrix, result.settings)
    sides = {"refit_maps": maps and free_maps, "refit_patterns": patterns and free_patterns}
    found = refitted(WeightedMatrix(matrix, weights), *weights.on(factors.maps, factors.rows), **sides)
    if factors.features is None:
        return Factors(found.maps, found.patterns, None, found.squares, matrix.shape[1])
    shown = patterns_for(result, found.maps, factors.patterns)
    return Factors(found.maps, shown, found.patterns, found.squares, matrix.shape[1])


def patterns_for(result: Any, maps: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    """Return the patterns of the scan for given maps, or the known patterns if no scan is linked."""
    if result.source is None:
        return otherwise
    return fitted_patterns(linked_matrix(result, "an edit"), maps).patterns


def evaluated(factors: Factors, matrix: PatternMatrix | None) -> Factors:
    """Return factors with their squared residuals, in one pass, or without them if there are no data."""
    if matrix is None:
        return factors
    squares = matrix.squared_residuals(factors.maps, factors.rows)
    return replace(factors, squares=squares, columns=matrix.shape[1])


def keeps_scale(settings: dict[str, Any]) -> bool:
    """Return whether the scale of the maps is fixed."""
    fixed = any(
        getattr(getattr(constraints, c["name"], None), "fixes_scale", False) for c in settings.get("constraints", ())
    )
    return bool(fixed or settings.get("sum_to_one"))


def totals_of(factors: Factors) -> np.ndarray:
    """Return the sums of the patterns (k,)."""
    return factors.patterns.sum(1, dtype=np.float64)


def put_in(factors: Factors, which: Sequence[int], at: int, maps: Any, patterns: Any, features: Any) -> Factors:
    """Replace components by new ones, at the place of the first.

    maps, patterns, features (arrays (n_positions, n), (n, n_pixels), (n, n_features)): The new components.
    """

    def rows(known, new):
        left = np.delete(known, list(which), axis=0)
        return np.concatenate([left[:at], new, left[at:]])

    found = None if factors.features is None else rows(factors.features, features)
    return factors.with_components(rows(factors.maps.T, np.asarray(maps).T).T, rows(factors.patterns, patterns), found)
