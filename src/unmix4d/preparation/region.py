"""A part of the positions of a scan, as a scan of its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.scan import Scan
from .lazy import as_dask

__all__ = ["cut_region", "inside_outline"]

_MOST_CORNERS = 100_000  # of a line drawn by hand: more is a mask, or a mistake


def cut_region(scan: Scan, rows: tuple[int, int], cols: tuple[int, int]) -> Scan:
    """Positions from the first of two numbers up to before the second; coordinates stay. Nothing is read."""
    part = slice(*rows), slice(*cols)
    geometry = scan.geometry
    known = geometry.calibration
    origin = tuple(o + first * step for o, (first, _), step in zip(known.scan_origin, (rows, cols), known.step))
    mask = None if geometry.scan_mask is None else geometry.scan_mask[part]
    if mask is not None and mask.all():
        raise ValueError(f"the region must contain a position that is not excluded, but all {mask.size} are")
    sliceable = isinstance(scan.patterns, np.ndarray) or scan.lazy
    return scan.replace(
        patterns=(scan.patterns if sliceable else as_dask(scan))[part],
        geometry=geometry.replace(
            scan_shape=(rows[1] - rows[0], cols[1] - cols[0]), scan_mask=mask if mask is not None and mask.any() else None,
            calibration=known.with_changes(scan_origin=origin),
        ),
        centres=None if scan.centres is None else scan.centres[part],
        steps=(*scan.steps, {"region": [list(rows), list(cols)]}),
    )  # fmt: skip


def inside_outline(outline: Any, shape: tuple[int, int]) -> np.ndarray:
    """Boolean (scan_row, scan_col): positions inside or on a closed line with these corners (row, col)."""
    from skimage.draw import line, polygon

    try:
        corners = np.asarray(outline, dtype=float)
    except (TypeError, ValueError):
        raise TypeError(f"outline must be a list of corners (row, col), got {type(outline).__name__}") from None
    if corners.ndim != 2 or corners.shape[1:] != (2,) or not 3 <= len(corners) <= _MOST_CORNERS:
        raise ValueError(f"outline must be a list of 3 corners (row, col) or more, got the shape {corners.shape}")
    last = np.array(shape) - 0.5
    if not ((corners >= -0.5) & (corners <= last)).all():
        raise ValueError(
            f"corners of outline must lie inside the scan of {shape[0]} x {shape[1]} positions, got {outline!r:.80}"
        )
    inside = np.zeros(shape, bool)
    inside[polygon(corners[:, 0], corners[:, 1], shape)] = True
    on = np.clip(np.floor(corners + 0.5).astype(int), 0, np.array(shape) - 1)
    for one, next_ in zip(on, np.roll(on, -1, axis=0)):
        inside[line(*one, *next_)] = True
    return inside
