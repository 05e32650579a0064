"""The knee of a curve of losses, and the region of interest around it (Cao 2025)."""

from __future__ import annotations

import numpy as np

__all__ = ["REACH", "loss_knee", "region_of_interest"]

REACH = 4  # numbers on either side of the knee (Cao 2025)


def loss_knee(ks, losses) -> int | None:
    """Where a falling curve of losses bends most (Satopaa 2011, by `kneed`).

    Parameters
    ----------
    ks : array-like of int (n,)
        Ascending.
    losses : array-like (n,)

    Returns
    -------
    int or None
        None for fewer than 4 numbers, a curve that does not fall, or one without a knee.

    References
    ----------
    Satopaa et al., ICDCS Workshops (2011) 166, doi:10.1109/ICDCSW.2011.20
    """
    from kneed import KneeLocator

    ks, losses = np.asarray(ks), np.asarray(losses, float)
    if len(ks) < 4 or not np.isfinite(losses).all() or not losses[0] > losses[-1]:
        return None
    found = KneeLocator(ks, losses, curve="convex", direction="decreasing").knee
    return None if found is None else int(found)


def region_of_interest(ks, knee: int | None) -> tuple[int, int]:
    """Smallest and largest number of interest: at most 4 from the knee, within the range; all of it without a knee."""
    low, high = int(min(ks)), int(max(ks))
    return (low, high) if knee is None else (max(low, knee - REACH), min(high, knee + REACH))
