"""Scans of a few grains, kinematical, with known orientations: what the width, the centre, the dose and the crystal do."""

import numpy as np
from scipy.spatial.transform import Rotation

from unmix4d import Unmix
from unmix4d.core.geometry import Calibration, ScanGeometry
from unmix4d.orientation.likelihood import weighed
from unmix4d.orientation.pattern_model import Experiment, PatternModel

__all__ = ["crystals", "order", "patterns", "scan", "tilted", "truly_ambiguous", "truly_known", "unmixed"]

PIXEL, SIZE, CENTRE, REACH = 0.03, (96, 96), (47.3, 48.1), 1.4
_ROWS, _EACH, _RADIUS = 6, 4, 1.1  # rows of the scan, columns of a grain, radius of a spot in pixels


def crystals():
    """py4DSTEM Crystals of four systems: silver, rutile, titanium, and iron at four places of an orthorhombic cell."""
    from py4DSTEM.process.diffraction import Crystal

    fcc = [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
    u = 0.305
    rutile = [[0, 0, 0], [0.5, 0.5, 0.5], [u, u, 0], [-u, -u, 0], [0.5 + u, 0.5 - u, 0.5], [0.5 - u, 0.5 + u, 0.5]]
    hcp = [[1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]]
    places = [[0.1, 0.2, 0.25], [-0.1, -0.2, 0.75], [0.4, 0.7, 0.25], [-0.4, -0.7, 0.75]]
    return {
        "cubic (Ag)": Crystal(np.array(fcc), 47, 4.0853),
        "tetragonal (TiO2)": Crystal(
            np.array(rutile) % 1, np.array([22, 22, 8, 8, 8, 8]), [4.594, 4.594, 2.959, 90, 90, 90]
        ),
        "hexagonal (Ti)": Crystal(np.array(hcp), 22, [2.951, 2.951, 4.684, 90, 90, 120]),
        "orthorhombic": Crystal(np.array(places) % 1, 26, [4.76, 5.98, 3.9, 90, 90, 90]),
    }


def tilted(axis, tilt_deg, azimuth_deg, spin_deg):
    """An orientation with a Cartesian axis of the crystal near the beam."""
    axis = np.asarray(axis, float) / np.linalg.norm(axis)
    upright = Rotation.align_vectors([[0, 0, 1]], [axis])[0]
    across = [np.cos(np.radians(azimuth_deg)), np.sin(np.radians(azimuth_deg)), 0]
    tilt = Rotation.from_rotvec(np.radians(tilt_deg) * np.array(across))
    return (tilt * Rotation.from_euler("z", spin_deg, degrees=True) * upright).as_matrix()


def _model(pattern, gain):
    calibration = Calibration(pixel_size=(PIXEL, PIXEL), pixel_unit="1/Å")
    geometry = ScanGeometry((1, 1), SIZE, centre=CENTRE, calibration=calibration)
    return PatternModel(pattern, geometry, gain=gain, radius=2 * _RADIUS, q_min=0.1, q_max=REACH)


def patterns(reflections, matrices, *, width, offset=(0.0, 0.0), kind="gaussian"):
    """(n, det_row, det_col), each of sum 1."""
    model, seen = _model(np.ones(SIZE), 1.0), Experiment(kind, width, _RADIUS, offset=offset)
    images = np.array([model.image(reflections, one, seen) for one in matrices])
    return images / images.sum((1, 2), keepdims=True)


def scan(images, *, dose, seed, background=0.02):
    """Counts of bands of grains, each sharing a column half and half with the next one."""
    k, cols = len(images), _EACH * len(images)
    weights = np.zeros((k, cols))
    for i in range(k):
        weights[i, _EACH * i : _EACH * (i + 1)] = 1
        if i:
            weights[[i - 1, i], _EACH * i] = 0.5
    expected = dose * np.einsum("kj,krc->jrc", weights, images) + background
    expected = np.broadcast_to(expected, (_ROWS, *expected.shape))
    return np.random.default_rng(seed).poisson(expected).astype(np.uint16), weights


def unmixed(counts, k):
    """Components of it."""
    view = Unmix(counts, centre=CENTRE, pixel_size=PIXEL, pixel_unit="1/Å", step=2.0, step_unit="nm")
    return view.nmf(k, random_state=0)


def order(result, weights):
    """Which component is which grain."""
    maps = np.nan_to_num(result.maps).mean(1)
    return np.corrcoef(maps, weights)[: result.k, result.k :].argmax(0)


def truly_ambiguous(reflections, image, matrix, symmetry, *, odds, **scene):
    """Whether counting alone leaves the orientation open: with everything else known, as it was simulated."""
    told = _with_all_known(reflections, image, matrix, symmetry, **scene)
    return bool(told.log_ratio < np.log(odds) or told.best.error_deg > 2)


def truly_known(reflections, image, matrix, symmetry, **scene):
    """Whether counting alone, with everything else known, leaves no more than its copy by half a turn, and 2 degrees."""
    return bool(_with_all_known(reflections, image, matrix, symmetry, **scene).best.error_deg <= 2)


def _with_all_known(reflections, image, matrix, symmetry, *, width, dose, n, background=0.02, kind="gaussian"):
    model = _model(dose * image + background, 1 / n)
    return weighed(
        reflections, model, matrix[None], symmetry, Experiment(kind, width, _RADIUS), different_deg=5.0, fit=("radius",)
    )
