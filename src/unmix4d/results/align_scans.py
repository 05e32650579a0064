"""Maps of several scans on one grid, corrected for the drift of the specimen."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..core import checks
from ..core.series import geometry_of, joined_geometry, require_several
from ..maps.drift import drift_of
from .series import amounts_and_places, require_series

__all__ = ["align_scans", "given_drift"]

_WHOLE = 1e-3  # of a position: nearer to a whole one nothing is interpolated
_EXTENTS = ("first", "common", "all")


def align_scans(result: Any, *, drift: ArrayLike | None = None, extent: str = "first") -> Any:
    """Correct the drift of the specimen, so that the maps of all scans are on one grid.

    Maps are interpolated linearly between positions, and are NaN where a scan does not cover the grid. All scans then have
    the coordinates of the first one, in figures and in what `to_host` returns.

    Parameters
    ----------
    drift : array_like (n_scans, 2), optional
        Shift of each scan from the first one, in positions along (row, column), such as ``track_grains().drift``. By default
        it is measured on the maps.
    extent : {"first", "common", "all"}
        Area of the grid: that of the first scan, the area that all scans cover, or the area that any scan covers.

    Returns
    -------
    Decomposition
        A result of the same class; ``.settings["drift"]`` is the drift that was corrected. It is not linked to the data,
        whose positions are not those of the grid.

    Raises
    ------
    ValueError
        If the result is of one scan, if the scans have different steps, if `drift` does not have a row for each scan or is
        needed, or if no area is common to all scans.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.series(n_scans=4, scan_shape=(20, 20), detector_shape=(32, 32), drift=(1, 0), dose=None, seed=0)
    >>> result = Unmix(film.data, centre=film[0].centre).fit(film[0].patterns)
    >>> [one.maps.shape for one in result.align_scans(drift=[(i, 0) for i in range(4)], extent="common").scans][:2]
    [(6, 17, 20), (6, 17, 20)]
    """
    geometry = result.geometry
    require_several(geometry, "align_scans")
    checks.choice(extent, "extent", _EXTENTS)
    parts = geometry.scans
    if len({(*part.step, part.step_unit) for part in parts}) > 1:
        raise ValueError("align_scans needs scans with the same step")
    if drift is None:
        require_series(result, "align_scans without drift=")
        maps, _ = amounts_and_places(result)
        moved = drift_of([maps[:, part.rows, part.cols] for part in parts])
    else:
        moved = given_drift(drift, len(parts))
    moved = np.where(np.abs(moved - np.rint(moved)) < _WHOLE, np.rint(moved), moved)
    ends = [_ends([part.shape[axis] for part in parts], moved[:, axis], extent) for axis in (0, 1)]
    known = geometry.kept_positions.reshape(geometry.scan_shape)
    seen = [_moved(np.where(known[p.rows, p.cols], 1.0, np.nan), off, ends) for p, off in zip(parts, moved)]
    first = geometry_of(geometry, 0).calibration
    origin = tuple(o + start * step for o, (start, _), step in zip(first.scan_origin, ends, first.step))
    each = []
    for i, here in enumerate(seen):
        if np.isnan(here).all():
            raise ValueError(f"align_scans leaves nothing of scan {i} with its drift of {_told(moved[i])}: use extent='all'")
        own = geometry_of(geometry, i)
        each.append(own.replace(
            scan_shape=here.shape, scan_mask=np.isnan(here) if np.isnan(here).any() else None,
            calibration=own.calibration.with_changes(scan_origin=origin),
        ))  # fmt: skip
    frame = joined_geometry(each, [part.name for part in parts])
    arrays = {
        name: _array(array, geometry, frame, moved, ends)
        for name in result._saved_arrays
        if isinstance(array := getattr(result, name), np.ndarray) and array.shape[-2:] == geometry.scan_shape
    }
    arrays.pop("mean_pattern", None)
    more: dict[str, Any] = {"runs": (), "_problem": None} if hasattr(result, "runs") else {}
    settings = {**result.settings, "drift": moved.round(4).tolist()}
    return dataclasses.replace(
        result, **arrays, **more, geometry=frame, settings=settings, source=None, _view=None, _before=None
    )


def given_drift(drift: Any, n: int) -> np.ndarray:
    """Return the drift of n scans as an array, or raise ValueError."""
    try:
        drift = np.asarray(drift, float)
    except (TypeError, ValueError):
        drift = np.empty(0)
    if drift.shape != (n, 2) or not np.isfinite(drift).all():
        raise ValueError(f"drift must be finite numbers (row, column) for each of {n} scans, got shape {drift.shape}")
    return drift


def _told(pair):
    return f"({pair[0]:.3g}, {pair[1]:.3g})"


def _ends(sizes, moved, extent):
    """First position of the grid, and the one after its last, in those of the first scan."""
    starts, stops = -moved, np.array(sizes) - moved
    if extent == "first":
        return 0, sizes[0]
    if extent == "all":
        return math.floor(starts.min()), math.ceil(stops.max())
    first, last = math.ceil(starts.max()), math.floor(stops.min() - 1) + 1
    if first >= last:
        raise ValueError("no area is common to all scans: use extent='first' or 'all'")
    return first, last


def _array(array, geometry, frame, moved, ends):
    out = np.full((*array.shape[:-2], *frame.scan_shape), np.nan, array.dtype)
    for old, new, off in zip(geometry.scans, frame.scans, moved):
        out[..., new.rows, new.cols] = _moved(array[..., old.rows, old.cols], off, ends)
    return out


def _moved(array, off, ends):
    """Values (..., row, col) at the positions of the grid, between those of a scan that lies `off` from it."""
    for axis, shift, (start, stop) in zip((-2, -1), off, ends):
        place = np.arange(start, stop) + shift
        below = np.floor(place).astype(int)
        part = (place - below).reshape((-1,) + (1,) * (-1 - axis))
        near = _taken(array, below, axis)
        array = near if not part.any() else ((1 - part) * near + part * _taken(array, below + 1, axis)).astype(array.dtype)
    return array


def _taken(array, index, axis):
    """Along an axis, NaN where the index is outside."""
    inside = (index >= 0) & (index < array.shape[axis])
    out = np.take(array, np.where(inside, index, 0), axis=axis)
    out[(..., ~inside) if axis == -1 else (..., ~inside, slice(None))] = np.nan
    return out
