"""How alike measured disks and a kinematical simulation are. NumPy only."""

from __future__ import annotations

import dataclasses

import numpy as np

from .reflections import POWER, Reflections

__all__ = ["DiskLikeness"]

_WEAK = 0.003  # simulated spots below this share of the strongest one are not looked for


class DiskLikeness:
    """Cosine between measured and simulated disks, each a Gaussian of the square root of its intensity: 0 to 1.

    For vectors without patterns; see `unmix4d.orientation.pattern_likeness` for patterns.

    Parameters
    ----------
    reflections : Reflections
    vectors : ndarray (n, 3)
        q_row, q_col in 1/Å, intensity.
    q_max : float, optional
        Up to where disks could have been measured; the longest that was by default.
    """

    def __init__(self, reflections: Reflections, vectors, q_max: float | None = None):
        self.reflections, self.q_max = reflections, q_max
        self.vectors = np.asarray(vectors, float).reshape(-1, 3)
        self._amplitude = np.maximum(self.vectors[:, 2], 0) ** POWER
        self._norm = self._overlap(self.vectors[:, :2], self._amplitude, self.vectors[:, :2], self._amplitude)

    @property
    def n_spots(self) -> float:
        """How many disks there are, strong ones counted more."""
        total = float((self._amplitude**2).sum())
        return float(self._amplitude.sum() ** 2 / total) if total > 0 else 1.0

    def values(self, matrices) -> np.ndarray:
        """Likeness (m,) of active rotations (m, 3, 3) from the crystal to (row, column, z)."""
        return np.array([self._value(one) for one in np.asarray(matrices, float).reshape(-1, 3, 3)])

    def wider(self, factor: float) -> DiskLikeness:
        """With wider spots and relrods, for orientations that are only about right."""
        kind = dataclasses.replace(
            self.reflections, width=factor * self.reflections.width, spot=factor * self.reflections.spot
        )
        return DiskLikeness(kind, self.vectors, self.q_max)

    def _value(self, matrix):
        if not len(self.vectors) or not self._norm > 0:
            return 0.0
        length, spot = np.hypot(self.vectors[:, 0], self.vectors[:, 1]), self.reflections.spot
        q, intensity = self._spots(matrix, length.min() - spot, self.q_max or length.max() + spot)
        if not len(q):
            return 0.0
        theirs = intensity**POWER
        norm = self._norm * self._overlap(q, theirs, q, theirs)
        return float(self._overlap(self.vectors[:, :2], self._amplitude, q, theirs) / np.sqrt(norm)) if norm > 0 else 0.0

    def _spots(self, matrix, q_min, q_max):
        q, error = (one[0] for one in self.reflections.excited(matrix))
        length = np.hypot(q[:, 0], q[:, 1])
        intensity = self.reflections.intensity * np.exp(-((error / self.reflections.width) ** 2) / 2)
        inside = (length >= q_min) & (length <= q_max)
        if inside.any():
            inside &= intensity > _WEAK * intensity[inside].max()
        return q[inside], intensity[inside]

    def _overlap(self, a, u, b, v):
        distance = ((a[:, None] - b[None]) ** 2).sum(-1)
        return float(u @ np.exp(-distance * (np.log(2) / self.reflections.spot**2)) @ v)
