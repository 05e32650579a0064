"""Programs that unmix the silver film, for item 1 of `grains.py`, each in a process of its own.

``python grains_programs.py PROGRAM DATA FOLDER SEED RUNS INITIAL`` prints the scores of one program as JSON. Imports and
loading come before the clock starts. INITIAL is the number of components that merging starts with, where a program has to
be told.
"""

import json
import os
import sys
import time
import warnings
from functools import partial
from pathlib import Path

os.environ.setdefault("TQDM_DISABLE", "1")

import numpy as np
from grains_tools import Clock, film, oracle, scored

__all__ = ["AUTOMATIC", "DISKS", "OTHERS", "PY4DSTEM", "SKLEARN", "TOLD"]

TOLD = 17  # sixteen grains and what is everywhere
AUTOMATIC, PY4DSTEM, ORACLE = "automatic", "py4dstem", "oracle"
OTHERS = ("published", "rv", "aa-rv", "pixels")
DISKS = ("bd", "aa-bd")
SKLEARN = ("sklearn-aa-none", "sklearn-aa-minmax", "sklearn-aa-poisson", "sklearn-pixels", "unmix4d-nmf")
_PATIENCE = 150  # seconds for the models of py4DSTEM; more are extrapolated
_THRESHOLD = 0.45  # of the correlation of maps; Bruefach 2022 has 0.4 to 0.5 for angular averages


def automatic(scan, folder, *, seed, runs, initial):
    """Everything automatic: features, merging, consensus, grains."""
    clock = Clock()
    with clock("features"):
        features = scan.view.angular_average()
        features.matrix()
    with clock("merge_nmf"):
        one = features.merge_nmf(n_runs=runs, random_state=seed)
    with clock("consensus"):
        agreed = one.consensus()
    with clock("grains"):
        grains = agreed.grains()
        assert len(grains.table["area"]) == len(grains)
    np.savez(Path(folder) / f"automatic-{seed}.npz", maps=agreed.intensities)
    more = {"stages": clock.seconds, "initial": int(one.settings["initial_components"]), "grains": len(grains)}
    return [(agreed, clock.total, more), (one, clock.total - sum(clock.seconds[s] for s in ("consensus", "grains")), {})]


def merged(make, scan, folder, *, seed, runs, initial, start="auto", **options):
    """Merging NMF on some features, then the consensus."""
    clock = Clock()
    with clock("features"):
        features = make(scan)
        features.matrix()
    with clock("rest"):
        result = features.merge_nmf(start or initial, n_runs=runs, random_state=seed, **options).consensus()
    more = {"initial": int(result.settings["initial_components"]), "features": clock.seconds["features"]}
    return [(result, clock.total, more)]


def _disks(scan):
    # Found where the direct beam is to be seen: its size is that of the disks. Vectors that short are left out afterwards.
    found = scan.whole.bragg_disks(detector="py4dstem")
    return scan.view.bragg_disks(found.features.disks)


def _with_disks(scan):
    return scan.view.angular_average().concatenate(_disks(scan))


def _with_variance(scan):
    return scan.view.angular_average().concatenate(scan.view.radial_variance(), weights=[1, 0.3])


def sklearn(make, scan, folder, *, seed, runs, initial):
    """scikit-learn's NMF, told k; its fit alone is timed."""
    from sklearn.decomposition import NMF

    values = make(scan).matrix().gather()
    started = time.perf_counter()
    maps = NMF(TOLD, random_state=seed, max_iter=500).fit_transform(values)
    return [(_images(maps, scan), time.perf_counter() - started, {})]


def plain(scan, folder, *, seed, runs, initial):
    """unmix4d's own NMF, told k."""
    clock = Clock()
    with clock("all"):
        result = scan.view.angular_average().nmf(TOLD, random_state=seed)
    return [(result, clock.total, {})]


def py4dstem(scan, folder, *, seed, runs, initial):
    """py4DSTEM's iterative NMF on the same angular averages: its best model, and its own consensus."""
    from py4DSTEM.process.classification.featurization import Featurization

    values = scan.view.angular_average().matrix().gather().astype(np.float64)
    theirs = Featurization(values, *scan.thickness.shape[1:], "angular averages")

    def fit(models):
        started = time.perf_counter()
        theirs.NMF(initial, models, merge_thresh=_THRESHOLD, max_iterations=20)
        return time.perf_counter() - started

    first = fit(1)
    models = int(np.clip(_PATIENCE // first, 1, runs))
    seconds = fit(models) if models > 1 else first
    more = {"models": models, "measured": seconds, "initial": initial}
    each = [_images(maps, scan) for maps in theirs.W]
    rank = [scored(maps, scan.thickness, scan.least)["mean_map_correlation"] for maps in each]
    answers = [(each[int(np.argmax(rank))], seconds / models * runs, more)]
    theirs.get_class_ims("NMF")
    theirs.spatial_separation(25, method="yen")
    theirs.consensus(method="median")
    return [*answers, (np.array(theirs.consensus_clusters), seconds / models * runs, {})]


def best_possible(scan, folder, *, seed, runs, initial):
    """The oracle: what a non-negative fit gives that is told the true maps."""
    values = scan.view.angular_average().matrix().gather().astype(np.float64)
    return [(oracle(values, scan.thickness), float("nan"), {})]


def _images(maps, scan):
    return maps.T.reshape(-1, *scan.thickness.shape[1:])


def _angular(scan, scaling="poisson"):
    return scan.view.angular_average(scaling=scaling)


def _pixels(scan):
    return scan.view.prepare(bin=2)


PROGRAMS = {
    AUTOMATIC: automatic,
    "published": partial(merged, _angular, start=None, as_published=True),
    "rv": partial(merged, lambda scan: scan.view.radial_variance()),
    "aa-rv": partial(merged, _with_variance),
    "bd": partial(merged, _disks),
    "aa-bd": partial(merged, _with_disks),
    "pixels": partial(merged, _pixels),
    **{f"sklearn-aa-{kind}": partial(sklearn, partial(_angular, scaling=kind)) for kind in ("none", "minmax", "poisson")},
    "sklearn-pixels": partial(sklearn, _pixels),
    "unmix4d-nmf": plain,
    PY4DSTEM: py4dstem,
    ORACLE: best_possible,
}


def main(program, data, folder, seed, runs, initial):
    """Load, run, judge."""
    scan = film(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = PROGRAMS[program](scan, folder, seed=int(seed), runs=int(runs), initial=int(initial))
        rows = [{**scored(maps, scan.thickness, scan.least), "seconds": s, **more} for maps, s, more in found]
    print(json.dumps({"rows": rows}))


if __name__ == "__main__":
    main(*sys.argv[1:])
