"""k patterns through pyxem's polar template matching, and the answers painted into an orix CrystalMap."""

from __future__ import annotations

import logging
import math
import warnings
from contextlib import contextmanager

import numpy as np

from ..core.checks import is_a
from ..core.messages import warn
from ..core.polar import AZIMUTHS
from .coverage import completed
from .geometry import detector_to_scan, from_orix_matrix, to_inverse_angstrom, to_orix_matrix
from .phase_names import renamed, told_apart
from .phase_reflections import reflections_of_phase, say_if_displaced
from .record import Proposals
from .reflections import Reflections
from .several import at_positions

__all__ = ["crystal_map", "is_simulation", "polar_patterns", "proposals", "reflections_of", "split_phases"]

_MOST_DIGITS = 100  # of intensities, so that their squares are numbers too
_PERCENTILE = 75  # of a ring: above the median, below the spots
_QUIET = {"show_progressbar": False}


def is_simulation(obj) -> bool:
    """True for a diffsims Simulation2D, which is not imported for that."""
    return is_a(obj, "diffsims.simulations.simulation2d", "Simulation2D")


def split_phases(simulation) -> dict:
    """{phase name: simulation of that phase alone}, in their order; phases of one name, or of none, are told apart."""
    if not simulation.has_multiple_phases:
        return {told_apart([simulation.phases.name])[0]: simulation}
    names = told_apart([phase.name for phase in simulation.phases])
    return {name: simulation.iphase[i] for i, name in enumerate(names)}


def polar_patterns(patterns, geometry, *, q_max, q_min=0.0, gamma=0.5, background=None):
    """The patterns as pyxem's polar signal (k | azimuth, radius), made by its own transform.

    patterns (ndarray (k, det_row, det_col)): Without NaN.
    geometry: ScanGeometry.
    q_max, q_min (float): 1/Å.
    gamma (float): Power of the intensities, as pyxem advises below 1.
    background ({"radial median", "radial percentile"} or None): What pyxem's ``subtract_diffraction_background`` takes away
        first.
    """
    import pyxem.signals  # noqa: F401  (registers the signal types)
    from pyxem.signals import ElectronDiffraction2D

    size = to_inverse_angstrom(geometry)
    if not math.isclose(*size, rel_tol=1e-3):
        raise ValueError(f"pyxem's polar transform needs square detector pixels, got {size[0]:.4g} x {size[1]:.4g} 1/Å")
    if geometry.ellipse is not None:
        warn("the patterns are matched with their elliptic distortion, which pyxem's template matching cannot correct")
    centre = geometry.centre
    if geometry.calibration.flip:
        patterns, centre = patterns.swapaxes(1, 2), centre[::-1]
    signal = ElectronDiffraction2D(np.ascontiguousarray(patterns, dtype=np.float64))
    signal.calibration(scale=size[0], units="$A^{-1}$", center=(centre[1], centre[0]))
    bins = max(8, round((q_max - q_min) / size[0]))
    _with_known_slices(signal, (size, centre, patterns.shape[1:]))
    with _unsaid():
        polar = signal.get_azimuthal_integral2d(
            npt=bins, npt_azim=AZIMUTHS, radial_range=(q_min, q_max), inplace=False, **_QUIET
        )
        if background is not None:
            how = {"percentile": _PERCENTILE} if background == "radial percentile" else {}
            polar = polar.subtract_diffraction_background(background, **how, **_QUIET)
    largest = float(np.nanmax(polar.data, initial=0))
    if gamma * math.log10(max(largest, 1)) > _MOST_DIGITS:
        raise ValueError(f"gamma must leave numbers below 1e{_MOST_DIGITS}, got {gamma:g} for values up to {largest:.3g}")
    polar.data = np.maximum(np.nan_to_num(polar.data), 0) ** gamma
    return polar


_SLICES: dict[tuple, tuple] = {}  # of the last geometry: intersecting pixels with bins takes longer than the matching


def _with_known_slices(signal, geometry):
    """Let a signal take the shares of pixels in polar bins from the call before, where the geometry is the same."""
    made = signal.calibration.get_slices2d

    def known(*args, **options):
        key = (geometry, repr(args), repr(options))
        if key not in _SLICES:
            _SLICES.clear()
            _SLICES[key] = made(*args, **options)
        return _SLICES[key]

    signal.calibration.get_slices2d = known


