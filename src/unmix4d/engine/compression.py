"""A scan compressed to low rank in a few passes: what every solver that iterates works on.

``X ~ left @ right`` with orthonormal rows in ``right``. Where a smoothing is given, the subspace is that of the
scan-smoothed data and the *unsmoothed* data are projected on it: weak components are then not lost among the noise, and
nothing is blurred. Smoothing acts on thin matrices only, so no second scan is made.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg, ndimage

from .noise import noise_edge
from .subspace import GRAM_LIMIT, leading_right
from .weights import WeightedMatrix, Weights, choose_weights

if TYPE_CHECKING:
    from ..core.geometry import ScanGeometry
    from .matrix import PatternMatrix

__all__ = ["LowRank", "Smoother", "compress"]

_HELD_BYTES = 96 << 20  # a scan of few positions that is smaller than this is held while its Gram matrix is made


class Smoother:
    """A linear smoothing over the scan, on columns of kept positions.

    Parameters
    ----------
    geometry : ScanGeometry
    smoothing
        Bound, with ``smooth(A)`` and ``adjoint(A)`` for A (n_scan, k), excluded positions being 0 and ignored, and ``bind``.
    """

    def __init__(self, geometry, smoothing):
        self._kept, self.smoothing, self._frame = geometry.kept_positions, smoothing, geometry

    def _on_scan(self, function, columns):
        if self._kept.all():
            return function(columns)
        full = np.zeros((self._kept.size, columns.shape[1]), columns.dtype)
        full[self._kept] = columns
        return function(full)[self._kept]

    def __call__(self, columns) -> np.ndarray:
        """(n_positions, k) smoothed."""
        return self._on_scan(self.smoothing.smooth, columns)

    def adjoint(self, columns) -> np.ndarray:
        """The transpose of the smoothing."""
        return self._on_scan(self.smoothing.adjoint, columns)

    @cached_property
    def spectrum(self) -> np.ndarray:
        """Squared transfer per spatial frequency, (n_scan,), as it is where borders and excluded positions are far."""
        rows, cols = self._frame.scan_shape
        inside = np.pad(self._kept.reshape(rows, cols), [(int(n > 1),) * 2 for n in (rows, cols)])
        farthest = ndimage.distance_transform_edt(inside)
        farthest = farthest[int(rows > 1) :, int(cols > 1) :][:rows, :cols]
        point = np.zeros((rows * cols, 1))
        point[farthest.argmax()] = 1
        response = np.asarray(self.smoothing.smooth(point)).reshape(rows, cols)
        return np.abs(np.fft.fft2(response)).ravel() ** 2


class _Smoothed:
    """The scan-smoothed matrix as something to find the subspace of; two passes each time."""

    def __init__(self, matrix: WeightedMatrix, smoother: Smoother):
        self.matrix, self.smoother = matrix, smoother
        self.shape, self.dtype = matrix.shape, matrix.dtype

    def normal(self, right):
        return self.matrix.transpose_times(self.smoother.adjoint(self.smoother(self.matrix.times(right))))


@dataclass(frozen=True, eq=False)
class LowRank:
    """A compressed scan, with weights in it: ``weights of (X) ~ left @ right``.

    Attributes
    ----------
    left : ndarray (n_positions, r)
    right : ndarray (r, n_pixels)
        Orthonormal rows.
    weights : Weights
    geometry : ScanGeometry
    norm2 : float
        Sum of the weighted squares of all data, of what was left out too.
    edge : float
        Singular value that noise alone reaches in these data, smoothed where a smoother was given.
    residual : float
        How well the leading directions have converged, see `leading_right`.
    smoother : Smoother or None
    matrix : PatternMatrix or None
        What was compressed, with its statistics, so that they are not made again.
    seed : int
        Of the random starting block.
    """

    left: np.ndarray
    right: np.ndarray
    weights: Weights
    geometry: ScanGeometry
    norm2: float
    edge: float
    residual: float
    smoother: Smoother | None = None
    matrix: PatternMatrix | None = None
    seed: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.left), self.right.shape[1]

    @property
    def rank(self) -> int:
        return len(self.right)

    @property
    def dtype(self):
        return self.left.dtype

    def sizes(self) -> np.ndarray:
        """Singular values (r,) to be compared with `edge`, descending."""
        return self._seen[1]

    @property
    def above_noise(self) -> int:
        """Number of singular values above the noise edge, as far as they were computed."""
        return int((self.sizes() > self.edge).sum())

    def standing_out(self):
        """Singular vectors above the noise edge: left (n_positions, d), right (d, n_pixels)."""
        left, _, right = self._seen
        return left[:, : self.above_noise], right[: self.above_noise]

    @cached_property
    def _seen(self):
        """SVD of the compressed data, smoothed where a smoother was given."""
        left = (self.left if self.smoother is None else self.smoother(self.left)).astype(np.float64)
        squares, turn = linalg.eigh(left.T @ left)
        values, turn = np.sqrt(np.maximum(squares[::-1], 0)), turn[:, ::-1]
        return left @ turn / np.where(values > 0, values, 1), values, turn.T @ self.right

    def leading(self, rank: int) -> LowRank:
        """The same with only the strongest `rank` directions; itself where there are no more."""
        if rank >= self.rank:
            return self
        return dataclasses.replace(self, left=np.ascontiguousarray(self.left[:, :rank]), right=self.right[:rank])

    def svd(self):
        """left (n_positions, r), values (r,), right (r, n_pixels) of the compressed matrix, in float64."""
        wide = self.left.astype(np.float64)
        turn, values, across = linalg.svd(linalg.qr(wide, mode="r")[0][: self.rank], full_matrices=False)
        right = across @ self.right
        sign = np.sign(right[np.arange(len(right)), np.abs(right).argmax(1)])
        sign[sign == 0] = 1
        right, across = right * sign[:, None], across * sign[:, None]
        safe = np.where(values > values[0] * 1e-12, values, 1)
        return wide @ across.T / safe, values, right

    def __repr__(self):
        smoothed = ", smoothed subspace" if self.smoother else ""
        return f"LowRank({self.shape[0]} x {self.shape[1]}, rank {self.rank}, weights {self.weights.kind}{smoothed})"


def compress(
    matrix, rank: int, *, wanted: int | None = None, weights: str = "capped", position_weights: bool = True,
    smoothing=None, seed: int = 0, tick=None,
) -> LowRank:  # fmt: skip
    """Compress a scan.

    Parameters
    ----------
    matrix : PatternMatrix
    rank : int
        Directions kept; at most min(matrix.shape).
    wanted : int, optional
        How many of them must be accurate; all by default.
    weights : {"none", "capped", "poisson"}
    position_weights : bool
        False leaves those out, see `choose_weights`.
    smoothing : optional
        With ``smooth`` and ``adjoint``, see `Smoother`.
    seed : int
    tick : callable, optional
        Called after every step.

    Returns
    -------
    LowRank
        After one pass for the statistics (where they are not there yet), the passes of the subspace (one for few pixels
        or few positions, otherwise at most 13; twice that with smoothing) and one for the projection.
    """
    weighted = WeightedMatrix(matrix, choose_weights(matrix.statistics(), weights, position_weights))
    smoother = None if smoothing is None else Smoother(matrix.geometry, smoothing)
    rank = min(rank, *matrix.shape)
    wanted = rank if wanted is None else min(wanted, rank)
    held = _held(weighted)
    if held is not None:
        basis, residual = _from_positions(held, rank, smoother), 0.0
        left, row_squares, pixel_squares = held @ basis, _squares(held, 1), _squares(held, 0)
    else:
        basis, residual = _basis(weighted, rank, wanted, smoother, seed, tick)
        left, row_squares, pixel_squares = weighted.project(basis)
    answer = LowRank(
        left.astype(matrix.dtype), np.ascontiguousarray(basis.T, matrix.dtype), weighted.weights, matrix.geometry,
        float(row_squares.sum()), 0.0, residual, smoother, matrix, seed,
    )  # fmt: skip
    object.__setattr__(answer, "edge", _edge(answer, row_squares, pixel_squares))
    return answer


def _held(weighted):
    """The weighted data themselves, where they have so few positions that their Gram matrix is the shortest way."""
    n_positions, n_pixels = weighted.shape
    small = n_positions <= min(GRAM_LIMIT, n_pixels)
    return weighted.gather() if small and n_positions * n_pixels * weighted.dtype.itemsize <= _HELD_BYTES else None


def _squares(array, axis):
    return np.einsum("ij,ij->i" if axis == 1 else "ij,ij->j", array, array, dtype=np.float64)


def _from_positions(held, rank, smoother):
    """Leading right singular vectors from the exact Gram matrix of the positions."""
    gram = np.zeros((len(held), len(held)))
    for start in range(0, held.shape[1], 4096):
        part = held[:, start : start + 4096].astype(np.float64)
        gram += part @ part.T
    if smoother is not None:
        gram = smoother(smoother(gram).T)
        gram = (gram + gram.T) / 2
    vectors = linalg.eigh(gram, subset_by_index=(len(gram) - rank, len(gram) - 1))[1][:, ::-1]
    back = vectors if smoother is None else smoother.adjoint(vectors)
    right = held.T @ back.astype(held.dtype)
    # Twice: directions inside the noise of the arithmetic are not orthogonal after the product.
    return linalg.qr(linalg.qr(right.astype(np.float64), mode="economic")[0], mode="economic")[0]


def _basis(weighted, rank, wanted, smoother, seed, tick):
    if smoother is not None:
        return leading_right(_Smoothed(weighted, smoother), rank, wanted=wanted, seed=seed, tick=tick)
    if weighted.shape[1] <= GRAM_LIMIT:
        return linalg.eigh(weighted.gram())[1][:, ::-1][:, :rank], 0.0
    return leading_right(weighted, rank, wanted=wanted, seed=seed, floor=_floor(weighted), tick=tick)


def _floor(weighted):
    """Squared singular values that white noise with what is left over would have: what is below has not to converge."""
    norm2, factor = weighted.norm2, sum(np.sqrt(weighted.shape)) ** 2 / np.prod(weighted.shape, dtype=float)
    return lambda squares: max(norm2 - squares.sum(), 0) * factor


def _edge(low, row_squares, pixel_squares):
    """The noise edge from what the components above it leave over.

    Counted from one component upwards until none is added: from above, the noise that lies along the directions kept
    would be taken for signal, and the edge would sink to it.
    """
    left = low.left.astype(np.float64)
    values, turn = linalg.eigh(left.T @ left)
    values, turn = values[::-1], turn[:, ::-1]
    position_parts, pixel_parts = (left @ turn) ** 2, values[:, None] * (turn.T @ low.right.astype(np.float64)) ** 2
    rounding = np.sqrt(max(values[0], 0)) * np.finfo(low.dtype).eps * 10
    count, new, edge = 0, 1, 0.0
    while new > count:
        count = new
        position_energy = np.maximum(row_squares - position_parts[:, :count].sum(1), 0)
        pixel_energy = np.maximum(pixel_squares - pixel_parts[:count].sum(0), 0)
        edge = max(noise_edge(position_energy, pixel_energy), rounding)
        new = int((values > edge**2).sum())
    if low.smoother is None:
        return edge
    return max(noise_edge(position_energy, pixel_energy, low.smoother.spectrum), rounding)
