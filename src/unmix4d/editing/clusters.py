"""Edits of fuzzy clusters: memberships remain shares that sum to one, centres remain weighted means."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..clustering.fuzzy import fuzzy_cmeans, memberships_of, weighted_moments
from ..clustering.memberships import membership_rule
from ..clustering.validity import pure_fraction
from ..decomposition.edited import divided
from ..results.data_of_a_result import linked_matrix
from ..results.groups import mean_of
from .answer import edited
from .factors import Factors, evaluated, factors_of
from .regions import region_parts

__all__ = ["dropped", "merged", "split"]

_STARTS = 10  # as the default of fuzzy_cmeans for subclusters


def merged(result: Any, arguments: dict, origins: list, at: int, matrix: Any, refit: bool) -> Any:
    """Merge clusters by adding their memberships."""
    maps = factors_of(result).maps
    columns = np.column_stack([maps[:, list(parts)].sum(1) for parts in origins])
    return _answer(result, "merge", arguments, origins, columns, matrix, refit, [at])


def split(result: Any, arguments: dict, origins: list, i: int, matrix: Any, refit: bool, seed: int) -> Any:
    """Split a cluster by clustering its own loadings, or by its regions."""
    maps, n = factors_of(result).maps, arguments["into"]
    if arguments.get("by") == "regions":
        parts = result.geometry.from_maps(region_parts(result, i, n).astype(maps.dtype))
    else:
        parts = _subclusters(result, i, n, maps, seed)
    columns = np.concatenate([maps[:, :i].T, divided(maps[:, i], parts).T, maps[:, i + 1 :].T]).T
    new = range(i, i + n)
    return _answer(result, "split", arguments, origins, columns, matrix, refit, new)


def _subclusters(result, i, n, maps, seed):
    loadings, inside = _loadings(result), maps.argmax(1) == i
    if len(np.unique(loadings[inside], axis=0)) < n:
        raise ValueError(f"into must be at most the number of different positions of cluster {i}, got {n}")
    rule = membership_rule(result.settings["m"], result.settings["contrast"])
    model = fuzzy_cmeans(
        loadings[inside], n, rule=rule, covariance=result.settings["covariance"], n_starts=_STARTS, seed=seed
    )
    found = memberships_of(loadings, loadings[inside], model.centres, model.covariances, **_how(result))
    return found[:, np.argsort(-found[inside].sum(0), kind="stable")]


def dropped(result: Any, arguments: dict, origins: list, left: list[int], matrix: Any) -> Any:
    """Distribute the positions among the remaining clusters by distance."""
    loadings = _loadings(result)
    columns = memberships_of(loadings, loadings, result.loading_centres[left], result.covariances[left], **_how(result))
    return _answer(result, "drop", arguments, origins, columns, matrix, True, ())


def _answer(result, call, arguments, origins, columns, matrix, measure, changed):
    """The answer for memberships (n_positions, k); patterns are measured again where that is asked for and can be."""
    old = factors_of(result)
    columns = np.ascontiguousarray(columns, old.maps.dtype)
    rule = membership_rule(result.settings["m"], result.settings["contrast"])
    weights = rule.weights(columns.astype(np.float64))
    loadings = _loadings(result)
    _, centres, covariances = weighted_moments(loadings, weights)
    patterns = _mixed(result, old.patterns, origins)
    features = None if old.features is None else _mixed(result, old.features, origins)
    if matrix is not None and measure:
        rows = _means(matrix, weights)
        features = None if features is None else rows
        if features is None:
            patterns = rows
        elif result.source is not None:
            patterns = _means(linked_matrix(result, call), weights)
    factors = evaluated(Factors(columns, patterns, features), matrix)
    return edited(
        result, call, arguments, factors, origins, changed, explained=columns.mean(0, dtype=np.float64),
        loading_centres=centres, covariances=covariances,
        pure_fraction=pure_fraction(loadings, centres, columns.argmax(1)), settings={"validity": {}},
    )  # fmt: skip


def _mixed(result, rows, origins):
    """Means of the rows of those that became one, by the weights that each of them had."""
    rule = membership_rule(result.settings["m"], result.settings["contrast"])
    sums = rule.weights(factors_of(result).maps.astype(np.float64)).sum(0)
    mixed = [np.average(rows[list(parts)], axis=0, weights=np.maximum(sums[list(parts)], 1e-300)) for parts in origins]
    return np.stack(mixed).astype(rows.dtype)


def _means(matrix, weights):
    used = np.ascontiguousarray(weights, matrix.dtype)
    means = mean_of(matrix.transpose_times(used), used.sum(0, dtype=np.float64), matrix.dtype)
    return np.ascontiguousarray(means.T)


def _loadings(result):
    return result.geometry.from_maps(result.loadings).astype(np.float64)


def _how(result):
    return {name: result.settings[name] for name in ("covariance", "m", "contrast")}
