"""Orientation maps of the hosts, and our own, as one thing: matrices on the scan."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..core.checks import is_a
from . import of_quantem
from .geometry import from_py4dstem_matrix, to_orix_matrix
from .map_files import crystal_map_of_file
from .map_frames import frame_of, into_scan
from .match_py4dstem import is_crystal
from .phase_names import told_apart

__all__ = ["OnScan", "is_map", "native_of", "on_scan"]

_CRYSTAL_MAP = ("orix.crystal_map.crystal_map", "CrystalMap")
_OF_PYXEM = ("pyxem.signals.indexation_results", "OrientationMap")
_OF_PY4DSTEM = ("py4DSTEM.process.diffraction.utils", "OrientationMap")
# Columns of CrystalMaps that say how good a match is: of pyxem, of ASTAR, of EDAX, of EMsoft.
_SCORES = ("score", "correlation", "scores", "ind", "ci", "dp", "DP")


@dataclass(frozen=True, eq=False)
class OnScan:
    """Orientations at every position of a scan.

    Attributes
    ----------
    matrices : ndarray (scan_row, scan_col, n, 3, 3)
        Active rotations from the crystal to (row, column, z), best first; NaN if there is none.
    phase : ndarray of int (scan_row, scan_col, n)
        Index into `names`; -1 if there is none.
    score : ndarray (scan_row, scan_col, n)
    names : tuple of str
        Names of the phases.
    symmetry : dict
        {name: proper rotations (m, 3, 3)}; empty if the map does not contain it.
    phases : dict
        {name: phase object of the host}; empty if the map does not contain it.
    host : {"pyxem", "py4dstem", "quantem"}
    frame : str
        Axes in which the map was written.
    simulations : dict
        {name: diffsims Simulation2D of that phase}; empty if the map has none.
    """

    matrices: np.ndarray
    phase: np.ndarray
    score: np.ndarray
    names: tuple
    symmetry: dict
    phases: dict
    host: str
    frame: str = "scan"
    simulations: dict = field(default_factory=dict)


def is_map(obj) -> bool:
    """Return whether an object is an orientation map, or the name of a file of one."""
    known = (_CRYSTAL_MAP, _OF_PYXEM, _OF_PY4DSTEM)
    return isinstance(obj, (str, os.PathLike)) or any(is_a(obj, *cls) for cls in known) or of_quantem.is_map(obj)


def on_scan(obj, scan_shape=None, *, name="map", crystal=None, frame=None, calibration=None) -> OnScan:
    """Return what an orientation map of a host, or an `Orientations`, contains at every position.

    obj: CrystalMap of orix or quantem, the file of one of orix, OrientationMap of pyxem, py4DSTEM or quantem, Orientations.
    scan_shape (int, int): Expected shape of the scan.
    name (str): Name of the argument, for errors.
    crystal (py4DSTEM Crystal): Crystal of an OrientationMap of py4DSTEM.
    frame (str): Axes in which a CrystalMap is written, one of `map_frames.FRAMES`; by default determined from the map.
    calibration (Calibration): Orientation of the detector relative to the scan, for maps in the axes of the detector.
    Raises TypeError if it is none of these, or `crystal` is not a Crystal.
    Raises ValueError if it is of another scan.
    """
    from .orientations import Orientations

    if crystal is not None and not is_crystal(crystal):
        raise TypeError(f"crystal must be a py4DSTEM Crystal, got {type(crystal).__name__}")
    if isinstance(obj, (str, os.PathLike)):
        obj, frame = crystal_map_of_file(obj, frame)
    if isinstance(obj, Orientations):
        out = _ours(obj)
    elif is_a(obj, *_CRYSTAL_MAP):
        out = _crystal_map(obj, name, frame, calibration)
    elif is_a(obj, *_OF_PYXEM):
        out = _by_templates(obj, name, frame, calibration)
    elif is_a(obj, *_OF_PY4DSTEM):
        out = _orientation_map(obj, crystal)
    elif of_quantem.is_map(obj):
        out = _of_quantem(obj, name, calibration)
    else:
        raise TypeError(
            f"{name} must be a CrystalMap of orix or quantem, a file of one, an OrientationMap of pyxem, py4DSTEM or "
            f"quantem, or Orientations, got {type(obj).__name__}"
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


def _crystal_map(cm, name, frame, calibration):
    from .phase_symmetry import symmetry_of_phase

    shape = tuple(getattr(cm, "_original_shape", cm.shape))  # .shape is that of the points in the data
    shape = (1,) * (2 - len(shape)) + shape
    everything, here = int(np.prod(shape)), np.asarray(cm.id)
    if len(shape) != 2 or np.asarray(cm.is_in_data).size != everything:
        raise ValueError(f"{name} must be a map of a scan of rows and columns, got one of the shape {shape}")
    known = [(int(i), phase) for i, phase in cm.phases if i >= 0]
    for _, phase in known:
        if phase.point_group is None:
            raise ValueError(
                f"{name} has the phase {phase.name!r} without a point group: set it, so that its symmetry is known"
            )
    order = {i: n for n, (i, _) in enumerate(known)}
    per_point = cm.rotations_per_point
    matrices = np.full((everything, per_point, 3, 3), np.nan)
    phase = np.full((everything, per_point), -1)
    phase[here] = np.array([order.get(int(i), -1) for i in np.ravel(cm.phase_id)])[:, None]
    frame = frame_of(cm.prop, frame)
    matrices[here] = into_scan(cm.rotations.to_matrix().reshape(len(here), per_point, 3, 3), frame, calibration)
    if frame == "astar":
        phase[here[np.asarray(cm.prop.get("ind", np.ones(len(here)))) <= 0]] = -1  # so ASTAR writes what it did not index
    if "rotations_listed" in cm.prop and per_point > 1:
        # Ours: the first one is repeated where there are fewer.
        listed = np.maximum(np.asarray(cm.prop["rotations_listed"]).reshape(-1, 1), 1)
        phase[here] = np.where(np.arange(per_point) < listed, phase[here], -1)
    matrices[phase < 0] = np.nan
    score = np.zeros(phase.shape)
    for key in _SCORES:
        if key in cm.prop and np.asarray(cm.prop[key]).shape[0] == len(here):
            value = np.asarray(cm.prop[key], float).reshape(len(here), -1)
            score[here, : value.shape[1]] = value[:, :per_point]
            break
    names = told_apart([p.name for _, p in known])
    symmetry = {name: symmetry_of_phase(p) for name, (_, p) in zip(names, known)}
    return OnScan(
        matrices.reshape(*shape, per_point, 3, 3), phase.reshape(*shape, -1), score.reshape(*shape, -1),
        tuple(names), symmetry, {name: p for name, (_, p) in zip(names, known)}, "pyxem", frame,
    )  # fmt: skip


def _by_templates(found, name, frame, calibration):
    """What pyxem's ``get_orientation`` gives: for every position the best templates, with in-plane angle and mirror."""
    from orix.quaternion import Rotation
    from pyxem.signals.indexation_results import rotation_from_orientation_map

    from .match_pyxem import split_phases
    from .phase_symmetry import symmetry_of_phase

    if found.axes_manager.navigation_dimension != 2:
        raise ValueError(f"{name} must be a map of a scan of rows and columns, got {found!r}")
    simulations = split_phases(found.simulation)
    shape, data = tuple(found.axes_manager.navigation_shape[::-1]), np.asarray(found.data, float)
    rows = data.reshape(-1, 4)
    library = np.concatenate([np.atleast_2d(one.rotations.data) for one in simulations.values()])
    good = np.isfinite(rows).all(1) & (rows[:, 1] > 0)
    matrices, phase = np.full((len(rows), 3, 3), np.nan), np.full(len(rows), -1)
    if good.any():
        orix = Rotation(rotation_from_orientation_map(rows[good], library)).to_matrix()
        frame = "pyxem" if frame is None else frame_of((), frame)
        matrices[good] = into_scan(orix, frame, calibration)
        ends = np.cumsum([np.atleast_2d(one.rotations.data).shape[0] for one in simulations.values()])
        phase[good] = np.searchsorted(ends, rows[good, 0], side="right")
    native = {key: one.phases for key, one in simulations.items()}
    symmetry = {key: symmetry_of_phase(one) for key, one in native.items()}
    return OnScan(
        matrices.reshape(*shape, -1, 3, 3), phase.reshape(*shape, -1), np.where(good, rows[:, 1], 0).reshape(*shape, -1),
        tuple(native), symmetry, native, "pyxem", frame or "pyxem", simulations,
    )  # fmt: skip


