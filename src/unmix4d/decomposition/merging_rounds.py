"""Iterative-merge NMF as it was published: factorise, merge what is at the same place, factorise again with fewer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .agglomeration import Components, join_alike
from .merging import MergeRun, alive, all_runs, intensities, merged, start_anywhere
from .nmf import hals

__all__ = ["merge_in_rounds"]

THRESHOLD = 0.45  # Bruefach 2022: 0.4 to 0.5 for angular averages
_ITERATIONS = 200  # in every round


def merge_in_rounds(
    problem, initial: int, *, threshold: float | str = "auto", n_runs: int = 25, seed: int = 0, max_iter: int = _ITERATIONS,
    tick: Callable | None = None, checkpoint=None,
) -> list[MergeRun]:  # fmt: skip
    """The algorithm of Bruefach 2022: components whose maps correlate above a threshold are merged, and fitted again.

    Two things differ, which the paper's text asks for and its program does not do: every round is fitted to the data, from
    the merged maps and patterns, and every run has a different start.

    Parameters
    ----------
    problem : Compressed or Dense
    initial : int
    threshold : float or "auto"
        Pearson correlation of maps; "auto" is 0.45.
    n_runs, seed, tick, checkpoint
        As for `merge_runs`.
    max_iter : int
        Iterations of HALS in every round.

    Returns
    -------
    list of MergeRun
        Their history holds the merges of all rounds; parts are the components of the first one.

    References
    ----------
    Bruefach, Ophus and Scott, Microsc. Microanal. 28 (2022) 1998, doi:10.1017/S1431927622012259
    """
    threshold = THRESHOLD if threshold == "auto" else threshold
    generators = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(n_runs)]

    def begin(i, cancelled):
        maps, patterns = start_anywhere(problem, initial, generators[i])
        return _rounds(problem, maps, patterns, threshold, max_iter, cancelled)

    return all_runs(begin, n_runs, parallel=problem.parallel, tick=tick, checkpoint=checkpoint)


def _rounds(problem, maps, patterns, threshold, max_iter, cancelled):
    found = hals(problem, maps.T, patterns, max_iter=max_iter, tol=1e-4, cancelled=cancelled)
    maps, patterns = intensities(problem, found.maps.T, found.patterns)
    parts, errors = (maps, patterns), [found.objective]
    members, nodes, history = [(i,) for i in range(len(patterns))], list(range(len(patterns))), []
    while not (cancelled and cancelled()):
        following = len(parts[1]) + len(history)
        components = Components(maps.T, patterns, maps.sum(axis=0, dtype=np.float64), 0.0, nodes, following)
        merges = join_alike(components, threshold)
        if not merges:
            break
        history += merges
        groups, nodes = components.members, components.nodes
        members = [tuple(sorted(part for i in group for part in members[i])) for group in groups]
        start = problem.weights.on(*merged(maps, patterns, groups))
        found = hals(problem, *start, max_iter=max_iter, tol=1e-4, cancelled=cancelled)
        errors.append(found.objective)
        some = alive(found.maps.T, found.patterns)
        members, nodes = ([x for x, there in zip(them, some) if there] for them in (members, nodes))
        maps, patterns = intensities(problem, found.maps.T, found.patterns)
    return MergeRun(
        maps, patterns, tuple(members), len(parts[1]), tuple(history), 0, float(threshold), found.objective,
        rounds_error=float(np.sqrt(errors).mean()),
    )  # fmt: skip
