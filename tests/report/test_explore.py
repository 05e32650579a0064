"""Walking through a scan: what is shown is what was measured and fitted there, with and without ipywidgets."""

import importlib.util
import sys
import warnings

import numpy as np
import pytest

import unmix4d
from unmix4d import Unmix, UnmixWarning, phantoms
from unmix4d.plots.positions import PositionFigure
from unmix4d.report.explorer import Explorer, explore, measured_pattern

needs_widgets = pytest.mark.skipif(importlib.util.find_spec("ipywidgets") is None, reason="ipywidgets is not installed")


@pytest.fixture(scope="module")
def result(scan):
    mask = np.zeros(scan.data.shape[:2], bool)
    mask[0, 0] = True
    view = Unmix(scan.data, centre=scan.centre, step=2.0, step_unit="nm").prepare(direct_beam=2, scan_mask=mask)
    return view.nmf(3, random_state=0)


@pytest.fixture
def no_widgets(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)


def images(figure):
    """What the panels of a figure show, by the word their title begins with."""
    found = {}
    for ax in figure.axes:
        if ax.images:
            found[ax.get_title().split(",")[0]] = np.ma.filled(ax.images[0].get_array().astype(float), np.nan)
    return found


def bars(figure):
    return [[bar.get_height() for bar in ax.patches] for ax in figure.axes if ax.get_xlabel() == "component"][0]


def test_without_ipywidgets_one_position_and_a_sentence(result, scan, no_widgets):
    figure = result.explore(3, 4)[0].figure
    assert "install ipywidgets (pip install unmix4d[notebook])" in figure.get_supxlabel()
    shown, kept = images(figure), ~np.isnan(result.patterns[0])
    assert np.array_equal(shown["measured"][kept], scan.data[3, 4][kept]) and np.isnan(shown["measured"][~kept]).all()
    assert np.allclose(shown["reconstruction"], result.reconstruct(3, 4), equal_nan=True)
    assert np.allclose(shown["residual"], shown["measured"] - shown["reconstruction"], equal_nan=True)
    assert np.sqrt(np.nanmean(shown["residual"] ** 2)) == pytest.approx(result.residual_map()[3, 4], rel=1e-4)
    shares = result.intensities[:, 3, 4] / result.intensities[:, 3, 4].sum()
    assert np.allclose(bars(figure), shares) and sum(bars(figure)) == pytest.approx(1)


def test_it_begins_where_the_residual_is_largest(result, no_widgets):
    titles = [ax.get_title() for ax in result.explore()]
    row, col = np.unravel_index(np.nanargmax(result.residual_map()), result.geometry.scan_shape)
    assert f"row {row}, column {col}" in titles


def test_a_loaded_result_has_no_measured_pattern(result, scan, tmp_path, no_widgets):
    result.save(tmp_path / "r.h5")
    figure = unmix4d.load(tmp_path / "r.h5").explore(3, 4)[0].figure
    assert "loaded without its data: unmix4d.load(path, data=scan)" in figure.get_supxlabel()
    assert set(images(figure)) == {"row 3", "reconstruction"} and len(bars(figure)) == 3
    assert any(text.get_text() == "no data linked" for ax in figure.axes for text in ax.texts)


def test_the_figure_is_not_left_behind_by_texts_too_long(result, tmp_path, no_widgets):
    """Every text is within the figure."""
    result.save(tmp_path / "r.h5")
    for figure in (result.explore(3, 4)[0].figure, unmix4d.load(tmp_path / "r.h5").explore(3, 4)[0].figure):
        figure.canvas.draw()
        width, height = figure.canvas.get_width_height()
        for text in [*figure.texts, *(ax.title for ax in figure.axes)]:
            box = text.get_window_extent()
            assert box.x0 >= -1 and box.x1 <= width + 1 and box.y0 >= -1 and box.y1 <= height + 1, text


