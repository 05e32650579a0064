"""One NMF from the scan to the final numbers: compress, start, iterate, finish on the full data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..engine.compression import LowRank, compress
from ..engine.noise import strengths
from ..engine.threads import in_threads
from ..engine.weights import WeightedMatrix
from ..storage.checkpoint import kept_or_made
from .factorisation import Factorisation
from .kullback_leibler import nmf_kl
from .nmf import nmf
from .problems import Compressed, Full
from .refit import Refit, estimate, refitted, refitted_each, together
from .starts import Start

__all__ = ["Outcome", "compressed", "factorise", "factorise_each", "rank_for", "smoothing_of"]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one NMF came to.

    Attributes
    ----------
    best : Factorisation
        Of the weighted data.
    starts : list of Factorisation
    final : Refit
        Of the unweighted data.
    low : LowRank
    strengths : ndarray of float64 (k,)
        How far each component stands out: 1 is what noise alone reaches.
    """

    best: Factorisation
    starts: list
    final: Refit
    low: LowRank
    strengths: np.ndarray


def rank_for(n: int, smoothed: bool = False) -> int:
    """Directions kept for n components: some to spare, because the weakest may lie across several of them.

    More in a smoothed subspace, where less noise comes with them (benchmarks/defaults/RESULTS.md).
    """
    return (4 if smoothed else 2) * n + 2


def smoothing_of(constraints):
    """The first constraint that smooths maps, whose subspace is then taken from smoothed data; None without one."""
    return next((c for c in constraints if getattr(c, "smoothing", False) and hasattr(c, "adjoint")), None)


def factorise(
    matrix, n: int, *, init, constraints, smoothing, weights: str, exact: bool, n_starts: int, max_iter: int, tol: float,
    seed: int, objective: str = "frobenius", refit: bool = True, low: LowRank | None = None, tick: Callable | None = None,
    checkpoint=None,
) -> Outcome:  # fmt: skip
    """NMF of a scan.

    Parameters
    ----------
    matrix : PatternMatrix
    n : int
    init : str or (maps, patterns)
        See `Start`.
    constraints : sequence of bound constraints
    smoothing : optional
        Bound, with ``smooth`` and ``adjoint``: the subspace is that of the smoothed data; several of them to choose from.
    weights : {"none", "capped", "poisson"}
    exact : bool
        Iterate on the scan itself, from the same start.
    objective : {"frobenius", "kl"}
        ``"kl"`` iterates on the scan itself too, without constraints, and its answer is not refitted.
    refit : bool
        False leaves out the two passes at the end.
    low : LowRank, optional
        The scan compressed before; `weights` and `smoothing` are then those of it.
    n_starts, max_iter, tol, seed, tick, checkpoint
        See `nmf`.

    Returns
    -------
    Outcome
    """
    if checkpoint is not None:
        checkpoint.require_data(matrix.statistics())
    if low is None:
        how = {"constraints": constraints, "smoothing": smoothing, "weights": weights, "seed": seed, "tick": tick}
        kept = None if checkpoint is None else checkpoint.compression(matrix, smoothing)
        low = kept_or_made(kept, partial(compressed, matrix, n, **how))
    low = low.leading(rank_for(n, low.smoother is not None))
    weighted = WeightedMatrix(matrix, low.weights)
    options = {"n_starts": n_starts, "max_iter": max_iter, "tol": tol, "seed": seed, "tick": tick, "checkpoint": checkpoint}
    if objective == "kl":
        best, starts = nmf_kl(matrix, low, n, init=init, **options)
        final = refitted(weighted, *low.weights.on(best.maps, best.patterns), refit_maps=False, refit_patterns=False)
    else:
        problem = Full(weighted, low.norm2) if exact else Compressed(low)
        start = Start(low, matrix.statistics().mean_pattern, init)
        best, starts = nmf(problem, n, start, constraints=constraints, **options)
        factors = best.maps, best.patterns
        final = refitted(weighted, *factors, **_free(constraints)) if refit else estimate(low, *factors)
    return Outcome(best, starts, final, low, _relative_strengths(low, final))


