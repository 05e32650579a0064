"""Patterns as a camera without distortion would have recorded them: intensity is moved, and none is lost."""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy

from .geometry import ScanGeometry
from .polar import to_polar

__all__ = ["made_round", "matrix_of", "round_matrix"]

_PARTS = 8  # a pixel is moved in 8 x 8 parts, so that a turn or a shear of a few per cent leaves no pattern of its own
_WHOLE = 0.99  # share of a pixel on pixels that take part, below which it is not known
_LEAST_AREA = 0.1  # of a pixel that a matrix may leave of it, and its inverse: more is a mistake


def round_matrix(geometry: ScanGeometry) -> np.ndarray:
    """Matrix (2, 2) from (row, column) about the centre to those of the pattern made round, with square pixels."""
    row, col = (geometry.centre[i] + np.eye(2)[i] for i in (0, 1))
    azimuth, radius = to_polar(geometry, row, col)
    return np.stack([-radius * np.sin(azimuth), radius * np.cos(azimuth)])


def matrix_of(given) -> np.ndarray:
    """A matrix (2, 2) of (row, column) from one of (x, y), (2, 2) or (3, 3), as the hosts and scikit-image write it."""
    try:
        matrix = np.asarray(given, float)
    except (TypeError, ValueError):
        raise TypeError(f"undistort must be True, False or a matrix (2, 2) or (3, 3), got {given!r}") from None
    if matrix.shape not in ((2, 2), (3, 3)) or not np.isfinite(matrix).all():
        raise ValueError(f"undistort must be True, False or a matrix (2, 2) or (3, 3) of finite numbers, got {given!r}")
    if matrix.shape == (3, 3) and not np.array_equal(matrix[2], (0, 0, 1)):
        raise ValueError(f"undistort must be an affine matrix, whose last row is (0, 0, 1), got {matrix[2].tolist()}")
    matrix = matrix[:2, :2][::-1, ::-1]
    area = abs(np.linalg.det(matrix))
    if not _LEAST_AREA <= area <= 1 / _LEAST_AREA:
        raise ValueError(f"undistort must leave a pixel between a tenth and ten times its area, got {area:.3g} times")
    return matrix


def made_round(images, geometry: ScanGeometry, matrix=None) -> tuple[np.ndarray, ScanGeometry]:
    """Patterns with the distortion taken out, and their geometry.

    Every pixel is cut into parts, and each goes where it belongs, to the pixels that it covers there: the sum of intensities
    and the centre of every spot are kept. The detector becomes as large as that needs.

    images (ndarray (k, det_row, det_col)): NaN where not known.
    matrix (ndarray (2, 2), optional): Of (row, column) about the centre; pixel sizes are then as they were. None: that of
        `round_matrix`, and pixels are square.
    Returns images (ndarray (k, row, col)): NaN where a pixel is not known as a whole.
    Returns geometry (ScanGeometry): Without an ellipse, with the centre and the mask of the new detector.
    """
    if geometry.polar or geometry.features:
        raise ValueError("undistort needs patterns in rows and columns, but those of this answer are none")
    moved = round_matrix(geometry) if matrix is None else np.asarray(matrix, float)
    shape, centre = _frame(geometry, moved)
    weights = _weights(geometry, moved, shape, centre)
    images = np.asarray(images)
    flat = images.reshape(len(images), -1)
    known = np.isfinite(flat)
    values = (weights @ np.where(known, flat, 0).T).T
    seen = (weights @ known.T.astype(float)).T * abs(np.linalg.det(moved))
    out = np.where(seen >= _WHOLE, values, np.nan).astype(images.dtype).reshape(len(images), *shape)
    return out, _geometry(geometry, shape, centre, np.isnan(out).all(axis=0), square=matrix is None)


def _frame(geometry, matrix):
    """Shape of a detector that holds all of the moved one, and the place of the centre on it."""
    ends = [(-0.5 - c, n - 0.5 - c) for n, c in zip(geometry.detector_shape, geometry.centre)]
    corners = np.array([(row, col) for row in ends[0] for col in ends[1]]) @ matrix.T
    # Moved by whole pixels, so that what is round already stays as it is.
    shift = np.ceil(-0.5 - corners.min(axis=0) - geometry.centre - 1e-9)
    centre = np.asarray(geometry.centre) + shift
    high = corners.max(axis=0) + centre
    return tuple(int(np.ceil(v - 0.5 - 1e-9)) + 1 for v in high), tuple(centre.tolist())


def _weights(geometry, matrix, shape, centre):
    """Sparse (n_new, n_old): the share of every pixel that goes to every new one; columns sum to 1."""
    parts = (np.arange(_PARTS) + 0.5) / _PARTS - 0.5
    places = np.stack(np.indices(geometry.detector_shape), axis=-1).reshape(-1, 2) - np.asarray(geometry.centre)
    size = np.maximum(np.abs(np.diag(matrix)), 1e-6) / _PARTS
    total = scipy.sparse.csr_matrix((int(np.prod(shape)), len(places)))
    for part in np.stack(np.meshgrid(parts, parts, indexing="ij"), axis=-1).reshape(-1, 2):
        at = (places + part) @ matrix.T + np.asarray(centre)
        total = total + _shared(at, size, shape)
    return total / _PARTS**2


def _shared(at, size, shape):
    """Where boxes of `size` about the places `at` lie, in shares of each."""
    n, (rows, cols) = np.arange(len(at)), shape
    pieces = []
    first = np.floor(at - size / 2 + 0.5).astype(int)
    shares = [np.clip((first[:, i] + 0.5 - (at[:, i] - size[i] / 2)) / size[i], 0, 1) for i in (0, 1)]
    for down in (0, 1):
        for right in (0, 1):
            weight = (1 - shares[0] if down else shares[0]) * (1 - shares[1] if right else shares[1])
            row, col = first[:, 0] + down, first[:, 1] + right
            on = (weight > 0) & (row >= 0) & (row < rows) & (col >= 0) & (col < cols)
            pieces.append((weight[on], (row[on] * cols + col[on], n[on])))
    entries = np.concatenate([p[0] for p in pieces])
    where = tuple(np.concatenate([p[1][i] for p in pieces]) for i in (0, 1))
    return scipy.sparse.csr_matrix((entries, where), shape=(rows * cols, len(at)))


def _geometry(geometry, shape, centre, unknown, square):
    known = geometry.calibration
    size = (geometry.pixel_length,) * 2 if square else known.pixel_size
    origin = known.detector_origin
    if origin is not None:
        beam = [o + s * c for o, s, c in zip(origin, known.pixel_size, geometry.centre)]
        origin = tuple(b - s * c for b, s, c in zip(beam, size, centre))
    return geometry.replace(
        detector_shape=shape, centre=centre, ellipse=None, detector_mask=unknown if unknown.any() else None,
        calibration=dataclasses.replace(known, pixel_size=size, detector_origin=origin),
    )  # fmt: skip
