"""FittedDecomposition: maps of patterns that were known, and where the scan has something else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..core.spelling import spelled
from .decomposition import Decomposition
from .saved import savable

__all__ = ["FittedDecomposition"]

_SURE = 5.0  # standard deviations: once in 3.5 million positions by chance, for a normal distribution

_SOME, _MOST = 1.0, 100.0  # the same, of a position among others that are sure; what is more than the latter is as sure


def _around(excess, geometry):
    """Excess of a position and its eight neighbours together, in its own standard deviations; within each scan."""
    from scipy.ndimage import uniform_filter

    kept = geometry.kept_positions.reshape(geometry.scan_shape)
    out = np.zeros_like(excess, dtype=float)
    for part in geometry.scan_slices:
        number = 9 * uniform_filter(kept[part].astype(float), 3, mode="constant")
        total = 9 * uniform_filter(np.minimum(np.where(kept[part], excess[part], 0), _MOST), 3, mode="constant")
        out[part] = total / np.sqrt(np.maximum(number, 1))
    return out


@savable()
@spelled
@dataclass(frozen=True, eq=False, repr=False)
class FittedDecomposition(Decomposition):
    """Maps of known patterns, as returned by `Unmix.fit`. Patterns are those you passed, in the same order.

    Attributes
    ----------
    excess : ndarray (scan_row, scan_col) or None
        Residual of each position in excess of counting noise, in standard deviations of that noise, NaN where excluded. None
        for features, whose noise is not known.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> phantom = phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0)
    >>> fitted = Unmix(phantom.data).fit(phantom.patterns)
    >>> int(fitted.unexplained.sum())
    0
    """

    excess: np.ndarray = None  # type: ignore[assignment]  # the fields of Decomposition have defaults, and so must this

    _saved_arrays: ClassVar[dict] = {**Decomposition._saved_arrays, "excess": ("scan",)}

    @property
    def unexplained(self) -> np.ndarray | None:
        """Positions with more than the known patterns and noise, boolean (scan_row, scan_col); None if not known.

        The residual exceeds that of noise by five of its standard deviations, at the position itself or in the 3 x 3
        positions around it together. In the second case, only positions that contribute are marked.
        """
        if self.excess is None:
            return None
        excess = np.nan_to_num(self.excess, posinf=_MOST)
        return (excess > _SURE) | ((_around(excess, self.geometry) > _SURE) & (excess > _SOME))

    def _edited_fields(self, origins, changed):
        """An edit makes other patterns of them: what they leave over is no longer known."""
        return {**super()._edited_fields(origins, changed), "excess": None}

    def _notes(self):
        if self.excess is None:
            return []
        return [f"  unexplained: {int(self.unexplained.sum())} of {self.geometry.n_positions} positions"]
