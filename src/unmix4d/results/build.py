"""From the numbers of a solver to an answer: exact loss, order and scale, images, and the record of the run."""

from __future__ import annotations

import platform
from dataclasses import dataclass, replace
from importlib import metadata

import numpy as np

from .. import hosts
from ..clustering.fuzzy import weighted_moments
from ..clustering.validity import pure_fraction, validity
from ..core.version import __version__
from ..decomposition.consensus import consensus
from ..decomposition.fitted_patterns import fitted_patterns
from ..decomposition.scaling import order_and_scale
from . import Decomposition
from .fuzzy_clusters import FuzzyClusters
from .merged import MergedDecomposition

__all__ = [
    "nmf_result",
    "svd_result",
    "ica_result",
    "vca_result",
    "run_record",
    "fuzzy_result",
    "consensus_result",
    "merged_result",
]


def run_record(view, method: str, **arguments) -> dict:
    """Everything needed to repeat a run, in JSON types."""
    scan = view.scan
    geometry = scan.geometry
    features = getattr(view, "features", None)
    if features is not None:
        arguments["features"] = features.record()
    return {
        "method": method,
        **arguments,
        "view": {
            "shape": list(scan.shape),
            "dtype": str(scan.dtype),
            "centre": list(geometry.centre),
            "centre_known": geometry.centre_known,
            "positions": geometry.n_positions,
            "pixels": geometry.n_pixels,
            "preparation": [dict(step) for step in scan.steps],
        },
        "versions": {
            "unmix4d": __version__,
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in ("numpy", "scipy", "scikit-learn", "dask")},
            **hosts.versions(scan.host.kind),
        },
    }


def nmf_result(view, matrix, outcome, settings, constraints=()) -> Decomposition:
    """The best start, ordered and scaled, with the record of all."""
    final = outcome.final
    n_fixed = sum(getattr(c, "n_fixed", 0) for c in constraints)
    keep_scale = any(getattr(c, "fixes_scale", False) for c in constraints)
    seen = _seen(view, matrix, final.maps, final.patterns)
    maps, patterns, share, order = order_and_scale(
        final.maps, seen.patterns, seen.total, n_fixed=n_fixed, keep_scale=keep_scale
    )
    seen = seen.ordered(order, final.maps, maps)
    low = outcome.low
    settings = {
        **settings,
        "weights": low.weights.kind,
        "compression": {
            "rank": low.rank,
            "seed": low.seed,
            "residual": low.residual,
            "smoothed": low.smoother is not None,
            "above_noise": low.above_noise,
        },
        "effects": [_reordered(effect, order) for effect in outcome.best.effects],
    }
    return _result(
        seen, matrix, "nmf", maps, patterns, share, settings, final.squares,
        losses=np.array([start.objective for start in outcome.starts]),
        convergence=[start.history for start in outcome.starts],
        changes=[start.changes for start in outcome.starts],
        strengths=outcome.strengths[order],
    )  # fmt: skip


def _reordered(effect, order):
    per_component = effect["added_per_component"]
    return {**effect, "added_per_component": [per_component[i] for i in order]}


def evidence(matrix, outcome):
    """What the constraints are shown when a run is over."""
    from ..constraints import Evidence

    geometry, final, statistics = matrix.geometry, outcome.final, matrix.statistics()
    spread = np.sqrt(final.pixel_squares / matrix.shape[0])
    plain = final.maps.astype(np.float64)
    errors = np.sqrt(np.maximum(np.diag(np.linalg.pinv(plain.T @ plain, hermitian=True)), 0))[:, None] * spread

    def scan(columns):
        return geometry.to_maps(columns).reshape(columns.shape[1], -1).T

    def detector(rows):
        return geometry.to_images(rows).reshape(len(rows), -1)

    return Evidence(
        geometry=geometry, patterns=detector(final.free_patterns), pattern_errors=detector(errors), maps=scan(final.maps),
        free_maps=scan(final.free_maps), totals=scan(statistics.totals[:, None])[:, 0],
    )  # fmt: skip


def svd_result(view, matrix, method, svd, settings) -> Decomposition:
    """Maps are left vectors x singular values, so that distances between positions are distances between patterns."""
    statistics = matrix.statistics()
    size = statistics.norm2
    if method == "pca":
        size -= matrix.shape[0] * float(statistics.mean_pattern @ statistics.mean_pattern)
    explained = svd.values**2 / size if size > 0 else np.zeros(len(svd.values))
    maps = (svd.left * svd.values).astype(matrix.dtype)
    squares = (matrix.centred() if method == "pca" else matrix).squared_residuals(maps, svd.right)
    settings = {**settings, "svd_residual": svd.residual}
    seen = _seen(view, matrix, maps, svd.right, signed=True, centred=method == "pca")
    return _result(seen, matrix, method, maps, seen.patterns, explained, settings, squares)


