"""Unmixing of measured and simulated silver scans and of a scan larger than memory, next to other programs.

::

    python benchmarks/real_input/run.py [--data DIR] [--only N ...] [--quick] [--out FILE.md]

Prints Markdown tables. Every number is measured in the run; what cannot be run is skipped with its reason,
and the exit code is 0. It is 1 when unmix4d gives different numbers through two hosts, or needs 2 GB or more
for the large scan.
"""

import importlib.util
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from common.command import need_disk, need_packages, parser, run
from common.large import K, on_disk, unmix_scan, write_scan
from common.process import tried
from common.scans import film_scan, sped_scan
from common.tables import markdown_table, megabytes
from programs import NEEDS, SEEDS, run_program

_SAME = 1e-3  # of the largest value, in single precision
_MEMORY_LIMIT = 2e9
_DISK_NEEDED = {False: 12e9, True: 1.5e9}
_LARGE_SHAPE = {False: (256, 256, 256, 256), True: (64, 64, 256, 256)}
HOSTS = ("unmix4d, lazy pyxem signal", "unmix4d, py4DSTEM DataCube")


def installed(program):
    """Whether the host that this program needs can be imported."""
    return all(importlib.util.find_spec(package) for word, package in NEEDS.items() if word in program)


def run_all(programs, case, report):
    """The answers of the programs that are installed, one after the other."""
    for program in [p for p in programs if not installed(p)]:
        report(f"- skipped: {program}: its host is not installed")
    found = tried([p for p in programs if installed(p)], lambda program: run_program(program, case), report)
    return [answer for answers in found.values() for answer in answers]


def sped_item(args, folder, report, goals):
    """Item 1: five measured patterns, mixed by construction."""
    report("## 1. Measured patterns, linear mixing by construction (semi-synthetic SPED of silver)\n")
    case = sped_scan(args.data, folder / "sped")
    shape = " x ".join(map(str, case.lazy_counts().shape))
    report(
        "Five measured patterns times their grain maps (Gaussian, sigma 2 positions), Poisson noise,\n"
        f"2e4 counts per pattern: {shape}, uint16. k = 5, seed 0. Direct beam masked for every program\n"
        f"(radius {case.facts['direct_beam']} px about the centre of the file). This tests noise, contrast\n"
        "and unequal grain sizes; it cannot test whether real diffraction mixes linearly: here it does.\n"
    )
    programs = [
        *HOSTS,
        "HyperSpy NMF, eager",
        "HyperSpy NMF, lazy",
        "scikit-learn, its defaults (nndsvda, tol 1e-4)",
    ]
    answers = run_all(programs, case, report)
    fixed = run_all([f"{host}, 60 iterations" for host in HOSTS], case, report)
    report(grain_tables(answers, case.facts["names"]))
    report(
        "\nExtra memory: peak above what was resident when the scan was ready (in memory as uint16,\n"
        f"{megabytes(2 * np.prod(case.lazy_counts().shape))} MB, or lazy on disk). Loss: mean squared error, "
        "recomputed from every answer in the same way.\n"
    )
    goals.passed &= compare_hosts({"defaults": answers, "60 iterations, tol = 0": fixed}, report)


def grain_tables(answers, names):
    """Pattern cosine and map correlation of every grain, then what each program cost."""
    programs = [a["program"] for a in answers]
    both = [
        [name] + [f"{a['map_correlation'][i]:.3f} / {a['pattern_cosine'][i]:.3f}" for a in answers]
        for i, name in enumerate(names)
    ]
    both.append(["**grains with map r > 0.7**"] + [f"{a['found']} of {len(names)}" for a in answers])
    cost = []
    for a in answers:
        iterations = a["iterations"] or "-"
        cost.append([a["program"], f"{a['seconds']:.1f}", megabytes(a["extra"]), iterations, f"{a['loss']:.6f}"])
    return (
        "Map correlation / pattern cosine:\n\n" + markdown_table(["grain", *programs], both) + "\n\n"
        + markdown_table(["program", "time (s)", "extra memory (MB)", "iterations", "loss"], cost)
    )  # fmt: skip


def compare_hosts(runs, report):
    """Both hosts must give the same maps and patterns; says how far they differ."""
    rows, same = [], True
    for name, answers in runs.items():
        pair = [a for a in answers if a["program"].startswith(HOSTS)]
        if len(pair) < 2:
            report(f"Hosts not compared ({name}): one of them did not run.\n")
            continue
        maps, patterns = (difference(*(a[what] for a in pair)) for what in ("maps", "patterns"))
        iterations = " and ".join(str(a["iterations"]) for a in pair)
        rows.append([name, iterations, f"{maps:.1e}", f"{patterns:.1e}"])
        same &= bool(max(maps, patterns) <= _SAME)
    if rows:
        header = ["pyxem against py4DSTEM", "ended after iteration", "maps", "patterns"]
        verdict = "The same numbers." if same else "**DIFFERENT.**"
        report("Largest difference between the two hosts, as a fraction of the largest value:\n")
        report(markdown_table(header, rows) + f"\n\nAllowed: {_SAME:.0e}. {verdict}\n")
    return same


def difference(one, other):
    """Largest difference of two arrays, as a fraction of the largest value of the first."""
    return float(np.nanmax(np.abs(one - other)) / np.nanmax(np.abs(one)))


