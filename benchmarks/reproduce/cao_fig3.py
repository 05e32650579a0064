"""Cao 2025, Fig. 3: K-component loss with its knee, and image quality between the components of the largest factorisation.

``python benchmarks/reproduce/cao_fig3.py --data PATH [--largest N] [--bin N] [--figure FILE.png]``

The data are public (doi:10.5281/zenodo.15492699) but are not part of this package: without ``--data`` the script says so and
ends. PATH is anything that HyperSpy reads as a scan of diffraction patterns, or a NumPy file (scan_row, scan_col, det_row,
det_col).
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from common.tables import markdown_table

from unmix4d import Unmix

# What the paper reports of its data after filtering with ePattern.
PAPER = {"knee": 10, "region": (6, 14), "k": 8, "ssim": 0.718, "gmsd": 0.1139, "mdsi": 0.3062}
SMALLEST = 3


def read(path, bins):
    """The scan as a view."""
    path = Path(path)
    if path.suffix == ".npy":
        view = Unmix(np.load(path, mmap_mode="r"))
    else:
        import hyperspy.api as hs

        view = hs.load(str(path), lazy=True)
        view = view.unmix if hasattr(view, "unmix") else Unmix(view.data)
    return view.prepare(bin=bins) if bins > 1 else view


def table(choice):
    """The paper's values beside ours."""
    steps = choice.details
    rows = [
        ["knee of the loss", PAPER["knee"], "-" if steps.knee is None else steps.knee],
        ["region of interest", "{} to {}".format(*PAPER["region"]), "{} to {}".format(*steps.region)],
        ["recommended", PAPER["k"], steps.recommended],
    ]
    for name, chosen in steps.chosen.items():
        value = steps.means[name][chosen - 1]
        rows.append([f"mean {name.upper()} of the chosen component", PAPER[name], f"{value:.4g} (component {chosen})"])
    return markdown_table(["quantity", "paper", "here"], rows)


def draw(choice, path):
    """Loss, and the three matrices."""
    import matplotlib.pyplot as plt

    from unmix4d.plots import choose_k as plots_choose_k

    figure, axes = plt.subplots(1, 4, figsize=(15, 3.6), layout="constrained")
    plots_choose_k.loss(choice, axes[0])
    plots_choose_k.image_quality(choice, axes[1:])
    figure.savefig(path, dpi=130)


def main(arguments=None):
    """Returns the exit code; 0 also when there is nothing to do."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="PATH", help="the scan")
    parser.add_argument("--largest", type=int, default=20, help="largest number of components (the authors' code: 20)")
    parser.add_argument("--bin", type=int, default=1, help="detector pixels summed along each side")
    parser.add_argument("--figure", metavar="FILE.png", type=Path)
    args = parser.parse_args(arguments)
    if args.data is None:
        print("Skipped: no --data. The scan of the paper is at doi:10.5281/zenodo.15492699.")
        return 0
    view = read(args.data, args.bin)
    choice = view.choose_k(
        range(SMALLEST, args.largest + 1), rule="cao2025", n_starts=1, fraction=None, smooth=None, weights="none",
        random_state=0,
    )  # fmt: skip
    print(choice)
    print("\n" + table(choice))
    if args.figure:
        draw(choice, args.figure)
    return 0


if __name__ == "__main__":
    sys.exit(main())
