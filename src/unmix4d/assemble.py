"""From the numbers of a solver to a Decomposition: exact loss, scale, images, and the record of the run."""

from __future__ import annotations

import platform
from importlib import metadata

import numpy as np

from . import hosts
from ._version import __version__
from .decomposition.scaling import order_and_scale
from .results import Decomposition

__all__ = ["nmf_result", "svd_result", "run_record"]


def run_record(view, method: str, **arguments) -> dict:
    """Everything needed to repeat a run, in JSON types."""
    scan = view.scan
    frame = scan.frame
    return {
        "method": method,
        **arguments,
        "view": {
            "shape": list(scan.shape),
            "dtype": str(scan.dtype),
            "centre": list(frame.centre),
            "centre_known": frame.centre_known,
            "positions": frame.n_positions,
            "pixels": frame.n_pixels,
            "preparation": [dict(step) for step in scan.steps],
        },
        "versions": {
            "unmix4d": __version__,
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in ("numpy", "scipy", "scikit-learn", "dask")},
            **hosts.versions(scan.host.kind),
        },
    }


def nmf_result(view, matrix, answer, records, settings) -> Decomposition:
    """The best start, ordered and scaled, with the record of all."""
    statistics = matrix.statistics()
    maps, patterns, share = order_and_scale(answer.maps, answer.patterns, statistics.total)
    return _result(
        view, matrix, "nmf", maps, patterns, share, settings, answer.squares,
        losses=np.array([objective for objective, _ in records]), convergence=[history for _, history in records],
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
    return _result(view, matrix, method, maps, svd.right, explained, settings, squares)


def _result(view, matrix, method, maps, patterns, explained, settings, squares, **more):
    frame, statistics = matrix.frame, matrix.statistics()
    root = np.sqrt(squares / matrix.shape[1]).astype(matrix.dtype)
    return Decomposition(
        method=method,
        patterns=frame.to_images(patterns),
        maps=frame.to_maps(maps),
        explained=explained,
        loss=float(squares.sum() / np.prod(matrix.shape, dtype=float)),
        frame=frame,
        settings={**settings, "passes": matrix.passes},
        host=view.scan.host,
        mean_pattern=frame.to_images(statistics.mean_pattern[None].astype(matrix.dtype))[0],
        totals=frame.to_maps(statistics.totals[:, None].astype(matrix.dtype))[0],
        residuals=frame.to_maps(root[:, None])[0],
        source=view,
        **more,
    )
