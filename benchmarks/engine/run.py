"""The engine: many starts, every k, constraints and lazy scans, in time, memory and quality next to other programs.

::

    python benchmarks/engine.py [--only N] [--quick] [--out FILE.md]

Prints Markdown tables with ratios and quality side by side, and under each what was to be reached and what was. The
exit code is 1 when a goal is missed; what cannot be run is skipped with its reason. ``--quick`` takes small scans and one
seed: goals about time and memory are then shown but not judged.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TQDM_DISABLE", "1")

from engine_disk import distributed_item, growth_item, lazy_item
from engine_grains import beam_item, grains_item
from engine_ranks import ranks_item
from engine_speed import constrained_item, starts_item
from engine_tools import Goals
from real_input import Report, Skipped
from tables import machine_facts

ITEMS = {
    1: starts_item,
    2: constrained_item,
    3: ranks_item,
    4: lazy_item,
    5: growth_item,
    6: distributed_item,
    7: grains_item,
    8: beam_item,
}


def parse(arguments=None):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", type=int, nargs="+", choices=sorted(ITEMS), help="run these items, in this order")
    parser.add_argument("--quick", action="store_true", help="small scans, one seed; goals of time are not judged")
    parser.add_argument("--out", metavar="FILE.md", type=Path, help="write the tables there as well")
    return parser.parse_args(arguments)


def main(arguments=None):
    """Run the items; returns the exit code."""
    args, report = parse(arguments), Report()
    goals = Goals(report, args.quick)
    report("# The engine\n\nMade by `benchmarks/engine.py`; every number is measured in one run, or says what it is\n"
           "extrapolated from.\n")  # fmt: skip
    report(machine_facts() + "\n")
    for number in args.only or ITEMS:
        item = ITEMS[number]
        with tempfile.TemporaryDirectory() as folder:
            try:
                item(args, Path(folder), report, goals)
            except Skipped as reason:
                report(f"Skipped: {reason}.")
                goals.missing(f"item {number}", reason)
        report("")
        _write(args.out, report)  # a run that is broken off leaves what it has measured
    report("## Goals\n\n" + goals.table())
    _write(args.out, report)
    return 0 if goals.passed else 1


def _write(out, report):
    if out:
        out.write_text("\n".join(report.parts).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
