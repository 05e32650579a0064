"""The programs of items 1, 2 and 4 of `engine.py`, each run in a process of its own.

``python engine_peers.py PROGRAM CASE_FOLDER`` prints one line of JSON. Imports, loading and a first run on a tiny scan
come before the clock starts. Programs too slow to be run to the end are timed on `WARM` iterations, after `FIRST` that
do not count.
"""

import json
import os
import sys
import time
import warnings

os.environ.setdefault("TQDM_DISABLE", "1")

import numpy as np
from memory import PeakMemory
from scans import Case

__all__ = ["FIRST", "PROGRAMS", "WARM", "als"]

FIRST, WARM = 5, 20
_TEN_STARTS = {"n_starts": 10, "max_iter": 500, "tol": 0, "init": "nndsvd", "random_state": 0}


def _rules():
    from unmix4d.constraints import NoDarkSpots, SmoothMaps

    return [SmoothMaps(sigma=1), NoDarkSpots()]


def _ours(view, k, **options):
    result = view.nmf(k, **options)
    record = {
        "passes": result.settings["passes"], "compression": result.settings["compression"],
        "iterations": [len(c) for c in result.convergence],
    }  # fmt: skip
    return record, result.patterns, result.maps


def unmix_array(case, constrained=False, **options):
    """unmix4d on the scan in memory."""
    from unmix4d import Unmix, phantoms

    view = case.view(case.counts())
    rules = {"constraints": _rules()} if constrained else {}
    tiny = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data, centre=(4.5, 9.5))
    tiny.nmf(2, max_iter=3, random_state=0, **rules)
    return lambda: _ours(view, case.facts["k"], **rules, **options)


def unmix_lazy(case):
    """unmix4d on a lazy pyxem signal, defaults."""
    import unmix4d  # noqa: F401  (gives the signal its .unmix)

    signal = case.pyxem_signal(lazy=True)
    return lambda: _ours(signal.unmix, case.facts["k"], random_state=0)


def hyperspy_lazy(case):
    """HyperSpy's own lazy ``decomposition(algorithm="NMF")``."""
    from sklearn.decomposition import MiniBatchNMF  # noqa: F401  (imported before the clock starts)

    signal = case.pyxem_signal(lazy=True)
    k, shape = case.facts["k"], signal.data.shape

    def run():
        signal.decomposition(algorithm="NMF", output_dimension=k, print_info=False, random_state=0)
        learned = signal.learning_results
        factors, loadings = np.asarray(learned.factors), np.asarray(learned.loadings)
        return {}, factors.T.reshape(k, *shape[2:]), loadings.T.reshape(k, *shape[:2])

    return run


def _matrix(case):
    counts = case.counts()
    return counts.reshape(-1, np.prod(counts.shape[2:])), counts.shape


def sklearn_whole(case):
    """scikit-learn's NMF with its own defaults, to its own end (nndsvda, tol 1e-4, at most 200 iterations)."""
    from sklearn.decomposition import NMF

    X, shape = _matrix(case)
    model = NMF(case.facts["k"], random_state=0)

    def run():
        maps = model.fit_transform(X)
        return {"iterations": [model.n_iter_]}, model.components_.reshape(-1, *shape[2:]), maps.T.reshape(-1, *shape[:2])

    return run


def warm_sklearn(X, k, first, warm):
    """Seconds per iteration of scikit-learn's "cd" from a random start.

    Two calls go on from the same matrices, one for `first` iterations and one for `warm` more than that: in their
    difference neither the start, nor the checks of the input, nor the error at the end count.
    """
    from sklearn.decomposition import NMF

    def go_on(iterations, **start):
        model = NMF(k, init="custom" if start else "random", max_iter=iterations, tol=0, random_state=0)
        started = time.perf_counter()
        maps = model.fit_transform(X, **{name: part.copy() for name, part in start.items()})
        return time.perf_counter() - started, maps, model.components_

    _, maps, patterns = go_on(first)
    short, _, _ = go_on(first, W=maps, H=patterns)
    long, _, _ = go_on(first + warm, W=maps, H=patterns)
    return (long - short) / warm


