"""The centre of the patterns: whether it can be relied on, and which pixels are opposite to each other about it."""

from __future__ import annotations

import numpy as np

from .geometry import ScanGeometry
from .messages import warn

__all__ = ["in_a_corner", "opposite_pixels", "partner_pixels", "require_centre", "require_near"]

_MOVES, _OFTEN = 1.0, 0.05  # pixels that blur a ring by its width; share of the positions: single ones are misread
_FAR = 30  # times the size of the detector: the centre of a detector that is set off axis is nearer


def require_centre(geometry: ScanGeometry, use: str, centres: np.ndarray | None = None) -> None:
    """Warn when something relies on a centre that nobody set or that cannot be right; refuse polar patterns and features.

    Where `centres`, those of every position (see `Scan`), are given, also when they move.
    """
    if geometry.features:
        raise ValueError(f"{use} needs the pixels of patterns, but this view holds features of them: decompose the patterns")
    if geometry.polar:
        raise ValueError(f"{use} needs patterns in rows and columns, but the axes of this scan are azimuth and radius")
    row, col = geometry.centre
    rows, cols = geometry.detector_shape
    if not geometry.centre_known:
        warn(
            f"{use} needs the centre of the patterns, which is not known: the middle of the detector, "
            f"({row:g}, {col:g}), is taken; give centre=(row, col) or calibrate the scan"
        )
    elif not (0 <= row <= rows - 1 and 0 <= col <= cols - 1):
        warn(f"the centre ({row:.1f}, {col:.1f}) is outside the detector of {rows} x {cols} pixels; {use} relies on it")
    elif in_a_corner(geometry):
        warn(
            f"the centre ({row:.1f}, {col:.1f}) is in a corner of the detector of {rows} x {cols} pixels, as in a scan "
            f"whose centre was never calibrated; {use} relies on it"
        )
    if centres is not None:
        away = np.linalg.norm(centres - np.asarray(geometry.centre), axis=-1).ravel()[geometry.kept_positions]
        if (away > _MOVES).mean() > _OFTEN:
            warn(
                f"the centres of single patterns are up to {away.max():.3g} pixels from their mean, ({row:.1f}, {col:.1f}), "
                f"which {use} takes for all of them: use prepare(align=True) before"
            )


def in_a_corner(geometry: ScanGeometry) -> bool:
    """Whether the centre is where it is in a scan that nobody has calibrated."""
    return all(min(c, n - 1 - c) < 0.02 * n for c, n in zip(geometry.centre, geometry.detector_shape))


def require_near(geometry: ScanGeometry, use: str) -> None:
    """Refuse a centre from where all pixels lie in one direction, a million pixels away."""
    if geometry.radius().max() > _FAR * max(geometry.detector_shape):
        raise ValueError(
            f"the centre must be within {_FAR} detector sizes of {geometry.detector_shape} pixels for {use}, got "
            f"({geometry.centre[0]:.6g}, {geometry.centre[1]:.6g})"
        )


def partner_pixels(geometry: ScanGeometry, use: str) -> np.ndarray:
    """`opposite_pixels` of a geometry with a centre to rely on; refused where no pixel has a partner."""
    require_centre(geometry, use)
    partners = opposite_pixels(geometry.detector_shape, geometry.centre, geometry.detector_mask)
    if np.array_equal(partners, np.arange(partners.size)):
        raise ValueError(f"{use} needs pixels with a partner, but none lies opposite to the centre {geometry.centre}")
    return partners


def opposite_pixels(shape, centre, mask=None) -> np.ndarray:
    """Flat index of the pixel opposite to each pixel, about the nearest half pixel to the centre.

    A pixel whose partner is outside or masked, or that is masked itself, is its own partner.
    """
    row, col = (round(2 * c) - np.arange(n) for c, n in zip(centre, shape))
    inside = ((row >= 0) & (row < shape[0]))[:, None] & ((col >= 0) & (col < shape[1]))[None, :]
    own = np.arange(shape[0] * shape[1]).reshape(shape)
    partner = np.where(inside, row.clip(0, shape[0] - 1)[:, None] * shape[1] + col.clip(0, shape[1] - 1)[None, :], own)
    if mask is not None:
        partner = np.where(mask | mask.ravel()[partner], own, partner)
    return partner.ravel()
