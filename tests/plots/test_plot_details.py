"""Figures, number by number: what a changed sign, bound or size in them would show."""

import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pytest
import skimage.color
from matplotlib.colors import to_rgb

from unmix4d import Decomposition, Grains, Orientations, Unmix, phantoms, plots
from unmix4d.core.geometry import Calibration, ScanGeometry
from unmix4d.orientation import Match, Painting, laue_rotations
from unmix4d.plots import choose_k, colours, fuzzy, images, positions
from unmix4d.plots import quality as plots_quality


def made(k, scan_shape=(6, 8), maps=None, step=(1.0, 1.0), **more):
    """A result of k components that nothing had to be computed for."""
    rng = np.random.default_rng(0)
    maps = rng.random((k, *scan_shape)) if maps is None else maps
    geometry = ScanGeometry(scan_shape, (9, 9), calibration=Calibration(step=step, step_unit="nm"))
    patterns, maps = rng.random((k, 9, 9)), maps / maps.max((1, 2), keepdims=True)
    return Decomposition("nmf", patterns, maps, np.full(k, 1 / k), 0.1, geometry, {"n": k}, **more)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_composites_do_not_depend_on_the_scale_of_a_map():
    result = made(3)
    scaled = dataclasses.replace(result, maps=result.maps * np.array([0.4, 0.7, 1.0])[:, None, None])
    shown = [np.array(one.composite(scale="each").images[0].get_array()) for one in (result, scaled)]
    np.testing.assert_allclose(*shown, atol=1e-12)


def test_a_component_alone_has_its_own_colour_where_it_is_full():
    ramp = np.tile(np.linspace(0, 1, 8) ** 8, (6, 1))
    result = made(1, maps=ramp[None])
    (hue,) = colours.map_colours(np.array(result.maps), np.ones((6, 8), bool))
    shown = np.asarray(result.composite().images[0].get_array())
    bright = shown[:, -1] / shown[:, -1].max()
    light = np.where(hue <= 0.04045, hue / 12.92, ((hue + 0.055) / 1.055) ** 2.4)
    light = light / light.max()
    screen = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    np.testing.assert_allclose(bright, np.tile(screen, (6, 1)), atol=0.01)


def test_the_dark_side_of_a_hue_is_made_linear(monkeypatch):
    hues = np.array([[1.0, 0.02, 0.5]])
    monkeypatch.setattr(colours, "map_colours", lambda maps, kept, background=(): hues)  # no hue of ours has a side so dark
    shown = np.asarray(made(1, maps=np.ones((1, 6, 8))).composite().images[0].get_array())
    np.testing.assert_allclose(shown, np.broadcast_to(hues, (6, 8, 3)), atol=1e-6)


def test_patterns_beside_a_composite_fill_their_columns():
    ax = made(8).composite()
    small = [one for one in ax.figure.axes if one is not ax]
    spec = [one.get_subplotspec() for one in small]
    rows, columns = spec[0].get_gridspec().get_geometry()
    assert len(small) == 8 and columns - 1 > 1 and (rows - 1) * (columns - 1) < 8 <= rows * (columns - 1)


def test_the_best_start_is_named():
    history = [np.array([3.0, 2.0]), np.array([3.0, 1.0]), np.array([3.0, 1.5])]
    result = made(2, losses=np.array([2.0, 1.0, 1.5]), convergence=history)
    texts = [text.get_text() for text in result.plot_convergence().get_legend().get_texts()]
    assert texts == ["start 0", "start 1 (kept)", "start 2"]


@pytest.fixture(scope="module")
def clusters():
    line = phantoms.martineau_fig5()
    return Unmix(line.data, centre=line.centre).fuzzy_cmeans(2, random_state=0)


def test_contours_cover_all_loadings_and_the_last_is_the_widest(clusters):
    ax = clusters.plot_scatter()
    for axis, (low, high) in enumerate((ax.get_xlim(), ax.get_ylim())):
        values = clusters.loadings[axis][np.isfinite(clusters.loadings[axis])]
        width = np.ptp(values)
        assert low == pytest.approx(values.min() - 0.06 * width, rel=1e-4)
        assert high == pytest.approx(values.max() + 0.06 * width, rel=1e-4)
    widths = [list(lines.get_linewidths()) for lines in ax.collections if len(np.atleast_1d(lines.get_linewidths())) == 3]
    assert widths and all(one[0] == one[1] < one[2] for one in widths)


def grains_of(n):
    masks = np.zeros((n, 8, 40), bool)
    for i in range(n):
        masks[i, 1 : 3 + i % 4, 3 * i + 1 : 3 * i + 3] = True
    result = made(1, scan_shape=(8, 40), maps=np.ones((1, 8, 40)))
    return Grains(masks, np.zeros(n, int), result)


