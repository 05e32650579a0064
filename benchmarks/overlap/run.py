"""Overlap against the truth: where two grains are at the same position, beside the authors' definition on the same maps.

::

    python benchmarks/overlap/run.py [--only N ...] [--quick] [--data DIR] [--out FILE.md]

Prints Markdown tables. The silver film is skipped with its reason where the data folder is absent.
"""

import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from common.command import parser, run
from common.peers import best_fit
from common.scans import film_view
from common.tables import markdown_table

_THRESHOLDS = (0.75, 0.8, 0.85, 0.9, 0.95)
_OVERLAPS = (0.2, 0.4, 0.6, 0.8)
_PRESENT = 0.15  # of the largest thickness: when a phantom's grain counts as present
_ATOMS = 3
# What is called in each row: (label, arguments of Decomposition.overlap)
CALLS = {
    "authors: global min-max of the maps, no rule of noise or background": {
        "scale": "minmax", "min_weight": None, "background": "keep",
    },
    "`overlap()`, the default": {},
    "the same without the rule of noise": {"min_weight": None},
    "`scale=\"minmax\"`, the rule of noise": {"scale": "minmax"},
    "`scale=\"minmax\", min_weight=0.15`": {"scale": "minmax", "min_weight": _PRESENT},
    "the default, but for `background=\"keep\"`": {"background": "keep"},
}  # fmt: skip


def judge(ratio, truth):
    """Average precision over all ratios (NaN last), and (precision, recall) at the paper's thresholds."""
    from sklearn.metrics import average_precision_score

    score = np.where(np.isnan(ratio), -1.0, ratio)
    points = []
    for level in _THRESHOLDS:
        found = score >= level
        both = np.count_nonzero(found & truth)
        points.append((both / found.sum() if found.any() else np.nan, both / truth.sum()))
    return average_precision_score(truth.ravel(), score.ravel()), points


def rows_of(result, truth, weights):
    """Judgements of every definition on the maps of a result, and on two stacks of weights with a known answer."""
    from unmix4d.maps import two_largest

    out = {}
    for label, call in CALLS.items():
        out[label] = judge(result.overlap(**call).ratio, truth)
    for label, maps in weights.items():
        out[label] = judge(two_largest(maps)[0], truth)
    return out


