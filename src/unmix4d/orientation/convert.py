"""Orientation maps of the hosts, and our own, as one thing: matrices on the scan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core.checks import is_a
from .geometry import from_orix_matrix, from_py4dstem_matrix
from .match_py4dstem import is_crystal
from .phase_names import told_apart

__all__ = ["OnScan", "on_scan"]


@dataclass(frozen=True, eq=False)
class OnScan:
    """Orientations at every position of a scan.

    Attributes
    ----------
    matrices : ndarray (scan_row, scan_col, n, 3, 3)
        Active rotations from the crystal to (row, column, z), best first, NaN where there is none.
    phase : ndarray of int (scan_row, scan_col, n)
        Which of `names`; -1 where there is none.
    score : ndarray (scan_row, scan_col, n)
    names : tuple of str
    symmetry : dict
        {name: proper rotations (m, 3, 3)}; empty where the map does not say.
    phases : dict
        {name: what the host knows of the phase}; empty where the map does not say.
    host : {"pyxem", "py4dstem"}
    """

    matrices: np.ndarray
    phase: np.ndarray
    score: np.ndarray
    names: tuple
    symmetry: dict
    phases: dict
    host: str


def on_scan(obj, scan_shape=None, *, name="map", crystal=None) -> OnScan:
    """What a CrystalMap, an OrientationMap or an `Orientations` says at every position.

    obj: orix CrystalMap, py4DSTEM OrientationMap, Orientations.
    scan_shape (int, int): Refused when it is another.
    name (str): Of the argument, for errors.
    crystal (py4DSTEM Crystal): Whose orientations an OrientationMap holds.
    Raises TypeError when it is none of these, or `crystal` is no Crystal.
    Raises ValueError when it is of another scan.
    """
    from .orientations import Orientations

    if crystal is not None and not is_crystal(crystal):
        raise TypeError(f"crystal must be a py4DSTEM Crystal, got {type(crystal).__name__}")
    if isinstance(obj, Orientations):
        out = _ours(obj)
    elif is_a(obj, "orix.crystal_map.crystal_map", "CrystalMap"):
        out = _crystal_map(obj, name)
    elif is_a(obj, "py4DSTEM.process.diffraction.utils", "OrientationMap"):
        out = _orientation_map(obj, crystal)
    else:
        raise TypeError(
            f"{name} must be an orix CrystalMap, a py4DSTEM OrientationMap or Orientations, got {type(obj).__name__}"
        )
    shape = out.matrices.shape[:2]
    if scan_shape is not None and shape != tuple(scan_shape):
        raise ValueError(f"{name} is of a scan of {shape}, expected {tuple(scan_shape)}")
    return out


def _ours(found):
    matrices = np.stack([found.matrices("first"), found.matrices("second")], 2)
    names = tuple(found.phases)
    table = np.array([names.index(m.phase) if m.matched else -1 for m in found.matches] + [-1])
    scores = np.array([m.score for m in found.matches] + [0.0])
    index = np.stack([found.first, found.second], 2)
    return OnScan(matrices, table[index], scores[index], names, dict(found.symmetry), dict(found.phases), found.host)


def _crystal_map(cm, name):
    from .phase_symmetry import symmetry_of_phase

    shape = tuple(getattr(cm, "_original_shape", cm.shape))  # .shape is that of the points in the data
    shape = (1,) * (2 - len(shape)) + shape
    everything, here = int(np.prod(shape)), np.asarray(cm.id)
    if len(shape) != 2 or np.asarray(cm.is_in_data).size != everything:
        raise ValueError(f"{name} must be a map of a scan of rows and columns, got one of the shape {shape}")
    known = [(int(i), phase) for i, phase in cm.phases if i >= 0]
    for _, phase in known:
        if phase.point_group is None:
            raise ValueError(f"{name} has the phase {phase.name!r} without a point group: set it, to have its symmetry")
    order = {i: n for n, (i, _) in enumerate(known)}
    per_point = cm.rotations_per_point
    matrices = np.full((everything, per_point, 3, 3), np.nan)
    phase = np.full((everything, per_point), -1)
    phase[here] = np.array([order.get(int(i), -1) for i in np.ravel(cm.phase_id)])[:, None]
    matrices[here] = from_orix_matrix(cm.rotations.to_matrix().reshape(len(here), per_point, 3, 3))
    if "rotations_listed" in cm.prop and per_point > 1:
        # Ours: the first one is repeated where there are fewer.
        listed = np.maximum(np.asarray(cm.prop["rotations_listed"]).reshape(-1, 1), 1)
        phase[here] = np.where(np.arange(per_point) < listed, phase[here], -1)
    matrices[phase < 0] = np.nan
    score = np.zeros(phase.shape)
    for key in ("score", "correlation", "scores"):
        if key in cm.prop and np.asarray(cm.prop[key]).shape[0] == len(here):
            value = np.asarray(cm.prop[key], float).reshape(len(here), -1)
            score[here, : value.shape[1]] = value[:, :per_point]
            break
    names = told_apart([p.name for _, p in known])
    symmetry = {name: symmetry_of_phase(p) for name, (_, p) in zip(names, known)}
    return OnScan(
        matrices.reshape(*shape, per_point, 3, 3), phase.reshape(*shape, -1), score.reshape(*shape, -1),
        tuple(names), symmetry, {name: p for name, (_, p) in zip(names, known)}, "pyxem",
    )  # fmt: skip


def _orientation_map(om, crystal):
    from .phase_symmetry import symmetry_of_crystal

    good = om.corr > 0
    matrices = np.where(good[..., None, None], from_py4dstem_matrix(om.matrix), np.nan)
    known = {} if crystal is None else {"crystal": crystal}
    symmetry = {} if crystal is None else {"crystal": symmetry_of_crystal(crystal)}
    return OnScan(matrices, np.where(good, 0, -1), np.array(om.corr), ("crystal",), symmetry, known, "py4dstem")
