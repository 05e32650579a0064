"""Films that scatter dynamically: how close merging comes to what maps times patterns can tell of them.

::

    python benchmarks/dynamical/run.py [--tuning] [--unseen] [--films] [--cases NAME ...] [--processes 2] [--quick]
                                       [--out FILE.md]

`phantoms.dynamical_film` has the physics, `phantoms.cases("dynamical")` the cases. Methods may be tuned on the seeds of
``--tuning``, and on none of ``--unseen``. Without any of these: tuning seeds and films. Two scans at a time, each with one
thread; scores, not times, are what is compared.
"""

import json
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from common.command import Report, Skipped, need_files, parser
from common.tables import machine_facts, markdown_table
from programs import FILMS, unmixed

INTRODUCTION = """# Films that scatter dynamically

Made by `python benchmarks/dynamical/run.py`; every number is measured. Mean map correlation r over the true grains (one that
is missing counts 0), grains with r > 0.7, number of components k.

- **AA**: the defaults, `u.prepare(direct_beam=...).angular_average().merge_nmf().consensus()`; nothing is given
- **its run**: the run that `merge_nmf()` returns; **best run**: the best of its runs, identified with the truth
- **pixels**: `u.prepare(direct_beam=...).merge_nmf().consensus()`, with `bin=2` for the multislice films
- **scikit-learn**: its NMF with its own defaults (300 iterations) on the same pixels, with the number of grains plus one
- **oracle**: maps of the best non-negative fit given the true maps; of angular averages or pixels, the better one
"""
_COLUMNS = ("AA", "AA, its run", "AA, best run", "pixels", "scikit-learn", "oracle")
_OURS = ("AA", "pixels")


def _one_core():
    """Each process has a core of its own, where the system lets it."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        number = multiprocessing.current_process()._identity[0]
        os.sched_setaffinity(0, {cores[number % len(cores)]})


def measure(jobs, processes):
    """Answers of all scans, in their order."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # of the processes that are spawned
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_one_core) as pool:
        answers = []
        for answer in pool.map(unmixed, jobs):
            print(f"  {answer['name']}, seed {answer['seed']}", file=sys.stderr, flush=True)
            answers.append(answer)
    return answers


def case_jobs(which, args):
    """Jobs of the standard cases with the tuning or the unseen seeds."""
    from unmix4d import phantoms

    table = phantoms.cases("dynamical")
    if unknown := set(args.cases or ()) - set(table):
        raise Skipped(f"there is no case {', '.join(sorted(unknown))}; there are {', '.join(table)}")
    names = args.cases or list(table)[: 2 if args.quick else None]
    seeds = {name: table[name][which][: 1 if args.quick else None] for name in names}
    return [(name, seed, args.data, _runs(args)) for name in names for seed in seeds[name]]


def film_jobs(args):
    """Jobs of the multislice films."""
    need_files(args.data, *(f"ag_film_{name}.npz" for name in FILMS))
    return [(name, None, args.data, _runs(args)) for name in FILMS[: 1 if args.quick else None]]


def _runs(args):
    return 3 if args.quick else args.runs


def _cell(found, program):
    """Means over the seeds of one case."""
    r, k, n = (np.mean([one["answers"][program][name] for one in found]) for name in ("r", "k", "found"))
    return f"{r:.3f} ({n:.3g}, k {k:.3g})" if program != "oracle" else f"{r:.3f} ({n:.3g})"


def case_table(answers):
    """A row for each case: r (grains found, k)."""
    rows = []
    for name in dict.fromkeys(one["name"] for one in answers):
        found = [one for one in answers if one["name"] == name]
        rows.append([name, found[0]["grains"], *(_cell(found, program) for program in _COLUMNS)])
    return markdown_table(["scan", "grains", *_COLUMNS], rows)


def summary(answers):
    """How all of them compare: with the oracle, with scikit-learn, and with the best of our own features."""
    r = {p: np.array([one["answers"][p]["r"] for one in answers]) for p in answers[0]["answers"]}
    best = np.max([r[p] for p in _OURS], axis=0)
    grains, rows = sum(one["grains"] for one in answers), []
    for program in (*r,):
        found = sum(one["answers"][program]["found"] for one in answers)
        more = np.array([one["answers"][program]["k"] - one["grains"] for one in answers])
        above = f"{np.sum(r[program] > r['scikit-learn'])} of {len(answers)}"
        rows.append([
            program, f"{r[program].mean():.3f}", f"{r[program].min():.3f}", f"{found} of {grains}", f"{more.mean():+.1f}",
            f"{r[program].mean() / r['oracle'].mean():.3f}", above, f"{np.mean(best - r[program]):+.3f}",
            f"{np.max(best - r[program]):+.3f}",
        ])  # fmt: skip
    header = ["program", "mean r", "lowest r", "grains found", "k - grains", "mean r : oracle's", "above scikit-learn",
              "below our best feature, mean", "at most"]  # fmt: skip
    return markdown_table(header, rows)


def main(arguments=None):
    """Run what was asked for."""
    line = parser(__doc__, quick="two cases, one seed, few runs; one film")
    line.add_argument("--tuning", action="store_true", help="the seeds that methods may be tuned on")
    line.add_argument("--unseen", action="store_true", help="the seeds by which nothing is chosen")
    line.add_argument("--films", action="store_true", help="the multislice films of the data folder")
    line.add_argument("--cases", nargs="+", metavar="NAME", help="these cases only")
    line.add_argument("--runs", type=int, default=25, help="runs of merge_nmf (default: 25)")
    line.add_argument("--processes", type=int, default=2, help="scans at a time, each with one thread (default: 2)")
    line.add_argument("--scores", metavar="FILE.json", type=Path, help="keep every number there")
    args = line.parse_args(arguments)
    if not (args.tuning or args.unseen or args.films):
        args.tuning = args.films = True
    report, kept = Report(args.out), {}
    report(INTRODUCTION)
    report(machine_facts() + "\n")
    parts = {
        "Standard cases, tuning seeds": (args.tuning, lambda: case_jobs("seeds", args)),
        "Standard cases, unseen seeds": (args.unseen, lambda: case_jobs("unseen_seeds", args)),
        "Multislice films of silver": (args.films, lambda: film_jobs(args)),
    }
    for title, (wanted, jobs) in parts.items():
        if not wanted:
            continue
        report(f"## {title}\n")
        try:
            answers = kept[title] = measure(jobs(), args.processes)
        except Skipped as reason:
            report(f"Skipped: {reason}.\n")
            continue
        report(summary(answers) + "\n\nMean over the seeds of r (grains found, k):\n\n" + case_table(answers) + "\n")
        report.write()
    if args.scores:
        args.scores.write_text(json.dumps(kept, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
