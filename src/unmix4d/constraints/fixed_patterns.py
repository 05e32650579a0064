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
    """The first components have known patterns: vacuum, a support film, a phase measured elsewhere.

    Only their maps are fitted. A fixed pattern keeps its shape and takes the size (L2 norm) of the one it replaces: how much
    of it there is, is said by the map. List it after other constraints on patterns, or they act on the fixed ones too.

    Parameters
    ----------
    patterns : array_like (n_fixed, det_row, det_col) or (det_row, det_col)
        Non-negative; NaN where the detector mask excludes.

    Raises
    ------
    ValueError
        When a pattern is negative, infinite, zero everywhere, or (on `bind`) of another shape than the detector; and by
        `project` when there are fewer components than fixed patterns.
    TypeError
        When they are no real numbers.

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
        """Number of patterns that are fixed."""
        return len(self.patterns)

    def bind(self, geometry: ScanGeometry) -> FixedPatterns:
        """Check that the patterns belong to the detector; they are needed at every pixel that is not excluded."""
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
        """`A` with its first rows replaced."""
        A, n = self._fitting(A), self.n_fixed
        if len(A) < n:
            raise ValueError(f"FixedPatterns needs at least {n} components, one for each fixed pattern, got {len(A)}")
        size = np.linalg.norm(A[:n].astype(np.float64), axis=1, keepdims=True)
        out = A.copy()
        out[:n] = self._unit * np.where(size > 0, size, 1)
        return out
