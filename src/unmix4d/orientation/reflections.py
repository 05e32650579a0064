"""Reflections of a crystal, and which of them a beam excites. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

__all__ = ["POWER", "Reflections"]

# Of intensities, where patterns are compared (docs/details/orientation.md): thick crystals scatter many times, so that
# strong and weak disks are nearer to each other.
POWER = 0.5


@dataclass(frozen=True, eq=False)
class Reflections:
    """Reflections of one crystal, kinematical.

    Attributes
    ----------
    g : ndarray (n, 3)
        Reciprocal lattice vectors in the Cartesian frame of the crystal, 1/Å.
    intensity : ndarray (n,)
        Squared structure factors.
    wavelength : float
        Å.
    width : float
        Standard deviation of the excitation error that the host allows, 1/Å: about one over the thickness.
    spot : float
        Distance at which a simulated and a measured disk count as half the same, 1/Å.
    """

    g: np.ndarray
    intensity: np.ndarray
    wavelength: float
    width: float = 0.015
    spot: float = 0.02

    def near(self, matrix, width: float, turn_deg: float) -> Reflections:
        """Those whose excitation error is within a width, 1/Å, of an orientation (3, 3) or of one turned a little."""
        _, error = self.excited(matrix)
        some = np.abs(error[0]) <= width + np.radians(turn_deg) * np.sqrt((self.g**2).sum(1))
        return replace(self, g=self.g[some], intensity=self.intensity[some])

    @property
    def reach(self) -> float:
        """Length of the longest, 1/Å."""
        return float(np.sqrt((self.g**2).sum(1).max(initial=0)))

    def excited_in_full(self, matrix):
        """Vectors (n, 3), (row, column, z) in 1/Å, and excitation errors (n,) in 1/Å, for one orientation (3, 3)."""
        rotated = self.g @ np.asarray(matrix, float).T
        return rotated, rotated[:, 2] - self.wavelength * (self.g**2).sum(1) / 2

    def excited(self, matrices):
        """Vectors (m, n, 2), (row, column) in 1/Å, and excitation errors (m, n) in 1/Å, for orientations (m, 3, 3)."""
        rotated = self.g @ np.swapaxes(np.asarray(matrices, float).reshape(-1, 3, 3), 1, 2)
        error = rotated[..., 2] - self.wavelength * (self.g**2).sum(1) / 2
        return rotated[..., :2], error
