"""Grains of the silver films by pyxem's own ways from components, and from disks, to grains.

::

    python benchmarks/segments/run.py [--quick] [--data DIR] [--out FILE.md]
"""

import contextlib
import io
import sys
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from common.command import Report, need_files, parser
from common.peers import sklearn_nmf
from common.scans import film_view
from common.tables import machine_facts, markdown_table

FILMS = ("sparse", "overlap", "dense")
INTRODUCTION = """# Segments of pyxem

Made by `python benchmarks/segments/run.py`; every number is measured. Multislice films of silver, 64 x 64 positions, direct
beam masked, bin 2. Mean map correlation r over the true grains (one that is missing counts 0), and in brackets grains with
r > 0.7, number of maps k, and seconds.

- **scikit-learn NMF**: told the number of grains and one more
- **+ correlate**: `LearningSegment.correlate_learning_segments()` of pyxem on it; **+ separate**: then
  `separate_learning_segments(min_size=10, threshold=True)`; their other arguments are their defaults
- **vectors, clustered**: disks found by pyxem (`template_match_disk`, `get_diffraction_vectors`), labelled by DBSCAN in scan
  and detector, and `cluster_labeled_vectors` by the mean place of each label; the map of a cluster is the intensity of its
  disks
- **unmix4d**: `u.angular_average().merge_nmf().consensus()`, which is told nothing, and the masks of its `grains()`
"""
_COLUMNS = ("scikit-learn NMF", "+ correlate", "+ separate", "vectors, clustered", "unmix4d", "unmix4d, grains")


def scored(maps, truth, started):
    """A cell: r (grains found, k, seconds)."""
    from unmix4d.scores import map_correlation

    took = time.perf_counter() - started
    if not len(maps):
        return f"0 (0, k 0, {took:.1f} s)"
    r = map_correlation(np.asarray(maps, float), truth)
    return f"{np.mean(r):.3f} ({int((r > 0.7).sum())}, k {len(maps)}, {took:.1f} s)"


def segments(view, truth):
    """Of components: as they are, merged, merged and separated."""
    from hyperspy.signals import Signal2D
    from pyxem.signals import LearningSegment

    started = time.perf_counter()
    maps, patterns, _ = sklearn_nmf(view.matrix().gather(), len(truth) + 1, max_iter=300)
    maps = view.geometry.to_maps(maps)
    images = np.nan_to_num(view.geometry.to_images(patterns))
    answers = {"scikit-learn NMF": scored(maps, truth, started)}
    merged = LearningSegment(factors=Signal2D(images), loadings=Signal2D(maps)).correlate_learning_segments()
    answers["+ correlate"] = scored(merged.loadings.data, truth, started)
    apart = merged.separate_learning_segments(min_size=10, threshold=True)
    answers["+ separate"] = scored(apart.loadings.data, truth, started)
    return answers


def clustered_vectors(view, truth):
    """Of disks: those that lie together in scan and detector, and of these those that lie together in the scan."""
    from pyxem.signals import ElectronDiffraction2D, LabeledDiffractionVectors2D
    from sklearn.cluster import DBSCAN

    started = time.perf_counter()
    counts = np.asarray(view.scan.patterns, np.float32)
    signal = ElectronDiffraction2D(counts)
    signal.calibration.center = None
    matched = signal.template_match_disk(disk_r=3, show_progressbar=False)
    vectors = matched.get_diffraction_vectors(threshold_abs=0.45, min_distance=3, show_progressbar=False)
    rows, cols = view.geometry.scan_shape
    table = [
        np.column_stack([np.full(len(one), row), np.full(len(one), col), one[:, :2], one[:, 2]])
        for row in range(rows) for col in range(cols) for one in [np.asarray(vectors.data[row, col], float)] if len(one)
    ]  # fmt: skip
    table = np.concatenate(table)
    table = table[np.hypot(table[:, 2], table[:, 3]) > 6]  # pixels: the direct beam
    labels = DBSCAN(eps=2.0, min_samples=12).fit_predict(table[:, :4])
    kept = labels >= 0
    labelled = LabeledDiffractionVectors2D(np.column_stack([table[kept], labels[kept]]))
    labelled.column_names, labelled.units = ["y", "x", "ky", "kx", "intensity", "label"], ["px"] * 6
    found = np.asarray(labelled.cluster_labeled_vectors(method=DBSCAN(eps=2.0, min_samples=2)).data)
    maps = np.zeros((int(found[:, -1].max()) + 1, rows, cols))
    one = found[found[:, -1] >= 0]
    np.add.at(maps, (one[:, -1].astype(int), one[:, 0].astype(int), one[:, 1].astype(int)), one[:, 4])
    return {"vectors, clustered": scored(maps, truth, started)}


def ours(view, truth, n_runs):
    """The consensus, and the masks of its grains."""
    started = time.perf_counter()
    agreed = view.angular_average().merge_nmf(n_runs=n_runs, random_state=0).consensus()
    answers = {"unmix4d": scored(agreed.maps, truth, started)}
    grains = agreed.grains()
    return {**answers, "unmix4d, grains": scored(grains.masks, truth, started)}


def measure(name, args):
    """The row of one film."""
    view, truth = film_view(args.data, name)
    binned = view.prepare(bin=2)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        found = segments(binned, truth) | clustered_vectors(binned, truth) | ours(view, truth, 6 if args.quick else 25)
    return [name, len(truth), *(found[column] for column in _COLUMNS)]


def main(arguments=None):
    """Measure the films."""
    args = parser(__doc__, quick="one film, few runs").parse_args(arguments)
    need_files(args.data, *(f"ag_film_{name}.npz" for name in FILMS))
    report = Report(args.out)
    report(INTRODUCTION)
    report(machine_facts() + "\n")
    report(markdown_table(["film", "grains", *_COLUMNS], [measure(name, args) for name in FILMS[: 1 if args.quick else 3]]))
    report.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
