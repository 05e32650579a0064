"""What each criterion alone says."""

from __future__ import annotations

import numpy as np

from .knee import loss_knee

__all__ = ["CRITERIA", "STABLE", "COHERENT", "votes_of"]

CRITERIA = ("noise_edge", "held_out", "loss_knee", "distinct", "stable", "coherent")
STABLE = 0.8  # map correlation with every other start (docs/details); no table
COHERENT = 0.5  # Moran's I (docs/details); no table


def votes_of(evidence) -> dict:
    """What each criterion alone says; None where it has no opinion.

    evidence: Evidence.
    Returns dict: ``noise_edge``: directions that stand out of the noise. ``held_out``: where counts that were not fitted are
        most likely. ``loss_knee``: knee of the K-component loss. ``distinct``: the largest number up to which no two
        patterns are nearly the same. ``stable``: the largest number whose components are all found by every start (too few
        components are often less stable than the right number). ``coherent``: up to which all maps are spatially coherent.
        The last three have no opinion where no number fails.
    """
    ks, table = evidence.ks, evidence.table
    return {
        "noise_edge": _within(ks, evidence.above_noise),
        "held_out": int(ks[np.nanargmax(table["held_out"])]) if "held_out" in table else None,
        "loss_knee": loss_knee(ks, table["loss"]),
        "distinct": _before_first(ks, table["near_duplicates"] == 0),
        "stable": _largest(ks, table["worst_stability"] >= STABLE),
        "coherent": _before_first(ks, table["worst_coherence"] >= COHERENT),
    }


def _within(ks, number):
    """The largest number of the range that is not above one, or the smallest of all."""
    below = ks[ks <= number]
    return int(below[-1] if below.size else ks[0])


def _largest(ks, good):
    """The largest number that passes; where all do or none does, nothing can be said."""
    return None if np.all(good) or not np.any(good) else int(ks[np.flatnonzero(good)[-1]])


def _before_first(ks, good):
    """The last number before the first that fails; where all pass or the first fails, nothing can be said."""
    return None if np.all(good) or not good[0] else int(ks[np.flatnonzero(~good)[0] - 1])
