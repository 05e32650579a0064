"""``python -m unmix4d``: ``run`` for a scan in a file, ``demo`` for built-in data."""

from __future__ import annotations

import argparse
import sys

from .commands import run


def main(arguments=None) -> int:
    """Entry point of ``python -m unmix4d``; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m unmix4d", description="Unmix 4D-STEM scans.")
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser(
        "demo",
        help="simulate a scan, unmix it through the installed hosts and score the answer",
        description="Simulates a polycrystal, unmixes it through pyxem (lazily) and py4DSTEM, prints the scores against "
        "the truth and writes figures and the saved result. Takes about a minute.",
    )
    demo.add_argument("--out", default="unmix4d-demo", help="folder for figures and results (default: %(default)s)")
    demo.set_defaults(execute=_demo)
    run.add_parser(commands)
    chosen = parser.parse_args(arguments)
    return chosen.execute(chosen)


def _demo(chosen) -> int:
    from .demo import run

    return run(chosen.out)


if __name__ == "__main__":
    sys.exit(main())
