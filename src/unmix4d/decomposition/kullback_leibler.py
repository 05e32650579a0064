"""Non-negative matrix factorisation X ~ M P for counts: the least Kullback-Leibler divergence.

That is the most likely answer for Poisson noise. Multiplicative updates (Lee and Seung) with extrapolation between
them; one pass over the scan per iteration.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import scipy

from ..engine.sparse_matrix import sparsified
from ..storage.checkpoint import kept_or_made
from .factorisation import Factorisation, relative_change, unit_sums
from .problems import Compressed
from .starts import Start

__all__ = ["nmf_kl", "solve_kl", "positive_start"]

_WHO = "nmf with the objective 'kl'"
_SWEEPS = 1  # updates of the maps in a pass: a second one saves a tenth of the passes and costs half as much again
# Nothing falls below this share of the mean: multiplication leads away from there, and never from 0.
_FLOOR = 1e-8
_FILL = 1e-2  # of the mean, put where a start is 0
_FIRST_STEP, _GROWTH, _LONGEST = 0.5, 1.05, 5.0  # of the extrapolation (in the manner of Ang and Gillis 2019); no table
_REACH = 10.0  # largest factor by which an extrapolation looks ahead


def nmf_kl(
    matrix, low, n: int, *, n_starts: int, max_iter: int, tol: float, init, seed: int, tick: Callable | None = None,
    checkpoint=None,
):  # fmt: skip
    """NMF of least divergence from several starts; the one with the smallest divergence.

    Parameters
    ----------
    matrix : PatternMatrix
        Read twice and held where so few entries are not 0 that this is faster, see `sparsified`.
    low : LowRank
        The same scan compressed, for the starts.
    n : int
        Number of components.
    n_starts, max_iter, tol, seed, tick, checkpoint
        As for `unmix4d.decomposition.nmf.nmf`.
    init : {"nndsvd", "vca", "random"} or (maps, patterns)
        The same starts as for that; what is 0 in them is filled, see `positive_start`.

    Returns
    -------
    best : Factorisation
        Of the data as they are, without weights. Objective and history are mean divergences per entry of the matrix.
    starts : list of Factorisation
        All of them.

    Raises
    ------
    ValueError
        If the scan holds negative, NaN or infinite values, or nothing but 0.
    """
    statistics = matrix.require_counts(_WHO)
    generators = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(n_starts)]
    start, problem = Start(low, statistics.mean_pattern, init), Compressed(low)
    held = sparsified(matrix) or matrix

    def begin(i):
        first = low.weights.off(*start(problem, n, i, generators[i]))
        kept = {} if checkpoint is None else {"state": checkpoint.state(i), "keep": partial(checkpoint.keep_state, i)}
        return solve_kl(held, *first, max_iter=max_iter, tol=tol, tick=tick, **kept)

    kept = [None if checkpoint is None else checkpoint.start(i) for i in range(n_starts)]
    answers = [kept_or_made(kept[i], partial(begin, i)) for i in range(n_starts)]
    return min(answers, key=lambda answer: answer.objective), answers


def positive_start(maps, patterns) -> tuple[np.ndarray, np.ndarray]:
    """A start without zeros, and with patterns of the sum 1, so that maps are intensities.

    An update multiplies, so a zero would stay. Zeros, of the non-negative double SVD for example, become a hundredth of the
    mean of their factor. Shapes and dtypes are kept: maps (n_positions, k), patterns (k, n_pixels).
    """
    maps, patterns = (np.where(part > 0, part, _FILL * part.mean(dtype=np.float64)) for part in (maps, patterns))
    return unit_sums(maps, patterns)


def solve_kl(
    matrix, maps, patterns, *, max_iter: int, tol: float, tick: Callable | None = None, state=None,
    keep: Callable | None = None,
) -> Factorisation:  # fmt: skip
    """Lower the divergence ``sum X log(X / MP) - X + MP`` from one start.

    Every pass multiplies maps and then patterns by what lowers the divergence for sure (Lee and Seung 2001). The next pass
    starts from where the last step, made longer, would lead; when the divergence it finds there is higher, that pass is
    dropped and the step becomes shorter. So the history never rises, and half of the passes are saved.

    Parameters
    ----------
    matrix : PatternMatrix or SparseMatrix
        Without negative values. Of a SparseMatrix only the non-zeros enter the quotients.
    maps : ndarray (n_positions, k)
    patterns : ndarray (k, n_pixels)
        The start; see `positive_start` for its zeros.
    max_iter : int
        Passes over the scan.
    tol : float
        It ends when an iteration changes neither maps nor patterns by more than this fraction (L1 norms).
    tick : callable, optional
        Called after every pass.
    state, keep
        As for `unmix4d.decomposition.nmf.hals`.

    Returns
    -------
    Factorisation
        With patterns of the sum 1, so that maps are intensities. `objective` is the mean divergence per entry of the
        matrix; `history` has that of the new maps and the patterns they were fitted to.

    References
    ----------
    D. D. Lee and H. S. Seung, Nature 401 (1999) 788 and Adv. Neural Inf. Process. Syst. 13 (2001) 556.
    """
    total = matrix.require_counts(_WHO).total
    maps, patterns = positive_start(np.asarray(maps, matrix.dtype), np.asarray(patterns, matrix.dtype))
    # The first update of the maps makes up for their scale, but what is far below the data would first meet the floor.
    maps *= total / maps.sum(dtype=np.float64)
    run = _Run(matrix, maps, patterns, floors=(_FLOOR * total / matrix.shape[0], _FLOOR / matrix.shape[1]))
    if state is not None:
        run.go_on(*state)
    while len(run.history) < max_iter:
        run.advance()
        if tick:
            tick()
        if max(run.changes[-1]) <= tol:
            break
        if keep and len(run.history) < max_iter:
            keep(run.state)
    maps, patterns = run.answer()
    rows = matrix.visit(partial(_score_kernel, patterns=patterns), (maps,))[0]
    size = np.prod(matrix.shape, dtype=float)
    return Factorisation(
        maps, patterns, float(rows[:, 1].sum() / size), np.array(run.history) / size, np.array(run.changes),
        converged=max(run.changes[-1]) <= tol, squares=rows[:, 0],
    )  # fmt: skip


class _Run:
    """Where one start has got to.

    Attributes
    ----------
    history : list of float
        Divergence after every pass; that of a dropped pass is the one before.
    changes : list of (float, float)
        Relative L1 changes of patterns and maps.
    """

    def __init__(self, matrix, maps, patterns, floors):
        self.matrix, self.floors = matrix, floors
        self.history, self.changes = [], []
        self.best = self._above(maps, patterns)
        self.trial, self.before = self.best, None
        self.step = _FIRST_STEP

    def state(self):
        """Where it is, as arrays and facts."""
        arrays = {"history": np.array(self.history), "changes": np.array(self.changes)}
        for name in ("best", "trial", "before"):
            if getattr(self, name) is not None:
                arrays[f"{name} maps"], arrays[f"{name} patterns"] = getattr(self, name)
        return arrays, {"step": self.step, "plain": self.trial is self.best}

    def go_on(self, arrays, facts):
        """From what `state` gave."""
        self.history, self.changes = arrays["history"].tolist(), [tuple(pair) for pair in arrays["changes"]]
        for name in ("best", "trial", "before"):
            if f"{name} maps" in arrays:
                setattr(self, name, (arrays[f"{name} maps"], arrays[f"{name} patterns"]))
        self.step = facts["step"]
        if facts["plain"]:
            self.trial = self.best

    def advance(self):
        """One pass: a plain update of the trial, taken over when the divergence there is not higher."""
        maps, patterns, divergence = self._update(*self.trial)
        slack = 1 + 4 * np.finfo(self.matrix.dtype).eps
        if self.trial is not self.best and divergence > self.history[-1] * slack:
            self.step /= 2
            self.trial = self.best
            divergence, change = self.history[-1], self.changes[-1]
        else:
            change = (relative_change(patterns, self.best[1]), relative_change(maps, self.best[0]))
            self.before, self.best = self.best, (maps, patterns)
            self.trial = self._ahead() if self.history else self.best
        self.history.append(divergence)
        self.changes.append(change)

    def _update(self, maps, patterns):
        kernel = partial(_update_kernel, patterns=patterns, floor=self.floors[0])
        maps, (products, logs) = self.matrix.visit(kernel, (maps,))
        sums = maps.sum(0, dtype=np.float64)
        expected = float(sums @ patterns.sum(1, dtype=np.float64))
        divergence = float(logs) - self.matrix.statistics().total + expected
        patterns = patterns * (products.T / sums[:, None])
        return *self._above(maps, patterns), divergence

    def _ahead(self):
        """The last step made longer, in the logarithm: nothing becomes negative."""
        self.step = min(self.step * _GROWTH, _LONGEST)
        ratios = (np.clip(new / old, 1 / _REACH, _REACH) for new, old in zip(self.best, self.before))
        return self._above(*(new * ratio**self.step for new, ratio in zip(self.best, ratios)))

    def _above(self, maps, patterns):
        maps, patterns = (np.maximum(part, floor) for part, floor in zip((maps, patterns), self.floors))
        return maps.astype(self.matrix.dtype), patterns.astype(self.matrix.dtype)

    def answer(self):
        """Maps and patterns of the sum 1; what has reached the floor is 0."""
        near = 1 + 1e-5
        maps, patterns = (np.where(part > near * floor, part, 0) for part, floor in zip(self.best, self.floors))
        return unit_sums(maps, patterns)


def _update_kernel(X, maps, patterns, floor):
    """New maps; sums of what the new patterns need and of X log(X / MP), of the new maps and the old patterns."""
    sums = patterns.sum(1, dtype=np.float64).astype(patterns.dtype)
    for _ in range(_SWEEPS):
        maps = maps * (_quotient(X, maps @ patterns) @ patterns.T) / sums
        maps = np.maximum(maps, maps.dtype.type(floor))
    quotient = _quotient(X, maps @ patterns)
    return maps, (quotient.T @ maps, _logarithms(X, quotient))


def _score_kernel(X, maps, patterns):
    """Squared residuals and divergence of every position."""
    expected = np.maximum(maps @ patterns, np.finfo(patterns.dtype).tiny)
    logs = _logarithms(X, _quotient(X, expected.copy()), by_row=True)
    divergence = logs - np.asarray(X.sum(1, dtype=np.float64)).ravel() + expected.sum(1, dtype=np.float64)
    if scipy.sparse.issparse(X):
        expected.ravel()[_places(X)] -= X.data
    else:
        expected -= X
    return np.stack([np.einsum("ij,ij->i", expected, expected, dtype=np.float64), divergence], axis=1), ()


_update_kernel.takes_sparse = _score_kernel.takes_sparse = True  # type: ignore[attr-defined]


def _quotient(X, expected):
    """X / expected, in the memory of `expected`; of a sparse X only where there is something to divide."""
    if scipy.sparse.issparse(X):
        return scipy.sparse.csr_array((X.data / expected.ravel()[_places(X)], X.indices, X.indptr), shape=X.shape)
    return np.divide(X, expected, out=expected)


def _places(X):
    """Flat indices of the non-zeros."""
    return np.repeat(np.arange(X.shape[0]) * X.shape[1], np.diff(X.indptr)) + X.indices


def _logarithms(X, quotient, by_row=False):
    """Sum of X log(quotient), in float64; nothing where X is 0."""
    if scipy.sparse.issparse(X):
        terms = X.data * np.log(quotient.data)
        if not by_row:
            return terms.sum(dtype=np.float64)
        return np.bincount(np.repeat(np.arange(X.shape[0]), np.diff(X.indptr)), terms, minlength=X.shape[0])
    logs = np.maximum(quotient, np.finfo(quotient.dtype).tiny)
    sums = np.einsum("ij,ij->i", X, np.log(logs, out=logs))
    return sums.astype(np.float64) if by_row else sums.sum(dtype=np.float64)
