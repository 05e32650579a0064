"""Make the figures of "When it misleads" from phantoms: ``python docs/make_misleading_figures.py [NAME ...]``."""

import sys
import warnings

import matplotlib.pyplot as plt
import numpy as np
from make_guide_figures import FIGURES, save, view

from unmix4d import Unmix, UnmixWarning, phantoms, plots
from unmix4d.plots.axes import figure_of


def grid(rows, *, phantom, titles, height=1.75, width=1.75):
    """One row per name, of diffraction patterns (shape of the detector) and maps (all others)."""
    figure, axes = plt.subplots(
        len(rows), len(titles), figsize=(width * len(titles), height * len(rows)), layout="constrained", squeeze=False
    )
    for line, (name, images) in zip(axes, rows.items()):
        for ax, image in zip(line, images):
            if np.shape(image) == phantom.detector_shape:
                plots.pattern(image, pixel_size=phantom.pixel_size, unit="1/Å", ax=ax)
            else:
                plots.scan_map(image, step=phantom.step, unit="nm", ax=ax)
        line[0].set_ylabel(name, fontsize=8)
    for ax, title in zip(axes[0], titles):
        ax.set_title(title, fontsize=8)
    return figure


def nmf():
    """One bent crystal, which NMF describes by several components."""
    crystal = phantoms.bent_crystal(scan_shape=(24, 40), detector_shape=(72, 72), bending_mrad=20, dose=2e4, seed=0)
    result = view(crystal).prepare(direct_beam=5).nmf(3, random_state=0)
    order = np.argsort([np.nanargmax(np.nanmean(one, axis=0)) for one in result.maps])
    return grid(
        {"patterns": result.patterns[order], "maps": result.maps[order]},
        phantom=crystal, titles=[f"component {i}" for i in order], height=1.8, width=2.1,
    )  # fmt: skip


def ica():
    """Two crystals that share spots: the model of Martineau 2019, Fig. 6."""
    pair = phantoms.martineau_fig6(dose=1e4, seed=0)
    result = view(pair).ica(2, random_state=0)
    return grid(
        {"truth": pair.patterns, "ICA": result.patterns}, phantom=pair, titles=("left crystal", "right crystal"), height=2, width=2
    )


def embedded(found, label):
    """A particle that is not pure at any position: its true pattern and map, and what a method finds."""
    particle = phantoms.embedded_particle(detector_shape=(64, 64), dose=1e4, seed=0)
    u = view(particle).prepare(direct_beam=4)
    rows = {"truth": (particle.patterns[1], particle.maps[1])}
    for name, method in {label: found, "NMF": lambda u: u.nmf(2, random_state=0)}.items():
        result = method(u)
        i = int(np.argmax([np.corrcoef(one.ravel(), particle.maps[1].ravel())[0, 1] for one in result.maps]))
        rows[name] = (result.patterns[i], result.maps[i])
    return grid(rows, phantom=particle, titles=("particle: pattern", "map"), width=1.9)


def fuzzy():
    return embedded(lambda u: u.fuzzy_cmeans(2, random_state=0), "fuzzy c-means")


def vca():
    return embedded(lambda u: u.vca(2, random_state=0), "VCA")


def dynamical():
    return phantoms.dynamical_film(n_grains=4, scan_shape=(40, 36), detector_shape=(72, 72), overlap=0.3, dose=2e4, seed=1)


def choose_k():
    """The components of one grain of a film of four that scatters dynamically."""
    silver = dynamical()
    choice = view(silver).prepare(direct_beam=5).choose_k(range(2, 13), random_state=0)
    result, maps = choice[choice.recommended], silver.maps[1:]
    grain = int(np.argmax(maps.sum(axis=(1, 2))))
    like = [np.corrcoef(one.ravel(), maps[grain].ravel())[0, 1] for one in result.maps]
    best = np.argsort(like)[::-1][:3]
    return grid(
        {"maps": [maps[grain], *result.maps[best]], "patterns": [silver.patterns[grain + 1], *result.patterns[best]]},
        phantom=silver, titles=["one grain: thickness", *(f"component {i}" for i in best)], height=1.9,
    )  # fmt: skip


