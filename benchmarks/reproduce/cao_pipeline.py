"""Cao 2025, Figs. 3 to 5 as one pipeline on a phantom, and how many weak spots its peak redrawing keeps.

``python benchmarks/reproduce/cao_pipeline.py [--out FILE.md] [--patterns N]``
"""

import warnings

import numpy as np
from _report import Fact, Report, parser, run

from unmix4d import Unmix, phantoms
from unmix4d.hosts.disk_detection import find_disks
from unmix4d.preparation.peaks import find_spots

DOSES = (100, 300, 1000, 3000)
RADIUS, SIGMA, NEAR = 2.5, 1.2, 1.5  # pixels: of a disk, of a spot, within which a found one is the true one
LEVELS = (0.0, 0.1, 0.2, 0.3, 0.5)  # of the strongest correlation of a pattern: minRelativeIntensity of py4DSTEM
KS = range(3, 13)


def pipeline(view, ks=KS):
    """From the raw scan to the number of clusters, clusters and overlap, step by step as in Fig. 1 of the paper.

    The same calls are in the guide, docs/choose_k.md.
    """
    filtered = view.prepare(redraw_peaks=RADIUS)  # ePattern
    choice = filtered.choose_k(  # (b) NMF for every number, (c1) range from the loss, (c2) patterns compared in pairs
        ks, rule="cao2025", smooth=None, weights="none", n_starts=1, fraction=None, random_state=0
    )  # fmt: skip
    clusters = choice[choice.recommended]  # (f) clusters
    quality = clusters.report_quality()  # (d) reconstruction, (e) IQA
    overlap = clusters.overlap(scale="minmax", min_weight=None, background="keep")  # (g) overlapping map
    return {
        "noise standard deviation": (view.noise_deviation(random_state=0), filtered.noise_deviation(random_state=0)),
        "choice": choice, "clusters": clusters, "quality": quality, "overlap": overlap,
    }  # fmt: skip


def patterns(dose, n, seed=0):
    """Counts (n, 64, 64) of a halo with eight spots each, from 0.5 to 10 % of the dose, and the places of these."""
    rng = np.random.default_rng(seed)
    row, col = np.indices((64, 64))
    halo = np.exp(-((row - 31.5) ** 2 + (col - 31.5) ** 2) / 600)
    images, places = [], []
    for _ in range(n):
        at = apart(rng)
        share = np.exp(rng.uniform(np.log(0.005), np.log(0.1), 8))
        one = [np.exp(-((row - r) ** 2 + (col - c) ** 2) / (2 * SIGMA**2)) for r, c in at]
        spots = np.tensordot(share / (2 * np.pi * SIGMA**2), one, axes=1)
        images.append(rng.poisson(dose * ((1 - share.sum()) * halo / halo.sum() + spots)))
        places.append(at)
    return np.array(images, np.uint16), places


def apart(rng, n=8, distance=7):
    """Places (n, 2) that are not closer than that to each other, nor to the edge."""
    found = []
    while len(found) < n:
        new = rng.uniform(7, 56, 2)
        if all(np.hypot(*(new - old)) > distance for old in found):
            found.append(new)
    return np.array(found)


def judge(found, places):
    """Recall and precision of found places (list of (m, 2))."""
    hits = sum(int((distances(f, p).min(axis=1, initial=99) < NEAR).sum()) for f, p in zip(found, places))
    right = sum(int((distances(p, f).min(axis=1, initial=99) < NEAR).sum()) for f, p in zip(found, places))
    return hits / sum(map(len, places)), right / max(sum(map(len, found)), 1)


def distances(found, places):
    """(places, found)."""
    return np.hypot(*(places[:, None] - found[None]).transpose(2, 0, 1))


def redrawn(images, threshold=5.0):
    """Places that peak redrawing keeps above so many standard deviations; five is what `prepare` has."""
    kept = np.ones(images.shape[1:], bool)
    return [np.stack(find_spots(one.astype(float), RADIUS, threshold, kept)[:2], axis=1) for one in images]


def host(images, level):
    """Disks that py4DSTEM finds with a template of this radius."""
    view = Unmix(images[None], centre=(31.5, 31.5))
    options = {"minRelativeIntensity": level}
    disks, _ = find_disks(view.scan, images.mean(axis=0), detector="py4dstem", radius=RADIUS, options=options)
    at = np.stack([disks.q_row, disks.q_col], axis=1) + 31.5
    return [at[disks.position == i] for i in range(len(images))]


def weak_spots(n):
    """For every dose: recall and precision of redrawing, at 3 deviations, and of py4DSTEM at each level (or None)."""
    found = {}
    for dose in DOSES:
        images, places = patterns(dose, n)
        try:
            theirs = {level: judge(host(images, level), places) for level in LEVELS}
        except ImportError:
            theirs = None
        found[dose] = judge(redrawn(images), places), judge(redrawn(images, 3.0), places), theirs
    return found


