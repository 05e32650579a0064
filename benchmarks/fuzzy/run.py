"""Fuzzy clustering beside its peers: time per iteration, shapes of clusters, many positions.

::

    python benchmarks/fuzzy/run.py [--only N ...] [--quick] [--out FILE.md]

Prints Markdown tables, and under each what was to be reached and what was. The exit code is 1 when a goal is missed.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is imported
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import psutil
from common.command import parser, run
from common.process import timed
from common.tables import markdown_table
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from unmix4d import FuzzyCMeans
from unmix4d.clustering.fuzzy import fuzzy_cmeans
from unmix4d.clustering.memberships import membership_rule


def loadings(n, d=5, c=5, seed=0, spread=2.0):
    """Round clusters that touch, and which point is in which."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(c, size=n)
    return rng.uniform(-10, 10, (c, d))[labels] + spread * rng.standard_normal((n, d)), labels


def stretched(n=3000, seed=0):
    """Two long clusters side by side and one across their ends."""
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((3, n, 2)) * [1.6, 0.35]
    points[2] = points[2][:, ::-1]
    return (points + np.array([(0, 0), (0, 3.0), (5.5, 1.5)])[:, None]).reshape(-1, 2), np.repeat(np.arange(3), n)


def per_iteration(points, iterations, repeats=5):
    """Milliseconds per iteration, the least of some repeats, and objectives after convergence."""
    rule = membership_rule(2.0)
    ours, kessel, sharp = (
        min(
            timed(lambda o=options: fuzzy_cmeans(points, 5, max_iter=iterations, tol=0, **o))[1] for _ in range(repeats)
        ) / iterations
        for options in (
            {"rule": rule}, {"rule": rule, "covariance": "gustafson-kessel"}, {"rule": membership_rule(2.0, 0.5)},
        )
    )  # fmt: skip
    rows = [["unmix4d, fuzzy c-means", f"{1e3 * ours:.2f}", ""]]
    note, ratio, apart = "scikit-fuzzy is not installed: `pip install scikit-fuzzy`", None, None
    try:
        import skfuzzy
    except ImportError:
        pass
    else:
        times, counts = [], []
        for _ in range(repeats):
            answer, seconds = timed(lambda: skfuzzy.cmeans(points.T, 5, 2.0, error=0, maxiter=iterations, seed=0))
            times.append(seconds / answer[5])
            counts.append(answer[5])
        # Until both have settled: then the objectives are comparable.
        peer = skfuzzy.cmeans(points.T, 5, 2.0, error=1e-9, maxiter=1000, seed=0)[4][-1]
        mine = fuzzy_cmeans(points, 5, rule=rule, n_starts=3, tol=1e-9, max_iter=1000).objective
        ratio, apart = min(times) / ours, abs(mine - peer) / peer
        rows.append(["scikit-fuzzy, fuzzy c-means", f"{1e3 * min(times):.2f}", f"{ratio:.1f} x"])
        note = f"Objectives after convergence: {mine:.8g} and {peer:.8g}, relative difference {apart:.0e}."
    rows += [
        ["unmix4d, Gustafson-Kessel", f"{1e3 * kessel:.2f}", f"{kessel / ours:.1f} x"],
        ["unmix4d, high contrast 0.5", f"{1e3 * sharp:.2f}", f"{sharp / ours:.1f} x"],
    ]
    return rows, note, ratio, apart


def shapes(seeds=(0, 1, 2)):
    """Adjusted Rand index, lowest of the seeds, on stretched clusters."""
    peers = {
        "k-means (scikit-learn)": lambda X: KMeans(3, n_init=10, random_state=0).fit_predict(X),
        "Gaussian mixture (scikit-learn)": lambda X: GaussianMixture(3, n_init=10, random_state=0).fit_predict(X),
        "fuzzy c-means": lambda X: FuzzyCMeans(3, n_starts=10, random_state=0).fit_predict(X),
        "Gustafson-Kessel": lambda X: FuzzyCMeans(3, covariance="gustafson-kessel", n_starts=10, random_state=0).fit_predict(
            X
        ),
        "high contrast 0.5": lambda X: FuzzyCMeans(3, contrast=0.5, n_starts=10, random_state=0).fit_predict(X),
    }
    scans = [stretched(seed=seed) for seed in seeds]
    return {name: min(adjusted_rand_score(y, run(X)) for X, y in scans) for name, run in peers.items()}


def many(n, starts=10):
    """Seconds and peak memory of many starts on many positions, to convergence."""
    points, labels = loadings(n, spread=3.5)
    before = psutil.Process().memory_info().rss
    rows = []
    for name, options in (("fuzzy c-means", {}), ("Gustafson-Kessel", {"covariance": "gustafson-kessel"})):
        model, seconds = timed(lambda o=options: FuzzyCMeans(5, n_starts=starts, random_state=0, **o).fit(points))
        grown = (psutil.Process().memory_info().rss - before) / 1e6
        ari = adjusted_rand_score(labels, model.labels_)
        rows.append([name, f"{seconds:.1f}", model.n_iter_, f"{ari:.3f}", f"{grown:.0f}"])
    return rows


def iteration_item(args, folder, report, goals):
    """Item 1."""
    n = 8192 if args.quick else 65536
    rows, note, ratio, apart = per_iteration(loadings(n)[0], 20)
    report(f"## 1. Time per iteration, {n} x 5 loadings, 5 clusters\n\n" + markdown_table(("", "ms", "ratio"), rows))
    report(f"\n{note}")
    if ratio is None:
        goals.missing("times faster than scikit-fuzzy", "it is not installed")
        return
    goals("times faster than scikit-fuzzy", ratio, least=2.5)
    goals("relative difference of the objectives", apart, most=1e-6, form="{:.0e}")


def shapes_item(args, folder, report, goals):
    """Item 2."""
    found = shapes()
    report(
        "## 2. Stretched clusters\n\nThree clusters, 4.6 times as long as wide, two of them side by side; adjusted Rand "
        "index, the lowest of three seeds.\n\n"
        + markdown_table(("", "ARI"), [[name, f"{v:.3f}"] for name, v in found.items()])
    )
    goals("ARI of Gustafson-Kessel", found["Gustafson-Kessel"], least=0.99)


def many_item(args, folder, report, goals):
    """Item 3."""
    n = 50_000 if args.quick else 1_000_000
    rows = many(n)
    report(
        f"## 3. Ten starts on {n} positions\n\n5 loadings, 5 clusters that overlap. Starts run on a sample of 65536, the "
        "best goes on with all until it has settled.\nMemory is what the process has grown by, memberships included.\n\n"
        + markdown_table(("", "s", "iterations of the best", "ARI", "MB"), rows)
    )
    goals("seconds of ten starts, fuzzy c-means", float(rows[0][1]), most=60, form="{:.1f}")


ITEMS = {1: iteration_item, 2: shapes_item, 3: many_item}
INTRODUCTION = """# Fuzzy clustering

Made by `python benchmarks/fuzzy/run.py`; one run, one thread of linear algebra.
"""


def main(arguments=None):
    """Run the items; returns the exit code."""
    return run(ITEMS, INTRODUCTION, parser(__doc__, items=ITEMS).parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
