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


@savable()
@spelled
@dataclass(frozen=True, eq=False, repr=False)
class FittedDecomposition(Decomposition):
    """Maps of known patterns, as `Unmix.fit` gives them. Patterns are as they were given, and in their order.

    Attributes
    ----------
    excess : ndarray (scan_row, scan_col) or None
        By how many standard deviations of counting noise the residual of a position is larger than noise makes it; NaN where
        excluded. None where features were fitted, whose noise nobody knows.

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
        """Boolean (scan_row, scan_col): where there is more than the known patterns and noise; None where not known.

        The residual exceeds that of noise by five of its standard deviations.
        """
        return None if self.excess is None else np.nan_to_num(self.excess, posinf=np.inf) > _SURE

    def _edited_fields(self, origins, changed):
        """An edit makes other patterns of them: what they leave over is no longer known."""
        return {**super()._edited_fields(origins, changed), "excess": None}

    def _notes(self):
        if self.excess is None:
            return []
        return [f"  unexplained: {int(self.unexplained.sum())} of {self.geometry.n_positions} positions"]