@pytest.mark.one_in(3)
@pytest.mark.parametrize("kind", ["pca", "ica", "fuzzy", "features", "line"])
def test_all_kinds_of_results(kind, scan, no_widgets):
    view = Unmix(scan.data, centre=scan.centre)
    if kind == "line":
        result = Unmix(scan.data[:, 2:3], centre=scan.centre).nmf(2, random_state=0)
    elif kind == "fuzzy":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnmixWarning)
            result = view.fuzzy_cmeans(3, n_starts=2, random_state=0)
    elif kind == "features":
        result = view.radial_variance(2, 9).nmf(2, random_state=0)
    else:
        result = getattr(view, kind)(3)
    figure = result.explore(5, 0 if kind == "line" else 6)[0].figure
    shown = images(figure)
    assert np.allclose(shown["measured"], scan.data[5, 2 if kind == "line" else 6])
    assert np.allclose(shown["reconstruction"], result.reconstruct(5, 0 if kind == "line" else 6))
    if kind == "fuzzy":
        assert np.allclose(bars(figure), result.memberships[:, 5, 6])
    if kind in ("pca", "ica"):
        assert np.allclose(bars(figure), result.maps[:, 5, 6])
    for ax in figure.axes:  # the mark is at the position
        if kind == "line" and ax.get_title().startswith("row"):
            assert any(np.allclose(line.get_xdata(), 5) for line in ax.lines)


@pytest.mark.parametrize(
    ("place", "error", "sentence"),
    [
        ((7, 0), ValueError, "row must be at most 6, got 7"),
        ((0, -1), ValueError, "col must be at least 0, got -1"),
        ((1.5, 0), TypeError, "row must be a whole number, got 1.5"),
        ((0, 0), ValueError, r"position \(0, 0\) is excluded by the scan mask"),
    ],
)
def test_wrong_positions(result, place, error, sentence):
    with pytest.raises(error, match=sentence):
        explore(result, *place)


def test_only_the_block_of_the_position_is_read(scan):
    import dask.array as da

    read = []

    def block(block_info=None):
        place = block_info[None]["array-location"]
        read.append(place[:2])
        return scan.data[tuple(slice(*part) for part in place)]

    chunks = ((2, 2, 3), (3, 3, 3), (20,), (26,))
    lazy = da.map_blocks(block, chunks=chunks, dtype=scan.data.dtype, meta=np.empty((0,) * 4, scan.data.dtype))
    result = Unmix(lazy, centre=scan.centre).nmf(2, random_state=0)
    read.clear()
    assert np.array_equal(measured_pattern(result, 3, 4), scan.data[3, 4])
    assert read == [[(2, 4), (3, 6)]]


def test_points_of_the_map_are_positions(result, scan):
    figure = PositionFigure(result)
    assert figure.position_at(4.3, 2.6) == (3, 4)
    assert figure.position_at(-0.5, 99) == (6, 0)
    line = PositionFigure(Unmix(scan.data[2:3], centre=scan.centre, step=2.0, step_unit="nm").nmf(2, random_state=0))
    assert line.position_at(7.2, 0.5) == (0, 4)


@needs_widgets
def test_sliders_move_the_figure(result):
    import ipywidgets

    box = result.explore(3, 4)
    assert isinstance(box, ipywidgets.VBox)
    explorer = box.explorer
    assert (explorer.row.value, explorer.col.value, explorer.row.max, explorer.col.max) == (3, 4, 6, 8)
    before = bytes(box.children[1].value)
    assert before.startswith(b"\x89PNG")
    explorer.col.value = 7
    assert bytes(box.children[1].value) != before
    shown = images(explorer._drawn.figure)
    assert np.allclose(shown["reconstruction"], result.reconstruct(3, 7), equal_nan=True)
    # An excluded position has a pattern and nothing else.
    explorer.go(0, 0)
    assert set(images(explorer._drawn.figure)) == {"row 0", "measured"}


@needs_widgets
def test_the_mouse_moves_the_figure(result):
    from matplotlib.backend_bases import MouseEvent

    explorer = result.explore(3, 4).explorer
    canvas, where = explorer._drawn.figure.canvas, explorer._drawn.map
    canvas.draw()

    def at(row, col, kind):
        x, y = where.transData.transform((col, row))
        canvas.callbacks.process(kind, MouseEvent(kind, canvas, x, y, button=1))
        return explorer.row.value, explorer.col.value

    explorer.follows = True
    assert at(5, 6, "motion_notify_event") == (5, 6)
    assert at(2, 1, "button_press_event") == (2, 1) and not explorer.follows  # pinned
    assert at(5, 6, "motion_notify_event") == (2, 1)
    assert at(4, 4, "button_press_event") == (4, 4)
    assert at(50, 50, "button_press_event") == (4, 4)  # beside the map
    shown = images(explorer._drawn.figure)
    assert np.allclose(shown["reconstruction"], result.reconstruct(4, 4), equal_nan=True)


