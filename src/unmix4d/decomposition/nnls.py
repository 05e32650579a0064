"""Exact non-negative least squares for many right-hand sides that share one small Gram matrix."""

from __future__ import annotations

import numpy as np

from .hals import update_rows

__all__ = ["nnls_rows", "simplex_rows"]

_SWEEPS, _FEW = 20, 64  # for fewer rows than that the calls cost more than they save
_EXCHANGES = 12  # steps that may exchange many entries of a row at once
_TOLERANCE = 1e-12  # of the gradient, relative to the largest entry of the right-hand side
_SINGULAR = 1e-13  # smallest eigenvalue of a Gram matrix with ones on its diagonal that is inverted
_OWN = 0.5  # distinct sets per row above which no inverse is shared
_STEP = 4  # rows whose free entries are about as many are solved together
_BATCH = 1 << 22  # values held by the inverses of one batch of rows
_NOTHING = 1e-15  # of the norm of the largest component
_ONES = 1e7  # weight of the row of ones, relative to the mean squared norm of the components


def nnls_rows(cross, gram, start=None) -> np.ndarray:
    """Minimise ``|x - f @ other|^2`` over ``f >= 0`` for every row x, exactly.

    The active-set method of Lawson and Hanson on all rows at once: rows in which the same entries are positive share one
    inverse, as in the fast combinatorial method, and all entries that lower the error are set free together.

    Parameters
    ----------
    cross : ndarray (m, k)
        X @ other.T
    gram : ndarray (k, k)
        other @ other.T
    start : ndarray (m, k), optional
        Non-negative values to begin with; a good guess saves time and changes nothing else.

    Returns
    -------
    ndarray (m, k), of the dtype of `cross`
        Where the Gram matrix is singular, one of the minimisers. A component that is empty, or below 1e-15 of the largest,
        stays 0.

    References
    ----------
    Lawson and Hanson, Solving Least Squares Problems (1974), chapter 23; Van Benthem and Keenan, J. Chemometrics 18
    (2004) 441, doi:10.1002/cem.889
    """
    cross, wide = np.asarray(cross), np.asarray(gram, np.float64)
    size = np.sqrt(np.diag(wide))
    # What is this small beside the others has no digits left, and its weights no number in single precision.
    alive = np.flatnonzero(size > _NOTHING * size.max(initial=0))
    out = np.zeros(cross.shape, cross.dtype)
    if not alive.size or not len(cross):
        return out
    size = size[alive]
    # With ones on the diagonal, components of very different strength are treated alike.
    gram = wide[np.ix_(alive, alive)] / np.outer(size, size)
    cross = cross[:, alive].astype(np.float64) / size
    if start is None:
        start = np.zeros_like(cross)
    else:
        start = np.maximum(np.asarray(start, np.float64)[:, alive] * size, 0)
    # Sweeps are cheap and find most of the entries that are zero; what they leave wrong costs a solution per row.
    if len(cross) >= _FEW:
        start = update_rows(cross.T, gram, start.T, _SWEEPS).T
    out[:, alive] = _active_set(cross, gram, start) / size
    return out


def simplex_rows(cross, gram) -> np.ndarray:
    """As `nnls_rows`, the sum of every row being 1; for cross (m, k) and gram (k, k).

    The constraint is a heavily weighted row of ones below the components: Heinz and Chang, IEEE Trans. Geosci. Remote Sens.
    39 (2001) 529, doi:10.1109/36.911111
    """
    cross = np.asarray(cross)
    weight = _ONES * np.trace(gram) / len(gram)
    rows = nnls_rows(cross.astype(np.float64) + weight, np.asarray(gram, np.float64) + weight)
    return (rows / rows.sum(1, keepdims=True)).astype(cross.dtype)


def _active_set(cross, gram, rows):
    solve = _Solver(gram)
    least = _TOLERANCE * np.abs(cross).max(1, keepdims=True)
    rows, free, left = np.array(rows), rows > 0, np.arange(len(rows))
    # Exchanging all entries of the wrong sign at once needs few steps, but may go in circles: safely, then, for the rest.
    for _ in range(_EXCHANGES):
        fitted = solve(cross[left], free[left])
        rows[left] = np.maximum(fitted, 0)
        bad = fitted < 0
        wanted = ~free[left] & (cross[left] - fitted @ gram > least[left])
        free[left] = free[left] & ~bad | wanted
        left = left[bad.any(1) | wanted.any(1)]
        if not left.size:
            return rows
    rows[left] = _safely(solve, cross[left], rows[left], least[left])
    return rows


