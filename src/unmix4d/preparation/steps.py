"""The steps of a preparation that change values or the grid: each takes a scan and one argument of `prepare`.

They give back the scan, lazily changed, and what is recorded of the step, or None where nothing was asked for.
"""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np

from ..core import checks
from ..core.centre import partner_pixels
from ..core.messages import warn
from ..engine.blocks import compute_dtype
from . import pixels
from .alike import average_alike
from .lazy import as_dask, map_patterns
from .masks import describe_mask
from .neighbours import average_neighbours

_FEW = 200  # electrons per pattern, below which nmf may take what neighbours' noise has in common for a component (same)
_WINDOW = 5  # positions: wider ones average more, and take longer (benchmarks/low_dose/RESULTS.md)

__all__ = [
    "bin_detector", "crop_detector", "divide_by_gain", "fold_friedel", "mean_of_alike", "mean_of_neighbours",
    "repair_hot_pixels", "window_of_alike",
]  # fmt: skip


def repair_hot_pixels(scan, hot_pixels):
    """Known hot pixels, or those found, replaced by the median of their neighbours."""
    if hot_pixels is None or hot_pixels is False:
        return scan, None
    mask = scan.geometry.detector_mask
    if hot_pixels is True or np.isscalar(hot_pixels):
        factor = 10.0 if hot_pixels is True else checks.positive(hot_pixels, "hot_pixels")
        if factor <= 1:
            raise ValueError(f"hot_pixels must be True, a mask, or a factor above 1, got {hot_pixels!r}")
        function, record = partial(pixels.repair_hot_pixels, factor=factor, mask=mask), {"factor": factor}
    else:
        known = checks.mask(hot_pixels, "hot_pixels", scan.geometry.detector_shape)
        function, record = partial(pixels.repair_hot_pixels, known=known, mask=mask), describe_mask(known)
    return scan.replace(patterns=map_patterns(scan, function, scan.dtype.newbyteorder("="))), record


def divide_by_gain(scan, gain):
    """Intensities in electrons."""
    if gain is None:
        return scan, None
    gain = checks.positive(gain, "gain")
    dtype = compute_dtype(scan.dtype, "single")
    return scan.replace(patterns=map_patterns(scan, partial(pixels.divide_gain, gain=gain, dtype=dtype), dtype)), gain


def _calibration(geometry, **changes):
    return dataclasses.replace(geometry.calibration, **changes)


def crop_detector(scan, crop):
    """A part of the detector."""
    if crop is None:
        return scan, None
    geometry = scan.geometry
    try:
        (r0, r1), (c0, c1) = crop
        r0, r1, c0, c1 = (checks.count(v, "crop", minimum=0) for v in (r0, r1, c0, c1))
    except (TypeError, ValueError):
        raise ValueError(f"crop must be ((row0, row1), (col0, col1)) in whole pixels from 0, got {crop!r}") from None
    if not (r0 < r1 <= geometry.detector_shape[0] and c0 < c1 <= geometry.detector_shape[1]):
        raise ValueError(f"crop must lie inside the detector of {geometry.detector_shape} pixels, got {crop!r}")
    sliceable = isinstance(scan.patterns, np.ndarray) or scan.lazy
    patterns = (scan.patterns if sliceable else as_dask(scan))[:, :, r0:r1, c0:c1]
    mask = None if geometry.detector_mask is None else geometry.detector_mask[r0:r1, c0:c1]
    geometry = _regrid(geometry, (r1 - r0, c1 - c0), (r0, c0), (1, 1), mask)
    centres = None if scan.centres is None else scan.centres - (r0, c0)
    return scan.replace(patterns=patterns, geometry=geometry, centres=centres), [[r0, r1], [c0, c1]]


def _regrid(geometry, shape, first, factors, mask):
    """The geometry of a detector that starts at pixel `first` and has pixels of `factors` old ones."""
    if mask is not None and mask.all():
        raise ValueError(f"the masks leave no detector pixel: all {mask.size} are excluded after crop and bin")
    calibration, old = geometry.calibration, geometry.calibration.pixel_size
    offset = [f + (b - 1) / 2 for f, b in zip(first, factors)]
    changes = {"pixel_size": tuple(s * b for s, b in zip(old, factors))}
    if calibration.detector_origin is not None:
        changes["detector_origin"] = tuple(o + s * d for o, s, d in zip(calibration.detector_origin, old, offset))
    centre = tuple((c - d) / b for c, d, b in zip(geometry.centre, offset, factors))
    return geometry.replace(
        detector_shape=shape, detector_mask=mask, centre=centre, calibration=_calibration(geometry, **changes)
    )


