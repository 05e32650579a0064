"""The options of ``run``, as the notebook names what they do."""

from __future__ import annotations

import argparse
import re

__all__ = ["METHODS", "add_options"]

METHODS = ("nmf", "fuzzy", "merge", "vca", "ica", "pca", "svd")
_FEATURES = ("angular_average", "radial_variance", "symmetry", "friedel_odd", "polar", "bragg_disks")


def add_options(parser) -> None:
    """Add all options to the parser of ``run``, in groups."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE",
        help=".hspy .zspy .mib .blo .tvips ... (HyperSpy), .h5 .emd (py4DSTEM), .npy; several get a folder each",
    )  # fmt: skip
    parser.add_argument(
        "--out", metavar="DIR", help="folder for what is written (default: unmix4d-NAME, of several unmix4d-results)"
    )
    parser.add_argument(
        "--together", action="store_true", help="several FILEs as one: patterns in common, maps of each, series.csv"
    )
    parser.add_argument(
        "--skip-unreadable", action="store_true",
        help="with --together: read each file through first, and leave out what is damaged or holds NaN",
    )  # fmt: skip
    parser.add_argument(
        "--doses", type=_doses, metavar="LIST",
        help='with --together: the dose of each file, "1000,200,500", of which only ratios count, or estimate',
    )  # fmt: skip
    parser.add_argument(
        "--checkpoint", action="store_true",
        help="go on where the same run was interrupted: files that are done stay, nmf, merge and the choice of N resume",
    )  # fmt: skip
    _what(parser.add_argument_group("what is computed"))
    _known(parser.add_argument_group("what is known beforehand (constraints of nmf)"))
    _read_off(parser.add_argument_group("what is read from the components"))
    _how(parser.add_argument_group("preparation"))
    _file(parser.add_argument_group("the file and its calibration"))
    parser.add_argument("--in-memory", action="store_true", help="keep the prepared scan in memory: faster, where it fits")
    parser.add_argument("--debug", action="store_true", help="show where an error came from, and what the hosts say")


def _what(group):
    group.add_argument(
        "--components", type=_components, default="auto", metavar="N",
        help="a number, LOW-HIGH or auto: chosen from the scan (default: auto); for merge, how many to start with",
    )  # fmt: skip
    group.add_argument("--method", default="nmf", choices=METHODS, help="(default: nmf)")
    group.add_argument("--features", choices=_FEATURES, help="decompose these instead of the pixels")
    group.add_argument(
        "--detector", choices=("py4dstem", "pyxem"), help="who finds bragg_disks (default: the host of the file)"
    )
    group.add_argument("--starts", type=int, metavar="N", help="starts of the method, runs of merge (default: its own)")
    group.add_argument("--smooth", metavar="SIZE", help="find the subspace in smoothed data (nmf): sigma in positions, or "
                       'the width of the probe, "2 nm" (default: chosen from the data)')  # fmt: skip
    group.add_argument("--seed", type=int, default=0, metavar="N", help="the same seed gives the same result (default: 0)")


def _doses(text):
    """Numbers, or "estimate"."""
    if text.strip().lower() == "estimate":
        return "estimate"
    try:
        return [float(one) for one in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f'must be estimate or numbers such as "1000,200", got {text!r}') from None


def _components(text):
    """A number, (low, high) or "auto"."""
    found = re.fullmatch(r"(\d+)(?:\s*-\s*(\d+))?", text.strip())
    if text.strip().lower() == "auto":
        return "auto"
    if not found:
        raise argparse.ArgumentTypeError(f"must be a number, LOW-HIGH or auto, got {text!r}")
    return int(found[1]) if found[2] is None else (int(found[1]), int(found[2]))


def _known(group):
    group.add_argument(
        "--smooth-maps", metavar="SIZE", help='maps no sharper than the probe: its width, "3 nm" or positions'
    )
    group.add_argument("--no-dark-spots", action="store_true", help="no holes in patterns where others have their spots")
    group.add_argument("--friedel", action="store_true", help="patterns with I(g) = I(-g)")
    group.add_argument("--sparse", type=float, metavar="AMOUNT", help="patterns of few pixels; 0.05 to 0.3 is useful")
    group.add_argument("--sum-to-one", action="store_true", help="maps that add up to 1 everywhere; for vca too")


def _read_off(group):
    group.add_argument("--grains", action="store_true", help="grains.csv and grains.png")
    group.add_argument("--overlap", action="store_true", help="overlap.csv and overlap.png")
    group.add_argument(
        "--cif",
        nargs="+",
        metavar="CIF",
        help="orientations.csv and .png: components indexed with these crystals; after the FILEs",
    )
    group.add_argument(
        "--voltage", metavar="SIZE", help='of the microscope, "300 kV", where the file does not hold it; for --cif'
    )


def _how(group):
    group.add_argument("--direct-beam", metavar="RADIUS", help="exclude the pixels within this radius")
    group.add_argument("--annulus", nargs=2, metavar=("INNER", "OUTER"), help="use these radii only; none: no limit")
    group.add_argument("--bin", type=int, metavar="N", help="sum N x N detector pixels")


def _file(group):
    group.add_argument("--host", choices=("pyxem", "py4dstem", "array"), help="who opens the file (default: by its ending)")
    group.add_argument("--dataset", metavar="PATH", help="which scan of an HDF5 file that holds several")
    group.add_argument("--scan-shape", nargs=2, type=int, metavar=("ROWS", "COLS"),
                       help="of the positions, where the file does not say: .tvips, .mib without .hdr, Dectris masters; "
                       "with the columns of the flyback")  # fmt: skip
    group.add_argument("--flyback", type=int, metavar="N", help="leave out the last N positions of every row, in which the "
                       "beam flies back")  # fmt: skip
    group.add_argument("--centre", nargs=2, type=float, metavar=("ROW", "COL"), help="of the direct beam, in pixels")
    group.add_argument("--pixel-size", metavar="SIZE", help='of a detector pixel, "0.02 1/Å" for example')
    group.add_argument("--step", metavar="SIZE", help='between positions, "2 nm" for example')
