"""Grains that nobody counted: features, merging and consensus against the truth, next to other programs.

::

    python benchmarks/polycrystals/run.py [--only N ...] [--quick] [--data DIR] [--out FILE.md]

Prints Markdown tables, and under each what was to be reached and what was. The exit code is 1 when a goal is missed; what
cannot be run is skipped with its reason.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common.command import parser, run
from film import film_item
from vectors import cathode_item, faults_item

from phantoms import overlap_item, phantoms_item

ITEMS = {1: film_item, 2: overlap_item, 3: phantoms_item, 4: cathode_item, 5: faults_item}
INTRODUCTION = """# Grains of polycrystals

Made by `python benchmarks/polycrystals/run.py`; every number is measured. Scores are those of
`unmix4d.scores.grain_scores` ([definitions](../../docs/details/grains.md)): mean map
correlation r (a missing grain counts 0),
grains with r > 0.7, TPR_G and TNR_G of every component with r > 0.3, IoU of matched grains. Times are of whole calls on a
machine that does other things too.
"""


def main(arguments=None):
    """Run the items; returns the exit code."""
    line = parser(__doc__, items=ITEMS, quick="one seed, few runs; goals of time are not judged")
    line.add_argument("--figures", metavar="DIR", type=Path, help="draw the measured grains there")
    return run(ITEMS, INTRODUCTION, line.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
