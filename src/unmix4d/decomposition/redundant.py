"""Components that are mixtures of other components."""

from __future__ import annotations

import numpy as np

from .factorisation import gram_of
from .nnls import nnls_rows

__all__ = ["drop_explained"]


def drop_explained(maps, patterns, explained: float = 0.97):
    """Leave out components whose pattern is a non-negative mixture of the other patterns, most mixed first.

    Their maps go to the components they are made of, so that the sum of squares hardly grows. Where grains overlap, a
    factorisation with too many components has some for the overlap itself; merging could only give those to one grain.

    Parameters
    ----------
    maps : ndarray (k, n_positions)
    patterns : ndarray (k, n_pixels)
    explained : float
        Share of the squares of a pattern that the mixture must explain; 1 leaves nothing out.

    Returns
    -------
    maps, patterns, dropped : ndarray, ndarray, int
    """
    alive = (maps.sum(axis=1) > 0) & (patterns.sum(axis=1) > 0)
    maps, patterns = np.array(maps[alive]), np.array(patterns[alive])
    if explained >= 1:
        return maps, patterns, 0
    gram, left = gram_of(patterns), list(range(len(patterns)))
    shares = _all_explained(gram)
    dropped = 0
    while len(left) > 2:
        best = max(range(len(left)), key=lambda i: shares[i][0])
        if shares[best][0] < explained:
            break
        gone = left.pop(best)
        _, mixture = shares.pop(best)
        for other, amount in mixture:
            maps[other] += maps.dtype.type(amount) * maps[gone]
        # Only mixtures that leaned on what is gone have changed.
        for i, (_, parts) in enumerate(shares):
            if any(other == gone for other, _ in parts):
                shares[i] = _explained(gram, left, i)
        dropped += 1
    return maps[left], patterns[left], dropped


def _all_explained(gram):
    """`_explained` of every pattern by all others, at once."""
    # Patterns have no negative scalar products: an entry whose right-hand side is 0 stays 0, so that none explains itself.
    cross = gram * (1 - np.eye(len(gram)))
    amounts = nnls_rows(cross, gram)
    shares = (2 * (amounts * cross).sum(1) - ((amounts @ gram) * amounts).sum(1)) / np.diag(gram)
    return [(float(share), [(int(j), row[j]) for j in np.flatnonzero(row)]) for share, row in zip(shares, amounts)]


def _explained(gram, left, i):
    """Share of the i-th pattern that the others explain, and how: (component, amount) pairs."""
    here, others = left[i], left[:i] + left[i + 1 :]
    cross = gram[here, others]
    inner = gram[np.ix_(others, others)]
    amounts = nnls_rows(cross[None], inner)[0]
    share = (2 * amounts @ cross - amounts @ inner @ amounts) / gram[here, here]
    return float(share), [(other, amount) for other, amount in zip(others, amounts) if amount > 0]
