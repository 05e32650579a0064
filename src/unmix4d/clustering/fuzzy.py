"""Fuzzy c-means and its relatives: alternate between memberships and centres, block by block, from several starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..engine.threads import in_threads, one_thread_per_block
from .memberships import membership_rule
from .metrics import GustafsonKessel, Spherical

__all__ = ["FuzzyModel", "fuzzy_cmeans", "memberships_of", "weighted_moments"]

_BLOCK = 8192  # points: what is computed of them stays in the cache
_SAMPLE = 1 << 16  # points that starts are compared on, where there are more
_BURN_IN = 10  # spherical iterations before covariances are trusted


@dataclass(frozen=True, eq=False)
class FuzzyModel:
    """Clusters that were found.

    Attributes
    ----------
    centres : ndarray (c, d)
    metric
        `Spherical` or `GustafsonKessel`, with what it has learned.
    rule
        `Fuzzifier` or `HighContrast`.
    covariances : ndarray (c, d, d)
        Of the points, with the weights that the centres are averaged with; as measured, without shrinkage.
    memberships : ndarray (n, c)
    objective : float
        Sum of weights x squared distances (in the metric of the clusters).
    objectives : tuple of float
        What every start ended with; of more than 65536 points, on a sample of so many, times their ratio.
    n_iter : int
    converged : bool
    """

    centres: np.ndarray
    metric: Any
    rule: Any
    covariances: np.ndarray
    memberships: np.ndarray
    objective: float
    objectives: tuple = ()
    n_iter: int = 0
    converged: bool = False

    def squares(self, points) -> np.ndarray:
        """Squared distances (n, c) of any points (n, d) to the centres."""
        return np.concatenate([part.T for _, part in _distances(_as_columns(points), self.metric, self.centres)])


def fuzzy_cmeans(
    points, n_clusters: int, *, rule, covariance: str = "spherical", shrinkage: float = 1e-6, n_starts: int = 1,
    max_iter: int = 300, tol: float = 1e-6, seed: int = 0, tick: Callable | None = None,
) -> FuzzyModel:  # fmt: skip
    """Fuzzy clusters of points.

    Parameters
    ----------
    points : ndarray (n, d)
        Finite. Computed with in double precision.
    n_clusters : int
        At most the number of different points.
    rule
        `Fuzzifier` or `HighContrast`.
    covariance : {"spherical", "gustafson-kessel"}
    shrinkage : float
        See `GustafsonKessel`.
    n_starts : int
        The first centres of each are drawn as those of k-means++; the smallest objective is kept. Starts run side by side.
        Of more than 65536 points they run on a random sample of so many, and the best goes on with all points.
    max_iter : int
    tol : float
        A start ends when no centre moves by more than this share of the rms distance of the points from their mean. 0: all
        iterations are done.
    seed : int
    tick : callable, optional
        Called after every iteration with the part of a start that it was.

    Returns
    -------
    FuzzyModel

    Raises
    ------
    ValueError
        If there are fewer different points than clusters.
    """
    columns = _as_columns(points)
    _require_different(points, n_clusters)
    offset = columns.mean(1, keepdims=True)
    columns = np.ascontiguousarray(columns - offset)  # near the origin the short formula for distances is accurate
    options = {"rule": rule, "max_iter": max_iter, "tol": tol}

    def metric_of(some):
        return Spherical(some) if covariance == "spherical" else GustafsonKessel(some, n_clusters, shrinkage)

    with one_thread_per_block():
        sample = _sample(columns, seed)
        runs = _starts(sample, n_clusters, n_starts, seed, metric_of, options, tick)
        centres, metric, objective, n_iter, converged = runs[int(np.argmin([run[2] for run in runs]))]
        if sample is not columns:
            metric = metric_of(columns).like(metric)
            centres, metric, objective, n_iter, converged = _run(columns, centres, metric, burn_in=0, **options)
    memberships = _memberships(columns, metric, centres, rule)
    _, means, covariances = weighted_moments(columns.T, rule.weights(memberships))
    return FuzzyModel(
        centres + offset.T, metric.of_any_points(), rule, covariances, memberships, objective,
        tuple(run[2] * columns.shape[1] / sample.shape[1] for run in runs), n_iter, converged,
    )  # fmt: skip


def memberships_of(points, known, centres, covariances, *, covariance="spherical", m=2.0, contrast=None) -> np.ndarray:
    """Memberships (n, c) of any points (n, d) in clusters that were found among the `known` points.

    Parameters
    ----------
    points, known : ndarray (n, d)
    centres, covariances : ndarray (c, d), (c, d, d)
    covariance, m, contrast
        As the clusters were found with.
    """
    metric = Spherical()
    if covariance != "spherical":
        metric = GustafsonKessel(_as_columns(known), len(centres))
        metric.update(covariances)
    return _memberships(_as_columns(points), metric, np.asarray(centres, np.float64), membership_rule(m, contrast))


def weighted_moments(points, weights):
    """Sums of weights (c,), weighted means (c, d) and covariances (c, d, d) of points (n, d) with weights (n, c).

    A cluster without any weight has the mean and the covariance of all points.
    """
    points, weights = np.asarray(points, np.float64), np.asarray(weights, np.float64)
    sums = weights.sum(0)
    used = weights if (sums > 0).all() else np.where(sums > 0, weights, 1.0)
    totals = used.sum(0)
    means = used.T @ points / totals[:, None]
    covariances = np.empty((len(means), points.shape[1], points.shape[1]))
    for i, mean in enumerate(means):
        apart = points - mean
        covariances[i] = (used[:, i, None] * apart).T @ apart / totals[i]
    return sums, means, covariances


def _as_columns(points):
    return np.ascontiguousarray(np.asarray(points, np.float64).T)


def _require_different(points, n_clusters):
    points = np.asarray(points)
    sample = np.unique(points[: max(1000, 20 * n_clusters)], axis=0)
    different = len(sample) if len(sample) >= n_clusters else len(np.unique(points, axis=0))
    if different < n_clusters:
        raise ValueError(
            f"n_clusters must be at most {different}, the number of different points, got {n_clusters}: "
            f"n_samples={len(points)}"
        )


def _sample(columns, seed):
    n = columns.shape[1]
    if n <= _SAMPLE:
        return columns
    rng = np.random.default_rng(np.random.SeedSequence((seed, 1)))
    return np.ascontiguousarray(columns[:, np.sort(rng.choice(n, _SAMPLE, replace=False))])


def _starts(columns, n_clusters, n_starts, seed, metric_of, options, tick):
    starts = np.random.SeedSequence(seed).spawn(n_starts)

    def one(i, cancelled):
        centres = _first_centres(columns, n_clusters, starts[i])
        return _run(columns, centres, metric_of(columns), cancelled=cancelled, tick=tick, **options)

    return in_threads(one, n_starts)


def _first_centres(columns, n_clusters, start):
    from sklearn.cluster import kmeans_plusplus

    rng = np.random.default_rng(start)
    return kmeans_plusplus(np.ascontiguousarray(columns.T), n_clusters, random_state=int(rng.integers(2**31 - 1)))[0]


def _run(columns, centres, metric, *, rule, max_iter, tol, burn_in=_BURN_IN, cancelled=lambda: False, tick=None):
    """Centres, metric, objective, iterations, whether it settled; `tick` gets the part of the start that is done more."""
    scale = np.sqrt(np.square(columns).sum(0).mean()) or 1.0
    moved = np.inf
    for n_iter in range(1, max_iter + 1):
        # Covariances of first centres say little: spheres find where the clusters are.
        learn = metric.spread and (n_iter > burn_in or max_iter <= burn_in)
        sums, moments, second = _sweep(columns, centres, metric, rule, learn)
        alive = sums > 0
        shift = np.where(alive[:, None], moments / np.where(alive, sums, 1)[:, None], 0)
        if learn:
            spread = second / np.where(alive, sums, 1)[:, None, None] - shift[:, :, None] * shift[:, None, :]
            metric.update(np.where(alive[:, None, None], spread, np.eye(len(columns)) * scale**2))
        centres = centres + shift
        moved = np.sqrt(np.square(shift).sum(1).max()) / scale
        settled = (moved < tol and (learn or not metric.spread)) or n_iter == max_iter
        if tick:
            tick(1 - (n_iter - 1) / max_iter if settled else 1 / max_iter)
        if settled or cancelled():
            break
    return centres, metric, _objective(columns, centres, metric, rule), n_iter, bool(moved < tol)


def _distances(columns, metric, centres):
    """Squared distances (c, b), block by block, with the slice of the points."""
    for first in range(0, columns.shape[1], _BLOCK):
        where = slice(first, min(first + _BLOCK, columns.shape[1]))
        yield where, metric.squares(columns[:, where], centres, where)


def _sweep(columns, centres, metric, rule, learn):
    """Sums of weights, and first and (to learn covariances) second moments about the centres; one iteration."""
    c, d = centres.shape
    sums, first, second = np.zeros(c), np.zeros((c, d)), np.zeros((c, d, d))
    for where, squares in _distances(columns, metric, centres):
        weights = rule.weights(rule.memberships(squares))
        points = columns[:, where]
        sums += weights.sum(1)
        first += weights @ points.T
        if learn:
            for i, centre in enumerate(centres):
                apart = points - centre[:, None]
                second[i] += (apart * weights[i]) @ apart.T
    return sums, first - sums[:, None] * centres, second


def _objective(columns, centres, metric, rule):
    total = 0.0
    for _, squares in _distances(columns, metric, centres):
        weights = rule.weights(rule.memberships(squares.copy()))
        total += float(np.einsum("cn,cn->", weights, squares))
    return total


def _memberships(columns, metric, centres, rule):
    """(n, c)."""
    out = np.empty((columns.shape[1], len(centres)))
    for where, squares in _distances(columns, metric, centres):
        out[where] = rule.memberships(squares).T
    return out
