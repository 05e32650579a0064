"""What other programs can do, told by letting them do it: a small task with a known answer each."""

from __future__ import annotations

import contextlib
import io
import warnings

import numpy as np

__all__ = [
    "hyperspy_keeps_out_a_mask", "pyxem_clusters_disks", "pyxem_merges", "pyxem_separates", "runs",
]  # fmt: skip


def runs(task) -> bool:
    """Whether a task comes to its answer; what is not there cannot be called."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")  # the host's own
        try:
            return bool(task())
        except (AttributeError, ImportError):
            return False


def _blobs():
    """Two maps, the first of two separate regions, and their patterns."""
    rows, cols = np.indices((24, 24))

    def blob(row, col):
        return np.exp(-((rows - row) ** 2 + (cols - col) ** 2) / 8.0)

    return np.stack([blob(5, 5) + blob(18, 6), blob(12, 18)]), np.stack([blob(4, 4), blob(18, 18)])


def pyxem_merges():
    """Two halves of one component, alike in map and pattern, become one; the other stays."""
    from hyperspy.signals import Signal2D
    from pyxem.signals import LearningSegment

    maps, patterns = _blobs()
    halves = np.stack([0.5 * maps[0], 0.4 * maps[0], maps[1]]), np.stack([patterns[0], 0.9 * patterns[0], patterns[1]])
    merged = LearningSegment(factors=Signal2D(halves[1]), loadings=Signal2D(halves[0])).correlate_learning_segments()
    return np.allclose(merged.loadings.data, [0.9 * maps[0], maps[1]])


def pyxem_separates():
    """The two regions of one map become two maps."""
    from hyperspy.signals import Signal2D
    from pyxem.signals import LearningSegment

    maps, patterns = _blobs()
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
