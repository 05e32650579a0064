"""The style of figures: sizes are ours, nothing is left changed, and colours and helpers have one place."""

import ast
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from unmix4d import Unmix, plots
from unmix4d.plots import axes, colours, layout, style
from unmix4d.plots.positions import PositionFigure

ROOT = Path(plots.__file__).parent
USERS = {"font.size": 21, "axes.titlesize": 30, "axes.labelsize": 25, "xtick.labelsize": 22, "ytick.labelsize": 22,
         "legend.fontsize": 27, "legend.frameon": True, "figure.figsize": (12, 3), "figure.autolayout": True,
         "image.origin": "lower"}  # fmt: skip


@pytest.fixture(scope="module")
def result(crystal):
    view = Unmix(crystal.data, centre=crystal.centre, pixel_size=0.02, pixel_unit="1/Å", step=2.0, step_unit="nm")
    return view.nmf(4, random_state=0, max_iter=30, n_starts=2)


FIGURES = {
    "pattern": lambda r: plots.pattern(r.patterns[0], title="one").figure,
    "scan_map": lambda r: plots.scan_map(r.maps[0], title="one").figure,
    "line scan": lambda r: plots.scan_map(r.maps[0][:1], title="one").figure,
    "decomposition": lambda r: r.plot()[0, 0].figure,
    "convergence": lambda r: r.plot_convergence().figure,
    "scree": lambda r: r.source.scree(6).plot().figure,
    "composite": lambda r: r.composite().figure,
    "grains": lambda r: r.grains().plot().figure,
    "grain_sizes": lambda r: r.grains().plot_sizes().figure,
    "overlap": lambda r: r.overlap().plot().figure,
    "overlap profile": lambda r: r.overlap().plot_profile((0, 0), (3, 3)).figure,
    "similarity": lambda r: r.pattern_similarity("gmsd").plot().figure,
    "quality": lambda r: r.report_quality().plot()[0, 0].figure,
    "profile": lambda r: plots.profile({"NMF": r}, (0, 0), (3, 3)).figure,
}


def seen(figure):
    """The pixels of a figure as it is drawn when the style has ended."""
    figure.set_dpi(50)
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba()).copy()
    plt.close(figure)
    return pixels


# Drawn by what draws another one of them too.
ALIKE = {"line scan", "profile"}


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", [pytest.param(f, marks=pytest.mark.slow) if f in ALIKE else f for f in FIGURES])
def test_sizes_are_ours_and_nothing_is_left_changed(name, result):
    ours = seen(FIGURES[name](result))
    with matplotlib.rc_context(USERS):
        before = dict(matplotlib.rcParams)
        theirs = seen(FIGURES[name](result))
        assert dict(matplotlib.rcParams) == before
    assert theirs.shape == ours.shape and np.array_equal(theirs, ours)


def test_the_size_of_text_is_ours_inside_alone():
    with matplotlib.rc_context({"font.size": 20.0}):
        with style.figure_style():
            assert matplotlib.rcParams["font.size"] == 10
        assert matplotlib.rcParams["font.size"] == 20


def test_legends_have_no_frame_unless_they_cover_lines(result):
    ax = result.plot_convergence()
    assert not ax.get_legend().get_frame_on() and ax.get_legend().get_texts()[0].get_size() == style.SMALL
    plt.close(ax.figure)


def test_what_is_no_size_stays_the_users():
    with matplotlib.rc_context({"axes.facecolor": "#102030", "figure.dpi": 61.0}):
        drawn = plots.pattern(np.ones((6, 6)))
    assert matplotlib.colors.to_hex(drawn.axes.get_facecolor()) == "#102030" and drawn.figure.dpi == 61.0
    plt.close(drawn.figure)


def test_an_error_leaves_nothing_changed(result):
    before = dict(matplotlib.rcParams)
    with pytest.raises(ValueError, match="components must be"):
        result.plot([9])
    assert dict(matplotlib.rcParams) == before


def test_axes_of_the_user_get_our_sizes():
    with matplotlib.rc_context(USERS):
        ax = plt.subplots()[1]
        ax.set(xlabel="a", ylabel="b")
        axes.open_frame(ax)
        ax.figure.canvas.draw()
        sizes = {text.get_size() for text in (ax.xaxis.label, ax.yaxis.label, *ax.get_xticklabels(), *ax.get_yticklabels())}
    assert sizes == {style.TEXT}
    assert not ax.spines["top"].get_visible() and ax.spines["left"].get_visible()
    plt.close(ax.figure)


def figure_functions():
    """What is public in plots and draws, by what it takes: axes, or a result of which a figure is made."""
    helpers = {"style", "colours", "axes", "layout", "images", "notebook"}
    for info in pkgutil.iter_modules([str(ROOT)]):
        module = importlib.import_module(f"unmix4d.plots.{info.name}")
        names = ["pattern", "scan_map"] if info.name == "images" else [] if info.name in helpers else module.__all__
        for name in sorted(set(names) - {"chosen_scans"}):  # which is a list of numbers
            yield f"{info.name}.{name}", getattr(module, name)
    yield "axes.scale_bar", axes.scale_bar


@pytest.mark.parametrize("name, function", [f for f in figure_functions() if f[1] is not PositionFigure])
def test_every_figure_is_drawn_in_the_style(name, function):
    assert inspect.unwrap(function) is not function, f"{name} is not decorated with figure_style()"


def test_the_figure_of_a_position_too():
    for method in (PositionFigure.__init__, PositionFigure.show):
        assert inspect.unwrap(method) is not method


SOURCES = {path.name: path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("*.py"))}
A_COLOUR = re.compile(r"""["'](#[0-9a-fA-F]{6}|0?\.\d+|viridis\w*|inferno\w*|RdBu\w*|gray|cividis|twilight)["']""")


@pytest.mark.parametrize("name", SOURCES)
def test_colours_have_one_place(name):
    found = A_COLOUR.findall(SOURCES[name])
    assert bool(found) == (name == "colours.py"), found


@pytest.mark.parametrize("name", SOURCES)
def test_no_private_helper_is_shared(name):
    imports = [node for node in ast.walk(ast.parse(SOURCES[name])) if isinstance(node, ast.ImportFrom)]
    assert not [alias.name for node in imports for alias in node.names if alias.name.startswith("_")]


def test_colours_of_components_are_apart():
    hues = colours.component_colours(6)
    gaps = np.linalg.norm(hues[:, None] - hues, axis=-1)[~np.eye(6, dtype=bool)]
    assert hues.shape == (6, 3) and gaps.min() > 0.2
    assert np.ptp(colours.component_colours(3, grey=[1])[1]) < 0.01


def test_rows_are_as_even_as_can_be():
    assert [layout.rows_and_columns(n, 6) for n in (1, 6, 7, 12, 13)] == [(1, 1), (1, 6), (2, 4), (2, 6), (3, 5)]
