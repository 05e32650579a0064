"""Fuzzy clusters of measured patterns and of measured Bragg vectors.

::

    python benchmarks/fuzzy_measured/run.py [--only N ...] [--quick] [--data DIR] [--figures DIR] [--out FILE.md]
"""

import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from common.command import parser, run
from common.scans import cathode_vectors, sped_scan
from common.tables import markdown_table

from unmix4d import Unmix, UnmixWarning, scores

CLUSTERS = {
    "fuzzy c-means": {}, "Gustafson-Kessel": {"covariance": "gustafson-kessel"}, "high contrast 0.5": {"contrast": 0.5},
}  # fmt: skip


def silver_item(args, folder, report, goals):
    """Five measured grain patterns mixed by softened grain maps, and the empty rest: six clusters."""
    case, figures = sped_scan(args.data, folder / "sped"), args.figures
    counts, names = case.counts(), case.facts["names"]
    truth = case.truth(None)
    maps, patterns = truth.maps, truth.patterns
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
    validity = view.fuzzy_validity(_numbers(args), random_state=0)
    if figures:
        first = results["fuzzy c-means"]
        first.plot()[0, 0].figure.savefig(figures / "silver_clusters.png", dpi=80)
        first.plot_scatter(1, 2).figure.savefig(figures / "silver_scatter.png", dpi=90)
        validity.plot()[0].figure.savefig(figures / "silver_validity.png", dpi=90)
    report(
        "## 1. Silver, scanning precession diffraction\n\nFive measured patterns of grains times their grain maps "
        "(Gaussian, sigma 2 positions), Poisson, 2e4 counts a pattern,\n208 x 64 positions; direct beam masked. Outside the "
        "grains there is nothing, which is a sixth cluster.\n\n"
        + markdown_table(("map r / pattern cosine", *names, "pure, %"), rows) + "\n\n" + votes(validity)
    )  # fmt: skip


def cathode_item(args, folder, report, goals):
    """Bragg vectors of a battery cathode."""
    vectors, figures = cathode_vectors(args.data), args.figures
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        view = Unmix(vectors, step=1, step_unit="px")
        validity = view.fuzzy_validity(_numbers(args), random_state=0)
        results = {name: view.fuzzy_cmeans(4, random_state=0, **options) for name, options in CLUSTERS.items()}
    rows = []
    for name, result in results.items():
        regions = result.grains(min_size=25, background="keep")
        shares, pure = (", ".join(f"{100 * v:.0f}" for v in values) for values in (result.explained, result.pure_fraction))
        rows.append([name, shares, pure, len(regions.masks), f"{result.validity['xie_beni']:.2f}"])
    if figures:
        first = results["fuzzy c-means"]
        first.plot()[0, 0].figure.savefig(figures / "cathode_clusters.png", dpi=80)
        first.plot_scatter(0, 1).figure.savefig(figures / "cathode_scatter.png", dpi=90)
        validity.plot()[0].figure.savefig(figures / "cathode_validity.png", dpi=90)
    header = ("4 clusters", "share of memberships, %", "pure, %", "regions of 25 positions", "Xie-Beni")
    report(
        "## 2. Battery cathode, Bragg vectors\n\n80 x 58 positions, 121 390 vectors; no truth.\n\n"
        + markdown_table(header, rows) + "\n\n" + votes(validity)
    )  # fmt: skip


def _numbers(args):
    """Numbers of clusters that the indices choose from."""
    return range(2, 5 if args.quick else 10)


def votes(validity):
    """The votes of the indices in words."""
    named = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in validity.votes.items())
    return f"Numbers of clusters the indices are best at, of {min(validity.models)} to {max(validity.models)}: {named}."


ITEMS = {1: silver_item, 2: cathode_item}
INTRODUCTION = """# Fuzzy clusters of measured data

Made by `python benchmarks/fuzzy_measured/run.py`.
"""


def main(arguments=None):
    """Run the items; returns the exit code."""
    line = parser(__doc__, items=ITEMS, quick="indices of 2 to 4 clusters only")
    line.add_argument("--figures", metavar="DIR", type=Path, help="draw into this folder")
    args = line.parse_args(arguments)
    if args.figures:
        args.figures.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore", UnmixWarning)  # purity is in the tables
    return run(ITEMS, INTRODUCTION, args)


if __name__ == "__main__":
    sys.exit(main())
