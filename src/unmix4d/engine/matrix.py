"""PatternMatrix: a scan as the matrix X (n_positions, n_pixels), never held as a whole.

It offers the few products every method needs, each of them one pass over the scan, and counts its passes.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..core.geometry import ScanGeometry
from ..core.scan import is_dask
from .blocks import compute_dtype, make_plan
from .buffers import buffer
from .cells import cell_rows, cells_of
from .expected import EXACT, Expected, comparing_kernel
from .holding import Holder, WorkersHolder, holder_for
from .passes import run_pass

__all__ = ["PRODUCTS", "Glance", "PatternMatrix", "Statistics", "offset_kernel"]


@dataclass(frozen=True, eq=False)
class Statistics:
    """What one pass over the scan says about it.

    Attributes
    ----------
    mean_pattern : ndarray of float64 (n_pixels,)
    totals : ndarray of float64 (n_positions,)
        Sum of every pattern.
    pixel_squares : ndarray of float64 (n_pixels,)
        Sum of the squares of every pixel over the positions.
    position_squares : ndarray of float64 (n_positions,)
        Sum of the squares of every pattern.
    norm2 : float
        Sum of all squared values.
    total : float
        Sum of all values.
    minimum, maximum : float
    """

    mean_pattern: np.ndarray
    totals: np.ndarray
    pixel_squares: np.ndarray
    position_squares: np.ndarray
    norm2: float
    total: float
    minimum: float
    maximum: float


@dataclass(frozen=True, eq=False)
class Glance:
    """The part of `Statistics` that shows what an answer rests on, made beside something else in single precision.

    Attributes
    ----------
    mean_pattern, pixel_squares : ndarray of float64 (n_pixels,)
    minimum : float
        Exact only in its sign.
    """

    mean_pattern: np.ndarray
    pixel_squares: np.ndarray
    minimum: float


class PatternMatrix:
    """The matrix X of a scan: one row per kept probe position, one column per kept detector pixel.

    Parameters
    ----------
    patterns : array (scan_row, scan_col, det_row, det_col)
        NumPy, memory-mapped, HDF5 or dask, of any real dtype.
    geometry : ScanGeometry
        Says which positions and pixels take part.
    precision : {"single", "double"}
        Arithmetic; float64 input is always treated in double precision.
    look : callable, optional
        Gets the statistics, or a `Glance`, when the pass that makes them has been made.
    keep : bool or "auto"
        Whether a lazy scan may be held in memory, see `hold` and `holder_for`.

    Attributes
    ----------
    shape : (int, int)
    dtype : numpy dtype
        Of the arithmetic and of everything returned.
    passes : int
        How often the scan has been read so far.
    """

    # Beyond these, squares of values leave the range of the arithmetic.
    _REMEDY = "subtract no background before it, or use svd"  # of negative values
    _RANGE = {"float32": (1e-15, 1e15), "float64": (1e-140, 1e140)}

    _expected: Expected | None = None
    _look: Callable[[Any], None] | None = None
    _hold = False
    _holder: Holder | WorkersHolder | None = None

    def __init__(
        self,
        patterns,
        geometry: ScanGeometry,
        precision: str = "single",
        look: Callable[[Any], None] | None = None,
        keep: bool | str = False,
    ):
        self._begin(patterns.dtype, geometry, precision)
        self._look = look
        if is_dask(patterns):
            self._holder = holder_for(patterns, geometry, self.dtype, keep)
        self._plan = make_plan(patterns, geometry, self.dtype)

    def _begin(self, dtype, geometry: ScanGeometry, precision: str) -> None:
        """All but the data."""
        self.geometry = geometry
        self.dtype = compute_dtype(dtype, precision)
        self._counts = np.dtype(dtype).kind in "uib"
        self.shape = (geometry.n_positions, geometry.n_pixels)
        self._statistics: Statistics | None = None
        self._cell_sums: dict | None = None
        self._offset: np.ndarray | None = None
        self._passes = [0]  # shared with the centred copy

    @property
    def passes(self) -> int:
        return self._passes[0]

    def visit(self, kernel, per_row=()):
        """One pass: ``kernel(X, *rows)`` on every batch of positions, its answers gathered and its sums added up.

        Parameters
        ----------
        kernel : callable
            Gets X (m, n_pixels) and the rows (m, ...) of every array of `per_row`; returns ``(piece, sums)``: an array
            (m, ...) or None, and a tuple of arrays. It must be importable by name for scans on other machines.
        per_row : sequence of ndarray (n_positions, ...)

        Returns
        -------
        piece : ndarray (n_positions, ...) or None
        sums : tuple of ndarray of float64
        """
        self._passes[0] += 1
        if self._offset is not None:
            kernel = partial(offset_kernel, kernel=kernel, offset=self._offset)
        return self._compared(kernel, per_row) if self._expected else self._run(kernel, per_row)

    def _run(self, kernel, per_row):
        if self._holder is None or not self._hold:
            return run_pass(self._plan, kernel, per_row)
        answer, self._plan = self._holder.run_pass(self._plan, kernel, per_row)
        self._holder = None
        return answer

    def hold(self) -> PatternMatrix:
        """This matrix, held by the next pass over it if it may be: for methods that read a lazy scan several times."""
        self._hold = True
        return self

    def visit_and_look(self, kernel):
        """`visit` for what may be the first pass over a scan, which is then looked at as that of the statistics is."""
        if self._look is None or self._statistics is not None:
            return self.visit(kernel)
        piece, (*sums, pixel_sum, pixel_squares, negative) = self.visit(partial(_glancing_kernel, kernel=kernel))
        if np.isfinite(pixel_sum).all() and np.isfinite(pixel_squares).all():
            self._look(Glance(pixel_sum / self.shape[0], pixel_squares, float(negative)))
        return piece, tuple(sums)

    def expect(self, expected: Expected | None) -> PatternMatrix:
        """This matrix, whose next pass also looks whether the scan is still what it was, and refuses it otherwise."""
        self._expected = expected
        return self

    def _compared(self, kernel, per_row):
        expected = self._expected
        kernel = partial(
            comparing_kernel, kernel=kernel, largest=expected.largest, signed=expected.signed, exact=expected.exact
        )
        piece, (*sums, n_changed, pixel_sum) = self._run(kernel, (expected.totals[:, None], *per_row))
        expected.require(int(n_changed), pixel_sum)
        self._expected = None  # once is enough for a chain of passes
        return piece, tuple(sums)

    def centred(self) -> PatternMatrix:
        """The same scan minus its mean pattern, which is taken off each batch as it is read: for PCA.

        Taking it off the products instead would leave the difference of two large numbers.
        """
        mean = self.statistics().mean_pattern.astype(self.dtype)
        other = copy.copy(self)  # of a scan that is held by now, where it may be
        other._offset = mean
        return other

    def statistics(self) -> Statistics:
        """Mean pattern, totals, norm and range, in one pass that is made once.

        Raises
        ------
        ValueError
            If a kept value is NaN or infinite; says where.
        """
        if self._statistics is None:
            kernel = partial(_statistics_kernel, counts=self._counts and self._offset is None)
            rows, (pixel_sum, pixel_squares, self._cell_sums) = self.visit(kernel, (self.cells()[:, None],))
            self.refuse_not_finite(rows[:, 0], pixel_sum)
            self._refuse_extreme(float(np.abs(rows[:, 2:]).max()))
            self._statistics = Statistics(
                mean_pattern=pixel_sum / self.shape[0],
                totals=rows[:, 0],
                pixel_squares=pixel_squares,
                position_squares=rows[:, 1],
                norm2=float(rows[:, 1].sum()),
                total=float(rows[:, 0].sum()),
                minimum=float(rows[:, 2].min()),
                maximum=float(rows[:, 3].max()),
            )
            if self._look is not None:
                self._look(self._statistics)
        return self._statistics

    def cells(self) -> np.ndarray:
        """The cell of every position, see `cells_of`."""
        return cells_of(self.geometry, self.shape[1], self.dtype.itemsize)

    def cell_sums(self) -> np.ndarray:
        """Sums over cells of neighbouring positions, (n_cells, n_pixels), of the pass that made the statistics.

        They are given away: whoever asks again has a pass made for them.
        """
        self.statistics()
        if self._cell_sums is None:
            self._cell_sums = self.visit(_cells_kernel, (self.cells()[:, None],))[1][0]
        sums, self._cell_sums = self._cell_sums, None
        return np.stack([sums[cell] for cell in range(len(sums))])

    def refuse_not_finite(self, totals, pixel_sum):
        if np.isfinite(totals).all():
            return
        bad = np.flatnonzero(~np.isfinite(totals))
        row, col = np.argwhere(self.geometry.kept_positions.reshape(self.geometry.scan_shape))[bad[0]]
        pixel = np.flatnonzero(~np.isfinite(pixel_sum))
        where = (
            np.argwhere(self.geometry.kept_pixels.reshape(self.geometry.detector_shape))[pixel[0]] if pixel.size else None
        )
        at = "" if where is None else f", first affected detector pixel ({where[0]}, {where[1]})"
        raise ValueError(
            f"the scan must be finite, but {bad.size} pattern(s) hold NaN or infinite values, the first at scan "
            f"position {self.geometry.place(row, col)}{at}: exclude them with prepare(detector_mask=...) or "
            "prepare(scan_mask=...)"
        )

    def _refuse_extreme(self, largest):
        low, high = self._RANGE[self.dtype.name]
        if largest and not low <= largest <= high:
            raise ValueError(
                f"the largest absolute value of the scan must be between {low:g} and {high:g} for arithmetic in "
                f"{self.dtype}, got {largest:g}: rescale the scan"
            )

    def require_counts(self, method: str) -> Statistics:
        """The statistics, after refusing negative values and an empty scan on behalf of `method`."""
        statistics = self.hold().statistics()
        if statistics.minimum < 0:
            raise ValueError(
                f"{method} needs values that are not negative, but the smallest value of the scan is "
                f"{statistics.minimum:.6g}: {self._REMEDY}"
            )
        if statistics.maximum == 0:
            raise ValueError(f"{method} needs a signal, but every value of the scan is 0")
        return statistics

    def times(self, right) -> np.ndarray:
        """X @ right, (n_positions, k), for right (n_pixels, k). One pass."""
        right = np.ascontiguousarray(right, self.dtype)
        return self.visit(partial(_times_kernel, right=right))[0]

    def transpose_times(self, left) -> np.ndarray:
        """X.T @ left, (n_pixels, k), for left (n_positions, k), in float64. One pass."""
        left = np.ascontiguousarray(left, self.dtype)
        return self.visit(_transpose_kernel, (left,))[1][0]

    def normal(self, right, weights=None) -> np.ndarray:
        """X.T @ (weights * (X @ right)), (n_pixels, k), in float64; weights (n_positions,) are 1 by default. One pass."""
        right = np.ascontiguousarray(right, self.dtype)
        rows = () if weights is None else (np.asarray(weights, self.dtype)[:, None],)
        return self.visit(partial(_normal_kernel, right=right), rows)[1][0]

    def gram(self, weights=None) -> np.ndarray:
        """X.T @ (weights * X), (n_pixels, n_pixels), in float64. One pass; only for few pixels."""
        rows = () if weights is None else (np.asarray(weights, np.float64)[:, None],)
        return self.visit(_gram_kernel, rows)[1][0]

    def gather(self) -> np.ndarray:
        """X itself (n_positions, n_pixels) in the type of the arithmetic. One pass; only for small scans."""
        return self.visit(_gather_kernel)[0]

    def alternate(self, patterns, maps, update, position_weights=None, gram=None):
        """New maps from the scan and the patterns, and the products the next patterns need, in one pass.

        Parameters
        ----------
        patterns : ndarray (k, n_pixels)
        maps : ndarray (n_positions, k)
        update : callable
            ``update(XPt, PPt, maps)`` -> new maps, row by row independent: (m, k), (k, k), (m, k) -> (m, k).
        position_weights : ndarray (n_positions,), optional
            Every row of X is multiplied by its weight.
        gram : ndarray (k, k), optional
            What `update` gets as PPt, where that is not patterns @ patterns.T.

        Returns
        -------
        maps : ndarray (n_positions, k)
        XtM : ndarray of float64 (n_pixels, k)
        MtM : ndarray of float64 (k, k)
        XPt_M : float
            Sum of (X P^T) * maps, for the objective.
        """
        patterns = np.ascontiguousarray(patterns, self.dtype)
        if gram is None:
            gram = patterns.astype(np.float64) @ patterns.T.astype(np.float64)
        kernel = partial(_alternate_kernel, patterns=patterns, gram=gram, update=update)
        rows = (np.ascontiguousarray(maps, self.dtype),)
        if position_weights is not None:
            rows += (np.asarray(position_weights, self.dtype)[:, None],)
        maps, (xtm, mtm, cross) = self.visit(kernel, rows)
        return maps, xtm, mtm, float(cross)

    def squared_residuals(self, maps, patterns, pixel_weights=None) -> np.ndarray:
        """Sum over the pixels of (weights * (X - maps @ patterns))**2 for every position, in float64. One pass."""
        return self.residuals(maps, patterns, pixel_weights)[0]

    def residuals(self, maps, patterns, pixel_weights=None):
        """Sums of (weights * (X - maps @ patterns))**2 for every position and for every pixel, in float64. One pass."""
        return self.residuals_each([(maps, patterns)], pixel_weights)[0]

    def residuals_each(self, factors, pixel_weights=None):
        """`residuals` of several factorisations, all in one pass.

        Parameters
        ----------
        factors : sequence of (maps, patterns)
        pixel_weights : ndarray (n_pixels,), optional

        Returns
        -------
        list of (ndarray (n_positions,), ndarray (n_pixels,))
        """
        patterns = [np.ascontiguousarray(p, self.dtype) for _, p in factors]
        maps = [np.ascontiguousarray(m, self.dtype) for m, _ in factors]
        weights = None if pixel_weights is None else np.asarray(pixel_weights, self.dtype)
        rows, pixels = self.visit(partial(_residual_kernel, patterns=patterns, weights=weights), maps)
        return list(zip(np.ascontiguousarray(rows.T), pixels))

    def __repr__(self):
        return f"PatternMatrix({self.shape[0]} positions x {self.shape[1]} pixels, {self.dtype}, {self.passes} passes)"


def _statistics_kernel(X, cells, *, counts=False):
    # A NaN or infinity is found in the sums and reported with its place; no need for a warning on the way.
    with np.errstate(all="ignore"):
        least, most = X.min(1), X.max(1)
        # In double precision: variances are small differences of these sums.
        sums = _sums_of_counts(X, least, most) if counts and X.dtype == np.float32 else None
        of_positions, of_pixels = sums or _sums(_wide(X), in_place=X.dtype != np.float64)
        return np.stack([*of_positions, least, most], axis=1), (*of_pixels, cell_rows(X, cells[:, 0]))


def _sums_of_counts(X, least, most):
    """`_sums` in single precision, exact for whole numbers up to `EXACT`; None where squares may add up to more."""
    totals = (X @ _ones(X.shape[1], X.dtype), _ones(len(X), X.dtype) @ X)
    if least.min() < 0 or not max(totals[0].max(), totals[1].max()) * float(most.max()) < EXACT:
        return None
    return _sums(X, totals=totals)


def _sums(X, totals=None, in_place=False):
    """Sums and sums of squares of every row, and of every column."""
    rows, columns = _ones(X.shape[1], X.dtype), _ones(len(X), X.dtype)
    totals = (X @ rows, columns @ X) if totals is None else totals
    squares = np.square(X, out=X if in_place else buffer("squares", X.shape, X.dtype))
    return (totals[0], squares @ rows), (totals[1], columns @ squares)


def _ones(n, dtype):
    ones = buffer("ones", (n,), dtype)
    ones.fill(1)
    return ones


def _cells_kernel(X, cells):
    return None, (cell_rows(X, cells[:, 0]),)


def _glancing_kernel(X, *rows, kernel):
    """The answer of another kernel, and sums of the same read: what is looked at, and whether anything is negative."""
    with np.errstate(all="ignore"):
        ones = np.ones(len(X), X.dtype)
        squares = np.square(X, out=buffer("squares", X.shape, X.dtype))
        looked_at = ones @ X, ones @ squares, np.minimum(X.min(initial=0), 0)
    piece, sums = kernel(X, *rows)
    return piece, (*sums, *looked_at)


def _wide(X):
    if X.dtype == np.float64:
        return X
    out = buffer("wide", X.shape, np.float64)
    np.copyto(out, X)
    return out


def _summed(X, rows):
    """X.T @ rows, to be added up before the next batch."""
    if not isinstance(X, np.ndarray):
        return X.T @ rows  # of a sparse matrix
    # As rows.T @ X: some libraries take two to three times as long for a product with a transposed batch.
    return np.dot(rows.T, X, out=buffer("sum", (rows.shape[1], X.shape[1]), np.result_type(X, rows))).T


def offset_kernel(X, *rows, kernel, offset):
    return kernel(np.subtract(X, offset, out=buffer("offset", X.shape, X.dtype)), *rows)


def _times_kernel(X, right):
    # A NaN or infinity is seen in the product; no need for a warning on the way.
    with np.errstate(invalid="ignore", over="ignore"):
        return X @ right, ()


def _transpose_kernel(X, left):
    return None, (_summed(X, left),)


def _normal_kernel(X, weights=None, *, right):
    image = X @ right
    if weights is not None:
        image *= weights
    return None, (_summed(X, image),)


def _gram_kernel(X, weights=None):
    # Squaring halves the digits: in single precision everything below 3e-4 of the first component would be noise.
    X = _wide(X)
    return None, (X.T @ (X if weights is None else weights * X),)


def _gather_kernel(X):
    # A batch may be a view of the block, which is not kept.
    return X.copy(), ()


def _alternate_kernel(X, maps, weights=None, *, patterns, gram, update):
    cross = X @ patterns.T
    if weights is not None:
        cross *= weights
    maps = update(cross, gram, maps)
    wide, left = maps.astype(np.float64, copy=False), maps if weights is None else weights * maps
    fitted = np.einsum("ij,ij->", cross.astype(np.float64, copy=False), wide[:, : cross.shape[1]])
    return maps, (_summed(X, left), wide.T @ wide, fitted)


# Sums of a block are of the type they are made in, those of products in that of the matrix; others' are in double precision.
for _kernel in (_transpose_kernel, _normal_kernel, _alternate_kernel):
    _kernel.narrow_sums = True  # type: ignore[attr-defined, union-attr]


def _residual_kernel(X, *maps, patterns, weights):
    rows, pixels = np.empty((len(X), len(maps))), buffer("sums", (len(maps), X.shape[1]), X.dtype)
    over_pixels, over_rows = _ones(X.shape[1], X.dtype), np.ones(len(X), X.dtype)
    for i, (own, its) in enumerate(zip(maps, patterns)):
        difference = np.dot(own, its, out=buffer("residual", X.shape, X.dtype))
        np.subtract(X, difference, out=difference)
        if weights is not None:
            difference *= weights
        np.square(difference, out=difference)
        # As products: nothing cancels in sums of squares, and numpy's own sums in double take three times as long.
        rows[:, i] = difference @ over_pixels
        np.dot(over_rows, difference, out=pixels[i])
    return rows, tuple(pixels)


# Kernels that take the rows of a sparse matrix as they are.
PRODUCTS = (_times_kernel, _transpose_kernel, _normal_kernel, _alternate_kernel)
