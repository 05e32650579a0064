"""Zone axes that a set of templates leaves out. NumPy and SciPy only.

What a user has cut out, or orix for another setting of the point group than that of the cell, need not be the whole sphere
with all its equivalents.
"""

from __future__ import annotations

import numpy as np

__all__ = ["completed", "everywhere"]

_FAR = 2.5  # times the usual distance of templates: a direction that far from all of them is left out


def completed(library: np.ndarray, symmetry: np.ndarray) -> np.ndarray:
    """The library (m, 3, 3), and an orientation for every direction of the sphere it has no equivalent near."""
    from scipy.spatial import cKDTree

    axes = library[:, 2, :]  # of the crystal along the beam
    if len(axes) < 3:
        return library
    every = np.concatenate([sign * axes @ one for one in symmetry for sign in (1, -1)])
    tree = cKDTree(every)
    near = tree.query(axes, k=min(len(every), 2 * len(symmetry) + 2))[0]
    apart = float(np.median(np.where(near > 1e-6, near, np.inf).min(1)))
    if not np.isfinite(apart):
        return library
    sphere = _sphere(int(4 * np.pi / apart**2) + 1)
    left = sphere[tree.query(sphere)[0] > _FAR * apart]
    chosen: list[np.ndarray] = []
    for axis in left:  # one of those that are equivalent
        equivalent = np.array(chosen).reshape(-1, 3)
        if not len(chosen) or np.abs(np.einsum("ni,mij,j->nm", equivalent, symmetry, axis)).max() < np.cos(apart):
            chosen.append(axis)
    return np.concatenate([library, [_along_the_beam(axis) for axis in chosen]]) if chosen else library


def everywhere(symmetry: np.ndarray, step_deg: float) -> np.ndarray:
    """One orientation (m, 3, 3) for every direction along the beam, about `step_deg` apart, equivalent ones once."""
    sphere = _sphere(int(4 * np.pi / np.radians(step_deg) ** 2) + 1)
    towards = np.array([0.5485, 0.1677, 0.8192])  # on no plane of symmetry: of equivalent directions one is nearest to it
    nearest = np.abs(np.einsum("ni,mij,j->nm", sphere, symmetry, towards)).max(1)
    chosen = np.abs(sphere @ towards) >= nearest - np.radians(step_deg) / 8
    return np.array([_along_the_beam(axis) for axis in sphere[chosen]])


def _sphere(n):
    """Directions (n, 3), evenly spread (a spiral of Fibonacci)."""
    i = np.arange(n) + 0.5
    z, angle = 1 - 2 * i / n, np.pi * (1 + 5**0.5) * i
    r = np.sqrt(1 - z**2)
    return np.column_stack([r * np.cos(angle), r * np.sin(angle), z])


def _along_the_beam(axis):
    """Some rotation that takes a direction of the crystal to z."""
    first = np.cross(axis, np.eye(3)[np.abs(axis).argmin()])
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(axis, first), axis])
