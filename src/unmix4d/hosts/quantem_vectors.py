"""Bragg peaks of quantem: `BraggVectors`, which know their dataset, and the `Vector` of calibrated peaks, which does not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..core.checks import is_a
from ..core.geometry import ScanGeometry
from ..core.scan import HostRecord
from ..core.units import PIXELS, canonical_unit
from . import quantem

__all__ = ["Peaks", "matches", "read"]

_FIELDS = ("q_row", "q_col", "intensity")


@dataclass(frozen=True, eq=False)
class Peaks:
    """What quantem says of peaks.

    Attributes
    ----------
    scan_shape : (int, int)
    position : ndarray of int (n_peaks,)
    row, col : ndarray of float64 (n_peaks,)
    intensity : ndarray of float64 (n_peaks,) or None
    unit : str
        Of row and col: ``"px"`` for detector pixels, counted from the first one.
    centre : (float, float) or None
        Of the direct beam, in pixels, where quantem or the dataset knows it.
    size, pixel_unit
        Of a detector pixel.
    geometry : ScanGeometry or None
        Of the dataset, where it is known.
    host : HostRecord
    """

    scan_shape: tuple[int, int]
    position: np.ndarray
    row: np.ndarray
    col: np.ndarray
    intensity: np.ndarray | None
    unit: str
    centre: tuple[float, float] | None = None
    size: tuple[float, float] = (1.0, 1.0)
    pixel_unit: str = PIXELS
    geometry: ScanGeometry | None = None
    host: HostRecord = HostRecord()


def matches(obj) -> bool:
    """True for peaks of quantem."""
    return is_a(obj, "quantem.diffraction.bragg_vectors", "BraggVectors") or _is_vector(obj)


def _is_vector(obj):
    return is_a(obj, "quantem.core.datastructures", "Vector")


def read(obj) -> Peaks:
    """The peaks inside, as NumPy arrays from whatever device they are on."""
    if _is_vector(obj):
        return _table(obj)
    if obj.peaks is None:
        raise ValueError("the BraggVectors hold no peaks yet: call their detect_disks() first")
    scan = quantem.read(obj.dataset)
    geometry, known = scan.geometry, scan.geometry.calibration
    centre = geometry.centre if geometry.centre_known else None
    if obj.origin is not None:  # found among the peaks themselves
        centre = tuple(np.asarray(obj.origin, float).ravel()[:2].tolist())
    return replace(
        _table(obj.peaks), centre=centre, size=known.pixel_size, pixel_unit=known.pixel_unit, geometry=geometry,
        host=scan.host,
    )  # fmt: skip


def _table(vector):
    """Peaks of a ragged table over the scan."""
    shape, fields = tuple(int(n) for n in vector.shape), list(vector.fields)
    if len(shape) != 2 or not set(_FIELDS[:2]) <= set(fields):
        raise ValueError(
            f"peaks must lie on the two axes of a scan, with the fields q_row, q_col and intensity, got {shape} with "
            f"{fields}"
        )
    values = np.asarray(vector.numpy(), np.float64)
    position = np.repeat(np.arange(np.prod(shape)), np.asarray(vector.row_counts(), int).ravel())
    row, col = (values[:, fields.index(name)] for name in _FIELDS[:2])
    intensity = values[:, fields.index("intensity")] if "intensity" in fields else None
    return Peaks(shape, position, row, col, intensity, canonical_unit(vector.units[fields.index("q_row")]))
