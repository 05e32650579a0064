"""In which axes a map of orientations is written: those of the program that made it. NumPy only.

Euler angles and quaternions of a map are those of three axes x, y, z. Here each program's axes are given as they lie on the
scan, in (row, column, z), z towards the viewer of a map that is drawn with row 0 on top.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import checks
from .geometry import detector_to_scan, from_orix_matrix

__all__ = ["FRAMES", "frame_of", "into_scan", "turned_into_scan"]

_PYXEM = from_orix_matrix(np.eye(3))
_RIGHT_UP = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
# The columns are x, y and z in (row, column, z).
FRAMES = {
    "pyxem": _PYXEM,  # x along decreasing columns, y along the rows, of the detector: measured, see geometry.py
    "astar": _RIGHT_UP,  # x to the right, y up, z out of the screen
    "edax": np.eye(3),  # A1 down, A2 to the right, A3 out of the screen
    "oxford": _RIGHT_UP,  # x to the right, y up, z out of the screen
    "scan": _PYXEM,  # as pyxem's, but turned into the scan already: what `Orientations.crystal_map` is written in
}
# What only the files of a program have, as orix calls it.
_COLUMNS = {
    "scan": {"second_component", "grain_id"}, "astar": {"ind", "rel"}, "oxford": {"MAD", "BC", "BS"},
    "edax": {"iq", "ci", "detector_signal"},
}  # fmt: skip


def frame_of(properties: Any, frame: Any = None) -> str:
    """The name of the axes of a CrystalMap: the given one, or that of the program whose columns it has, else pyxem's."""
    if frame is not None:
        return checks.choice(frame, "frame", tuple(FRAMES))
    names = set(properties)
    return next((program for program, columns in _COLUMNS.items() if columns <= names), "pyxem")


def into_scan(matrices: np.ndarray, frame: str, calibration: Any = None) -> np.ndarray:
    """Active rotations (..., 3, 3), crystal to (row, column, z) of the scan, of orix matrices written in those axes.

    Only pyxem's are those of the detector: they are flipped and turned where `calibration` knows how it lies on the scan.
    """
    active = FRAMES[frame] @ np.swapaxes(np.asarray(matrices, float), -1, -2)
    return active if frame != "pyxem" or calibration is None else turned_into_scan(active, calibration)


def turned_into_scan(active: np.ndarray, calibration: Any) -> np.ndarray:
    """Active rotations (..., 3, 3), crystal to (row, column, z), of the detector as those of the scan."""
    if calibration.flip:
        # Rows and columns exchanged is no rotation; with the inverse of the crystal, which diffracts the same, it is.
        active = -np.eye(3)[[1, 0, 2]] @ active
    return detector_to_scan(calibration) @ active
