"""``python -m unmix4d run FILE ...``: scans from file to report, without a notebook."""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback

from . import files, steps
from .options import add_options
from .resuming import asked_of, done_before, keep_outcome
from .saying import only_ours, say
from .summary import NAME, Outcome, table_text, write_summary
from .wanted import wanted

__all__ = ["add_parser", "execute"]

DONE, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130  # 2 as argparse has it, 130 = 128 + SIGINT as shells have it
_EXAMPLES = """\
examples:
  python -m unmix4d run scan.zspy --components 8 --direct-beam "0.1 1/Å" --bin 2 --out results
  python -m unmix4d run scan.h5 --components 4-12            the number is chosen in this range
  python -m unmix4d run scan.zspy --components 8 --smooth-maps "3 nm" --no-dark-spots --starts 10
  python -m unmix4d run film.hspy --method merge --features angular_average --direct-beam 6 --grains --overlap
  python -m unmix4d run film.hspy --method merge --cif silver.cif gold.cif --voltage "300 kV"
  python -m unmix4d run scan.npy --centre 63.5 64 --pixel-size "0.02 1/Å" --step "1.5 nm" --method fuzzy
  python -m unmix4d run scan.mib --scan-shape 128 256 --components 6
  python -m unmix4d run 20C.zspy 100C.zspy 200C.zspy --together --components 8    patterns in common, maps of each
  python -m unmix4d run *.zspy --method merge --out week --checkpoint     the same line again goes on where it was stopped
  python -m unmix4d run monday.zspy tuesday.zspy --grains --out week    a folder each, and week/summary.csv

lengths are detector pixels (of maps: positions), or strings with a unit in quotes.
written to DIR: report.html, result.unmix.h5 (unmix4d.load reads it), tables (.csv) and figures (.png); older ones are
replaced. of several files each has a folder of its own in DIR, beside the table of all, summary.csv.

exit codes: 0 done; 1 failed while computing; 2 wrong arguments, unreadable file or unwritable folder; 130 interrupted.
of several files the highest of theirs: 0 only when all went well.
"""


def add_parser(commands) -> None:
    """Add ``run`` to the subparsers of the main command."""
    parser = commands.add_parser(
        "run", help="unmix scans from files and write a report of each", epilog=_EXAMPLES,
        description="Unmix scans in any file that pyxem (HyperSpy) or py4DSTEM reads, or NumPy arrays. The scans stay on "
        "disk and are read in blocks.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add_options(parser)
    parser.set_defaults(execute=execute)


def execute(chosen) -> int:
    """Run the command; returns the exit code."""
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_MININTERVAL", "10")  # the log of a cluster is not to fill with progress bars
    with only_ours(chosen.debug) as next_file:
        try:
            return _run(chosen, next_file)
        except KeyboardInterrupt:
            print("interrupted: nothing more is written", file=sys.stderr)
            return INTERRUPTED


def _run(chosen, next_file) -> int:
    try:
        asked = wanted(chosen)
        scans = files.named(chosen.files)
        top, folders = files.folders_of(scans, chosen.out)
        files.writable_folder(top)
    except (ValueError, TypeError, OSError) as error:
        return _said(error, WRONG, chosen.debug)
    if len(scans) == 1:
        return _one(Outcome(scans[0]), folders[0], chosen, asked).code
    if chosen.together:
        return _one(Outcome(f"{len(scans)} scans together"), top, chosen, asked, scans).code
    outcomes: list[Outcome] = []
    try:
        for i, (file, folder) in enumerate(zip(scans, folders), 1):
            next_file()
            say(f"[{i}/{len(scans)}]")
            outcomes.append(_one(Outcome(file), folder, chosen, asked))
            write_summary(top, outcomes)  # after each: what is done is known, whatever comes next
    except OSError as error:
        return _said(error, FAILED, chosen.debug)
    finally:
        if outcomes:
            say(f"{table_text(outcomes)}\n{os.path.join(top, NAME)}")
    return max(one.code for one in outcomes)


def _one(outcome: Outcome, folder: str, chosen, asked, together=None) -> Outcome:
    """One file, or several as one, from beginning to end; what came of it, whatever happens."""
    start = time.perf_counter()
    code, left_out = WRONG, False
    asked_for = asked_of(chosen, together or [outcome.file]) if chosen.checkpoint else {}
    if chosen.checkpoint and (before := done_before(folder, asked_for)):
        say(f"{before.file} is done, in {folder}")
        return before
    try:
        if together is None:
            view = steps.opened(outcome.file, chosen, asked)
        else:
            view, failed = steps.opened_together(together, chosen, asked)
            for file, error in failed.items():  # the others go on
                left_out = bool(_said(OSError(f"{file} is left out: {error}"), WRONG, chosen.debug))
        geometry = view.geometry
        outcome.shape = " x ".join(map(str, (*geometry.scan_shape, *geometry.detector_shape)))
        outcome.method = chosen.method + (f" of {chosen.features}" if chosen.features else "")
        view, plan = steps.planned(view, chosen, asked)
        code = FAILED
        vars(outcome).update(steps.compute(view, plan, folder))
        outcome.code = WRONG if left_out else DONE
        outcome.seconds = time.perf_counter() - start
        if chosen.checkpoint and outcome.code == DONE:
            keep_outcome(folder, asked_for, outcome)
    except Exception as error:
        outcome.code = _said(error, code, chosen.debug)
        outcome.went_wrong = _sentence(error)
    outcome.seconds = time.perf_counter() - start
    return outcome


def _sentence(error):
    name = "" if isinstance(error, (ValueError, TypeError, OSError, ImportError)) else f"{type(error).__name__}: "
    return name + " ".join(str(error).split())


def _said(error, code, debug):
    if debug:
        traceback.print_exc()
    print(f"error: {_sentence(error)}", file=sys.stderr)
    if code == FAILED and not debug:
        print("(--debug shows where it came from)", file=sys.stderr)
    return code
