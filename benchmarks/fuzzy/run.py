"""Fuzzy clustering in one run against its peers: time per iteration, shapes of clusters, many positions.

``python benchmarks/fuzzy.py [--quick] [--out FUZZY.md]``
"""

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("TQDM_DISABLE", "1")

import numpy as np  # noqa: E402
import psutil  # noqa: E402
from sklearn.cluster import KMeans  # noqa: E402
from sklearn.metrics import adjusted_rand_score  # noqa: E402
from sklearn.mixture import GaussianMixture  # noqa: E402
from tables import machine_facts, markdown_table  # noqa: E402

from unmix4d import FuzzyCMeans  # noqa: E402
from unmix4d.clustering.fuzzy import fuzzy_cmeans  # noqa: E402
from unmix4d.clustering.memberships import membership_rule  # noqa: E402

HERE = Path(__file__).resolve().parent


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


def timed(function):
    begin = time.perf_counter()
    answer = function()
    return answer, time.perf_counter() - begin


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
        "Gustafson-Kessel": lambda X: FuzzyCMeans(
            3, covariance="gustafson-kessel", n_starts=10, random_state=0
        ).fit_predict(X),
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


def main(arguments=None):
    line = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    line.add_argument("--quick", action="store_true", help="small sizes: to see that it runs")
    line.add_argument("--out", type=Path, default=HERE / "FUZZY.md")
    options = line.parse_args(arguments)
    n, big = (8192, 50_000) if options.quick else (65536, 1_000_000)
    made = "Made by `python benchmarks/fuzzy.py`; one run, one thread of linear algebra."
    parts = ["# Fuzzy clustering", made, machine_facts()]
    rows, note, ratio, apart = per_iteration(loadings(n)[0], 20)
    parts += [f"## Time per iteration, {n} x 5 loadings, 5 clusters", markdown_table(("", "ms", "ratio"), rows), note]
    found = shapes()
    parts += [
        "## Stretched clusters\n\nThree clusters, 4.6 times as long as wide, two of them side by side; adjusted Rand index, "
        "the lowest of three seeds.",
        markdown_table(("", "ARI"), [[name, f"{value:.3f}"] for name, value in found.items()]),
    ]
    rows = many(big)
    parts += [
        f"## Ten starts on {big} positions\n\n5 loadings, 5 clusters that overlap. Starts run on a sample of 65536, the "
        "best goes on with all until it has settled.\nMemory is what the process has grown by, memberships included.",
        markdown_table(("", "s", "iterations of the best", "ARI", "MB"), rows),
    ]
    goals = [
        ("ratio to scikit-fuzzy", ratio, None if ratio is None else ratio >= 2.5, "at least 2.5"),
        ("relative difference of the objectives", apart, None if apart is None else apart <= 1e-6, "at most 1e-6"),
        ("ARI of Gustafson-Kessel", found["Gustafson-Kessel"], found["Gustafson-Kessel"] >= 0.99, "at least 0.99"),
        ("seconds of ten starts, fuzzy c-means", float(rows[0][1]), float(rows[0][1]) <= 60, "at most 60"),
    ]
    said = {True: "yes", False: "no", None: "not measured"}
    table = [[name, "-" if value is None else f"{value:.3g}", goal, said[held]] for name, value, held, goal in goals]
    parts += ["## Goals", markdown_table(("", "measured", "goal", "reached"), table)]
    text = "\n\n".join(parts) + "\n"
    print(text)
    options.out.write_text(text, encoding="utf-8")
    return int(not options.quick and any(held is False for _, _, held, _ in goals))


if __name__ == "__main__":
    sys.exit(main())
