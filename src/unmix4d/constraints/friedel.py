"""Patterns with I(g) = I(-g)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..core.centre import partner_pixels
from ..core.messages import warn
from ._base import Constraint

if TYPE_CHECKING:
    from ..core.geometry import ScanGeometry
    from ._base import Evidence

__all__ = ["Friedel"]

_ASYMMETRIC = 0.05  # relative difference of opposite pixels above which the constraint does harm
_SIGNIFICANT = 5.0  # standard deviations
_SAME = 1e-3  # differences of this share of a pattern are nothing, even where the fit claims no error


class Friedel(Constraint):
    """Make opposite pixels equal: both get their mean. The centre is rounded to half a pixel.

    This halves the noise variance of patterns. Pixels whose opposite pixel is masked or outside the detector are not
    changed.

    Opposite spots are equal only on a zone axis. Off the axis, in bent and in thick crystals I(g) and I(-g) differ, and two
    grains that differ only in tilt become more similar. After the run, the asymmetry of the unconstrained patterns is
    compared with their noise, and a warning names the components that are asymmetric.

    Raises
    ------
    ValueError
        On `bind`, when patterns are polar or no pixel has a partner.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.constraints import Friedel
    >>> from unmix4d.core.geometry import ScanGeometry
    >>> geometry = ScanGeometry((3, 3), (1, 4), centre=(0, 1))
    >>> Friedel().bind(geometry).project(np.array([[1.0, 5.0, 3.0, 7.0]]))
    array([[2., 5., 2., 7.]])
    """

    on = "patterns"

    def bind(self, geometry: ScanGeometry) -> Friedel:
        """Find the opposite pixel of every pixel."""
        super().bind(geometry)
        self._partners = partner_pixels(geometry, "Friedel")
        return self

    def project(self, A: np.ndarray) -> np.ndarray:
        """Return the mean of every pixel and the opposite one."""
        A = self._fitting(A)
        # Halved before the sum, so that the largest numbers do not overflow.
        half = A * A.dtype.type(0.5)
        return half + np.take(half, self._partners, axis=1)

    def check(self, evidence: Evidence) -> None:
        """Warn if unconstrained patterns are more asymmetric than their noise explains."""
        found = {
            i: share
            for i, (pattern, error) in enumerate(zip(evidence.patterns, evidence.pattern_errors))
            if (share := self._asymmetry(pattern, error)) > _ASYMMETRIC
        }
        if found:
            each = ", ".join(f"component {i} {share:.0%}" for i, share in found.items())
            warn(
                f"Friedel does not fit the data: opposite pixels of the free patterns differ beyond noise ({each}), "
                "as happens off a zone axis; leave the constraint out"
            )

    def _asymmetry(self, pattern: np.ndarray, error: np.ndarray) -> float:
        """Difference over sum of opposite pixels, root mean square with the noise taken off; 0 where it may be noise."""
        first = np.flatnonzero(self._partners > np.arange(self._partners.size))
        second = self._partners[first]
        # Of every pair in units of its noise: direct beam and far spots count by what is known of them.
        floor = _SAME * np.sqrt(np.nanmean(pattern.astype(np.float64) ** 2))
        noise = np.sqrt(error[first] ** 2.0 + error[second] ** 2.0 + floor**2)
        if not floor > 0 or not np.isfinite(noise).all():
            return 0.0
        difference = (((pattern[first] - pattern[second]) / noise) ** 2).sum() - first.size
        total = (((pattern[first] + pattern[second]) / noise) ** 2).sum() - first.size
        if difference < _SIGNIFICANT * np.sqrt(2 * first.size) or total <= 0:
            return 0.0
        return float(np.sqrt(difference / total))