def sklearn_warm(case):
    """scikit-learn's "cd", a few warm iterations."""
    X, _ = _matrix(case)
    return lambda: ({"per_iteration": warm_sklearn(X, case.facts["k"], FIRST, WARM)}, None, None)


def als(X, k, iterations, on_patterns=None, on_maps=None, seed=0):
    """The textbook: least squares for patterns and maps in turn on the full data, each clipped and then projected.

    The published protocol (Kimoto 2025, steps 3 to 7), which has the mean squared error in every iteration. Written with
    the pseudo-inverse of the thin factor, a product with the data each; ``numpy.linalg.lstsq`` on the data takes twenty
    times as long.

    Returns
    -------
    maps, patterns, the seconds of every iteration, and the errors
    """
    maps, seconds, errors = np.random.default_rng(seed).random((len(X), k)), [], []
    for _ in range(iterations):
        started = time.perf_counter()
        patterns = np.maximum(np.linalg.pinv(maps) @ X, 0)
        patterns = patterns if on_patterns is None else on_patterns.project(patterns)
        patterns /= np.linalg.norm(patterns, axis=1, keepdims=True)
        maps = np.maximum(X @ np.linalg.pinv(patterns), 0)
        maps = maps if on_maps is None else on_maps.project(maps)
        errors.append(float(np.mean((X - maps @ patterns) ** 2)))
        seconds.append(time.perf_counter() - started)
    return maps, patterns, seconds, errors


def naive(case, constrained=False):
    """`als` in double precision, with the projections of our own constraints where asked for."""
    X, shape = _matrix(case)
    rules = [rule.bind(case.view(case.lazy_counts()).geometry) for rule in _rules()] if constrained else []
    on = {f"on_{rule.on}": rule for rule in rules}

    def run():
        # The copy in double precision is part of what it needs.
        maps, patterns, seconds, _ = als(X.astype(np.float64), case.facts["k"], FIRST + WARM, **on)
        record = {"per_iteration": float(np.mean(seconds[FIRST:])), "iterations": [FIRST + WARM]}
        return record, patterns.reshape(-1, *shape[2:]), maps.T.reshape(-1, *shape[:2])

    return run


PROGRAMS = {
    "unmix4d": lambda case: unmix_array(case, **_TEN_STARTS),
    "unmix4d-constrained": lambda case: unmix_array(case, constrained=True, **_TEN_STARTS),
    "unmix4d-defaults": lambda case: unmix_array(case, random_state=0),
    "unmix4d-constrained-defaults": lambda case: unmix_array(case, constrained=True, random_state=0),
    "unmix4d-lazy": unmix_lazy,
    "hyperspy-lazy": hyperspy_lazy,
    "sklearn-whole": sklearn_whole,
    "sklearn-warm": sklearn_warm,
    "als-warm": naive,
    "als-constrained-warm": lambda case: naive(case, constrained=True),
}


def _judged(case, patterns, maps):
    """Scores and loss, computed in the same way for every program."""
    from peers import exact_loss

    from unmix4d.scores import pattern_cosine, score

    view = case.view(case.counts())
    truth = case.truth(case.detector_mask(case.lazy_counts()))
    result = score((patterns, maps), truth)
    return {
        "loss": exact_loss(view, patterns, maps),
        "map_correlation": result.map_correlation.tolist(),
        "pattern_cosine": result.pattern_cosine.tolist(),
        "best_cosine": pattern_cosine(patterns, truth.patterns).tolist(),
    }


def main(program, folder):
    """Prepare, run, judge."""
    case = Case(folder)
    run = PROGRAMS[program](case)
    with warnings.catch_warnings(), PeakMemory() as memory:
        warnings.simplefilter("ignore")  # "did not converge": the iterations are what is asked for
        started = time.perf_counter()
        record, patterns, maps = run()
        seconds = time.perf_counter() - started
    record = {"seconds": seconds, "extra": memory.extra, "peak": memory.peak_of_process, **record}
    del run
    if patterns is not None:
        record.update(_judged(case, patterns, maps))
    print(json.dumps(record))


if __name__ == "__main__":
    main(*sys.argv[1:])
