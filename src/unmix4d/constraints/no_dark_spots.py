"""Patterns without holes where other components have their spots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import checks
from ..core.centre import require_centre
from ..core.polar import PolarTransform
from ._base import Constraint
from ._rings import ENOUGH, Rings
from ._smoothing import Convolution

if TYPE_CHECKING:
    from ..core.geometry import ScanGeometry

__all__ = ["NoDarkSpots"]

_GAUSSIAN = np.sqrt(np.pi / 2)  # standard deviation over mean absolute deviation
_REACH, _ROUNDS = 0.6, 4  # standard deviations; a ring nearly half dark then falls into two parts (kimoto_coverage.py)
_APART = 5.0  # standard deviations of the brighter part, between the means of two parts; 2.4 in a ring of noise alone
_WITHIN = 0.4105  # mean absolute deviation of the normal distribution with such weights, in standard deviations
_WINDOW = np.ones((3, 3))  # a dark spot is wider than a pixel, noise is not


class NoDarkSpots(Constraint):
    """Remove dark spots: raise pixels significantly below the radial baseline of a pattern to the baseline.

    NMF leaves holes in the halo of a component that is spread over the scan, at the Bragg spots of other components. A halo
    is round, so its value at each radius is known from the rest of the ring [1]_.

    The baseline is the mean of the ring at each radius, computed again without dark spots and without bright spots, i.e.
    pixels brighter than `threshold` times the mean. A pixel belongs to a dark spot if the mean of the 3 x 3 pixels around it
    is below the baseline by more than `tolerance` times the spread of such means over the ring. It is raised to the baseline
    on the detector grid. Nothing else changes, so disks stay sharp. Dark spots are excluded from the baseline and the spread
    as long as they cover less than half of the ring. Rings of fewer than 6 pixels are not changed.

    Parameters
    ----------
    threshold : float
        Pixels brighter than this factor times the mean of the ring are bright spots. Larger than 1.
    tolerance : float
        Depth of a dark spot in units of the spread, at least 0. With 0 everything below the baseline is raised, including
        noise: the ring becomes brighter by 0.4 times its noise.
    conserve : bool
        If True, raise everything below the baseline, then lower the ring except its bright spots by the amount that this has
        added to its noise, so that only dark spots change the total.
    as_published : bool
        If True, follow the steps of [1]_: transform to a polar pattern, compute one mean without bright spots, raise
        everything below it, and transform back. This blurs disks and brightens rings. `tolerance` is not used.

    Attributes
    ----------
    bias : ndarray (k,) or None
        Intensity added by the last `project`, as a fraction of the intensity before it.

    Raises
    ------
    ValueError
        If an argument is outside its range, or (on `bind`) patterns are polar or redrawn.
    TypeError
        If an argument is of a wrong type.

    Notes
    -----
    This constraint is valid for patterns on a halo or a diffuse background that is round about the centre. With shadows,
    astigmatism without a known ellipse, or a wrong centre, rings are not round: `tolerance` allows for some of this, whereas
    the published form raises half of the ring.

    References
    ----------
    .. [1] Kimoto et al. 2025, constrained NMF of 4D-STEM data, Fig. 4.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.constraints import NoDarkSpots
    >>> from unmix4d.core.geometry import ScanGeometry
    >>> geometry = ScanGeometry((3, 3), (32, 32), centre=(15.5, 15.5))
    >>> pattern = np.ones((1, 32, 32))
    >>> pattern[0, 5:8, 9:12] = 0
    >>> rule = NoDarkSpots().bind(geometry)
    >>> raised = rule.images(rule.project(pattern.reshape(1, -1)))
    >>> float(raised.min().round(6)), float(rule.bias[0].round(4))
    (1.0, 0.0089)
    """

    on = "patterns"

    def __init__(
        self, *, threshold: float = 2.0, tolerance: float = 2.0, conserve: bool = False, as_published: bool = False
    ) -> None:
        self.threshold = checks.positive(threshold, "threshold")
        if self.threshold <= 1:
            raise ValueError(f"threshold must be above 1, the mean of the ring, got {self.threshold}")
        self.tolerance = checks.positive(tolerance, "tolerance", zero=True)
        self.conserve, self.as_published = checks.flag(conserve, "conserve"), checks.flag(as_published, "as_published")
        if conserve and as_published:
            raise ValueError("conserve=True is not part of the published steps: leave it or as_published=True out")
        self.bias = None

    def bind(self, geometry: ScanGeometry) -> NoDarkSpots:
        """Find the rings of the detector."""
        super().bind(geometry)
        require_centre(geometry, "NoDarkSpots")
        if geometry.redrawn:
            raise ValueError(
                "NoDarkSpots needs the halo between the spots, which prepare(redraw_peaks=...) has set to 0: leave out one "
                "of the two"
            )
        self.bias = None
        self._kept = geometry.kept_pixels
        self._rings: dict = {}
        self._window = Convolution(geometry.detector_shape, _WINDOW, self._kept)
        self._polar: Any = PolarTransform(geometry, r_max=geometry.radius().max()) if self.as_published else None
        return self

    def project(self, A: np.ndarray) -> np.ndarray:
        """Return `A` with its dark spots raised; the added intensity is stored in `bias`."""
        X = self._pixels_first(A)
        lift = self._published_lift(X) if self.as_published else self._lift(X)
        weight = self._kept.astype(X.dtype)
        before, added = weight @ X, weight @ lift
        self.bias = added / np.where(before > 0, before, 1)
        return np.ascontiguousarray(np.maximum(X + lift, 0).T)

    def baseline(self, A: np.ndarray) -> np.ndarray:
        """Return the radial baseline of each pattern at every pixel (k, det_row * det_col).

        Examples
        --------
        >>> import numpy as np
        >>> from unmix4d.constraints import NoDarkSpots
        >>> from unmix4d.core.geometry import ScanGeometry
        >>> rule = NoDarkSpots().bind(ScanGeometry((3, 3), (32, 32), centre=(15.5, 15.5)))
        >>> pattern = np.ones((1, 32, 32))
        >>> pattern[0, 20, 20] = 50  # a spot
        >>> float(rule.images(rule.baseline(pattern.reshape(1, -1)))[0, 20, 20].round(6))
        1.0
        """
        X = self._pixels_first(A)
        rings = self._rings_for(X.dtype)
        return rings.at_pixels(self._without_spots(X, rings)[0]).T.copy()

    def _pixels_first(self, A: np.ndarray) -> np.ndarray:
        """(n_pixels, k): what belongs to a ring is then added up for all components at once."""
        return np.ascontiguousarray(self._fitting(A).T)

    def _rings_for(self, dtype: np.dtype) -> Rings:
        if dtype not in self._rings:
            self._rings[dtype] = Rings(self.geometry.radius(), self._kept, dtype)
        return self._rings[dtype]

    def _without_spots(self, X: np.ndarray, rings: Rings) -> tuple[Any, ...]:
        """Mean of every ring, which pixels made it (0 or 1), how many, and which are dark."""
        mean = rings.mean(X, rings.full)
        for _ in range(2):
            used = (X <= self.threshold * rings.about(mean)).astype(X.dtype)
            count = rings.count(used)
            mean = rings.mean(X * used, count)
        if self.tolerance == 0:
            return mean, used, count, None
        around = self._window((X - rings.at_pixels(mean)) * used)
        centre, spread = _robust(around, used, count, rings)
        least = centre - X.dtype.type(self.tolerance) * spread
        dark = (around < rings.about(least)) & (X <= rings.about(mean + np.maximum(centre, 0)))
        used *= ~dark
        count = rings.count(used)
        return rings.mean(X * used, count), used, count, dark

    def _lift(self, X: np.ndarray) -> np.ndarray:
        rings = self._rings_for(X.dtype)
        mean, used, count, dark = self._without_spots(X, rings)
        above = X - rings.at_pixels(mean)
        if not self.conserve:
            lift = np.maximum(-above, 0)
            return lift if dark is None else lift * dark
        noise = rings.at_pixels(rings.mean(np.maximum(above, 0) * used, count))
        usual = (used > 0) if dark is None else (used > 0) | dark
        return (np.maximum(-above, 0) - noise) * usual

    def _published_lift(self, X: np.ndarray) -> np.ndarray:
        polar = self._polar.forward(X.T)
        valid = self._polar.valid
        mean = _ring_mean(polar, valid)
        mean = _ring_mean(polar, valid & (polar <= self.threshold * mean))
        out = self._polar.back(np.maximum(polar, mean))
        return np.where(np.isfinite(out), out - X.T, 0).T


def _robust(values: np.ndarray, used: np.ndarray, count: np.ndarray, rings: Rings) -> tuple[np.ndarray, np.ndarray]:
    """Centre and spread of every ring, from the values next to the centre above all.

    Dark spots that share a ring lower its mean and widen its spread until none of them stands out. With these weights, and
    from such a beginning, they may cover almost half of it. Weights are smooth, so that rounding decides nothing.
    """
    number = values.dtype.type
    centre, spread = _brighter_part(values, used, count, rings)
    # Where there is little to go by, what was found so far stands.
    enough = count >= 2 * ENOUGH
    for _ in range(_ROUNDS):
        off = values - rings.about(centre)
        reach = rings.about(np.maximum(spread * number(_REACH), np.finfo(values.dtype).tiny))
        far = np.minimum(np.abs(off), 12 * reach) / reach
        weight = used * np.exp(far * far / -2)
        total = np.maximum(rings.count(weight), np.finfo(values.dtype).tiny)
        centre = centre + np.where(enough, rings.count(weight * off) / total, 0)
        spread = np.where(enough, rings.count(weight * np.abs(off)) / total / number(_WITHIN), spread)
    return centre, spread


def _brighter_part(values: np.ndarray, used: np.ndarray, count: np.ndarray, rings: Rings) -> tuple[np.ndarray, np.ndarray]:
    """Centre and spread to begin with: those of the brighter part of a ring that falls into two, if that is the larger one.

    The mean of a ring that is nearly half dark is between its two parts, and belongs to neither. The parts are found by
    moving the border between them to the middle of their means.
    """
    number, tiny = values.dtype.type, np.finfo(values.dtype).tiny
    border, total = np.zeros_like(count), rings.count(values * used)
    for _ in range(_ROUNDS):
        upper = used * (values > rings.about(border))
        n, above = rings.count(upper), rings.count(upper * values)
        bright, dim = above / np.maximum(n, 1), (total - above) / np.maximum(count - n, 1)
        border = (bright + dim) / 2
    within = rings.count(upper * np.abs(values - rings.about(bright))) / np.maximum(n, 1) * number(_GAUSSIAN)
    two = (2 * n > count) & (bright - dim > number(_APART) * within + tiny)
    spread = rings.mean(np.abs(values) * used, count) * number(_GAUSSIAN)
    return np.where(two, bright, 0), np.where(two, within, spread)


def _ring_mean(polar: np.ndarray, used: np.ndarray) -> np.ndarray:
    """(k, 1, n_radius): mean over the used azimuths, 0 where there are none."""
    count = np.broadcast_to(used, polar.shape).sum(axis=1, keepdims=True)
    return ((polar * used).sum(axis=1, keepdims=True) / np.maximum(count, 1)).astype(polar.dtype)
