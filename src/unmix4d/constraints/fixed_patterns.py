"""Patterns that are known and stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ..core import checks
from ._base import Constraint

if TYPE_CHECKING:
    from ..core.geometry import ScanGeometry

__all__ = ["FixedPatterns"]


class FixedPatterns(Constraint):
    """Give the first components known patterns: vacuum, a support film, a phase measured elsewhere.

    Only the maps of these components are fitted. A fixed pattern is scaled to the L2 norm of the pattern it replaces, so the
    map contains the amount. List this constraint after other constraints on patterns; otherwise they act on the fixed
    patterns too.

    Parameters
    ----------
    patterns : array_like (n_fixed, det_row, det_col) or (det_row, det_col)
        Known patterns, non-negative. They may be NaN at excluded pixels.

    Raises
    ------
    ValueError
        If a pattern is negative, infinite, zero everywhere, or (on `bind`) of another shape than the detector; and by
        `project` when there are fewer components than fixed patterns.
    TypeError
        If they are not real numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.constraints import FixedPatterns
    >>> from unmix4d.core.geometry import ScanGeometry
    >>> fixed = FixedPatterns(np.eye(2)).bind(ScanGeometry((3, 3), (2, 2)))
    >>> fixed.project(np.array([[3.0, 4.0, 0.0, 0.0], [1.0, 2.0, 3.0, 4.0]])).round(3)
    array([[3.536, 0.   , 0.   , 3.536],
           [1.   , 2.   , 3.   , 4.   ]])
    """

    on = "patterns"

    def __init__(self, patterns: ArrayLike) -> None:
        patterns = np.asarray(checks.unwrap(patterns))
        checks.real_dtype(patterns.dtype, "patterns")
        if patterns.ndim == 2:
            patterns = patterns[None]
        if patterns.ndim != 3 or not patterns.size:
            raise ValueError(f"patterns must be (n_fixed, det_row, det_col), got the shape {patterns.shape}")
        patterns = patterns.astype(np.float64)
        if np.isinf(patterns).any() or (patterns < 0).any():
            low, high = np.nanmin(patterns), np.nanmax(patterns)
            raise ValueError(f"patterns must be finite and at least 0, got values from {low} to {high}")
        patterns.setflags(write=False)
        self.patterns = patterns

    @property
    def n_fixed(self) -> int:  # type: ignore[override]
        """Number of fixed patterns."""
        return len(self.patterns)

    def bind(self, geometry: ScanGeometry) -> FixedPatterns:
        """Check that the patterns fit the detector and are finite at every pixel that is not excluded."""
        super().bind(geometry)
        wanted, shape = geometry.detector_shape, self.patterns.shape[1:]
        if shape != wanted:
            raise ValueError(f"patterns must have the shape {wanted} of the detector, got {shape}")
        flat = np.where(geometry.kept_pixels, self.patterns.reshape(self.n_fixed, -1), 0)
        missing, empty = np.isnan(flat).any(axis=1), ~(flat > 0).any(axis=1)
        for bad, what in ((missing, "is NaN at pixels that take part"), (empty, "is zero everywhere")):
            if bad.any():
                raise ValueError(f"patterns[{int(bad.argmax())}] {what}: a fixed pattern must be known and not empty")
        flat = flat / flat.max(axis=1, keepdims=True)
        self._unit = flat / np.linalg.norm(flat, axis=1, keepdims=True)
        return self

    def project(self, A: np.ndarray) -> np.ndarray:
        """Return `A` with its first rows replaced by the fixed patterns."""
        A, n = self._fitting(A), self.n_fixed
        if len(A) < n:
            raise ValueError(f"FixedPatterns needs at least {n} components, one for each fixed pattern, got {len(A)}")
        size = np.linalg.norm(A[:n].astype(np.float64), axis=1, keepdims=True)
        out = A.copy()
        out[:n] = self._unit * np.where(size > 0, size, 1)
        return out
