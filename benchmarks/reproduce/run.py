"""Figures of the papers made again: the papers' numbers beside ours, with pictures.

::

    python benchmarks/reproduce/run.py [--only NAME ...] [--quick] [--out FILE.md] [--figures DIR]

The exit code is 1 when an observation came out otherwise than expected.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import bruefach_scores
import cao_pipeline
import kimoto_coverage
import kimoto_fig6
import kimoto_fig7
import kimoto_fig9
import kimoto_figS1
import kimoto_figS2
import kimoto_figS3
import kimoto_layouts
import martineau_clusters
import martineau_fig5
import martineau_fig6
import martineau_fig7
import martineau_wire
from common.command import Report, parser
from common.process import timed
from common.tables import machine_facts

FIG6 = {"starts": 10, "iterations": 500, "exact": False}
RUNS = {
    "bruefach_scores": (bruefach_scores, {"runs": 6}),
    "cao_pipeline": (cao_pipeline, {"patterns": 60}),
    "kimoto_coverage": (kimoto_coverage, {"seeds": 5}),
    "kimoto_fig6": (kimoto_fig6, FIG6 | {"crystals": "per_row"}),
    "kimoto_fig6_per_ratio": (kimoto_fig6, FIG6 | {"crystals": "per_ratio"}),
    "kimoto_fig7": (kimoto_fig7, {"iterations": 500, "seed": 0}),
    "kimoto_fig9": (kimoto_fig9, {"iterations": 200, "precipitates": 32, "seed": 0}),
    "kimoto_layouts": (kimoto_layouts, {"layouts": 10, "starts": 10, "iterations": 500, "precipitates": 32}),
    "kimoto_figS1": (kimoto_figS1, {"iterations": 200}),
    "kimoto_figS2": (kimoto_figS2, {"iterations": 500, "seed": 0}),
    "kimoto_figS3": (kimoto_figS3, {"iterations": 200, "precipitates": 32}),
    "martineau_clusters": (martineau_clusters, {}),
    "martineau_fig5": (martineau_fig5, {}),
    "martineau_fig6": (martineau_fig6, {"starts": 20}),
    "martineau_fig7": (martineau_fig7, {"data": None}),
    "martineau_wire": (martineau_wire, {}),
}
QUICK = {"starts": 2, "iterations": 30}  # instead of as many as there are above
INTRODUCTION = """# Reproductions

Made by `python benchmarks/reproduce/run.py`; see [README](README.md).
"""


def one(name, args):
    """Text of one reproduction, and the facts that came out otherwise than expected."""
    module, options = RUNS[name]
    if args.quick:
        options = options | {key: value for key, value in QUICK.items() if key in options}
    if "data" in options:
        options = options | {"data": args.data}
    report, seconds = timed(lambda: module.make(argparse.Namespace(**options)))
    address = None
    if args.figures and report.draw:
        path, beside = args.figures / f"{name}.png", args.out.parent if args.out else Path.cwd()
        address = path.relative_to(beside).as_posix() if path.is_relative_to(beside) else path.as_posix()
        report.draw(path)
    print(f"{name}: {seconds:.0f} s, {len(report.surprises)} surprises", file=sys.stderr, flush=True)
    return report.markdown(address), [f"{name}: {fact.paper}: {fact.ours}" for fact in report.surprises]


def main(arguments=None):
    """Run all or some; returns the exit code."""
    line = parser(__doc__, quick="few starts and iterations; observations are not judged")
    line.add_argument("--only", nargs="+", choices=tuple(RUNS), default=tuple(RUNS), help="run these figures")
    line.add_argument("--figures", metavar="DIR", type=Path, help="draw there (default: figures/ beside --out, if any)")
    args = line.parse_args(arguments)
    args.out = args.out and args.out.resolve()
    args.figures = args.figures.resolve() if args.figures else args.out and args.out.parent / "figures"
    if args.figures:
        args.figures.mkdir(parents=True, exist_ok=True)
    report, surprises = Report(args.out), []
    report(INTRODUCTION)
    report(machine_facts() + "\n")
    for name in args.only:
        text, unexpected = one(name, args)
        report(text)
        report.write()
        surprises += unexpected
    print("\n".join(surprises), file=sys.stderr)
    return int(bool(surprises) and not args.quick)


if __name__ == "__main__":
    raise SystemExit(main())