def compressed(matrix, n: int, *, constraints, smoothing, weights: str, seed: int, tick=None) -> LowRank:
    """The scan compressed for n components."""
    free = all(c.on != "maps" for c in constraints)
    return compress(
        matrix, rank_for(n, smoothing is not None), wanted=n, weights=weights, position_weights=free, smoothing=smoothing,
        seed=seed, tick=tick,
    )  # fmt: skip


def factorise_each(
    low: LowRank, ns, *, init: str, constraints, n_starts: int, max_iter: int, tol: float, seed: int, refit: bool = True,
    tick: Callable | None = None, checkpoint=None,
) -> list[Outcome]:  # fmt: skip
    """NMF for several numbers of components on one compression, as many at a time as there are cores.

    Parameters
    ----------
    low : LowRank
    ns : sequence of int
    constraints : sequence of sequences of bound constraints
        Those of every number: bound constraints keep notes, and must not be shared.
    refit : bool
        The refit to the scan is made for many of them together: two passes for every 128 components.
    init, n_starts, max_iter, tol, seed, tick
        As for `factorise`; every number has the same seed.
    checkpoint : ChooseKCheckpoint, optional
        Keeps the numbers that are finished.

    Returns
    -------
    list of Outcome
    """
    lows = [low.leading(rank_for(n, low.smoother is not None)) for n in ns]
    mean_pattern = low.matrix.statistics().mean_pattern  # type: ignore[union-attr]  # of a scan
    # The largest take longest: begun first, they do not keep the others waiting at the end.
    order = sorted(range(len(ns)), key=lambda i: -ns[i])

    def run(j, cancelled):
        i = order[j]
        if cancelled():
            return None
        begin = partial(
            nmf, Compressed(lows[i]), ns[i], Start(lows[i], mean_pattern, init), n_starts=n_starts, max_iter=max_iter,
            tol=tol, seed=seed, constraints=constraints[i], tick=tick, cancelled=cancelled,
        )  # fmt: skip
        return kept_or_made(None if checkpoint is None else checkpoint.number(ns[i]), begin, cancelled)

    solved = dict(zip(order, in_threads(run, len(ns))))
    bests = [solved[i][0] for i in range(len(ns))]
    if refit:
        weighted = WeightedMatrix(low.matrix, low.weights)
        finals = _finished(weighted, bests, checkpoint, **_free(constraints[0]))
    else:
        finals = [estimate(own, best.maps, best.patterns) for own, best in zip(lows, bests)]
    return [
        Outcome(bests[i], solved[i][1], finals[i], lows[i], _relative_strengths(lows[i], finals[i])) for i in range(len(ns))
    ]


def _finished(weighted, bests, checkpoint, **free):
    """The refits of several numbers; what is finished together is kept together."""
    finals = []
    for group in together([len(best.patterns) for best in bests]):
        ns = [len(bests[i].patterns) for i in group]
        known = [None if checkpoint is None else checkpoint.end(n) for n in ns]
        if any(final is None for final in known):
            known = refitted_each(weighted, [(bests[i].maps, bests[i].patterns) for i in group], **free)
            for n, final in zip(ns, known):
                if checkpoint is not None:
                    checkpoint.keep_end(n, final)
        finals += known
    return finals


def _free(constraints):
    """Factors under a constraint are left as they are."""
    bound = {c.on for c in constraints}
    return {f"refit_{side}": side not in bound for side in ("maps", "patterns")}


def _relative_strengths(low, final):
    maps, patterns = low.weights.on(final.maps.astype(np.float64), final.patterns.astype(np.float64))
    if low.smoother is not None:
        maps = low.smoother(maps)
    found = strengths(maps, patterns, *low.standing_out())
    return found / low.edge if low.edge > 0 else np.where(found > 0, np.inf, 0.0)
