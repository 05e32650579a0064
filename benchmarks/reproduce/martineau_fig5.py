"""Martineau 2019, Fig. 5: two crystals with an inclined boundary and no spot in common; NMF is exact.

``python benchmarks/reproduce/martineau_fig5.py [--out FILE.md] [--figure FILE.png]``
"""

import numpy as np
from _figures import line_scans
from _measures import view_of
from _report import Fact, Report, parser, run

from unmix4d import phantoms, scores

EXACT = 1e-4  # of a correlation below 1, and of a map with maximum 1
RUNS = {
    "NNDSVD, defaults": {},
    "random start, defaults": {"init": "random"},
    "NNDSVD, tol=0": {"max_iter": 500, "tol": 0, "precision": "double"},
}


def decompose(phantom, options):
    """Patterns and maps in the order of the truth, maps with maximum 1."""
    result = view_of(phantom).nmf(2, random_state=0, **options)
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
    phantom = phantoms.martineau_fig5()
    found = {name: decompose(phantom, arguments) for name, arguments in RUNS.items()}
    values = {name: errors(answer, phantom) for name, answer in found.items()}
    mixed = phantoms.martineau_fig5(pure_to_mixed=0.1)
    values["NNDSVD, pure : mixed = 0.1"] = errors(decompose(mixed, {}), mixed)
    rows = [[name, *(f"{error:.0e}" for error in errors_of)] for name, errors_of in values.items()]
    worst = max(max(errors_of) for name, errors_of in values.items() if name in RUNS)
    return Report(
        "Martineau 2019, Fig. 5: exact NMF",
        "Two square arrays of Gaussians without a spot in common, linear mixture across an inclined boundary, no noise.",
        [("", ("start", "1 - map r", "1 - pattern cosine", "largest error of a map"), rows)],
        [
            Fact(
                "NMF decomposition exactly recovers the signal profile",
                f"largest of all errors {worst:.0e} with twice as much pure as mixed", worst < EXACT,
            )
        ],
        ["The map error counts from the maps' maximum, 1. The worse of the two components is given."],
        lambda path: line_scans(found, phantom, path),
    )  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(run(make, parser(__doc__)))
