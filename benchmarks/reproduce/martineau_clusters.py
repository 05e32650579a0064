"""Martineau 2019, Figs. 4 to 6: what fuzzy clustering does to boundaries, pure regions and vacuum, and what the cures do.

``python benchmarks/reproduce/martineau_clusters.py [--out FILE.md] [--figure FILE.png]``
"""

import warnings

import numpy as np
from _figures import save
from _measures import view_of
from _report import Fact, Report, parser, run

from unmix4d import UnmixWarning, phantoms, scores
from unmix4d.constraints import SumToOne

METHODS = {
    "fuzzy c-means": lambda u, k: u.fuzzy_cmeans(k, random_state=0),
    "Gustafson-Kessel": lambda u, k: u.fuzzy_cmeans(k, covariance="gustafson-kessel", random_state=0),
    "high contrast 0.5": lambda u, k: u.fuzzy_cmeans(k, contrast=0.5, random_state=0),
    "NMF": lambda u, k: u.nmf(k, smooth=0, random_state=0),
    "NMF, sum to one": lambda u, k: u.nmf(k, constraints=[SumToOne()], smooth=0, random_state=0),
    "VCA, sum to one": lambda u, k: u.vca(k, sum_to_one=True, random_state=0),
}
CLUSTERING = tuple(METHODS)[:3]
RATIOS = (10, 5, 2, 1, 0.5)
BEAM = 5.0  # pixels, radius


def answers(phantom, methods=METHODS, **preparation):
    """Patterns and maps of every method in the order of the truth."""
    view = view_of(phantom).prepare(**preparation)
    found = {}
    for name in methods:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnmixWarning)  # low purity and uneven sums are what is shown here
            result = METHODS[name](view, phantom.k)
        pairs, _ = scores.match_maps(result.maps, phantom.maps)
        found[name] = np.nan_to_num(result.patterns[pairs]), result.maps[pairs]
    return found


def width(profile):
    """Positions between a tenth and nine tenths, interpolated."""
    fine = np.interp(np.linspace(0, len(profile) - 1, 20 * len(profile)), np.arange(len(profile)), profile)
    return ((fine > 0.1) & (fine < 0.9)).sum() / 20


def boundary(answer, phantom):
    """Of Figs. 5 and 6: pure level, overshoot, width of the boundary, leakage of the other pattern, worst cosine."""
    patterns, maps = answer
    pure, levels, over, widths, leak = phantom.maps == 1, [], [], [], []
    for i in range(2):
        line, true = maps[i].mean(0), phantom.maps[i].mean(0)
        levels.append(maps[i][pure[i]].mean())
        over.append(line.max() - line[true == 1].mean())
        widths.append(width(line) / width(true))
        own = phantom.patterns[1 - i] > 0
        own &= phantom.patterns[i] == 0
        leak.append(patterns[i][own].sum() / patterns[i].sum() if own.any() else 0.0)
    return {
        "pure": min(levels), "overshoot": max(over), "width": float(np.mean(widths)), "leak": max(leak),
        "cosine": scores.pattern_cosine(patterns, phantom.patterns).min(),
        "map error": float(np.abs(maps - phantom.maps).max()),
    }  # fmt: skip


def with_vacuum(answer, phantom):
    """Of the scan like Fig. 4: vacuum where the crystals overlap, width of the boundary, direct beam, worst correlation."""
    patterns, maps = answer
    overlap = (phantom.maps[1] > 0.3) & (phantom.maps[2] > 0.3)
    inside = phantom.maps[0] < 0.01
    crossing = [width(np.where(inside[:, c], m[:, c], 0)[inside[:, c]]) for m in maps[1:2] for c in range(maps.shape[2])]
    true = [width(phantom.maps[1][inside[:, c], c]) for c in range(maps.shape[2])]
    rows, cols = np.indices(phantom.detector_shape)
    beam = np.hypot(rows - phantom.centre[0], cols - phantom.centre[1]) <= BEAM
    share = [
        (patterns[i][beam].sum() / patterns[i].sum()) / (phantom.patterns[i][beam].sum() / phantom.patterns[i].sum())
        for i in (1, 2)
    ]
    return {
        "vacuum": float(maps[0][overlap].mean()), "width": float(np.mean(crossing) / np.mean(true)),
        "beam": float(min(share)), "r": float(scores.map_correlation(maps, phantom.maps).min()),
        "cosine": float(scores.pattern_cosine(patterns, phantom.patterns).min()),
    }  # fmt: skip


def particle(answer, phantom):
    """Correlation of the map and cosine of the pattern of an embedded particle."""
    patterns, maps = answer
    r = scores.map_correlation(maps[1:], phantom.maps[1:])[0]
    return {"r": float(r), "cosine": float(scores.pattern_cosine(patterns[1:], phantom.patterns[1:])[0])}


