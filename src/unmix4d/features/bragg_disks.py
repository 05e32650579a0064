"""Bragg disks as features: vectors found at every position, put on one grid around the direct beam.

The grid is centred on the direct beam, so that opposite vectors fall into opposite cells, whatever detector they were
found on.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import scipy

from ..core import checks
from ..core.units import PIXELS, canonical_unit, convert, is_calibrated

__all__ = ["BraggDisks", "Raster", "INTENSITIES"]

INTENSITIES = ("sum", "sqrt", "binary")
_MOST_CELLS = 1 << 22  # of a grid; more is a mistake in a unit
_SAMPLED = 500  # positions whose disks are measured for their distance


@dataclass(frozen=True)
class Raster:
    """A grid of cells with the direct beam in the middle of its middle cell.

    Attributes
    ----------
    cell : (float, float)
        Size of a cell along (row, column), in the unit of the vectors.
    half : (int, int)
        Cells on either side of the middle one.
    """

    cell: tuple[float, float]
    half: tuple[int, int]

    @classmethod
    def reaching(cls, reach, cell) -> Raster:
        """The smallest grid of cells `cell` on which vectors with components up to `reach` (row, column) fall.

        Raises ValueError when that takes more than 4 million cells.
        """
        half = tuple(max(1, math.ceil(r / c * (1 - 1e-9))) for r, c in zip(reach, cell))
        if math.prod(2 * n + 1 for n in half) > _MOST_CELLS:
            raise ValueError(
                f"the grid of the Bragg vectors would have {2 * half[0] + 1} x {2 * half[1] + 1} cells of "
                f"{cell[0]:.3g} x {cell[1]:.3g}: give a larger bin, a smaller q_max, or the right unit"
            )
        return cls(tuple(cell), half)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of cells."""
        return 2 * self.half[0] + 1, 2 * self.half[1] + 1

    @property
    def centre(self) -> tuple[float, float]:
        """Place of the direct beam in cells."""
        return float(self.half[0]), float(self.half[1])

    def within(self, q: float) -> np.ndarray:
        """Boolean (rows, columns): cells whose middle is nearer to the direct beam than `q`."""
        rows, cols = (size * np.arange(-n, n + 1) for size, n in zip(self.cell, self.half))
        return np.hypot(rows[:, None], cols[None, :]) < q


