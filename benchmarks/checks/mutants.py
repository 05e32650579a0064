"""Mutation testing of a sample of the numerical core: are the tests strict enough to notice one wrong operator?

python benchmarks/checks/mutants.py --per-file 10 --out mutants.md
python benchmarks/checks/mutants.py --rooms hosts results plots orientation --together 40 --seed 16 --out mutants.md
"""

import argparse
import ast
import os
import queue
import random
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# A mutant of a formula needs no object of a host.
_NO_HOST = ("-k", "not pyxem and not py4dstem and not host")


def _tests(*names):
    return [f"tests/{name}.py" for name in names]


_RINGS = _tests("features/test_rings_and_sectors")
_FUZZY, _HALS = _tests("clustering/test_fuzzy"), _tests("decomposition/test_nmf", "methods/test_decomposition")
_SMOOTH, _ROTATION = _tests("constraints/test_constraints"), _tests("clustering/test_rotation")
_FEATURES, _OVERLAP = [*_RINGS, *_tests("features/test_features")], _tests("results/test_overlap")
_COMPRESSION, _MASKS = _tests("engine/test_compression"), _tests("preparation/test_masks")
# First what sees most: descriptions of all figures and answers, against those that are kept.
_PLOTS = _tests("plots/test_figures_as_before", "plots/test_plot_details", "plots/test_plots", "plots/test_style")
_HOSTS = _tests("hosts/test_natives_as_before", "hosts/test_host_details", "hosts/test_hosts")
_ORIENTATION = [
    *_tests("orientation/test_orientations_as_before"),
    *(f"tests/orientation/test_orientation_{name}.py" for name in ("details", "pyxem", "py4dstem")),
]
_RESULTS = _tests("results/test_answers_as_before", "results/test_result_details")
# Each file and the tests whose subject it is.
TARGETS = {
    "decomposition/nnls.py": _tests("decomposition/test_nnls"),
    "clustering/memberships.py": _FUZZY,
    "clustering/metrics.py": _FUZZY,
    "maps/regions.py": _tests("results/test_grains"),
    "scores/matching.py": _tests("scores/test_scores"),
    "decomposition/hals.py": _HALS,
    "engine/noise.py": _COMPRESSION,
    "constraints/no_dark_spots.py": _SMOOTH,
    "constraints/_rings.py": _SMOOTH,
    "constraints/smooth_maps.py": _SMOOTH,
    "constraints/_smoothing.py": _SMOOTH,
    "features/rings.py": [*_FEATURES, *_NO_HOST],
    "features/sectors.py": [*_FEATURES, *_NO_HOST],
    "features/passes.py": [*_FEATURES, *_NO_HOST],
    "features/radial_variance.py": [*_FEATURES, *_NO_HOST],
    "clustering/similarity.py": _ROTATION,
    "clustering/group_angles.py": [*_ROTATION, *_tests("clustering/test_groups"), *_NO_HOST],
    "maps/overlap.py": [*_OVERLAP, *_NO_HOST],
    "maps/weight_errors.py": [*_OVERLAP, *_NO_HOST],
    "engine/compression.py": [*_COMPRESSION, *_NO_HOST],
    "choose_k/decision.py": [*_tests("choose_k/test_decision", "choose_k/test_choose_k"), *_NO_HOST],
    "image_quality/_structure.py": _tests("image_quality/test_image_quality"),
    "image_quality/_gradients.py": _tests("image_quality/test_image_quality"),
    "core/centre.py": [*_tests("core/test_centre", "preparation/test_preparation"), *_SMOOTH, *_NO_HOST],
    "preparation/masks.py": [*_MASKS, *_tests("preparation/test_preparation"), *_NO_HOST],
    "core/polar.py": [*_tests("core/test_polar"), *_NO_HOST],
    "results/grains.py": [*_RESULTS, *_tests("results/test_grains")],
    "results/overlap.py": [*_RESULTS, *_tests("results/test_overlap")],
    "results/groups.py": [*_RESULTS, *_tests("clustering/test_groups")],
    "results/fuzzy_clusters.py": [*_RESULTS, *_tests("clustering/test_fuzzy_clusters")],
    "results/merged.py": [*_RESULTS, *_tests("decomposition/test_merge_nmf")],
    "results/quality.py": [*_RESULTS, *_tests("results/test_quality_report")],
    "results/build.py": [*_RESULTS, *_tests("methods/test_decomposition")],
    "results/decomposition.py": [*_RESULTS, *_tests("methods/test_decomposition")],
    "results/saved.py": [*_RESULTS, *_tests("storage/test_result_file")],
    "results/likelihood.py": [*_RESULTS, *_tests("preparation/test_thinning")],
    "results/data_of_a_result.py": [*_RESULTS, *_tests("results/test_changed_data")],
    "results/k_choice.py": [*_RESULTS, *_tests("choose_k/test_choose_k")],
    "results/scree.py": [*_RESULTS, *_tests("decomposition/test_svd")],
}
_ROOMS = {"plots": _PLOTS, "hosts": _HOSTS, "orientation": _ORIENTATION, "results": _RESULTS}
for _name in ("bragg_vectors", "disk_detection", "polar"):
    TARGETS[f"hosts/{_name}.py"] = [*_HOSTS, *_tests("features/test_bragg_disks", "features/test_rings_and_sectors")]
