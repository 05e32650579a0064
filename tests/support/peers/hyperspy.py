"""HyperSpy with pyxem."""

from __future__ import annotations

import importlib

import numpy as np

from . import alike, arguments, blobs, has, mixture, named, sources

__all__ = ["ROWS"]


def _signal(data=None, lazy=False):
    from pyxem.signals import Diffraction2D

    signal = Diffraction2D(mixture()[0] if data is None else data)
    return signal.as_lazy() if lazy else signal


def _decomposed(algorithm, data=None, lazy=False, **options):
    """Maps and patterns that a decomposition finds."""
    signal = _signal(data, lazy)
    signal.decomposition(algorithm=algorithm, output_dimension=2, print_info=False, **options)
    return signal, signal.get_decomposition_loadings().data, signal.get_decomposition_factors().data


def svd():
    data = mixture()[0]
    _, maps, patterns = _decomposed("SVD")
    return np.allclose(np.einsum("kij,kab->ijab", maps, patterns), data, atol=1e-6)


def _nmf(algorithm="NMF", **options):
    _, true_maps, true_patterns = mixture()
    _, maps, patterns = _decomposed(algorithm, **options)
    return alike(maps, true_maps, 0.9) and alike(patterns, true_patterns, 0.9)


def nmf():
    return _nmf(init="nndsvda", max_iter=2000)


def kullback_leibler():
    from sklearn.decomposition import NMF

    return _nmf(NMF(2, init="nndsvda", beta_loss="kullback-leibler", solver="mu", max_iter=2000))


def one_online_pass():
    """It gives maps and patterns of what stays lazy, though not those of a fit that has converged."""
    signal, maps, patterns = _decomposed("NMF", lazy=True)
    return signal._lazy and maps.shape == (2, 9, 10) and patterns.shape == (2, 5, 6) and np.min(patterns) >= 0


def _separated(**options):
    independent, mixed = sources()
    patterns = np.random.default_rng(1).random((2, 3, 4))
    signal = _decomposed("SVD", np.einsum("ik,kab->iab", mixed, patterns).reshape(20, 20, 3, 4))[0]
    signal.blind_source_separation(2, on_loadings=True, print_info=False, **options)
    return alike(signal.get_bss_loadings().data, independent, 0.9)


def ica():
    return _separated()


def on_derivatives():
    return _separated(diff_order=1) and "diff_order" in arguments(_signal().blind_source_separation)


def weights():
    """Of counts, the scaling for Poisson noise changes what is found, and what is found are the counts."""
    counts = np.random.default_rng(0).poisson(2000 * mixture()[0]).astype(float) + 1
    scaled, plain = (_decomposed("SVD", counts, normalize_poissonian_noise=yes)[0] for yes in (True, False))
    scaled, plain = (one.get_decomposition_model().data for one in (scaled, plain))
    return not np.allclose(scaled, plain) and np.abs(scaled - counts).mean() < 0.1 * counts.mean()


def sparse():
    patterns = _decomposed("sparse_pca", random_state=0, alpha=0.5)[2]
    return (patterns == 0).any() and not (patterns == 0).all()


