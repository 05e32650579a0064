"""What several runs agree on: their components matched in real space, one map for each match and how many runs have it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from ..core import checks
from .factorisation import unit_rows
from .grain_probability import signs_of_a_grain
from .map_smoothing import smooth_maps, without_noise
from .nnls import nnls_rows

__all__ = ["ALIKE", "Consensus", "consensus"]

ALIKE = 0.8  # mean correlation of the maps of a match (docs/details); no table of other values

_POSITIONS = 1 << 14  # so many positions are enough to compare smoothed maps


@dataclass(frozen=True, eq=False)
class Consensus:
    """Components that runs agree on, the brightest first.

    Attributes
    ----------
    maps : ndarray (n_positions, k)
        In intensity.
    patterns : ndarray (k, n_pixels)
        Fitted to the data for those maps (exact non-negative least squares), of the unweighted data.
    share : ndarray (k,)
        Share of the runs that have the component: its stability.
    agreement : ndarray (k,)
        Mean Pearson correlation of the runs' maps with the one kept.
    spread : ndarray (n_positions, k)
        Median absolute deviation of the runs' maps from it.
    members : tuple of tuple of (int, int)
        (run, component) pairs of each.
    left_out : int
        Matches that too few runs have.
    signs : ndarray (k, 7)
        For `grain_probability`.
    """

    maps: np.ndarray
    patterns: np.ndarray
    share: np.ndarray
    agreement: np.ndarray
    spread: np.ndarray
    members: tuple
    left_out: int
    signs: np.ndarray


def consensus(
    problem,
    runs,
    *,
    how: str = "median",
    min_share: float = 0.5,
    alike: float = ALIKE,
    denoise: bool = True,
    sigma: float = 1.0,
) -> Consensus:
    """Match the components of all runs by their maps and keep what enough runs have.

    Average linkage on the correlation of smoothed maps. Components of one run in the same match are parts of one grain which
    that run did not merge: their maps add up.

    Parameters
    ----------
    problem : Compressed or Dense
        What the runs factorised.
    runs : sequence of MergeRun
    how : {"median", "mean"}
        Over the runs that have the component, position by position.
    min_share : float
        Least share of the runs, 0 to 1.
    alike : float
        Least mean correlation within a match, 0 to 1.
    denoise : bool
        Average the maps that are kept where they vary no more than their noise, see `without_noise`.
    sigma : float
        Of the smoothing for the comparison, in positions.

    Returns
    -------
    Consensus

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range, or no component is in enough runs.

    References
    ----------
    Bruefach, Ophus and Scott, APL Mach. Learn. 1 (2023) 016106, doi:10.1063/5.0130546
    """
    checks.choice(how, "how", ("median", "mean"))
    min_share, alike = _fraction(min_share, "min_share"), _fraction(alike, "alike")
    if not len(runs):
        raise ValueError("runs must hold at least one run, got none")
    whose = np.array([(i, j) for i, run in enumerate(runs) for j in range(run.k)])
    groups = _matches(problem.geometry, np.concatenate([run.maps.T for run in runs]), alike, sigma)
    kept, left_out = [], 0
    for group in np.unique(groups):
        pairs = whose[groups == group]
        if len(np.unique(pairs[:, 0])) < min_share * len(runs) - 1e-9:
            left_out += 1
            continue
        kept.append(_one(runs, pairs, how))
    kept = [one for one in kept if one[0].sum() > 0]
    if not kept:
        raise ValueError(f"min_share must leave a component to keep, got {min_share:g}: none is in as many of the runs")
    kept.sort(key=lambda one: -one[0].sum())
    maps, spread, agreement, members = zip(*kept)
    maps, agreement = np.stack(maps, axis=1), np.array(agreement)
    share = np.array([len({run for run, _ in pairs}) for pairs in members]) / len(runs)
    weighted = _fitted(problem, maps)
    signs = signs_of_a_grain(problem.geometry, maps, weighted, agreement)
    if denoise:
        maps = np.ascontiguousarray(without_noise(maps.T, problem.geometry, _errors(problem, maps, weighted)).T)
        weighted = _fitted(problem, maps)
    patterns = problem.weights.off(None, weighted)[1]
    return Consensus(maps, patterns, share, agreement, np.stack(spread, axis=1), members, left_out, signs)


def _matches(geometry, rows, alike, sigma):
    """Number of the match of every map."""
    if len(rows) == 1:
        return np.ones(1, int)
    places = smooth_maps(rows, geometry, sigma)
    places = places[:, :: max(1, rows.shape[1] // _POSITIONS)]
    places = unit_rows(places - places.mean(axis=1, keepdims=True))
    distance = np.clip(1 - (places @ places.T).astype(np.float64), 0, 2)
    distance = (distance + distance.T) / 2
    np.fill_diagonal(distance, 0)
    tree = scipy.cluster.hierarchy.linkage(scipy.spatial.distance.squareform(distance, checks=False), "average")
    return scipy.cluster.hierarchy.fcluster(tree, 1 - alike, "distance")


def _one(runs, pairs, how):
    """Map, its spread, the agreement of the runs and the members of one match."""
    each = np.stack([runs[i].maps[:, pairs[pairs[:, 0] == i, 1]].sum(axis=1) for i in np.unique(pairs[:, 0])])
    middle = np.median(each, axis=0) if how == "median" else each.mean(axis=0)
    spread = np.median(np.abs(each - middle), axis=0)
    centred = each - each.mean(axis=1, keepdims=True)
    target = middle - middle.mean()
    size = np.linalg.norm(centred, axis=1) * np.linalg.norm(target)
    agreement = float(np.mean(np.divide(centred @ target, size, out=np.zeros(len(each)), where=size > 0)))
    dtype = each.dtype
    return middle.astype(dtype), spread.astype(dtype), agreement, tuple((int(i), int(j)) for i, j in pairs)


def _errors(problem, maps, weighted):
    """Standard errors of maps, as least squares propagates what the fit of the weighted patterns leaves over."""
    rows = np.ascontiguousarray(problem.weights.on(maps, None)[0].T)
    left = problem.exact_error(rows, weighted) / np.prod(problem.shape, dtype=float)
    wide = weighted.astype(np.float64)
    return np.sqrt(left * np.maximum(np.diag(np.linalg.pinv(wide @ wide.T, hermitian=True)), 0))


def _fitted(problem, maps):
    """Patterns of the weighted data for maps (n_positions, k), by exact non-negative least squares."""
    rows = np.ascontiguousarray(problem.weights.on(maps, None)[0].T)
    wide = rows.astype(np.float64)
    return np.ascontiguousarray(nnls_rows(problem.on_patterns(rows).T, wide @ wide.T).T)


def _fraction(value, name):
    value = checks.positive(value, name, zero=True)
    if value > 1:
        raise ValueError(f"{name} must be from 0 to 1, got {value:g}")
    return value
