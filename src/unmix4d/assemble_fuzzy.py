"""From fuzzy clusters among loadings to a result: mean patterns of the clusters, maps, and what they are worth."""

from __future__ import annotations

import numpy as np

from .clustering.fuzzy import weighted_moments
from .clustering.validity import pure_fraction, validity
from .results.fuzzy_clusters import FuzzyClusters

__all__ = ["fuzzy_result"]


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
    statistics, frame, dtype = seen_matrix.statistics(), seen.frame, matrix.dtype
    squares = matrix.squared_residuals(memberships, own)
    labels = memberships.argmax(1)
    if len(centres) > 1:
        wide = loadings.astype(np.float64)
        settings = {**settings, "validity": validity(wide, model)}
    more = {"features": matrix.frame.to_images(own)} if source is not None else {
        "residuals": frame.to_maps(np.sqrt(squares / matrix.shape[1]).astype(dtype)[:, None])[0]
    }  # fmt: skip
    return FuzzyClusters(
        method="fuzzy_cmeans", patterns=frame.to_images(patterns), maps=frame.to_maps(memberships),
        explained=memberships.mean(0, dtype=np.float64), loss=float(squares.sum() / np.prod(matrix.shape, dtype=float)),
        frame=frame, settings=settings, losses=np.array(model.objectives), host=seen.scan.host,
        mean_pattern=frame.to_images(statistics.mean_pattern[None].astype(dtype))[0],
        totals=frame.to_maps(statistics.totals[:, None].astype(dtype))[0], source=seen, view=view,
        loadings=frame.to_maps(loadings), axes=axes, loading_centres=centres, covariances=covariances,
        pure_fraction=pure_fraction(loadings.astype(np.float64), centres, labels), **more,
    )  # fmt: skip


def _means(matrix, weights, sums):
    """Weighted mean rows (k, n_pixels), one pass; that of all rows for a cluster without weight."""
    used = np.where(sums > 0, weights, 1).astype(weights.dtype)
    totals = used.sum(0, dtype=np.float64)
    return (matrix.transpose_times(used) / totals).T.astype(matrix.dtype)
