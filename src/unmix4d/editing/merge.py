"""Merge several components into one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import checks
from ..decomposition.edited import merged_map, merged_row
from . import clusters
from .answer import edited
from .arguments import components_of, require_editable
from .factors import evaluated, factors_of, fitted, keeps_scale, matrix_of, put_in, require_data, totals_of

__all__ = ["merge"]


def merge(result: Any, components: Sequence[int | str], *, refit: bool = True) -> Any:
    """Merge several components into one.

    Their intensities add up, and the merged component takes the place of the first one.

    Parameters
    ----------
    components : sequence of int or str
        Numbers or names of two or more components.
    refit : bool
        If True, fit all maps, then all patterns, to the scan again by exact non-negative least squares with the weights of
        this result. Factors under a constraint are not fitted. If False, the intensity of every position and of every pixel
        stays the same. Memberships of clusters add up in both cases, and the pattern of the merged cluster is the mean with
        its new weights.

    Returns
    -------
    Decomposition
        A new result; this one is not changed, and ``.undo()`` of the new one returns it.

    Raises
    ------
    ValueError, TypeError
        If fewer than two components are listed, if one is listed twice or does not exist, if components have both signs, or
        if refitting needs data that are not linked.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data).nmf(4, random_state=0)
    >>> merged = result.merge([1, 3], refit=False)
    >>> merged.k, bool(abs(merged.explained.sum() - result.explained.sum()) < 1e-6)
    (3, True)
    """
    require_editable(result, "merge")
    chosen = components_of(result, components, "components", least=2)
    refit = checks.flag(refit, "refit")
    matrix = require_data(result, "merge") if refit else matrix_of(result, "merge")
    others = [i for i in range(result.k) if i not in chosen]
    origins: list[tuple[int, ...]] = [(i,) for i in others]
    at = chosen[0]
    origins.insert(at, tuple(chosen))
    arguments = {"components": chosen, **({} if refit else {"refit": False})}
    if result.meaning.memberships:
        return clusters.merged(result, arguments, origins, at, matrix, refit)
    factors = _merged(result, chosen, at)
    factors = fitted(result, factors, matrix) if matrix is not None and refit else evaluated(factors, matrix)
    return edited(result, "merge", arguments, factors, origins, [at])


def _merged(result, chosen, at):
    factors = factors_of(result)
    maps = factors.maps[:, chosen]
    one = merged_map(maps, totals_of(factors)[chosen], keeps_scale(result.settings))
    pattern = merged_row(maps, factors.patterns[chosen], one)[None]
    features = None if factors.features is None else merged_row(maps, factors.features[chosen], one)[None]
    return put_in(factors, chosen, at, np.asarray(one)[:, None], pattern, features)
