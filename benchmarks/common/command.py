"""The command line of a benchmark, its items, what it skips, and the text it prints and writes."""

import argparse
import importlib.util
import shutil
import tempfile
from pathlib import Path

from common.goals import Goals
from common.tables import machine_facts

__all__ = ["DATA", "Report", "Skipped", "need_disk", "need_files", "need_packages", "parser", "run"]

DATA = Path(__file__).resolve().parents[2] / "../shared/data"  # beside the repository


class Skipped(Exception):
    """An item cannot be run here; the message is the reason."""


class Report:
    """Prints every paragraph as it comes, keeps them all, and writes them where asked for.

    Parameters
    ----------
    out : Path, optional
        The file of `write`.
    """

    def __init__(self, out=None):
        self.out, self.parts = out, []

    def __call__(self, text):
        self.parts.append(text)
        print(text, flush=True)

    def write(self):
        """Everything until now, so that a run that is broken off leaves what it has measured."""
        if self.out:
            self.out.parent.mkdir(parents=True, exist_ok=True)
            self.out.write_text("\n".join(self.parts).rstrip() + "\n", encoding="utf-8")


def parser(description, *, items=None, quick="small sizes; goals of time are not judged"):
    """The options that every benchmark has; those of a benchmark alone are added to what comes back.

    Parameters
    ----------
    description : str
        Docstring of the script; its first line is shown.
    items : dict, optional
        Numbered parts that can be run alone.
    quick : str
        What ``--quick`` leaves out.
    """
    line = argparse.ArgumentParser(description=description.splitlines()[0])
    if items:
        line.add_argument("--only", type=int, nargs="+", choices=sorted(items), help="run these items, in this order")
    line.add_argument("--quick", action="store_true", help=quick)
    line.add_argument(
        "--data",
        metavar="DIR",
        type=Path,
        default=DATA,
        help="folder of the measured and simulated scans, where they are needed (default: ../shared/data)",
    )
    line.add_argument("--out", metavar="FILE.md", type=Path, help="write the tables there as well")
    return line


def run(items, introduction, args):
    """Run the items, each with an empty folder; what cannot be run is skipped with its reason.

    Parameters
    ----------
    items : dict
        Number to a function of (args, folder, report, goals).
    introduction : str
        Title, and how it is measured.
    args : argparse.Namespace
        Of `parser`.

    Returns
    -------
    int
        The exit code: 1 when a goal was missed.
    """
    report = Report(args.out)
    goals = Goals(report, args.quick)
    report(introduction)
    report(machine_facts() + "\n")
    for number in args.only or items:
        with tempfile.TemporaryDirectory() as folder:
            try:
                items[number](args, Path(folder), report, goals)
            except Skipped as reason:
                report(f"Skipped: {reason}.")
                goals.missing(f"item {number}", reason)
        report("")
        report.write()
    if goals.rows:
        report("## Goals\n\n" + goals.table())
    report.write()
    return 0 if goals.passed else 1


def need_packages(*packages):
    """Skip the item when one of the packages is not installed."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise Skipped(f"{package} is not installed")


def need_files(data, *names):
    """Skip the item when the data folder or one of its files is absent."""
    if not data.is_dir():
        raise Skipped("the data folder is absent (give it with --data)")
    for name in names:
        if not (data / name).is_file():
            raise Skipped(f"{name} is not in the data folder")


def need_disk(folder, wanted):
    """Skip the item when fewer than so many bytes are free."""
    free = shutil.disk_usage(folder).free
    if free < wanted:
        raise Skipped(f"{wanted / 1e9:.1f} GB of disk needed, {free / 1e9:.1f} GB free")
