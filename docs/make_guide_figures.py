"""Make the figures of the user guide from phantoms: ``python docs/make_guide_figures.py [NAME ...]``."""

import pathlib
import sys
import warnings

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from unmix4d import Unmix, UnmixWarning, phantoms, plots
from unmix4d.constraints import NoDarkSpots, SmoothMaps
from unmix4d.plots.axes import figure_of

FIGURES = pathlib.Path(__file__).parent / "figures"


def view(phantom):
    return Unmix(
        phantom.data, centre=phantom.centre, pixel_size=phantom.pixel_size, pixel_unit="1/Å", step=phantom.step, step_unit="nm"
    )


def wire():
    """Two twins that overlap, and vacuum."""
    return view(phantoms.bicrystal_in_vacuum(seed=0)).prepare(direct_beam=5)


def film():
    """Grains above one another."""
    scan = phantoms.polycrystal(
        n_grains=8, scan_shape=(48, 44), detector_shape=(80, 80), overlap=0.6, direct_beam=0.4, background=0, dose=5e3, seed=3
    )
    return view(scan).prepare(direct_beam=4)


def svd():
    return wire().svd(4).plot()


def ica():
    return wire().ica(3, random_state=0).plot()


def vca():
    return wire().vca(3, sum_to_one=True, random_state=0).plot()


def nmf():
    return film().nmf(8, n_starts=3, random_state=0).plot()


def scree():
    return wire().scree(20).plot().figure


def constraints():
    """The amorphous pattern and the map of the weakest crystal, without and with constraints."""
    glass = phantoms.case("kimoto_A")
    u = view(glass)
    both = [SmoothMaps(sigma=0.6), NoDarkSpots()]
    found = {"none": u.nmf(4, random_state=0), "SmoothMaps and NoDarkSpots": u.nmf(4, constraints=both, random_state=0)}
    figure, axes = plt.subplots(2, 4, figsize=(8.4, 4.6), layout="constrained")
    for row, (name, result) in zip(axes, found.items()):
        cal, weakest = result.geometry.calibration, int(np.argmin(result.explained))
        for ax, i in zip(row, (0, weakest)):
            plots.pattern(result.patterns[i], pixel_size=cal.pixel_size, unit=cal.pixel_unit, ax=ax)
        for ax, i in zip(row[2:], (0, weakest)):
            plots.scan_map(result.maps[i], step=cal.step, unit=cal.step_unit, ax=ax)
        row[0].set_ylabel(name, fontsize=8)
    for ax, title in zip(axes[0], ("strongest pattern", "weakest pattern", "strongest map", "weakest map")):
        ax.set_title(title, fontsize=9)
    return figure


def features():
    """Angular averages: the components that they find, fitted to the scan."""
    return film().angular_average(rings=[(6, 14), (14, 22), (22, 34)]).nmf(8, n_starts=3, random_state=0).plot()


def merged():
    scan = phantoms.polycrystal(
        n_grains=12, scan_shape=(44, 40), detector_shape=(80, 80), overlap=0.6, direct_beam=0.5, dose=8e3, seed=5
    )
    return view(scan).prepare(direct_beam=5).angular_average().merge_nmf(n_runs=9, random_state=0)


def merging():
    """The published scheme, which factorises with too many components."""
    u = film().angular_average(rings=[(6, 14), (14, 22), (22, 34)])
    return u.merge_nmf(24, as_published=True, n_runs=3, random_state=0).plot_history().figure


def stability():
    return merged().plot_stability().figure


def reliability():
    """Share of components that are grains against the probability that they are: the first table of CALIBRATION.md."""
    page = (FIGURES.parents[1] / "benchmarks" / "dynamical" / "CALIBRATION.md").read_text(encoding="utf-8")
    rows = [line.split("|")[2:5] for line in page.split("## All")[1].split("scans")[0].splitlines() if line.count("|") == 5]
    number, told, true = np.array(rows[2:], float).T
    figure, ax = plt.subplots(figsize=(3.6, 3.4), layout="constrained")
    ax.plot([0, 1], [0, 1], color="0.7", lw=1, label="as told")
    errors = np.sqrt(true * (1 - true) / number)
    ax.errorbar(told, true, errors, fmt="o", color="#2f5d8a", capsize=2, label="93 scans that nothing was chosen on")
    for x, y, n in zip(told, true, number):
        ax.annotate(f"{n:.0f}", (x, y), xytext=(6, -9), textcoords="offset points", fontsize=7, color="0.35")
    ax.set(xlabel="grain_probability", ylabel="share that are grains", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect=1)
    ax.legend(fontsize=7, loc="upper left", frameon=False)
    return figure


def grains():
    return merged().consensus().grains(min_size=25).plot().figure


def choose_k():
    return film().choose_k(range(3, 14), random_state=0).plot()


def overlap():
    return film().nmf(8, n_starts=3, random_state=0).overlap(thresholds=(0.25, 0.5, 0.75)).plot().figure


def composite():
    return film().nmf(8, n_starts=3, random_state=0).composite().figure


def rotation():
    glass = phantoms.rotated_phases(
        layout="precipitates", n_grains=12, scan_shape=(30, 30), detector_shape=(96, 96), dose=1e4, seed=0
    )
    return view(glass).nmf(15, random_state=0).group_rotated().plot_dendrogram().figure


