"""Whether two detectors have the same grid, and what one has to do with the pixels of the other."""

from __future__ import annotations

import math

import numpy as np

from .geometry import ScanGeometry
from .units import convert, is_calibrated

__all__ = ["area_weights", "difference", "onto_grid"]

SAME = 0.25  # of a pixel: what lies nearer than this to its fellow is in the same place; a bound, no table


def difference(one: ScanGeometry, other: ScanGeometry) -> str:
    """What is not the same of the detector of `other`, in words; "" where pixels lie on pixels.

    Pixels are found by the centre and the pixel size; none may lie more than a quarter of a pixel from its fellow. Where
    only one of the sizes is known, they count as the same on detectors of the same shape.
    """
    if one.polar != other.polar:
        return f"{'polar' if other.polar else 'Cartesian'} axes instead of {'polar' if one.polar else 'Cartesian'} ones"
    if one.detector_shape != other.detector_shape:
        return f"a detector of {_by(other.detector_shape)} pixels instead of {_by(one.detector_shape)}"
    if unit := unlike_units(one, other):
        return unit
    shift = _farthest(one, other)
    if shift <= SAME:
        return ""
    if not math.isclose(math.prod(_sizes(one, other)), math.prod(one.calibration.pixel_size), rel_tol=1e-6):
        sizes = (f"{v.calibration.pixel_size[0]:.5g} {v.calibration.pixel_unit}" for v in (other, one))
        return "a pixel size of {} instead of {}".format(*sizes)
    return "its centre at ({:.2f}, {:.2f}) instead of ({:.2f}, {:.2f})".format(*other.centre, *one.centre)


def unlike_units(one: ScanGeometry, other: ScanGeometry) -> str:
    """What keeps the two grids from being compared, in words; "" where they can be brought together."""
    if one.centre_known != other.centre_known and not one.polar:
        words = ("a known", "an unknown") if other.centre_known else ("an unknown", "a known")
        return "{} centre instead of {} one".format(*words)
    unit, its = one.calibration.pixel_unit, other.calibration.pixel_unit
    if is_calibrated(unit) != is_calibrated(its):
        if one.detector_shape == other.detector_shape:
            return ""  # nothing says that they differ: pixels are compared as pixels
        return "a known pixel size instead of an unknown one" if is_calibrated(its) else "an unknown pixel size"
    try:
        return "" if unit == its or convert(1.0, its, unit) else ""
    except ValueError:
        return f"pixels in {its} instead of {unit}"


def _by(shape):
    return " x ".join(map(str, shape))


def _sizes(one, other):
    """The pixel size of `other` in the unit of `one`."""
    unit, to = other.calibration.pixel_unit, one.calibration.pixel_unit
    if is_calibrated(unit) != is_calibrated(to):
        return list(one.calibration.pixel_size)
    return [s if unit == to else convert(s, unit, to) for s in other.calibration.pixel_size]


def _axes(one, other):
    """Of each axis: number of pixels, centre and pixel size of `one`, and of `other` in the same unit."""
    first = zip(one.detector_shape, one.centre, one.calibration.pixel_size)
    return list(zip(first, zip(other.detector_shape, other.centre, _sizes(one, other))))


def _farthest(one, other):
    """Largest distance along an axis between pixels of the same number, in pixels of `one`."""
    ends = [(end - a[1], (end - b[1]) * b[2] / a[2]) for a, b in _axes(one, other) for end in (0, a[0] - 1)]
    return max(abs(p - q) for p, q in ends)


def area_weights(one: ScanGeometry, other: ScanGeometry) -> tuple[np.ndarray, np.ndarray]:
    """What the rows and the columns of the detector of `one` get of those of `other`: two matrices (n, n_other).

    Each pixel is cut where the pixels of the other grid meet, and its parts go to where they lie, so that counts are
    conserved: ``rows @ image @ columns.T``.
    """
    return tuple(_shares(*axis) for axis in _axes(one, other))  # type: ignore[return-value]


def _shares(ours, theirs):
    (n, centre, size), (m, its_centre, its_size) = ours, theirs
    edges = (np.arange(n + 1) - 0.5 - centre) * size
    others = (np.arange(m + 1) - 0.5 - its_centre) * its_size
    common = np.minimum(edges[1:, None], others[1:]) - np.maximum(edges[:-1, None], others[:-1])
    return np.maximum(common, 0) / its_size


def onto_grid(images: np.ndarray, one: ScanGeometry, other: ScanGeometry) -> np.ndarray:
    """Patterns (k, det_row, det_col) of the detector of `other` on that of `one`; NaN where it has no, or masked, pixels."""
    rows, columns = area_weights(one, other)
    images = np.asarray(images, np.float64)
    known = np.isfinite(images)
    moved = np.einsum("ri,kij,cj->krc", rows, np.where(known, images, 0), columns, optimize=True)
    seen = np.einsum("ri,kij,cj->krc", rows, known.astype(float), columns, optimize=True)
    whole = math.prod(one.calibration.pixel_size) / math.prod(_sizes(one, other))
    return np.where(seen >= whole * (1 - 1e-6), moved, np.nan)
