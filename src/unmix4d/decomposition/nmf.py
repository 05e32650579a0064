"""Non-negative matrix factorisation X ~ M P by HALS, one pass over the scan per iteration.

While a block of the scan is in memory its maps are brought up to date, and what the next patterns need is added up:
both half steps cost one pass. The objective comes out of the same pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .hals import update_factor
from .starts import nndsvd, random_start
from .svd import truncated_svd

__all__ = ["Factorisation", "nmf", "solve"]


@dataclass(frozen=True, eq=False)
class Factorisation:
    """One answer X ~ maps @ patterns and how it was reached.

    Attributes
    ----------
    maps : ndarray (n_positions, k)
    patterns : ndarray (k, n_pixels)
    squares : ndarray of float64 (n_positions,)
        Sum of (X - M P)**2 over the pixels of every position, computed directly.
    objective : float
        Mean squared error of these maps and patterns, from the squares.
    history : ndarray of float64 (n_iterations,)
        Mean squared error after each iteration, as far as the arithmetic can tell.
    converged : bool
        Whether the tolerance was reached before the last allowed iteration.
    """

    maps: np.ndarray
    patterns: np.ndarray
    squares: np.ndarray
    objective: float
    history: np.ndarray
    converged: bool


def nmf(matrix, n: int, *, n_starts: int, max_iter: int, tol: float, init, seed: int, tick: Callable | None = None):
    """NMF from several starts; the one with the smallest error.

    Parameters
    ----------
    matrix : PatternMatrix
    n : int
        Number of components.
    n_starts : int
        With ``init="nndsvd"`` or a given start the first start is that one, the others are random.
    max_iter : int
        Iterations per start; each is one pass over the scan.
    tol : float
        A start ends when an iteration changes neither maps nor patterns by more than this fraction (L1 norms).
    init : {"nndsvd", "random"} or (maps, patterns)
        A given start in the solver's own form, see `given_start`.
    seed : int
        Every start has its own generator, spawned from it.
    tick : callable, optional
        Called after every iteration.

    Returns
    -------
    best : Factorisation
    records : list of (float, ndarray)
        Objective and history of every start.
    """
    generators = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(n_starts)]
    best, records = None, []
    for i, rng in enumerate(generators):
        maps, patterns = _start(matrix, n, init if i == 0 else "random", rng, seed)
        answer = solve(matrix, maps, patterns, max_iter=max_iter, tol=tol, tick=tick)
        records.append((answer.objective, answer.history))
        if best is None or answer.objective < best.objective:
            best = answer
    return best, records


def _start(matrix, n, init, rng, seed):
    if isinstance(init, str):
        if init == "random":
            return random_start(matrix, n, rng)
        return nndsvd(truncated_svd(matrix, n, seed=seed), matrix.dtype)
    return init


def solve(matrix, maps, patterns, *, max_iter: int, tol: float, tick: Callable | None = None) -> Factorisation:
    """HALS from one start, on anything that offers ``alternate`` (one pass an iteration).

    It ends when maps and patterns have settled (L1 norms of their changes, Kimoto 2025, step 7). The error is no good
    judge of that: near the noise floor it falls by parts in a million, which is about what single precision can tell.

    The error of iteration i is that of its new maps with the patterns they were fitted to, so that it comes out of the
    same pass; it never rises but for rounding.
    """
    norm2, size = matrix.statistics().norm2, np.prod(matrix.shape, dtype=float)
    history = []
    for _ in range(max_iter):
        before, wide = (maps, patterns), patterns.astype(np.float64)
        maps, xtm, mtm, cross = matrix.alternate(patterns, maps, update_factor)
        patterns = update_factor(xtm.astype(matrix.dtype), mtm, patterns.T).T
        history.append(max(norm2 - 2 * cross + np.einsum("ij,ij->", wide @ wide.T, mtm), 0.0) / size)
        if tick:
            tick()
        converged = max(_change(maps, before[0]), _change(patterns, before[1])) <= tol
        if converged:
            break
        if len(history) < max_iter:
            maps, patterns = balance(maps, patterns)
    # The sums of the iterations are differences of large numbers; starts are compared by what is really left over.
    squares = matrix.squared_residuals(maps, patterns)
    return Factorisation(maps, patterns, squares, float(squares.sum()) / size, np.array(history), converged)


def _change(new, old):
    size = np.abs(new).sum(dtype=np.float64)
    return np.abs(new - old).sum(dtype=np.float64) / size if size else 0.0


def balance(maps, patterns):
    """Share the scale of every component evenly, so that neither factor grows out of single precision."""
    sizes = np.linalg.norm(maps, axis=0), np.linalg.norm(patterns, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.sqrt(sizes[1] / sizes[0])
    ratio[~np.isfinite(ratio) | (ratio == 0)] = 1
    return (maps * ratio).astype(maps.dtype), (patterns / ratio[:, None]).astype(patterns.dtype)