def overlap():
    """Grains that lie side by side: the rims are overlaps as wide as the probe."""
    columns = phantoms.polycrystal(
        n_grains=6, scan_shape=(40, 36), detector_shape=(72, 72), overlap=0, edge=1.0, background=0, direct_beam=0.3, dose=5e3, seed=4
    )
    result = view(columns).prepare(direct_beam=4).nmf(6, n_starts=3, random_state=0)
    return result.overlap(thresholds=(0.25, 0.5, 0.75)).plot().figure


def rotation():
    """Three phases at random rotations, with the centre right and wrong by a pixel and a half."""
    glass = phantoms.rotated_phases(
        n_phases=3, layout="grains", n_grains=18, scan_shape=(24, 24), detector_shape=(96, 96), dose=1000, seed=2
    )
    truth = glass.phases[glass.maps.argmax(axis=0)]
    images = {"three phases": truth}
    for name, off in {"groups": 0, "groups, centre off by 1.5 pixels": 1.5}.items():
        u = Unmix(glass.data, centre=(glass.centre[0] + off, glass.centre[1])).prepare(direct_beam=6)
        labels = u.group_rotated(random_state=0).labels
        images[f"{labels.max() + 1} {name}"] = coloured_like(truth, labels)
    figure, axes = plt.subplots(1, 3, figsize=(7.4, 2.7), layout="constrained")
    for ax, (title, image) in zip(axes, images.items()):
        ax.imshow(image, cmap="Set2", vmin=0, vmax=7, interpolation="nearest")
        ax.set_title(title, fontsize=9)
        ax.set_axis_off()
    return figure


def coloured_like(truth, labels):
    """Labels with the number of the phase that most of their positions have; a second group of one phase gets a new number."""
    out, used, new = np.zeros(labels.shape, int), set(), truth.max() + 1
    for label in np.argsort(np.bincount(labels.ravel()))[::-1]:
        phase = int(np.bincount(truth[labels == label]).argmax())
        if phase in used:
            phase, new = new, new + 1
        used.add(phase)
        out[labels == label] = phase
    return out


def merging():
    """Components that all runs agree on: two grains, and parts of them."""
    silver = dynamical()
    found = view(silver).prepare(direct_beam=5).merge_nmf(n_runs=6, random_state=0).consensus()
    order = np.argsort(found.grain_probability)[::-1]
    order = [i for i in order if found.stability[i] == 1]
    order = [*order[:2], *order[-2:]]
    titles = [f"in all runs,\ngrain_probability {found.grain_probability[i]:.2f}" for i in order]
    return grid({"map": found.maps[order], "pattern": found.patterns[order]}, phantom=silver, titles=titles, height=1.9)


def bragg_disks():
    """A position with two grains: its disks on the grid, and the sum that a linear model expects; needs py4DSTEM."""
    scan = phantoms.polycrystal(
        n_grains=2, scan_shape=(20, 18), detector_shape=(72, 68), overlap=1, direct_beam=0.5, background=0.1, dose=2e3, seed=2
    )
    features = scan.to_py4dstem().unmix.bragg_disks().features
    grids = np.full((*scan.maps.shape[1:], *features.geometry.detector_shape), np.nan)
    grids[..., features.geometry.kept_pixels.reshape(grids.shape[2:])] = features.values.reshape(*grids.shape[:2], -1)
    shares = scan.maps[1:]  # the first is amorphous
    pure = [grids[np.unravel_index(one.argmax(), one.shape)] for one in shares]
    row, col = np.unravel_index(np.prod(shares, axis=0).argmax(), shares[0].shape)
    wanted = sum(share[row, col] / share.max() * one for share, one in zip(shares, pure))
    figure, axes = plt.subplots(1, 3, figsize=(7.0, 2.6), layout="constrained")
    plots.pattern(scan.data[row, col], pixel_size=scan.pixel_size, unit="1/Å", ax=axes[0], title="pattern of two grains")
    for ax, title, image in zip(axes[1:], ("its disks on the grid", "expected sum of two grains"), (grids[row, col], wanted)):
        plots.pattern(image, ax=ax, title=title, scale_bar=False)
    return figure


ALL = (nmf, ica, fuzzy, vca, choose_k, overlap, rotation, merging, bragg_disks)


if __name__ == "__main__":
    warnings.simplefilter("ignore", UnmixWarning)
    for make in ALL:
        if len(sys.argv) < 2 or make.__name__ in sys.argv[1:]:
            save(figure_of(make()), FIGURES / f"misleads_{make.__name__}.png")
            print(make.__name__, flush=True)
