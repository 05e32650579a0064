"""``prepare(redraw_peaks=...)``: the spots of every pattern redrawn on zero background, lazily."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from ..core import checks
from ..core.centre import require_centre
from ..core.scan import Scan
from ..core.units import in_pixels
from ..engine.blocks import compute_dtype
from .lazy import map_patterns
from .masks import describe_length
from .peaks import redraw_found, redraw_given

__all__ = ["GivenSpots", "redraw_peaks", "checked_redrawing"]

_RADIUS, _THRESHOLD = 2.0, 5.0  # pixels; standard deviations of the noise (docs/details)
_KEYS = ("radius", "threshold", "spots")


@dataclass(frozen=True, eq=False)
class GivenSpots:
    """Spots that somebody has found already, from the direct beam of their own position.

    Attributes
    ----------
    position : ndarray of int (n,)
        scan_row * n_scan_cols + scan_col.
    row, col : ndarray of float64 (n,)
        In detector pixels of the view that is prepared, downwards and to the right of the beam.
    intensity : ndarray of float64 (n,)
    kind : str
        Where they came from, for the record.
    """

    position: np.ndarray
    row: np.ndarray
    col: np.ndarray
    intensity: np.ndarray
    kind: str = "given"


def checked_redrawing(value, geometry, friedel=False, average_neighbours=None) -> dict | None:
    """The argument as {"radius" in pixels of the given geometry, "threshold", "spots"}, or None."""
    if value is None or value is False:
        return None
    if value is True:
        value = {}
    elif isinstance(value, GivenSpots):
        value = {"spots": value}
    elif not isinstance(value, dict):
        value = {"radius": value}
    unknown = set(value) - set(_KEYS)
    if unknown:
        raise ValueError(f"redraw_peaks must have the keys radius, threshold and vectors, got {', '.join(sorted(unknown))}")
    if geometry.polar or geometry.features:
        raise ValueError("redraw_peaks needs patterns in rows and columns, which this view has not")
    spots = value.get("spots")
    if spots is not None and (friedel or average_neighbours not in (None, 1)):
        raise ValueError(
            "redraw_peaks with vectors takes nothing from the patterns, so that friedel and average_neighbours would be "
            "without effect: leave them out"
        )
    if spots is not None and "threshold" in value:
        raise ValueError("redraw_peaks takes a threshold for its own detector only, not with vectors that are found already")
    radius = value.get("radius", _RADIUS)
    if not isinstance(radius, str):
        checks.positive(radius, "redraw_peaks (radius of a spot)")
    radius = in_pixels(radius, geometry.pixel_length, geometry.calibration.pixel_unit, "redraw_peaks")
    checks.positive(radius, "redraw_peaks (radius of a spot)")
    threshold = checks.positive(value.get("threshold", _THRESHOLD), "redraw_peaks (threshold)")
    return {"radius": radius if "radius" in value else None, "threshold": threshold, "spots": spots}


def redraw_peaks(scan: Scan, how: dict | None, bin) -> tuple[Scan, dict | None]:
    """The view with redrawn patterns, and its record.

    how: From `checked_redrawing`; its radius counts in pixels before `bin`.
    bin: (int, int) or None.
    """
    if how is None:
        return scan, None
    factors = np.array(bin or (1, 1), float)
    # Unless told, a spot is two pixels of the pixels it is drawn on.
    radius = _RADIUS if how["radius"] is None else how["radius"] / float(np.sqrt(factors.prod()))
    if radius < 1:
        raise ValueError(f"redraw_peaks must have a radius of at least 1 pixel of the prepared view, got {radius:.3g}")
    geometry, dtype = scan.geometry, compute_dtype(scan.dtype, "single")
    kept = geometry.kept_pixels.reshape(geometry.detector_shape)
    record: dict = {"radius": describe_length(radius, geometry)}
    if how["spots"] is None:
        function = partial(redraw_found, radius=radius, threshold=how["threshold"], kept=kept, dtype=dtype)
        patterns = map_patterns(scan, function, dtype)
        record |= {"detector": "own", "threshold": how["threshold"]}
    else:
        function = partial(redraw_given, radius=radius, kept=kept, dtype=dtype)
        table = _by_position(how["spots"], scan, factors)
        patterns = map_patterns(scan, function, dtype, per_position=table)
        record |= {"detector": how["spots"].kind, "spots": len(how["spots"].position)}
    return scan.replace(patterns=patterns, geometry=geometry.replace(redrawn=True)), record


def _by_position(spots, scan, factors):
    """(scan_row, scan_col, 3 n): row, column and intensity of every spot of a position, in pixels of the view."""
    geometry = scan.geometry
    require_centre(geometry, "redraw_peaks with vectors")
    n_scan = int(np.prod(geometry.scan_shape))
    counts = np.bincount(spots.position, minlength=n_scan)
    order = np.argsort(spots.position, kind="stable")
    position = np.asarray(spots.position)[order]
    rank = np.arange(len(position)) - np.repeat(np.cumsum(counts) - counts, counts)
    # Where every pattern has a beam of its own, its spots are around that one.
    centres = np.broadcast_to(geometry.centre, (n_scan, 2)) if scan.centres is None else scan.centres.reshape(-1, 2)
    table = np.full((n_scan, max(int(counts.max(initial=0)), 1), 3), np.nan)
    for axis, values in enumerate((spots.row, spots.col)):
        table[position, rank, axis] = values[order] / factors[axis] + centres[position, axis]
    table[position, rank, 2] = spots.intensity[order]
    return table.reshape(*geometry.scan_shape, -1)