def clusters():
    data = np.zeros((6, 6, 2, 2))
    data[:, 3:] = [[1.0, 0.0], [0.0, 5.0]]
    signal = _signal(data + 0.01 * np.random.default_rng(0).random(data.shape))
    signal.cluster_analysis("signal", n_clusters=2, algorithm="kmeans", n_init=2, random_state=0)
    return alike(signal.get_cluster_labels().data, [np.arange(6) // 3 * np.ones((6, 1))])


def likely_and_robust():
    """Both give back data of two components."""
    data = mixture()[0]
    # After an odd number of iterations the answer of MLPCA is transposed.
    likely = _decomposed("MLPCA", data, var_array=np.full((90, 30), 0.1), max_iter=6)[0]
    robust = _decomposed("RPCA", data, random_state=0)[0]
    return all(np.abs(one.get_decomposition_model().data - data).mean() < 0.02 * data.mean() for one in (likely, robust))


def elbow():
    noisy = mixture()[0] + 1e-3 * np.random.default_rng(0).random((9, 10, 5, 6))
    signal = _signal(noisy)
    signal.decomposition(print_info=False)
    return 1 <= signal.estimate_elbow_position() <= 4


def disks_and_orientations():
    """Two disks are found where they are; what strains and matches all of a scan is there (`tests/orientation` runs it)."""
    row, col = np.indices((40, 40))
    pattern = sum(np.hypot(row - r, col - c) <= 3 for r, c in ((12, 10), (28, 30))).astype(float)
    likeness = _signal(np.tile(pattern, (2, 2, 1, 1))).template_match_disk(disk_r=3, subtract_min=False)
    found = likeness.get_diffraction_vectors(threshold_abs=0.8, min_distance=4)
    found = np.asarray(found.data[0, 1])[:, :2]
    there = {tuple(map(round, one)) for one in found.tolist()}
    known = has(importlib.import_module("pyxem.signals"), "StrainMap", "OrientationMap")
    return there == {(12, 10), (28, 30)} and known


def pyxem_merges():
    """Two halves of one component, alike in map and pattern, become one; the other stays."""
    from hyperspy.signals import Signal2D
    from pyxem.signals import LearningSegment

    maps, patterns = blobs()
    halves = np.stack([0.5 * maps[0], 0.4 * maps[0], maps[1]]), np.stack([patterns[0], 0.9 * patterns[0], patterns[1]])
    merged = LearningSegment(factors=Signal2D(halves[1]), loadings=Signal2D(halves[0])).correlate_learning_segments()
    return np.allclose(merged.loadings.data, [0.9 * maps[0], maps[1]])


def pyxem_separates():
    """The two regions of one map become two maps."""
    from hyperspy.signals import Signal2D
    from pyxem.signals import LearningSegment

    maps, patterns = blobs()
    segments = LearningSegment(factors=Signal2D(patterns), loadings=Signal2D(maps)).separate_learning_segments(
        min_size=4, min_distance=3, threshold=True
    )
    peaks = {tuple(np.unravel_index(one.argmax(), one.shape)) for one in segments.loadings.data}
    return peaks == {(5, 5), (18, 6), (12, 18)}


def pyxem_clusters_disks():
    """Four labelled disks at two places of the scan become two clusters."""
    from pyxem.signals import LabeledDiffractionVectors2D
    from sklearn.cluster import DBSCAN

    places, disks = np.array([(2, 2), (2, 2), (9, 9), (9, 9)]), np.array([(0.1, 0.4), (0.4, 0.1), (0.3, 0.3), (0.2, 0.5)])
    shifts = np.array([(0, 0), (0, 1), (1, 0)])
    data = np.concatenate(
        [
            np.column_stack([place + shifts, np.repeat([disk], 3, 0), np.full(3, i)])
            for i, (place, disk) in enumerate(zip(places, disks))
        ]
    )
    vectors = LabeledDiffractionVectors2D(data)
    vectors.column_names, vectors.units = ["y", "x", "ky", "kx", "label"], ["px"] * 5
    found = vectors.cluster_labeled_vectors(method=DBSCAN(eps=2, min_samples=2))
    labels = np.asarray(found.data)[:, -1].reshape(4, 3)
    return (labels == labels[:, :1]).all() and labels[0, 0] == labels[1, 0] != labels[2, 0] == labels[3, 0]


def hyperspy_keeps_out_a_mask():
    """A pixel that is far too bright takes no part in NMF when it is masked."""
    from pyxem.signals import Diffraction2D

    rng = np.random.default_rng(0)
    clean = np.einsum("ijk,kl->ijl", rng.random((6, 7, 2)), rng.random((2, 20))).reshape(6, 7, 4, 5)
    data, mask = clean.copy(), np.zeros((4, 5), bool)
    data[..., 1, 2], mask[1, 2] = 1e6 * rng.random((6, 7)), True
    signal = Diffraction2D(data)
    signal.decomposition(
        algorithm="NMF", output_dimension=2, signal_mask=Diffraction2D(mask), print_info=False, random_state=0, max_iter=2000
    )
    model = signal.get_decomposition_model().data
    return np.abs(model - clean)[..., ~mask].max() < 0.1


def _takes(name):
    return lambda: name in arguments(_signal().decomposition)


def _called(words):
    return lambda: named(words, type(_signal()))


ROWS = {
    "SVD or PCA": svd,
    "ICA": ica,
    "NMF": nmf,
    "NMF of a scan that stays on disk": one_online_pass,
    "several starts, the best kept": _takes("n_starts"),
    "masks of detector and positions in NMF": hyperspy_keeps_out_a_mask,
    "weights for counting noise": weights,
    "Kullback-Leibler objective": kullback_leibler,
    "your own constraints in NMF": _takes("constraints"),
    "sparse components": sparse,
    "vertex components (VCA)": lambda: '"VCA"' in _signal().decomposition.__doc__ or _called("vca")(),
    "merging of components": pyxem_merges,
    "consensus of many runs": _called("consensus"),
    "NMF of Bragg disks": lambda: importlib.import_module("pyxem.signals").DiffractionVectors.decomposition_of_vectors,
    "classes of disks that occur together": pyxem_clusters_disks,
    "fuzzy c-means": lambda: "fuzzy" in _signal().cluster_analysis.__doc__.lower() or _called("fuzzy")(),
    "other clusterings: k-means, mixtures": clusters,
    "maximum-likelihood and robust PCA": likely_and_robust,
    "blind separation on derivatives": on_derivatives,
    "likelihood of held-out counts": _called("likelihood held_out"),
    "a recommended number of components, with reasons": _called("choose recommend"),
    "an elbow of the scree plot": elbow,
    "rotation-aware grouping of patterns": _called("rotated"),
    "regions of a component separated": pyxem_separates,
    "disk detection, strain, orientation mapping of every pattern": disks_and_orientations,
}
