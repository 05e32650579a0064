"""Martineau 2019, Fig. 7: an inclined twin boundary that scatters dynamically, and what precession does for its profile.

``python benchmarks/reproduce/martineau_fig7.py [--out FILE.md] [--figure FILE.png] [--data FOLDER]``
"""

from pathlib import Path

import numpy as np
from _report import Fact, Report, parser, run
from common.command import DATA

from unmix4d import Unmix, phantoms
from unmix4d.phantoms._patterns import Detector

ANGLES = (0, 5, 10, 20, 35)
BEAMS = "gaas_twin_precession.npz"
ENDS = 10  # pure positions at each end of a line of multislice patterns
METHODS = {
    "NMF": lambda view: view.nmf(2, smooth=0, random_state=0),
    "fuzzy c-means": lambda view: view.fuzzy_cmeans(2, random_state=0),
}


def backwards(profile):
    """Sum of the steps that a profile takes in the wrong direction; 0 where it is monotonic."""
    steps = np.diff(profile) * np.sign(profile[-1] - profile[0])
    return float(-steps[steps < 0].sum())


def profiles(patterns, method):
    """Two profiles along a line of patterns (n, rows, cols), NMF's with maximum 1."""
    found = METHODS[method](Unmix(patterns[None])).maps[:, 0].astype(float)
    return found / found.max(axis=1, keepdims=True) if method == "NMF" else found


def judge(found, share):
    """Mean correlation with the thickness shares, and mean of `backwards`; profiles in the better order."""
    truth = np.stack([share, 1 - share])
    r = np.corrcoef(found, truth)[:2, 2:]
    order = [0, 1] if np.trace(r) >= np.trace(r[::-1]) else [1, 0]
    return float(np.trace(r[order]) / 2), float(np.mean([backwards(each) for each in found])), found[order]


def phantom_line(angle):
    """One row of the phantom, and the share of the upper twin."""
    phantom = phantoms.martineau_fig7(precession_mrad=angle, scan_shape=(1, 41))
    return phantom.data[0], phantom.maps[0, 0]


def multislice_line(beams, angle):
    """Multislice beams drawn as Gaussians without the direct one, their ends repeated, and the share of the upper twin."""
    detector = Detector((128, 128), (63.5, 63.5), 0.03)
    row, col = beams["k_row"], beams["k_col"]
    kept = np.hypot(row, col) > 0.05
    xy = np.stack([col, -row], axis=1)[kept]
    line = np.stack([detector.spots(xy, one[kept].astype(float), 3.0) for one in beams[f"I_{angle}_mrad"]])
    index = np.pad(np.arange(len(line)), ENDS, mode="edge")
    return line[index], beams["share_of_A"].astype(float)[index]


def measured(line):
    """For every angle and method `judge`, with the true share."""
    found = {}
    for angle in ANGLES:
        patterns, share = line(angle)
        for method in METHODS:
            found[angle, method] = (*judge(profiles(patterns, method), share), share)
    return found


def rows_of(found):
    """Table rows, one for each angle."""
    return [
        [angle, *(f"{value:.2f}" for method in METHODS for value in found[angle, method][:2])] for angle in ANGLES
    ]  # fmt: skip


HEADER = ("precession, mrad", "NMF: r with the thickness", "steps backwards", "fuzzy: r with the thickness", "backwards")


def facts(name, found):
    """The paper's sentences on one set of patterns."""
    still, turned = ({m: found[a, m] for m in METHODS} for a in (0, 10))
    better = all(turned[m][0] > still[m][0] for m in METHODS)
    told = "; ".join(f"{m} {still[m][1]:.2f} -> {turned[m][1]:.2f}" for m in METHODS)
    closer = "; ".join(f"{m} r {still[m][0]:.2f} -> {turned[m][0]:.2f}" for m in METHODS)
    twenty = {m: found[20, m] for m in METHODS}
    return [
        Fact(
            f"{name}: without precession neither profile increases monotonically", told,
            all(still[m][1] > 0.2 for m in METHODS),
        ),
        Fact(
            f"{name}: with 10 or 20 mrad the modulation is suppressed",
            told + ("; at 20 mrad " + ", ".join(f"{m} {twenty[m][1]:.2f}" for m in METHODS)),
            all(one[m][1] < 0.3 * still[m][1] for m in METHODS for one in (turned, twenty)),
        ),
        Fact(f"{name}: the original structure is reproduced better", closer, better),
    ]  # fmt: skip


def make(options):
    """The report."""
    found = {"phantom": measured(phantom_line)}
    tables = [("Phantom, aluminium twins of 55 nm, two beams:", HEADER, rows_of(found["phantom"]))]
    notes = [
        "*Steps backwards*: sum of the steps of a profile with maximum 1 that go in the wrong direction, the mean of both "
        "profiles; 0 is monotonic.",
        "Beyond 20 mrad the phantom gets no better: two beams know nothing of each other, and the many that precession "
        "adds make the patterns of the overlap brighter than those of the ends.",
    ]
    path = Path(options.data) / BEAMS if options.data else None
    if path and path.is_file():
        with np.load(path) as beams:
            found["multislice"] = measured(lambda angle: multislice_line(beams, angle))
        caption = f"Multislice of GaAs twins of 100 nm ({BEAMS}), {ENDS} pure positions at each end:"
        tables.append((caption, HEADER, rows_of(found["multislice"])))
    else:
        notes.append(f"Skipped, multislice of GaAs twins: {BEAMS} was not found (give its folder with --data).")
    return Report(
        "Martineau 2019, Fig. 7: precession and thickness fringes",
        "Two twins one above the other, their boundary inclined to the beam; two components, direct beam masked.",
        tables, [fact for name, one in found.items() for fact in facts(name, one)], notes, lambda path: draw(found, path),
    )  # fmt: skip


def draw(found, path):
    """Profiles at 0, 10 and 20 mrad beside the thickness, one row for each set of patterns."""
    import matplotlib.pyplot as plt
    from _figures import save

    angles = (0, 10, 20)
    size = {"figsize": (9, 2.4 * len(found)), "layout": "constrained"}
    figure, axes = plt.subplots(len(found), 3, squeeze=False, sharey=True, **size)
    for row, (name, one) in zip(axes, found.items()):
        for ax, angle in zip(row, angles):
            for i, method in enumerate(METHODS):
                r, _, lines, share = one[angle, method]
                ax.plot(lines[0], f"C{i}", lw=1.5, label=f"{method}, r {r:.2f}")
            ax.plot(share, "k:", lw=1, label="thickness")
            ax.set_title(f"{name}, {angle} mrad", fontsize=9)
            ax.legend(frameon=False, fontsize=7)
            for side in ("top", "right"):
                ax.spines[side].set_visible(False)
    save(figure, path)


if __name__ == "__main__":
    line = parser(__doc__)
    line.add_argument("--data", metavar="FOLDER", default=DATA, help=f"folder of {BEAMS} (default: ../shared/data)")
    raise SystemExit(run(make, line))
