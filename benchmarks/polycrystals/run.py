"""Grains that nobody counted: features, merging and consensus against the truth, next to other programs.

::

    python benchmarks/polycrystals.py [--only N] [--quick] [--data DIR] [--out FILE.md]

Prints Markdown tables, and under each what was to be reached and what was. The exit code is 1 when a goal is missed; what
cannot be run is skipped with its reason.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TQDM_DISABLE", "1")

from engine_tools import Goals
from polycrystals_film import film_item
from polycrystals_phantoms import overlap_item, phantoms_item
from polycrystals_vectors import cathode_item, faults_item
from real_input import Report, Skipped
from tables import machine_facts

ITEMS = {1: film_item, 2: overlap_item, 3: phantoms_item, 4: cathode_item, 5: faults_item}
_DATA = Path(__file__).resolve().parents[1] / "../shared/data"


def parse(arguments=None):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", type=int, nargs="+", choices=sorted(ITEMS), help="run these items, in this order")
    parser.add_argument("--quick", action="store_true", help="one seed, few runs; goals of time are not judged")
    parser.add_argument("--data", type=Path, default=_DATA, help="folder of the measured and simulated scans")
    parser.add_argument("--figures", metavar="DIR", type=Path, help="draw the measured grains there")
    parser.add_argument("--out", metavar="FILE.md", type=Path, help="write the tables there as well")
    return parser.parse_args(arguments)


def main(arguments=None):
    """Run the items; returns the exit code."""
    args, report = parse(arguments), Report()
    goals = Goals(report, args.quick)
    report(
        "# Grains\n\nMade by `benchmarks/polycrystals.py`; every number is measured. Scores are those of "
        "`unmix4d.scores.grain_scores`\n"
        "([definitions](../docs/grains.md)): mean map correlation r (a missing grain counts 0), grains with r "
        "> 0.7, TPR_G and\n"
        "TNR_G of every component with r > 0.3, IoU of matched grains. Times are of whole calls on a machine "
        "that does\n"
        "other things too.\n"
    )
    report(machine_facts() + "\n")
    for number in args.only or ITEMS:
        with tempfile.TemporaryDirectory() as folder:
            try:
                ITEMS[number](args, Path(folder), report, goals)
            except Skipped as reason:
                report(f"Skipped: {reason}.")
                goals.missing(f"item {number}", reason)
        report("")
        _write(args.out, report)
    report("## Goals\n\n" + goals.table())
    _write(args.out, report)
    return 0 if goals.passed else 1


def _write(out, report):
    if out:
        out.write_text("\n".join(report.parts).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
