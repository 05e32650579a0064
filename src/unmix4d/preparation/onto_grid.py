"""A scan brought to the detector grid of another, by centre and pixel size."""

from __future__ import annotations

from functools import partial

import numpy as np

from ..core.geometry import ScanGeometry
from ..core.grids import area_weights, onto_grid
from ..core.scan import Scan
from .lazy import map_patterns

__all__ = ["brought_onto"]


def brought_onto(scan: Scan, geometry: ScanGeometry) -> Scan:
    """The scan on the detector grid of `geometry`, lazily; counts go to the pixels that they fall on.

    Pixels of which it does not know all, or that are excluded in it, are excluded.
    """
    own = scan.geometry
    known = np.where(own.kept_pixels.reshape(own.detector_shape), 1.0, np.nan)
    unseen = np.isnan(onto_grid(known[None], geometry, own))[0]
    rows, columns = (part.astype(np.float32) for part in area_weights(geometry, own))
    patterns = map_patterns(
        scan, partial(_moved, rows=rows, columns=columns), np.dtype(np.float32), geometry.detector_shape
    )  # fmt: skip
    moved = own.replace(
        detector_shape=geometry.detector_shape, detector_mask=unseen if unseen.any() else None, centre=geometry.centre,
        centre_known=geometry.centre_known,
        calibration=own.calibration.with_changes(
            pixel_size=geometry.calibration.pixel_size, pixel_unit=geometry.calibration.pixel_unit,
            detector_origin=geometry.calibration.detector_origin,
        ),
    )  # fmt: skip
    return scan.replace(patterns=patterns, geometry=moved, centres=None, steps=(*scan.steps, {"resample": True}))


def _moved(block, *, rows, columns):
    return np.einsum("ri,abij,cj->abrc", rows, block.astype(np.float32), columns, optimize=True)