def f1(pair):
    """Harmonic mean of recall and precision."""
    return 2 * pair[0] * pair[1] / max(sum(pair), 1e-9)


def make(options):
    """The report."""
    film = phantoms.polycrystal(n_grains=6, scan_shape=(30, 28), detector_shape=(64, 64), overlap=0.3, dose=2e3, seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        steps = pipeline(Unmix(film.data, centre=film.centre))
        weak = weak_spots(options.patterns)
    table = steps["quality"].table
    names = ("component", "ssim", "psnr", "gmsd", "mdsi")
    n = len(table["component"])
    rows = [[int(table["component"][i]), *(f"{table[name][i]:.4g}" for name in names[1:])] for i in range(n)]
    before, after = steps["noise standard deviation"]
    choice = steps["choice"].details
    chosen = [
        ["noise standard deviation, raw and filtered", "- and 2.568", f"{before:.3g} and {after:.3g}"],
        ["knee of the K-component loss", 10, choice.knee],
        ["region of interest", "6 to 14", "{} to {}".format(*choice.region)],
        ["k", 8, f"{choice.recommended} (6 grains and a background)"],
        *([f"mean {m.upper()} of the chosen component", p, f"{choice.means[m][choice.chosen[m] - 1]:.3g}"]
          for m, p in (("ssim", 0.718), ("gmsd", 0.1139), ("mdsi", 0.3062))),
        *([f"overlap at {t:g}, share of the scan", "-", f"{np.nanmean(steps['overlap'].at(t)):.3f}"] for t in (0.75, 0.95)),
    ]  # fmt: skip
    spots = []
    for dose, (ours, lower, theirs) in weak.items():
        line = [dose, *(f"{value:.2f}" for value in (*ours, *lower))]
        best = max(theirs, key=lambda level: f1(theirs[level])) if theirs else None
        spots.append([*line, *((*(f"{value:.2f}" for value in theirs[best]), f"{best:g}") if theirs else "---")])
    return Report(
        "Cao 2025: the pipeline, and weak spots",
        "A phantom film of 6 grains; the specimen of the paper is another: its numbers show the order only.",
        [("From the raw scan to k (Figs. 3, 5):", ("quantity", "paper", "here"), chosen),
         (QUALITY, names, rows),
         (f"Spots of 0.5 to 10 % of the dose, eight in each of {options.patterns} patterns:",
          ("electrons", "redrawing: recall", "precision", "at 3 deviations: recall", "precision",
           "py4DSTEM, best level: recall", "precision", "level"), spots)],
        facts(steps, weak), NOTES,
    )  # fmt: skip


def facts(steps, weak):
    """What the paper says, beside ours."""
    before, after = steps["noise standard deviation"]
    ssim = steps["quality"].table["ssim"].min()
    least = min(ours[1] for ours, *_ in weak.values())
    found = [
        Fact("ePattern lowers the noise", f"{before:.3g} -> {after:.3g}", after < before),
        Fact("clusters are faithful to the raw data: SSIM at least .979", f"{ssim:.3f} at least", ssim > 0.95),
        Fact("redrawing adds no spots (ours)", f"precision at least {least:.2f}", least > 0.9),
    ]  # fmt: skip
    if all(theirs for *_, theirs in weak.values()):
        better = {dose: f1(ours) - max(map(f1, theirs.values())) for dose, (ours, _, theirs) in weak.items()}
        told = ", ".join(f"{dose}: {value:+.2f}" for dose, value in better.items())
        name = "as good as the host's own disk detection at its best level (ours)"
        found.append(Fact(name, f"F1 {told}", min(better.values()) > -0.05, expected=False))
    return found


QUALITY = (
    "Quality of each cluster (Fig. 4; in the paper PSNR is 37 to 57, SSIM .979 to .993, MDSI .095 to .199, GMSD below .03):"
)
NOTES = [
    "*Best level*: `minRelativeIntensity` of py4DSTEM chosen by the truth, for each dose, among 0, 0.1, 0.2, 0.3 and 0.5; "
    "ours has one threshold, five standard deviations, which is what a pattern of noise never reaches.",
    "Redrawing is for clean images, not for finding all disks: it loses weak spots that the host's detection has. At three "
    "deviations its F1 would be 0.03 below that at 300 electrons, and level from 1000 on, with up to 6 % false spots.",
    "IQA is of redrawn data against their own reconstruction, as in the paper, and says nothing of what redrawing lost.",
]


if __name__ == "__main__":
    raise SystemExit(run(make, parser(__doc__, patterns=60)))
