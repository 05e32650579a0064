"""Beam positions as the hosts measure them: pyxem's `BeamShift`, origins of py4DSTEM, or plain positions (row, column)."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ..core import checks
from ..core.geometry import ScanGeometry
from ..core.units import is_calibrated
from . import py4dstem

__all__ = ["positions_of"]


def positions_of(measured: Any, geometry: ScanGeometry) -> np.ndarray:
    """Positions (row, column) of the direct beam in pixels, (scan_row, scan_col, 2), not yet checked.

    measured: A `BeamShift` holds shifts (x, y) towards the middle of the detector. A tuple of two arrays of the shape of the
        scan is an origin of py4DSTEM (rows, columns), with a third where it was measured. Anything else holds positions.
    Raises ValueError when shifts are not pixels, or belong to another detector.
    """
    if _is_beam_shift(measured):
        return _from_shifts(measured, geometry)
    if callable(getattr(measured, "get_origin", None)):
        measured = tuple(measured.get_origin() or ())
    if isinstance(measured, tuple) and len(measured) in (2, 3):
        parts = [np.ma.asarray(part) for part in measured]
        if all(part.shape == geometry.scan_shape for part in parts):
            return _from_origin(parts, geometry.scan_shape)
    data = checks.unwrap(measured)
    return _as_scan(data.compute() if hasattr(data, "dask") else data, geometry)


def _is_beam_shift(obj):
    signals = sys.modules.get("pyxem.signals")
    # Asking a lazy module for a class would import it: what is not imported yet, nobody can have made one of.
    return signals is not None and any(cls.__name__ == "BeamShift" for cls in type(obj).__mro__)


def _from_shifts(shifts, geometry):
    units = [unit for unit in (getattr(shifts, "units", None) or []) if unit is not None]
    if any(is_calibrated(unit) for unit in units):
        raise ValueError(f"align must be a BeamShift in pixels, got one in {units[0]}: leave pixels_to_calibrated_units out")
    axes = shifts.metadata.get_item("Shifts.signal_axes")
    if axes is not None:
        shape = tuple(int(axis.size) for axis in axes)[::-1]
        if shape != geometry.detector_shape:
            raise ValueError(
                f"align must be a BeamShift of the detector of {geometry.detector_shape} pixels, got one measured on {shape}"
            )
    data = shifts.data.compute() if hasattr(shifts.data, "dask") else shifts.data
    data = _as_scan(data, geometry)
    if data.shape[-1:] != (2,) or data.dtype.kind not in "iuf":
        return data
    # pyxem counts from half the size of the detector, half a pixel beside the middle of the pixel in the middle.
    return np.array(geometry.detector_shape) / 2 - data[..., ::-1]


def _from_origin(parts, scan_shape):
    rows, cols = (np.ma.filled(part.astype(float), np.nan) for part in parts[:2])
    if len(parts) == 3:
        unknown = ~np.asarray(parts[2], bool)
        rows, cols = (np.where(unknown, np.nan, part) for part in (rows, cols))
    centres = py4dstem.origin_of((rows, cols), scan_shape)[1]
    # One position alone is one number for py4DSTEM too.
    return np.stack([rows, cols], axis=-1) if centres is None else centres


def _as_scan(data, geometry):
    """A line scan of a host has one axis less."""
    try:
        data = np.asarray(data)
    except ValueError:
        return data
    lines = 1 in geometry.scan_shape and data.ndim < 3 and data.size == 2 * int(np.prod(geometry.scan_shape))
    return data.reshape(*geometry.scan_shape, 2) if lines and data.shape[-1:] == (2,) else data
