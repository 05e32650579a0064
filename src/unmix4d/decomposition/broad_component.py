"""The broadest pattern, as a rule the amorphous halo, kept out of the others as far as the data allow.

Where a halo is everywhere, each other pattern may hold a part of it: what its map then lacks is in theirs, the product is
the same, and so is the error. Iterations end wherever they came to such a valley, with a halo that has holes where grains
are. Of all these answers the one is taken whose other patterns hold nothing of the broadest.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

__all__ = ["freed"]

_DARK = 0.05  # of a broad pattern, in intensity: so much has to be dark in another one; no table
_LEAST = 0.01  # of the intensity of another pattern: less is left where it is; no table
_SWEEPS = 10  # iterations in which maps and patterns settle again; no table


def freed(problem, answer):
    """An answer without the broadest pattern in the others, if its error is not larger; else the answer itself.

    Parameters
    ----------
    problem : Compressed or Dense
    answer : Factorisation

    Returns
    -------
    Factorisation
        Of `_SWEEPS` more iterations of HALS, which are not in its history.
    """
    patterns, maps = answer.patterns.astype(np.float64), answer.maps.T.astype(np.float64)
    sums, squares = patterns.sum(1), (patterns**2).sum(1)
    if len(patterns) < 2 or not squares.all():
        return answer
    broad = int((sums**2 / squares).argmax())
    parts = _parts(patterns, broad)
    if (parts * sums[broad] < _LEAST * sums).all():
        return answer
    maps[broad] += parts @ maps
    patterns = np.maximum(patterns - parts[:, None] * patterns[broad], 0)
    maps, patterns = maps.astype(problem.dtype), patterns.astype(problem.dtype)
    gram = None
    for _ in range(_SWEEPS):
        maps, patterns, _, gram = problem.sweep(maps, patterns, gram)
    size = np.prod(problem.shape, dtype=float)
    objective, rounding = problem.exact_error(maps, patterns) / size, np.finfo(problem.dtype).eps * problem.norm2 / size
    if objective > answer.objective + rounding:
        return answer
    return replace(answer, maps=maps.T, patterns=patterns, objective=min(objective, answer.objective))


def _parts(patterns, broad):
    """How much of the broadest pattern can be taken from each other one, (k,): a low quantile of their ratio."""
    seen = patterns[broad] > 0
    weight, out = patterns[broad, seen], np.zeros(len(patterns))
    for i, pattern in enumerate(patterns):
        if i != broad:
            ratio = pattern[seen] / weight
            order = np.argsort(ratio)
            enough = np.searchsorted(np.cumsum(weight[order]), _DARK * weight.sum())
            out[i] = ratio[order[min(enough, len(order) - 1)]]
    return out