@needs_widgets
def test_a_click_on_a_bar_and_the_keyboard_choose_a_component(result):
    from matplotlib.backend_bases import KeyEvent, MouseEvent

    explorer = result.explore(3, 4).explorer
    drawn = explorer._drawn
    canvas = drawn.figure.canvas
    canvas.draw()

    def click(bar):
        x, y = drawn.shares.transData.transform((bar, 0.5))
        canvas.callbacks.process("button_press_event", MouseEvent("button_press_event", canvas, x, y, button=1))
        return explorer.component.value

    def shown(component):
        assert np.allclose(drawn.map.images[0].get_array(), result.maps[component], equal_nan=True)
        assert np.allclose(images(drawn.figure)[f"component {component}"], result.patterns[component], equal_nan=True)
        return drawn.map.get_title() == f"component {component}, row 3, column 4"

    everything = drawn.map.images[0].get_array()
    assert click(1) == 1 and shown(1)
    assert click(0) == 0 and shown(0)
    assert click(7) == "all"  # beside the bars: all again, as a second click on the same bar
    assert np.array_equal(drawn.map.images[0].get_array(), everything) and drawn.component is None
    went = []
    for key in ("right", "right", "right", "left", "left", "up"):
        canvas.callbacks.process("key_press_event", KeyEvent("key_press_event", canvas, key))
        went.append(explorer.component.value)
    assert went == [0, 1, 2, 1, 0, 0] and result.k == 3
    explorer.component.value = 1
    assert shown(1)
    explorer.go(5, 6)
    assert drawn.map.get_title() == "component 1, row 5, column 6"
    assert len([line for line in drawn.map.lines if line.get_xdata()[0] == 6 and line.get_ydata()[0] == 5]) == 1


@needs_widgets
def test_what_to_install_for_the_mouse_is_said(result, monkeypatch):
    monkeypatch.setattr("unmix4d.report.explorer.find_spec", lambda name: name)
    said = "To click on the map and on the bars: %matplotlib widget in a cell before this one."
    assert result.explore(3, 4).children[2].value == said
    monkeypatch.setattr("unmix4d.report.explorer.find_spec", lambda name: None)
    assert result.explore(3, 4).children[2].value.endswith("before this one, after pip install ipympl.")


@pytest.mark.one_in(3)
@needs_widgets
@pytest.mark.filterwarnings("ignore::unmix4d.UnmixWarning")
@pytest.mark.parametrize("kind", ["svd", "ica", "fuzzy_cmeans"])
def test_components_of_every_kind_are_chosen(scan, kind):
    arguments = {} if kind == "svd" else {"random_state": 0}
    result = getattr(Unmix(scan.data, centre=scan.centre), kind)(2, **arguments)
    explorer = result.explore(3, 4).explorer
    explorer.component.value = 1
    assert np.allclose(explorer._drawn.map.images[0].get_array(), result.maps[1], equal_nan=True)


@needs_widgets
def test_slow_patterns_are_read_on_a_click_only(result, monkeypatch):
    import ipywidgets

    monkeypatch.setattr("unmix4d.report.explorer._QUICK", 0.0)
    assert not Explorer(result, 3, 4, ipywidgets).follows


@needs_widgets
def test_no_figure_is_left_for_the_notebook_to_show_twice(result):
    import matplotlib.pyplot as plt

    result.explore(3, 4)
    assert plt.get_fignums() == []


@needs_widgets
def test_a_line_scan_has_one_slider(scan):
    explorer = Unmix(scan.data[2:3], centre=scan.centre).nmf(2, random_state=0).explore(0, 3).explorer
    assert explorer.row.disabled and not explorer.col.disabled


def test_phantoms_of_one_position_can_be_explored(no_widgets):
    one = phantoms.random_scan(shape=(1, 1, 10, 12), k=1, seed=0)
    axes = Unmix(one.data, centre=(4, 5)).nmf(1, random_state=0).explore()
    assert set(images(axes[0].figure)) >= {"measured", "reconstruction"}
