"""py4DSTEM."""

from __future__ import annotations

import inspect
import re

import numpy as np

from . import alike, arguments, blobs, mixture, named, sources

__all__ = ["ROWS"]


def _parts():
    import py4DSTEM.process.classification as classification

    return classification.Featurization, classification.BraggVectorClassification


def _features(seed=0):
    data, maps, patterns = mixture(seed)
    return _parts()[0](data.reshape(90, 30).copy(), 9, 10, "film"), data.reshape(90, 30), maps


def pca():
    features, matrix, _ = _features()
    scores = features.PCA(2, return_results=True)
    return np.allclose((scores**2).sum(), ((matrix - matrix.mean(0)) ** 2).sum())


def ica():
    independent, mixed = sources()
    return alike(_parts()[0](mixed, 20, 20, "film").ICA(2).T, independent)


def nmf():
    features, _, maps = _features()
    (found,) = features.NMF(2, 1, random_seed=0, return_results=True)
    return alike(found.T, maps, 0.9)


def best_of_several():
    features, _, maps = _features()
    return alike(features.NMF(2, 5, save_all_models=False, return_results=True).T, maps, 0.9)


def merges():
    """More components than there are become fewer."""
    rng = np.random.default_rng(0)
    features = _parts()[0](np.repeat(rng.random((90, 4)), 6, axis=1) + 0.01 * rng.random((90, 24)), 9, 10, "film")
    (found,) = features.NMF(8, 1, merge_thresh=0.2, max_iterations=4, random_seed=0, return_results=True)
    return found.shape[1] < 8


def _separated():
    """Maps of two models, the first map of two regions, taken apart."""
    maps, _ = blobs()
    features = _parts()[0](maps.reshape(2, -1).T, 24, 24, "film")
    features.class_ims = [list(maps), list(0.9 * maps)]
    features.spatial_separation(size=5, threshold=0.1, method="otsu")
    return features


def separates():
    peaks = {tuple(np.unravel_index(one.argmax(), one.shape)) for one in _separated().spatially_separated_ims[0]}
    return {tuple(map(int, one)) for one in peaks} == {(5, 5), (18, 6), (12, 18)}


def consensus():
    """The three regions of two models become three of their mean."""
    features = _separated()
    features.consensus(threshold=0.1)
    peaks = sorted(round(float(one.max()), 2) for one in features.consensus_clusters)
    return len(peaks) == 3 and max(peaks) < 0.99


def _classes():
    """Disks of two lattices, each in one half of the scan."""
    from emdfile import PointListArray

    places = np.array([(0, 5), (5, 0), (7, 7), (-7, 7)], float)
    kind = np.dtype([("qx", float), ("qy", float), ("intensity", float)])
    disks = PointListArray(dtype=kind, shape=(4, 6), name="disks")
    for row, col in np.ndindex(4, 6):
        here = places[:2] if col < 3 else places[2:]
        disks.get_pointlist(row, col).add(np.array([(x, y, 1.0) for x, y in here], kind))
    return _parts()[1](disks, places[:, 0], places[:, 1])


def together():
    classes = _classes()
    classes.get_initial_classes_by_cooccurrence(thresh=0.3, BP_fraction_thresh=0.1)
    return sorted(np.flatnonzero(one).tolist() for one in classes.W.T) == [[0, 1], [2, 3]]


def nmf_of_disks():
    classes = _classes()
    halves = np.zeros((4, 6, 2))
    halves[:, :3, 0], halves[:, 3:, 1] = 1, 1
    classes.get_initial_classes_from_images(halves + 0.1)
    classes.nmf(max_iterations=200)
    return alike(classes.H_next, halves.transpose(2, 0, 1), 0.99)


def mixtures():
    places = np.repeat([[0.0, 0.0], [5.0, 5.0]], 10, axis=0) + np.random.default_rng(0).normal(0, 0.3, (20, 2))
    features = _parts()[0](places, 4, 5, "film")
    features.GMM(["full"], [2], 1, random_seed=0)
    labels = features.gmm_labels[0]
    return len(set(labels[:10])) == len(set(labels[10:])) == 1 and labels[0] != labels[10]


def disks_and_orientations():
    """Two disks are found where they are; what matches and strains all of a scan is there (`tests/orientation` runs it)."""
    from py4DSTEM import DataCube
    from py4DSTEM.process.diffraction import Crystal
    from py4DSTEM.process.strain import StrainMap

    row, col = np.indices((40, 40))
    disk = np.hypot(row - 20, col - 20) <= 3
    pattern = sum(np.hypot(row - r, col - c) <= 3 for r, c in ((12, 10), (28, 30))).astype(float)
    kernel = np.fft.ifftshift(disk / disk.sum() - 1 / disk.size)
    cube = DataCube(np.tile(pattern, (1, 2, 1, 1)))
    asked = {"minPeakSpacing": 6, "edgeBoundary": 4, "minRelativeIntensity": 0.2, "subpixel": "pixel", "maxNumPeaks": 2}
    found = cube.find_Bragg_disks(kernel, **asked)
    one = found.raw[0, 1]
    there = {(round(float(x)), round(float(y))) for x, y in zip(one.data["qx"], one.data["qy"])}
    return there == {(12, 10), (28, 30)} and hasattr(Crystal, "match_orientations") and StrainMap


def _says(words):
    return lambda: re.search(words, inspect.getsource(_parts()[0]))


def _called(words):
    def task():
        from py4DSTEM import DataCube

        return named(words, *_parts(), DataCube)

    return task


ROWS = {
    "SVD or PCA": pca,
    "ICA": ica,
    "NMF": nmf,
    "NMF of a scan that stays on disk": _says("dask|zarr|partial_fit"),
    "several starts, the best kept": best_of_several,
    "masks of detector and positions in NMF": lambda: "mask" in arguments(_parts()[0].NMF),
    "weights for counting noise": lambda: "weights" in arguments(_parts()[0].NMF) or _says("[Pp]oisson")(),
    "Kullback-Leibler objective": _says("beta_loss|kullback"),
    "your own constraints in NMF": lambda: "constraints" in arguments(_parts()[0].NMF),
    "sparse components": _says("alpha_W|l1_ratio"),
    "vertex components (VCA)": _called("vca"),
    "merging of components": merges,
    "consensus of many runs": consensus,
    "NMF of Bragg disks": nmf_of_disks,
    "classes of disks that occur together": together,
    "fuzzy c-means": _called("fuzzy"),
    "other clusterings: k-means, mixtures": mixtures,
    "maximum-likelihood and robust PCA": _called("mlpca rpca"),
    "blind separation on derivatives": lambda: "diff_order" in arguments(_parts()[0].ICA),
    "likelihood of held-out counts": _called("likelihood"),
    "a recommended number of components, with reasons": _called("choose recommend"),
    "an elbow of the scree plot": _called("elbow"),
    "rotation-aware grouping of patterns": _called("rotated"),
    "regions of a component separated": separates,
    "disk detection, strain, orientation mapping of every pattern": disks_and_orientations,
}