def means(judged):
    """Mean of several judgements of one definition."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nothing found at a threshold in any of them
        points = np.nanmean([points for _, points in judged], axis=0)
        return float(np.nanmean([value for value, _ in judged])), points


def table(found):
    """Markdown of {label: (average precision, points)}."""
    header = ["definition", "average precision", *[f"≥ {level:g}" for level in _THRESHOLDS]]
    rows = []
    for label, (value, points) in found.items():
        cells = ["-" if np.isnan(recall) else f"{precision:.2f} / {recall:.2f}" for precision, recall in points]
        rows.append([label, f"{value:.3f}", *cells])
    return markdown_table(header, rows)


def film_item(args, folder, report, goals):
    """Sixteen overlapping grains of silver, multislice simulation."""
    view, thickness = film_view(args.data)
    truth = (thickness > _ATOMS).sum(axis=0) > 1
    report(f"## 1. Silver film\n\nTwo or more grains above {_ATOMS} atoms: {100 * truth.mean():.1f} % of the positions "
           "(the average precision of a guess).\n")  # fmt: skip
    features = view.angular_average()
    weights = {
        "oracle: non-negative fit given the true maps, its weights (AA)": best_fit(features.matrix().gather(), thickness),
        "the true thickness itself": thickness,
    }
    results = {
        "Angular averages, `merge_nmf().consensus()`": lambda: features.merge_nmf(
            n_runs=4 if args.quick else 12, random_state=0
        ).consensus(),
        "Angular averages, `nmf(17)`": lambda: features.nmf(17, random_state=0),
        "Pixels binned by 4, `nmf(17)`": lambda: view.prepare(bin=4).nmf(17, random_state=0),
    }
    for label, answer in results.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = answer()
        report(f"{label}, {result.k} components:\n\n{table(rows_of(result, truth, weights))}\n")
        weights = {}


def phantom_item(args, folder, report, goals):
    """Polycrystals of known grains, the number of components told."""
    seeds = (50,) if args.quick else (50, 51, 52, 53)
    report(f"## 2. Polycrystal phantoms\n\n`phantoms.polycrystal`, seeds {seeds[0]} to {seeds[-1]}, which no setting was "
           "chosen on; 12 grains and an amorphous background,\n`prepare(direct_beam=4).nmf(13)`. Two or more grains above "
           f"{_PRESENT} of the largest thickness. Average precision: means over\nthe seeds for each `overlap=`; precision / "
           "recall: means over all of them.\n")  # fmt: skip
    cases = {
        "3000 electrons a pattern": {"dose": 3e3},
        "300 electrons a pattern": {"dose": 3e2},
        "3000 electrons a pattern, a third of the scan vacuum": {"dose": 3e3, "vacuum": True},
        "300 electrons a pattern, a third of the scan vacuum": {"dose": 3e2, "vacuum": True},
    }
    for label, options in cases.items():
        share, named, judged = [], 0, {}
        for overlap in _OVERLAPS:
            shares = []
            for seed in seeds:
                result, maps = _phantom(overlap, seed, **options)
                truth = (maps > _PRESENT * maps.max()).sum(axis=0) > 1
                shares.append(truth.mean())
                named += bool(result.overlap().background)
                for name, found in rows_of(result, truth, {"the true maps": maps}).items():
                    judged.setdefault(name, {}).setdefault(overlap, []).append(found)
            share.append(f"{100 * np.mean(shares):.0f}")
        report(f"{label}: two grains in {', '.join(share)} % of the positions; `overlap()` took a component for background "
               f"in {named} of {len(seeds) * len(_OVERLAPS)} scans.\n\n{_phantom_table(judged)}\n")  # fmt: skip


def _phantom_table(judged):
    header = ["definition", *[f"overlap {overlap}" for overlap in _OVERLAPS], *[f"≥ {level:g}" for level in _THRESHOLDS]]
    rows = []
    for label, found in judged.items():
        values = [f"{means(found[overlap])[0]:.3f}" for overlap in _OVERLAPS]
        points = means([one for each in found.values() for one in each])[1]
        rows.append([label, *values, *[f"{precision:.2f} / {recall:.2f}" for precision, recall in points]])
    return markdown_table(header, rows)


def _phantom(overlap, seed, *, dose, vacuum=False):
    from unmix4d import Unmix, phantoms

    film = phantoms.polycrystal(n_grains=12, overlap=overlap, direct_beam=0.3, dose=None, seed=seed)
    expected, maps = film.data * (dose / film.patterns[0].sum()), film.maps[1:].copy()
    if vacuum:
        gone = np.zeros(film.scan_shape, bool)
        gone[: film.scan_shape[0] // 3] = True
        # A little of the background is left: stray electrons, without any crystal.
        expected = np.where(gone[:, :, None, None], 0.1 * dose * film.patterns[0] / film.patterns[0].sum(), expected)
        maps[:, gone] = 0
    counts = np.random.default_rng(seed).poisson(expected).astype(np.uint16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Unmix(counts, centre=film.centre).prepare(direct_beam=4).nmf(13, random_state=0), maps


ITEMS = {1: film_item, 2: phantom_item}
INTRODUCTION = """# Overlap

Made by `python benchmarks/overlap/run.py`; every number is measured. "Two grains here" is told from the ratio
of the second to the largest weight: average precision over all ratios (no ratio counts as lowest), then
precision / recall at the thresholds of the paper. All rows of a table have the same maps, but for oracle and
truth. What the numbers say is in [the page on overlap](../../docs/overlap.md).
"""


def main(arguments=None):
    """Run the items; returns the exit code."""
    line = parser(__doc__, items=ITEMS, quick="one phantom of each kind, few runs on the film")
    return run(ITEMS, INTRODUCTION, line.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
