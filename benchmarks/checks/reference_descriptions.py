"""Write the descriptions of figures and answers in tests/reference/ anew, so that tomorrow's change is seen.

    python benchmarks/checks/reference_descriptions.py figures answers
    python benchmarks/checks/reference_descriptions.py figures --pictures folder

To be run again only when a figure or an answer was meant to change. The difference that git shows names each property: look
at it, and at the pictures, before it is committed.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import matplotlib  # noqa: E402

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402

from support.kept import SETS, cases_of, write  # noqa: E402


def draw(folder):
    """Every figure as a picture."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, call in cases_of("figures").items():
        try:
            call()
        except (ValueError, TypeError):  # of a call that is refused
            plt.close("all")
            continue
        plt.gcf().savefig(folder / f"{name.replace(' ', '_').replace(',', '')}.png", bbox_inches="tight")
        plt.close("all")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="+", choices=SETS)
    parser.add_argument("--pictures", type=Path, help="also draw the figures into this folder")
    args = parser.parse_args()
    for kind in args.sets:
        print(write(kind, lambda: plt.close("all")))
    if args.pictures:
        draw(args.pictures)


if __name__ == "__main__":
    main()