def ica_result(view, matrix, svd, answer, settings) -> Decomposition:
    """Components by their share of the sum of squares, patterns with a positive largest entry, maps with maximum 1."""
    maps, patterns = answer.maps, answer.patterns
    size = np.abs(maps).max(0) * np.sign(patterns[np.arange(len(patterns)), np.abs(patterns).argmax(1)])
    size[size == 0] = 1
    maps, patterns = maps / size, patterns * size[:, None]
    share = (maps**2).sum(0) * (patterns**2).sum(1) / matrix.statistics().norm2
    order = np.argsort(-share, kind="stable")
    maps, patterns = maps[:, order].astype(matrix.dtype), patterns[order].astype(matrix.dtype)
    squares = matrix.squared_residuals(maps, patterns)
    settings = {
        **settings, "svd_residual": svd.residual, "iterations": answer.iterations, "converged": answer.converged,
        "contrast": answer.contrast,
    }  # fmt: skip
    seen = _seen(view, matrix, maps, patterns, signed=True)
    return _result(seen, matrix, "ica", maps, seen.patterns, share[order], settings, squares)


def vca_result(view, matrix, svd, answer, settings) -> Decomposition:
    """Components by their share of the intensity; maps with maximum 1, unless they add up to 1."""
    seen = _seen(view, matrix, answer.maps, answer.patterns)
    maps, patterns, share, order = order_and_scale(answer.maps, seen.patterns, seen.total, keep_scale=settings["sum_to_one"])
    squares = matrix.squared_residuals(answer.maps, answer.patterns)
    seen = seen.ordered(order, answer.maps, maps)
    positions = np.argwhere(matrix.geometry.kept_positions.reshape(matrix.geometry.scan_shape))
    found = answer.vertices
    settings = {
        **settings, "svd_residual": svd.residual, "projection_used": found.projection, "snr_db": found.snr_db,
        "vertices": positions[found.members[order, 0]].tolist(), "averaged": int(found.members.shape[1]),
    }  # fmt: skip
    return _result(seen, matrix, "vca", maps, patterns, share, settings, squares)


@dataclass(frozen=True, eq=False)
class _Seen:
    """What a result shows: patterns and totals of the view itself, or of the one that features were made from.

    Attributes
    ----------
    view : Unmix
    patterns : ndarray (k, n_pixels)
    features : ndarray (k, n_features) or None
    total : float
        Sum of all values.
    mean_pattern, totals : ndarray
    """

    view: object
    patterns: np.ndarray
    features: np.ndarray | None
    total: float
    mean_pattern: np.ndarray
    totals: np.ndarray

    def ordered(self, order, before, after) -> _Seen:
        """With the features in the order and the scale of the maps, which were `before` and are `after`."""
        if self.features is None:
            return self
        size, now = (np.abs(m).max(0).astype(np.float64) for m in (before[:, order], after))
        factor = np.divide(size, now, out=np.ones_like(size), where=now > 0)
        return replace(self, features=(self.features[order] * factor[:, None]).astype(self.features.dtype))


def _seen(view, matrix, maps, patterns, *, signed: bool = False, centred: bool = False) -> _Seen:
    """The patterns as they are; those of features, fitted to the view that the features came from in one pass."""
    features = getattr(view, "features", None)
    if features is None or features.source is None:
        statistics = matrix.statistics()
        return _Seen(view, patterns, None, statistics.total, statistics.mean_pattern, statistics.totals)
    view = features.source
    fit = fitted_patterns(view.matrix("double" if matrix.dtype.itemsize > 4 else "single"), maps, signed, centred)
    return _Seen(view, fit.patterns, patterns, fit.total, fit.mean_pattern, fit.totals)


def _result(seen, matrix, method, maps, patterns, explained, settings, squares, **more):
    geometry = seen.view.geometry
    if seen.features is None:
        more["residuals"] = geometry.to_maps(np.sqrt(squares / matrix.shape[1]).astype(matrix.dtype)[:, None])[0]
    else:
        more["features"] = matrix.geometry.to_images(seen.features)
    return Decomposition(
        method=method,
        patterns=geometry.to_images(patterns),
        maps=geometry.to_maps(maps),
        explained=explained,
        loss=float(squares.sum() / np.prod(matrix.shape, dtype=float)),
        geometry=geometry,
        settings={"passes": matrix.passes, **settings},
        host=seen.view.scan.host,
        mean_pattern=geometry.to_images(seen.mean_pattern[None].astype(matrix.dtype))[0],
        totals=geometry.to_maps(seen.totals[:, None].astype(matrix.dtype))[0],
        source=seen.view,
        **more,
    )