def bin_detector(scan, bin):
    """So many detector pixels summed."""
    if bin is None:
        return scan, None
    given = tuple(bin) if isinstance(bin, (tuple, list, np.ndarray)) and np.ndim(bin) else (bin, bin)
    factors = tuple(checks.count(v, "bin") for v in given)
    if len(factors) != 2:
        raise ValueError(f"bin must be one whole number or a (rows, columns) pair, got {bin!r}")
    if factors == (1, 1):
        return scan, None
    geometry = scan.geometry
    rows, cols = (n - n % f for n, f in zip(geometry.detector_shape, factors))
    if (rows, cols) != geometry.detector_shape:
        raise ValueError(
            f"bin must divide the detector of {geometry.detector_shape[0]} x {geometry.detector_shape[1]} pixels, got "
            f"{factors[0]} x {factors[1]}: crop it first, with crop=((0, {rows}), (0, {cols}))"
        )
    shape = tuple(n // f for n, f in zip(geometry.detector_shape, factors))
    dtype = pixels.binned_dtype(scan.dtype, factors)
    mask = geometry.detector_mask
    if mask is not None:
        # A bin that holds an excluded pixel has counted fewer pixels than its neighbours.
        mask = pixels.bin_pixels(mask[None, None], factors, int)[0, 0] > 0
    function = partial(pixels.bin_pixels, factors=factors, dtype=dtype)
    patterns = map_patterns(scan, function, dtype, detector_shape=shape)
    geometry = _regrid(geometry, shape, (0, 0), factors, mask)
    centres = scan.centres
    if centres is not None:
        centres = (centres - (np.array(factors) - 1) / 2) / factors
    return scan.replace(patterns=patterns, geometry=geometry, centres=centres), list(factors)


def fold_friedel(scan, friedel):
    """Each pixel averaged with the one opposite to the centre."""
    if friedel is None or not checks.flag(friedel, "friedel"):
        return scan, None
    dtype = compute_dtype(scan.dtype, "single")
    function = partial(pixels.friedel_mean, partners=partner_pixels(scan.geometry, "friedel"), dtype=dtype)
    return scan.replace(patterns=map_patterns(scan, function, dtype)), True


def mean_of_neighbours(scan, size):
    """Patterns averaged over neighbouring positions."""
    if size is None:
        return scan, None
    size = checks.count(size, "average_neighbours")
    if size == 1:
        return scan, None
    if size % 2 == 0:
        raise ValueError(f"average_neighbours must be odd, so that a position is the middle of its window, got {size}")
    if max(scan.geometry.scan_shape) == 1:
        warn("average_neighbours does nothing on a scan of one position")
        return scan, None
    dtype = compute_dtype(scan.dtype, "single")
    return scan.replace(patterns=average_neighbours(scan, size, dtype)), size


def window_of_alike(value, average_neighbours):
    """The argument `average_alike` as the width of its window, or None."""
    if value is None or value is False:
        return None
    if average_neighbours not in (None, 1):
        raise ValueError("average_alike takes patterns with their own noise: leave average_neighbours out")
    size = _WINDOW if value is True else checks.count(value, "average_alike", minimum=3)
    if size % 2 == 0:
        raise ValueError(f"average_alike must be odd, so that a position is the middle of its window, got {size}")
    return size


def mean_of_alike(scan, size):
    """Patterns averaged over positions nearby that are alike; the scan is read for that, now."""
    if size is None:
        return scan, None
    if max(scan.geometry.scan_shape) == 1:
        warn("average_alike does nothing on a scan of one position")
        return scan, None
    patterns, n, electrons = average_alike(scan, size, compute_dtype(scan.dtype, "single"))
    if electrons < _FEW:
        warn(
            f"with {electrons:.3g} electrons per pattern, nmf of a view that average_alike has made may miss weak grains: "
            "learn the patterns from the view before, result = view.nmf(n), and fit them to this one, prepared.fit(result)"
        )
    return scan.replace(patterns=patterns), {"window": size, "compared_by": n}
