"""Non-negative matrix factorisation X ~ M P by HALS from several independent starts.

On the compressed scan an iteration costs milliseconds and reads nothing; on the full one it is one pass over the scan.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from ..engine.threads import in_threads, one_thread_per_block
from ..storage.checkpoint import kept_or_made
from .broad_component import freed
from .constrained import alternate, at_unit_sum
from .factorisation import Factorisation, balance, going_on, relative_change, state_of
from .starts import Start

__all__ = ["nmf", "hals"]

_BALANCED = 8  # iterations between two balances: scales hardly drift, and rounding does not depend on them


def nmf(
    problem, n: int, start: Start, *, n_starts: int, max_iter: int, tol: float, seed: int, constraints=(),
    tick: Callable | None = None, checkpoint=None, cancelled: Callable | None = None,
):  # fmt: skip
    """NMF from several starts; the one with the smallest error.

    Parameters
    ----------
    problem : Compressed or Full
    n : int
        Number of components.
    start : Start
        Gives the maps and patterns of the i-th start.
    n_starts : int
    max_iter : int
        Iterations per start.
    tol : float
        A start ends when an iteration changes neither maps nor patterns by more than this fraction (L1 norms).
    seed : int
        Every start has its own generator, spawned from it: it depends neither on the other starts nor on their number.
    constraints : sequence of bound constraints
        With any, alternating least squares and projection (Kimoto 2025) instead of HALS.
    tick : callable, optional
        Called after every iteration.
    checkpoint : NMFCheckpoint, optional
        Keeps where the starts are, and knows where they were.
    cancelled : callable, optional
        Says whether to give up, for a caller that runs in a thread itself; the answer is then of no use.

    Returns
    -------
    best : Factorisation
        Of the weighted data.
    starts : list of Factorisation
        All of them. In the best one the broadest pattern is kept out of the others where nothing is read for it, see
        `freed`.
    """
    generators = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(n_starts)]

    def run(i, ended):
        def give_up():
            return bool((ended and ended()) or (cancelled and cancelled()))

        kept = None if checkpoint is None else checkpoint.start(i)
        return kept_or_made(kept, partial(begin, i, give_up), give_up)

    def begin(i, cancelled):
        maps, patterns = start(problem, n, i, generators[i])
        options = {"max_iter": max_iter, "tol": tol, "tick": tick, "cancelled": cancelled}
        if checkpoint is not None:
            options |= {"state": checkpoint.state(i), "keep": partial(checkpoint.keep_state, i)}
        if constraints:
            # Maps are enough to start from; patterns are what a given start is about.
            given = patterns if start.kind(i) == "given" else None
            maps = at_unit_sum(maps, patterns, start.mean_pattern, problem.weights)
            return alternate(problem, maps, constraints, generators[i], patterns=given, **options)
        return hals(problem, maps, patterns, **options)

    # A bound constraint may keep notes of its last projection: constrained starts take turns.
    together = problem.parallel and n_starts > 1 and not constraints
    if together:
        answers = in_threads(run, n_starts)
    else:
        # Thin matrices, and passes that run in threads themselves: no threads of the linear algebra either way.
        with one_thread_per_block():
            answers = [run(i, None) for i in range(n_starts)]
    i = min(range(n_starts), key=lambda i: answers[i].objective)
    if problem.parallel and not constraints:
        answers[i] = freed(problem, answers[i])
    return answers[i], answers


def hals(
    problem, maps, patterns, *, max_iter: int, tol: float, tick: Callable | None = None,
    cancelled: Callable | None = None, state=None, keep: Callable | None = None,
) -> Factorisation:  # fmt: skip
    """HALS from one start.

    It ends when maps and patterns have settled (L1 norms of their changes, Kimoto 2025, step 7). The error is no good
    judge of that: near the noise floor it falls by parts in a million, which is about what single precision can tell.

    Parameters
    ----------
    maps : ndarray (n_positions, k)
    patterns : ndarray (k, n_pixels)
        Both of the weighted data.
    state : (arrays, facts), optional
        As given to `keep` by an earlier run, which then goes on as if it had not been stopped.
    keep : callable, optional
        Called after every iteration that is not the last, with a function that returns the state.
    """
    size = np.prod(problem.shape, dtype=float)
    maps, patterns = np.ascontiguousarray(maps.T), np.ascontiguousarray(patterns)
    history, changes, converged = [], [], False
    if state is not None:
        maps, patterns, history, changes = going_on(state)
    gram = None
    while len(history) < max_iter and not converged and not (cancelled and cancelled()):
        if len(history) % _BALANCED == 0:
            (maps, patterns), gram = balance(maps, patterns), None
        before = maps, patterns
        maps, patterns, error, gram = problem.sweep(maps, patterns, gram)
        history.append(error / size)
        changes.append((relative_change(patterns, before[1]), relative_change(maps, before[0])))
        converged = max(changes[-1]) <= tol
        if tick:
            tick()
        if keep and not converged and len(history) < max_iter:
            keep(partial(state_of, maps, patterns, history, changes))
    maps, patterns = balance(maps, patterns)
    # The sums of the iterations are differences of large numbers; starts are compared by what is really left over.
    objective = problem.exact_error(maps, patterns) / size
    return Factorisation(maps.T, patterns, objective, np.array(history), np.array(changes), converged)
