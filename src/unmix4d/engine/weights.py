"""Weights of pixels and positions, so that bright ones with their large noise do not rule the answer.

Counting noise grows with the intensity: in a plain least-squares fit the direct beam counts more than all spots together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy

from .buffers import buffer

__all__ = ["KINDS", "Weights", "WeightedMatrix", "brightest_spot", "choose_weights", "kind_for_distances"]

KINDS = ("none", "capped", "poisson")
_CAP = 3.0  # times the typical pixel: benchmarks/defaults/RESULTS.md compares 3, 5 and 10
_SPOT = 0.1  # of the brightest pixel of the mean pattern: what hangs together with it above that is one spot
_COMPACT = 0.05  # of the detector: what is larger is a halo
_RULES = 0.5  # of all squared intensity in one spot, from where on distances between patterns are those of that spot
_DARKEST = 1e-2  # of the mean: no lower can the typical pixel be, however empty the background


@dataclass(frozen=True, eq=False)
class Weights:
    """Factors that the matrix is multiplied by: ``positions[:, None] * X * pixels``; None means 1.

    Attributes
    ----------
    kind : {"none", "capped", "poisson"}
    pixels : ndarray (n_pixels,) or None
    positions : ndarray (n_positions,) or None
    """

    kind: str = "none"
    pixels: np.ndarray | None = None
    positions: np.ndarray | None = None

    def on(self, maps, patterns):
        """Maps and patterns of the data as those of the weighted data, in their own dtype."""
        return _scaled(maps, self.positions, 0, False), _scaled(patterns, self.pixels, 1, False)

    def off(self, maps, patterns):
        """The reverse of `on`."""
        return _scaled(maps, self.positions, 0, True), _scaled(patterns, self.pixels, 1, True)


def _scaled(array, factors, axis, reverse):
    if array is None or factors is None:
        return array
    factors = factors[:, None] if axis == 0 else factors
    return (array / factors if reverse else array * factors).astype(array.dtype)


def choose_weights(statistics, kind: str, positions: bool = True) -> Weights:
    """The weights of a scan from its statistics.

    Parameters
    ----------
    statistics : Statistics
    kind : {"none", "capped", "poisson"}
        ``"poisson"`` divides by the root of the mean pattern and of the mean map (Keenan and Kotula 2004): every pixel
        then has the same noise, dark ones too, which lets the noise of dark pixels in. ``"capped"`` leaves typical pixels
        alone and damps only those more than three times as bright: the direct beam above all. Typical is the mean of what
        is left when the brighter ones are taken out, again and again, and at least a hundredth of the mean.
    positions : bool
        False leaves the weights of positions out. A constraint on maps ties dim positions, which weigh much, to their
        neighbours, and the fit would then serve vacuum above all.

    Returns
    -------
    Weights

    References
    ----------
    Keenan and Kotula, Surf. Interface Anal. 36 (2004) 203, doi:10.1002/sia.1657
    """
    mean = np.maximum(statistics.mean_pattern, 0)
    if kind == "none" or not mean.any():
        return Weights()
    if kind == "capped":
        bright = mean / (_CAP * typical(mean))
        return Weights("none") if bright.max() <= 1 else Weights(kind, 1 / np.sqrt(np.maximum(bright, 1)))
    # What was never hit has no noise to go by: it is treated like the dimmest hundredth of the typical.
    pixels = 1 / np.sqrt(np.maximum(mean / mean.mean(), 1e-2))
    if not positions:
        return Weights(kind, pixels)
    totals = np.maximum(statistics.totals, 0)
    return Weights(kind, pixels, 1 / np.sqrt(np.maximum(totals / totals.mean(), 1e-2)))


def kind_for_distances(statistics, geometry) -> str:
    """What kind of weights distances need: "capped" where one spot, as a rule the direct beam, rules them, else "none".

    Unlike a fit, distances are damped only then: bright spots are what crystals differ in.

    Parameters
    ----------
    statistics : Statistics
    geometry : ScanGeometry
    """
    spot = brightest_spot(statistics, geometry)
    return "capped" if statistics.pixel_squares[spot].sum() > _RULES * statistics.norm2 else "none"


def brightest_spot(statistics, geometry) -> np.ndarray:
    """Which pixels (n_pixels,) are the brightest spot of the mean pattern; none of features, or where it is a halo."""
    mean = np.nan_to_num(geometry.to_images(np.maximum(statistics.mean_pattern, 0)[None])[0])
    if geometry.features or not mean.max() > 0:
        return np.zeros(len(statistics.mean_pattern), bool)
    regions, _ = scipy.ndimage.label(mean > _SPOT * mean.max())
    spot = regions == regions.flat[mean.argmax()]
    return geometry.from_images((spot & (spot.sum() <= max(_COMPACT * spot.size, 1)))[None])[0]


def typical(mean: np.ndarray) -> float:
    """Mean over the pixels without those far above it: the level of the scattering beside beam and spots."""
    level = mean.mean()
    for _ in range(20):
        rest = mean[mean <= _CAP * level]
        new = rest.mean() if rest.size and rest.any() else level
        if new >= level * (1 - 1e-6):
            break
        level = new
    return float(max(level, _DARKEST * mean.mean()))


class WeightedMatrix:
    """A pattern matrix with weights: the same products, one pass each, the weights applied to the thin factors.

    Parameters
    ----------
    matrix : PatternMatrix
    weights : Weights
    """

    def __init__(self, matrix, weights: Weights):
        self.matrix, self.weights = matrix, weights
        self.shape, self.dtype, self.geometry = matrix.shape, matrix.dtype, matrix.geometry

    @property
    def norm2(self) -> float:
        """Sum of the weighted squares; with weighted positions as if pixels and positions were independent."""
        statistics = self.matrix.statistics()
        if self.weights.pixels is None:
            return statistics.norm2
        total = float(statistics.pixel_squares @ self.weights.pixels**2)
        if self.weights.positions is not None:
            share = statistics.totals**2
            total *= float((share * self.weights.positions**2).sum() / share.sum())
        return total

    def times(self, right) -> np.ndarray:
        """Weighted X @ right, (n_positions, k). One pass."""
        return _scaled(self.matrix.times(self._on_pixels(right)), self.weights.positions, 0, False)

    def transpose_times(self, left) -> np.ndarray:
        """Weighted X.T @ left, (n_pixels, k), in float64. One pass."""
        left = _scaled(left, self.weights.positions, 0, False)
        return self._on_pixels(self.matrix.transpose_times(left))

    def _on_pixels(self, columns):
        return columns if self.weights.pixels is None else self.weights.pixels[:, None] * columns

    def normal(self, right) -> np.ndarray:
        """Weighted X.T @ X @ right, (n_pixels, k), in float64. One pass."""
        positions = self.weights.positions
        squared = None if positions is None else positions**2
        return self._on_pixels(self.matrix.normal(self._on_pixels(right), squared))

    def gram(self) -> np.ndarray:
        """Weighted X.T @ X in float64. One pass; only for few pixels."""
        pixels, positions = self.weights.pixels, self.weights.positions
        gram = self.matrix.gram(None if positions is None else positions**2)
        return gram if pixels is None else gram * np.outer(pixels, pixels)

    def alternate(self, patterns, maps, update):
        """New maps from the weighted scan and the patterns, and the products the next patterns need. One pass.

        Parameters
        ----------
        patterns : ndarray (k, n_pixels)
        maps : ndarray (n_positions, k)
        update : callable
            ``update(XPt, PPt, maps)`` -> new maps, row by row independent: (m, k), (k, k), (m, k) -> (m, k).

        Returns
        -------
        maps : ndarray (n_positions, k)
        XtM : ndarray of float64 (n_pixels, k)
        MtM : ndarray of float64 (k, k)
        """
        pixels, wide = self.weights.pixels, patterns.astype(np.float64)
        patterns = patterns if pixels is None else pixels * patterns
        maps, xtm, mtm, _ = self.matrix.alternate(patterns, maps, update, self.weights.positions, wide @ wide.T)
        return maps, self._on_pixels(xtm), mtm

    def squared_residuals(self, maps, patterns) -> np.ndarray:
        """Sum over the pixels of the weighted (X - maps @ patterns)**2 for every position, in float64. One pass."""
        maps, patterns = self.weights.off(np.asarray(maps, self.dtype), np.asarray(patterns, self.dtype))
        squares = self.matrix.squared_residuals(maps, patterns, self.weights.pixels)
        return squares if self.weights.positions is None else squares * self.weights.positions**2

    def project(self, basis):
        """Weighted X @ basis, and the sums of the weighted squares of every position and of every pixel. One pass.

        Parameters
        ----------
        basis : ndarray (n_pixels, r)

        Returns
        -------
        ndarray (n_positions, r), ndarray of float64 (n_positions,), ndarray of float64 (n_pixels,)
        """
        pixels, positions = self.weights.pixels, self.weights.positions
        if pixels is None and positions is None:
            statistics = self.matrix.statistics()
            return self.matrix.times(basis), statistics.position_squares, statistics.pixel_squares
        pixels = np.ones(self.shape[1]) if pixels is None else pixels
        positions = np.ones(self.shape[0]) if positions is None else positions
        kernel = partial(
            _project_kernel, basis=(pixels[:, None] * basis).astype(self.dtype), squares=(pixels**2).astype(self.dtype)
        )
        rows, (pixel_squares,) = self.matrix.visit(kernel, ((positions[:, None] ** 2).astype(self.dtype),))
        projected = _scaled(rows[:, :-1], positions, 0, False)
        return projected, rows[:, -1] * positions**2, pixel_squares * pixels**2

    def __repr__(self):
        return f"WeightedMatrix({self.weights.kind}, {self.matrix!r})"


def _project_kernel(X, squared_weights, *, basis, squares):
    projected, X2 = X @ basis, np.multiply(X, X, out=buffer("squares", X.shape, X.dtype))
    sums = np.dot(squared_weights[:, 0], X2, out=buffer("sum", X.shape[1:], X.dtype))
    return np.column_stack([projected, X2 @ squares]), (sums,)
