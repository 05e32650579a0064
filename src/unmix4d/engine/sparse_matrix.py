"""SparseMatrix: a scan of few counts held in memory as its non-zeros, with the interface of PatternMatrix."""

from __future__ import annotations

from functools import partial

import numpy as np
import scipy

from ..core.geometry import ScanGeometry
from . import matrix as dense
from .matrix import PatternMatrix
from .passes import added, rows_of_batch
from .threads import in_order, one_thread_per_block

__all__ = ["SparseMatrix", "sparsified"]

_MAX_FILL = 0.15  # beyond that the dense blocks are as fast
_LIMIT_BYTES = 2 << 30  # of memory; above, the scan is read again and again as it is: a size of work


class SparseMatrix(PatternMatrix):
    """The matrix X of a scan, (n_positions, n_pixels), as compressed sparse rows in memory.

    Worth its memory where few pixels have counted anything; see `sparsified`.

    Parameters
    ----------
    csr : scipy sparse matrix or array (n_positions, n_pixels)
        Of any real dtype; integers stay integers until a block is used. It is not changed.
    geometry : ScanGeometry
        Its kept positions and pixels are the rows and columns.
    precision : {"single", "double"}
        Arithmetic; float64 values are always treated in double precision.

    Attributes
    ----------
    fill : float
        Share of the entries that are not 0.
    nbytes : int
    passes : int
        Passes over the matrix, and over the scan before that.

    Raises
    ------
    TypeError
        If `csr` is not sparse, or does not hold real numbers.
    ValueError
        If its shape is not that of the geometry, or a value is NaN or infinite.
    """

    def __init__(self, csr, geometry: ScanGeometry, precision: str = "single"):
        self._csr = _checked(csr, geometry)
        self._begin(self._csr.dtype, geometry, precision)

    @property
    def fill(self) -> float:
        return self._csr.nnz / np.prod(self.shape, dtype=float)

    @property
    def nbytes(self) -> int:
        return self._csr.data.nbytes + self._csr.indices.nbytes + self._csr.indptr.nbytes

    def visit(self, kernel, per_row=()):
        """One pass, as `PatternMatrix.visit`.

        A kernel gets plain arrays (m, n_pixels). One whose function has the attribute ``takes_sparse = True`` gets
        scipy CSR arrays of the same shape instead, of the dtype of the arithmetic and without stored zeros.
        """
        self._passes[0] += 1
        function = getattr(kernel, "func", kernel)
        as_sparse = self._offset is None and (function in dense.PRODUCTS or getattr(function, "takes_sparse", False))
        if self._offset is not None:
            kernel = partial(dense.offset_kernel, kernel=kernel, offset=self._offset)
        starts = range(0, self.shape[0], rows_of_batch(self.shape[1]))

        def one(i, cancelled):
            rows = slice(starts[i], min(starts[i] + starts.step, self.shape[0]))
            X = self._rows(rows)
            piece, sums = kernel(X if as_sparse else X.toarray(), *(a[rows] for a in per_row))
            return piece, added(None, sums)

        pieces, sums = [], None
        with one_thread_per_block():
            for piece, part in in_order(one, len(starts)):
                pieces.append(piece)
                sums = added(sums, part)
        return (None if pieces[0] is None else np.concatenate(pieces)), sums

    def _rows(self, rows):
        """Some rows as floats; the indices are shared with the whole."""
        ends = self._csr.indptr[rows.start : rows.stop + 1]
        inside = slice(ends[0], ends[-1])
        values = self._csr.data[inside].astype(self.dtype, copy=False)
        parts = (values, self._csr.indices[inside], ends - ends[0])
        return scipy.sparse.csr_array(parts, shape=(len(ends) - 1, self.shape[1]), copy=False)

    def __repr__(self):
        size = f"{self.shape[0]} positions x {self.shape[1]} pixels"
        return f"SparseMatrix({size}, {100 * self.fill:.3g} % filled, {self.dtype}, {self.passes} passes)"


def _checked(csr, geometry):
    if not scipy.sparse.issparse(csr):
        raise TypeError(f"csr must be a scipy sparse matrix or array, got {type(csr).__name__}")
    if csr.dtype.kind not in "biuf":
        raise TypeError(f"csr must hold real numbers, got dtype {csr.dtype}")
    if csr.shape != (geometry.n_positions, geometry.n_pixels):
        raise ValueError(
            f"csr must have the shape {(geometry.n_positions, geometry.n_pixels)} of its geometry, got {csr.shape}"
        )
    csr = scipy.sparse.csr_array(csr)
    if not np.isfinite(csr.data).all():
        raise ValueError(f"csr must be finite, got {int((~np.isfinite(csr.data)).sum())} NaN or infinite value(s)")
    if csr.data.size and not (csr.data.all() and csr.has_canonical_format):
        # Positions stored twice, and zeros that are stored, have no place in what divides by the values.
        csr = csr.copy()
        csr.sum_duplicates()
        csr.eliminate_zeros()
    return csr


def sparsified(matrix: PatternMatrix, *, max_fill: float = _MAX_FILL, limit_bytes: int = _LIMIT_BYTES):
    """The non-zeros of a scan, read once and held in memory, where that is faster than reading it again and again.

    Parameters
    ----------
    matrix : PatternMatrix
    max_fill : float
        Largest share of non-zero entries. Measured (10 components, both products): below 0.15 the sparse products are
        faster than the dense ones even where the scan is in memory.
    limit_bytes : int
        Most memory that the result may take, at 5 to 8 bytes a non-zero.

    Returns
    -------
    SparseMatrix or None
        None when there are too many non-zeros. One pass counts them, a second one collects them.
    """
    counts = matrix.visit(_count_kernel)[0][:, 0]
    nnz = int(counts.sum())
    if nnz > max_fill * np.prod(matrix.shape, dtype=float) or nnz * (4 + matrix.dtype.itemsize) > limit_bytes:
        return None
    rows = matrix.visit(_collect_kernel)[0]
    dtype = np.result_type(*{values.dtype for _, values in rows})
    indices, data = np.empty(nnz, np.int32), np.empty(nnz, dtype)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64 if nnz > np.iinfo(np.int32).max else np.int32)
    for i, (start, stop) in enumerate(zip(indptr, indptr[1:])):
        indices[start:stop], data[start:stop] = rows[i]
        rows[i] = None  # what is copied is let go, so that the scan is not held twice
    csr = scipy.sparse.csr_array((data, indices, indptr), shape=matrix.shape)
    out = SparseMatrix(csr, matrix.geometry, "double" if matrix.dtype == np.float64 else "single")
    out._statistics, out._passes = matrix._statistics, [matrix.passes]
    return out


def _count_kernel(X):
    return np.count_nonzero(X, axis=1)[:, None], ()


def _collect_kernel(X):
    """For every position the indices and the values of its non-zeros, in one object: a piece has one entry a row."""
    row, indices = np.nonzero(X != 0)
    values = _compact(X[row, indices])
    ends = np.searchsorted(row, np.arange(1, len(X)))
    piece = np.empty(len(X), object)
    for i, pair in enumerate(zip(np.split(indices.astype(np.int32), ends), np.split(values, ends))):
        piece[i] = pair
    return piece, ()


def _compact(values):
    """Whole numbers that fit, in one or two bytes."""
    top = values.max(initial=0)
    if values.min(initial=0) < 0 or top > 65535 or (values != np.rint(values)).any():
        return values
    return values.astype(np.uint8 if top < 256 else np.uint16)
