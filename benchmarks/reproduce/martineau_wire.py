"""Martineau 2019, Figs. 2 and 3: scree, SVD, ICA, NMF and fuzzy clusters of a bent wire of twins.

``python benchmarks/reproduce/martineau_wire.py [--out FILE.md] [--figure FILE.png]``
"""

import warnings

import numpy as np
from _figures import save
from _measures import view_of
from _report import Fact, Report, parser, run

from unmix4d import phantoms, plots, scores

ANGLES, SEEDS = (0, 9, 35), range(3)
PAPER = {0: "none", 9: "4", 35: "3"}
BEAM = 5  # pixels
ASKED = (8, 12, 30, 60)
METHODS = {
    "SVD": lambda view: view.svd(3),
    "ICA": lambda view: view.ica(3, random_state=0),
    "NMF": lambda view: view.nmf(3, weights="none", smooth=0, random_state=0),
    "NMF, default weights": lambda view: view.nmf(3, random_state=0),
    "fuzzy c-means": lambda view: view.fuzzy_cmeans(3, random_state=0),
}


def screes():
    """For every angle the scree of the first seed, and elbow and beginning of noise over seeds and numbers asked for."""
    found = {}
    for angle in ANGLES:
        made = [
            view_of(phantoms.bent_wire(precession_mrad=angle, seed=seed)).scree(n) for seed in SEEDS for n in ASKED
        ]  # fmt: skip
        found[angle] = made[ASKED.index(30)], {one.elbow for one in made}, {one.noise_begins for one in made}
    return found


def told(values):
    """A set of numbers or None as text."""
    return ", ".join(sorted("none" if value is None else str(value) for value in values))


def measure(result, phantom):
    """Of both twins: map r; pattern cosine and intensity below zero, beside the direct beam; height of the beam."""
    row, col = np.indices(phantom.patterns.shape[1:])
    beam = np.hypot(row - phantom.centre[0], col - phantom.centre[1]) <= BEAM
    patterns, truth = np.where(beam, 0, result.patterns), np.where(beam, 0, phantom.patterns)
    r = scores.map_correlation(np.abs(result.maps), phantom.maps)[1:].mean()
    order = scores.match_maps(np.abs(result.maps), phantom.maps)[0]
    both = list(zip(patterns[order][1:], truth[1:]))
    cosine = np.mean([abs((a * b).sum()) / np.linalg.norm(a) / np.linalg.norm(b) for a, b in both])
    below = max(0.0, -np.minimum(patterns, 0).sum() / np.abs(patterns).sum())
    # Against the spots of the same pattern, so that no scale matters.
    height = [np.abs(p[beam]).sum() / np.abs(p[~beam]).sum() for p in (*result.patterns[order][1:], *phantom.patterns[1:])]
    return r, cosine, below, sum(height[:2]) / sum(height[2:])


def make(options):
    """The report."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = screes()
        phantom = phantoms.bent_wire(precession_mrad=35)
        answers = {name: method(view_of(phantom)) for name, method in METHODS.items()}
    values = {name: measure(answer, phantom) for name, answer in answers.items()}
    rows = [
        [angle, PAPER[angle], told(elbows), told(noise), ", ".join(f"{value:.1e}" for value in scree.explained[:6])]
        for angle, (scree, elbows, noise) in found.items()
    ]  # fmt: skip
    header = ("precession, mrad", "paper: regime change after", "elbow", "noise begins after", "explained")
    return Report(
        "Martineau 2019, Figs. 2 and 3: a bent wire of twins",
        f"`phantoms.bent_wire`: three twin segments, bent by 24 mrad, 1e5 electrons a pattern, direct beam in the "
        f"data. {len(SEEDS)} seeds and {', '.join(map(str, ASKED))} components asked for.",
        [("Fig. 2a:", header, rows),
         ("35 mrad, three components, patterns without the direct beam:",
          ("method", "map r of both twins", "pattern cosine", "intensity below zero", "direct beam, true = 1"),
          [[name, *(f"{value:.3f}" for value in one[:3]), f"{one[3]:.2f}"] for name, one in values.items()])],
        [
            *(Fact(f"{a} mrad: regime change after {PAPER[a]}", told(found[a][1]), told(found[a][1]) == PAPER[a])
              for a in ANGLES),
            Fact("the direct beam is much lower in NMF patterns (Fig. 4)", f"{values['NMF'][3]:.2f} of it",
                 values["NMF"][3] < 0.2),
            Fact("SVD and ICA components have negative values and are not patterns of crystals",
                 f"{values['SVD'][2]:.2f} and {values['ICA'][2]:.2f} of the intensity is below zero",
                 min(values["SVD"][2], values["ICA"][2]) > 0.02),
            Fact("NMF and clusters resemble diffraction patterns of the two twins",
                 f"cosines {values['NMF, default weights'][1]:.3f} and {values['fuzzy c-means'][1]:.3f}",
                 min(values["NMF, default weights"][1], values["fuzzy c-means"][1]) > 0.9),
        ],
        ["The wire is of aluminium and scatters by two beams; the paper's is of GaAs, and measured."],
        lambda path: draw(found, answers, path),
    )  # fmt: skip


def draw(found, answers, path):
    """Screes, and patterns above maps of four methods at 35 mrad."""
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(13, 7), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 2.2))
    ax = left.subplots()
    for angle, (scree, *_) in found.items():
        ax.semilogy(np.arange(1, 16), scree.explained[:15], "o-", ms=4, label=f"{angle} mrad: {scree.elbow}")
    ax.set(xlabel="component", ylabel="fraction of the sum of squares")
    ax.legend(title="regime change", frameon=False)
    shown = [name for name in answers if name != "NMF"]
    axes = right.subplots(4, 6)
    for j, name in enumerate(shown):
        at = axes[2 * (j // 2) : 2 * (j // 2) + 2, 3 * (j % 2) : 3 * (j % 2) + 3]
        for i in range(3):
            plots.pattern(answers[name].patterns[i], ax=at[0, i])
            plots.scan_map(answers[name].maps[i], ax=at[1, i])
            at[0, i].set_title(name if i == 0 else "", fontsize=9)
    save(figure, path)


if __name__ == "__main__":
    raise SystemExit(run(make, parser(__doc__)))