@contextmanager
def _unsaid():
    """Neither warnings nor logs of pyxem and HyperSpy: they are about our calls, and the user has made none."""
    log = logging.getLogger("hyperspy.signal")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def reflections_of(simulation, q_max: float = 0.0) -> Reflections | None:
    """Reflections of a simulation of one phase; None where its structure factors cannot be had.

    Up to `q_max` in 1/Å where that is more than the simulation has.
    """
    with _unsaid():
        longest = max(q_max, float(simulation.reciporical_radius))
        return reflections_of_phase(simulation.phases, longest, float(simulation.simulation_generator.wavelength))


def proposals(name, simulation, polar, symmetry, calibration, *, q_max=0.0) -> list[Proposals | None]:
    """What the templates of one phase propose for every pattern, None where nothing matched.

    name: str.
    simulation: diffsims Simulation2D of one phase.
    polar: PolarDiffraction2D (k | azimuth, radius).
    symmetry: ndarray (m, 3, 3).
    calibration (Calibration): For the rotation into the scan.
    q_max (float): Up to where reflections are wanted, 1/Å.
    """
    from orix.quaternion import Rotation
    from pyxem.signals.indexation_results import rotation_from_orientation_map

    with _unsaid(), np.errstate(all="ignore"):
        # All templates are looked at in full: with k patterns there is no need to sift them first.
        rows = polar.get_orientation(simulation, n_best=-1, frac_keep=1.0, **_QUIET).data
    rows = rows.reshape(-1, *rows.shape[-2:])
    say_if_displaced(simulation.phases)
    library, reflections = np.atleast_2d(simulation.rotations.data), reflections_of(simulation, q_max)
    turn = detector_to_scan(calibration)
    at_rest = from_orix_matrix(Rotation(library).to_matrix())
    left_out = completed(at_rest, symmetry)[len(at_rest) :]
    out: list[Proposals | None] = []
    for row in rows:
        row = row[np.isfinite(row[:, 1])]
        if not len(row) or not row[0, 1] > 0:
            out.append(None)
            continue
        matrices = turn @ from_orix_matrix(Rotation(rotation_from_orientation_map(row, library)).to_matrix())
        scores = np.asarray(row[:, 1], float)
        everywhere = np.concatenate([matrices, left_out])
        out.append(Proposals(name, matrices, scores, reflections, symmetry, everywhere, lambda i, _, row=row: row[i]))
    return out


def crystal_map(found, phases):
    """An orix CrystalMap of an `Orientations`: see there.

    found: Orientations.
    phases (dict): {name: orix Phase}.
    """
    from orix.crystal_map import CrystalMap, PhaseList
    from orix.quaternion import Rotation

    geometry, painting, matches = found.geometry, found.painting, {m.component: m for m in found.matches if m.matched}
    rows, cols = geometry.scan_shape
    there = at_positions(found.matches, painting)
    component, is_rival = (one.reshape(rows * cols, -1) for one in (there.component, there.is_rival))
    # Where there are fewer, the first one is repeated.
    shown = np.where(component >= 0, component, component[:, :1])
    quaternions = np.tile([1.0, 0.0, 0.0, 0.0], (rows * cols, component.shape[1], 1))
    for i, match in matches.items():
        quaternions[(shown == i) & ~is_rival] = Rotation.from_matrix(to_orix_matrix(match.matrix)[None]).data[0]
        if match.rival is not None:
            quaternions[(shown == i) & is_rival] = Rotation.from_matrix(to_orix_matrix(match.rival.matrix)[None]).data[0]
    ids = {name: i for i, name in enumerate(phases)}
    step, unit = geometry.calibration.step, geometry.calibration.step_unit
    row, col = np.indices(geometry.scan_shape)
    props = {name: values.ravel() for name, values in found.properties().items()}
    phase_of = np.array([-1] * (found.k + 1))
    for i, match in matches.items():
        phase_of[i] = ids[match.phase]
    first, second = painting.first.ravel(), painting.second.ravel()
    props |= {"second_phase_id": phase_of[second], "rotations_listed": (component >= 0).sum(1)}
    return CrystalMap(
        rotations=Rotation(quaternions), phase_id=phase_of[first], x=(col * step[1]).ravel(), y=(row * step[0]).ravel(),
        phase_list=PhaseList(phases=renamed(list(phases.values()), list(phases)), ids=list(ids.values())), prop=props,
        scan_unit=unit, is_in_data=geometry.kept_positions,
    )  # fmt: skip
