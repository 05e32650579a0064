"""The scale that components are shown in, and their order."""

from __future__ import annotations

import numpy as np

__all__ = ["order_and_scale"]


def order_and_scale(
    maps: np.ndarray, patterns: np.ndarray, total: float, *, n_fixed: int = 0, keep_scale: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Components by their share of the signal, largest first, each map with maximum 1.

    total: Sum of the data.
    n_fixed: So many components stay the first ones.
    keep_scale: The maps have a scale of their own: nothing is rescaled.
    Returns maps, patterns, share, order: The product maps @ patterns is unchanged. An empty component stays 0. `order` are
        the old indices.
    """
    # Of the whole signal each component accounts for: sum of its map x sum of its pattern / sum of X.
    share = maps.sum(0, dtype=np.float64) * patterns.sum(1, dtype=np.float64)
    share = share / total if total else share * 0
    order = np.concatenate([np.arange(n_fixed), n_fixed + np.argsort(-share[n_fixed:], kind="stable")])
    maps, patterns, share = maps[:, order], patterns[order], share[order]
    if keep_scale:
        return maps, patterns, share, order
    size = maps.max(0).astype(np.float64)
    size[size == 0] = 1
    return (maps / size).astype(maps.dtype), (patterns * size[:, None]).astype(patterns.dtype), share, order
