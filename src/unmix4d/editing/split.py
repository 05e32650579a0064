"""Split one component into several."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import checks
from ..decomposition.edited import divided, own_parts
from ..decomposition.fitted_patterns import fitted_patterns
from . import clusters
from .answer import edited
from .arguments import require_editable, which_of
from .factors import evaluated, factors_of, fitted, matrix_of, patterns_for, put_in, require_data
from .regions import region_parts

__all__ = ["split"]

_WAYS = ("intensity", "regions")
_NOTHING = 1e-3  # of the intensity of a component: a part with less is none; far above rounding, far below what is seen


def split(
    result: Any, component: int | str, into: int = 2, *, by: str = "intensity", refit: bool = True,
    random_state: int | None = None,
) -> Any:  # fmt: skip
    """Split one component into several, which take its place, the strongest first.

    Parameters
    ----------
    component : int or str
        Number or name of the component.
    into : int
        Number of parts.
    by : {"intensity", "regions"}
        ``"intensity"`` factorises the part of the scan there that the other components do not explain, and needs the data.
        ``"regions"`` makes one part for each of the largest separate regions of the map, and assigns every position to the
        nearest one.
    refit : bool
        If True, fit all maps, then all patterns, to the scan again, as `merge` does. If False, only divide the map: the
        parts add up to the previous intensity, and parts by regions share one pattern.
    random_state : int, optional
        Seed of the factorisation. By default one is drawn and recorded.

    Returns
    -------
    Decomposition
        A new result; this one is not changed.

    Raises
    ------
    ValueError, TypeError
        If there is no such component, if it cannot be split into so many parts, if components have both signs, or if the
        data are needed and not linked.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data).nmf(2, random_state=0)
    >>> parts = result.split(0, into=2, random_state=0)
    >>> parts.k, parts.loss < result.loss
    (3, True)
    """
    require_editable(result, "split")
    i, into = which_of(result, component, "component"), checks.count(into, "into", minimum=2)
    checks.choice(by, "by", _WAYS)
    refit, seed = checks.flag(refit, "refit"), checks.seed(random_state)
    _require_room(result, i, into)
    fit = refit or (by == "intensity" and not result.meaning.memberships)
    hint = 'by="regions", refit=False splits without them'
    matrix = require_data(result, "split", hint) if fit else matrix_of(result, "split")
    arguments: dict[str, Any] = {"component": i, "into": into}
    arguments |= {"by": by} if by == "regions" else {"random_state": seed}
    arguments |= {} if refit else {"refit": False}
    origins = [(j,) for j in range(result.k)]
    origins[i : i + 1] = [(i,)] * into
    new = range(i, i + into)
    if result.meaning.memberships:
        return clusters.split(result, arguments, origins, i, matrix, refit, seed)
    factors = factors_of(result)
    if by == "regions":
        factors = _by_regions(result, factors, i, into, matrix if refit else None)
    else:
        factors = _by_intensity(result, factors, i, into, matrix, seed)
    factors = fitted(result, factors, matrix) if refit and matrix is not None else evaluated(factors, matrix)
    return edited(result, "split", arguments, factors, origins, new)


def _require_room(result, i, into):
    present = int((np.nan_to_num(result.maps[i]) > 0).sum())
    if present < into:
        raise ValueError(f"into must be at most {present}, the number of positions of component {i}, got {into}")


def _by_intensity(result, factors, i, into, matrix, seed):
    kind = result.settings.get("weights", "none")
    parts, rows = own_parts(
        matrix, factors.maps, factors.rows, i, into, weights=kind if kind in ("capped", "poisson") else "none", seed=seed
    )
    maps = divided(factors.maps[:, i], parts)
    shares = maps.sum(0) / max(float(maps.sum()), np.finfo(float).tiny)
    if shares.min() < _NOTHING or (rows.sum(1) <= 0).any():
        raise ValueError(
            f"component {i} cannot be split into {into}: its intensity contains only {int((shares >= _NOTHING).sum())} "
            "pattern(s); choose a smaller into"
        )
    order = np.argsort(-shares, kind="stable")
    maps, rows = maps[:, order], rows[order].astype(np.float64)
    # Each part with the total that the component had: then its map divides the intensity.
    rows *= (factors.rows[i].sum(dtype=np.float64) / rows.sum(1))[:, None]
    if factors.features is None:
        return put_in(factors, [i], i, maps, rows, None)
    found = put_in(factors, [i], i, maps, np.repeat(factors.patterns[i : i + 1], into, axis=0), rows)
    return found.with_components(found.maps, patterns_for(result, found.maps, found.patterns), found.features)


def _by_regions(result, factors, i, into, matrix):
    parts = result.geometry.from_maps(region_parts(result, i, into).astype(factors.maps.dtype))
    maps = divided(factors.maps[:, i], parts)
    features = None if factors.features is None else np.repeat(factors.features[i : i + 1], into, axis=0)
    found = put_in(factors, [i], i, maps, np.repeat(factors.patterns[i : i + 1], into, axis=0), features)
    if matrix is None:
        return found
    # Patterns first: two of the same would have maps that are anything.
    rows = fitted_patterns(matrix, found.maps).patterns
    patterns = rows if features is None else patterns_for(result, found.maps, found.patterns)
    return found.with_components(found.maps, patterns, None if features is None else rows)
