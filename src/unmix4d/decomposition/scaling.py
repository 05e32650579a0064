"""How components are ordered and scaled once they are found."""

from __future__ import annotations

import numpy as np

__all__ = ["signal_share", "order_and_scale"]


def signal_share(maps, patterns, total) -> np.ndarray:
    """Share of the whole signal that each component accounts for: sum of its map x sum of its pattern / sum of X."""
    shares = maps.sum(0, dtype=np.float64) * patterns.sum(1, dtype=np.float64)
    return shares / total if total else shares * 0


def order_and_scale(maps, patterns, total, *, n_fixed: int = 0, keep_scale: bool = False):
    """Components by their share of the signal, largest first, each map with maximum 1.

    Parameters
    ----------
    maps : ndarray (n_positions, k)
    patterns : ndarray (k, n_pixels)
    total : float
        Sum of the data.
    n_fixed : int
        So many components stay the first ones.
    keep_scale : bool
        The maps have a scale of their own: nothing is rescaled.

    Returns
    -------
    maps, patterns, share, order
        The product maps @ patterns is unchanged. An empty component stays 0. `order` are the old indices.
    """
    share = signal_share(maps, patterns, total)
    order = np.concatenate([np.arange(n_fixed), n_fixed + np.argsort(-share[n_fixed:], kind="stable")])
    maps, patterns, share = maps[:, order], patterns[order], share[order]
    if keep_scale:
        return maps, patterns, share, order
    size = maps.max(0).astype(np.float64)
    size[size == 0] = 1
    return (maps / size).astype(maps.dtype), (patterns * size[:, None]).astype(patterns.dtype), share, order
