"""Kimoto 2025, Fig. 9 over many layouts: how many amorphous components are left, mean and spread instead of one case.

``python benchmarks/reproduce/kimoto_layouts.py [--layouts 10] [--starts 10] [--iterations 500] [--out FILE.md]``
"""

import sys

import numpy as np
from _measures import view_of
from _report import Fact, Report, parser, run
from kimoto_fig9 import CONSTRAINED, CONSTRAINTS, PRIMITIVE, SHARE, K, measure

from unmix4d import phantoms

STILL = 1e-4  # an iteration that changes neither factor by more ends a start: constrained ones after some 80 iterations
SHOWN = ("n", "structures", "amorphous", "pure", "ari")
NAMES = ("groups", "of them crystals", "amorphous components", "components of one crystal", "ARI of these")


def best(view, constraints, starts, iterations):
    """The start with the smallest error; all from the same compression of the scan."""
    low = view.compress(2 * (2 * K + 1), weights="none", smooth=0, constraints=constraints())
    options = {"init": "random", "max_iter": iterations, "tol": STILL, "compression": low}
    found = (view.nmf(K, constraints=constraints(), random_state=seed, **options) for seed in range(starts))
    return min(found, key=lambda answer: answer.loss)


def layout(seed, options):
    """What Fig. 9 shows of one layout, for both variants."""
    size = {"layout": "precipitates", "n_grains": options.precipitates, "scan_shape": (58, 58)}
    phantom = phantoms.rotated_phases(**size, share=SHARE, dose=1e4, seed=seed)
    view = view_of(phantom)
    found = {
        name: measure(best(view, CONSTRAINTS[name], options.starts, options.iterations), phantom)
        for name in (PRIMITIVE, CONSTRAINED)
    }
    for name, values in found.items():
        print(seed, name, *(f"{key} {values[key]:.3g}" for key in SHOWN), sep=", ", file=sys.stderr, flush=True)
    return found


def make(options):
    """The report."""
    found = [layout(seed, options) for seed in range(options.layouts)]
    rows = []
    for name in (PRIMITIVE, CONSTRAINED):
        values = np.array([[float(one[name][key]) for key in SHOWN] for one in found])
        rows.append([name, *(f"{m:.2f} +- {s:.2f} ({low:g} to {high:g})" for m, s, low, high in zip(
            values.mean(axis=0), values.std(axis=0), values.min(axis=0).round(3), values.max(axis=0).round(3)
        ))])  # fmt: skip
    count = {name: np.array([one[name]["amorphous"] for one in found]) for name in (PRIMITIVE, CONSTRAINED)}
    crystals = {name: np.array([one[name]["pure"] for one in found]) for name in (PRIMITIVE, CONSTRAINED)}
    four = sum(one[name]["n"] == 4 for one in found for name in (PRIMITIVE, CONSTRAINED))
    n = options.layouts
    facts = [
        Fact("four groups in both dendrograms", f"{four} of {2 * n}", four > 1.6 * n),
        Fact("primitive: four amorphous components (k = 0 to 3) in one group",
             f"{count[PRIMITIVE].mean():.1f} on average; four in {(count[PRIMITIVE] == 4).sum()} of {n}",
             abs(count[PRIMITIVE].mean() - 4) < 1, expected=False),
        Fact("constrained: one amorphous component", f"one in {(count[CONSTRAINED] == 1).sum()} of {n}",
             (count[CONSTRAINED] == 1).mean() > 0.5),
        Fact("constrained: fewer amorphous components than primitive",
             f"{count[CONSTRAINED].mean():.1f} and {count[PRIMITIVE].mean():.1f} on average",
             count[CONSTRAINED].mean() < count[PRIMITIVE].mean()),
        Fact("constrained: more crystals are found",
             f"{crystals[CONSTRAINED].mean():.1f} and {crystals[PRIMITIVE].mean():.1f}",
             crystals[CONSTRAINED].mean() > crystals[PRIMITIVE].mean()),
    ]  # fmt: skip
    return Report(
        "Kimoto 2025, Fig. 9 over layouts",
        f"As Fig. 9, for {n} layouts of {options.precipitates} precipitates; the best of {options.starts} random starts of "
        f"{options.iterations} iterations, or fewer where nothing changes by more than {STILL:g} any more (the paper: one "
        "layout, 10 starts of 500). Mean +- standard deviation (range).",
        [("", ("nk = 30", *NAMES), rows)], facts,
        ["How many amorphous components are left depends on the layout: nk less the crystals that can be distinguished."],
    )  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(run(make, parser(__doc__, layouts=10, starts=10, iterations=500, precipitates=32)))
