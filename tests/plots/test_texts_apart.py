"""Texts of a figure do not lie on one another, with long names of components and at the size of a notebook."""

from itertools import combinations

import matplotlib.pyplot as plt
import pytest
from matplotlib.text import Text

from unmix4d import Unmix, phantoms

NAMES = {0: "Li2MnO3 C2/m, zone axis [110], tilted", 1: "spinel LiMn2O4 with stacking faults (2)"}
DRAWN = {
    "result": lambda a: a.plot(), "composite": lambda a: a.composite(), "stability": lambda a: a.plot_stability(),
    "profile": lambda a: a.overlap(background=()).plot_profile((0, 0), (13, 11)),
    "profile of few": lambda a: a.overlap(background=()).plot_profile((0, 0), (13, 11), points=2),
    "overlap": lambda a: a.overlap(background=()).plot(components=(0, 1)),
}  # fmt: skip


@pytest.fixture(scope="module")
def view():
    film = phantoms.polycrystal(n_grains=3, scan_shape=(14, 12), detector_shape=(36, 34), background=0, seed=0)
    return Unmix(film.data, centre=film.centre, pixel_size=0.02, pixel_unit="1/Å", step=2.0, step_unit="nm")


@pytest.fixture(scope="module")
def merged(view):
    return view.merge_nmf(5, n_runs=2, random_state=0).rename(NAMES)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def crossing():
    """Pairs of texts of the current figure that lie on one another, by more than a pixel."""
    figure = plt.gcf()
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    boxes = [(text.get_text(), text.get_window_extent(renderer).padded(-1)) for text in texts]
    return [(one, other) for (one, a), (other, b) in combinations(boxes, 2) if a.overlaps(b)]


@pytest.mark.parametrize("name", DRAWN)
def test_long_names(merged, name):
    DRAWN[name](merged)
    assert not crossing()


def test_the_legend_of_the_votes_is_beside_them(view):
    """The number that is recommended may be the largest that was tried, where the legend was."""
    panel = view.choose_k([2, 3], random_state=0).plot()[-1]
    panel.figure.canvas.draw()
    legend = panel.get_legend().get_window_extent()
    assert not legend.padded(-1).overlaps(panel.get_window_extent())
