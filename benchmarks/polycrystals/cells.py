"""Scores of grains as cells of a table."""

__all__ = ["HEADER", "cells", "grain_scores_of"]

HEADER = ["program", "k given", "k", "map r", "found", "TPR_G", "TNR_G", "IoU", "ARI", "time (s)"]


def grain_scores_of(maps, truth, least=None, threshold="same"):
    """Scores of maps (k, rows, cols) or of a result, as a dict."""
    from unmix4d.scores import grain_scores

    return grain_scores(maps, truth, least=least, threshold=threshold).as_dict()


def cells(label, told, maps, truth, seconds, least=None):
    """A row of the table, and the scores."""
    s, k = grain_scores_of(maps, truth, least), len(getattr(maps, "maps", maps))
    ari = s.get("ARI", s.get("ari", float("nan")))
    row = [label, told, k, f"{s['mean_map_correlation']:.3f}", f"{s['found']} of {len(truth)}", f"{s['TPR_G']:.3f}",
           f"{s['TNR_G']:.3f}", f"{s['IoU']:.3f}", f"{ari:.3f}", "-" if seconds is None else f"{seconds:.1f}"]  # fmt: skip
    return row, s
