"""Which defaults of NMF come closest to the truth: scores over standard phantoms and silver scans.

::

    python benchmarks/defaults/run.py [--data DIR] [--quick] [--itself] [--scores FILE.json] [--out FILE.md]

One factor at a time is varied around the defaults of ``nmf``: the number of iterations, the weights, and the rank and
smoothing of the subspace; without and with constraints. It measures scores, not time. ``--itself`` makes one table only, of
``nmf`` as it is called, with every `smooth`: minutes instead of hours.
"""

import json
import sys
from contextlib import nullcontext
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from common.command import Report, parser
from common.peers import both_constraints
from common.tables import machine_facts, markdown_table
from stages import (
    GROUPS,
    ITERATIONS,
    RANKS,
    USUAL,
    all_cases,
    curve,
    halo_as_it_comes,
    nmf_itself,
    package_state,
    settings,
    usual_rank,
)

from unmix4d.scores import map_correlation

_WEIGHTS = ("none", "capped 3", "capped 5", "capped 10", "poisson")
_SUBSPACES = {False: "plain", True: "smoothed"}
_ORDER = [name for names in GROUPS.values() for name in names]
_TITLES = {False: "Without constraints", True: "With `[SmoothMaps(sigma=1), NoDarkSpots()]`"}


def measure(data, quick):
    """Every case with every setting, with what must be known to read the numbers later."""
    facts, answers = {"state": package_state(), "iterations": ITERATIONS, "machine": machine_facts()}, []
    for name, seed, view, k, truth in all_cases(data, quick):
        print(f"  {name}, seed {seed}, k = {k} ...", file=sys.stderr, flush=True)
        matrix, compressed = view.matrix(), {}
        for setting in settings():
            answers.append({"case": name, "seed": seed, **curve(view, k, truth, setting, matrix, compressed)})
        for constrained in (False, True):
            own = nmf_itself(view, k, truth, constrained)
            answers.append({"case": name, "seed": seed, "weights": "nmf itself", "same_as_none": False, **own})
    return {**facts, "answers": answers}


class Scores:
    """The answers, to be asked for means over seeds, cases and groups."""

    def __init__(self, answers):
        self.answers = answers
        self.cases = [name for name in _ORDER if any(a["case"] == name for a in answers)]
        self.seeds = sorted({a["seed"] for a in answers})

    def _found(self, case, constrained, weights="capped 3", rank=None, smooth=None):
        wanted = {"case": case, "constrained": constrained, "weights": weights}
        if weights != "nmf itself":
            smooth = constrained if smooth is None else smooth
            wanted |= {"smooth": smooth, "rank": rank or usual_rank(smooth)}
        return [a for a in self.answers if all(a.get(key) == value for key, value in wanted.items())]

    def of(self, case, constrained, what, **factor):
        """Mean over the seeds of ``map_r`` or ``cosine`` per stage, None where there are no true patterns.

        A cap that no pixel reaches is no weight at all: the numbers are those of ``"none"``.
        """
        found = self._found(case, constrained, **factor)
        bare = {a["seed"]: a for a in self._found(case, constrained, **{**factor, "weights": "none"})}
        values = [(bare[a["seed"]] if a["same_as_none"] else a)[what] for a in found]
        return None if not values or values[0][0] is None else np.mean(values, axis=0)

    def unweighted(self, case, constrained, weights):
        """Whether this cap is reached by no pixel, with any seed."""
        return all(a["same_as_none"] for a in self._found(case, constrained, weights))

    def cells(self, constrained, stage, **factor):
        """Mean map correlation / mean pattern cosine over all cases, then over each group."""
        for names in (self.cases, *GROUPS.values()):
            cell = []
            for what in ("map_r", "cosine"):
                curves = [self.of(name, constrained, what, **factor) for name in names if name in self.cases]
                values = [c[stage] for c in curves if c is not None]
                cell.append(f"{np.mean(values):.3f}" if values else "-")
            yield " / ".join(cell)


def factor_table(scores, constrained):
    """One factor after the other around the default."""
    usual = USUAL[constrained]
    at = ITERATIONS.index(usual)
    rows = [["iterations", _marked(n, usual), *scores.cells(constrained, i)] for i, n in enumerate(ITERATIONS)]
    rows += [["weights", _marked(w, "capped 3"), *scores.cells(constrained, at, weights=w)] for w in _WEIGHTS]
    for smooth, name in _SUBSPACES.items():
        for rank in RANKS:
            usual = (smooth, rank) == (constrained, usual_rank(constrained))
            cells = scores.cells(constrained, at, rank=rank, smooth=smooth)
            rows.append(["subspace", f"{name}, rank {rank}" + " (in all rows above)" * usual, *cells])
    itself = "its defaults" if constrained else "its defaults: smooth auto, halo kept out"
    rows.append(["`nmf` itself", itself, *scores.cells(constrained, 0, weights="nmf itself")])
    return markdown_table(["factor", "value", "all cases", *GROUPS], rows)


