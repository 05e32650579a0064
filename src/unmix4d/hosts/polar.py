"""Polar patterns of the hosts: where the pixels of theirs are, and their own transforms, for comparison with ours.

Both count azimuths counter-clockwise as seen with row 0 on top. pyxem begins at -180 degrees, 0 being along the columns:
bin i reaches from -180 + i steps to the next. py4DSTEM begins along the rows, downwards, which is our -90 degrees; its
points are at the azimuths and radii themselves, not in the middle of bins.
"""

from __future__ import annotations

import math
import warnings

import numpy as np

from ..core.geometry import Calibration, ScanGeometry
from ..core.polar import AZIMUTHS
from ..core.scan import HostRecord, Scan
from ..core.units import PIXELS, canonical_unit, convert
from ..features.sectors import PolarGrid

__all__ = ["polar_grid", "polar_scan"]

_ANGLES = ("rad", "deg")
_BLOCK_VALUES = 16 << 20  # of patterns that are read at a time, a size of work: no answer depends on it


def polar_grid(scan: Scan, use: str) -> PolarGrid:
    """Azimuth and radius of the pixels of patterns that are polar already (pyxem's ``PolarDiffraction2D``).

    scan: With a polar geometry.
    use: What needs it, for the error.
    Returns PolarGrid: Radii count the radial bins of the host's axis.
    Raises ValueError when the axes do not say which of them is the azimuth.
    """
    axes = scan.host.record.get("axes", ())[-2:]
    units = [canonical_unit(axis["units"]) for axis in axes]
    units = [unit.lower() if unit.lower() in _ANGLES else unit for unit in units]  # pyxem writes "Rad"
    angular = [i for i, unit in enumerate(units) if unit in _ANGLES]
    if len(angular) != 1:
        raise ValueError(
            f"{use} needs to know which axis of the polar patterns is the azimuth, in rad or deg, got the units "
            f"{' and '.join(map(repr, units)) or 'of none'}"
        )
    along, across = angular[0], 1 - angular[0]
    to_deg = convert(1.0, units[along], "deg")
    # Crops and bins are counted in pixels of the input; a value belongs to the bin from one tick to the next.
    size, first = scan.geometry.calibration.pixel_size, scan.geometry.calibration.detector_origin or (0.0, 0.0)
    axis, radial = axes[along], axes[across]
    begin = axis["offset"] + axis["scale"] * (first[along] + 0.5)
    inner = radial["offset"] / radial["scale"] + first[across] + 0.5
    return PolarGrid(
        scan.geometry, along, (begin * to_deg, axis["scale"] * size[along] * to_deg), (inner, size[across]),
        abs(radial["scale"]), units[across],
    )  # fmt: skip


def polar_scan(scan: Scan, use: str) -> tuple[Scan, PolarGrid]:
    """The scan with polar patterns made by the transform of its host, in memory, and where their pixels are.

    scan: Of pyxem or py4DSTEM.
    use: What needs it, for the error.
    Returns Scan, PolarGrid: Mean intensities (scan_row, scan_col, 360, n_radius), radii a pixel apart.
    Raises ValueError when the scan is of another host, or the host does not know its ellipse or pixels that are not square.
    """
    make = {"pyxem": _pyxem, "py4dstem": _py4dstem}.get(scan.host.kind)
    if make is None:
        raise ValueError(f"polar='host' of {use} needs a scan of pyxem or py4DSTEM, got one of {scan.host.kind}")
    geometry = scan.geometry
    if not math.isclose(*geometry.calibration.pixel_size, rel_tol=1e-6):
        raise ValueError(f"polar='host' of {use} needs square pixels, got {geometry.calibration.pixel_size}")
    if geometry.ellipse is not None and scan.host.kind == "pyxem":
        raise ValueError(f"polar='host' of {use} needs round patterns, but pyxem is not told of the ellipse of this view")
    n_radius = int(np.ceil(min(geometry.detector_shape) / 2))
    transform, azimuth, radial = make(geometry, n_radius)
    rows, cols = geometry.scan_shape
    out = np.empty((rows, cols, AZIMUTHS, n_radius), np.float64 if scan.dtype == np.float64 else np.float32)
    step = max(1, _BLOCK_VALUES // (cols * math.prod(geometry.detector_shape)))
    for start in range(0, rows, step):
        block = np.asarray(scan.patterns[start : start + step]).astype(out.dtype)
        out[start : start + step] = transform(np.where(geometry.kept_pixels.reshape(geometry.detector_shape), block, 0))
    mask = np.isnan(transform(np.ones((1, 1, *geometry.detector_shape), out.dtype))[0, 0])
    ours = geometry.calibration
    polar = ScanGeometry(
        geometry.scan_shape, (AZIMUTHS, n_radius), scan_mask=geometry.scan_mask, detector_mask=mask if mask.any() else None,
        polar=True, calibration=Calibration(step=ours.step, step_unit=ours.step_unit, scan_origin=ours.scan_origin),
    )  # fmt: skip
    length, unit = geometry.pixel_length, ours.pixel_unit
    return Scan(out, polar, host=HostRecord("array")), PolarGrid(polar, 0, azimuth, radial, length, unit, by_area=True)


def _pyxem(geometry, n_radius):
    """Sums over bins, divided by those of ones: pyxem's own mean counts masked pixels too."""
    from pyxem.signals import Diffraction2D

    def sums(block):
        signal = Diffraction2D(block)
        signal.calibration(scale=1.0, units=PIXELS, center=(geometry.centre[1], geometry.centre[0]))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pyxem's and its libraries' own
            polar = signal.get_azimuthal_integral2d(
                npt=n_radius, npt_azim=AZIMUTHS, radial_range=(0, n_radius), inplace=False, show_progressbar=False
            )
        return polar.data.swapaxes(-1, -2)

    counted = sums(geometry.kept_pixels.reshape(1, 1, *geometry.detector_shape).astype(np.float64))[0, 0]

    def transform(block):
        with np.errstate(all="ignore"):
            return np.where(counted > 1e-6, sums(block) / counted, np.nan)

    return transform, (-180 + 180 / AZIMUTHS, 360 / AZIMUTHS), (0.5, 1.0)


def _py4dstem(geometry, n_radius):
    from py4DSTEM import DataCube
    from py4DSTEM.process.polar import PolarDatacube

    kept = geometry.kept_pixels.reshape(geometry.detector_shape)

    def transform(block):
        cube = DataCube(block)
        cube.calibration.set_origin(tuple(float(c) for c in geometry.centre))
        if geometry.ellipse is not None:
            a, b, angle = geometry.ellipse
            cube.calibration.set_ellipse((a, b, math.radians(angle + 90)))
        polar = PolarDatacube(cube, qmin=0, qmax=n_radius, qstep=1.0, n_annular=AZIMUTHS, mask=None if kept.all() else kept)
        out = np.empty((*block.shape[:2], AZIMUTHS, n_radius), block.dtype)
        for i, j in np.ndindex(*block.shape[:2]):
            out[i, j] = np.ma.filled(polar.data[i, j].astype(block.dtype), np.nan)
        return out

    return transform, (-90.0, 360 / AZIMUTHS), (0.0, 1.0)