def film_item(args, folder, report, goals):
    """Item 2: sixteen overlapping grains."""
    report("## 2. Multislice simulation of sixteen overlapping silver grains\n")
    case = film_scan(args.data, folder / "film")
    shape = " x ".join(map(str, case.lazy_counts().shape))
    report(
        f"{shape}, uint16, 2e4 electrons per pattern, k = 17 (the grains and what they share), seed 0.\n"
        "Direct beam masked for every program (radius 6 px about (68, 68)). Truth: thickness of every grain\n"
        "at every position. Diffraction is dynamical: no linear model is exact. A grain is found when\n"
        "its matched map correlates by more than 0.7. Loss: mean squared error, recomputed.\n"
    )
    programs = [
        "unmix4d, defaults",
        "unmix4d, n_starts=3",
        "unmix4d, 60 iterations",
        "unmix4d, 500 iterations",
        "scikit-learn, its defaults (nndsvda, tol 1e-4)",
        "scikit-learn, nndsvd",
        "scikit-learn, nndsvda",
        "scikit-learn, random",
        *(f"{name}, random, 200 iterations, seed {seed}" for seed in SEEDS for name in ("unmix4d", "scikit-learn")),
    ]
    answers = run_all(programs, case, report)
    n_grains = len(case.facts["names"])
    rows = []
    for a in answers:
        name = ", ".join(filter(None, (a["program"], a["label"])))
        score = [f"{a['mean_map_correlation']:.3f}", f"{a['found']} of {n_grains}", f"{a['loss']:.6f}"]
        rows.append([name, *score, a["iterations"], f"{a['seconds']:.1f}", megabytes(a["extra"])])
    header = ["program", "mean map r", "grains found", "loss", "iterations", "time (s)", "extra memory (MB)"]
    report(markdown_table(header, rows))
    report(rank_note(answers))


def rank_note(answers):
    """How loss and score go together, from the numbers of this run."""
    if len(answers) < 3:
        return ""
    from scipy.stats import spearmanr

    def r(answer):
        return f"{answer['mean_map_correlation']:.3f}"

    rho = spearmanr([a["loss"] for a in answers], [a["mean_map_correlation"] for a in answers]).statistic
    lowest = min(answers, key=lambda a: a["loss"])
    best = max(answers, key=lambda a: a["mean_map_correlation"])
    return (
        f"\nRank correlation of loss and mean map r over these rows: {rho:.2f} (-1: the smaller the loss,\n"
        f"the better the score). Smallest loss {lowest['loss']:.6f}, its r {r(lowest)};\n"
        f"best r {r(best)}, its loss {best['loss']:.6f}.\n"
    )


def large_item(args, folder, report, goals):
    """Item 3: a scan that is not to be held in memory."""
    shape = _LARGE_SHAPE[args.quick]
    size = 2 * np.prod(shape)
    report(f"## 3. A scan of {size / 1e9:.1f} GB in a zarr store, with less than 2 GB of memory\n")
    need_disk(folder, _DISK_NEEDED[args.quick])
    need_packages("zarr")
    store = folder / "scan.zarr"
    seconds = write_scan(store, shape)
    shape = " x ".join(map(str, shape))
    report(
        f"`phantoms.large_scan`, {shape}, uint16, 2e3 electrons per pattern, written in {seconds:.0f} s\n"
        f"({on_disk(store) / 1e9:.2f} GB on disk: sparse counts compress well, so reading is decompression here).\n"
        "NMF, k = 8, one start, tol = 0. Peak: resident memory of the whole process, interpreter and\n"
        "imports included; before: of the same process when the scan is open.\n"
    )
    runs = {"dask array, `da.from_zarr`": ("dask", 50)}
    if importlib.util.find_spec("pyxem"):
        runs["lazy pyxem signal"] = ("pyxem", 50 if args.quick else 5)
    else:
        report("- skipped: lazy pyxem signal: pyxem is not installed")
    results = {}
    for name, (route, iterations) in runs.items():
        results[name] = unmix_scan(store, route, iterations)
    report(large_tables(results))
    small = all(r["peak"] < _MEMORY_LIMIT for r in results.values())
    report(f"\nBelow 2 GB: {'yes' if small else '**NO**'}.\n")
    goals.passed &= small


def large_tables(results):
    """What each route cost, and the scores of the first."""
    header = ["scan as", "iterations", "passes", "time (s)", "s per pass", "GB/s", "before (MB)", "peak (MB)"]
    rows = []
    for name, r in results.items():
        per_pass = r["seconds"] / r["passes"]
        time = [f"{r['seconds']:.0f}", f"{per_pass:.2f}", f"{r['bytes'] / per_pass / 1e9:.2f}"]
        rows.append([name, r["iterations"], r["passes"], *time, megabytes(r["ready"]), megabytes(r["peak"])])
    name, first = next(iter(results.items()))
    scores = [
        [n, f"{r:.3f}", f"{c:.3f}"] for n, r, c in zip(first["names"], first["map_correlation"], first["pattern_cosine"])
    ]
    return (
        markdown_table(header, rows)
        + f"\n\nScores ({name}), loss {first['loss']:.6f}, {first['found']} of {K} found:\n\n"
        + markdown_table(["component", "map r", "pattern cos"], scores)
    )  # fmt: skip


ITEMS = {1: sped_item, 2: film_item, 3: large_item}
INTRODUCTION = """# Real input

Made by `python benchmarks/real_input/run.py`; every number is measured in one run.
"""


def main(arguments=None):
    """Run the items; returns the exit code."""
    line = parser(__doc__, items=ITEMS, quick="a scan of 0.5 GB instead of 8.6 GB in item 3")
    return run(ITEMS, INTRODUCTION, line.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
