"""Every pattern moved so that its beam comes to one place: by whole pixels, or by parts of pixels with interpolation."""

from __future__ import annotations

import dataclasses

import numpy as np

from ..core.centre import in_a_corner
from ..core.geometry import ScanGeometry
from ..core.scan import Scan
from ..engine.blocks import compute_dtype
from . import pixels
from .lazy import map_patterns
from .masks import with_masks

__all__ = ["align_beam", "checked_positions"]

_NEAR = 2.0  # pixels that a centre may lie outside of where the beams were measured, and still be theirs


def checked_positions(positions, geometry: ScanGeometry) -> np.ndarray:
    """Beam positions (scan_row, scan_col, 2) that lie on the detector; the mean where a position is excluded and has none.

    Raises ValueError when the shape is another, or at a kept position one is NaN, infinite or beside the detector.
    """
    try:
        positions = np.asarray(positions)
    except ValueError:  # rows of different lengths
        positions = np.empty(0)
    if positions.shape != (*geometry.scan_shape, 2) or positions.dtype.kind not in "iuf":
        raise ValueError(
            f"align must be True or beam positions of the shape {(*geometry.scan_shape, 2)}, or 'measure', got "
            f"{positions.shape or positions.dtype}"
        )
    positions = np.array(positions, float)
    kept = geometry.kept_positions.reshape(geometry.scan_shape)
    if not np.isfinite(positions[kept]).all():
        raise ValueError("align must hold finite beam positions, got NaN, masked or infinite ones at kept positions")
    beside = ((positions < -0.5) | ~(positions <= np.array(geometry.detector_shape) - 0.5)).any(-1)
    if (beside & kept).any():
        row, col = np.argwhere(beside & kept)[0]
        raise ValueError(
            f"align must hold positions (row, column) on the detector of {geometry.detector_shape} pixels, got "
            f"({positions[row, col, 0]:.4g}, {positions[row, col, 1]:.4g}) at scan position ({row}, {col}) and "
            f"{int((beside & kept).sum())} of {int(kept.sum())} beside it: shifts are not positions, give a BeamShift itself"
        )
    positions[beside] = positions[kept].mean(0)
    return positions


def align_beam(scan: Scan, positions, subpixel: bool = False, source: str = "given") -> tuple[Scan, dict | None]:
    """Every pattern moved so that its beam comes to the centre, lazily, and the record of it.

    positions (ndarray (scan_row, scan_col, 2) or None): From `checked_positions`; None changes nothing.
    subpixel: Move by parts of pixels too, by linear interpolation: patterns become floats and are not counts any more.
    source: Where the positions came from, for the record.
    """
    if positions is None:
        return scan, None
    geometry = scan.geometry
    target = _target(positions, geometry, source == "measured")
    shifts = target - positions if subpixel else np.round(np.round(target) - positions)
    kept = shifts.reshape(-1, 2)[geometry.kept_positions]
    if subpixel:
        dtype = compute_dtype(scan.dtype, "single")
        patterns = map_patterns(scan, pixels.shift_between_pixels, dtype, per_position=shifts)
    else:
        patterns = map_patterns(scan, pixels.shift, scan.dtype, per_position=shifts.astype(int))
    # Moving whole pixels leaves a rest below half a pixel in each pattern; on average the beam now sits here.
    rest = (positions + shifts).reshape(-1, 2)[geometry.kept_positions].mean(0)
    moved = geometry.replace(centre=tuple(float(v) for v in rest), centre_known=True)
    moved = _moved_origin(moved, geometry, rest - np.asarray(geometry.centre))
    moved = moved.replace(detector_mask=_shifted_mask(geometry, kept))
    moved = with_masks(moved, reason="align (with the masked pixels that move along)")
    record = {"rows": _range(kept[:, 0]), "cols": _range(kept[:, 1]), "positions": source}
    return scan.replace(patterns=patterns, geometry=moved, centres=None), record


def _target(positions, geometry, measured):
    """Where the beams go: to the centre where one is known, else to their mean, so that little gets lost at the edges.

    A centre in a corner was never calibrated. What was measured on the patterns is believed more than any centre that lies
    nowhere near.
    """
    kept = positions.reshape(-1, 2)[geometry.kept_positions]
    mean = kept.mean(0)
    reach = np.maximum(np.ptp(kept, axis=0) / 2, _NEAR)
    elsewhere = measured and (np.abs(geometry.centre - mean) > reach).any()
    believed = geometry.centre_known and not elsewhere and not in_a_corner(geometry)
    return np.asarray(geometry.centre) if believed else np.round(mean)


def _range(shifts):
    low, high = float(shifts.min()), float(shifts.max())
    return [int(v) if v.is_integer() else round(v, 3) for v in (low, high)]


def _shifted_mask(geometry, shifts):
    """A pixel is excluded where, at any kept position, something masked or from outside the detector lands on it."""
    mask = np.zeros(geometry.detector_shape, bool)
    own = (
        np.zeros((1, 1, *geometry.detector_shape), bool)
        if geometry.detector_mask is None
        else geometry.detector_mask[None, None]
    )
    # Between pixels a value is made of its neighbours on both sides.
    low, high = np.floor(shifts).astype(int), np.ceil(shifts).astype(int)
    corners = [np.stack([row, col], axis=1) for row in (low[:, 0], high[:, 0]) for col in (low[:, 1], high[:, 1])]
    for row_col in np.unique(np.concatenate(corners), axis=0):
        mask |= ~pixels.shift(~own, row_col.reshape(1, 1, 1, 2))[0, 0]
    return mask if mask.any() else None


def _moved_origin(geometry, before, moved):
    calibration = geometry.calibration
    if calibration.detector_origin is None or not before.centre_known:
        # The host's origin said nothing about the beam: now the centre does.
        return geometry.replace(calibration=dataclasses.replace(calibration, detector_origin=None))
    size = before.calibration.pixel_size
    origin = tuple(o - s * m for o, s, m in zip(calibration.detector_origin, size, moved))
    return geometry.replace(calibration=dataclasses.replace(calibration, detector_origin=origin))
