"""Orientation maps and crystals of quantem.

Measured with a simulation of its own (`tests/orientation/test_orientation_quantem.py`): its quaternions, scalar first, are
active rotations from the crystal to (row, column, z), as ours. Its crystals lie as their cell was given; ours have x along a
and z along c*.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from ..core.checks import is_a
from ..core.tensors import plain
from .map_frames import turned_into_scan
from .phase_names import told_apart
from .reflections import Reflections
from .several import at_positions
from .symmetry import as_quaternion, laue_rotations

__all__ = ["cell_of", "is_crystal", "is_map", "native_map", "positions", "reflections_of", "symmetry_of"]

_KEV = 1e3  # quantem has electronvolts


def is_crystal(obj: Any) -> bool:
    """True for a Crystal of quantem, which is not imported for that."""
    return is_a(obj, "quantem.diffraction.crystal", "Crystal")


def is_map(obj: Any) -> bool:
    """True for an OrientationMap or a CrystalMap of quantem."""
    return is_a(obj, "quantem.diffraction.orientation", "OrientationMap") or _is_of_several(obj)


def _is_of_several(obj):
    return is_a(obj, "quantem.diffraction.crystal_map", "CrystalMap")


def _axes(crystal):
    """(3, 3): takes vectors in the frame of the given cell to x along a, z along c*."""
    a, b, _ = plain(crystal.lat_real).astype(float)
    x, z = a / np.linalg.norm(a), np.cross(a, b)
    z = z / np.linalg.norm(z)
    return np.stack([x, np.cross(z, x), z])


def cell_of(crystal: Any) -> np.ndarray:
    """Cell vectors in rows, Å, x along a and z along c*."""
    return plain(crystal.lat_real).astype(float) @ _axes(crystal).T


def symmetry_of(crystal: Any) -> np.ndarray:
    """Proper rotations (m, 3, 3) of the Laue group of a Crystal, which holds all atoms of its cell."""
    kinds = np.stack([plain(crystal.numbers), plain(crystal.occupancy)], axis=1)
    found = np.unique(kinds, axis=0, return_inverse=True)[1].ravel()
    return laue_rotations(cell_of(crystal), plain(crystal.positions_frac), found)


def reflections_of(crystal: Any, q_max: float, wavelength: float) -> Reflections:
    """All reflections up to `q_max` in 1/Å."""
    crystal = copy.copy(crystal)  # its own stay as they are
    crystal.calculate_structure_factors(k_max=float(q_max))
    return Reflections(plain(crystal.g_vec) @ _axes(crystal).T, plain(crystal.struct_factors_int).astype(float), wavelength)


def positions(obj: Any, name: str, calibration: Any = None) -> tuple[Any, Any, Any, dict]:
    """What a map says at every position: matrices (row, column, n, 3, 3), phase and score (row, column, n), {name: Crystal}.

    Of a CrystalMap the phase that its fit chose is first, then what else the fit needs there.
    """
    maps = list(obj.orientation_maps) if _is_of_several(obj) else [obj]
    if any(one.quats is None for one in maps):
        raise ValueError(f"{name} has no orientations yet: call its build_plan() and match_orientations() first")
    matrices = np.concatenate([_matrices(one, calibration) for one in maps], axis=2)
    score = np.concatenate([_scores(one) for one in maps], axis=2)
    counts = [one.quats.shape[2] for one in maps]
    phase = np.where(score > 0, np.repeat(np.arange(len(maps)), counts), -1)
    if len(maps) > 1 or _fit(obj) is not None:
        phase, order = _by_fit(obj, phase, name)
        matrices = np.take_along_axis(matrices, order[..., None, None], 2)
        phase, score = (np.take_along_axis(one, order, 2) for one in (phase, score))
    matrices[phase < 0] = np.nan
    score = np.where(phase < 0, 0.0, score)
    crystals = [one.crystal for one in maps]
    return matrices, phase, score, dict(zip(told_apart([one.name for one in crystals]), crystals))


def _matrices(one, calibration):
    """Of one crystal; of the scan where the map, or the calibration, knows how the detector lies on it."""
    from scipy.spatial.transform import Rotation

    quats = np.roll(plain(one.quats).astype(float), -1, axis=-1)  # SciPy has the scalar last
    active = Rotation.from_quat(quats.reshape(-1, 4)).as_matrix().reshape(*quats.shape[:-1], 3, 3) @ _axes(one.crystal).T
    told = one.metadata.get("peaks", {})
    left = "rotation_ccw_deg" in told and not told["rotation_ccw_deg"] and not told.get("q_transpose")
    return turned_into_scan(active, calibration) if left and calibration is not None else active


def _scores(one):
    """Correlations (row, column, n); 0 where a position has none."""
    found = plain(one.corr).astype(float)
    known = np.ones(found.shape[:2], bool) if one.computed is None else plain(one.computed)
    return np.where(np.isfinite(found) & known[..., None], np.maximum(found, 0), 0)


def _fit(obj):
    fit = getattr(obj, "phases", None)
    return None if fit is None or fit.phase_index is None else fit


def _by_fit(obj, phase, name):
    """Phases as the fit has chosen them, and the order (row, column, n) in which they are taken."""
    fit = _fit(obj)
    if fit is None:
        n = len(obj.orientation_maps)
        raise ValueError(f"{name} has {n} crystals, but no decision between them: call its fit() first")
    chosen, weight = plain(fit.phase_index)[..., None], plain(fit.phase_weights)
    own = phase == chosen
    phase = np.where((chosen >= 0) & (own | (weight > 0)), phase, -1)
    # The chosen phase is first, by weight; what is not there is last.
    rank = np.where(phase < 0, -1.0, np.where(own, 2.0, 0.0) + weight / (1.0 + weight))
    return phase, np.argsort(-rank, axis=2, kind="stable")


def native_map(found: Any, name: str) -> Any:
    """An OrientationMap of all orientations of a phase at every position, see `at_positions`; correlation 0: none."""
    import torch
    from quantem.core.datastructures import Vector
    from quantem.diffraction.orientation import OrientationMap

    crystal, there = found.phases[name], at_positions(found.matches, found.painting)
    if crystal.g_vec is None:
        crystal = copy.copy(crystal)
        crystal.calculate_structure_factors()
    energy, shape = found.geometry.calibration.beam_energy or 300.0, there.component.shape
    fields, units = ["qx", "qy", "intensity"], ["A^-1", "A^-1", "counts"]
    peaks = Vector.from_shape(shape[:2], fields=fields, units=units)  # of a position there are none, but of its components
    out = OrientationMap.from_vectors(peaks, crystal, energy_ev=_KEV * energy)
    quats, corr = np.zeros((*shape, 4)), np.zeros(shape)
    quats[..., 0] = 1.0
    for match in found.matches:
        if match.phase != name:
            continue
        for rival, matrix, fit in ((False, match.matrix, match.fit), (True, *_of_rival(match.rival))):
            where = (there.component == match.component) & (there.is_rival == rival)
            if matrix is not None and where.any():
                quats[where] = np.roll(as_quaternion(matrix @ _axes(crystal)), 1)
                corr[where] = fit
    out.quats, out.corr = torch.as_tensor(quats), torch.as_tensor(corr)
    out.mirror, out.computed = torch.zeros(shape, dtype=torch.bool), torch.as_tensor(corr[..., 0] > 0)
    out.reliability = out.corr[..., 0] - out.corr[..., 1]
    out.corr_second = out.corr[..., 1].clone()
    return out


def _of_rival(rival):
    return (None, 0.0) if rival is None else (rival.matrix, rival.fit)
