"""Between the frames of detector and scan, and between the conventions of the hosts.

Measured with a simulation of its own (`tests/test_orientation_pyxem.py`, `tests/test_orientation_py4dstem.py`):

- py4DSTEM: the transpose of ``OrientationMap.matrix`` is the active rotation from the crystal to (row, column, z).
- pyxem 0.21: a template is placed with the azimuth that its first bin (-180 degrees) adds, so that the rotations of
  ``OrientationMap.to_rotation`` are those of a frame that is turned by half a turn about the beam: its x is along
  decreasing columns and its y along the rows. Orix keeps the passive rotation from the laboratory to the crystal.
"""

from __future__ import annotations

import math

import numpy as np

__all__ = ["detector_to_scan", "from_orix_matrix", "from_py4dstem_matrix", "to_orix_matrix", "to_scan_frame"]

# (row, column, z) of a vector in the frame of pyxem's rotations
_PYXEM = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


def from_orix_matrix(matrix) -> np.ndarray:
    """Active rotations (..., 3, 3), crystal to (row, column, z), of orix matrices as pyxem makes them."""
    return _PYXEM @ np.swapaxes(np.asarray(matrix, float), -1, -2)


def to_orix_matrix(matrix) -> np.ndarray:
    """The inverse of `from_orix_matrix`.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.orientation.geometry import from_orix_matrix, to_orix_matrix
    >>> bool(np.allclose(to_orix_matrix(from_orix_matrix(np.eye(3))), np.eye(3)))
    True
    """
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

    Examples
    --------
    >>> from unmix4d.frame import Calibration
    >>> from unmix4d.orientation.geometry import to_scan_frame
    >>> to_scan_frame([[0.0, 1.0]], Calibration(rotation_deg=90)).round(9).tolist()
    [[1.0, 0.0]]
    """
    vectors = np.asarray(vectors, float).reshape(-1, 2)
    if calibration.flip:
        vectors = vectors[:, ::-1]
    return vectors @ detector_to_scan(calibration)[:2, :2].T
