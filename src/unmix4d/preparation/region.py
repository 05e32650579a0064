"""A part of the positions of a scan, as a scan of its own."""

from __future__ import annotations

import numpy as np

from ..core.scan import Scan
from .lazy import as_dask

__all__ = ["cut_region"]


def cut_region(scan: Scan, rows: tuple[int, int], cols: tuple[int, int]) -> Scan:
    """Positions from the first of two numbers up to before the second; coordinates stay. Nothing is read."""
    part = slice(*rows), slice(*cols)
    geometry = scan.geometry
    known = geometry.calibration
    origin = tuple(o + first * step for o, (first, _), step in zip(known.scan_origin, (rows, cols), known.step))
    mask = None if geometry.scan_mask is None else geometry.scan_mask[part]
    if mask is not None and mask.all():
        raise ValueError(f"the region must hold a position that takes part, but all {mask.size} of it are excluded")
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
