"""Fuzzy clusters of measured patterns and of measured Bragg vectors.

``python benchmarks/fuzzy_measured.py [--data DIR] [--figures DIR] [--out FUZZY_MEASURED.md]``
"""

import argparse
import os
import sys
import tempfile
import warnings
from pathlib import Path

os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np  # noqa: E402
from scans import sped_scan  # noqa: E402
from tables import machine_facts, markdown_table  # noqa: E402

from unmix4d import Unmix, UnmixWarning, scores  # noqa: E402

HERE = Path(__file__).resolve().parent
CLUSTERS = {
    "fuzzy c-means": {}, "Gustafson-Kessel": {"covariance": "gustafson-kessel"}, "high contrast 0.5": {"contrast": 0.5},
}  # fmt: skip


def silver(data, figures):
    """Five measured grain patterns mixed by softened grain maps, and the empty rest: six clusters."""
    with tempfile.TemporaryDirectory() as folder:
        case = sped_scan(data, Path(folder) / "sped")
        counts, names = case.counts(), case.facts["names"]
        truth = np.load(case.folder / "truth.npz")
        maps, patterns = truth["maps"], truth["patterns"]
    view = case.view(counts)
    results = {name: view.fuzzy_cmeans(6, random_state=0, **options) for name, options in CLUSTERS.items()}
    results["six loadings, m = 1.5"] = view.fuzzy_cmeans(6, m=1.5, random_state=0)
    results["NMF"] = view.nmf(5, random_state=0)
    results["VCA"] = view.vca(6, random_state=0)
    rows = []
    for name, result in results.items():
        pairs, r = scores.match_maps(result.maps, maps)
        cosine = scores.pattern_cosine(np.nan_to_num(result.patterns), np.where(np.isnan(result.patterns[0]), 0, patterns))
        pure = [f"{100 * result.pure_fraction[i]:.0f}" if hasattr(result, "pure_fraction") else "-" for i in pairs]
        rows.append([name, *(f"{a:.2f} / {b:.3f}" for a, b in zip(r, cosine)), ", ".join(pure)])
    validity = view.fuzzy_validity(range(2, 10), random_state=0)
    if figures:
        first = results["fuzzy c-means"]
        first.plot().savefig(figures / "silver_clusters.png", dpi=80)
        first.plot_scatter(1, 2).figure.savefig(figures / "silver_scatter.png", dpi=90)
        validity.plot()[0].figure.savefig(figures / "silver_validity.png", dpi=90)
    return markdown_table(("map r / pattern cosine", *names, "pure, %"), rows), validity


def cathode(data, figures):
    """Bragg vectors of a battery cathode."""
    import py4DSTEM

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        vectors = py4DSTEM.read(str(data / "cathode_bragg_vectors.h5"))
        view = Unmix(vectors, step=1, step_unit="px")
        validity = view.fuzzy_validity(range(2, 10), random_state=0)
        results = {name: view.fuzzy_cmeans(4, random_state=0, **options) for name, options in CLUSTERS.items()}
    rows = []
    for name, result in results.items():
        regions = result.grains(min_size=25, background="keep")
        shares, pure = (", ".join(f"{100 * v:.0f}" for v in values) for values in (result.explained, result.pure_fraction))
        rows.append([name, shares, pure, len(regions.masks), f"{result.validity['xie_beni']:.2f}"])
    if figures:
        first = results["fuzzy c-means"]
        first.plot().savefig(figures / "cathode_clusters.png", dpi=80)
        first.plot_scatter(0, 1).figure.savefig(figures / "cathode_scatter.png", dpi=90)
        validity.plot()[0].figure.savefig(figures / "cathode_validity.png", dpi=90)
    header = ("4 clusters", "share of memberships, %", "pure, %", "regions of 25 positions", "Xie-Beni")
    return markdown_table(header, rows), validity


def votes(validity):
    """The votes of the indices in words."""
    named = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in validity.votes.items())
    return f"Numbers of clusters the indices are best at, of 2 to 9: {named}."


def main(arguments=None):
    line = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    line.add_argument("--data", type=Path, default=HERE / ".." / ".." / "shared" / "data")
    line.add_argument("--figures", type=Path, help="draw into this folder")
    line.add_argument("--out", type=Path, default=HERE / "FUZZY_MEASURED.md")
    options = line.parse_args(arguments)
    if not (options.data / "sped_ag_grain_patterns.hspy").exists():
        print(f"skipped: the measured data are not in {options.data}")
        return 0
    if options.figures:
        options.figures.mkdir(parents=True, exist_ok=True)
    parts = ["# Fuzzy clusters of measured data", "Made by `python benchmarks/fuzzy_measured.py`.", machine_facts()]
    warnings.simplefilter("ignore", UnmixWarning)  # purity is in the tables
    table, validity = silver(options.data, options.figures)
    parts += [
        "## Silver, scanning precession diffraction\n\nFive measured patterns of grains times their grain maps (Gaussian, "
        "sigma 2 positions), Poisson, 2e4 counts a pattern,\n208 x 64 positions; direct beam masked. Outside the grains "
        "there is nothing, which is a sixth cluster.",
        table, votes(validity),
    ]  # fmt: skip
    try:
        table, validity = cathode(options.data, options.figures)
    except ImportError:
        parts.append("The Bragg vectors need py4DSTEM, which is not installed.")
    else:
        head = "## Battery cathode, Bragg vectors\n\n80 x 58 positions, 121 390 vectors; no truth."
        parts += [head, table, votes(validity)]
    text = "\n\n".join(parts) + "\n"
    print(text)
    options.out.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
