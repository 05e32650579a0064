"""Hierarchical clustering on a matrix of distances, and how many groups it holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

__all__ = ["LINKAGES", "Tree", "cut_tree", "make_tree", "tree_of", "widest_gap"]

UNLIKE = 0.6  # distance from which on patterns are never one structure, without n_groups (docs/details); no table
LINKAGES = ("average", "single", "complete", "weighted", "ward")


@dataclass(frozen=True, eq=False)
class Tree:
    """A tree of groups.

    Attributes
    ----------
    linkage : ndarray of float64 (k - 1, 4)
        As SciPy's, for its dendrogram.
    cophenetic : float
        Correlation of the heights at which pairs meet in the tree with their distances: 1 where the tree says all about
        them; NaN for fewer than three leaves or equal distances.
    """

    linkage: np.ndarray
    cophenetic: float


def make_tree(distances, linkage: str = "average") -> Tree:
    """Agglomerative clustering by SciPy.

    Parameters
    ----------
    distances : ndarray (k, k)
        Symmetric, 0 on the diagonal.
    linkage : {"average", "single", "complete", "weighted", "ward"}

    Returns
    -------
    Tree
    """
    distances = np.asarray(distances, np.float64)
    if len(distances) < 2:
        return Tree(np.empty((0, 4)), float("nan"))
    return tree_of(scipy.cluster.hierarchy.linkage(_condensed(distances), linkage), distances)


def tree_of(linkage, distances) -> Tree:
    """The tree of a linkage matrix (k - 1, 4), judged by the distances (k, k) it was made of."""
    if not len(linkage):
        return Tree(np.empty((0, 4)), float("nan"))
    condensed, met = _condensed(distances), scipy.cluster.hierarchy.cophenet(linkage)
    flat = min(np.ptp(condensed), np.ptp(met)) <= 1e-12
    return Tree(linkage, float("nan") if flat else float(np.corrcoef(met, condensed)[0, 1]))


def _condensed(distances):
    return scipy.spatial.distance.squareform((distances + distances.T) / 2, checks=False)


def widest_gap(heights, top: float = UNLIKE) -> float:
    """Where to cut a tree when nobody says: in the middle of the widest gap between the heights of its merges.

    Height 0, at which every leaf is on its own, and `top`, above which nothing is merged, count as heights too, so that "all
    alike" and "all different" are possible answers.

    Parameters
    ----------
    heights : ndarray (k - 1,)
    top : float

    Returns
    -------
    float
    """
    steps = np.sort(np.concatenate([[0.0], np.minimum(heights, top), [top]]))
    gaps = np.diff(steps)
    # Of gaps equally wide the higher one: fewer groups.
    widest = len(gaps) - 1 - int(np.argmax(gaps[::-1]))
    return float(steps[widest : widest + 2].mean())


def cut_tree(tree: Tree, *, n_groups: int | None = None, distance: float | None = None, top: float = UNLIKE):
    """Labels of a tree cut at a distance, into a number of groups, or in its widest gap.

    Parameters
    ----------
    tree : Tree
    n_groups : int, optional
    distance : float, optional
    top : float
        For the widest gap, see `widest_gap`.

    Returns
    -------
    labels : ndarray of int (k,)
        Groups are numbered in the order of their first member.
    height : float
        Where the tree was cut.
    """
    k = len(tree.linkage) + 1
    heights = np.sort(tree.linkage[:, 2])
    if n_groups is not None:
        # Merges that are not monotonic do not occur with these linkages, so that the heights say where to cut.
        labels = scipy.cluster.hierarchy.cut_tree(tree.linkage, n_clusters=n_groups).ravel() if k > 1 else np.zeros(1, int)
        below = heights[k - n_groups - 1] if n_groups < k else 0.0
        above = heights[k - n_groups] if n_groups > 1 else max(1.0, below)
        return _in_order(labels), float((below + above) / 2)
    height = widest_gap(heights, top) if distance is None else float(distance)
    if k == 1:
        return np.zeros(1, int), height
    return _in_order(scipy.cluster.hierarchy.fcluster(tree.linkage, height, "distance")), height


def _in_order(labels):
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), int)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse.ravel()]
