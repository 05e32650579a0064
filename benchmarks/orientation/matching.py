"""What the items share: the film with its rotations, errors, full runs of the hosts."""

import time
import warnings

import numpy as np
from common.command import Skipped
from common.scans import film_file, film_view
from scipy.spatial.transform import Rotation

from unmix4d.orientation.symmetry import laue_rotations, misorientation_deg

__all__ = ["CUBIC", "ambiguous_copies", "errors", "film_truth", "py4dstem_full", "pyxem_full", "silver", "silver_simulation"]

A, Q_MAX, PRESENT, WITHIN = 4.0853, 0.84, 3.0, 5.0
CUBIC = laue_rotations(np.eye(3))
_ATOMS = ([0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0])
_NEAR_DEG = 12.0


def film_truth(data):
    """View, thickness (16, 64, 64) and rotations (16, 3, 3) as the hosts count: electrons along -z.

    In the simulation of the film they travel along +z. By Friedel's law that is the pattern rotated by 180 degrees.
    """
    view, thickness = film_view(data)
    rotations = Rotation.from_quat(film_file(data)["rotations"]).as_matrix()
    turned = np.diag([-1.0, -1.0, 1.0]) @ rotations
    return view, thickness, turned


def silver():
    """A py4DSTEM Crystal."""
    try:
        from py4DSTEM.process.diffraction import Crystal
    except ImportError:
        raise Skipped("py4DSTEM is not installed") from None
    return Crystal(np.array(_ATOMS), 47, A)


def silver_simulation(step_deg=2.0):
    """A diffsims simulation."""
    try:
        from diffpy.structure import Atom, Lattice, Structure
        from diffsims.generators.simulation_generator import SimulationGenerator
        from orix.crystal_map import Phase
        from orix.sampling import get_sample_reduced_fundamental
    except ImportError:
        raise Skipped("pyxem is not installed") from None
    structure = Structure([Atom("Ag", p) for p in _ATOMS], Lattice(A, A, A, 90, 90, 90))
    phase = Phase("silver", space_group=225, structure=structure)
    rotations = get_sample_reduced_fundamental(step_deg, point_group=phase.point_group)
    return SimulationGenerator(300, minimum_intensity=1e-3).calculate_diffraction2d(
        phase, rotations, reciprocal_radius=Q_MAX, max_excitation_error=0.03, with_direct_beam=False
    )


def ambiguous_copies(matrix):
    """The orientation, and those that have the same zero-order pattern: half a turn about a zone axis near the beam."""
    axes = np.array([[u, v, w] for u in range(-4, 5) for v in range(-4, 5) for w in range(-4, 5) if (u, v, w) != (0, 0, 0)])
    axes = axes / np.linalg.norm(axes, axis=1, keepdims=True)
    lab = np.unique(np.round(axes @ matrix.T, 6), axis=0)
    near = lab[lab[:, 2] > np.cos(np.radians(_NEAR_DEG))]
    return np.concatenate([matrix[None], Rotation.from_rotvec(np.pi * near).as_matrix() @ matrix])


def errors(matrices, truth, copies=False):
    """Degrees (n, grains) between orientations (n, 3, 3) and those of all grains; with `copies` to the nearest copy."""
    out = np.empty((len(matrices), len(truth)))
    for g, one in enumerate(truth):
        wanted = ambiguous_copies(one) if copies else one[None]
        out[:, g] = np.min([misorientation_deg(matrices, w, CUBIC) for w in wanted], axis=0)
    return np.where(np.isfinite(np.asarray(matrices)[:, :1, 0]), out, 180.0)


def py4dstem_full(view, places, crystal, n):
    """Orientations (positions, n, 3, 3) of all places with the host alone, and seconds of disks and of matching."""
    from unmix4d.hosts.disk_detection import find_disks
    from unmix4d.orientation.disks import _calibrated, point_list, typical_radius
    from unmix4d.orientation.geometry import from_py4dstem_matrix

    scan = _sub_scan(view, places)
    mean, radius = np.asarray(scan.patterns[0]).mean(0), typical_radius(np.asarray(scan.patterns[0][::5]))
    start = time.perf_counter()
    disks, _ = find_disks(scan, mean, detector="py4dstem", radius=radius)
    found = time.perf_counter() - start
    row, col = disks.q_row + view.geometry.centre[0], disks.q_col + view.geometry.centre[1]
    peaks = [np.column_stack([row, col, disks.intensity])[disks.position == i] for i in range(len(places))]
    lists = [_calibrated(one, view.geometry, 0.1) for one in peaks]
    out = np.full((len(places), n, 3, 3), np.nan)
    start = time.perf_counter()
    for i, one in enumerate(lists):
        with np.errstate(all="ignore"):
            answer = crystal.match_single_pattern(point_list(one), num_matches_return=n, verbose=False)
        good = answer.corr > 0
        out[i, good] = from_py4dstem_matrix(answer.matrix)[good]
    return out, found, time.perf_counter() - start


def pyxem_full(view, places, simulation, n):
    """Orientations (places, n, 3, 3) with the host alone, and seconds of transform and matching of all positions."""
    from unmix4d.orientation.geometry import from_orix_matrix
    from unmix4d.orientation.match_pyxem import polar_patterns

    rows, cols = view.geometry.scan_shape
    patterns = _patterns(view, np.argwhere(np.ones((rows, cols), bool)))
    polar_patterns(patterns[:2], view.geometry, q_max=Q_MAX).get_orientation(simulation, show_progressbar=False)  # compiles
    start = time.perf_counter()
    polar = polar_patterns(patterns, view.geometry, q_max=Q_MAX)
    transform = time.perf_counter() - start
    start = time.perf_counter()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = polar.get_orientation(simulation, n_best=max(n, 1), show_progressbar=False)
        rotations = found.to_rotation()
    seconds = time.perf_counter() - start
    matrices = from_orix_matrix(rotations.to_matrix().reshape(rows * cols, -1, 3, 3)[:, :n])
    return matrices[places[:, 0] * cols + places[:, 1]], transform, seconds


def _patterns(view, places):
    """(n, det_row, det_col), excluded pixels 0."""
    out = np.stack([np.asarray(view.scan.patterns[i, j], np.float64) for i, j in places])
    out[:, ~view.geometry.kept_pixels.reshape(view.geometry.detector_shape)] = 0
    return out


def _sub_scan(view, places):
    """A scan of one row of these places."""
    geometry = view.geometry.replace(scan_shape=(1, len(places)), scan_mask=None)
    return view.scan.replace(patterns=_patterns(view, places)[None].astype(np.float32), geometry=geometry, centres=None)
