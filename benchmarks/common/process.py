"""Programs in processes of their own, their time and their memory."""

import json
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

from common.memory import PeakMemory

__all__ = ["Failed", "measured", "run_script", "timed", "tried"]

_BENCHMARKS = Path(__file__).resolve().parents[1]


class Failed(RuntimeError):
    """A program did not deliver; the message is the last line it wrote."""


def run_script(script, *arguments):
    """Run a script of the benchmarks (path from their folder); what it prints in its last line, read as JSON.

    The process finds `common`, and whatever lies beside the script.
    """
    path = os.pathsep.join(filter(None, (str(_BENCHMARKS), os.environ.get("PYTHONPATH"))))
    command = [sys.executable, str(_BENCHMARKS / script), *map(str, arguments)]
    print(f"  {script} {' '.join(Path(str(a)).name for a in arguments)} ...", file=sys.stderr, flush=True)
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path})
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise Failed(f"{script}: {lines[-1]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def tried(programs, run, report):
    """The answers of the programs that delivered, by name; a peer that fails is reported, ours raises."""
    found = {}
    for program in programs:
        try:
            found[program] = run(program)
        except Failed as error:
            if program.startswith("unmix4d"):
                raise
            report(f"- failed: {program}: {error}")
    return found


def timed(function):
    """The answer of a call, and the seconds it took."""
    started = time.perf_counter()
    answer = function()
    return answer, time.perf_counter() - started


def measured(function):
    """The answer of a call, the seconds it took, and the memory of this process meanwhile.

    Warnings are not shown: "did not converge" is what the iterations of a table are for.
    """
    with warnings.catch_warnings(), PeakMemory() as memory:
        warnings.simplefilter("ignore")
        answer, seconds = timed(function)
    return answer, seconds, memory
