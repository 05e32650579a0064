"""The programs of items 1, 2 and 4, each run in a separate process.

``run_script("engine/programs.py", PROGRAM, CASE_FOLDER)``. Imports, loading and a first run on a tiny scan come before the
clock starts. Programs too slow to be run to the end are timed on `WARM` iterations, after `FIRST` that do not count.
"""

import json
import sys

import numpy as np
from common.judge import exact_loss, scored
from common.peers import als, both_constraints, hyperspy_nmf, randomised_nmf, seconds_per_iteration, sklearn_nmf
from common.process import measured
from common.scans import Case

__all__ = ["FIRST", "PROGRAMS", "WARM"]

FIRST, WARM = 5, 20
_TEN_STARTS = {"n_starts": 10, "max_iter": 500, "tol": 0, "init": "nndsvd", "random_state": 0}


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
    rules = {"constraints": both_constraints()} if constrained else {}
    tiny = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data, centre=(4.5, 9.5))
    tiny.nmf(2, max_iter=3, random_state=0, **rules)
    return lambda: _ours(view, case.facts["k"], **rules, **options)


def unmix_lazy(case):
    """unmix4d on a lazy pyxem signal, defaults."""
    import unmix4d  # noqa: F401  (gives the signal its .unmix)

    signal = case.pyxem_signal(lazy=True)
    return lambda: _ours(signal.unmix, case.facts["k"], random_state=0)


def hyperspy_lazy(case):
    """HyperSpy's own lazy NMF."""
    from sklearn.decomposition import MiniBatchNMF  # noqa: F401  (imported before the clock starts)

    signal = case.pyxem_signal(lazy=True)
    return lambda: ({}, *hyperspy_nmf(signal, case.facts["k"]))


def _matrix(case):
    counts = case.counts()
    return counts.reshape(-1, np.prod(counts.shape[2:])), counts.shape


def sklearn_whole(case):
    """scikit-learn's NMF with its own defaults, to its own end (nndsvda, tol 1e-4, at most 200 iterations)."""
    from sklearn.decomposition import NMF  # noqa: F401  (imported before the clock starts)

    X, shape = _matrix(case)

    def run():
        maps, patterns, iterations = sklearn_nmf(X, case.facts["k"])
        return {"iterations": [iterations]}, patterns.reshape(-1, *shape[2:]), maps.T.reshape(-1, *shape[:2])

    return run


def sklearn_warm(case):
    """scikit-learn's "cd", a few warm iterations."""
    X, _ = _matrix(case)
    return lambda: ({"per_iteration": seconds_per_iteration(X, case.facts["k"], FIRST, WARM)}, None, None)


def randomised(case):
    """Randomised NMF with its defaults: one random start, 200 iterations."""
    X, shape = _matrix(case)

    def run():
        maps, patterns = randomised_nmf(X, case.facts["k"])
        return {"iterations": [200]}, patterns.reshape(-1, *shape[2:]), maps.T.reshape(-1, *shape[:2])

    return run


def product_pair(case):
    """One product with the scan and one with its transpose, of as many columns as the compression of 0.1.0 had."""
    X, _ = _matrix(case)
    right = np.random.default_rng(0).random((X.shape[1], 2 * case.facts["k"] + 2), np.float32)
    (X @ right).T @ X  # the library is warm
    return lambda: ({"norm": float(np.linalg.norm((X @ right).T @ X))}, None, None)


def naive(case, constrained=False):
    """`als` in double precision, with the projections of our own constraints where asked for."""
    X, shape = _matrix(case)
    rules = [rule.bind(case.view(case.lazy_counts()).geometry) for rule in both_constraints()] if constrained else []
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
    "randomised": randomised,
    "product-pair": product_pair,
    "als-warm": naive,
    "als-constrained-warm": lambda case: naive(case, constrained=True),
}


def _judged(case, patterns, maps):
    """Scores and loss, computed in the same way for every program."""
    from unmix4d.scores import pattern_cosine

    truth = case.truth(case.detector_mask(case.lazy_counts()))
    result = scored(patterns, maps, truth)
    return {
        "loss": exact_loss(case.view(case.counts()), patterns, maps),
        "map_correlation": result.map_correlation.tolist(),
        "pattern_cosine": result.pattern_cosine.tolist(),
        "best_cosine": pattern_cosine(patterns, truth.patterns).tolist(),
    }


def main(program, folder):
    """Prepare, run, judge."""
    case = Case(folder)
    run = PROGRAMS[program](case)
    (record, patterns, maps), seconds, memory = measured(run)
    record = {"seconds": seconds, "extra": memory.extra, "peak": memory.peak_of_process, **record}
    del run
    if patterns is not None:
        record.update(_judged(case, patterns, maps))
    print(json.dumps(record))


if __name__ == "__main__":
    main(*sys.argv[1:])
