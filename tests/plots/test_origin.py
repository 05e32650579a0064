"""Row 0 is on top of every image, whatever the user's own settings of matplotlib say; in colour keys too."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from unmix4d import Orientations, Unmix, plots
from unmix4d.core.geometry import ScanGeometry
from unmix4d.orientation.record import Match
from unmix4d.orientation.sources import Painting
from unmix4d.orientation.symmetry import laue_rotations
from unmix4d.plots.positions import PositionFigure


@pytest.fixture(scope="module")
def result(crystal):
    return Unmix(crystal.data, centre=crystal.centre).nmf(3, random_state=0, max_iter=20)


def shown(explorer, result):
    explorer.show(3, 4, result.patterns[0])
    return explorer.figure


FIGURES = {
    "plot": lambda r: r.plot()[0, 0].figure,
    "composite": lambda r: r.composite().figure,
    "grains": lambda r: r.grains(min_size=5).plot().figure,
    "overlap": lambda r: r.overlap().plot().figure,
    "explorer": lambda r: shown(PositionFigure(r, "here"), r),
    "quality": lambda r: r.report_quality().plot()[0, 0].figure,
    "similarity": lambda r: r.pattern_similarity("gmsd").plot().figure,
    "pattern": lambda r: plots.pattern(np.eye(10)).figure,
    "pattern in the user's axes": lambda r: plots.pattern(np.eye(10), ax=plt.subplots()[1]).figure,
}


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", FIGURES)
def test_row_0_is_on_top(name, result):
    with matplotlib.rc_context({"image.origin": "lower"}):
        figure = FIGURES[name](result)
    images = [ax for ax in figure.findobj(plt.Axes) if ax.images]
    assert images
    for ax in images:
        assert all(image.origin == "upper" for image in ax.images)
        assert ax.yaxis_inverted() or ax.images[0].get_extent()[2] < ax.images[0].get_extent()[3]


def test_colours_of_a_key_stay_at_their_corners(pyxem):
    from orix.crystal_map import Phase

    first, none = np.array([[0, 0, -1], [0, 0, -1], [0, 0, 0]]), np.full((3, 3), -1)
    painting = Painting(first, none, np.ones((3, 3)), np.zeros((3, 3)), first, (first >= 0)[None])
    match, cubic = Match(0, "single", 12, "silver", np.eye(3), 10.0, 0.9), {"silver": laue_rotations(np.eye(3))}
    phases = {"silver": Phase("silver", point_group="m-3m")}
    found = Orientations("pyxem", (match,), painting, ScanGeometry((3, 3), (8, 8)), cubic, phases)
    with matplotlib.rc_context({"image.origin": "lower"}):
        ax = found.plot()
        assert ax.yaxis_inverted()
        (key,) = (a for a in ax.figure.findobj(plt.Axes) if a is not ax and a.images and a.texts)
        ax.figure.canvas.draw()
    seen = np.asarray(ax.figure.canvas.buffer_rgba())[..., :3] / 255
    middle = np.mean([text.xy for text in key.texts], axis=0)
    corners = {"[0 0 1]": 0, "[0 1 1]": 1, "[1 0 1]": 1, "[1 1 1]": 2}  # red, green, blue
    assert len(key.texts) == 3
    for text in key.texts:
        x, y = key.transData.transform(np.array(text.xy) + 0.15 * (middle - np.array(text.xy)))
        colour = seen[int(seen.shape[0] - y), int(x)]
        assert colour.argmax() == corners[text.get_text()], (text.get_text(), colour)
