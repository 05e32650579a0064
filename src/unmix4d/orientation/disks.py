"""Bragg disks of k component patterns, found by a host, as vectors in 1/Å in the frame that is matched in."""

from __future__ import annotations

import math

import numpy as np

from ..core import checks
from ..hosts import disk_detection
from .geometry import pixels_to_vectors, to_inverse_angstrom

__all__ = ["component_disks", "point_list", "radius_of", "typical_radius"]

_STRONGEST = 0.003  # of the strongest disk of a pattern: weaker maxima are noise of the correlation
_MOST = 120  # of a pattern, for the host: more than it holds in practice; no table


def typical_radius(patterns) -> float:
    """Median disk radius of some patterns in pixels, from the brightest spot of each, bright patterns counted more.

    Raises ValueError when no pattern has a spot.
    """
    radii, weight = [], []
    for pattern in patterns:
        try:
            radii.append(disk_detection.disk_radius(pattern))
            weight.append(float(np.max(pattern)))  # of a weak one that is a chance of noise
        except ValueError:
            continue
    if not radii:
        raise ValueError("disk_radius must be passed: no component pattern has a disk as its brightest part")
    order = np.argsort(radii)
    summed = np.cumsum(np.array(weight)[order])
    return float(np.array(radii)[order][np.searchsorted(summed, summed[-1] / 2)])


def radius_of(patterns, geometry, *, disk_radius=None, probe=None) -> float:
    """Radius of the disks in pixels: as given, else that of the probe, else `typical_radius`."""
    if disk_radius is not None:
        return checks.positive(disk_radius, "disk_radius")
    if probe is not None:
        template = _probe_image(probe, geometry.detector_shape)
        return math.sqrt((template > template.max() / 2).sum() / math.pi)
    return typical_radius(patterns)


def component_disks(
    patterns, geometry, *, detector="py4dstem", disk_radius=None, probe=None, detection=None, q_min=0.0
) -> list[np.ndarray]:
    """(q_row, q_col, intensity) of the disks of each pattern.

    patterns (ndarray (k, det_row, det_col)): Without NaN.
    geometry (ScanGeometry): Its centre, ellipse, calibration and detector mask are used.
    detector: {"py4dstem", "pyxem"}.
    disk_radius (float): In pixels; `typical_radius` by default, that of the probe where one is given.
    probe (py4DSTEM Probe or ndarray (det_row, det_col)): A measured probe as the template, instead of a synthetic one
        (py4DSTEM).
    detection (dict): Arguments of ``find_Bragg_disks``, or of the ``find_peaks`` of pyxem, in place of ours.
    q_min (float): Vectors shorter than this, in 1/Å, are the direct beam.
    Returns list of ndarray (n_disks, 3): In 1/Å, the ellipse taken out, rotated into the scan where the rotation is known;
        strongest first.
    Raises ValueError when the detector is not calibrated, or no radius can be found.
    """
    to_inverse_angstrom(geometry)
    template = None if probe is None else _probe_image(probe, geometry.detector_shape)
    radius = radius_of(patterns, geometry, disk_radius=disk_radius, probe=probe)
    find = _finder(patterns, radius, template, detection, detector)
    clear = disk_detection.clear_of_mask(geometry, radius)
    found = [clear(np.asarray(peaks, float).reshape(-1, 3)) for peaks in find(patterns.astype(np.float32))]
    found = [one[one[:, 2] > _STRONGEST * one[:, 2].max()] if len(one) else one for one in found]
    return [_calibrated(peaks, geometry, q_min) for peaks in found]


def _probe_image(probe, shape):
    image = np.asarray(getattr(probe, "probe", probe), float)
    if image.shape != tuple(shape):
        raise ValueError(f"probe must have the shape of the detector {tuple(shape)}, got {image.shape}")
    if not np.isfinite(image).all() or image.max() <= 0:
        raise ValueError("probe must contain finite intensities above 0")
    return image


def _finder(patterns, radius, template, detection, detector):
    given = {} if detection is None else detection
    options = disk_detection.detection_options(detector, radius, given)
    if detector == "pyxem":
        return disk_detection.pyxem_disks(patterns, radius, options)
    ours = {"minRelativeIntensity": _STRONGEST, "relativeToPeak": 0, "maxNumPeaks": _MOST}
    options |= {name: value for name, value in ours.items() if name not in given}
    if template is None:
        return disk_detection.py4dstem_disks(np.asarray(patterns, np.float32), radius, options)
    from py4DSTEM.braggvectors.probe import Probe

    kernel = Probe(template).get_kernel(mode="sigmoid", radii=(radius, 2 * radius))
    return disk_detection.correlated_with(kernel, options)


def _calibrated(peaks, geometry, q_min):
    if not len(peaks):
        return peaks
    q = (peaks[:, :2] - geometry.centre) @ pixels_to_vectors(geometry).T
    out = np.column_stack([q, np.maximum(peaks[:, 2], 0)])[np.hypot(*q.T) > q_min]
    return out[np.argsort(-out[:, 2], kind="stable")]


def point_list(vectors):
    """A py4DSTEM PointList (qx, qy, intensity) of (n, 3) vectors; qx is along the rows."""
    from emdfile import PointList

    data = np.zeros(len(vectors), dtype=[("qx", float), ("qy", float), ("intensity", float)])
    for name, column in zip(("qx", "qy", "intensity"), np.asarray(vectors, float).reshape(-1, 3).T):
        data[name] = column
    return PointList(data)
