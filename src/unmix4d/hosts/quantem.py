"""quantem datasets, by what they look like: quantem cannot be installed next to the other hosts."""

from __future__ import annotations

import numpy as np

from ..core.geometry import Calibration, ScanGeometry
from ..core.messages import warn
from ..core.scan import HostRecord, Scan, as_patterns, is_dask
from ..core.units import PIXELS, canonical_unit
from .array import write, write_maps

__all__ = ["matches", "read", "write", "write_maps"]


def matches(obj) -> bool:
    """True for objects with the axes of a quantem dataset and a way to its array."""
    return all(hasattr(obj, name) for name in ("sampling", "origin", "units")) and (
        hasattr(obj, "array") or callable(getattr(obj, "numpy", None))
    )


def read(obj) -> Scan:
    """A scan from a dataset with the axes (scan_row, scan_col, k_row, k_col)."""
    patterns = as_patterns(_array(obj))
    sampling, origin = (_four(getattr(obj, name), name) for name in ("sampling", "origin"))
    units = list(obj.units)
    if len(units) != 4:
        raise ValueError(f"units of the dataset must have one entry for each of the 4 axes, got {units}")
    if np.any(sampling <= 0):
        raise ValueError(f"sampling of the dataset must be above 0, got {sampling.tolist()}")
    step, step_unit, scan_origin = _pair(sampling[:2], units[:2], origin[:2], "scan")
    pixel_size, pixel_unit, detector_origin = _pair(sampling[2:], units[2:], origin[2:], "detector")
    # Zeros are what quantem puts there when nobody says anything: no statement about the direct beam.
    known = any(detector_origin)
    centre = tuple(0.0 - o / p for o, p in zip(detector_origin, pixel_size)) if known else None
    calibration = Calibration(
        step=step,
        step_unit=step_unit,
        pixel_size=pixel_size,
        pixel_unit=pixel_unit,
        scan_origin=scan_origin,
        detector_origin=detector_origin if known else None,
    )
    geometry = ScanGeometry(patterns.shape[:2], patterns.shape[2:], centre=centre, calibration=calibration)  # type: ignore[arg-type]
    name = str(getattr(obj, "name", "") or "")
    record = {
        "class": type(obj).__name__,
        "sampling": sampling.tolist(),
        "origin": origin.tolist(),
        "units": [str(unit) for unit in units],
    }
    return Scan(patterns, geometry, host=HostRecord("quantem", record, name))


def _array(obj):
    array = getattr(obj, "array", None)
    if isinstance(array, np.ndarray) or is_dask(array) or not callable(getattr(obj, "numpy", None)):
        return array
    # On a GPU, or in a class of quantem's own: its method for a NumPy array knows the way.
    return obj.numpy()


def _four(values, name):
    values = np.asarray(values, dtype=float).ravel()
    if values.size != 4 or not np.all(np.isfinite(values)):
        raise ValueError(f"{name} of the dataset must be 4 finite numbers (one per axis), got {values}")
    return values


def _pair(sampling, units, origin, what):
    """(size, unit, origin) of a pair of axes; in pixels, with a warning, when their units differ."""
    first, second = (canonical_unit(unit) for unit in units)
    if first != second:
        warn(f"the {what} axes have different units ({first} and {second}): they are taken as not calibrated")
        return (1.0, 1.0), PIXELS, (0.0, 0.0)
    return tuple(sampling.tolist()), first, tuple(origin.tolist())
