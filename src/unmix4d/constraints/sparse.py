"""Soft thresholding of patterns or maps."""

from __future__ import annotations

import numpy as np

from ..core import checks
from ._base import Constraint

__all__ = ["Sparse"]


class Sparse(Constraint):
    """Keep few bright pixels (or positions): set weak values to zero and lower the others by the same amount.

    `amount` times the root mean square of each component is subtracted, and the result is clipped at zero. This is the
    proximal step of an L1 penalty of that weight. Because it is relative, it does not depend on the scale of the component.

    It removes noise and weak shared intensity, but also weak spots, and intensities become too low. According to Kimoto et
    al. 2025 (Fig. S1), such penalties do not remove dark spots; use `NoDarkSpots` for this.

    Parameters
    ----------
    amount : float
        Strength of the constraint, at least 0 and below 1, so that no component is removed completely. Useful values are
        0.05 to 0.3.
    on : {"patterns", "maps"}
        Whether the constraint acts on patterns or on maps.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.constraints import Sparse
    >>> from unmix4d.core.geometry import ScanGeometry
    >>> pattern = np.array([[3.0, 0.2, 0.1, 4.0]])
    >>> Sparse(0.2).bind(ScanGeometry((3, 3), (2, 2))).project(pattern).round(2)
    array([[2.5, 0. , 0. , 3.5]])
    """

    def __init__(self, amount: float, on: str = "patterns") -> None:
        self.amount = checks.positive(amount, "amount", zero=True)
        if self.amount >= 1:
            raise ValueError(f"amount must be below 1, so that something is left, got {self.amount}")
        self.on = checks.choice(on, "on", ("patterns", "maps"))

    def project(self, A: np.ndarray) -> np.ndarray:
        """Return `A` lowered by a fraction of the root mean square of each component."""
        A = self._fitting(A)
        geometry = self.geometry
        axis, kept = (1, geometry.kept_pixels) if self.on == "patterns" else (0, geometry.kept_positions)
        used = A if kept.all() else np.compress(kept, A, axis=axis)
        top = used.max(axis=axis, keepdims=True)
        top = np.where(top > 0, top, 1)
        # Divided by the largest value first, so that the squares neither vanish nor overflow in single precision.
        rms = np.sqrt(np.mean((used / top) ** 2, axis=axis, keepdims=True)) * top
        return np.maximum(A - (self.amount * rms).astype(A.dtype), 0)
