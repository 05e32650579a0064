"""What the items of `polycrystals.py` share: the silver film, scores as table cells, an oracle."""

import time

import numpy as np
from real_input import Skipped

__all__ = ["HEADER", "cells", "film", "oracle", "scored", "timed"]

HEADER = ["program", "k told", "k", "map r", "found", "TPR_G", "TNR_G", "IoU", "ARI", "time (s)"]


def film(data):
    """View of the silver film (direct beam masked) and the thickness of its grains."""
    from unmix4d import Unmix

    path = data / "ag_film_overlap.npz"
    if not path.exists():
        raise Skipped(f"{path.name} is not in the data folder")
    with np.load(path) as file:
        facts = {"pixel_size": float(file["k_step"]), "pixel_unit": "1/A", "step": float(file["step"]), "step_unit": "A"}
        return Unmix(file["counts"], centre=(68, 68), **facts).prepare(direct_beam=10), file["thickness"]


def scored(maps, truth, least=None):
    """Scores of maps (k, rows, cols) or of a result, as a dict."""
    from unmix4d.scores import grain_scores

    return grain_scores(maps, truth, least=least).as_dict()


def cells(label, told, maps, truth, seconds, least=None):
    """A row of the table, and the scores."""
    s, k = scored(maps, truth, least), len(getattr(maps, "maps", maps))
    ari = s.get("ARI", s.get("ari", float("nan")))
    row = [label, told, k, f"{s['mean_map_correlation']:.3f}", f"{s['found']} of {len(truth)}", f"{s['TPR_G']:.3f}",
           f"{s['TNR_G']:.3f}", f"{s['IoU']:.3f}", f"{ari:.3f}", "-" if seconds is None else f"{seconds:.1f}"]  # fmt: skip
    return row, s


def oracle(values, truth):
    """Maps of the best non-negative fit: patterns for the true maps, then maps for those patterns."""
    from unmix4d.decomposition.nnls import nnls_rows

    maps = truth.reshape(len(truth), -1).T.astype(float)
    maps = np.column_stack([maps, np.ones(len(maps))])
    patterns = nnls_rows(values.T @ maps, maps.T @ maps).T.astype(float)
    fitted = nnls_rows(values @ patterns.T, patterns @ patterns.T)
    return fitted[:, :-1].T.reshape(truth.shape)


def timed(function):
    """The answer of a call, and the seconds it took."""
    started = time.perf_counter()
    return function(), time.perf_counter() - started
