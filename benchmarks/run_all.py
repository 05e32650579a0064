"""Make the tables of all benchmarks, each in a separate process.

::

    python benchmarks/run_all.py --list
    python benchmarks/run_all.py [--only NAME ...] [--quick] [--data DIR] [--out DIR]

A benchmark is a folder with a ``run.py``, and its table is RESULTS.md beside it, or in a folder of the same name in DIR.
A quick run without ``--out`` only prints: it never takes the place of what was measured in full. What cannot be run on this
machine is skipped by the benchmark, with the reason in its table. The exit code is 1 when one of them ended with another
than 0.
"""

import argparse
import ast
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def found():
    """The scripts by name, in alphabetical order."""
    return {path.parent.name: path for path in sorted(HERE.glob("*/run.py"))}


def what(script):
    """First line of the docstring of a script."""
    return ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))).splitlines()[0]


def parse(arguments=None):
    """The command line."""
    line = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    line.add_argument("--list", action="store_true", help="say what there is, and end")
    line.add_argument("--only", nargs="+", choices=tuple(found()), metavar="NAME", help="these, in this order")
    line.add_argument("--quick", action="store_true", help="small sizes: to see that everything runs")
    line.add_argument("--data", metavar="DIR", type=Path, help="folder of the measured and simulated scans")
    line.add_argument("--out", metavar="DIR", type=Path, help="where the tables go (default: beside their scripts)")
    return line.parse_args(arguments)


def command(name, args):
    """What is run for one benchmark."""
    words = [sys.executable, str(found()[name])]
    if args.out or not args.quick:
        words += ["--out", str((args.out or HERE) / name / "RESULTS.md")]
    words += ["--quick"] if args.quick else []
    return words + (["--data", str(args.data)] if args.data else [])


def main(arguments=None):
    """Run them; returns the exit code."""
    args = parse(arguments)
    if args.list:
        width = max(map(len, found()))
        print("\n".join(f"{name:{width}}  {what(script)}" for name, script in found().items()))
        return 0
    codes, said = {}, []
    for name in args.only or found():
        started = time.perf_counter()
        codes[name] = subprocess.run(command(name, args)).returncode
        said.append(f"{name}: exit code {codes[name]}, {time.perf_counter() - started:.0f} s")
        print(said[-1], file=sys.stderr, flush=True)
    print("\n".join(said))
    return int(any(codes.values()))


if __name__ == "__main__":
    sys.exit(main())
