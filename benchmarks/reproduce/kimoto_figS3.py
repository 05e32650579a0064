"""Kimoto 2025, Figs. 2b and S3 to S5: PCA of the simulated and of a model specimen, and all 30 components of NMF on it.

``python benchmarks/reproduce/kimoto_figS3.py [--iterations 200] [--precipitates 32] [--out FILE.md] [--figure FILE.png]``
"""

import numpy as np
from _figures import save
from _measures import beyond_circle, view_of
from _report import Fact, Report, parser, run
from kimoto_fig9 import CONSTRAINED, CONSTRAINTS, PRIMITIVE, SHARE, K, measure

from unmix4d import phantoms

PCA_S3, PCA_S4 = "S3: PCA of the simulated data", "S4: PCA of the specimen"


def signs(result):
    """Share of the absolute intensity of each pattern that has the rarer sign."""
    images = result.patterns.reshape(result.k, -1).astype(float)
    total = np.abs(images).sum(axis=1)
    return np.minimum(np.maximum(images, 0).sum(axis=1), np.maximum(-images, 0).sum(axis=1)) / total


def best_r(maps, truth):
    """Largest absolute correlation of every true map with one of these."""
    k = len(truth)
    r = np.corrcoef(truth.reshape(k, -1), maps.reshape(len(maps), -1))[:k, k:]
    return np.abs(r).max(axis=1)


def answers(options):
    """Phantoms and answers: PCA of both (truncated SVD, as its MSE in Fig. 7), and NMF of the specimen."""
    simulated = phantoms.kimoto(crystals="per_row", seed=0)
    size = {"layout": "precipitates", "n_grains": options.precipitates, "scan_shape": (58, 58)}
    specimen = phantoms.rotated_phases(**size, share=SHARE, dose=1e4, seed=0)
    view = view_of(specimen)
    run = {"init": "random", "max_iter": options.iterations, "tol": 0, "weights": "none", "smooth": 0, "random_state": 0}
    found = {PCA_S3: view_of(simulated).svd(4), PCA_S4: view.svd(K)}
    found |= {f"S5: {name}": view.nmf(K, constraints=CONSTRAINTS[name](), **run) for name in (PRIMITIVE, CONSTRAINED)}
    return simulated, specimen, found


def rows_of(simulated, specimen, found):
    """One row an answer."""
    rows = []
    for name, result in found.items():
        phantom = simulated if name == PCA_S3 else specimen
        r, minor = best_r(result.maps, phantom.maps), signs(result)
        noise = np.mean([beyond_circle(image) for image in result.maps])
        rows.append([
            name, result.k, f"{minor[0]:.3f}", f"{np.median(minor[1:]):.3f}", f"{np.mean(r):.3f}",
            f"{int((r > 0.7).sum())} of {phantom.k}", f"{noise:.3f}",
        ])  # fmt: skip
    return rows


HEADER = (
    "", "components", "rarer sign in the first pattern", "in the others (median)", "map r of the best component, mean",
    "true maps found (r > 0.7)", "map power beyond the probe",
)  # fmt: skip


def facts(simulated, specimen, found):
    """What the main text says of these figures."""
    s3, s4 = found[PCA_S3], found[PCA_S4]
    plain, both = (found[f"S5: {name}"] for name in (PRIMITIVE, CONSTRAINED))
    counted = [measure(one, specimen)["amorphous"] for one in (plain, both)]
    noise = [np.mean([beyond_circle(image) for image in one.maps]) for one in (plain, both)]
    crystals = [int((best_r(one.maps, specimen.maps)[1:] > 0.7).sum()) for one in (s4, plain, both)]
    negative = [float(np.median(signs(one)[1:])) for one in (s3, s4)]
    return [
        Fact("Fig. 2b: PCA has negative intensities",
             f"the rarer sign has {negative[0]:.2f} and {negative[1]:.2f} of the intensity of a component behind the first",
             min(negative) > 0.1),
        Fact("the first component of PCA is the amorphous halo", f"{max(signs(s3)[0], signs(s4)[0]):.3f} of the rarer sign",
             max(signs(s3)[0], signs(s4)[0]) < 0.01),
        Fact("(ours) PCA of the specimen has one component for few crystals, NMF for most",
             f"{crystals[0]}, {crystals[1]}, {crystals[2]} of {specimen.k - 1}", crystals[0] < crystals[1] / 2),
        Fact("S5: primitive, a few amorphous-like components (w0 to w3)", f"{counted[0]}", counted[0] > 1),
        Fact("S5: constrained, a single one", f"{counted[1]}", counted[1] == 1),
        Fact("S5: maps of primitive NMF are noisier", f"power beyond the probe {noise[0]:.3f} and {noise[1]:.3f}",
             noise[0] > noise[1]),
    ]  # fmt: skip


def make(options):
    """The report."""
    simulated, specimen, found = answers(options)
    return Report(
        "Kimoto 2025, Figs. 2b, S3, S4 and S5: PCA, and all components",
        "The supplement is not available to us: facts are the sentences of the main text. The specimen is that of Fig. 9, "
        f"{options.precipitates} precipitates in a glass, nk = {K}; {options.iterations} iterations from one random start.",
        [("", HEADER, rows_of(simulated, specimen, found))], facts(simulated, specimen, found), NOTES,
        lambda path: draw(found, path),
    )  # fmt: skip


NOTES = ["*PCA*: truncated SVD of the data as they are, which is what its error in Fig. 7 belongs to; `pca` centres first."]


def draw(found, path):
    """Every answer as rows of patterns above their maps."""
    import matplotlib.pyplot as plt

    across = 15
    lines = [(name, result, range(at, min(at + across, result.k)))
             for name, result in found.items() for at in range(0, result.k, across)]  # fmt: skip
    figure, axes = plt.subplots(2 * len(lines), across, figsize=(across * 0.8, len(lines) * 1.9))
    for ax in axes.ravel():
        ax.set_axis_off()
    for i, (name, result, which) in enumerate(lines):
        axes[2 * i, 0].set_title(f"{name}, {which[0]} to {which[-1]}", loc="left", fontsize=8)
        for j, k in enumerate(which):
            signed = result.patterns[k].min() < 0
            for ax, image in zip(axes[2 * i : 2 * i + 2, j], (result.patterns[k], result.maps[k])):
                top = np.quantile(np.abs(image), 0.999)
                ax.imshow(image, cmap="RdBu_r" if signed else "viridis", vmin=-top if signed else 0, vmax=top)
    figure.subplots_adjust(left=0.01, bottom=0.01, right=0.99, top=0.98, wspace=0.05, hspace=0.25)
    save(figure, path)


if __name__ == "__main__":
    raise SystemExit(run(make, parser(__doc__, iterations=200, precipitates=32)))
