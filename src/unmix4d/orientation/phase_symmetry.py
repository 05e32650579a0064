"""The symmetry of a crystal as its host describes it: its space group or all its atoms, never a list of reflections."""

from __future__ import annotations

import functools
import math

import numpy as np

from ..core.messages import warn
from . import of_quantem
from .symmetry import laue_rotations, nearest_rotation

__all__ = ["symmetry_of_crystal", "symmetry_of_phase"]

_ALIKE = 1e-3  # relative, of the metric of a cell that a rotation leaves as it is
_UNKNOWN_CELL = (1.0, 1.0, 1.0, 90.0, 90.0, 90.0)  # that of a diffpy lattice nobody set


def symmetry_of_crystal(crystal) -> np.ndarray:
    """Proper rotations (m, 3, 3) of the Laue group of a Crystal of py4DSTEM or quantem, which hold all atoms of a cell."""
    if of_quantem.is_crystal(crystal):
        return of_quantem.symmetry_of(crystal)
    kinds = np.stack([crystal.numbers, crystal.occupancy], axis=1)
    return laue_rotations(crystal.lat_real, crystal.positions, np.unique(kinds, axis=0, return_inverse=True)[1].ravel())


def symmetry_of_phase(phase) -> np.ndarray:
    """Proper rotations (m, 3, 3) of the Laue group of an orix Phase.

    Atoms are not asked: they may be those of the asymmetric unit. The operators of the space group are taken in the
    setting that leaves the cell as it is; orix has one setting for each point group (the twofold axis of 2/m along c,
    where most cells have it along b).
    """
    lattice = phase.structure.lattice
    base = None if np.allclose(lattice.abcABG(), _UNKNOWN_CELL) else lattice.base
    for rotations in () if phase.space_group is None else _settings(phase.space_group.number % 1000):
        found = _cartesian(rotations, _cell_of(rotations) if base is None else base)
        if found is not None:
            return found
    if phase.point_group is None:
        warn(
            f"phase {phase.name!r} has no point group, so that equivalent orientations count as different ones: set its "
            "space_group or point_group"
        )
        return np.eye(3)[None]
    group = phase.point_group.laue_proper_subgroup.to_matrix()
    if base is None:
        return group
    for axes in (np.eye(3), np.eye(3)[[1, 2, 0]], np.eye(3)[[2, 0, 1]]):
        turned = axes.T @ group @ axes
        if _of_lattice(turned, base).all():
            return turned
    kept = group[_of_lattice(group, base)]
    cell = ", ".join(f"{one:.4g}" for one in lattice.abcABG())
    warn(
        f"phase {phase.name!r} has the point group {phase.point_group.name}, which its cell ({cell}) does not have: "
        f"{len(kept)} of {len(group)} rotations are used. Check its lattice and its group"
    )
    return kept


@functools.lru_cache(maxsize=32)
def _settings(number):
    """Rotations (m, 3, 3) on fractional coordinates, of every setting of a space group, the standard one first."""
    from diffpy.structure.spacegroups import SpaceGroupList

    settings = sorted((group for group in SpaceGroupList if group.number % 1000 == number), key=lambda group: group.number)
    return [np.unique([np.rint(one.R) for one in group.iter_symops()], axis=0) for group in settings]


def _of_lattice(rotations, base):
    """Which rotations (m, 3, 3) of the crystal's frame take lattice vectors to lattice vectors."""
    whole = np.linalg.inv(base.T) @ rotations @ base.T
    return np.abs(whole - np.rint(whole)).max((-2, -1)) < 10 * _ALIKE


def _cartesian(rotations, base):
    """The proper rotations in the frame of the crystal, None where lengths or angles of the cell would change."""
    metric = base @ base.T
    if np.abs(np.swapaxes(rotations, -1, -2) @ metric @ rotations - metric).max() > _ALIKE * metric.max():
        return None
    proper = np.unique(np.linalg.det(rotations).round()[:, None, None] * rotations, axis=0)
    return np.array([nearest_rotation(one) for one in base.T @ proper @ np.linalg.inv(base.T)])


def _cell_of(rotations):
    """Some cell, x along a and z along c*, that all these rotations leave as it is."""
    metric = (np.swapaxes(rotations, -1, -2) @ rotations).mean(0)
    lower = np.linalg.cholesky(metric)
    return lower / math.sqrt(metric[0, 0])
