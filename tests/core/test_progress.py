"""Bars of progress: full at the end whatever ended early, moving while a pass is made, left where something broke."""

import itertools
import re

import numpy as np
import pytest

from unmix4d import Unmix, phantoms
from unmix4d.core.progress import part_done, progress


class Printed:
    """What a terminal was sent."""

    def __init__(self, capsys):
        self._capsys, self._text = capsys, ""

    def text(self):
        self._text += self._capsys.readouterr().err
        return self._text


@pytest.fixture
def printed(monkeypatch, capsys):
    """The terminal, with bars that need not wait a second."""
    monkeypatch.setattr("unmix4d.core.progress._DELAY", 0.0)
    now = itertools.count(0.0, 1.0)
    monkeypatch.setattr("tqdm.std.time", lambda: next(now))  # every step is drawn
    return Printed(capsys)


def percents(printed):
    return [int(value) for value in re.findall(r"(\d+)%", printed.text())]


def test_what_converges_early_fills_the_bar(printed):
    with progress(50, "iterations") as step:
        step()
        step(2)
    assert percents(printed)[-1] == 100 and printed.text().rstrip().splitlines()[-1].count("iterations: 100%")
    assert set(percents(printed)) == {0, 2, 6, 100}


def test_what_breaks_leaves_the_bar_where_it_was(printed):
    with pytest.raises(ValueError), progress(4, "passes") as step:
        step()
        raise ValueError
    assert percents(printed)[-1] == 25


def test_no_time_left_is_guessed_from_unlike_steps(printed):
    """A pass takes seconds, an iteration milliseconds: 5 h 51 min were promised where 37 s were left."""
    with progress(600, "NMF") as step:
        step()
    assert "<" not in printed.text() and "it/s" not in printed.text() and "s/it" not in printed.text()


def test_the_bar_moves_within_a_step_and_never_back(printed):
    with progress(2, "passes") as step:
        part_done(0.5)
        part_done(1.0)
        part_done(0.25)  # a pass that is not counted
        step()
        part_done(0.5)
    assert percents(printed) == sorted(percents(printed))
    assert {24, 48, 50, 74} <= set(percents(printed))
    part_done(0.5)  # outside of any bar: nothing


def test_bars_within_bars(printed):
    with progress(2, "outer") as outer:
        with progress(1, "inner") as inner:
            part_done(0.5)
            inner()
        part_done(0.5)
        outer()
    assert "inner: 100%" in printed.text() and "outer: 100%" in printed.text() and "outer:  24%" in printed.text()


METHODS = {
    "nmf": lambda u: u.nmf(2, random_state=0), "svd": lambda u: u.svd(2), "scree": lambda u: u.scree(5),
    "ica": lambda u: u.ica(2, random_state=0), "vca": lambda u: u.vca(2, random_state=0),
    "fuzzy": lambda u: u.fuzzy_cmeans(2, random_state=0), "validity": lambda u: u.fuzzy_validity([2, 3], random_state=0),
    "features": lambda u: u.angular_average(rings=[(2, 8)]).svd(2),
    "merge": lambda u: u.merge_nmf(4, n_runs=2, random_state=0),
    "choose_k": lambda u: u.choose_k([2, 3], random_state=0), "series": lambda u: u.nmf_series([2, 3], random_state=0),
    "groups": lambda u: u.group_rotated(), "maximum": lambda u: u.maximum_pattern(), "compress": lambda u: u.compress(6),
}  # fmt: skip


@pytest.mark.one_in(4)
@pytest.mark.filterwarnings("ignore::unmix4d.UnmixWarning")
@pytest.mark.parametrize("name", METHODS)
def test_every_bar_has_a_name_and_ends_full(printed, name):
    film = phantoms.polycrystal(n_grains=2, scan_shape=(8, 9), detector_shape=(32, 32), dose=2e3, seed=0)
    METHODS[name](Unmix(film.data, centre=film.centre, step=2.0, step_unit="nm"))
    last = [bar.strip() for bar in re.split(r"[\r\n]", printed.text()) if bar.strip()]
    names = {bar.split(":")[0] for bar in last}
    assert names and all(names)
    for one in names:
        assert [bar for bar in last if bar.startswith(f"{one}:")][-1].startswith(f"{one}: 100%")


def test_a_pass_moves_the_bar_block_by_block(printed, monkeypatch):
    monkeypatch.setattr("unmix4d.engine.blocks._SLICE_BYTES", 4096)
    data = np.random.default_rng(0).poisson(5, (64, 64, 16, 16)).astype(np.uint16)
    Unmix(data).maximum_pattern()
    assert len(set(percents(printed))) > 2


def test_the_switch_of_tqdm_silences_notebooks_too(printed, monkeypatch):
    """Its bars for notebooks, which are widgets, do not look at TQDM_DISABLE themselves."""
    notebook = pytest.importorskip("tqdm.notebook")
    pytest.importorskip("ipywidgets")
    drawn = []
    monkeypatch.setattr(notebook, "display", drawn.append)
    monkeypatch.setattr("tqdm.auto.tqdm", notebook.tqdm_notebook)
    with progress(2, "passes") as step:
        step()
    assert len(drawn) == 1
    monkeypatch.setenv("TQDM_DISABLE", "1")
    with progress(2, "passes") as step:
        step()
    assert len(drawn) == 1 and not printed.text()
