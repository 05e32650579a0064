"""A scan compressed to low rank in a few passes: what every solver that iterates works on.

``X ~ left @ right`` with orthonormal rows in ``right``. Where a smoothing is given, the subspace is that of the
scan-smoothed data and the *unsmoothed* data are projected on it: weak components are then not lost among the noise, and
nothing is blurred. Smoothing acts on thin matrices only, so no second scan is made.

A wide block of directions is multiplied by the scan in every round, and what comes back is the next block: block Krylov
iteration (Musco and Musco 2015, arXiv:1504.05477) of few steps and wide blocks, because reading is dear and columns are
cheap. The first block is that of sums over cells of neighbours, which the pass of the statistics has made. All that was
ever multiplied is kept, so that the projection of the data needs no pass of its own.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import scipy

from .noise import noise_edge
from .threads import one_thread_per_block
from .weights import WeightedMatrix, Weights, choose_weights

if TYPE_CHECKING:
    from ..core.geometry import ScanGeometry
    from .matrix import PatternMatrix

__all__ = ["MAX_PASSES", "LowRank", "Smoother", "compress"]

_SPARE = 10  # directions more than are kept: 5 or 10 in Halko, Martinsson and Tropp 2011; scikit-learn has 10
_MOST_BLOCKS = 4  # of directions, a pass each and one in between: 10 passes of NMF are the most that is wanted
_MOST_HELD = 10  # the same of a scan that is held, where they cost no pass
_TURN = 0.3  # how far directions may still turn, as a share of how far noise turns them; no table
_TURN_LEAST = 1e-3  # sine of an angle that is as good as none; no table
_GAIN = 1.05  # in what stands out, that a wider smoothing must have over a narrower one or none; no table
_ROWS, _COLUMNS = 1 << 14, 8  # at a time, sizes of work
MAX_PASSES = 2 * _MOST_BLOCKS - 1  # of a compression, after that of the statistics


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
        out = np.empty_like(columns)
        for few in np.array_split(np.arange(columns.shape[1]), -(-columns.shape[1] // _COLUMNS)):
            full = np.zeros((self._kept.size, len(few)), columns.dtype)
            full[self._kept] = columns[:, few]
            out[:, few] = function(full)[self._kept]
        return out

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
        point = np.zeros((rows * cols, 1))
        point[self._farthest(rows, cols)] = 1
        response = np.asarray(self.smoothing.smooth(point)).reshape(rows, cols)
        return np.abs(np.fft.fft2(response)).ravel() ** 2

    def _farthest(self, rows, cols) -> int:
        """The position that is farthest from borders and excluded ones."""
        if self._kept.all():
            return (rows - 1) // 2 * cols + (cols - 1) // 2
        inside = np.pad(self._kept.reshape(rows, cols), [(int(n > 1),) * 2 for n in (rows, cols)])
        away = scipy.ndimage.distance_transform_edt(inside)
        return int(away[int(rows > 1) :, int(cols > 1) :][:rows, :cols].argmax())


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
        Sine of the largest angle by which a direction that stands out turned in the last round.
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
        return self._spectrum[0]

    @property
    def above_noise(self) -> int:
        """Number of singular values above the noise edge, as far as they were computed."""
        return int((self.sizes() > self.edge).sum())

    def standing_out(self):
        """Singular vectors above the noise edge: left (n_positions, d), right (d, n_pixels)."""
        values, turn = self._spectrum
        values, turn = values[: self.above_noise], turn[:, : self.above_noise]
        return self._seen().astype(np.float64) @ turn / np.where(values > 0, values, 1), turn.T @ self.right

    def _seen(self):
        """The compressed data, smoothed where a smoother was given."""
        return self.left if self.smoother is None else self.smoother(self.left)

    @cached_property
    def _spectrum(self):
        """Singular values and right singular vectors of the compressed data, smoothed where a smoother was given."""
        squares, turn = scipy.linalg.eigh(_gram(self._seen()))
        return np.sqrt(np.maximum(squares[::-1], 0)), turn[:, ::-1]

    def leading(self, rank: int) -> LowRank:
        """The same with only the strongest `rank` directions; itself where there are no more."""
        if rank >= self.rank:
            return self
        return dataclasses.replace(self, left=np.ascontiguousarray(self.left[:, :rank]), right=self.right[:rank])

    def svd(self):
        """left (n_positions, r), values (r,), right (r, n_pixels) of the compressed matrix, in float64."""
        values, across = self._exact_spectrum
        right = across @ self.right
        sign = np.sign(right[np.arange(len(right)), np.abs(right).argmax(1)])
        sign[sign == 0] = 1
        right, across = right * sign[:, None], across * sign[:, None]
        safe = np.where(values > values[0] * 1e-12, values, 1)
        return self.left @ (across.T / safe), values, right

    def values(self) -> np.ndarray:
        """The values of `svd`."""
        return self._exact_spectrum[0]

    @cached_property
    def _exact_spectrum(self):
        """Singular values and right singular vectors, as rows, of `left`, from its triangles: no square is taken."""
        triangles = [scipy.linalg.qr(block, mode="r")[0][: self.rank] for block in _blocks(self.left)]
        return scipy.linalg.svd(np.concatenate(triangles), full_matrices=False)[1:]

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
        How many of them must be accurate, as far as they stand out of the noise; all by default.
    weights : {"none", "capped", "poisson"}
    position_weights : bool
        False leaves those out, see `choose_weights`.
    smoothing : optional
        With ``smooth`` and ``adjoint``, see `Smoother`. Of a tuple of them, narrow ones first, the one is taken that lets
        most stand out of the noise, or none.
    seed : int
        Of what the first block is filled up with where the scan has few cells.
    tick : callable, optional
        Called after every pass.

    Returns
    -------
    LowRank
        After one pass for the statistics (where they are not there yet) and at most `MAX_PASSES` more, as a rule 3; none
        where the scan is small enough to be held.
    """
    weighted = WeightedMatrix(matrix, choose_weights(matrix.statistics(), weights, position_weights))
    rank = min(rank, *matrix.shape)
    wanted = rank if wanted is None else min(wanted, rank)
    # The matrices beside the scan are thin: threads of the linear algebra would only wait for each other.
    with one_thread_per_block():
        return _compressed(_Trial(weighted, rank, seed, tick), wanted, smoothing)