@pytest.mark.parametrize("n, bars", [(4, 4), (10, 5), (13, 5)])
def test_bars_of_a_histogram_of_sizes(n, bars):
    ax = grains_of(n).plot_sizes()
    edges = {round(patch.get_x(), 9) for patch in ax.patches}
    assert len(edges) == bars


@pytest.fixture(scope="module")
def groups():
    film = phantoms.rotated_phases(n_phases=2, scan_shape=(6, 6), detector_shape=(64, 64), dose=3e3, seed=0)
    return Unmix(film.data, centre=film.centre).group_rotated(2)


def test_branches_have_the_colours_of_their_groups(groups):
    ax = groups.plot_dendrogram()
    drawn = {tuple(np.round(to_rgb(colour), 3)) for lines in ax.collections for colour in lines.get_colors()}
    first, quiet = (tuple(np.round(to_rgb(colour), 3)) for colour in (colours.GROUPS[0], colours.QUIET))
    assert first in drawn and quiet in drawn


def test_angles_are_shown_over_one_period(groups):
    group = int(np.flatnonzero(groups.symmetry > 1)[0])
    drawn = groups.plot_angles(group=group).images[0]
    assert drawn.norm.vmin == 0 and drawn.norm.vmax == pytest.approx(360 / groups.symmetry[group])


def test_groups_stand_as_close_as_components(groups):
    width, height = groups.plot()[0, 0].figure.get_size_inches()
    assert width / 2 == pytest.approx(1.9) and height == pytest.approx(4.1)


def test_images_with_colours_keep_the_proportions_of_the_scan():
    ax = plt.figure().add_subplot()
    images.draw_colours(ax, np.zeros((6, 8, 3)), Calibration(step=(2.0, 0.5), step_unit="nm"))
    assert ax.get_aspect() == 4


def test_components_of_a_tree_are_named_below_their_middle():
    film = phantoms.polycrystal(n_grains=2, scan_shape=(12, 10), detector_shape=(32, 32), background=0, seed=0)
    merged = Unmix(film.data).merge_nmf(5, n_runs=1, random_state=0)
    sizes = np.array([len(parts) for parts in merged.members])
    starts = np.cumsum(sizes) - sizes
    np.testing.assert_allclose(merged.plot_history().get_xticks(), starts + (sizes - 1) / 2)


def test_at_most_twelve_points_along_a_line():
    overlap = made(2, scan_shape=(4, 30)).overlap(min_weight=None, background="keep")
    assert len(overlap.plot_profile((1, 0), (1, 29), points=12).figure.axes) > 36
    with pytest.raises(ValueError, match="points must be .*12"):
        overlap.plot_profile((1, 0), (1, 29), points=13)
    with pytest.raises(ValueError, match="points must be 1 to 12"):
        overlap.plot_profile((1, 0), (1, 29), points=range(13))


def test_wide_scans_are_four_to_a_row_at_most():
    figure = plots.decomposition(made(5, scan_shape=(4, 40)))[0, 0].figure
    assert figure.get_size_inches()[0] == pytest.approx(3 * 2.7)  # five are three and two


@pytest.mark.parametrize("span, text", [(0.05, "0.050"), (0.06, "0.06"), (0.01, "0.010"), (12.0, "12.0")])
def test_digits_of_values_in_a_matrix(span, text):
    matrix = np.array([[1, span, 0], [span, 1, 0], [0, 0, 1.0]])
    texts = {one.get_text() for one in plots_quality.similarity(matrix).texts}
    assert text in texts


@pytest.fixture(scope="module")
def choice():
    film = phantoms.polycrystal(n_grains=2, scan_shape=(8, 9), detector_shape=(32, 32), background=0, seed=0)
    return Unmix(film.data, centre=film.centre).choose_k([2, 3], n_starts=2, random_state=0)


def test_every_criterion_has_a_line_the_first_on_top(choice):
    ax = choose_k.votes(choice)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == [name.replace("_", " ") for name in choice.votes][::-1]
    assert ax.get_ylim() == (-0.6, len(names) - 0.4)


def test_likeness_is_drawn_from_0_to_1_beside_a_bar_no_taller_than_the_matrix(choice):
    ax = choice.plot_similarity(3)
    (image,) = ax.images
    ax.figure.canvas.draw()
    bar = next(one for one in ax.figure.axes if one is not ax)
    assert image.get_clim() == (0, 1)
    assert 0.8 < bar.get_position().height / ax.get_position().height <= 1


