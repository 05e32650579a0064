"""scikit-learn."""

from __future__ import annotations

import numpy as np
import sklearn.cluster
import sklearn.decomposition as parts
import sklearn.mixture

from . import alike, arguments, mixture, named, sources

__all__ = ["ROWS"]


def _matrix():
    data, maps, patterns = mixture()
    return data.reshape(90, 30), maps.reshape(2, 90), patterns.reshape(2, 30)


def _spanned(model):
    matrix, _, _ = _matrix()
    found = model.fit_transform(matrix) @ model.components_
    return np.allclose(found + getattr(model, "mean_", 0), matrix, atol=1e-6)


def svd_and_pca():
    return _spanned(parts.TruncatedSVD(2, random_state=0)) and _spanned(parts.PCA(2))


def ica():
    independent, mixed = sources()
    return alike(parts.FastICA(2, random_state=0).fit_transform(mixed).T, independent)


def _nmf(**options):
    matrix, maps, patterns = _matrix()
    model = parts.NMF(2, init="nndsvda", max_iter=2000, **options)
    return alike(model.fit_transform(matrix).T, maps, 0.9) and alike(model.components_, patterns, 0.9)


def batches():
    matrix, _, _ = _matrix()
    model = parts.MiniBatchNMF(2, init="nndsvda", random_state=0)
    for _ in range(60):
        for start in (0, 45):
            model.partial_fit(matrix[start : start + 45])
    return np.linalg.norm(model.transform(matrix) @ model.components_ - matrix) < 0.1 * np.linalg.norm(matrix)


def sparse():
    """A penalty makes components sparse."""
    matrix = _matrix()[0] + 0.1
    plain, penalty = (parts.NMF(2, init="nndsvda", max_iter=2000, alpha_H=weight, l1_ratio=1.0) for weight in (0.0, 0.02))
    return (penalty.fit(matrix).components_ == 0).sum() > (plain.fit(matrix).components_ == 0).sum()


def clusters():
    places = np.repeat([[0.0, 0.0], [5.0, 5.0]], 10, axis=0) + np.random.default_rng(0).normal(0, 0.3, (20, 2))
    found = [sklearn.cluster.KMeans(2, n_init=1, random_state=0).fit_predict(places)]
    found.append(sklearn.mixture.GaussianMixture(2, random_state=0).fit_predict(places))
    return all(len(set(one[:10])) == len(set(one[10:])) == 1 and one[0] != one[10] for one in found)


def _called(words):
    return lambda: named(words, parts, sklearn.cluster, sklearn.mixture, parts.NMF)


ROWS = {
    "SVD or PCA": svd_and_pca,
    "ICA": ica,
    "NMF": _nmf,
    "NMF of a scan that stays on disk": batches,
    "several starts, the best kept": lambda: "n_init" in arguments(parts.NMF),
    "masks of detector and positions in NMF": lambda: "mask" in arguments(parts.NMF) | arguments(parts.NMF.fit),
    "weights for counting noise": lambda: {"sample_weight", "weights"} & (arguments(parts.NMF) | arguments(parts.NMF.fit)),
    "Kullback-Leibler objective": lambda: _nmf(beta_loss="kullback-leibler", solver="mu"),
    "your own constraints in NMF": lambda: "constraints" in arguments(parts.NMF),
    "sparse components": sparse,
    "vertex components (VCA)": _called("vertex vca"),
    "merging of components": _called("merge"),
    "consensus of many runs": _called("consensus"),
    "NMF of Bragg disks": _called("bragg"),
    "classes of disks that occur together": _called("bragg"),
    "fuzzy c-means": _called("fuzzy"),
    "other clusterings: k-means, mixtures": clusters,
    "maximum-likelihood and robust PCA": _called("robust mlpca"),
    "blind separation on derivatives": lambda: "diff_order" in arguments(parts.FastICA),
    "likelihood of held-out counts": lambda: named("held_out score", parts.NMF),
    "a recommended number of components, with reasons": _called("choose"),
    "an elbow of the scree plot": _called("elbow"),
    "rotation-aware grouping of patterns": _called("rotated"),
    "regions of a component separated": _called("region"),
    "disk detection, strain, orientation mapping of every pattern": _called("bragg"),
}
