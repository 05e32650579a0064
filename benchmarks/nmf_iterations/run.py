"""How many iterations NMF needs: error, change and score against truth per iteration, on standard phantoms.

::

    python benchmarks/nmf_iterations/run.py [--quick] [--out FILE.md]

It is where the defaults of ``nmf`` (``max_iter``, ``tol``) can be judged: the error goes on falling when the maps no longer
come closer to the truth.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from common.command import Report, parser
from common.tables import markdown_table

from unmix4d import Unmix, phantoms, scores

CASES = ("kimoto_A", "kimoto_C", "twins", "embedded", "direct_beam", "polycrystal_15_mid", "polycrystal_40_high")
ITERATIONS = (5, 10, 20, 50, 100, 200)


def view_of(phantom):
    """The phantom with its direct beam masked, where it has one."""
    view = Unmix(phantom.data, centre=phantom.centre)
    return view.prepare(direct_beam=4) if phantom.settings.get("direct_beam") else view


def rows(name):
    """One row per number of iterations, and one for the default settings."""
    phantom = phantoms.case(name)
    view = view_of(phantom)
    for count in (*ITERATIONS, None):
        options = {} if count is None else {"max_iter": count, "tol": 0}
        result = view.nmf(phantom.k, random_state=0, **options)
        correlation = scores.map_correlation(result.maps, phantom.maps)
        label = f"default ({len(result.convergence[0])})" if count is None else str(count)
        lowest = np.sort(correlation)[:2].round(2)
        yield [name, label, f"{result.loss:.5f}", f"{correlation.mean():.3f}", lowest]


INTRODUCTION = """# NMF: iterations, error and truth

Made by `python benchmarks/nmf_iterations/run.py`; one start (NNDSVD), k = the true number of components.
"""


def main(arguments=None):
    """Run all cases; returns the exit code."""
    args = parser(__doc__, quick="two cases").parse_args(arguments)
    report = Report(args.out)
    report(INTRODUCTION)
    lines = []
    for name in CASES[: 2 if args.quick else None]:
        print(f"  {name} ...", file=sys.stderr, flush=True)
        lines += rows(name)
    report(markdown_table(["phantom", "iterations", "mean squared error", "mean map correlation", "two lowest"], lines))
    report.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
