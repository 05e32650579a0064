"""The panel of `edit`: buttons do what the methods do, what is shown follows, and what cannot be done is said."""

import importlib.util
import sys
import time

import numpy as np
import pytest

import unmix4d
from unmix4d import Unmix, phantoms
from unmix4d.report.editor import Editor
from unmix4d.report.thumbnails import data_url, map_thumbnail, mixed_maps, pattern_thumbnail

needs_widgets = pytest.mark.skipif(importlib.util.find_spec("ipywidgets") is None, reason="ipywidgets is not installed")


@pytest.fixture(scope="module")
def film():
    return phantoms.polycrystal(n_grains=3, scan_shape=(16, 14), detector_shape=(32, 30), background=0, seed=0)


@pytest.fixture(scope="module")
def result(film):
    return Unmix(film.data, centre=film.centre).nmf(5, random_state=0)


@pytest.fixture
def panel(result):
    return result.edit()


def press(panel, name):
    panel.parts.buttons[name].click()


def choose(panel, *components):
    for i in components:
        panel.parts.thumbs[i].value = True


def labels(panel):
    return [thumb.description for thumb in panel.parts.thumbs if thumb.layout.display != "none"]


def message(panel):
    return panel.parts.message.value


@needs_widgets
def test_buttons_do_what_the_methods_do(panel, result):
    i, j = result.suggest().merges[0]
    choose(panel, i, j)
    assert panel.selected == [i, j] and "✓" in labels(panel)[i]
    press(panel, "merge")
    assert np.array_equal(panel.result.maps, result.merge([i, j]).maps) and len(labels(panel)) == 4
    assert panel.code == f"r = r.merge([{i}, {j}])" == panel.parts.code.value and panel.selected == []
    choose(panel, 1)
    panel.parts.name.value = "twin"
    press(panel, "name")
    press(panel, "background")
    assert labels(panel)[1] == "✓ twin  background" and panel.result.settings["background"] == [1]
    press(panel, "split")
    assert panel.result.k == 5 and panel.result.names[1:3] == ("twin 1", "twin 2")
    press(panel, "undo")
    choose(panel, 2)
    press(panel, "drop")
    assert panel.result.k == 3 and len(panel.result.edits) == 4
    assert np.array_equal(eval(panel.code.removeprefix("r = "), {"r": result}).maps, panel.result.maps)  # noqa: S307
    assert result.k == 5 and not result.edits
    for _ in range(4):
        press(panel, "undo")
    assert panel.result is result and panel.code == "# nothing edited yet"


@needs_widgets
def test_what_cannot_be_done_is_said_and_nothing_changes(panel, result):
    for name, sentence in (("merge", "components must list at least 2"), ("split", "split needs one component"),
                           ("drop", "components must list at least 1"), ("background", "background needs a component"),
                           ("name", "name needs one component"), ("undo", "undo needs an edit")):  # fmt: skip
        press(panel, name)
        assert sentence in message(panel) and 'role="alert"' in message(panel) and panel.result is result
    choose(panel, 0)
    panel.parts.name.value = "<b>x</b>"
    press(panel, "name")
    assert "<b>x" not in panel.parts.chosen.value and "&lt;b&gt;x" in panel.parts.chosen.value
    assert "<b>x" not in panel.parts.position.value


@needs_widgets
def test_a_click_on_the_maps_shows_that_position(panel, result, film):
    panel.parts.click.value = "0.51,0.51 1"
    assert (panel.parts.row.value, panel.parts.col.value) == (8, 7)
    shown = panel.parts.position.value
    assert "row 8, column 7" in shown and "measured" in shown
    share = result.intensities[:, 8, 7] / result.intensities[:, 8, 7].sum()
    assert f"{100 * share.max():.3g} %" in shown
    panel.parts.click.value = "nonsense"
    panel.parts.col.value = 0
    assert "row 8, column 0" in panel.parts.position.value


@needs_widgets
def test_a_lasso_is_a_region(panel, result, film, tmp_path):
    with pytest.raises(ValueError, match="region needs a lasso of 3 corners or more, .* got 0"):
        panel.region  # noqa: B018
    turn = np.linspace(0, 2 * np.pi, 80, endpoint=False)
    around = np.column_stack([0.5 + 0.3 * np.sin(turn), 0.5 + 0.3 * np.cos(turn)])
    panel.parts.click.value = " ".join(f"{row:.4f},{col:.4f}" for row, col in around) + " 1"
    assert 6 < len(panel.outline) < 30  # what is straight needs no corners
    part = panel.region
    row, col = np.mgrid[:16, :14]
    inside = np.hypot((row + 0.5) / 16 - 0.5, (col + 0.5) / 14 - 0.5)
    n = part.geometry.n_positions
    assert np.count_nonzero(inside < 0.25) < n < np.count_nonzero(inside < 0.36)
    assert f"lasso: {n} positions" in panel.parts.area.value and "<polygon" in panel.parts.over.value
    there = eval(panel.parts.code.value.splitlines()[-1].removeprefix("part = "), {"r": result})  # noqa: S307
    assert np.array_equal(there.scan.patterns, part.scan.patterns) and there.geometry.scan_shape == part.geometry.scan_shape
    panel.parts.click.value = "0.5,0.5 x,y 2"
    assert panel.region.geometry.n_positions == n  # nothing of ours
    press(panel, "open")
    assert panel.outline == [] and panel.parts.area.value == "" and panel.code == "# nothing edited yet"
    result.save(tmp_path / "r.h5")
    with pytest.raises(ValueError, match="region needs the scan"):
        unmix4d.load(tmp_path / "r.h5").edit().region  # noqa: B018