def _orientation_map(om, crystal):
    from .phase_symmetry import symmetry_of_crystal

    good = om.corr > 0
    matrices = np.where(good[..., None, None], from_py4dstem_matrix(om.matrix), np.nan)
    known = {} if crystal is None else {"crystal": crystal}
    symmetry = {} if crystal is None else {"crystal": symmetry_of_crystal(crystal)}
    return OnScan(matrices, np.where(good, 0, -1), np.array(om.corr), ("crystal",), symmetry, known, "py4dstem")


def _of_quantem(obj, name, calibration):
    from .phase_symmetry import symmetry_of_crystal

    matrices, phase, score, crystals = of_quantem.positions(obj, name, calibration)
    symmetry = {one: symmetry_of_crystal(crystal) for one, crystal in crystals.items()}
    return OnScan(matrices, phase, score, tuple(crystals), symmetry, crystals, "quantem")


def native_of(host: str, matrix: np.ndarray, score: float) -> Any:
    """What a host would have said of an orientation, as its map is made of it."""
    if host == "pyxem":
        return to_orix_matrix(matrix)
    if host == "quantem":
        return None  # its maps are made of the matrix itself
    one = {"matrix": matrix.T, "family": np.zeros((3, 3)), "corr": score or 1.0, "inds": [0, 0], "mirror": False,
           "angles": np.zeros(3)}  # fmt: skip
    return SimpleNamespace(**{name: np.array(value)[None] for name, value in one.items()})
