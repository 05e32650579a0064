"""Vectors of k patterns matched by py4DSTEM crystals, and the answers painted into an OrientationMap."""

from __future__ import annotations

import contextlib
import copy
import warnings

import numpy as np

from ..core.checks import is_a, positive
from .disks import point_list
from .geometry import from_py4dstem_matrix
from .phase_symmetry import symmetry_of_crystal
from .record import Proposals
from .reflections import Reflections
from .several import at_positions

__all__ = ["is_crystal", "match_pattern", "orientation_map", "prepared", "proposals", "reflections_of",
           "turns", "zone_axis_range"]  # fmt: skip

_APART = 4.0  # degrees between the zone axes that the host is asked for: twice a step of the plan; no table
_STEP = 2.0  # degrees between zone axes, py4DSTEM's default of `orientation_plan`
_WIDE_STEP = 4.0  # of zone axes over half a sphere or more: a plan of 2 degrees takes a gigabyte


def is_crystal(obj) -> bool:
    """True for a py4DSTEM Crystal, which is not imported for that."""
    return is_a(obj, "py4DSTEM.process.diffraction.crystal", "Crystal")


@contextlib.contextmanager
def _quiet():
    """py4DSTEM's own warnings, about NumPy and about divisions by zero, say nothing to the user."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def zone_axis_range(symmetry):
    """What py4DSTEM's ``orientation_plan`` needs for a Laue group, without pymatgen.

    symmetry (ndarray (m, 3, 3)): Proper rotations of the group.
    Returns dict: Keywords of ``orientation_plan``; the full hemisphere for a group in an unusual setting.
    """
    half = 3**0.5 / 2
    found = turns(symmetry)
    along = {n: {tuple(axis) for axis, m in found if m == n} for n in (2, 3, 4, 6)}
    z, n = (0, 0, 1), len(symmetry)
    if n == 24:
        return {"zone_axis_range": np.array([[0, 1, 1], [1, 1, 1]])}
    if n == 12 and len(along[3]) == 4:
        return {"zone_axis_range": np.array([[1, 0, 0], [1, 1, 1]])}
    if n in (6, 12) and z in along[6]:
        return {"zone_axis_range": np.array([[half, 0.5, 0], [1, 0, 0]] if n == 12 else [[1, 0, 0], [0.5, half, 0]])}
    if n == 8 and z in along[4]:
        return {"zone_axis_range": np.array([[1, 0, 0], [1, 1, 0]])}
    if n == 4 and (z in along[4] or {z, (1, 0, 0), (0, 1, 0)} == along[2]):
        return {"zone_axis_range": np.array([[1, 0, 0], [0, 1, 0]])}
    if n in (3, 6) and z in along[3]:
        return {"zone_axis_range": "fiber", "fiber_axis": [0, 0, 1], "fiber_angles": [90.0 if n == 6 else 180.0, 60.0]}
    if n == 2 and along[2] == {(0, 1, 0)}:
        return {"zone_axis_range": "half"}
    return {"zone_axis_range": "full"}


def turns(symmetry):
    """(axis, order) of every rotation, axes rounded and with a positive first entry."""
    from scipy.spatial.transform import Rotation

    out = []
    for vector in Rotation.from_matrix(symmetry).as_rotvec(degrees=True):
        angle = np.linalg.norm(vector)
        if angle < 1:
            continue
        axis = np.round(vector / angle, 3) + 0.0
        axis = axis * np.sign(axis[np.flatnonzero(axis)[0]])
        out.append((tuple(float(a) + 0.0 for a in axis), round(360 / angle)))
    return out


def prepared(crystal, *, q_max, beam_energy, plan=None):
    """Return the crystal with structure factors and an orientation plan: itself if it has them, otherwise a copy.

    crystal: py4DSTEM Crystal.
    q_max (float): Longest vector, 1/Å.
    beam_energy (float or None): keV; 300 if it is not known.
    plan (dict): Arguments of ``orientation_plan`` that replace the default ones; a new plan is then always made.
    """
    if hasattr(crystal, "orientation_ref") and not plan:
        return _with_operators(crystal)
    crystal = copy.copy(crystal)
    if not hasattr(crystal, "struct_factors_int"):
        with _quiet():
            crystal.calculate_structure_factors(positive(q_max, "q_max"))
    options = {"angle_step_zone_axis": _STEP, "angle_step_in_plane": _STEP, "progress_bar": False}
    options["accel_voltage"] = 1e3 * (beam_energy or 300.0)
    given = plan or {}
    if "zone_axis_range" not in given:
        options |= zone_axis_range(symmetry_of_crystal(crystal))
        if isinstance(options["zone_axis_range"], str) and options["zone_axis_range"] != "fiber":
            options["angle_step_zone_axis"] = _WIDE_STEP
    try:
        with _quiet():
            crystal.orientation_plan(**{**options, **given})
    except TypeError as error:
        raise TypeError(f"plan must hold arguments that orientation_plan takes: {error}") from error
    return _with_operators(crystal)


def _with_operators(crystal):
    """The crystal with what ``cluster_grains`` needs: py4DSTEM makes it with pymatgen only."""
    if not hasattr(crystal, "symmetry_operators"):
        crystal = copy.copy(crystal)
        crystal.symmetry_operators = symmetry_of_crystal(crystal)
    return crystal


def match_pattern(crystal, vectors, *, n=1, min_peaks=3):
    """The host's best orientations, each at another zone axis, all of them of all vectors.

    crystal (py4DSTEM Crystal): With a plan.
    vectors (ndarray (m, 3)): q_row, q_col in 1/Å, intensity.
    n: int.
    min_peaks: int.
    Returns py4DSTEM Orientation: Correlation 0 where nothing matched.
    """
    from py4DSTEM.process.diffraction.utils import Orientation

    if len(vectors) < min_peaks:
        return Orientation(num_matches=n)
    # The host takes the peaks of the first match away before it looks for the second; to get the orientations that compete
    # with the first one, it is told that they are elsewhere.
    kept = copy.copy(crystal)
    kept.generate_diffraction_pattern = lambda *args, **options: point_list([[1e6, 1e6, 1.0]])
    with _quiet():
        return kept.match_single_pattern(
            point_list(vectors), num_matches_return=n, min_angle_between_matches_deg=_APART,
            min_number_peaks=min_peaks, verbose=False,
        )  # fmt: skip


def reflections_of(crystal, q_max: float = 0.0) -> Reflections:
    """What the likeness needs of a crystal with a plan; up to `q_max` in 1/Å where that is more than the crystal has."""
    told = crystal
    if q_max > float(crystal.k_max):
        told = copy.copy(crystal)
        with _quiet():
            told.calculate_structure_factors(q_max)
    return Reflections(
        told.g_vec_all.T, np.asarray(told.struct_factors_int, float), float(crystal.wavelength),
        width=float(crystal.orientation_sigma_excitation_error), spot=float(crystal.orientation_kernel_size) / 3,
    )  # fmt: skip


def proposals(name, crystal, vectors, symmetry, reflections, *, n=24, min_peaks=3) -> Proposals | None:
    """What one crystal proposes for the vectors of one pattern; None where nothing matched.

    name: str.
    crystal (py4DSTEM Crystal): With a plan.
    vectors: ndarray (m, 3).
    symmetry: ndarray (s, 3, 3).
    reflections: Reflections.
    n (int): How many the host is asked for.
    min_peaks: int.
    """
    found = match_pattern(crystal, vectors, n=n, min_peaks=min_peaks)
    good = np.flatnonzero(found.corr > 0)
    if not len(good):
        return None
    return Proposals(
        name, from_py4dstem_matrix(found.matrix[good]), np.asarray(found.corr[good], float), reflections,
        symmetry, from_py4dstem_matrix(crystal.orientation_rotation_matrices),
        lambda i, matrix: _one(found, good[i], matrix),
    )  # fmt: skip


def _one(found, index, matrix):
    """An Orientation of one match, with the refined matrix."""
    from py4DSTEM.process.diffraction.utils import Orientation

    out = Orientation(num_matches=1)
    for name in ("family", "corr", "inds", "mirror", "angles"):
        getattr(out, name)[0] = getattr(found, name)[index]
    out.matrix[0] = matrix.T
    return out


def orientation_map(matches, painting, phase):
    """An OrientationMap of all orientations of the phase at every position, see `at_positions`; 0 where there is none."""
    from py4DSTEM.process.diffraction.utils import OrientationMap

    there = at_positions(matches, painting)
    out = OrientationMap(*painting.first.shape, there.component.shape[-1])
    for match in matches:
        if match.phase != phase:
            continue
        for rival, found in ((False, match.candidates[0].native), (True, getattr(match.rival, "native", None))):
            where = (there.component == match.component) & (there.is_rival == rival)
            for name in ("matrix", "family", "corr", "inds", "mirror", "angles") if found is not None else ():
                getattr(out, name)[where] = getattr(found, name)[0]
    return out
