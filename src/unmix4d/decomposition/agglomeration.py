"""Which components belong together: pairs merged by how alike their maps and patterns are, the most alike first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Components", "Merge", "gap_threshold", "join_alike", "join_fragments"]

_WINDOW = 0.65, 0.75  # where the threshold is looked for: below it grains merge that only overlap (docs/details)


@dataclass(frozen=True)
class Merge:
    """One step of the tree.

    Attributes
    ----------
    nodes : (int, int)
        What was merged; the i-th merge of k parts makes node k + i.
    map_correlation, pattern_correlation : float
        Pearson, of smoothed maps and of weighted patterns.
    similarity : float
        Their weighted mean.
    k : int
        Number of components after it.
    reason : {"alike", "fragment"}
    """

    nodes: tuple[int, int]
    map_correlation: float
    pattern_correlation: float
    similarity: float
    k: int
    reason: str


class Components:
    """Components that can be merged: only their covariances are needed, which add up.

    Parameters
    ----------
    maps : ndarray (k, n_positions)
        In intensity, smoothed.
    patterns : ndarray (k, n_pixels)
        Weighted, so that noise is even.
    intensity : ndarray (k,)
    pattern_share : float
        Weight of the correlation of patterns; that of maps is 1.
    nodes : sequence of int, optional
        What the components are called in a tree that has begun already; None: 0 to k - 1.
    following : int, optional
        Name of the first node that is made; None: k.
    """

    def __init__(self, maps, patterns, intensity, pattern_share: float, nodes=None, following: int | None = None):
        k = len(maps)
        self.intensity, self._share, self.n_parts = np.array(intensity, np.float64), pattern_share, k
        self._maps = _covariance(maps)
        self._patterns = _covariance(patterns) * np.outer(intensity, intensity)
        self._members: list[tuple[int, ...]] = [(i,) for i in range(k)]
        self._nodes: list[int] = list(range(k) if nodes is None else nodes)
        self._next = k if following is None else following

    @property
    def members(self) -> tuple:
        """Parts of every component, in the order of its first part."""
        return tuple(sorted(tuple(sorted(m)) for m in self._members))

    @property
    def nodes(self) -> list[int]:
        """Nodes of the tree, in the order of `members`."""
        return [node for _, node in sorted((tuple(sorted(m)), node) for m, node in zip(self._members, self._nodes))]

    def __len__(self):
        return len(self._members)

    def similarity(self) -> np.ndarray:
        """(k, k): (correlation of maps + share * correlation of patterns) / (1 + share); -1 on the diagonal."""
        table = (_pearson(self._maps) + self._share * _pearson(self._patterns)) / (1 + self._share)
        np.fill_diagonal(table, -1)
        return table

    def merge(self, i: int, j: int, reason: str) -> Merge:
        """Merge two components: their maps in intensity, and their patterns times it, add up."""
        on_maps, on_patterns = (float(_pearson(c[np.ix_([i, j], [i, j])])[0, 1]) for c in (self._maps, self._patterns))
        similarity = (on_maps + self._share * on_patterns) / (1 + self._share)
        nodes = self._nodes[i], self._nodes[j]
        for table in (self._maps, self._patterns):
            table[i] += table[j]
            table[:, i] += table[:, j]
        self._maps, self._patterns = (np.delete(np.delete(c, j, 0), j, 1) for c in (self._maps, self._patterns))
        self.intensity[i] += self.intensity[j]
        self.intensity = np.delete(self.intensity, j)
        self._members[i] += self._members[j]
        self._nodes[i] = self._next
        self._next += 1
        del self._members[j], self._nodes[j]
        return Merge(nodes, on_maps, on_patterns, similarity, len(self), reason)

    def copy(self) -> Components:
        """Components to merge on trial."""
        other = object.__new__(Components)
        other.__dict__.update({k: v.copy() if isinstance(v, (np.ndarray, list)) else v for k, v in self.__dict__.items()})
        return other


def join_alike(components: Components, threshold: float) -> list[Merge]:
    """Merge the most similar pair, again and again, until no pair is above the threshold.

    Parameters
    ----------
    components : Components
        Changed.
    threshold : float

    Returns
    -------
    list of Merge
    """
    return _join(components, threshold, "alike", components.similarity)


def join_fragments(components: Components, size: float, threshold: float) -> list[Merge]:
    """Merge fragments, components of little intensity, into the component each is most similar to.

    Parameters
    ----------
    components : Components
        Changed.
    size : float
        A fragment has less than this share of the typical intensity, the mean weighted with the intensity itself.
    threshold : float
        Least similarity.

    Returns
    -------
    list of Merge
    """

    def of_fragments():
        weight = components.intensity
        small = weight < size * (weight**2).sum() / weight.sum()
        return np.where(small[:, None] | small, components.similarity(), -1)

    return _join(components, threshold, "fragment", of_fragments)


def _join(components, threshold, reason, similarity):
    history = []
    while len(components) > 1:
        table = similarity()
        i, j = sorted(np.unravel_index(table.argmax(), table.shape))
        if not table[i, j] > threshold:
            break
        history.append(components.merge(int(i), int(j), reason))
    return history


def gap_threshold(components: Components, window=_WINDOW) -> float:
    """The middle of the widest gap between the similarities at which pairs merge, looked for within a window.

    Without any merge in the window it is the middle of the window.

    Parameters
    ----------
    components : Components
        Not changed.
    window : (float, float)

    Returns
    -------
    float
    """
    trial = components.copy()
    heights = [merge.similarity for merge in join_alike(trial, window[0])]
    # A later merge may be at a higher similarity: what counts is the lowest so far, which a threshold has to pass.
    heights = np.minimum.accumulate(heights) if heights else np.array([])
    edges = np.unique(np.concatenate([window, heights[heights < window[1]]]))
    widest = np.diff(edges).argmax()
    return float((edges[widest] + edges[widest + 1]) / 2)


def _covariance(rows):
    rows = np.asarray(rows)
    centred = rows - rows.mean(axis=1, keepdims=True, dtype=np.float64).astype(rows.dtype)
    return (centred @ centred.T).astype(np.float64)


def _pearson(covariance):
    size = np.sqrt(np.maximum(np.diag(covariance), 0))
    product = np.outer(size, size)
    return np.divide(covariance, product, out=np.zeros_like(covariance), where=product > 0)