def _compressed(trial, wanted, smoothing):
    several, geometry = isinstance(smoothing, tuple), trial.weighted.geometry
    smoothers = [Smoother(geometry, one) for one in (smoothing if several else (smoothing,)) if one is not None]
    smoother = _chosen_smoother(trial, smoothers) if several else next(iter(smoothers), None)
    before, low = trial.leading(smoother)
    while trial.widen(smoother):
        now, low = trial.leading(smoother)
        low, enough = _judged(low, before, now[:, : min(wanted, low.above_noise)])
        before = now
        if enough:
            break
    return low


class _Held:
    """Weighted data in memory: the products of `WeightedMatrix`, without a pass."""

    def __init__(self, values):
        self._values = values

    def times(self, right):
        return self._values @ right.astype(self._values.dtype)

    def transpose_times(self, left):
        return (left.T.astype(self._values.dtype) @ self._values).T.astype(np.float64)

    def project(self, basis):
        return self.times(basis), _squares(self._values, 1), _squares(self._values, 0)


class _Trial:
    """The directions tried so far, (n_pixels, width) orthonormal, and the weighted scan on them, (n_positions, width)."""

    def __init__(self, weighted, rank, seed, tick):
        self.weighted, self.rank, self.seed, self._tick = weighted, rank, seed, tick
        self._source, block = self._start()
        self._basis = block.astype(weighted.dtype)
        image, *self._squares = self._source.project(self._basis)
        self._images = image.astype(weighted.dtype, copy=False)
        self._block = slice(0, self.width)  # of the last round
        self._rounds = 1
        self._made_a_pass()

    @property
    def width(self) -> int:
        return self._basis.shape[1]

    @property
    def _held(self):
        return isinstance(self._source, _Held)

    def _made_a_pass(self):
        if self._tick and not self._held:
            self._tick()

    def _start(self):
        """What the scan is multiplied by: itself, where it is held; and the leading directions of the sums over cells."""
        cells, limit = _weighted_cells(self.weighted), min(self.weighted.shape)
        gram = (cells @ cells.T).astype(np.float64)  # exact enough for a start
        width = min(self.rank + _SPARE, limit)
        found = min(width, len(cells))
        vectors = scipy.linalg.eigh(gram, subset_by_index=(len(gram) - found, len(gram) - 1))[1][:, ::-1]
        block = (cells.T @ vectors.astype(cells.dtype)).astype(np.float64)
        if found < width:
            random = np.random.default_rng(self.seed).standard_normal((len(block), width - found))
            block = np.column_stack([block, random * max(np.abs(block).max(), 1e-30)])
        held = len(cells) == self.weighted.shape[0]
        return _Held(cells) if held else self.weighted, _orthonormal(block)

    def leading(self, smoother):
        """The strongest directions as combinations of those tried, (width, r), and the scan compressed to them."""
        gram = _gram(self._images if smoother is None else smoother(self._images))
        turn = scipy.linalg.eigh(gram)[1][:, ::-1][:, : self.rank]
        weighted, cast = self.weighted, turn.astype(self._images.dtype)
        low = LowRank(
            self._images @ cast, np.ascontiguousarray(cast.T @ self._basis.T), weighted.weights, weighted.geometry,
            float(self._squares[0].sum()), 0.0, 0.0, smoother, weighted.matrix, self.seed,
        )  # fmt: skip
        object.__setattr__(low, "edge", _edge(low, *self._squares))
        return turn, low

    def widen(self, smoother) -> bool:
        """Try what the scan answers to the last block, if more is to be tried."""
        more = min(self._block.stop - self._block.start, min(self.weighted.shape) - self.width)
        if more < 1 or self._rounds >= (_MOST_HELD if self._held else _MOST_BLOCKS):
            return False
        last = self._images[:, self._block]
        back = self._source.transpose_times(last if smoother is None else smoother.adjoint(smoother(last)))
        self._made_a_pass()
        block = _orthonormal(back, self._basis)[:, :more].astype(self._basis.dtype)
        if not block.size:
            return False
        more = block.shape[1]
        image = self._source.times(block)
        self._made_a_pass()
        self._block = slice(self.width, self.width + more)
        self._basis = np.concatenate([self._basis, block], axis=1)
        self._images = np.concatenate([self._images, image.astype(self._images.dtype, copy=False)], axis=1)
        self._rounds += 1
        return True


