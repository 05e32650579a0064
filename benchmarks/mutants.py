"""Mutation testing of a sample of the numerical core: are the tests strict enough to notice one wrong operator?

    python benchmarks/mutants.py --per-file 10 --out mutants.md
"""

import argparse
import ast
import copy
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Each file and the tests whose subject it is.
TARGETS = {
    "decomposition/nnls.py": ["tests/test_nnls.py"],
    "clustering/memberships.py": ["tests/test_fuzzy.py"],
    "clustering/metrics.py": ["tests/test_core_details.py", "tests/test_fuzzy.py"],
    "maps/regions.py": ["tests/test_grains.py"],
    "scores/matching.py": ["tests/test_scores.py"],
    "decomposition/hals.py": ["tests/test_core_details.py", "tests/test_decomposition.py", "tests/test_nmf.py"],
    "noise.py": ["tests/test_compression.py"],
}
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


def mutants_of(text):
    """(line, what, source) of every mutant of a module."""
    tree = ast.parse(text)
    places = [(i, what) for i, node in enumerate(ast.walk(tree)) for what, _ in mutations(node)]
    for index, what in places:
        changed = copy.deepcopy(tree)
        node = list(ast.walk(changed))[index]
        next(change for word, change in mutations(node) if word == what)(node)
        yield node.lineno, what, ast.unparse(changed)


def run_tests(source, tests, timeout):
    """Whether the tests pass with the package of this folder."""
    env = {**os.environ, "PYTHONPATH": str(source), "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-o", "addopts=", *tests]
    try:
        done = subprocess.run(command, cwd=ROOT, env=env, timeout=timeout, capture_output=True)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--per-file", type=int, default=10)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    rng, deadline, jobs = random.Random(args.seed), time.monotonic() + 60 * args.minutes, []
    for name, tests in TARGETS.items():
        every = list(mutants_of((ROOT / "src" / "unmix4d" / name).read_text(encoding="utf-8")))
        jobs += [(name, tests, *mutant) for mutant in rng.sample(every, min(args.per_file, len(every)))]
    rng.shuffle(jobs)
    killed, lines, tried = {name: 0 for name in TARGETS}, [], {name: 0 for name in TARGETS}
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "src"
        shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
        for name, tests, line, what, text in jobs:
            if time.monotonic() > deadline:
                break
            path = source / "unmix4d" / name
            whole = path.read_text(encoding="utf-8")
            path.write_text(text, encoding="utf-8")
            survived = run_tests(source, tests, 240)
            path.write_text(whole, encoding="utf-8")
            tried[name] += 1
            killed[name] += not survived
            print(f"{name}:{line} {what}: {'SURVIVED' if survived else 'killed'}", flush=True)
            if survived:
                lines.append(f"- `{name}` line {line}: {what}")
    total = sum(tried.values())
    rows = [f"- `{name}`: {killed[name]} of {tried[name]} killed by `{' '.join(TARGETS[name])}`" for name in TARGETS]
    head = f"{sum(killed.values())} of {total} mutants killed ({len(jobs)} drawn, seed {args.seed})."
    args.out.write_text("\n".join([head, "", *rows, "", "Survivors:", "", *lines, ""]), encoding="utf-8")
    print(args.out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
