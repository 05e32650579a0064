"""How well memberships describe loadings: indices of validity, and how much unmixed signal each cluster rests on."""

from __future__ import annotations

import numpy as np

__all__ = ["INDICES", "validity", "pure_fraction", "PURE"]

INDICES = {
    "partition_coefficient": "higher",
    "partition_entropy": "lower",
    "xie_beni": "lower",
    "hypervolume": "lower",
}
PURE = 0.15  # of another centre, at most, in what is called pure (docs/details); no table


def validity(points, model) -> dict:
    """Indices of validity of a `FuzzyModel` (n_clusters above 1).

    Parameters
    ----------
    points : ndarray (n, d)
    model : FuzzyModel

    Returns
    -------
    dict of float
        ``"partition_coefficient"``: mean of sum u^2, scaled so that 0 is no structure and 1 hard clusters whatever their
        number [2]_. ``"partition_entropy"``: mean of -sum u log u over log(n_clusters), 0 to 1 [1]_. ``"xie_beni"``: sum of
        u^2 d^2 over n times the smallest squared distance of two centres [3]_. ``"hypervolume"``: sum over clusters of
        sqrt(det(covariance)) [4]_, over that of all points taken as one cluster.

    References
    ----------
    .. [1] Bezdek, J. Cybernetics 3 (1973) 58
    .. [2] Dave, Pattern Recognition Letters 17 (1996) 613
    .. [3] Xie and Beni, IEEE Trans. Pattern Anal. Mach. Intell. 13 (1991) 841
    .. [4] Gath and Geva, IEEE Trans. Pattern Anal. Mach. Intell. 11 (1989) 773
    """
    u, c = model.memberships, len(model.centres)
    n, d = points.shape
    coefficient = float(np.square(u).sum() / n)
    entropy = float(-(u * np.log(np.where(u > 0, u, 1))).sum() / n)
    apart = np.square(model.centres[:, None] - model.centres[None]).sum(-1)[~np.eye(c, dtype=bool)]
    squares = np.square(u) * np.stack([np.square(points - centre).sum(1) for centre in model.centres], axis=1)
    all_of_it = np.linalg.slogdet(np.cov(points.T, bias=True).reshape(d, d))[1]
    each = np.array([np.linalg.slogdet(covariance)[1] for covariance in model.covariances])
    return {
        "partition_coefficient": 1 - c / (c - 1) * (1 - coefficient),
        "partition_entropy": entropy / np.log(c),
        "xie_beni": float(squares.sum() / (n * apart.min())) if apart.min() > 0 else np.inf,
        "hypervolume": float(np.exp((each - all_of_it) / 2).sum()) if np.isfinite(all_of_it) else np.nan,
    }


def pure_fraction(points, centres, labels) -> np.ndarray:
    """Share of the points of each cluster that hold next to nothing of any other.

    A point counts as pure when, going from its own centre to any other, it is within 15 % of the way on either side. The
    memberships are not asked: they call a point pure that is near a centre, even when the centre itself is a mixture.

    Parameters
    ----------
    points : ndarray (n, d)
    centres : ndarray (c, d)
    labels : ndarray of int (n,)

    Returns
    -------
    ndarray of float64 (c,)
        NaN for a cluster without points; 1 where there is one cluster only.
    """
    out = np.full(len(centres), np.nan)
    for i, centre in enumerate(centres):
        own = points[labels == i]
        if len(own):
            ways = np.delete(centres, i, axis=0) - centre
            lengths = np.square(ways).sum(1)
            shares = np.abs((own - centre) @ ways[lengths > 0].T) / lengths[lengths > 0]
            out[i] = (shares <= PURE).all(1).mean()
    return out