def _weighted_cells(weighted):
    """Sums over the cells with the weights of the pixels, and about those of the positions, scaled to the same noise."""
    matrix, weights = weighted.matrix, weighted.weights
    sums, cells = matrix.cell_sums(), matrix.cells()
    numbers = np.bincount(cells)
    scale = 1 / np.sqrt(numbers)
    if weights.positions is not None:
        scale *= np.bincount(cells, weights.positions) / numbers
    sums *= scale[:, None].astype(sums.dtype)
    if weights.pixels is not None:
        sums *= weights.pixels.astype(sums.dtype)
    return sums


def _chosen_smoother(trial, smoothers):
    """The first smoothing, or none, with which nearly as much stands out of the noise as with any.

    What stands out is the sum of the logarithms of singular values over the noise edge, of all but the first, which is what
    all positions share: where neighbours see the same it grows with smoothing, elsewhere it falls. Narrow ones come first,
    because a wide one loses what single positions show.
    """
    plain = trial.leading(None)[1]
    if plain.norm2 - (plain.sizes() ** 2).sum() <= 10 * np.finfo(plain.dtype).eps * plain.norm2:
        return None  # there is no noise
    gains = [_standing(plain), *(_standing(trial.leading(smoother)[1]) for smoother in smoothers)]
    return next(smoother for smoother, gain in zip((None, *smoothers), gains) if _GAIN * gain >= max(gains))


def _standing(low):
    sizes = low.sizes()[1:] / max(low.edge, np.finfo(float).tiny)
    return float(np.log(np.maximum(sizes, 1)).sum())


def _judged(low, before, now):
    """The compressed scan with how far its directions have turned out of those kept before, and whether that is little.

    Noise turns a direction by about the noise edge over its singular value: what it turns by itself need not be much less.
    """
    turned = np.sqrt(np.maximum(1 - ((before.T @ now[: len(before)]) ** 2).sum(0), 0))
    by_noise = low.edge / np.maximum(low.sizes()[: now.shape[1]], np.finfo(float).tiny)
    enough = bool((turned <= np.maximum(_TURN * by_noise, _TURN_LEAST)).all())
    return dataclasses.replace(low, residual=float(turned.max(initial=0))), enough


def _orthonormal(block, basis=None):
    """Orthonormal columns that span a block beyond a basis, the strongest first, in double precision; not its rounding."""
    if basis is None:
        return scipy.linalg.qr(block, mode="economic")[0]
    least = np.finfo(basis.dtype).eps * 10 * np.linalg.norm(block)
    for _ in range(2):  # a part along the basis as large as the rounding of the block is left over the first time
        block = block - basis @ (basis.T @ block.astype(basis.dtype))
        block, triangle = scipy.linalg.qr(block, mode="economic")
        if not triangle.size:
            break  # nothing is left of it, and SciPy before 1.14 takes no empty matrix
        turn, sizes, _ = scipy.linalg.svd(triangle)
        block, least = block @ turn[:, sizes > least], 0.5
    return block


def _gram(columns):
    """Products of columns (n, k), summed in double precision a few thousand rows at a time: no wide copy of them all."""
    return sum(block.T @ block for block in _blocks(columns))


def _blocks(columns):
    return (columns[i : i + _ROWS].astype(np.float64) for i in range(0, len(columns), _ROWS))


def _squares(array, axis):
    return np.einsum("ij,ij->i" if axis == 1 else "ij,ij->j", array, array, dtype=np.float64)


def _edge(low, row_squares, pixel_squares):
    """The noise edge from what the components above it leave over.

    Counted from one component upwards until none is added: from above, the noise that lies along the directions kept
    would be taken for signal, and the edge would sink to it.
    """
    values, turn = scipy.linalg.eigh(_gram(low.left))
    values, turn = values[::-1], turn[:, ::-1]
    images, pixel_parts = low.left @ turn.astype(low.dtype), values[:, None] * (turn.T @ low.right.astype(np.float64)) ** 2
    rounding = np.sqrt(max(values[0], 0)) * np.finfo(low.dtype).eps * 10
    count, new, edge = 0, 1, 0.0
    while new > count:
        count = new
        position_energy = np.maximum(row_squares - _squares(images[:, :count], 1), 0)
        pixel_energy = np.maximum(pixel_squares - pixel_parts[:count].sum(0), 0)
        edge = max(noise_edge(position_energy, pixel_energy), rounding)
        new = int((values > edge**2).sum())
    if low.smoother is None:
        return edge
    return max(noise_edge(position_energy, pixel_energy, low.smoother.spectrum), rounding)
