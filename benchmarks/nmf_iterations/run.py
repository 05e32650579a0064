"""How many iterations NMF needs: error, change and score against truth per iteration, on standard phantoms.

``python benchmarks/nmf_iterations.py [--out FILE.md]`` prints a table. It is where the defaults of ``nmf``
(``max_iter``, ``tol``) can be judged: the error goes on falling when the maps no longer come closer to the truth.
"""

import argparse
import os

os.environ.setdefault("TQDM_DISABLE", "1")

import numpy as np

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
        yield f"| {name} | {label} | {result.loss:.5f} | {correlation.mean():.3f} | {np.sort(correlation)[:2].round(2)} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", help="also write the table to this file")
    out = parser.parse_args().out
    lines = [
        "# NMF: iterations, error and truth",
        "",
        "Made by `python benchmarks/nmf_iterations.py`; one start (NNDSVD), k = the true number of components.",
        "",
        "| phantom | iterations | mean squared error | mean map correlation | two lowest |",
        "|---|---|---|---|---|",
    ]
    print("\n".join(lines))
    for name in CASES:
        for row in rows(name):
            print(row, flush=True)
            lines.append(row)
    if out:
        with open(out, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
