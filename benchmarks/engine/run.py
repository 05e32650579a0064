"""The engine: many starts, every k, constraints and lazy scans, in time, memory and quality next to other programs.

::

    python benchmarks/engine/run.py [--only N ...] [--quick] [--out FILE.md]

Prints Markdown tables with ratios and quality side by side, and under each what was to be reached and what was. The
exit code is 1 when a goal is missed; what cannot be run is skipped with its reason. ``--quick`` takes small scans and one
seed: goals about time and memory are then shown but not judged.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common.command import parser, run
from disk import distributed_item, growth_item, lazy_item
from grains import beam_item, grains_item
from ranks import ranks_item
from speed import constrained_item, starts_item

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
INTRODUCTION = """# The engine

Made by `python benchmarks/engine/run.py`; every number is measured in one run, or says what it is
extrapolated from.
"""


def main(arguments=None):
    """Run the items; returns the exit code."""
    line = parser(__doc__, items=ITEMS, quick="small scans, one seed; goals of time are not judged")
    return run(ITEMS, INTRODUCTION, line.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
