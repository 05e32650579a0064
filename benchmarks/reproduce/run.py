"""Run every reproduction and collect the tables in RESULTS.md and the figures in ``figures/``.

``python benchmarks/reproduce/run_all.py [--out FILE.md] [--figures DIR] [--only NAME ...]``
"""

import argparse
import sys
import time
from pathlib import Path

import kimoto_fig6
import kimoto_fig7
import kimoto_fig9
import kimoto_figS1
import martineau_clusters
import martineau_fig5
import martineau_fig6
from tables import machine_facts

HERE = Path(__file__).resolve().parent
FIG6 = {"starts": 10, "iterations": 500, "exact": False}
RUNS = {
    "kimoto_fig6": (kimoto_fig6, FIG6 | {"crystals": "per_row"}),
    "kimoto_fig6_per_ratio": (kimoto_fig6, FIG6 | {"crystals": "per_ratio"}),
    "kimoto_fig7": (kimoto_fig7, {"iterations": 500, "seed": 0}),
    "kimoto_fig9": (kimoto_fig9, {"iterations": 200, "precipitates": 32, "seed": 0}),
    "kimoto_figS1": (kimoto_figS1, {"iterations": 200}),
    "martineau_clusters": (martineau_clusters, {}),
    "martineau_fig5": (martineau_fig5, {}),
    "martineau_fig6": (martineau_fig6, {"starts": 20}),
}


def one(name, out, figures):
    """Text of one reproduction, and the facts that came out otherwise than expected."""
    module, options = RUNS[name]
    begin = time.perf_counter()
    report = module.make(argparse.Namespace(**options))
    seconds = time.perf_counter() - begin
    address = None
    if figures is not None:
        path = figures / f"{name}.png"
        report.draw(path)
        address = path.relative_to(out.parent).as_posix() if path.is_relative_to(out.parent) else path.as_posix()
    print(f"{name}: {seconds:.0f} s, {len(report.surprises)} surprises", file=sys.stderr, flush=True)
    return report.markdown(address), [f"{name}: {fact.paper}: {fact.ours}" for fact in report.surprises]


def main():
    line = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    line.add_argument("--out", type=Path, default=HERE / "RESULTS.md")
    line.add_argument("--figures", type=Path, default=HERE / "figures")
    line.add_argument("--only", nargs="+", choices=tuple(RUNS), default=tuple(RUNS))
    options = line.parse_args()
    out, figures = options.out.resolve(), options.figures.resolve()
    figures.mkdir(parents=True, exist_ok=True)
    made = "Made by `python benchmarks/reproduce/run_all.py`; see [README](README.md)."
    parts = ["# Reproductions", made, machine_facts()]
    surprises = []
    for name in options.only:
        text, unexpected = one(name, out, figures)
        parts.append(text.rstrip())
        surprises += unexpected
    out.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    print("\n".join(surprises))
    return int(bool(surprises))


if __name__ == "__main__":
    raise SystemExit(main())
