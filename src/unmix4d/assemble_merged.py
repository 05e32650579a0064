"""From the runs of a merging NMF to results: the chosen run, and what all of them agree on."""

from __future__ import annotations

import numpy as np

from .decomposition.consensus import consensus
from .decomposition.fitted_patterns import fitted_patterns
from .decomposition.scaling import order_and_scale
from .results.merged import MergedDecomposition

__all__ = ["consensus_result", "merged_result"]


def merged_result(view, matrix, problem, runs, best: int, settings) -> MergedDecomposition:
    """The chosen run, its patterns fitted to the scan, with the stability of its components over all runs."""
    run = runs[best]
    found = consensus(problem, runs, min_share=0, least_part=0)
    whose = {pair: i for i, pairs in enumerate(found.members) for pair in pairs}
    matches = [whose.get((best, j)) for j in range(run.k)]
    stability = np.array([0.0 if i is None else found.share[i] for i in matches])
    agreement = np.array([0.0 if i is None else found.agreement[i] for i in matches])
    return _result(
        view, matrix, run.maps, run.patterns, settings, best=best, runs=tuple(runs), problem=problem, history=run.history,
        members=run.members, stability=stability, agreement=agreement,
    )  # fmt: skip


def consensus_result(result, found, settings) -> MergedDecomposition:
    """The consensus of the runs of a result."""
    view = result.view
    matrix = view.matrix(result.settings["precision"])
    options = {name: value if name == "how" else float(value) for name, value in settings.items()}
    settings = {**result.settings, "consensus": {**options, "left_out": found.left_out, "satellites": found.satellites}}
    return _result(
        view, matrix, found.maps, found.patterns, settings, stability=found.share, agreement=found.agreement,
        spread=found.spread,
    )  # fmt: skip


def _result(view, matrix, maps, features, settings, *, members=(), stability, agreement, spread=None, **more):
    """Patterns fitted to the scan for these maps; everything in the order of the intensities."""
    source = getattr(getattr(view, "features", None), "source", None)
    pixels = view if source is None else source
    fit = fitted_patterns(matrix if pixels is view else pixels.matrix(settings["precision"]), maps)
    scaled, patterns, share, order = order_and_scale(maps, fit.patterns, fit.total)
    size = np.maximum(maps[:, order].max(0).astype(np.float64), np.finfo(float).tiny)
    frame, dtype = pixels.frame, matrix.dtype
    own = features[order] * size[:, None].astype(features.dtype) if source is not None else patterns
    squares = matrix.squared_residuals(scaled, own)
    if source is not None:
        more["features"] = matrix.frame.to_images(own)
    else:
        more["residuals"] = frame.to_maps(np.sqrt(squares / matrix.shape[1]).astype(dtype)[:, None])[0]
    if spread is not None:
        spread = frame.to_maps((spread[:, order] / size).astype(dtype))
    return MergedDecomposition(
        method="merge_nmf", patterns=frame.to_images(patterns), maps=frame.to_maps(scaled), explained=share,
        loss=float(squares.sum() / np.prod(matrix.shape, dtype=float)), frame=frame, settings=settings,
        host=pixels.scan.host, mean_pattern=frame.to_images(fit.mean_pattern[None].astype(dtype))[0],
        totals=frame.to_maps(fit.totals[:, None].astype(dtype))[0], source=pixels, view=view,
        members=tuple(members[i] for i in order) if members else (), stability=stability[order],
        agreement=agreement[order], spread=spread, **more,
    )  # fmt: skip
