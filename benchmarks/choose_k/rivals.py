"""Other rules for the number of components, each on the same scan and the same numbers as ours."""

import numpy as np

from unmix4d.results.scree import find_noise

__all__ = ["elbow_position", "gap", "our_elbow", "scan_singular_values", "silhouette"]

_MAX_POINTS = 20  # default of HyperSpy
_REFERENCES = 5


def scan_singular_values(view, n=30):
    """Explained variance ratio of the plain SVD, as HyperSpy's decomposition has it by default."""
    return view.scree(n).explained


def elbow_position(explained):
    """HyperSpy's `estimate_elbow_position`, rewritten: the point farthest from the line between the first and the last one.

    Counted from 0; HyperSpy takes this plus 1 as the number of significant components.
    """
    points = min(_MAX_POINTS, len(explained) - 1)
    logs = np.log(np.clip(explained[: points + 1], 1e-30, None))
    numbers = np.arange(points)
    distance = np.abs(points * (logs[0] - logs[:points]) + numbers * (logs[points] - logs[0]))
    return int(np.argmax(distance))


def our_elbow(explained, ks):
    """`Scree.noise_begins`, or the smallest number where it sees none."""
    elbow = find_noise(explained)
    return int(ks[0]) if elbow is None else elbow


def silhouette(view, choice):
    """Largest silhouette of the labels of our own factorisations, in the space of the SVD loadings (Rousseeuw 1987)."""
    from sklearn.metrics import silhouette_score

    loadings = _loadings(view, max(choice.ks))
    scores = []
    for k in choice:
        labels = choice[k].labels().ravel()
        distinct = len(np.unique(labels))
        scores.append(silhouette_score(loadings, labels) if 1 < distinct < len(labels) else -1.0)
    return int(choice.ks[int(np.argmax(scores))])


def gap(view, ks, seed=0):
    """Gap statistic of k-means on the SVD loadings; references uniform in the box of its axes (Tibshirani 2001)."""
    points = _loadings(view, max(ks))
    points = points - points.mean(0)
    points = points @ np.linalg.svd(points, full_matrices=False)[2].T
    rng = np.random.default_rng(seed)
    low, high = points.min(0), points.max(0)
    references = [rng.uniform(low, high, points.shape) for _ in range(_REFERENCES)]
    gaps, errors = [], []
    for k in ks:
        logs = np.array([np.log(_within(reference, k, seed)) for reference in references])
        gaps.append(logs.mean() - np.log(_within(points, k, seed)))
        errors.append(logs.std() * np.sqrt(1 + 1 / _REFERENCES))
    for i in range(len(ks) - 1):
        if gaps[i] >= gaps[i + 1] - errors[i + 1]:
            return int(ks[i])
    return int(ks[-1])


def _within(points, k, seed):
    from sklearn.cluster import KMeans

    return KMeans(int(k), n_init=2, random_state=seed).fit(points).inertia_


def _loadings(view, n):
    maps = view.svd(int(n), random_state=0).maps
    return maps.reshape(len(maps), -1).T.astype(float)