def test_hues_are_as_light_as_they_are_meant_to_be():
    lab = skimage.color.rgb2lab(colours.component_colours(14)[None])[0]
    assert lab[::2, 0] == pytest.approx(62, abs=5) and lab[1::2, 0] == pytest.approx(84, abs=4)


def test_patterns_beside_a_composite_take_nothing_from_its_image():
    result = made(3)
    alone, beside = result.composite(legend=False).figure, result.composite().figure
    width, height = alone.get_size_inches()
    cell = min(max(height / 3, 0.95), 1.7)
    assert beside.get_size_inches()[0] == pytest.approx(width + cell + 0.1)  # one column, and a gap


def test_centres_of_clusters_are_their_own_in_the_plane_of_two_loadings():
    centres = np.random.default_rng(0).random((4, 4)) + 3.0  # far from zero, where a sign shows
    for x, y in ((0, 1), (2, 0)):
        flat = fuzzy._in_the_plane(centres[None][..., [x, y]], centres, x, y)[0]
        ways = centres[:, [x, y]] - centres[:, [x, y]].mean(0)
        expected = centres.mean(0) + ways @ np.linalg.lstsq(ways, centres - centres.mean(0), rcond=None)[0]
        np.testing.assert_allclose(np.delete(flat, [x, y], 1), np.delete(expected, [x, y], 1), atol=1e-9)
        np.testing.assert_array_equal(flat[:, [x, y]], centres[:, [x, y]])


def test_grains_are_drawn_on_the_middle_98_per_cent_of_the_image():
    image = np.linspace(0, 1, 320).reshape(8, 40) ** 9
    ax = grains_of(3).plot(image=image)
    assert ax.images[0].get_clim() == pytest.approx(np.percentile(image, (1, 99)))
    assert ax.get_xlim() == (-0.5, 39.5) and ax.get_ylim() == (7.5, -0.5)


def test_hues_of_grains_are_used_in_turn():
    masks = np.zeros((4, 8, 40), bool)
    for i in range(4):
        masks[i, 2:5, 10 * i + 2 : 10 * i + 5] = True  # none is near another
    grains = Grains(masks, np.zeros(4, int), made(1, scan_shape=(8, 40), maps=np.ones((1, 8, 40))))
    drawn = [text.get_color() for text in grains.plot(numbers=True).texts]
    assert drawn == list(colours.GRAINS[:4])


def test_trees_are_as_wide_as_their_leaves_need(groups):
    assert groups.plot_dendrogram().figure.get_size_inches() == pytest.approx((5.0, 4.6))


def test_legends_of_a_profile_have_twelve_lines_to_a_column():
    for k, columns in ((12, 1), (13, 2)):
        overlap = made(k, scan_shape=(4, 30)).overlap(min_weight=None, background="keep")
        legend = overlap.plot_profile((1, 0), (1, 29), components="all", points=2).get_legend()
        assert legend._ncols == columns, k


def test_what_is_missing_is_said_in_the_middle_of_its_panel():
    figure = positions.PositionFigure(made(2))
    figure.show(1, 2, None)
    (text,) = figure._axes["measured"].texts
    assert text.get_text() == "no data linked" and text.get_position() == (0.5, 0.5)


def orientations_of(index, shape=(3, 4), step=(1.0, 1.0)):
    match = Match(component=0, source="single", n_positions=3, phase="silver", matrix=np.eye(3), fit=0.8)
    none = np.full(shape, -1)
    painting = Painting(index, none, np.ones(shape), np.zeros(shape), index, (index >= 0)[None])
    geometry = ScanGeometry(shape, (8, 8), calibration=Calibration(step=step, step_unit="nm"))
    return Orientations("py4dstem", (match,), painting, geometry, {"silver": laue_rotations(np.eye(3))}, {"silver": None})


def test_boundaries_of_orientations_go_around_their_positions():
    index = np.full((3, 4), -1)
    index[1, 2] = 0
    (lines,) = orientations_of(index).plot().collections
    drawn = {tuple(sorted(tuple(map(float, point)) for point in one)) for one in lines.get_segments()}
    left, right, top, bottom = 1.5, 2.5, 0.5, 1.5
    assert drawn == {
        ((left, top), (right, top)), ((left, bottom), (right, bottom)),
        ((left, top), (left, bottom)), ((right, top), (right, bottom)),
    }  # fmt: skip


@pytest.mark.parametrize("shape, inches", [((10, 10), 4.5), ((20, 10), 5.3), ((10, 20), 2.4)])
def test_maps_of_orientations_have_the_proportions_of_the_scan(shape, inches):
    figure = orientations_of(np.zeros(shape, int), shape).plot().figure
    assert figure.get_size_inches()[1] == pytest.approx(inches, abs=0.05)