for _room, _of_it in _ROOMS.items():
    for _path in sorted((ROOT / "src" / "unmix4d" / _room).glob("*.py")):
        TARGETS.setdefault(f"{_room}/{_path.name}", _of_it)
for _name in ("cif", "cif_checks", "phase_names", "phase_symmetry"):
    _own = _name.removesuffix("_checks")
    TARGETS[f"orientation/{_name}.py"] = _tests("orientation/test_orientations_as_before", f"orientation/test_{_own}")
_SWAPS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Lt: ast.LtE, ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,    ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
_NAMES = {"maximum": "minimum", "minimum": "maximum", "max": "min", "min": "max", "argmax": "argmin", "argmin": "argmax",
          "any": "all", "all": "any", "ceil": "floor", "floor": "ceil"}  # fmt: skip


def mutations(node):
    """Functions that change this node in place, with a word on each."""
    if isinstance(node, (ast.BinOp, ast.AugAssign, ast.BoolOp)) and type(node.op) in _SWAPS:
        new = _SWAPS[type(node.op)]
        yield f"{type(node.op).__name__} -> {new.__name__}", lambda n: setattr(n, "op", new())
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in _SWAPS:
        new = _SWAPS[type(node.ops[0])]
        yield f"{type(node.ops[0]).__name__} -> {new.__name__}", lambda n: n.ops.__setitem__(0, new())
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield f"{node.value} -> {node.value + 1}", lambda n: setattr(n, "value", n.value + 1)
    elif isinstance(node, ast.Constant) and type(node.value) is bool:
        yield f"{node.value} -> {not node.value}", lambda n: setattr(n, "value", not n.value)
    elif isinstance(node, ast.Attribute) and node.attr in _NAMES:
        yield f"{node.attr} -> {_NAMES[node.attr]}", lambda n: setattr(n, "attr", _NAMES[n.attr])
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
        yield "-x -> +x", lambda n: setattr(n, "op", ast.UAdd())


def places_of(text):
    """(index of a node, what) of every mutant of a module."""
    return [(i, what) for i, node in enumerate(ast.walk(ast.parse(text))) for what, _ in mutations(node)]


def mutant_of(text, index, what):
    """(line:column, what, source) of one of them."""
    changed = ast.parse(text)
    node = list(ast.walk(changed))[index]
    next(change for word, change in mutations(node) if word == what)(node)
    return f"{node.lineno}:{node.col_offset}", what, ast.unparse(changed)


