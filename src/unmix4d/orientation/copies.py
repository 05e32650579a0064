"""Orientations whose zero-order pattern is the same: half a turn about a zone axis near the beam. NumPy only.

A plane of the reciprocal lattice through the origin is its own image by half a turn about its normal, and a reflection is as
strong as its opposite (Friedel). Where the crystal is not its own image, two orientations have the same zero-order pattern,
tilted the same way. Only reflections of other planes tell them apart.
"""

from __future__ import annotations

import numpy as np

from .reflections import Reflections

__all__ = ["half_turns"]

_NEAR_DEG = 20.0  # zone axes farther from the beam have few spots that are excited
_STRONGEST = 24  # excited reflections whose planes are looked at
_IN_PLANE = 1e-3  # of its length: a reflection lies in the plane
_WIDTH = 0.03  # 1/Å, of the excitation: planes count that are about excited


def half_turns(reflections: Reflections, matrix, *, most: int = 3) -> np.ndarray:
    """Copies (n, 3, 3) of an orientation by half a turn: about zone axes, that of the strongest spots first, and the beam.

    reflections: Reflections.
    matrix (ndarray (3, 3)): Active rotation from the crystal to (row, column, z).
    most (int): Zone axes besides the beam, those whose planes have the strongest spots.
    """
    matrix = np.asarray(matrix, float)
    axes = np.vstack([_zone_axes(reflections, matrix)[:most], [0.0, 0.0, 1.0]])
    return (2 * axes[:, :, None] * axes[:, None, :] - np.eye(3)) @ matrix


def _zone_axes(reflections, matrix):
    """Normals (n, 3), in the frame of the pattern, of planes with excited spots, most intensity first."""
    _, error = (one[0] for one in reflections.excited(matrix))
    strength = reflections.intensity * np.exp(-((error / _WIDTH) ** 2) / 2)
    some = np.argsort(-strength, kind="stable")[:_STRONGEST]
    g, strength = (reflections.g @ matrix.T)[some], strength[some]
    first, second = np.triu_indices(len(g), 1)
    normal = np.cross(g[first], g[second])
    length = np.linalg.norm(normal, axis=1)
    normal = normal[length > 1e-6] / length[length > 1e-6, None]
    normal = normal * np.where(normal[:, 2:] < 0, -1, 1)
    normal = np.unique(np.round(normal[normal[:, 2] > np.cos(np.radians(_NEAR_DEG))], 5), axis=0)
    if not len(normal):
        return np.empty((0, 3))
    inside = np.abs(normal @ g.T) < _IN_PLANE * np.linalg.norm(g, axis=1)
    normal = normal[np.argsort(-(inside @ strength), kind="stable")]
    return normal / np.linalg.norm(normal, axis=1, keepdims=True)
