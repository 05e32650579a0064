"""Item 3: every k from 2 to 30 on one compression, against scikit-learn once per k.

``run_script("engine/ranks.py", "ours", CASE_FOLDER, LARGEST, ITERATIONS, REFIT)`` and ``run_script("engine/ranks.py",
"sklearn", CASE_FOLDER, K)`` are the two programs, each in a separate process.
"""

import json
import sys
import time
import warnings

import numpy as np
from common.judge import scored
from common.memory import PeakMemory
from common.peers import seconds_per_iteration, sklearn_nmf
from common.process import run_script, timed
from common.scans import Case
from common.tables import markdown_table, megabytes, whole
from scan import make_case

__all__ = ["ranks_item"]

_LARGEST = {False: 30, True: 8}
_TIMED = {False: (2, 8, 16, 30), True: (2, 4, 8)}  # k at which scikit-learn is timed
_FIRST, _WARM = 2, 5
_SKLEARN_DEFAULT, _MANY = 200, 500  # iterations


def _quality(case, patterns, maps):
    result = scored(patterns, maps, case.truth(case.detector_mask(case.lazy_counts())))
    return {"map_r": result.mean_map_correlation, "found": result.found}


def _ours(case, largest, iterations, refit):
    """All k on one compression; `iterations` 0: the defaults; `refit` 0: without the refit to the scan."""
    view, found, refit = case.view(case.counts()), {}, bool(refit)
    options = {"max_iter": iterations, "tol": 0} if iterations else {}
    with PeakMemory() as memory:
        started = time.perf_counter()
        compression = view.compress(2 * largest + 2)
        compressed = time.perf_counter() - started
        series = view.nmf_series(range(2, largest + 1), compression=compression, refit=refit, random_state=0, **options)
        seconds = time.perf_counter() - started
    for result in series.values():
        found[result.k] = {
            "iterations": len(result.convergence[0]), "limit": result.settings["max_iter"],
            **_quality(case, result.patterns, result.maps),
        }  # fmt: skip
    passes = compression.matrix.passes
    return {"seconds": seconds, "compression": compressed, "extra": memory.extra, "passes": passes, "ranks": found}


def _sklearn(case, k):
    """A few warm iterations, and one whole run with its own defaults."""
    counts = case.counts()
    X = counts.reshape(-1, np.prod(counts.shape[2:]))
    each = seconds_per_iteration(X, k, _FIRST, _WARM)
    (maps, patterns, iterations), seconds = timed(lambda: sklearn_nmf(X, k))
    patterns, maps = patterns.reshape(-1, *counts.shape[2:]), maps.T.reshape(-1, *counts.shape[:2])
    return {"per_iteration": each, "seconds": seconds, "iterations": iterations, **_quality(case, patterns, maps)}


def _time_table(ours, many, sklearn, ks):
    """The comparison, its ratio with the own default limit of iterations of either program, and with equal ones."""
    made = np.array([ours["ranks"][str(k)]["iterations"] for k in ks])
    limit = ours["ranks"][str(ks[0])]["limit"]
    each = np.interp(ks, list(sklearn), [s["per_iteration"] for s in sklearn.values()])
    how = f"extrapolated from {_WARM} iterations at k = {', '.join(map(str, sklearn))}"
    spread = f"{made.min()} to {made.max()}, mean {made.mean():.0f}"
    rows = [
        ["unmix4d, defaults", spread, whole(ours["seconds"]), "measured", "1"],
        [f"unmix4d, tol=0, {_MANY} iterations", _MANY, whole(many["seconds"]), "measured", "1"],
    ]
    ratios = {}
    for label, iterations, reference in (
        ("as many as unmix4d's defaults made", made, ours),
        (f"{limit}, unmix4d's default max_iter", limit, ours),
        (f"{_SKLEARN_DEFAULT}, scikit-learn's default max_iter", _SKLEARN_DEFAULT, ours),
        (f"{_MANY} for both", _MANY, many),
    ):
        seconds = float((each * iterations).sum())
        ratios[label] = seconds / reference["seconds"]
        rows.append(["scikit-learn cd", label, whole(seconds), how, f"{ratios[label]:.1f}"])
    header = ["program", "iterations per k", "time of all k (s)", "time is", "times unmix4d"]
    return markdown_table(header, rows), list(ratios.values())[2], list(ratios.values())[3]


def _quality_table(ours, sklearn, n_true):
    rows = []
    for k, theirs in sklearn.items():
        own = ours["ranks"][str(k)]
        rows.append([
            k, f"{own['map_r']:.3f}", f"{own['found']} of {n_true}", own["iterations"], f"{theirs['map_r']:.3f}",
            f"{theirs['found']} of {n_true}", theirs["iterations"], whole(theirs["seconds"]),
            whole(theirs["per_iteration"] * theirs["iterations"]),
        ])  # fmt: skip
    header = ["k", "unmix4d map r", "found", "iterations", "scikit-learn map r", "found", "iterations", "time (s)",
              "of which its iterations, extrapolated (s)"]  # fmt: skip
    return markdown_table(header, rows)


def ranks_item(args, folder, report, goals):
    """Item 3."""
    largest = _LARGEST[args.quick]
    report(f"## 3. k = 2 to {largest}, one start each\n")
    case = make_case(folder / "scan", args.quick)
    ours = run_script("engine/ranks.py", "ours", case.folder, largest, 0, 1)
    many = run_script("engine/ranks.py", "ours", case.folder, largest, _MANY, 1)
    sklearn = {k: run_script("engine/ranks.py", "sklearn", case.folder, k) for k in _TIMED[args.quick]}
    table, defaults, equal = _time_table(ours, many, sklearn, range(2, largest + 1))
    report(
        f"The scan of item 1. `c = u.compress({2 * largest + 2})`, then\n"
        f"`u.nmf_series(range(2, {largest + 1}), compression=c)`: the compression "
        f"({whole(ours['compression'])} s) and the exact refit\n"
        "of every k to the scan count.\n"
        f"{ours['passes']} passes in all, extra memory "
        f"{megabytes(ours['extra'])} MB with all results kept. scikit-learn is timed at some k and "
        f"interpolated between;\n"
        "unmix4d stops when nothing changes by more than 1e-3, so what is compared is said in every row.\n"
    )
    report(table)
    report("\nMean map correlation over the true components, and how many are found (r > 0.7); scikit-learn's "
    "own whole\n"
           "run (nndsvda, tol 1e-4, at most 200 iterations):\n")  # fmt: skip
    report(_quality_table(ours, sklearn, len(case.facts["names"])))
    goals(f"times faster than scikit-learn cd, {_MANY} iterations per k for both", equal, least=100, form="{:.0f}")
    goals("times faster than scikit-learn cd, either with its own default max_iter", defaults, least=100, form="{:.0f}")


if __name__ == "__main__":
    _program, _folder, *_rest = sys.argv[1:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        print(json.dumps({"ours": _ours, "sklearn": _sklearn}[_program](Case(_folder), *map(int, _rest))))