def _safely(solve, cross, rows, least):
    """Lawson and Hanson: never a step that raises the error of a row, nor one that leaves the allowed values."""
    rows, free, left = np.array(rows), rows > 0, np.arange(len(rows))
    for _ in range(10 * (rows.shape[1] + 5)):  # rounding alone ever needs as many
        current, fitted = rows[left], solve(cross[left], free[left])
        bad = fitted < 0
        blocked = bad.any(1)
        with np.errstate(divide="ignore", invalid="ignore"):
            ways = np.where(bad, current / (current - fitted), np.inf)
        way = np.minimum(ways.min(1, keepdims=True), 1)
        # As far as the first entry that would turn negative; it is zero from then on.
        current = np.maximum(current + way * (fitted - current), 0)
        current[bad & (ways <= way)] = 0
        rows[left] = current
        free[left] &= ~(bad & (ways <= way))
        downhill = cross[left] - current @ solve.gram
        wanted = ~free[left] & (downhill > least[left]) & ~blocked[:, None]
        # One at a time: together they could block one another.
        wanted &= downhill == np.where(wanted, downhill, -np.inf).max(1, keepdims=True)
        free[left] |= wanted
        left = left[blocked | wanted.any(1)]
        if not left.size:
            break
    return rows


class _Solver:
    """Unconstrained least squares over the free entries of every row; the others are 0."""

    def __init__(self, gram):
        self.gram = gram
        # Eigenvalues of every part of the Gram matrix lie between those of the whole.
        self.singular = np.linalg.eigvalsh(gram)[0] < _SINGULAR

    def __call__(self, cross, free):
        which, first = _distinct(free)
        out = np.empty_like(cross)
        step = max(1, _BATCH // self.gram.size)
        if len(first) > _OWN * len(free) and not self.singular:
            for begin in range(0, len(free), step):
                part = slice(begin, begin + step)
                out[part] = self._solutions(cross[part], free[part])
            return out
        sets = free[first]
        order = np.argsort(which, kind="stable")
        for begin in range(0, len(order), step):
            part = order[begin : begin + step]
            used, local = np.unique(which[part], return_inverse=True)
            inverse = self._inverse(sets[used])[local.ravel()]
            right = (cross[part] * free[part])[:, :, None]
            found = inverse @ right
            out[part] = (found + inverse @ ((right - self.gram @ found) * free[part][:, :, None]))[:, :, 0]
        return out

    def _solutions(self, cross, free):
        """Row by row, where nearly every one has a set of its own; only the free entries are solved for."""
        out = np.zeros_like(cross)
        width = -(-free.sum(1) // _STEP) * _STEP
        for size in np.unique(width[width > 0]):
            rows = np.flatnonzero(width == size)
            # The free entries of a row first; what fills up to the common size has a one on the diagonal and stays 0.
            index = np.argsort(~free[rows], axis=1, kind="stable")[:, :size]
            used = np.take_along_axis(free[rows], index, 1)
            parts = self.gram[index[:, :, None], index[:, None, :]] * (used[:, :, None] & used[:, None, :])
            diagonal = np.arange(index.shape[1])
            parts[:, diagonal, diagonal] += ~used
            right = np.take_along_axis(cross[rows], index, 1) * used
            found = np.linalg.solve(parts, right[:, :, None])[:, :, 0]
            here = np.zeros((len(rows), out.shape[1]))
            np.put_along_axis(here, index, found, 1)
            out[rows] = here
        return out

    def _inverse(self, sets):
        both = sets[:, :, None] & sets[:, None, :]
        parts = np.where(both, self.gram, 0)
        if self.singular:
            values, vectors = np.linalg.eigh(parts)
            usable = values > _SINGULAR * values[:, -1:]
            values = np.where(usable, 1 / np.where(usable, values, 1), 0)
            return (vectors * values[:, None]) @ vectors.swapaxes(1, 2) * both
        inverse = np.linalg.inv(parts + np.where(sets, 0.0, 1.0)[:, :, None] * np.eye(len(self.gram)))
        return inverse * both


def _distinct(free):
    """Number the different rows of a boolean array: number of every row, and the first row of every number."""
    packed = np.packbits(free, axis=1)
    packed = np.pad(packed, ((0, 0), (0, -packed.shape[1] % 8)))
    codes = np.ascontiguousarray(packed).view(np.uint64)
    axis = 0 if codes.shape[1] > 1 else None
    _, first, which = np.unique(codes, return_index=True, return_inverse=True, axis=axis)
    return which.ravel(), first
