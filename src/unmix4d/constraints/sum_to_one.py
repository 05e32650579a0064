"""Maps that add up to one at every position."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..core.messages import warn
from ._base import Constraint

if TYPE_CHECKING:
    from ._base import Evidence

__all__ = ["SumToOne"]

_OFF = 0.2  # a sum that differs by more from 1 contradicts the constraint
_MANY = 0.05  # share of the positions that may do so


class SumToOne(Constraint):
    """Make maps fractions: at every position they are non-negative and sum to 1.

    The map values of each position are replaced by the nearest point of the probability simplex [1]_. This removes the
    scaling ambiguity of NMF [2]_, so patterns have the intensity of the data.

    This is only valid if all positions have the same total intensity, or if vacuum is one of the components. Otherwise
    thickness and shadowing are forced into the patterns, and there is a warning after the run.

    References
    ----------
    .. [1] Michelot, J. Optim. Theory Appl. 50 (1986) 195; the same point as Duchi et al. 2008 find by sorting.
    .. [2] Martineau et al., Adv. Struct. Chem. Imaging 5 (2019) 3, footnote 3.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.constraints import SumToOne
    >>> from unmix4d.core.geometry import ScanGeometry
    >>> maps = np.array([[0.5, 0.5], [0.9, 0.5], [3.0, 0.0]])
    >>> SumToOne().bind(ScanGeometry((1, 3), (8, 8))).project(maps).round(3).tolist()
    [[0.5, 0.5], [0.7, 0.3], [1.0, 0.0]]
    """

    on = "maps"
    fixes_scale = True

    def project(self, A: np.ndarray) -> np.ndarray:
        """Project every row onto the simplex; excluded positions are not changed."""
        A = self._fitting(A)
        kept = self.geometry.kept_positions
        if kept.all():
            return onto_simplex(A)
        out = A.copy()
        out[kept] = onto_simplex(A[kept])
        return out

    def check(self, evidence: Evidence) -> None:
        """Warn if unconstrained maps do not sum to 1."""
        sums = evidence.free_maps.sum(axis=1)
        sums = sums[np.isfinite(sums)]
        off = float(np.mean(np.abs(sums - 1) > _OFF)) if sums.size else 0.0
        if off <= _MANY:
            return
        totals = evidence.totals[np.isfinite(evidence.totals)]
        low, high = np.percentile(totals, [5, 95])
        warn(
            f"SumToOne does not fit the data: left free, the maps would sum to less than {1 - _OFF:g} or more than "
            f"{1 + _OFF:g} at {off:.0%} of the positions (total signal {low:.4g} to {high:.4g}, 5 to 95 %). It is valid "
            "only where every position has the same total signal or vacuum is one of the components"
        )


def onto_simplex(A: np.ndarray) -> np.ndarray:
    """Nearest point of the probability simplex to every row, (n, k)."""
    rows = np.array(A.T, order="C")  # a copy: it is worked on in place
    # With the largest value at 0 the 1 is not drowned by large numbers, and one entry always stays.
    rows -= rows.max(axis=0)
    shift = (rows.sum(axis=0) - 1) / len(rows)
    for _ in range(len(rows) - 1):
        active = (rows > shift).astype(rows.dtype)
        count = active.sum(axis=0)
        active *= rows
        previous, shift = shift, (active.sum(axis=0) - 1) / count
        if np.array_equal(shift, previous):
            break
    return np.ascontiguousarray(np.maximum(rows - shift, 0).T)