def run_tests(source, tests, timeout):
    """Whether the tests pass with the package of this folder; a mutant that never ends is noticed, too."""
    env = {**os.environ, "PYTHONPATH": str(source), "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    options = ["-x", "-q", "-p", "no:cacheprovider", "-o", "addopts=", "-m", "not slow or one_in"]
    command = [sys.executable, "-m", "pytest", *options, *tests]
    try:
        done = subprocess.run(command, cwd=ROOT, env=env, timeout=timeout, capture_output=True)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _source(name):
    return (ROOT / "src" / "unmix4d" / name).read_text(encoding="utf-8")


def drawn(targets, per_file, seed):
    """(file, place, what, source) of a sample of the mutants of each file, in random order."""
    rng, chosen = random.Random(seed), []
    for name in targets:
        every = [(name, *place) for place in places_of(_source(name))]
        chosen += rng.sample(every, min(per_file, len(every)))
    rng.shuffle(chosen)
    return [(name, *mutant_of(_source(name), *place)) for name, *place in chosen]


def drawn_together(targets, number, seed):
    """(file, place, what, source) of a sample of all mutants of all files as one, in random order, as the time may be up."""
    every = [(name, *place) for name in targets for place in places_of(_source(name))]
    chosen = random.Random(seed).sample(every, min(number, len(every)))
    return [(name, *mutant_of(_source(name), *place)) for name, *place in chosen]


def attack(sources, jobs, deadline):
    """Whether each mutant survives its tests, as (file, place, what, survived), until the time is up; one for each source.

    Then all these tests are run with nothing changed: where they fail anyway, every mutant would count as killed.
    """
    free = queue.SimpleQueue()
    for source in sources:
        free.put(source)

    def one(job):
        if time.monotonic() > deadline:
            return None
        source, (name, place, what, text) = free.get(), job
        path = source / "unmix4d" / name
        whole = path.read_text(encoding="utf-8")
        path.write_text(text, encoding="utf-8")
        survived = run_tests(source, TARGETS[name], 900)  # a busy machine is no endless loop
        path.write_text(whole, encoding="utf-8")
        free.put(source)
        print(f"{name}:{place} {what}: {'SURVIVED' if survived else 'killed'}", flush=True)
        return name, place, what, survived

    def as_it_is(tests):
        source = free.get()
        passed = run_tests(source, tests, 1800)
        free.put(source)
        return passed

    plain, chosen = [], []
    for tests in dict.fromkeys(tuple(TARGETS[name]) for name, *_ in jobs):
        (chosen if "-k" in tests else plain).append(tests)
    together = [tests for tests in (list(dict.fromkeys(sum(plain, ()))), *map(list, chosen)) if tests]
    with ThreadPoolExecutor(len(sources)) as pool:
        results = [found for found in pool.map(one, jobs) if found is not None]
        for tests, passed in zip(together, pool.map(as_it_is, together)):
            if not passed:
                sys.exit(f"these tests must pass before anything is changed: {' '.join(tests)}")
    return results


def report(results, targets, n_drawn, seed):
    """Text of the table and of the list of survivors."""
    rows = []
    for name in targets:
        of_file = [survived for file, _, _, survived in results if file == name]
        rows.append(f"- `{name}`: {of_file.count(False)} of {len(of_file)} killed by `{' '.join(TARGETS[name])}`")
    lines = [f"- `{name}` line {place}: {what}" for name, place, what, survived in results if survived]
    head = f"{len(results) - len(lines)} of {len(results)} mutants killed ({n_drawn} drawn, seed {seed})."
    return "\n".join([head, "", *rows, "", "Survivors:", "", *lines, ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--per-file", type=int, default=10)
    parser.add_argument("--rooms", nargs="+", metavar="ROOM", help="files of these rooms only")
    parser.add_argument("--together", type=int, default=0, help="so many of all files as one, instead of some per file")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="so many mutants at a time")
    parser.add_argument("--only", nargs="+", choices=TARGETS, metavar="FILE", help="of these files, all by default")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    targets, deadline = args.only or list(TARGETS), time.monotonic() + 60 * args.minutes
    if args.rooms:
        targets = [name for name in targets if name.split("/")[0] in args.rooms]
    if args.together:
        jobs = drawn_together(targets, args.together, args.seed)
        targets = list(dict.fromkeys(name for name, *_ in jobs))
    else:
        jobs = drawn(targets, args.per_file, args.seed)
    with tempfile.TemporaryDirectory() as folder:
        sources = [Path(folder) / f"src {i}" for i in range(args.jobs)]
        for source in sources:
            shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
        results = attack(sources, jobs, deadline)
    args.out.write_text(report(results, targets, len(jobs), args.seed), encoding="utf-8")
    print(args.out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
