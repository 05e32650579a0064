"""``.region`` of `Unmix`: a part of the scan."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from ..core import checks
from ..core.series import cut, stacked
from ..core.units import in_pixels
from ..preparation.region import cut_region, inside_outline

__all__ = ["region"]

V = TypeVar("V", bound=Any)
_ROUNDING = 1e-9  # of a position: what lies so near to one is meant to be on it
_SIDES = ("top", "bottom", "left", "right")  # of a RectangularROI of HyperSpy


def region(view: V, rows: Any = None, cols: Any = None, *, roi: Any = None, mask: Any = None, outline: Any = None) -> V:
    """Select a part of the scan as a lazy view with the same methods.

    Figures and objects from `to_host` keep the coordinates of the whole scan. Use `fit` to get the maps of the whole scan
    from the result of a part.

    Parameters
    ----------
    rows, cols : (start, stop), slice, or None
        First position and the one after the last, or calibrated coordinates along the axis such as ``("20 nm", "60 nm")``,
        including both ends. None, also as start or stop, means up to the edge.
    roi : HyperSpy RectangularROI, optional
        Region of interest, used instead of rows and columns.
    mask : bool array (scan_row, scan_col), optional
        Mask, for example drawn by hand; True = excluded. The view is the smallest rectangle that contains the remaining
        positions.
    outline : sequence of (row, col), optional
        Corners of a closed line in positions, as drawn by a lasso. Positions inside or on the line are kept.

    Returns
    -------
    Unmix
        View of the region.

    Raises
    ------
    ValueError, TypeError
        If the region lies outside the scan, contains no position, or is given in more than one way.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> phantom = phantoms.random_scan(shape=(12, 8, 10, 20), k=2, seed=0)
    >>> u = Unmix(phantom.data, step=2, step_unit="nm")
    >>> part = u.region((1, 8), ("4 nm", "14 nm"))
    >>> part.shape, part.geometry.calibration.scan_origin
    ((7, 6, 10, 20), (2.0, 4.0))
    >>> u.fit(part.nmf(2, random_state=0)).maps.shape
    (2, 12, 8)
    """
    ways = [rows is not None or cols is not None, roi is not None, mask is not None, outline is not None]
    if sum(ways) != 1:
        raise ValueError(
            f"region needs rows and columns, roi, mask or outline, one of the four, got {sum(ways) or 'none'} of them"
        )
    if not view.geometry.scans:
        if outline is not None:
            mask = ~inside_outline(outline, view.geometry.scan_shape)
        return type(view)(_of_one(view.scan, rows, cols, roi, mask))
    if mask is not None or outline is not None:
        name = "mask" if outline is None else "outline"
        raise ValueError(
            f"{name} of region is for one scan: of several, use prepare(scan_mask=...), which is of all of them"
        )
    record = view.scan.host.record
    facts = {"series_axis": record["series_axis"]} if "series_axis" in record else {}
    return type(view)(stacked([_of_one(one, rows, cols, roi, None) for one in cut(view.scan)], **facts))


def _of_one(scan, rows, cols, roi, mask):
    geometry = scan.geometry
    if mask is not None:
        mask = checks.mask(mask, "mask", geometry.scan_shape)
        return _of_mask(scan, mask)
    if roi is not None:
        rows, cols = _of_roi(roi, geometry)
    axes = zip((rows, cols), ("rows", "cols"), geometry.scan_shape, range(2))
    return cut_region(scan, *(_ends(value, name, n, geometry.calibration, axis) for value, name, n, axis in axes))


def _of_mask(scan, mask):
    ends = [(int(at.min()), int(at.max()) + 1) for at in np.nonzero(~mask)]
    geometry = scan.geometry
    both = mask if geometry.scan_mask is None else mask | geometry.scan_mask
    if both.all():
        raise ValueError("mask must leave a position that takes part, but those it leaves are excluded already")
    return cut_region(scan.replace(geometry=geometry.replace(scan_mask=both if both.any() else None)), *ends)


def _of_roi(roi, geometry):
    """Rows and columns of a rectangle in the coordinates of the axes."""
    if not all(hasattr(roi, side) for side in _SIDES):
        raise TypeError(f"roi must be a RectangularROI of HyperSpy, got {type(roi).__name__}")
    top, bottom, left, right = (getattr(roi, side) for side in _SIDES)
    unit = geometry.calibration.step_unit
    # Up to before the far side, as HyperSpy has it.
    found = []
    for axis, (first, last) in enumerate(((top, bottom), (left, right))):
        step, origin = geometry.calibration.step[axis], geometry.calibration.scan_origin[axis]
        if not all(isinstance(end, (int, float)) for end in (first, last)):
            raise ValueError(f"roi must have four sides in {unit}, got {roi!r}")
        found.append(tuple(int(round((end - origin) / step)) for end in (first, last)))
    return found


def _ends(value, name, n, calibration, axis):
    """The first position, and the one after the last."""
    if value is None:
        return 0, n
    if isinstance(value, slice):
        if value.step not in (None, 1):
            raise ValueError(f"{name} must be without gaps, got a slice in steps of {value.step}")
        value = (value.start, value.stop)
    try:
        first, last = value
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a pair (start, stop) or a slice, got {value!r}") from None
    start = 0 if first is None else _position(first, name, calibration, axis, last=False)
    stop = n if last is None else _position(last, name, calibration, axis, last=True)
    if not 0 <= start < stop <= n:
        raise ValueError(f"{name} must lie inside the scan, from 0 to {n}, the first before the last, got {value!r}")
    return start, stop


def _position(value, name, calibration, axis, last):
    if not isinstance(value, str):
        return checks.count(value, name, minimum=0)
    step, origin = calibration.step[axis], calibration.scan_origin[axis]
    place = in_pixels(value, step, calibration.step_unit, name) - origin / step
    return int(np.floor(place + _ROUNDING)) + 1 if last else int(np.ceil(place - _ROUNDING))
