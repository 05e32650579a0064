"""Linear smoothing of maps on a scan with borders and holes.

What is excluded or outside has no weight, and the weights that are left are scaled to sum to 1 (normalised
convolution), so that a constant map stays constant.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy

__all__ = ["Convolution", "LowPass", "gaussian"]

_NEGLIGIBLE = 1e-3  # a Gaussian is cut where it has fallen to this share of its maximum
_ENOUGH = 0.1  # share of its weights that a position must find, or it keeps its own value


def gaussian(sigma: float, reach: int | None = None, *, most: float = math.inf) -> np.ndarray:
    """Weights of a Gaussian at whole positions, of odd length and sum 1; `reach` positions to either side, or `most`."""
    if reach is None:
        reach = math.floor(min(sigma * math.sqrt(-2 * math.log(_NEGLIGIBLE)), most))
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2) if sigma > 0 else (offsets == 0).astype(float)
    return weights / weights.sum()


def _shifts(n: int, weights: np.ndarray, parts: list | None = None) -> Any:
    """(n, n): convolution along an axis of n positions, without what lies outside, or in another part."""
    reach = len(weights) // 2
    used = [(-d, w) for d, w in zip(range(-reach, reach + 1), weights) if abs(d) < n]
    whole = scipy.sparse.diags([w * np.ones(n - abs(d)) for d, w in used], [d for d, _ in used], shape=(n, n), format="csr")
    if parts is None or len(parts) < 2:
        return whole
    of, whole = np.full(n, -1), whole.tocoo()
    for i, (rows, _) in enumerate(parts):
        of[rows] = i
    same = of[whole.row] == of[whole.col]
    return scipy.sparse.csr_matrix((whole.data[same], (whole.row[same], whole.col[same])), shape=(n, n))


def _between(n: int, parts: list, weights: np.ndarray) -> Any:
    """(n, n): the same row of every scan of a series as a mean over the scans before and after it, of the same shape."""
    first = np.array([rows.start for rows, _ in parts])
    rows = np.arange(parts[0][0].stop - first[0])
    reach, terms = len(weights) // 2, []
    for d, weight in zip(range(-reach, reach + 1), weights):
        i = np.arange(max(0, -d), min(len(first), len(first) - d))
        terms.append((np.full(len(i) * len(rows), weight), _rows(first[i], rows), _rows(first[i + d], rows)))
    values, at, from_ = (np.concatenate(part) for part in zip(*terms))
    return scipy.sparse.csr_matrix((values, (at, from_)), shape=(n, n))


def _rows(first: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return (first[:, None] + rows).ravel()


def _axes(shape: tuple[int, int], kernel: np.ndarray, parts: list | None) -> list[Any]:
    """Thin matrices for the two axes of the scan, where the kernel is a product of two; else none."""
    left, sizes, right = np.linalg.svd(kernel)
    if sizes[1:].max(initial=0) > 1e-12 * sizes[0]:
        return []
    return [_shifts(shape[0], np.abs(left[:, 0]) * sizes[0], parts), _shifts(shape[1], np.abs(right[0]))]


def _whole(shape: tuple[int, int], kernel: np.ndarray, parts: list | None) -> Any:
    """One sparse matrix for all positions."""
    moves = np.eye(len(kernel))
    terms = (scipy.sparse.kron(_shifts(shape[0], moves[i], parts), _shifts(shape[1], row)) for i, row in enumerate(kernel))
    return scipy.sparse.csr_matrix(sum(terms))


class _Smoothing:
    """A linear smoothing of maps (n_scan, k), to be called; ``_apply(A, transposed)`` does it."""

    _apply: Callable

    def __call__(self, A: np.ndarray) -> np.ndarray:
        """Smooth (n_scan, k); excluded positions come out as 0."""
        return self._apply(A, transposed=False)

    def adjoint(self, A: np.ndarray) -> np.ndarray:
        """The transpose of the same matrix."""
        return self._apply(A, transposed=True)


class Convolution(_Smoothing):
    """Convolution with a non-negative kernel of odd sizes.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the scan.
    kernel : ndarray
        A single position becomes the kernel around it.
    kept : ndarray of bool (rows * cols,)
    parts : list of (slice, slice), optional
        Rows and columns that know nothing of one another: those of each scan, where there are several.
    between : ndarray, optional
        Weights, of odd length, with which the same position of the scans before and after is mixed in.
    """

    def __init__(
        self, shape: tuple[int, int], kernel: np.ndarray, kept: np.ndarray, parts: list | None = None,
        between: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        self._shape, self._kept, self._all = shape, kept, bool(kept.all())
        self._axes = _axes(shape, kernel, parts)
        self._matrices = self._axes or [_whole(shape, kernel, parts)]
        if between is not None and parts:
            others = _between(shape[0], parts, between)
            alike = others if self._axes else scipy.sparse.kron(others, scipy.sparse.identity(shape[1]))
            self._matrices[0] = scipy.sparse.csr_matrix(alike @ self._matrices[0])
        self._cast: dict = {}
        weight = self._filter(kept.astype(np.float64)[:, None], transposed=False)[:, 0]
        # A kernel without a middle may leave a lonely position without neighbours: it keeps its own value.
        self._alone = np.flatnonzero(kept & (weight <= 0))
        self._scale = np.where(kept, 1 / np.where(weight > 0, weight, 1), 0)[:, None]

    def _filter(self, A: np.ndarray, transposed: bool) -> np.ndarray:
        if (A.dtype, transposed) not in self._cast:
            matrices = [matrix.T if transposed else matrix for matrix in self._matrices]
            self._cast[A.dtype, transposed] = [scipy.sparse.csr_matrix(matrix, dtype=A.dtype) for matrix in matrices]
        matrices = self._cast[A.dtype, transposed]
        if not self._axes:
            return matrices[0] @ A
        rows, cols = self._shape
        down = (matrices[0] @ A.reshape(rows, -1)).reshape(rows, cols, -1)
        across = matrices[1] @ down.swapaxes(0, 1).reshape(cols, -1)
        return across.reshape(cols, rows, -1).swapaxes(0, 1).reshape(A.shape)

    def _apply(self, A: np.ndarray, transposed: bool) -> np.ndarray:
        # Nothing excluded is even multiplied by zero: it may hold anything.
        inside, scale = A if self._all else np.where(self._kept[:, None], A, 0), self._scale.astype(A.dtype)
        if transposed:
            out = self._filter(inside * scale, transposed)
            if not self._all:
                out[~self._kept] = 0
        else:
            out = self._filter(inside, transposed)
            out *= scale
        out[self._alone] += A[self._alone]
        return out


def _response(shape: tuple[int, int], cutoff: tuple[float, float]) -> np.ndarray:
    down, across = (np.arange(n) / (2 * n) / c for n, c in zip(shape, cutoff))
    frequency = np.minimum(np.hypot(down[:, None], across[None, :]), 1)
    return (0.5 * (1 + np.cos(np.pi * frequency)))[..., None]


class LowPass(_Smoothing):
    """Fourier cut-off: the response falls as a cosine from 1 at frequency 0 to 0 at the cut-off.

    A steeper one would ring: by 9 % of the step at an edge if it kept everything up to 3/4 of the cut-off, by 0.5 % as it
    is. The scan is continued by its mirror image (a cosine transform), so that opposite borders do not mix.

    Parameters
    ----------
    shape : (int, int)
    cutoff : (float, float)
        Cycles per position along rows and columns.
    kept : ndarray of bool (rows * cols,)
    parts, between
        As of `Convolution`.
    """

    def __init__(
        self, shape: tuple[int, int], cutoff: tuple[float, float], kept: np.ndarray, parts: list | None = None,
        between: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        self._shape, self._kept, self._all = shape, kept, bool(kept.all())
        self._parts = parts or [(slice(0, shape[0]), slice(0, shape[1]))]
        sizes = [tuple(side.stop - side.start for side in part) for part in self._parts]
        self._responses = [_response(size, cutoff) for size in sizes]
        self._others = _between(shape[0], parts, between) if parts and between is not None else None
        weight = self._filter(kept.astype(np.float64)[:, None])
        self._alone = kept & (weight[:, 0] < _ENOUGH)
        self._scale = np.where(kept[:, None] & (weight >= _ENOUGH), 1 / np.where(weight >= _ENOUGH, weight, 1), 0)

    def _filter(self, A: np.ndarray) -> np.ndarray:
        image = A.reshape(*self._shape, -1)
        out = np.zeros_like(image)
        for part, response in zip(self._parts, self._responses):
            waves = scipy.fft.dctn(image[part], axes=(0, 1), norm="ortho") * response.astype(A.dtype)
            out[part] = scipy.fft.idctn(waves, axes=(0, 1), norm="ortho")
        if self._others is not None:  # symmetric, and it commutes with the cut-off: the whole is its own transpose
            out = self._others.astype(A.dtype) @ out.reshape(self._shape[0], -1)
        return out.reshape(A.shape)

    def _apply(self, A: np.ndarray, transposed: bool) -> np.ndarray:
        if self._all:
            return self._filter(A)
        inside, scale = np.where(self._kept[:, None], A, 0), self._scale.astype(A.dtype)
        if transposed:
            out = np.where(self._kept[:, None], self._filter(inside * scale), 0)
        else:
            out = self._filter(inside) * scale
        out[self._alone] += A[self._alone]
        return out
