"""Arguments that are objects of a host or of unmix4d: plain values that are made into one when their scan is known."""

from __future__ import annotations

import functools
import importlib.util
import warnings
from dataclasses import dataclass

import numpy as np

__all__ = ["Absent", "Made", "make_all", "require"]


class Absent(Exception):
    """The host that would make it is not installed."""


@dataclass(frozen=True)
class Made:
    """An object to be made: what it is, and what is wrong with it."""

    kind: str
    odd: str = ""
    seed: int = 0

    def build(self, of):
        """`of`: the view or result it is made for."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the hosts
            return _MAKE[self.kind](self, of, np.random.default_rng(self.seed))


def make_all(options, of):
    """The arguments with every `Made` replaced; in a list too."""

    def made(value):
        if isinstance(value, Made):
            return value.build(of)
        if isinstance(value, list) and any(isinstance(v, Made) for v in value):
            return [made(v) for v in value]
        return value

    return {name: made(value) for name, value in options.items()}


def require(*modules):
    """Absent when one of them is not installed."""
    for name in modules:
        if importlib.util.find_spec(name) is None:
            raise Absent(name)


def _spots(made, of, rng):
    """(scan shape, position, q_row, q_col, intensity) in detector pixels from the beam."""
    shape = of.geometry.scan_shape
    if made.odd == "other scan":
        shape = (shape[0] + 1, shape[1])
    n = {"none": 0, "one": 1}.get(made.odd, 4 * shape[0] * shape[1])
    position = rng.integers(0, shape[0] * shape[1], n)
    q = rng.choice([-2.0, 0.0, 2.0], (2, n)) + rng.normal(0, 0.1, (2, n))
    intensity = rng.random(n)
    if made.odd == "nan" and n:
        q[0, 0] = np.nan
    elif made.odd == "infinite":
        intensity[0] = np.inf
    elif made.odd == "negative":
        intensity -= 0.5
    elif made.odd == "far":
        q *= 1e12
    elif made.odd == "alike":
        q[:] = 1.0
    elif made.odd == "nothing":
        intensity[:] = 0
    return shape, position, *q, intensity


def _disks(made, of, rng):
    from unmix4d.features.bragg_disks import BraggDisks

    return BraggDisks(*_spots(made, of, rng), unit="px" if made.seed % 2 else "1/Å")


def _fill_lists(lists, spots, cols):
    for position, row, col, value in zip(*spots):
        cell = lists[int(position) // cols, int(position) % cols]
        cell.add(np.array([(row, col, value)], dtype=[("qx", float), ("qy", float), ("intensity", float)]))
    return lists


def _point_lists(made, of, rng):
    require("py4DSTEM")
    from emdfile import PointListArray

    shape, *spots = _spots(made, of, rng)
    lists = PointListArray([("qx", float), ("qy", float), ("intensity", float)], shape)
    return _fill_lists(lists, spots, shape[1])


def _bragg_vectors(made, of, rng):
    require("py4DSTEM")
    from py4DSTEM import Calibration
    from py4DSTEM.braggvectors import BraggVectors

    shape, position, row, col, value = _spots(made, of, rng)
    known, detector = Calibration(), of.geometry.detector_shape
    known["Q_pixel_size"], known["Q_pixel_units"] = (0.1, "A^-1") if made.seed % 2 else (1, "pixels")
    if made.seed % 3:
        known.set_origin((detector[0] / 2, detector[1] / 2))
    vectors = BraggVectors(shape, detector, calibration=known)
    _fill_lists(vectors._v_uncal, (position, row + detector[0] / 2, col + detector[1] / 2, value), shape[1])
    return vectors


def _diffraction_vectors(made, of, rng):
    require("pyxem")
    from hyperspy.signals import BaseSignal
    from pyxem.signals import DiffractionVectors

    shape, position, row, col, value = _spots(made, of, rng)
    peaks = np.empty(shape, object)
    for i in np.ndindex(shape):
        here = position == i[0] * shape[1] + i[1]
        found = np.stack([row[here], col[here], value[here]][: 2 + made.seed % 2], axis=1)
        peaks[i] = found if len(found) else np.full((1, found.shape[1]), np.nan)
    units = ("px", "px") if made.seed % 3 else ("$A^{-1}$",) * 2
    return DiffractionVectors.from_peaks(
        BaseSignal(peaks, ragged=True), center=(0, 0), calibration=[0.1] * 2, column_names=("ky", "kx"), units=units
    )


# Cell and fractional coordinates of phases of low symmetry, whose lists of reflections are incomplete in some packages.
_CELLS = {
    "hexagonal": ((2.95, 2.95, 4.68, 90, 90, 120), ([1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]), 194),
    "monoclinic": ((5.1, 5.2, 5.3, 90, 99.2, 90), ([0.1, 0.2, 0.3], [0.9, 0.7, 0.2], [0.9, 0.8, 0.7], [0.1, 0.3, 0.8]), 14),
}


@functools.lru_cache
def _silver(odd=""):
    from diffpy.structure import Atom, Lattice, Structure
    from orix.crystal_map import Phase

    from support import orientation_scene as scene

    cell, places, group = _CELLS.get(odd, ((scene.A, scene.A, scene.A, 90, 90, 90), scene.ATOMS, 225))
    name = "" if odd == "unnamed" else "silver ☃" if odd not in _CELLS else odd
    return Phase(name, space_group=group, structure=Structure([Atom("Ag", p) for p in places], Lattice(*cell)))


@functools.lru_cache
def _templates(odd=""):
    from diffsims.generators.simulation_generator import SimulationGenerator
    from orix.sampling import get_sample_reduced_fundamental

    phase = _silver(odd)
    return SimulationGenerator(300, minimum_intensity=1e-3).calculate_diffraction2d(
        phase, get_sample_reduced_fundamental(15 if odd not in _CELLS else 30, point_group=phase.point_group),
        reciprocal_radius=1.4 if odd not in _CELLS else 0.9, max_excitation_error=0.03, with_direct_beam=False,
    )  # fmt: skip


def _simulation(made, of, rng):
    require("diffsims", "pyxem")
    return _templates(made.odd)


@functools.lru_cache
def _planned_crystal(odd=""):
    import py4DSTEM

    from support import orientation_scene as scene

    cell, places, _ = _CELLS.get(odd, (scene.A, scene.ATOMS, 225))
    crystal = py4DSTEM.process.diffraction.Crystal(np.array(places), 47, cell)
    if odd in _CELLS:
        return crystal  # the plan is made by us
    crystal.calculate_structure_factors(1.0)
    crystal.orientation_plan(angle_step_zone_axis=10, angle_step_in_plane=10, accel_voltage=300e3, progress_bar=False)
    return crystal


def _crystal(made, of, rng):
    require("py4DSTEM")
    return _planned_crystal(made.odd)


def _crystal_map(made, of, rng):
    require("orix")
    from orix.crystal_map import CrystalMap, PhaseList
    from orix.quaternion import Rotation

    shape = of.geometry.scan_shape
    if made.odd == "other scan":
        shape = (shape[0], shape[1] + 1)
    n = shape[0] * shape[1]
    row, col = np.indices(shape)
    rotations = Rotation.random(n)
    ids = np.zeros(n, int)
    if made.odd == "not indexed":
        ids[:] = -1
    elif made.odd == "partly":
        ids[rng.random(n) < 0.5] = -1
    step = 0.0 if made.odd == "no step" else 2.0
    return CrystalMap(
        rotations, x=step * col.ravel(), y=step * row.ravel(), phase_list=PhaseList(_silver()), phase_id=ids,
        is_in_data=rng.random(n) < 0.7 if made.odd == "partly" and n > 3 else None,
    )  # fmt: skip


def _own(name, **options):
    return lambda made, of, rng: getattr(of, name)(**options)


def _other(made, of, rng):
    """A result of another scan."""
    from unmix4d import Unmix

    rows, cols = of.geometry.scan_shape
    scan = np.random.default_rng(0).poisson(4, (rows + 1, cols + 2, 9, 8))
    return Unmix(scan, centre=(4, 4)).nmf(2, random_state=0, max_iter=2)


def _found(made, of, rng):
    return of.index(_planned_crystal() if made.odd == "py4dstem" else _templates())


def _choice(made, of, rng):
    return of.source.choose_k([1, 2], n_starts=1, max_iter=2, fraction=None, random_state=0)


def _cube(made, of, rng):
    require("py4DSTEM")
    import py4DSTEM

    shape = (*of.geometry.scan_shape, *of.geometry.detector_shape)
    cube = py4DSTEM.DataCube(np.ones(shape if made.odd != "other scan" else (shape[0] + 1, *shape[1:]), "u1"))
    if made.odd == "nan":
        cube.calibration["Q_pixel_size"], cube.calibration["Q_pixel_units"] = np.nan, "A^-1"
    return cube


_MAKE = {
    "disks": _disks, "point lists": _point_lists, "bragg vectors": _bragg_vectors,
    "diffraction vectors": _diffraction_vectors, "simulation": _simulation, "crystal": _crystal, "crystal map": _crystal_map,
    "own grains": _own("grains", min_size=1), "own groups": _own("group_rotated"), "own choice": _choice,
    "orientations": _found, "other grains": lambda *a: _other(*a).grains(min_size=1), "other result": _other, "cube": _cube,
    "itself": lambda made, of, rng: of,
}  # fmt: skip
