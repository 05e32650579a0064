"""The raster of Bragg disks as features of a scan: one row of cells for every position, nearly all of them empty."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import scipy

from ..core import checks
from ..core.geometry import ScanGeometry
from ..core.messages import warn
from ..core.scan import HostRecord
from ..engine.sparse_matrix import SparseMatrix
from .bragg_disks import BraggDisks, Raster
from .features import Features

__all__ = ["BraggFeatures", "bragg_features"]

_DENSE_BYTES = 256 << 20  # a raster that takes more is kept as its non-zeros: half of it where spread, else far less
_SPREAD = 2  # cells


@dataclass(frozen=True, eq=False)
class BraggFeatures(Features):
    """Features of which nearly all are 0; made by `bragg_features`.

    Attributes
    ----------
    disks : BraggDisks
        All vectors, those that are left out by `q_min`, `q_max` and the scan mask among them.
    cells : scipy.sparse.csr_array (n_positions, n_features)
        Of float32; float64 of a scan in double precision.
    """

    # Always given; the fields of Features have defaults, and so must these.
    disks: BraggDisks = None  # type: ignore[assignment]
    cells: scipy.sparse.csr_array = None  # type: ignore[assignment]

    def matrix(self, precision: str = "single"):
        """The features as what every solver works on; the zeros of a large raster are never held."""
        large = self.cells.dtype.itemsize * math.prod(self.shape) > _DENSE_BYTES
        return SparseMatrix(self.cells, self.geometry, precision) if large else super().matrix(precision)


def bragg_features(
    disks: BraggDisks,
    geometry: ScanGeometry,
    *,
    cell=None,
    intensity="sum",
    spread=None,
    q_min=None,
    q_max=None,
    drop_empty=True,
    settings=None,
    source=None,
    host: HostRecord | None = None,
) -> BraggFeatures:
    """Bragg vectors on a grid, as features of the scan that `geometry` belongs to.

    disks: In the pixel unit of `geometry`.
    geometry: Scan side and calibration. Its detector side is not used.
    cell (float or (float, float)): Size of a cell; by default a fifth of the smallest usual distance of two disks.
    intensity: {"sum", "sqrt", "binary"}.
    spread (float): As for `BraggDisks.on`; by default two cells.
    q_min, q_max (float): Shortest and longest vectors that are used. By default all, but for the direct beam where it is
        among them: what is shorter than half of the smallest usual distance of two disks.
    drop_empty (bool): Drop all cells that no vector falls into; otherwise only those that are shorter than `q_min`.
    settings (dict): To be kept with ours.
    source, host: As for `Features`.
    Returns BraggFeatures: The geometry of its raster is calibrated, with the direct beam as its centre.
    Raises ValueError when no vector is left, or intensities are missing, negative or all 0.
    Warns UnmixWarning when most positions hold no vector.
    """
    q_min = disks.beam_reach() if q_min is None else q_min
    cell = checks.pair(disks.default_cell() if cell is None else cell, "cell")
    spread = _SPREAD * min(cell) if spread is None else spread
    length = disks.length
    used = geometry.kept_positions[disks.position] & (length >= q_min) & (length <= (np.inf if q_max is None else q_max))
    chosen = disks.select(used)
    reach = max(np.abs(chosen.q_row).max(), np.abs(chosen.q_col).max()) if q_max is None else q_max
    # Nothing of what is shared gets lost at the edge.
    grid = chosen.raster(cell, reach=[reach + (max(1, round(spread / size)) - 1) * size for size in cell])
    cells = chosen.on(grid, intensity=intensity, spread=spread)[np.flatnonzero(geometry.kept_positions)].astype(
        _dtype(source)
    )
    if not cells.count_nonzero():
        raise ValueError("the Bragg vectors must have intensities above 0, but all that are used have 0")
    _warn_of_empty(chosen, geometry)
    hit = np.zeros(cells.shape[1], bool) if drop_empty else ~grid.within(q_min).ravel()
    hit[cells.indices] = True
    record = {
        "cell": [float(v) for v in grid.cell], "unit": disks.unit, "intensity": intensity, "spread": float(spread),
        "q_min": float(q_min), "q_max": None if q_max is None else float(q_max), "vectors": len(chosen), **(settings or {}),
    }  # fmt: skip
    # Without a scan the raster is what there is of patterns, with nothing between the spots.
    ours = raster_geometry(geometry, grid, disks.unit, hit).replace(features=source is not None, redrawn=source is None)
    cells = scipy.sparse.csr_array(cells[:, np.flatnonzero(hit)])
    return BraggFeatures("bragg_disks", ours, cells.toarray, record, source, host or HostRecord(), disks=disks, cells=cells)


def _dtype(source):
    """Single precision, but for a scan in double: then maps and patterns of a result are of one type."""
    of_patterns = source is not None and not hasattr(source, "features")
    wide = of_patterns and source.scan.dtype.kind == "f" and source.scan.dtype.itemsize == 8  # of either byte order
    return np.float64 if wide else np.float32


def raster_geometry(geometry: ScanGeometry, grid: Raster, unit: str, hit) -> ScanGeometry:
    """A geometry with the raster as its detector, calibrated and centred; cells without a vector are excluded."""
    calibration = dataclasses.replace(geometry.calibration, pixel_size=grid.cell, pixel_unit=unit, detector_origin=None)
    mask = None if hit.all() else ~hit.reshape(grid.shape)
    return ScanGeometry(
        geometry.scan_shape,
        grid.shape,
        scan_mask=geometry.scan_mask,
        detector_mask=mask,
        centre=grid.centre,
        centre_known=True,
        calibration=calibration,
        scans=geometry.scans,
    )


def _warn_of_empty(disks, geometry):
    empty = int((disks.counts.ravel() == 0)[geometry.kept_positions].sum())
    if empty > geometry.n_positions / 2:
        warn(f"{empty} of {geometry.n_positions} positions hold no Bragg vector that is used: their maps will be 0 there")