def beams():
    """Direct beam of a crystal relative to the truth where half of the dose is in it: NMF without and with weights."""
    phantom = phantoms.bicrystal_in_vacuum(direct_beam=0.5, seed=0)
    share = {}
    for weights in ("none", "auto"):
        result = view_of(phantom).nmf(3, weights=weights, smooth=0, random_state=0)
        pairs, _ = scores.match_maps(result.maps, phantom.maps)
        share[weights] = with_vacuum((result.patterns[pairs], result.maps[pairs]), phantom)["beam"]
    return share


def purity():
    """Pure membership and pure fraction over the ratio of pure to mixed positions."""
    rows = []
    for ratio in RATIOS:
        phantom = phantoms.martineau_fig5(pure_to_mixed=ratio)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnmixWarning)
            result = view_of(phantom).fuzzy_cmeans(2, random_state=0)
        pairs, _ = scores.match_maps(result.memberships, phantom.maps)
        measured = boundary((result.centres[pairs], result.memberships[pairs]), phantom)
        rows.append((ratio, measured["pure"], measured["overshoot"], measured["width"], float(result.pure_fraction.min())))
    return rows


def make(options):
    """The report."""
    five, six = phantoms.martineau_fig5(), phantoms.martineau_fig6()
    four, inner = phantoms.bicrystal_in_vacuum(seed=0), phantoms.embedded_particle(seed=0)
    found = {name: answers(scan) for name, scan in (("5", five), ("6", six), ("4", four), ("in", inner))}
    b5 = {m: boundary(a, five) for m, a in found["5"].items()}
    b6 = {m: boundary(a, six) for m, a in found["6"].items()}
    b4 = {m: with_vacuum(a, four) for m, a in found["4"].items()}
    bp = {m: particle(a, inner) for m, a in found["in"].items()}
    rows = [
        ["Fig. 5: pure regions below 1, by", *(f"{max(0.0, 1 - b5[m]['pure']):.4f}" for m in METHODS)],
        ["Fig. 5: overshoot next to the boundary", *(f"{b5[m]['overshoot']:.4f}" for m in METHODS)],
        ["Fig. 5: width of the boundary, true = 1", *(f"{b5[m]['width']:.2f}" for m in METHODS)],
        ["Fig. 5: intensity of the other pattern", *(f"{b5[m]['leak']:.3f}" for m in METHODS)],
        ["Fig. 5: largest error of a map", *(f"{b5[m]['map error']:.3f}" for m in METHODS)],
        ["Fig. 6 (shared spots): worst pattern cosine", *(f"{b6[m]['cosine']:.3f}" for m in METHODS)],
        ["Fig. 6: largest error of a map", *(f"{b6[m]['map error']:.3f}" for m in METHODS)],
        ["like Fig. 4: vacuum in the overlap, true = 0", *(f"{b4[m]['vacuum']:.3f}" for m in METHODS)],
        ["like Fig. 4: width of the boundary, true = 1", *(f"{b4[m]['width']:.2f}" for m in METHODS)],
        ["like Fig. 4: direct beam of a crystal, true = 1", *(f"{b4[m]['beam']:.2f}" for m in METHODS)],
        ["like Fig. 4: worst map correlation", *(f"{b4[m]['r']:.3f}" for m in METHODS)],
        ["embedded particle: map correlation", *(f"{bp[m]['r']:.3f}" for m in METHODS)],
        ["embedded particle: pattern cosine", *(f"{bp[m]['cosine']:.3f}" for m in METHODS)],
    ]
    levels, beam = purity(), beams()
    fuzzy, kessel, sharp = CLUSTERING
    return Report(
        "Martineau 2019, Figs. 4 to 6: fuzzy clusters, their artefacts and the cures",
        "Default settings. Fig. 5 and 6: noise-free line scans over an inclined boundary, spots apart and shared. Like "
        "Fig. 4: two twins and\nvacuum, 2000 electrons a pattern, direct beam in the data. The embedded particle is nowhere "
        "pure (at most 40 %).",
        [
            ("Artefact x method:", ("", *METHODS), rows),
            (
                "Fig. 5, fuzzy c-means, over the ratio of pure to mixed positions:",
                ("pure : mixed", "membership of pure regions", "overshoot", "width, true = 1", "`pure_fraction`"),
                [[f"{r:g}", f"{p:.4f}", f"{o:.4f}", f"{w:.2f}", f"{f:.2f}"] for r, p, o, w, f in levels],
            ),
        ],
        [
            Fact(
                "Fig. 5: NMF exactly recovers the signal profile", f"largest error {b5['NMF']['map error']:.0e}",
                b5["NMF"]["map error"] < 0.01,
            ),
            Fact(
                "the boundary region appears narrower than the true boundary", f"{b5[fuzzy]['width']:.2f} of it",
                b5[fuzzy]["width"] < 0.9,
            ),
            Fact(
                "the membership of each pure phase is slightly below 100 %, unless there are many more pure measurements",
                ", ".join(f"{100 * p:.2f} % at {r:g} : 1" for r, p, *_ in levels),
                all(np.diff([p for _, p, *_ in levels]) < 0) and levels[0][1] > 0.999,
            ),
            Fact(
                "the membership rises at the edge of the boundary region", f"by {b5[fuzzy]['overshoot']:.4f}",
                b5[fuzzy]["overshoot"] > 0.002,
            ),
            Fact(
                "Fig. 6: the centres resemble the true end members; pure phases have around 99 %",
                f"cosine {b6[fuzzy]['cosine']:.3f}, {100 * b6[fuzzy]['pure']:.1f} %",
                b6[fuzzy]["cosine"] > 0.99 and 0.98 < b6[fuzzy]["pure"] < 1,
            ),
            Fact(
                "Fig. 4: the background membership has a spurious peak in the overlap", f"{b4[fuzzy]['vacuum']:.3f} there",
                b4[fuzzy]["vacuum"] > 0.05,
            ),
            Fact(
                "Fig. 4: the boundary is narrower in the memberships than in the NMF maps",
                f"{b4[fuzzy]['width']:.2f} against {b4['NMF']['width']:.2f} of the true one",
                b4[fuzzy]["width"] < b4["NMF"]["width"],
            ),
            Fact(
                "Fig. 4: the direct beam is much lower in the NMF patterns than in the true signals",
                f"with half of the dose: {beam['none']:.2f} of it without weights, {beam['auto']:.2f} with the default's",
                beam["none"] < 0.8 < beam["auto"],
            ),
            Fact(
                "clusters cannot separate a fully embedded particle",
                f"pattern cosine {bp[fuzzy]['cosine']:.2f}, NMF {bp['NMF']['cosine']:.2f}",
                bp[fuzzy]["cosine"] < 0.6 < bp["NMF"]["cosine"],
            ),
        ],
        [
            "High contrast cures what is below 1 in pure regions and the vacuum in the overlap, and makes boundaries "
            f"narrower still: {b5[fuzzy]['width']:.2f} -> {b5[sharp]['width']:.2f} of the true width in Fig. 5, "
            f"{b4[fuzzy]['width']:.2f} -> {b4[sharp]['width']:.2f} in the scan like Fig. 4; its maps are the farthest "
            f"from the truth ({b5[sharp]['map error']:.2f} at most, fuzzy c-means {b5[fuzzy]['map error']:.2f}).",
            f"Gustafson-Kessel takes {100 * (1 - b4[kessel]['vacuum'] / b4[fuzzy]['vacuum']):.0f} % of the vacuum out of "
            f"the overlap; its memberships are noisier (worst map correlation {b4[kessel]['r']:.3f}, fuzzy c-means "
            f"{b4[fuzzy]['r']:.3f}).",
            "VCA needs one pure position per component and is right where there is one; the map of the embedded particle is "
            "right but for scale and offset, its pattern is not.",
        ],
        lambda path: draw(five, found["5"], four, found["4"], path),
    )  # fmt: skip


def draw(five, lines, four, maps, path):
    """Profiles of every method across both boundaries, beside the truth."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, len(METHODS), figsize=(13, 4.4), sharey=True, layout="constrained")
    column = four.scan_shape[1] // 2
    for above, below, name in zip(*axes, METHODS):
        for i in range(2):
            above.plot(lines[name][1][i].mean(0), f"C{i}", lw=1.5)
            above.plot(five.maps[i].mean(0), "k:", lw=0.8)
        for i in range(3):
            below.plot(maps[name][1][i][:, column], ("0.4", "C0", "C1")[i], lw=1.5)
            below.plot(four.maps[i][:, column], "k:", lw=0.8)
        above.set_title(name, fontsize=9)
        for ax in (above, below):
            ax.spines[["top", "right"]].set_visible(False)
            ax.tick_params(labelsize=7)
        below.set_xlabel("position", fontsize=8)
    axes[0, 0].set_ylabel("Fig. 5", fontsize=9)
    axes[1, 0].set_ylabel("like Fig. 4 (grey: vacuum)", fontsize=9)
    save(figure, path)


if __name__ == "__main__":
    raise SystemExit(run(make, parser(__doc__)))