def image_quality():
    return wire().nmf(3, random_state=0).report_quality().plot()


def preparation():
    """One measured pattern: as it is, with the direct beam excluded and hot pixels mended, and the mean of 3 x 3 neighbours."""
    scan = phantoms.polycrystal(n_grains=3, scan_shape=(12, 12), detector_shape=(80, 80), direct_beam=0.5, dose=2e3, seed=1)
    counts = np.array(scan.data)
    counts[..., 20, 60] = 400
    u = Unmix(counts, centre=scan.centre, pixel_size=scan.pixel_size, pixel_unit="1/Å")
    views = {
        "measured": u, "hot_pixels, direct_beam": u.prepare(hot_pixels=True, direct_beam=5),
        "and average_neighbours=3": u.prepare(hot_pixels=True, direct_beam=5, average_neighbours=3),
    }  # fmt: skip
    figure, axes = plt.subplots(1, 3, figsize=(7.6, 2.8), layout="constrained")
    for ax, (title, one) in zip(axes, views.items()):
        image = np.array(one.scan.patterns[6, 6], float)
        image[~one.geometry.kept_pixels.reshape(one.geometry.detector_shape)] = np.nan
        plots.pattern(image, pixel_size=scan.pixel_size, unit="1/Å", ax=ax, title=title)
    return figure


def counts():
    """Likelihood of counts that were not fitted, over the number of components."""
    table = film().choose_k(range(3, 14), random_state=0).table
    figure, ax = plt.subplots(figsize=(4.5, 3.2), layout="constrained")
    ks = np.arange(3, 14)
    ax.plot(ks, table["held_out"], "o-", color="0.6", ms=4, lw=1)
    best = int(np.nanargmax(table["held_out"]))
    ax.plot(ks[best], table["held_out"][best], "o", color="#b5179e", ms=6)
    ax.set_xlabel("components (eight grains)")
    ax.set_ylabel("held-out counts: nats per\nelectron above the mean pattern")
    ax.spines[["top", "right"]].set_visible(False)
    return figure


def report():
    """The first screen of a report, as Chromium draws it."""
    import subprocess
    import tempfile

    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        page, shot = pathlib.Path(folder) / "scan.html", pathlib.Path(folder) / "scan.png"
        wire().nmf(3, random_state=0).report(page)
        size = ["--window-size=1100,1500", f"--screenshot={shot}"]
        subprocess.run(["chromium", "--headless", "--no-sandbox", "--hide-scrollbars", *size, page.as_uri()], check=True)
        image = Image.open(shot).convert("RGB")
    image.thumbnail((760, 1100))
    figure = plt.figure(figsize=(image.width / 85, image.height / 85))
    figure.figimage(np.asarray(image))
    return figure


def bragg_disks():
    """Above the fitted rasters of four grains, below the patterns that belong to them; needs py4DSTEM."""
    scan = phantoms.polycrystal(
        n_grains=4, scan_shape=(20, 18), detector_shape=(72, 68), overlap=0.2, direct_beam=0.5, background=0.1, dose=1e4, seed=2
    )
    result = scan.to_py4dstem().unmix.bragg_disks().nmf(4, random_state=0)
    figure, axes = plt.subplots(3, 4, figsize=(7.4, 5.8), layout="constrained")
    for i, (above, middle, below) in enumerate(axes.T):
        plots.pattern(result.features[i], ax=above, title=f"component {i}", scale_bar=False)
        plots.pattern(result.patterns[i], pixel_size=scan.pixel_size, unit="1/Å", ax=middle)
        plots.scan_map(result.maps[i], step=scan.step, unit="nm", ax=below)
    return figure


def orientation():
    """The map of the tutorial on orientations with pyxem, which must be installed."""
    import re

    text = (FIGURES.parent.parent / "tutorials" / "orientation_pyxem.md").read_text(encoding="utf-8")
    names = {}
    for cell in re.findall(r"```\{code-cell\}\n(.*?)```", text, flags=re.S):
        if "orientations.plot()" in cell:
            return names["orientations"].plot()
        exec(cell, names)  # noqa: S102


def scatter():
    return wire().fuzzy_cmeans(3, random_state=0).plot_scatter(1, 2).figure


ALL = (svd, scree, ica, vca, nmf, constraints, features, merging, stability, reliability, grains, choose_k, overlap, composite, rotation,
       image_quality, scatter, preparation, counts, report, bragg_disks, orientation)  # fmt: skip


def save(figure, path):
    """With a palette of 256 colours, a third of the size."""
    from PIL import Image

    figure.set_dpi(85)  # what a figure on a page is wide enough for
    figure.canvas.draw()
    picture = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB")
    picture.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(path, optimize=True)
    plt.close(figure)


if __name__ == "__main__":
    warnings.simplefilter("ignore", UnmixWarning)
    FIGURES.mkdir(exist_ok=True)
    for make in ALL:
        if len(sys.argv) < 2 or make.__name__ in sys.argv[1:]:
            save(figure_of(make()), FIGURES / f"guide_{make.__name__}.png")
            print(make.__name__, flush=True)
