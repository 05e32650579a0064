"""Martineau 2019, Fig. 5: two crystals with an inclined boundary and no spot in common; NMF is exact.

``python benchmarks/reproduce/martineau_fig5.py [--out FILE.md] [--figure FILE.png]``
"""

import numpy as np
from _figures import line_scans
from _measures import view_of
from _report import Fact, Report, parser, run

from unmix4d import phantoms, scores

EXACT, MAP = 1e-4, 1e-2  # of a correlation or cosine below 1; of a map with maximum 1
RUNS = {
    "NNDSVD, pure : mixed = 2": (2.0, {}),
    "random start, pure : mixed = 2": (2.0, {"init": "random"}),
    "NNDSVD, pure : mixed = 2, tol=0": (2.0, {"max_iter": 500, "tol": 0, "precision": "double"}),
    "NNDSVD, pure : mixed = 0.1": (0.1, {}),
}


def decompose(phantom, options):
    """Patterns and maps in the order of the truth, maps with maximum 1."""
    result = view_of(phantom).nmf(2, smooth=0, random_state=0, **options)
    pairs, _ = scores.match_maps(result.maps, phantom.maps)
    return result.patterns[pairs], result.maps[pairs]


def errors(answer, phantom):
    """1 - map correlation, 1 - pattern cosine, largest error of a map: the worst of the two components."""
    patterns, maps = answer
    r, cosine = scores.map_correlation(maps, phantom.maps), scores.pattern_cosine(patterns, phantom.patterns)
    # Rounding can lift a correlation above 1.
    return max(0.0, 1 - r.min()), max(0.0, 1 - cosine.min()), float(np.abs(maps - phantom.maps).max())


def make(options):
    """The report."""
    scans = {ratio: phantoms.martineau_fig5(pure_to_mixed=ratio) for ratio in (2.0, 0.1)}
    found = {name: decompose(scans[ratio], arguments) for name, (ratio, arguments) in RUNS.items()}
    values = {name: errors(found[name], scans[ratio]) for name, (ratio, _) in RUNS.items()}
    rows = [[name, *(f"{error:.0e}" for error in each)] for name, each in values.items()]
    worst, map_error = max(max(each[:2]) for each in values.values()), max(each[2] for each in values.values())
    first, *_, last = found
    return Report(
        "Martineau 2019, Fig. 5: exact NMF",
        "Two square arrays of Gaussians without a spot in common, linear mixture across an inclined boundary, no noise; "
        "default settings where none are given.",
        [("", ("start", "1 - map r", "1 - pattern cosine", "largest error of a map"), rows)],
        [
            Fact(
                "NMF decomposition exactly recovers the signal profile",
                f"correlations and cosines within {worst:.0e} of 1, maps (maximum 1) within {map_error:.0e}",
                worst < EXACT and map_error < MAP,
            )
        ],
        ["The worse of the two components is given. What is left is the tolerance at which the iterations end."],
        lambda path: line_scans({name: (*found[name], scans[RUNS[name][0]]) for name in (first, last)}, path),
    )  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(run(make, parser(__doc__)))
