"""Which pixels and positions take part: given masks, the direct beam, an annulus."""

from __future__ import annotations

import hashlib

import numpy as np

from ..core import checks
from ..core.centre import require_centre
from ..core.geometry import ScanGeometry
from ..core.messages import warn
from ..core.units import in_pixels, is_calibrated

__all__ = ["either", "disks", "geometric_mask", "with_masks", "describe_mask", "warn_of_drift"]


def either(first, second):
    """Excluded by one mask or the other; None means nothing is excluded."""
    if first is None or second is None:
        return second if first is None else first
    return first | second


def describe_mask(mask) -> dict | None:
    """How many entries a mask excludes, and a fingerprint to recognise it by."""
    if mask is None:
        return None
    return {"excluded": int(mask.sum()), "sha256": hashlib.sha256(np.packbits(mask).tobytes()).hexdigest()[:16]}


def geometric_mask(geometry: ScanGeometry, direct_beam, annulus) -> np.ndarray | None:
    """True inside the direct beam and outside the annulus."""
    if direct_beam is None and annulus is None:
        return None
    require_centre(geometry, "direct_beam" if direct_beam is not None else "annulus")
    radius = geometry.radius()
    mask = np.zeros(geometry.detector_shape, bool)
    if direct_beam is not None:
        excluded = radius <= _length(direct_beam, geometry, "direct_beam")
        _warn_of_nothing(excluded, direct_beam, "direct_beam", geometry)
        mask |= excluded
    if annulus is not None:
        inner, outer = _annulus(annulus, geometry)
        if inner > 0:
            _warn_of_nothing(radius < inner, annulus[0], "annulus", geometry)
        mask |= (radius < inner) | (radius > outer)
    return mask


def _warn_of_nothing(excluded, given, name, geometry):
    """A radius that excludes no pixel is mostly one in another unit, or of another calibration."""
    pixels = _length(given, geometry, name)
    inside = all(-0.5 <= c <= n - 0.5 for c, n in zip(geometry.centre, geometry.detector_shape))  # else it was warned of
    if pixels > 0 and inside and not excluded.any():
        inner = "an inner radius" if name == "annulus" else "a radius"
        warn(
            f"{name} = {given!r} is {inner} of {pixels:.2g} pixels, which excludes no pixel at all: look at its unit and at "
            f"the calibration ({geometry.calibration.describe_pixel()})"
        )


def warn_of_drift(geometry: ScanGeometry, centres, direct_beam, annulus) -> None:
    """Warn where beams whose places are known leave the mask that is to hide them; `centres` as in `Scan`, or None."""
    inner = None if annulus is None else annulus[0]
    radii = [_length(r, geometry, "direct_beam") for r in (direct_beam, inner) if r is not None]
    radius = max(radii, default=0.0)
    if centres is None or not radius > 0:
        return
    away = np.linalg.norm(centres - np.asarray(geometry.centre), axis=-1).ravel()[geometry.kept_positions]
    beyond = int((away > radius / 2).sum())
    if beyond:
        warn(
            f"the direct beam lies up to {away.max():.3g} pixels from the mean centre, and at {beyond} of {away.size} "
            f"positions by more than half of the masked radius of {radius:.3g} pixels, so that it may be left in the data: "
            "use prepare(align=True)"
        )


def disks(geometry: ScanGeometry, spots, radius) -> np.ndarray:
    """Kept pixels (n_pixels,) within `radius` of one of the spots (row, column), True inside."""
    try:
        spots = np.atleast_2d(np.asarray(spots, float))
    except (TypeError, ValueError):
        spots = np.empty((0, 2))
    if spots.ndim != 2 or spots.shape[1] != 2 or not len(spots) or not np.isfinite(spots).all():
        raise ValueError("spots must be positions (row, column) in detector pixels, one or a list of them")
    radius = _length(radius, geometry, "radius")
    rows, cols = np.indices(geometry.detector_shape).reshape(2, -1)[:, geometry.kept_pixels]
    inside = np.zeros(len(rows), bool)
    for row, col in spots:
        disk = np.hypot(rows - row, cols - col) <= radius
        if not disk.any():
            raise ValueError(
                f"spots must be disks with at least one kept pixel, but there is none within {radius:g} pixels of "
                f"({row:g}, {col:g})"
            )
        inside |= disk
    return inside


def _length(value, geometry, name):
    pixels = in_pixels(value, geometry.pixel_length, geometry.calibration.pixel_unit, name)
    return checks.positive(pixels, name, zero=True)


def _annulus(annulus, geometry):
    try:
        inner, outer = annulus
    except (TypeError, ValueError):
        raise ValueError(f"annulus must be (inner radius, outer radius), got {annulus!r}") from None
    inner = 0.0 if inner is None else _length(inner, geometry, "annulus")
    outer = np.inf if outer is None or outer == np.inf else _length(outer, geometry, "annulus")
    if not inner < outer:
        raise ValueError(f"annulus must have an inner radius below its outer radius, got {inner:g} and {outer:g} pixels")
    return inner, outer


def with_masks(geometry: ScanGeometry, scan_mask=None, detector_mask=None, reason="") -> ScanGeometry:
    """The geometry with more excluded; refused when nothing would be left."""
    scan_mask = either(geometry.scan_mask, scan_mask)
    detector_mask = either(geometry.detector_mask, detector_mask)
    for name, mask, what in (("scan_mask", scan_mask, "position"), ("detector_mask", detector_mask, "detector pixel")):
        if mask is not None and mask.all():
            raise ValueError(f"{reason or name} leaves no {what}: all {mask.size} are excluded")
    return geometry.replace(scan_mask=scan_mask, detector_mask=detector_mask)


def describe_length(value, geometry: ScanGeometry) -> str | None:
    """A length as given and in calibrated units, for records."""
    if value is None or value == float("inf"):
        return None
    pixels = in_pixels(value, geometry.pixel_length, geometry.calibration.pixel_unit, "length")
    text = f"{pixels:g} px"
    if is_calibrated(geometry.calibration.pixel_unit):
        text += f" ({pixels * geometry.pixel_length:.4g} {geometry.calibration.pixel_unit})"
    return text
