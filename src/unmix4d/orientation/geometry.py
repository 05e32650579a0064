"""Between the frames of detector and scan, and between the conventions of the hosts.

Measured with a simulation of its own (`tests/orientation/`):

- py4DSTEM: the transpose of ``OrientationMap.matrix`` is the active rotation from the crystal to (row, column, z).
- pyxem 0.21: a template is placed with the azimuth that its first bin (-180 degrees) adds, so that the rotations of
  ``OrientationMap.to_rotation`` are those of a frame that is rotated by half a turn about the beam: its x is along
  decreasing columns and its y along the rows. Orix keeps the passive rotation from the laboratory to the crystal.
"""

from __future__ import annotations

import math

import numpy as np

from ..core.units import convert, is_calibrated

__all__ = ["detector_to_scan", "from_orix_matrix", "from_py4dstem_matrix", "pixels_to_vectors", "to_inverse_angstrom",
           "to_orix_matrix", "to_scan_frame"]  # fmt: skip

# (row, column, z) of a vector in the frame of pyxem's rotations
_PYXEM = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


def from_orix_matrix(matrix) -> np.ndarray:
    """Active rotations (..., 3, 3), crystal to (row, column, z), of orix matrices as pyxem makes them."""
    return _PYXEM @ np.swapaxes(np.asarray(matrix, float), -1, -2)


def to_orix_matrix(matrix) -> np.ndarray:
    """The inverse of `from_orix_matrix`."""
    return np.swapaxes(_PYXEM.T @ np.asarray(matrix, float), -1, -2)


def from_py4dstem_matrix(matrix) -> np.ndarray:
    """Active rotations (..., 3, 3), crystal to (row, column, z), of py4DSTEM's orientation matrices."""
    return np.swapaxes(np.asarray(matrix, float), -1, -2)


def _turn(calibration) -> float:
    """Angle in radians, from the rows towards the columns, that takes detector vectors (after the flip) into the scan."""
    return -math.radians(calibration.rotation_deg or 0.0)


def detector_to_scan(calibration) -> np.ndarray:
    """The rotation (3, 3) about the beam from the unflipped detector to the scan; the identity where it is unknown."""
    c, s = math.cos(_turn(calibration)), math.sin(_turn(calibration))
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def to_scan_frame(vectors, calibration) -> np.ndarray:
    """Vectors (n, 2), (row, column) on the detector, as they lie in the scan, where rotation and flip are known.

    As py4DSTEM does it with ``rotate=True``: exchange of rows and columns where the detector is flipped, then the rotation.
    """
    vectors = np.asarray(vectors, float).reshape(-1, 2)
    if calibration.flip:
        vectors = vectors[:, ::-1]
    return vectors @ detector_to_scan(calibration)[:2, :2].T


def to_inverse_angstrom(geometry) -> tuple[float, float]:
    """Size of a detector pixel (row, column) in 1/Å.

    Raises ValueError when the detector is not calibrated in a reciprocal length.
    """
    calibration = geometry.calibration
    if geometry.polar or geometry.features or not is_calibrated(calibration.pixel_unit):
        raise ValueError("orientations need a calibrated detector: give pixel_size and pixel_unit, such as '1/Å'")
    try:
        down, across = (convert(size, calibration.pixel_unit, "1/Å") for size in calibration.pixel_size)
        return down, across
    except ValueError:
        raise ValueError(
            f"orientations need a detector calibrated in a reciprocal length, got {calibration.pixel_unit!r}: "
            "give pixel_size and pixel_unit"
        ) from None


def pixels_to_vectors(geometry) -> np.ndarray:
    """The matrix (2, 2) that takes (row, column) on the detector, in pixels from the centre, to 1/Å in the scan.

    The ellipse is taken out (distances along its axis a become shorter by b / a, as in py4DSTEM), then the pixel sizes
    count, then flip and rotation where they are known.
    """
    out = np.diag(to_inverse_angstrom(geometry))
    if geometry.ellipse is not None:
        a, b, angle = geometry.ellipse[0], geometry.ellipse[1], math.radians(geometry.ellipse[2])
        along = np.array([-math.sin(angle), math.cos(angle)])
        out = out @ (np.eye(2) + (b / a - 1) * np.outer(along, along))
    return to_scan_frame(out.T, geometry.calibration).T