@needs_widgets
def test_a_lasso_by_the_sliders(panel, film):
    for row, col in ((2, 3), (2, 9), (7, 9), (7, 3)):
        panel.parts.row.value, panel.parts.col.value = row, col
        press(panel, "corner")
    assert panel.code == "part = r.source.region(outline=[(2.0, 3.0), (2.0, 9.0), (7.0, 9.0), (7.0, 3.0)])"
    assert np.array_equal(panel.region.scan.patterns, film.data[2:8, 3:10])


@needs_widgets
def test_a_navigator_of_hyperspy_follows_and_leads(panel, film):
    hs = pytest.importorskip("hyperspy.api")
    signal = hs.signals.Signal2D(film.data)
    panel.link(signal)
    assert signal.axes_manager.indices == (panel.parts.col.value, panel.parts.row.value)
    panel.go(4, 9)
    assert signal.axes_manager.indices == (9, 4)
    signal.axes_manager.indices = (2, 11)
    assert (panel.parts.row.value, panel.parts.col.value) == (11, 2) and "row 11, column 2" in panel.parts.position.value
    for wrong, words in (
        (hs.signals.Signal2D(film.data[:5]), "16 x 14, got one with 5 x 14"),
        (3, "must be a HyperSpy signal"),
    ):
        with pytest.raises((ValueError, TypeError), match=words):
            panel.link(wrong)


@needs_widgets
def test_suggestions_select_what_they_are_about(panel, result):
    press(panel, "suggest")
    options = panel.parts.suggestions.options
    assert len(options) == 1 + len(result.suggest())
    panel.parts.suggestions.value = options[1][1]
    assert panel.selected == list(result.suggest()[0].components)
    press(panel, "clear")
    assert panel.selected == []


@needs_widgets
def test_lazy_scans_are_read_when_that_is_asked_for(film):
    import dask.array as da

    reads = []

    def counting(block):
        reads.append(1)
        return block

    lazy = da.from_array(film.data, chunks=(8, 14, -1, -1)).map_blocks(counting, dtype=film.data.dtype, meta=film.data[:0])
    view = Unmix(lazy, centre=film.centre).prepare(keep=False)
    panel = view.nmf(5, random_state=0).edit()
    assert panel.parts.at_once.value is False
    reads.clear()
    choose(panel, 3, 4)
    press(panel, "merge")
    panel.parts.click.value = "0.2,0.2 1"
    assert not reads and "not known until Refit" in panel.parts.loss.value
    press(panel, "refit")
    assert reads and "not known" not in panel.parts.loss.value.split("</b>")[0] and panel.result.source is view
    assert panel.result.edits.code == "r.merge([3, 4], refit=False).refit(n_iter=0)"


@needs_widgets
@pytest.mark.filterwarnings("ignore::unmix4d.UnmixWarning")  # so few runs
def test_the_means_of_a_consensus_are_kept_unless_a_fit_is_asked_for(film):
    merged = Unmix(film.data, centre=film.centre).merge_nmf(4, n_runs=3, random_state=0).consensus()
    panel = merged.edit()
    assert panel.parts.at_once.value is False and not panel.parts.at_once.disabled
    choose(panel, 0, 1)
    press(panel, "merge")
    assert np.array_equal(panel.result.maps[1:], merged.maps[2:]) and "refit=False" in panel.code


@needs_widgets
def test_a_loaded_answer_and_many_components(result, tmp_path):
    result.save(tmp_path / "r.h5")
    panel = unmix4d.load(tmp_path / "r.h5").edit()
    choose(panel, 0, 1)
    press(panel, "merge")
    assert panel.result.k == 4 and "reconstruction" in panel.parts.position.value
    press(panel, "refit")
    assert "needs the scan" in message(panel)
    import dataclasses

    many = dataclasses.replace(
        result, maps=np.repeat(result.maps, 8, axis=0), patterns=np.repeat(result.patterns, 8, axis=0),
        explained=np.repeat(result.explained / 8, 8), strengths=None,
    )  # fmt: skip
    panel = many.edit()
    assert len(labels(panel)) == 18 and panel.parts.pages.value == "0 to 17 of 40"
    press(panel, "next")
    choose(panel, 2)
    press(panel, "next")
    assert len(labels(panel)) == 4 and panel.selected == [20] and labels(panel)[0].startswith("36")


@needs_widgets
def test_it_shows_itself_and_two_do_not_meet(result):
    one, other = result.edit(), result.edit()
    assert isinstance(one, Editor) and "application/vnd.jupyter.widget-view+json" in one._repr_mimebundle_()
    assert one.parts.key != other.parts.key and one.parts.key in one.parts.composite.value


def test_without_ipywidgets_one_sentence(result, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(ImportError, match=r"edit needs ipywidgets, .*pip install unmix4d\[notebook\], or call r.merge"):
        result.edit()


def test_pictures_are_quick_and_keep_single_spots():
    image = np.zeros((256, 250))
    image[100, 101] = 1.0
    assert pattern_thumbnail(image).shape[0] <= 96 and pattern_thumbnail(image).max() > 0.8
    assert map_thumbnail(np.full((5, 300), np.nan)).shape[1] <= 96
    assert data_url(np.zeros((2, 2, 3))).startswith("data:image/png;base64,iVBOR")


def test_all_maps_of_a_large_scan_are_drawn_in_time(result):
    import dataclasses

    from unmix4d.core.geometry import ScanGeometry

    maps = np.kron(result.maps, np.ones((16, 18), np.float32))
    large = dataclasses.replace(
        result, maps=maps, geometry=ScanGeometry(maps.shape[1:], (32, 30)), totals=None, residuals=None, source=None
    )
    times = []
    for _ in range(3):
        begun = time.process_time()
        image, hues = mixed_maps(large)
        times.append(time.process_time() - begun)
    assert image.shape == (256, 252, 3) and len(hues) == 5 and min(times) < 0.3
