"""What the items of `engine.py` share: programs in processes of their own, goals, tables of scores, the test scan."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from scans import Case
from tables import markdown_table

__all__ = ["Failed", "Goals", "K", "component_table", "make_case", "run_script", "scan_shape", "whole"]

K = 8
DOSE = 2e3  # electrons per pattern
_SHAPES = {False: (128, 128, 128, 128), True: (48, 48, 64, 64)}
_HERE = Path(__file__).resolve().parent


class Failed(RuntimeError):
    """A program did not deliver; the message is the last line it wrote."""


def run_script(script, *arguments):
    """Run a script of this folder in a process of its own; the dict it prints in its last line."""
    command = [sys.executable, str(_HERE / script), *map(str, arguments)]
    print(f"  {script} {' '.join(Path(str(a)).name for a in arguments)} ...", file=sys.stderr, flush=True)
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise Failed(f"{script}: {lines[-1]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


class Goals:
    """Says under every table what was to be reached and what was, and remembers whether anything was missed.

    Parameters
    ----------
    report : callable
        Gets every line.
    quick : bool
        Small sizes: goals about time and memory are shown but not judged.
    """

    def __init__(self, report, quick):
        self.report, self.quick = report, quick
        self.rows, self.passed = [], True

    def __call__(self, what, value, *, least=None, most=None, form="{:.2f}", by_size=True):
        """One goal.

        Parameters
        ----------
        what : str
        value : float
        least, most : float, optional
            One of them: the limit.
        form : str
            How numbers are written.
        by_size : bool
            Whether it holds for scans of full size only.
        """
        reached = value >= least if most is None else value <= most
        judged = not (self.quick and by_size)
        verdict = ("reached" if reached else "MISSED") if judged else "not judged at this size"
        sign, limit = ("at least", least) if most is None else ("at most", most)
        goal, got = f"{sign} {form.format(limit)}", form.format(value)
        self.rows.append([what, goal, got, verdict])
        self.passed &= reached or not judged
        self.report(f"\n**Goal**: {what}: {goal} / **reached**: {got} ({verdict}).")

    def missing(self, what, why):
        """A goal that could not be judged: it is in the table, so that nobody takes it for reached."""
        self.rows.append([what, "-", "-", f"not measured: {why}"])

    def table(self):
        """All goals so far."""
        return markdown_table(["goal", "wanted", "reached", ""], self.rows)


def component_table(names, columns):
    """Map correlation / pattern cosine of every true component, a column per program.

    Parameters
    ----------
    names : list of str
    columns : dict
        Program to a dict with ``map_correlation`` and ``pattern_cosine``.
    """
    rows = [
        [name, *(f"{c['map_correlation'][i]:.3f} / {c['pattern_cosine'][i]:.3f}" for c in columns.values())]
        for i, name in enumerate(names)
    ]
    means = [
        f"{np.mean(c['map_correlation']):.3f} / {np.mean(c['pattern_cosine']):.3f}" for c in columns.values()
    ]
    return markdown_table(["map r / pattern cos", *columns], [*rows, ["**mean**", *means]])


def whole(seconds):
    """Seconds as text, with as many digits as make sense."""
    return f"{seconds:.0f}" if seconds >= 100 else f"{seconds:.1f}"


def scan_shape(quick):
    """Shape of the scan of items 1 to 4."""
    return _SHAPES[quick]


def make_case(folder, quick):
    """The scan of items 1 to 4, written by a process of its own, so that its memory is given back."""
    run_script("engine_tools.py", folder, *_SHAPES[quick])
    return Case(folder)


def _write(folder, *shape):
    from unmix4d import phantoms

    folder = Path(folder)
    folder.mkdir(parents=True)
    store = folder / "source.zarr"
    phantom = phantoms.large_scan(store, shape=tuple(map(int, shape)), k=K, dose=DOSE, seed=0)
    Case.write(
        folder, phantom.data.compute().astype(np.float32), patterns=phantom.patterns, maps=phantom.maps,
        names=phantom.names, k=K, direct_beam=None, centre=phantom.centre, pixel_size=phantom.pixel_size, step=phantom.step,
    )  # fmt: skip
    return {}


if __name__ == "__main__":
    print(json.dumps(_write(*sys.argv[1:])))