@dataclass(frozen=True, eq=False)
class BraggDisks:
    """Bragg vectors of a scan: from the direct beam of each position to the disks found there.

    Attributes
    ----------
    scan_shape : (int, int)
    position : ndarray of int (n_vectors,)
        Where each vector was found: scan_row * n_scan_cols + scan_col.
    q_row, q_col : ndarray of float64 (n_vectors,)
        The vectors along the rows (downwards) and columns of the detector, with the ellipse taken out.
    intensity : ndarray of float64 (n_vectors,) or None
        None where only positions are known.
    unit : str
        Of the vectors; ``"px"`` for detector pixels.
    pixel_size : (float, float) or None
        Size of a detector pixel (row, column) in `unit`, where it is known.

    Raises
    ------
    ValueError
        If the arrays are not of one length, the scan has another shape, there is no vector at all, or a vector is NaN
        or infinite.
    """

    scan_shape: tuple[int, int]
    position: np.ndarray
    q_row: np.ndarray
    q_col: np.ndarray
    intensity: np.ndarray | None = None
    unit: str = PIXELS
    pixel_size: tuple[float, float] | None = None

    def __post_init__(self):
        set_ = object.__setattr__
        set_(self, "scan_shape", tuple(int(n) for n in self.scan_shape))
        set_(self, "position", np.array(self.position, np.int64).ravel())
        for name in ("q_row", "q_col", "intensity"):
            if getattr(self, name) is not None:
                set_(self, name, np.array(getattr(self, name), np.float64).ravel())
        set_(self, "unit", canonical_unit(self.unit))
        if self.pixel_size is not None:
            set_(self, "pixel_size", checks.pair(self.pixel_size, "pixel_size"))
        self._check()

    def _check(self):
        arrays = [a for a in (self.position, self.q_row, self.q_col, self.intensity) if a is not None]
        if len({a.size for a in arrays}) != 1:
            raise ValueError(f"the Bragg vectors must have one length, got {[a.size for a in arrays]}")
        if not self.position.size:
            raise ValueError("there are no Bragg vectors: every position of the scan is empty")
        if self.position.min() < 0 or self.position.max() >= math.prod(self.scan_shape):
            raise ValueError(f"the Bragg vectors have positions outside the scan of {self.scan_shape}")
        bad = ~np.all([np.isfinite(a) for a in arrays], axis=0)
        if bad.any():
            row, col = divmod(int(self.position[np.flatnonzero(bad)[0]]), self.scan_shape[1])
            raise ValueError(
                f"the Bragg vectors must be finite, but {bad.sum()} of {bad.size} are NaN or infinite, the first at scan "
                f"position ({row}, {col})"
            )

    def __len__(self):
        return self.position.size

    def __repr__(self):
        rows, cols = self.scan_shape
        return f"BraggDisks({len(self)} vectors, {rows} x {cols} scan, |q| up to {self.length.max():.4g} {self.unit})"

    @property
    def length(self) -> np.ndarray:
        """|q| of every vector (n_vectors,)."""
        return np.hypot(self.q_row, self.q_col)

    @property
    def counts(self) -> np.ndarray:
        """Number of vectors at every position (scan_row, scan_col)."""
        return np.bincount(self.position, minlength=math.prod(self.scan_shape)).reshape(self.scan_shape)

    @classmethod
    def joined(cls, each, frame) -> BraggDisks:
        """The vectors of several scans as those of the frame that holds them.

        each (sequence of BraggDisks): In one unit.
        frame (ScanGeometry): With ``scans``.
        Raises ValueError when some have intensities and others have none.
        """
        known = [one.intensity is not None for one in each]
        if any(known) and not all(known):
            raise ValueError(f"the Bragg vectors of scan {known.index(False)} have no intensities, but those of others have")
        position = []
        for one, part in zip(each, frame.scans):
            row, col = np.divmod(one.position, one.scan_shape[1])
            position.append((row + part.row) * frame.scan_shape[1] + col)
        sizes = {one.pixel_size for one in each}
        return cls(
            frame.scan_shape, np.concatenate(position), np.concatenate([one.q_row for one in each]),
            np.concatenate([one.q_col for one in each]),
            np.concatenate([one.intensity for one in each]) if all(known) else None, each[0].unit,
            sizes.pop() if len(sizes) == 1 else None,
        )  # fmt: skip

    def select(self, kept) -> BraggDisks:
        """The vectors where the boolean array `kept` (n_vectors,) is True."""
        if not np.any(kept):
            raise ValueError("there are no Bragg vectors left: none lies between q_min and q_max at a kept position")
        intensity = None if self.intensity is None else self.intensity[kept]
        return dataclasses.replace(
            self, position=self.position[kept], q_row=self.q_row[kept], q_col=self.q_col[kept], intensity=intensity
        )

    def scaled(self, factor, unit: str) -> BraggDisks:
        """The vectors times `factor` (a number, or a pair along (row, column)), called `unit`."""
        rows, cols = checks.pair(factor, "factor")
        size = None if self.pixel_size is None else (self.pixel_size[0] * rows, self.pixel_size[1] * cols)
        return dataclasses.replace(self, q_row=self.q_row * rows, q_col=self.q_col * cols, unit=unit, pixel_size=size)

    def in_unit(self, unit: str) -> BraggDisks:
        """The vectors in another unit of the same kind, ``"1/nm"`` for ``"1/Å"``.

        Raises ValueError when one of the units is pixels and the other is not, or they are of different kinds.
        """
        unit = canonical_unit(unit)
        if unit == self.unit:
            return self
        if not (is_calibrated(unit) and is_calibrated(self.unit)):
            raise ValueError(
                f"the Bragg vectors are in {self.unit}, but the view is in {unit}: "
                "calibrate both, or give pixel_size and pixel_unit"
            )
        try:
            return self.scaled(convert(1.0, self.unit, unit), unit)
        except ValueError:
            raise ValueError(f"the Bragg vectors are in {self.unit}, which does not fit the {unit} of the view") from None

    def made_round(self, ellipse) -> BraggDisks:
        """The vectors of an elliptically distorted pattern, corrected.

        Distances along the axis a become shorter by b / a, as in py4DSTEM, whose pixel sizes are measured after that.

        ellipse ((float, float, float) or None): Semi-axes a and b, and the angle of a in degrees, counter-clockwise as seen
            with row 0 on top.
        """
        if ellipse is None:
            return self
        a, b, angle = ellipse[0], ellipse[1], math.radians(ellipse[2])
        along = self.q_col * math.cos(angle) - self.q_row * math.sin(angle)
        more = along * (b / a - 1)
        return dataclasses.replace(
            self, q_col=self.q_col + more * math.cos(angle), q_row=self.q_row - more * math.sin(angle)
        )

    def spacing(self) -> float | None:
        """Smallest usual distance between two disks of one pattern: its 5th percentile, None without such pairs."""
        order = np.argsort(self.position, kind="stable")
        ends = np.flatnonzero(np.diff(self.position[order])) + 1
        groups = [g for g in np.split(order, ends) if g.size > 1]
        nearest = []
        for group in groups[:: max(1, len(groups) // _SAMPLED)]:
            points = np.stack([self.q_row[group], self.q_col[group]], axis=1)
            nearest.append(scipy.spatial.cKDTree(points).query(points, k=2)[0][:, 1])
        found = np.concatenate(nearest) if nearest else np.empty(0)
        found = found[found > 0]
        return float(np.percentile(found, 5)) if found.size else None

    def beam_reach(self) -> float:
        """Length below which a vector is the direct beam: half of `spacing`; 0 where the direct beam is not among them.

        Vectors of the beam are far shorter than that, and one at a position. Where the beam was taken out before, the
        nearest of a reflection may be its opposite, so that the shortest of them are about as long as that.
        """
        reach = (self.spacing() or 0.0) / 2
        short = self.length < reach
        alone = short.sum() < 1.5 * np.unique(self.position[short]).size
        return reach if alone and np.median(self.length[short]) < reach / 2 else 0.0

    def default_cell(self) -> float:
        """A fifth of `spacing`: disks of one pattern stay apart, and a disk that moves a little stays where it is."""
        return (self.spacing() or self.length.max() / 8 or 1.0) / 5

    def raster(self, cell=None, reach=None) -> Raster:
        """A grid for these vectors.

        cell (float or (float, float)): Size of a cell in the unit of the vectors; `default_cell` where it is not given.
        reach (float or (float, float)): Largest component along (row, column); that of the vectors by default.
        """
        cell = checks.pair(self.default_cell() if cell is None else cell, "cell")
        if reach is None:
            reach = np.abs(self.q_row).max(), np.abs(self.q_col).max()
        return Raster.reaching(checks.pair(reach, "reach"), cell)

    def on(self, grid: Raster, *, intensity: str = "sum", spread=None) -> scipy.sparse.csr_array:
        """The vectors of every position on a grid.

        grid: What falls outside of it is left out.
        intensity: What a vector brings: its intensity, the square root of it, or 1, where several do not count more than
            one.
        spread (float): A vector is shared among the cells whose middles are nearer than this along rows and columns, the
            nearer the more (a hat function; the shares add up to 1), so that it does not jump from one cell to the next. It
            is rounded to whole cells; one at least, the default, which is bilinear. 0: all of it goes to the cell that it
            falls into.
        Raises ValueError when intensities are needed and missing, or negative.
        """
        values = self._values(checks.choice(intensity, "intensity", INTENSITIES))
        rows, cols = (
            _shares(q / cell + half, spread == 0) for q, cell, half in zip((self.q_row, self.q_col), grid.cell, grid.half)
        )
        parts = []
        for i, u in rows:
            for j, v in cols:
                weight = u * v
                good = (weight > 0) & (i >= 0) & (i < grid.shape[0]) & (j >= 0) & (j < grid.shape[1])
                parts.append((weight[good] * values[good], self.position[good], (i * grid.shape[1] + j)[good]))
        entries, at, cell = (np.concatenate(p) for p in zip(*parts))
        shape = (math.prod(self.scan_shape), math.prod(grid.shape))
        # What shares a cell is added up.
        out = scipy.sparse.csr_array(scipy.sparse.coo_array((entries, (at, cell)), shape=shape))
        if intensity == "binary":
            out.data = np.minimum(out.data, 1.0)
        out = _widened(out, grid, spread or 0.0)
        out.eliminate_zeros()
        return out

    def _values(self, intensity):
        if intensity == "binary":
            return np.ones(len(self))
        if self.intensity is None:
            raise ValueError('the Bragg vectors have no intensities: use intensity="binary"')
        if self.intensity.min() < 0:
            raise ValueError(
                f"intensities of Bragg vectors must not be negative, the smallest is {self.intensity.min():.6g}: "
                'leave such vectors out, or use intensity="binary"'
            )
        return self.intensity if intensity == "sum" else np.sqrt(self.intensity)


def _shares(place, alone):
    """[(cell, share)] of every place along one axis: the two cells around it, or the one that it is in."""
    if alone:
        return [(np.floor(place + 0.5).astype(np.int64), np.ones(place.size))]
    place = np.where(np.abs(place - np.rint(place)) < 1e-9, np.rint(place), place)  # rounding makes no neighbour
    first = np.floor(place).astype(np.int64)
    return [(first, first + 1 - place), (first + 1, place - first)]


def _widened(cells, grid, spread):
    """Bilinear shares as those of a hat of m cells: a hat of width m is exactly a sum of hats of width 1."""
    factors = []
    for n, size in zip(grid.shape, grid.cell):
        m = max(1, round(spread / size))
        steps = range(1 - m, m)
        weights = [np.full(n, (m - abs(step)) / m**2) for step in steps]
        factors.append(scipy.sparse.diags(weights, list(steps), shape=(n, n)) if m > 1 else scipy.sparse.identity(n))
    if spread / min(grid.cell) >= 1.5:
        cells = cells @ scipy.sparse.csr_array(scipy.sparse.kron(scipy.sparse.identity(grid.shape[0]), factors[1]))
        cells = cells @ scipy.sparse.csr_array(scipy.sparse.kron(factors[0], scipy.sparse.identity(grid.shape[1])))
    return scipy.sparse.csr_array(cells)
