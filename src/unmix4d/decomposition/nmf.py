"""Non-negative matrix factorisation X ~ M P by HALS, one pass over the scan per iteration.

While a block of the scan is in memory its maps are brought up to date, and what the next patterns need is added up:
both half steps cost one pass. The objective comes out of the same pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

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
    objective : float
        Sum of (X - M P)**2.
    history : ndarray of float64 (n_iterations,)
        Mean squared error after each iteration.
    converged : bool
        Whether the tolerance was reached before the last allowed iteration.
    starts : list of Factorisation
        Without their matrices: objective and history of every start.
    """

    maps: np.ndarray | None
    patterns: np.ndarray | None
    objective: float
    history: np.ndarray
    converged: bool
    best_start: int = 0
    starts: list = field(default_factory=list)


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
        A start ends when an iteration lowers the error by less than `tol` times the error.
    init : {"nndsvd", "random"} or (maps, patterns)
        A given start in the solver's own form, see `given_start`.
    seed : int
        Every start has its own generator, spawned from it.
    tick : callable, optional
        Called after every iteration.

    Returns
    -------
    Factorisation
    """
    generators = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(n_starts)]
    best, records = None, []
    for i, rng in enumerate(generators):
        maps, patterns = _start(matrix, n, init if i == 0 else "random", rng, seed)
        answer = solve(matrix, maps, patterns, max_iter=max_iter, tol=tol, tick=tick)
        records.append(Factorisation(None, None, answer.objective, answer.history, answer.converged, i))
        if best is None or answer.objective < best.objective:
            best = Factorisation(answer.maps, answer.patterns, answer.objective, answer.history, answer.converged, i)
    return Factorisation(
        best.maps, best.patterns, best.objective, best.history, best.converged, best.best_start, records
    )


def _start(matrix, n, init, rng, seed):
    if isinstance(init, str):
        if init == "random":
            return random_start(matrix, n, rng)
        return nndsvd(truncated_svd(matrix, n, seed=seed), matrix.dtype)
    return init


def solve(matrix, maps, patterns, *, max_iter: int, tol: float, tick: Callable | None = None) -> Factorisation:
    """HALS from one start, on anything that offers ``alternate`` (one pass an iteration).

    The error of iteration i is that of its maps with its patterns, taken from the products of the pass; it never rises.
    """
    norm2 = matrix.statistics().norm2
    history, converged = [], False
    for _ in range(max_iter):
        maps, xtm, mtm, _ = matrix.alternate(patterns, maps, update_factor)
        patterns = update_factor(xtm.astype(matrix.dtype), mtm, patterns.T).T
        objective = _objective(norm2, xtm, mtm, patterns)
        history.append(max(objective, 0.0) / np.prod(matrix.shape, dtype=float))
        if tick:
            tick()
        if len(history) > 1 and history[-2] - history[-1] <= tol * history[-1]:
            converged = True
            break
        maps, patterns = balance(maps, patterns)
    return Factorisation(maps, patterns, max(objective, 0.0), np.array(history), converged)


def _objective(norm2, xtm, mtm, patterns):
    wide = patterns.astype(np.float64)
    return norm2 - 2 * np.einsum("ij,ji->", wide, xtm) + np.einsum("ij,ij->", wide @ wide.T, mtm)


def balance(maps, patterns):
    """Share the scale of every component evenly, so that neither factor grows out of single precision."""
    sizes = np.linalg.norm(maps, axis=0), np.linalg.norm(patterns, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.sqrt(sizes[1] / sizes[0])
    ratio[~np.isfinite(ratio) | (ratio == 0)] = 1
    return (maps * ratio).astype(maps.dtype), (patterns / ratio[:, None]).astype(patterns.dtype)