def _marked(value, default):
    return f"{value} (default)" if value == default else str(value)


def _ways(constrained):
    """Name and factors of the rows of the tables over iterations."""
    for weights in _WEIGHTS:
        yield weights, {"weights": weights}
    other = not constrained
    yield f"capped 3, {_SUBSPACES[other]} subspace", {"smooth": other}


def grid(scores, constrained):
    """Weights x iterations, mean over all cases."""
    rows = []
    for name, factor in _ways(constrained):
        rows.append([name, *(next(scores.cells(constrained, i, **factor)) for i in range(len(ITERATIONS)))])
    return markdown_table(["weights", *map(str, ITERATIONS)], rows)


def case_table(scores, constrained):
    """Map correlation of every case, weights x iterations."""
    rows = []
    for case in scores.cases:
        for name, factor in _ways(constrained):
            if name in _WEIGHTS[2:] and scores.unweighted(case, constrained, name):
                rows.append([case, name, *["as none"] * len(ITERATIONS)])
            else:
                rows.append([case, name, *(f"{r:.3f}" for r in scores.of(case, constrained, "map_r", **factor))])
    return markdown_table(["case", "weights", *map(str, ITERATIONS)], rows)


def written(measured):
    """The whole document."""
    scores = Scores(measured["answers"])
    seeds = ", ".join(map(str, scores.seeds))
    members = "\n".join(f"- {group}: {', '.join(names)}" for group, names in GROUPS.items())
    parts = [
        "# The defaults of NMF, by scores against the truth",
        "Made by `python benchmarks/defaults/run.py`. Cells: mean map correlation / mean pattern cosine over all true\n"
        "components (matched by their maps, a missing one counts 0), mean over the cases of a column. k = the true number,\n"
        f"one start (NNDSVD), tol = 0, seeds {seeds} (the film has one). No direct beam is masked but in the silver scans.\n"
        "Scores are of what `nmf` returns: without constraints both factors are refitted to the full data at the end.\n"
        "The cap counts twice, as in the package: pixels above it are damped, and left out of what a typical pixel is.\n"
        "What `nmf` does beyond these parts, the choice of the width of the smoothing and the halo that is kept out of\n"
        "the other patterns, is in its own row.",
        measured["machine"],
        members,
    ]
    for constrained, title in _TITLES.items():
        parts += [f"## {title}", "One factor at a time is varied, the others are at their default.",
                  factor_table(scores, constrained)]  # fmt: skip
        parts += ["Weights x iterations, all cases:", grid(scores, constrained)]
    for constrained, title in _TITLES.items():
        parts += [f"## Every case: {title[0].lower()}{title[1:]}", "Map correlation after this number of iterations.",
                  case_table(scores, constrained)]  # fmt: skip
    return "\n\n".join(parts) + "\n"


_CALLS = {
    "`smooth=0`, halo as it comes": {"smooth": 0}, "`smooth=0`": {"smooth": 0}, "`smooth=1`": {"smooth": 1},
    "`smooth=\"auto\"`, the default": {}, "both constraints": {"constraints": both_constraints()},
}  # fmt: skip


def as_called(data, quick):
    """Map correlation of ``nmf(k)`` with every `smooth`, a row for each case, and the mean of all cases."""
    found = {}
    for name, seed, view, k, truth in all_cases(data, quick):
        print(f"  {name}, seed {seed}, k = {k} ...", file=sys.stderr, flush=True)
        for call, options in _CALLS.items():
            with halo_as_it_comes() if "as it comes" in call else nullcontext():
                result = view.nmf(k, random_state=0, **options)
            found.setdefault(name, {}).setdefault(call, []).append(map_correlation(result.maps, truth.maps).mean())
    rows = [[name, *(f"{np.mean(scores[call]):.3f}" for call in _CALLS)] for name, scores in found.items()]
    means = [f"{np.mean([np.mean(scores[call]) for scores in found.values()]):.3f}" for call in _CALLS]
    return markdown_table(["case", *_CALLS], [*rows, ["**all cases**", *means]])


def main(arguments=None):
    """Measure, or read what was measured, and write the tables."""
    line = parser(__doc__, quick="two cases only")
    line.add_argument("--itself", action="store_true", help="only nmf as it is called, with every smooth")
    line.add_argument("--scores", metavar="FILE.json", type=Path, help="keep all scores there; reuse them if it exists")
    args = line.parse_args(arguments)
    if args.itself:
        print(as_called(args.data, args.quick))
        return 0
    if args.scores and args.scores.exists():
        measured = json.loads(args.scores.read_text())
        if measured["state"] != package_state() or measured["iterations"] != list(ITERATIONS):
            line.error(f"{args.scores} was measured with other sources of unmix4d: delete it to measure again")
    else:
        measured = measure(args.data, args.quick)
        if args.scores:
            args.scores.write_text(json.dumps(measured))
    report = Report(args.out)
    report(written(measured))
    report.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
