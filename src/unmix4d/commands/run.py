"""``python -m unmix4d run FILE``: one scan from file to report, without a notebook."""

from __future__ import annotations

import argparse
import os
import re
import sys
import traceback
import warnings

__all__ = ["add_parser", "execute"]

DONE, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130  # 2 as argparse has it, 130 = 128 + SIGINT as shells have it
_EXAMPLES = """\
examples:
  python -m unmix4d run scan.zspy --components 8 --direct-beam "0.1 1/Å" --bin 2 --out results
  python -m unmix4d run scan.h5 --components 4-12            the number is chosen in this range
  python -m unmix4d run film.hspy --method merge --features angular_average --direct-beam 6
  python -m unmix4d run scan.npy --centre 63.5 64 --pixel-size "0.02 1/Å" --step "1.5 nm" --method fuzzy

lengths are detector pixels, or texts with a unit in quotes.
written to DIR: report.html, result.unmix.h5 (unmix4d.load reads it), and figures (.png); older ones are replaced.

exit codes: 0 done; 1 failed while computing; 2 wrong arguments, unreadable file or unwritable folder; 130 interrupted.
"""


def add_parser(commands) -> None:
    """Add ``run`` to the subparsers of the main command."""
    parser = commands.add_parser(
        "run", help="unmix a scan from a file and write a report", epilog=_EXAMPLES,
        description="Unmix a scan in any file that pyxem (HyperSpy) or py4DSTEM reads, or a NumPy array. The scan stays on "
        "disk and is read in blocks.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("file", metavar="FILE", help=".hspy .zspy .mib .blo ... (HyperSpy), .h5 .emd (py4DSTEM), .npy")
    parser.add_argument("--out", metavar="DIR", help="folder for what is written (default: unmix4d-NAME)")
    _what(parser.add_argument_group("what is computed"))
    _how(parser.add_argument_group("preparation"))
    _file(parser.add_argument_group("the file and its calibration"))
    parser.add_argument("--in-memory", action="store_true", help="keep the prepared scan in memory: faster, where it fits")
    parser.add_argument("--debug", action="store_true", help="show where an error came from")
    parser.set_defaults(execute=execute)


def _what(group):
    group.add_argument(
        "--components", type=_components, default="auto", metavar="N",
        help="a number, LOW-HIGH or auto: chosen from the scan (default: auto); for merge, how many to start with",
    )  # fmt: skip
    group.add_argument("--method", default="nmf", choices=("nmf", "fuzzy", "merge", "vca", "svd"), help="(default: nmf)")
    group.add_argument(
        "--features", choices=("angular_average", "radial_variance"), help="decompose these instead of the pixels"
    )
    group.add_argument("--starts", type=int, metavar="N", help="starts of nmf and fuzzy, runs of merge (default: its own)")
    group.add_argument("--seed", type=int, default=0, metavar="N", help="the same seed gives the same result (default: 0)")


def _components(text):
    """A number, (low, high) or "auto"."""
    found = re.fullmatch(r"(\d+)(?:\s*-\s*(\d+))?", text.strip())
    if text.strip().lower() == "auto":
        return "auto"
    if not found:
        raise argparse.ArgumentTypeError(f"must be a number, LOW-HIGH or auto, got {text!r}")
    return int(found[1]) if found[2] is None else (int(found[1]), int(found[2]))


def _how(group):
    group.add_argument("--direct-beam", metavar="RADIUS", help="exclude the pixels within this radius")
    group.add_argument("--annulus", nargs=2, metavar=("INNER", "OUTER"), help="use these radii only; none: no limit")
    group.add_argument("--bin", type=int, metavar="N", help="sum N x N detector pixels")


def _file(group):
    group.add_argument("--host", choices=("pyxem", "py4dstem", "array"), help="who opens the file (default: by its ending)")
    group.add_argument("--dataset", metavar="PATH", help="which scan of an HDF5 file that holds several")
    group.add_argument("--centre", nargs=2, type=float, metavar=("ROW", "COL"), help="of the direct beam, in pixels")
    group.add_argument("--pixel-size", metavar="SIZE", help='of a detector pixel, "0.02 1/Å" for example')
    group.add_argument("--step", metavar="SIZE", help='between positions, "2 nm" for example')


def execute(chosen) -> int:
    """Run the command; returns the exit code."""
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_MININTERVAL", "10")  # the log of a cluster is not to fill with progress bars
    with warnings.catch_warnings():
        _only_ours()
        try:
            return _run(chosen)
        except KeyboardInterrupt:
            print("interrupted: nothing more is written", file=sys.stderr)
            return INTERRUPTED


def _run(chosen) -> int:
    from . import steps

    try:
        folder = steps.writable_folder(chosen)
        view = steps.opened(chosen)
        plan = steps.planned(view, chosen)
    except (ValueError, TypeError, OSError, ImportError) as error:
        return _said(error, WRONG, chosen.debug)
    try:
        steps.compute(view, plan, folder)
    except Exception as error:
        return _said(error, FAILED, chosen.debug)
    return DONE


def _said(error, code, debug):
    if debug:
        traceback.print_exc()
    name = "" if isinstance(error, (ValueError, TypeError, OSError, ImportError)) else f"{type(error).__name__}: "
    print(f"error: {name}{' '.join(str(error).split())}", file=sys.stderr)
    if code == FAILED and not debug:
        print("(--debug shows where it came from)", file=sys.stderr)
    return code


def _only_ours():
    """Warnings of this package in one line each; those of hosts are theirs."""
    from ..core.messages import UnmixWarning

    def show(message, category, *_, **__):
        print(f"note: {message}", file=sys.stderr)

    warnings.simplefilter("ignore")
    warnings.simplefilter("always", UnmixWarning)
    warnings.showwarning = show
