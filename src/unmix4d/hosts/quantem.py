"""quantem datasets: on the way in also what only looks like one, on the way out ``Dataset2d`` and ``Dataset3d``.

quantem cannot be installed beside the other hosts. Where a scan only looked like its dataset, results are NumPy arrays.
"""

from __future__ import annotations

import math

import numpy as np

from ..core.checks import is_a
from ..core.geometry import Calibration, ScanGeometry
from ..core.messages import warn
from ..core.scan import HostRecord, Scan, as_patterns, is_dask
from ..core.tensors import is_tensor
from ..core.text import writable
from ..core.units import PIXELS, canonical_unit
from . import array as plain

__all__ = ["matches", "read", "write", "write_maps"]

_SPELLINGS = {"1/Å": "A^-1", "1/nm": "nm^-1", "Å": "A", PIXELS: "pixels"}  # as quantem writes them


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
    more, ellipse = _measured(getattr(obj, "metadata", None))
    calibration = Calibration(
        step=step,
        step_unit=step_unit,
        pixel_size=pixel_size,
        pixel_unit=pixel_unit,
        scan_origin=scan_origin,
        detector_origin=detector_origin if known else None,
        **more,
    )
    geometry = ScanGeometry(
        patterns.shape[:2],
        patterns.shape[2:],
        centre=centre,  # type: ignore[arg-type]
        ellipse=ellipse,
        calibration=calibration,
    )
    name = str(getattr(obj, "name", "") or "")
    record = {
        "class": type(obj).__name__,
        "sampling": sampling.tolist(),
        "origin": origin.tolist(),
        "units": [str(unit) for unit in units],
    }
    if is_a(obj, "quantem.core.datastructures", "Dataset"):
        record["native"] = True
    return Scan(patterns, geometry, host=HostRecord("quantem", record, name))


def _measured(metadata):
    """(rotation and flip, ellipse) as far as quantem has measured them.

    Its rotation turns detector vectors into the scan, as py4DSTEM's does, after rows and columns were swapped; its ellipse
    is turned from the columns to the rows, which is clockwise on screen.
    """
    metadata = metadata if isinstance(metadata, dict) else {}
    rotation = _numbers(metadata.get("q_to_r_rotation_ccw_deg"), 1)
    ellipse = _numbers(metadata.get("ellipticity"), 3)
    more = {}
    if rotation is not None:
        flip = metadata.get("q_transpose")
        more = {"rotation_deg": 0.0 - rotation[0], "flip": None if flip is None else bool(flip)}
    return more, None if ellipse is None or min(ellipse[:2]) <= 0 else (*ellipse[:2], -ellipse[2] % 180.0)


def _numbers(value, n):
    """So many finite numbers, or None."""
    try:
        found = np.asarray(value, dtype=float).ravel().tolist()
    except (TypeError, ValueError):
        return None
    return found if len(found) == n and all(map(math.isfinite, found)) else None


def _array(obj):
    array = getattr(obj, "array", None)
    if isinstance(array, np.ndarray) or is_dask(array) or not callable(getattr(obj, "numpy", None)):
        return array
    tensor = getattr(obj, "tensor", None)
    # Its numpy() copies all of a tensor, from a GPU too.
    return tensor if is_tensor(tensor) else obj.numpy()


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


def write(result, *, fill_value: float = 0.0, stack: str = "component"):
    """``Dataset3d`` (k, scan_row, scan_col) and (k, k_row, k_col) with the calibration of the view."""
    if not result.host.record.get("native"):
        return plain.write(result, fill_value=fill_value, stack=stack)
    patterns = np.array(result.patterns)
    patterns[np.isnan(patterns)] = fill_value
    return (
        _dataset(result, np.array(result.maps), "maps", _scan_axes(result)),
        _dataset(result, patterns, "patterns", _detector_axes(result)),
    )


def write_maps(result, maps, what, record):
    """``Dataset2d`` of each map, ``Dataset3d`` of a stack."""
    if not result.host.record.get("native"):
        return plain.write_maps(result, maps, what, record)
    return tuple(_dataset(result, image.data, image.title, _scan_axes(result), image.unit) for image in maps)


def _dataset(result, data, title, axes, unit=""):
    from quantem.core.datastructures import Dataset2d, Dataset3d

    origin, sampling, units = axes
    extra = data.ndim - 2  # a stack has an axis without a size
    made = (Dataset3d if extra else Dataset2d).from_array(
        data,
        name=" - ".join(filter(None, (writable(result.host.name), f"{result.method} {title}"))),
        origin=[0.0] * extra + list(origin),
        sampling=[1.0] * extra + list(sampling),
        units=["index"] * extra + [units, units],
        **({"signal_units": unit} if unit else {}),
    )
    made.metadata["unmix4d"] = {"method": str(result.method), "settings": dict(result.settings)}
    return made


def _scan_axes(result):
    known = result.geometry.calibration
    return known.scan_origin, known.step, _spelled(known.step_unit, result.host.record["units"][0])


def _detector_axes(result):
    geometry = result.geometry
    known = geometry.calibration
    at = geometry.centre if geometry.centre_known else (0.0, 0.0)
    origin = tuple(0.0 - c * size for c, size in zip(at, known.pixel_size))
    return origin, known.pixel_size, _spelled(known.pixel_unit, result.host.record["units"][2])


def _spelled(unit, theirs):
    """A unit as the dataset spelled it, where it is still the same."""
    return theirs if canonical_unit(theirs) == unit else _SPELLINGS.get(unit, unit)
