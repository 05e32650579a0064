"""Patterns of known crystals, drawn as the detector of a view would show them: spots of diffsims or py4DSTEM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy

from ..core.checks import is_a
from ..core.geometry import ScanGeometry
from .geometry import from_orix_matrix, pixels_to_vectors
from .match_py4dstem import is_crystal
from .match_pyxem import is_simulation
from .phase_names import told_apart

__all__ = ["drawn", "holds_simulated", "simulated_spots"]

_EDGE = 0.7  # pixels, standard deviation of what blurs the edge of a disk: interpolation and the detector; no table
_REACH = 4.0  # of these, from where on a spot is nothing
_BEAM = 1e-4  # 1/Å: shorter vectors are the direct beam, whose strength no kinematical simulation knows


def _is_simulated(obj):
    return is_simulation(obj) or is_crystal(obj) or _is_point_list(obj)


def _is_point_list(obj):
    return is_a(obj, "emdfile", "PointList")


def holds_simulated(obj: Any) -> bool:
    """True for a diffsims simulation, a pattern of a py4DSTEM crystal, or a list or dictionary that has one."""
    if isinstance(obj, (list, tuple, Mapping)):
        return any(_is_simulated(one) for one in (obj.values() if isinstance(obj, Mapping) else obj))
    return _is_simulated(obj)


def simulated_spots(obj: Any, name: str = "") -> dict[str, np.ndarray]:
    """Vectors along (row, column) in 1/Å and intensities (n, 3) of every pattern, by names.

    obj: diffsims Simulation2D, with a pattern for each phase and rotation; a PointList as `generate_diffraction_pattern` of
        a py4DSTEM Crystal gives it; or a list or dictionary of them.
    name: Of what has none.
    Raises TypeError or ValueError when it is none of these, or a crystal without an orientation.
    """
    if isinstance(obj, Mapping):
        return {k: v for own, one in obj.items() for k, v in simulated_spots(one, str(own)).items()}
    if isinstance(obj, (list, tuple)):
        return {k: v for i, one in enumerate(obj) for k, v in simulated_spots(one, str(i)).items()}
    if is_crystal(obj):
        raise ValueError(
            "a py4DSTEM Crystal has no orientation: give the patterns of those that you expect, "
            "crystal.generate_diffraction_pattern(zone_axis_lattice=..., proj_x_lattice=...)"
        )
    if _is_point_list(obj):
        data = obj.data
        if not {"qx", "qy", "intensity"} <= set(data.dtype.names or ()):
            raise ValueError(f"a simulated pattern must have the fields qx, qy and intensity, got {data.dtype.names}")
        return {name: _checked(np.stack([data["qx"], data["qy"], data["intensity"]], axis=1), name)}
    if not is_simulation(obj):
        raise TypeError(
            "simulated patterns must be a diffsims Simulation2D or what generate_diffraction_pattern of a py4DSTEM Crystal "
            f"gives, got {type(obj).__name__}"
        )
    found, phases = {}, _templates(obj)
    for phase, templates in phases.items():
        for i, template in enumerate(templates):
            called = (name if name and len(phases) == 1 else phase) + (f" {i}" if len(templates) > 1 else "")
            # Of the frame of pyxem's rotations: those are what the caller has.
            q = np.asarray(template.data, float).reshape(-1, 3) @ from_orix_matrix(np.eye(3)).T
            found[called] = _checked(np.column_stack([q[:, :2], np.asarray(template.intensity, float)]), called)
    return found


def _templates(simulation):
    """The vectors of diffsims by phase; its own `iphase` fails where a phase has a single rotation."""
    several = simulation.has_multiple_phases
    names = told_apart([phase.name for phase in (simulation.phases if several else [simulation.phases])])
    each = simulation.coordinates if several else [simulation.coordinates]
    return {name: [own] if hasattr(own, "intensity") else list(own) for name, own in zip(names, each)}


def _checked(spots, name):
    spots = np.asarray(spots, float)
    spots = spots[np.hypot(spots[:, 0], spots[:, 1]) > _BEAM]
    if not len(spots) or not np.isfinite(spots).all() or not (spots[:, 2] > 0).any():
        raise ValueError(f"the simulated pattern {name!r} must have spots of a finite intensity above 0, but has none")
    return spots


def drawn(spots: np.ndarray, geometry: ScanGeometry, radius: float) -> np.ndarray:
    """A pattern (det_row, det_col) of the sum 1, with disks of a radius in pixels; 0 everywhere if the detector has no spot.

    Calibration, centre, ellipse, flip and rotation of the geometry say where a vector lies.

    spots: ndarray (n, 3): row and column in 1/Å, intensity.
    """
    place = spots[:, :2] @ np.linalg.inv(pixels_to_vectors(geometry)).T + np.asarray(geometry.centre)
    half, out = int(np.ceil(radius + _REACH * _EDGE)), np.zeros(geometry.detector_shape)
    rows, cols = geometry.detector_shape
    for (row, col), intensity in zip(place, spots[:, 2]):
        r = np.arange(max(round(row) - half, 0), min(round(row) + half + 1, rows))
        c = np.arange(max(round(col) - half, 0), min(round(col) + half + 1, cols))
        if len(r) and len(c):
            away = np.hypot(r[:, None] - row, c[None, :] - col)
            disk = scipy.special.erfc((away - radius) / (np.sqrt(2) * _EDGE))
            out[r[0] : r[-1] + 1, c[0] : c[-1] + 1] += intensity * disk
    total = out.sum()
    return out / total if total > 0 else out
