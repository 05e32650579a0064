"""Thousands of hostile cases, damaged files and one large lazy scan, and a page of what was tried and what survived.

python benchmarks/checks/hostile.py --cases 5000 --files 2000 --out docs/hostile_results.md
python benchmarks/checks/hostile.py --cases 0 --files 0 --commands 0 --gigabytes 16 --out large.md
"""

import argparse
import os
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("TQDM_DISABLE", "1")
ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402
from common.tables import machine_facts, markdown_table  # noqa: E402

OUTCOMES = ("answered", "refused", "failed")


def generated_cases(n, seed, budget, folder):
    """(counts of (method, outcome), cases that ran and counts of what they held, the failures)."""
    import matplotlib.pyplot  # noqa: F401  (the settings of a user are there from the first figure on)
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded
    from hypothesis import strategies as st

    from support.hostile_judge import Broken, run_case
    from support.hostile_scenarios import scenarios

    counts, held, failures, ran, begun = Counter(), Counter(), [], 0, time.monotonic()
    _every_case_anew()

    @seeded(seed)
    @settings(max_examples=n, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(st.data())
    def attack(data):
        nonlocal ran
        if time.monotonic() - begun > budget:
            return
        case, prepare, called, after = data.draw(scenarios(drawing=True))
        ran += 1
        held.update(among(case, prepare, called, after))
        try:
            run_case(case, prepare, called, after, folder, lambda method, outcome: counts.update([(method, outcome)]))
        except Broken as error:
            failures.append((str(error), case, prepare, called, after))
            _told(failures[-1], error)

    attack()
    return counts, ran, held, failures


# What a case holds, by what stands in it when it is written down; and what is known of version 0.1.0 there.
AMONG = {
    "hexagonal phases": ("odd='hexagonal'", "4 rotations of the symmetry in place of 12"),
    "monoclinic phases": ("odd='monoclinic'", "not tried"),
    "phases without a name": ("odd='unnamed'", "of several, only the last was kept"),
    "origins that drift over the detector": ("origin='drifted'", "the beam stayed in the data at 3 of 4 positions, unsaid"),
    "origins left stale by binning": ("origin='stale'", "the beam was masked elsewhere, unsaid"),
    "memory maps": ("holder='memmap'", "`prepare` read the whole scan into memory"),
    "lazy scans": ("holder='dask'", "nothing known"),
    "HDF5 datasets": ("h5py'", "nothing known"),
    "values as large as their type": ("fill='overflow'", "`gain` overflowed in float16, and NaN was blamed"),
    "data changed after the run": ("'changed data'", "used as if they were the same"),
    "negative scales of axes": ("'scale', -", "the sign was lost from Bragg vectors"),
    "units missing or unknown": ("'units', '", "`mrads`, `meters`, `nm**-1` were not read"),
}  # fmt: skip
STYLES_BEFORE = "`image.origin: lower` mirrored maps, patterns and colour keys, and not all of them"
_OF_STYLES = (OUTCOMES, ("failed",))


def among(case, prepare, called, after):
    """Which of `AMONG` a case holds."""
    text = repr((case, prepare, called, after))
    return [kind for kind, (mark, _) in AMONG.items() if mark in text]


def tried_before_now(held, failures, counts):
    """Rows (what, tried, 0.1.0, fails now) of kinds of input."""
    styled, bad = (sum(n for (what, o), n in counts.items() if what.startswith("style:") and o in of) for of in _OF_STYLES)
    failed = Counter(kind for _, *case in failures for kind in among(*case))
    rows = [[kind, held[kind], before, failed[kind]] for kind, (_, before) in AMONG.items()]
    return [*rows, ["a user's own settings of matplotlib", styled, STYLES_BEFORE, bad]]


def _every_case_anew():
    """Half of what hypothesis makes are cases it had before, with parts repeated: good for finding, not for counting."""
    from hypothesis.internal.conjecture import engine

    if hasattr(engine.ConjectureRunner, "generate_mutations_from"):
        engine.ConjectureRunner.generate_mutations_from = lambda self, data: None


def _told(failure, error):
    """At once, so that somebody can begin to mend."""
    traceback.print_exception(error.__cause__ or error)
    print("FAIL", *failure, sep="\n  ", file=sys.stderr, flush=True)


def hostile_commands(n, seed, folder):
    """(counts of (what was wrong, outcome), the failures) of the command line."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded

    from support.hostile_commands import command_cases, run_command
    from support.hostile_judge import Broken

    counts, failures = Counter(), []

    @seeded(seed)
    @settings(max_examples=n, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(command_cases())
    def attack(case):
        name, damage, _, _ = case
        kind = f"{name}, {damage}" if damage else name
        try:
            counts[kind, run_command(*case, folder)[0]] += 1
        except Broken as error:
            counts[kind, "failed"] += 1
            failures.append((str(error), *case))
            _told(failures[-1], error)

    attack()
    return counts, failures


def damaged_files(n, seed, folder):
    """Counts of what happened to a saved result with flipped bits, overwritten blocks or a cut: (damage, outcome)."""
    import unmix4d

    scan = unmix4d.phantoms.random_scan(shape=(7, 9, 20, 26), k=3, dose=2000, seed=3)
    result, path, counts = unmix4d.Unmix(scan.data).nmf(2, max_iter=4, random_state=0), Path(folder) / "run.h5", Counter()
    result.save(path)
    whole, rng = path.read_bytes(), np.random.default_rng(seed)
    for i in range(n):
        kind, data = ("bits flipped", "64 bytes overwritten", "cut")[i % 3], bytearray(whole)
        if kind == "bits flipped":
            for place in rng.integers(0, len(data), rng.integers(1, 4)):
                data[place] ^= 1 << int(rng.integers(8))
        elif kind == "cut":
            del data[int(rng.integers(0, len(data))) :]
        else:
            start = int(rng.integers(0, len(data) - 64))
            data[start : start + 64] = rng.bytes(64)
        path.write_bytes(data)
        counts[kind, _loaded(path, result)] += 1
    return counts


_ODD_WORDS = (
    "nan", "-1", "0", "1e400", "?", ".", "x,y,z", "", "'", ";", "loop_", "data_", "90", "1e-30", "10**9", "Xx", "☃",
    "__import__('os')", "225.5", "999", "-120", "4.0853(2)", "_cell_length_a", "\0", "#",
)  # fmt: skip


def odd_cif_files(n, seed, folder):
    """Counts of what happened to CIF files with words exchanged, left out, doubled or cut: (host, outcome)."""
    import warnings

    from support import orientation_scene as scene
    from support.hostile_judge import clear_refusal
    from unmix4d.orientation import crystal_from_cif

    operators = "\nloop_\n_symmetry_equiv_pos_as_xyz\n'x,y,z'\n'-x,-y,z'\n'1/2+x,1/2-y,-z'\n"
    rng, counts, path = np.random.default_rng(seed), Counter(), Path(folder) / "odd.cif"
    for i in range(n):
        words = (scene.CIF + (operators if i % 3 else "")).replace("\n", " \n ").split(" ")
        for place in rng.integers(0, len(words), rng.integers(1, 4)):
            words[place] = (words[place] * int(rng.integers(0, 3)), str(rng.choice(_ODD_WORDS)))[rng.integers(2)]
        text = " ".join(words)
        path.write_text(text if i % 5 else text[: rng.integers(len(text))], encoding="utf-8")
        host = ("pyxem", "py4dstem")[i % 2]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                crystal = crystal_from_cif(path, host=host)
            cell = crystal.cell if host == "py4dstem" else crystal.structure.lattice.abcABG()
            counts[host, "read" if np.isfinite(np.asarray(cell, float)).all() else "failed"] += 1
        except Exception as error:
            wrong = clear_refusal(error)
            counts[host, "failed" if wrong else "refused"] += 1
            if wrong:
                print("FAIL", wrong, repr(path.read_text(encoding="utf-8")), file=sys.stderr, flush=True)
    return counts


def _loaded(path, result):
    import unmix4d

    try:
        again = unmix4d.load(path)
    except (OSError, MemoryError):
        return "refused"
    same = again.settings == result.settings and all(
        np.array_equal(getattr(again, name), getattr(result, name), equal_nan=True)
        for name in ("patterns", "maps", "totals")
    )
    return "the very same result" if same else "another result"


def large_scan(gigabytes):
    """A lazy scan that is made as it is read, in a separate process: its size, memory before and at the peak, seconds."""
    from common.process import Failed, run_script

    try:
        r = run_script("checks/lazy_scan.py", gigabytes)
    except Failed as error:
        return f"It did not end: {error}"
    return (
        f"`nmf(4)` of a lazy scan of {r['bytes'] / 1e9:.1f} GB (made as it is read, {r['passes']} passes): "
        f"{r['before'] / 1e6:.0f} MB before, {r['peak'] / 1e6:.0f} MB at the peak, {r['seconds']:.0f} s."
    )


def table_of(counts, columns):
    rows = sorted({row for row, _ in counts})
    cells = [[row, sum(counts[row, c] for c in columns), *(counts[row, c] for c in columns)] for row in rows]
    return cells + [["all", *(sum(row[i] for row in cells) for i in range(1, len(columns) + 2))]] if cells else cells


def page(args, folder):
    asked = " ".join(f"--{name} {getattr(args, name)}" for name in ("cases", "files", "commands", "cifs", "seed"))
    command = f"python benchmarks/checks/hostile.py {asked}"
    parts = ["# Hostile input: tried and survived\n", f"Made by `{command}`.\n", machine_facts() + "\n"]
    if args.cases:
        start = time.perf_counter()
        counts, ran, held, failures = generated_cases(args.cases, args.seed, args.minutes * 60, folder)
        seconds = time.perf_counter() - start
        rows = tried_before_now(held, failures, counts)
        parts += [
            f"## Generated cases\n\n{ran} cases ({args.cases} asked for) in {seconds:.0f} s; {len(failures)} outside the "
            "contract. A case is a scan, possibly a preparation, one or two methods, and calls of the result: each is a "
            "call in the table. *Answered*: within the contract. *Refused*: one sentence, raised by unmix4d itself. "
            "*Failed*: anything else.\n",
            "In the second column of this table are the cases that held such input; in the third what version 0.1.0, whose "
            "own attack had none of it, is known to have done there; in the last how many fail now.\n",
            markdown_table(["input", "tried", "failed before (0.1.0)", "fails now"], rows) + "\n",
            markdown_table(["method", "calls", *OUTCOMES], table_of(counts, OUTCOMES)) + "\n",
        ]
        parts += [f"- {text[:300]}: `{case!r}`, `{before!r}`, `{called!r}`\n" for text, case, before, called, _ in failures]
    if args.commands:
        counts, failures = hostile_commands(args.commands, args.seed, folder)
        parts += [
            f"## The command line\n\n`python -m unmix4d run` with files of many kinds, whole and damaged, and options right "
            f"and wrong; {len(failures)} outside the contract. No failure of version 0.1.0 is known.\n",
            markdown_table(["file", "calls", *OUTCOMES], table_of(counts, OUTCOMES)) + "\n",
        ]
    if args.files:
        outcomes = ("refused", "the very same result", "another result")
        counts = damaged_files(args.files, args.seed, folder)
        rows = table_of(counts, outcomes)
        parts += [
            "## Damaged files\n\nNo damaged file may give another result. Version 0.1.0 did not either.\n",
            markdown_table(["damage", "files", *outcomes], rows) + "\n",
        ]
    if args.cifs:
        outcomes = ("read", "refused", "failed")
        rows = table_of(odd_cif_files(args.cifs, args.seed, folder), outcomes)
        parts += [
            "## Odd CIF files\n\nVersion 0.1.0 let the readers run symmetry operators as Python code, and took a missing "
            "cell for one of 1 Å.\n",
            markdown_table(["host", "files", *outcomes], rows) + "\n",
        ]
    if args.gigabytes:
        parts += ["## Memory\n", large_scan(args.gigabytes) + "\n"]
    return "\n".join(parts)


def _limit_memory(gigabytes=10):
    """A case that asks for more ends in a MemoryError, not with the machine."""
    try:
        import resource
    except ImportError:  # not on Unix
        return
    resource.setrlimit(resource.RLIMIT_AS, (gigabytes << 30, gigabytes << 30))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--commands", type=int, default=200, help="calls of the command line")
    parser.add_argument("--cifs", type=int, default=500, help="odd CIF files")
    parser.add_argument("--gigabytes", type=float, default=0)
    parser.add_argument("--minutes", type=float, default=120, help="cases that are not begun by then are left out")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    _limit_memory()
    with tempfile.TemporaryDirectory() as folder:
        text = page(args, Path(folder))
    args.out.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