def fuzzy_result(view, matrix, loadings, axes, model, settings) -> FuzzyClusters:
    """Clusters ordered by their sum, with the weighted mean of the measured patterns; two passes, of features three."""
    order = np.argsort(-model.memberships.sum(0), kind="stable")
    memberships = model.memberships[:, order].astype(matrix.dtype)
    # The weights as they are used in the pass over the scan, so that both kinds of centre belong together.
    weights = model.rule.weights(model.memberships[:, order]).astype(matrix.dtype)
    sums, centres, covariances = weighted_moments(loadings, weights)
    own = _means(matrix, weights, sums)
    source = getattr(getattr(view, "features", None), "source", None)
    seen = view if source is None else source
    seen_matrix = matrix if source is None else source.matrix(settings["precision"])
    patterns = own if source is None else _means(seen_matrix, weights, sums)
    statistics, geometry, dtype = seen_matrix.statistics(), seen.geometry, matrix.dtype
    squares = matrix.squared_residuals(memberships, own)
    labels = memberships.argmax(1)
    if len(centres) > 1:
        wide = loadings.astype(np.float64)
        settings = {**settings, "validity": validity(wide, model)}
    more = {"features": matrix.geometry.to_images(own)} if source is not None else {
        "residuals": geometry.to_maps(np.sqrt(squares / matrix.shape[1]).astype(dtype)[:, None])[0]
    }  # fmt: skip
    return FuzzyClusters(
        method="fuzzy_cmeans", patterns=geometry.to_images(patterns), maps=geometry.to_maps(memberships),
        explained=memberships.mean(0, dtype=np.float64), loss=float(squares.sum() / np.prod(matrix.shape, dtype=float)),
        geometry=geometry, settings=settings, losses=np.array(model.objectives), host=seen.scan.host,
        mean_pattern=geometry.to_images(statistics.mean_pattern[None].astype(dtype))[0],
        totals=geometry.to_maps(statistics.totals[:, None].astype(dtype))[0], source=seen, view=view,
        loadings=geometry.to_maps(loadings), axes=axes, loading_centres=centres, covariances=covariances,
        pure_fraction=pure_fraction(loadings.astype(np.float64), centres, labels), **more,
    )  # fmt: skip


def _means(matrix, weights, sums):
    """Weighted mean rows (k, n_pixels), one pass; that of all rows for a cluster without weight."""
    used = np.where(sums > 0, weights, 1).astype(weights.dtype)
    totals = used.sum(0, dtype=np.float64)
    return (matrix.transpose_times(used) / totals).T.astype(matrix.dtype)


def merged_result(view, matrix, problem, runs, best: int, settings) -> MergedDecomposition:
    """The chosen run, its patterns fitted to the scan, with the stability of its components over all runs."""
    run = runs[best]
    found = consensus(problem, runs, min_share=0, least_part=0)
    whose = {pair: i for i, pairs in enumerate(found.members) for pair in pairs}
    matches = [whose.get((best, j)) for j in range(run.k)]
    stability = np.array([0.0 if i is None else found.share[i] for i in matches])
    agreement = np.array([0.0 if i is None else found.agreement[i] for i in matches])
    return _merged(
        view, matrix, run.maps, run.patterns, settings, best=best, runs=tuple(runs), problem=problem, history=run.history,
        members=run.members, stability=stability, agreement=agreement,
    )  # fmt: skip


def consensus_result(result, found, settings) -> MergedDecomposition:
    """The consensus of the runs of a result."""
    view = result.view
    matrix = view.matrix(result.settings["precision"])
    options = {name: value if name == "how" else float(value) for name, value in settings.items()}
    settings = {
        **result.settings,
        "consensus": {**options, "left_out": found.left_out, "rim_components": found.rim_components},
    }
    return _merged(
        view, matrix, found.maps, found.patterns, settings, stability=found.share, agreement=found.agreement,
        spread=found.spread,
    )  # fmt: skip


def _merged(view, matrix, maps, features, settings, *, members=(), stability, agreement, spread=None, **more):
    """Patterns fitted to the scan for these maps; everything in the order of the intensities."""
    source = getattr(getattr(view, "features", None), "source", None)
    pixels = view if source is None else source
    fit = fitted_patterns(matrix if pixels is view else pixels.matrix(settings["precision"]), maps)
    scaled, patterns, share, order = order_and_scale(maps, fit.patterns, fit.total)
    size = np.maximum(maps[:, order].max(0).astype(np.float64), np.finfo(float).tiny)
    geometry, dtype = pixels.geometry, matrix.dtype
    own = features[order] * size[:, None].astype(features.dtype) if source is not None else patterns
    squares = matrix.squared_residuals(scaled, own)
    if source is not None:
        more["features"] = matrix.geometry.to_images(own)
    else:
        more["residuals"] = geometry.to_maps(np.sqrt(squares / matrix.shape[1]).astype(dtype)[:, None])[0]
    if spread is not None:
        spread = geometry.to_maps((spread[:, order] / size).astype(dtype))
    return MergedDecomposition(
        method="merge_nmf", patterns=geometry.to_images(patterns), maps=geometry.to_maps(scaled), explained=share,
        loss=float(squares.sum() / np.prod(matrix.shape, dtype=float)), geometry=geometry, settings=settings,
        host=pixels.scan.host, mean_pattern=geometry.to_images(fit.mean_pattern[None].astype(dtype))[0],
        totals=geometry.to_maps(fit.totals[:, None].astype(dtype))[0], source=pixels, view=view,
        members=tuple(members[i] for i in order) if members else (), stability=stability[order],
        agreement=agreement[order], spread=spread, **more,
    )  # fmt: skip
