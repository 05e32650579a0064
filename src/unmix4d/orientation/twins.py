"""Twin laws of a phase, by the symmetry of its diffraction. NumPy and SciPy only."""

from __future__ import annotations

import numpy as np

__all__ = ["twin_laws_of"]

_ALONG_Z = 1e-3  # of a unit vector, for rounding


def twin_laws_of(symmetry) -> np.ndarray:
    """Rotations (n, 3, 3) of the crystal that twins of a Laue group may be turned by, the identity first.

    symmetry (ndarray (m, 3, 3)): Proper rotations of the group.

    Of cubic crystals 60 degrees about <111> (Sigma 3). Of groups that have less than the full symmetry of their lattice
    (4/m, -3, -3m, 6/m, m-3) the rotations that are missing, twins by merohedry. None of others: what they have, as {10-12}
    of magnesium or titanium, depends on lengths and elements.
    """
    from scipy.spatial.transform import Rotation

    vectors = Rotation.from_matrix(symmetry).as_rotvec(degrees=True)
    angle = np.linalg.norm(vectors, axis=1)
    axes = vectors / np.maximum(angle, 1e-9)[:, None]
    n, about_z = len(symmetry), np.abs(np.abs(axes[:, 2]) - 1) < _ALONG_Z
    threefold = axes[np.abs(angle - 120) < 1]
    laws = [(np.zeros(3), 0.0)]
    if n in (12, 24) and len(threefold) >= 8:
        laws += [(axis, 60.0) for axis in threefold]
        laws += [(np.array([0.0, 0.0, 1.0]), 90.0)] * (n == 12)
    elif n == 3 or n == 6 and not (about_z & (np.abs(angle - 60) < 1)).any():
        laws.append((np.array([0.0, 0.0, 1.0]), 180.0))
    if n in (3, 4, 6) and about_z[angle > 1].all() and (np.abs(angle - 180) > 1)[angle > 1].any():
        laws.append((np.array([1.0, 0.0, 0.0]), 180.0))
    return Rotation.from_rotvec([np.radians(degrees) * axis for axis, degrees in laws]).as_matrix()
