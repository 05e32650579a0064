"""Figures: what they show is what the result says, with calibrated scale bars and sane intensities."""

import matplotlib
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar

from support.scans import counts
from unmix4d import Unmix, plots


def bars(figure):
    return [child for ax in figure.axes for child in ax.get_children() if isinstance(child, AnchoredSizeBar)]


def label(bar):
    return bar.txt_label.get_text()


@pytest.fixture(scope="module")
def result(crystal):
    u = Unmix(
        crystal.data, centre=crystal.centre, pixel_size=crystal.pixel_size, pixel_unit="A^-1", step=2.0, step_unit="nm"
    )
    return u.prepare(direct_beam=3).nmf(5, random_state=0, max_iter=30, n_starts=2)


@pytest.mark.slow
def test_patterns_above_maps_on_every_host(as_host, crystal):
    found = as_host(crystal).nmf(3, random_state=0, max_iter=5)
    tops, bottoms = found.plot()
    figure = tops[0].figure
    assert len(tops) == len(bottoms) == 3 and list(figure.axes) == [ax for pair in zip(tops, bottoms) for ax in pair]
    texts = [label(bar) for bar in bars(figure)]
    assert len(texts) == 6
    assert all(t.endswith("1/Å") for t in texts[::2]) and all(t.endswith("nm") for t in texts[1::2])
    for i, (top, bottom) in enumerate(zip(tops, bottoms)):
        assert np.allclose(top.images[0].get_array(), found.patterns[i])
        assert np.allclose(bottom.images[0].get_array(), found.maps[i])
    figure.canvas.draw()
    boxes = [ax.get_position() for ax in (tops[0], bottoms[0])]
    assert boxes[0].y0 > boxes[1].y1


def test_scale_bars_have_the_length_they_say(result):
    figure = result.plot([0])[0, 0].figure
    pattern_bar, map_bar = bars(figure)
    for bar, size in ((pattern_bar, result.geometry.calibration.pixel_size[1]), (map_bar, 2.0)):
        length = float(label(bar).split()[0])
        drawn = bar.size_bar.get_children()[0].get_width()
        assert drawn * size == pytest.approx(length)
    width = result.geometry.detector_shape[1]
    assert 0.1 * width <= pattern_bar.size_bar.get_children()[0].get_width() <= 0.26 * width


def test_uncalibrated_scans_get_bars_in_pixels(scan):
    texts = [label(bar) for bar in bars(Unmix(scan.data).svd(2).plot()[0, 0].figure)]
    assert texts and all(t.endswith(" px") for t in texts)


def test_the_direct_beam_does_not_swamp_the_pattern():
    image = np.random.default_rng(0).poisson(2.0, (128, 128)).astype(float)
    image[60:66, 60:66] = 1e6
    image[20:23, 90:93] = 60.0
    norm, signed = plots.intensity_norm(image)
    assert not signed
    halo, spot = norm(2.0), norm(60.0)
    assert spot - halo > 0.1 and norm(1e6) >= 1
    image[60:66, 60:66] = np.nan
    norm, _ = plots.intensity_norm(image)
    assert norm(60.0) > 0.8 and norm(2.0) < 0.45


def test_negative_components_get_a_symmetric_range(scan):
    image = Unmix(scan.data).svd(3).plot()[0, 1].images[0]
    assert image.norm.vmin == -image.norm.vmax and image.cmap.name == "RdBu_r"


def test_choice_of_components(result):
    assert result.plot([4, 1]).shape == (2, 2)
    assert result.plot(3).shape == (2, 1)
    for wrong in ([5], [-1], [], "a", [0.5], 7):
        with pytest.raises(ValueError, match="components must be numbers from 0 to 4"):
            result.plot(wrong)


def test_line_scans_are_drawn_as_profiles(scan):
    for data, axis in ((scan.data[:1], "column"), (scan.data[:, :1], "row")):
        found = Unmix(data, step=(3, 2), step_unit="nm").nmf(2, random_state=0, max_iter=5)
        bottom = found.plot()[1, 0]
        assert bottom.get_xlabel() == f"{axis} (nm)"
        step = 2 if axis == "column" else 3
        assert np.allclose(bottom.lines[0].get_xdata(), step * np.arange(max(data.shape[:2])))
        assert np.allclose(bottom.lines[0].get_ydata(), found.maps[0].ravel())
        assert bottom.figure.get_size_inches()[1] < 5


def test_pixels_that_are_not_square_are_not_drawn_square(crystal):
    found = Unmix(crystal.data, pixel_size=0.02, pixel_unit="1/Å", step=(8, 2), step_unit="nm").prepare(bin=(4, 1))
    top, bottom = found.nmf(2, random_state=0, max_iter=3).plot([0]).ravel()
    assert top.get_aspect() == pytest.approx(4) and bottom.get_aspect() == pytest.approx(4)


def test_one_component_has_all_of_the_intensity(scan):
    title = Unmix(scan.data).nmf(1, random_state=0).plot()[0, 0].get_title()
    assert "e" not in title and float(title.split()[1]) == pytest.approx(100, abs=2)


def test_convergence_of_an_exact_fit_is_drawn():
    data = np.multiply.outer(np.arange(1.0, 13).reshape(3, 4), np.arange(1.0, 201).reshape(10, 20)).astype(np.float32)
    result = Unmix(data).nmf(1, random_state=0, max_iter=10, tol=0)
    ax = result.plot_convergence()
    assert np.isfinite(ax.lines[0].get_ydata()).all()
    ax.figure.canvas.draw()


def test_many_components_wrap_to_rows(result):
    axes = result.plot(list(range(5)) * 3)
    assert axes.shape == (2, 15)
    assert axes[0, 0].figure.get_size_inches()[0] < 12


def test_scree_and_convergence_draw_on_given_axes(crystal, result):
    figure = Figure()
    axes = figure.subplots(1, 2)
    scree = Unmix(crystal.data).scree(12)
    assert scree.plot(axes[0]) is axes[0] and axes[0].get_yscale() == "log"
    assert np.allclose(axes[0].lines[0].get_ydata(), scree.explained)
    assert result.plot_convergence(axes[1]) is axes[1] and len(axes[1].lines) == 2
    assert isinstance(scree.plot(), Axes)
    with pytest.raises(ValueError, match="svd keeps no loss of its iterations"):
        Unmix(crystal.data).svd(2).plot_convergence()


def test_pathological_images_draw_without_a_warning():
    for image in (np.zeros((5, 6)), np.full((5, 6), np.nan), np.ones((1, 300)), np.full((4, 4), -3.0), np.ones((2, 2))):
        plots.pattern(image).figure.canvas.draw()
        plots.scan_map(image).figure.canvas.draw()


def test_perceptual_colours():
    assert matplotlib.colormaps["inferno"] and plots.pattern(np.ones((5, 5))).cmap.name == "inferno"
    assert plots.scan_map(np.ones((5, 5))).cmap.name == "viridis"


def test_the_scree_of_nothing_can_be_drawn():
    ax = Unmix(np.zeros((2, 3, 4, 5))).scree(3).plot()
    ax.figure.canvas.draw()
    assert ax.get_yscale() == "linear"
    assert Unmix(counts(2, 3, 4, 5)).scree(3).plot().get_yscale() == "log"
