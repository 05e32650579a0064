"""What is suggested: the right merges first, parts that differ, noise and background; nothing is done by itself."""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import unmix4d
from unmix4d import Unmix, phantoms
from unmix4d.editing.halves import halves_alike, two_parts
from unmix4d.editing.likeness import coherence, likeness
from unmix4d.scores import match_maps

DATA = Path(__file__).parents[3] / "shared" / "data"


def view_of(film):
    return Unmix(film.data, centre=film.centre)


@pytest.fixture(scope="module")
def film():
    return phantoms.polycrystal(n_grains=4, scan_shape=(24, 20), detector_shape=(48, 44), background=0, dose=4e3, seed=0)


@pytest.fixture(scope="module")
def result(film):
    return view_of(film).nmf(7, random_state=0)


def owners(result, truth):
    maps = np.nan_to_num(result.intensities).reshape(result.k, -1)
    found = np.corrcoef(maps, truth.reshape(len(truth), -1))[: result.k, result.k :]
    return found.argmax(1)


def precision(result, truth, n):
    """Share of the first n suggested merges that are of one grain."""
    of = owners(result, truth)
    return np.mean([of[i] == of[j] for i, j in result.suggest().merges[:n]])


def test_the_right_merges_come_first(result, film):
    assert len(result.suggest().merges) >= 3 and precision(result, film.maps, 3) == 1


def test_taking_them_makes_the_maps_better(result, film):
    edited = result
    for _ in range(3):
        edited = edited.merge(edited.suggest().merges[0])
    before, after = (np.mean(match_maps(one.intensities, film.maps)[1]) for one in (result, edited))
    assert after > before and after > 0.99 and len(edited.edits) == 3


def test_nothing_is_done_and_the_numbers_are_those_of_the_answer(result):
    found = result.suggest()
    assert not result.edits and list(found.table)[:3] == ["suggestion", "code", "certainty"]
    assert (np.diff(found.table["certainty"]) <= 0).all() and found.table["certainty"].max() <= 1
    one = next(one for one in found if one.action == "merge")
    i, j = one.components
    maps = result.intensities.reshape(result.k, -1)
    assert one.correlation == pytest.approx(np.corrcoef(maps[i], maps[j])[0, 1], abs=1e-5)
    assert one.rotated >= one.similarity - 0.02 and one.code == f"merge([{i}, {j}])"
    assert eval(f"result.{one.code}", {"result": result}).k == result.k - 1  # noqa: S307
    assert repr(found).splitlines()[0] == f"<Suggestions: {len(found)}, the most certain first; none is applied>"


def test_they_are_saved(result, tmp_path):
    found = result.suggest()
    found.save(tmp_path / "s.h5")
    again = unmix4d.load(tmp_path / "s.h5")
    assert repr(again) == repr(found) and again.merges == found.merges
    for name, column in found.table.items():
        equal_nan = {"equal_nan": True} if column.dtype.kind == "f" else {}
        assert np.array_equal(again.table[name], column, **equal_nan)


def test_a_component_of_two_grains_is_to_be_split(film):
    result = view_of(film).nmf(4, random_state=0)
    of = owners(result, film.maps)
    i, j = next((i, j) for i in range(4) for j in range(i) if likeness(result).near[i, j] > 0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", unmix4d.UnmixWarning)  # that it makes the fit much worse
        both = result.merge([i, j])
    splits = [one for one in both.suggest() if one.action == "split"]
    assert [one.components for one in splits] == [(min(i, j),)] and splits[0].certainty > 0.5 and len(set(of)) == 4
    assert not [one for one in result.suggest() if one.action == "split"]
    assert halves_alike(result).min() > 0.9 and two_parts(result, 0).sum((1, 2)).min() >= 8


def test_noise_is_named(film):
    rng = np.random.default_rng(0)
    mixed = view_of(film).nmf(5, random_state=0)
    maps = np.array(mixed.maps)
    maps[4] = rng.random(maps[4].shape)
    spoiled = replace(mixed, maps=maps, strengths=None, source=None)
    assert coherence(spoiled)[4] < 0.3 < 0.9 < coherence(spoiled)[0]
    named = [one for one in spoiled.suggest() if one.action == "drop"]
    assert [one.components for one in named] == [(4,)] and "need the scan" in spoiled.suggest().note


def test_a_background_is_named_until_it_is_one():
    film = phantoms.polycrystal(
        n_grains=3, scan_shape=(24, 20), detector_shape=(48, 44), background=0.4, overlap=0.2, dose=4e3, seed=1
    )
    result = view_of(film).nmf(4, random_state=0)
    named = [one for one in result.suggest() if one.action == "background"]
    assert len(named) == 1 and owners(result, film.maps)[named[0].components[0]] == 0
    apart = result.background(named[0].components)
    assert not [one for one in apart.suggest() if one.action == "background"]


@pytest.mark.parametrize("kind", ["line", "features", "clusters", "one"])
def test_other_answers(kind, film):
    view = view_of(film)
    if kind == "line":
        result = Unmix(film.data[:, 3:4], centre=film.centre).nmf(2, random_state=0)
    elif kind == "features":
        result = view.angular_average(rings=[(4, 9), (9, 14)]).nmf(5, random_state=0)
    else:
        result = view.nmf(1, random_state=0) if kind == "one" else view.fuzzy_cmeans(4, n_starts=2, random_state=0)
    found = result.suggest()
    assert all(0 <= one.certainty <= 1 and max(one.components) < result.k for one in found)


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="the folder of the silver films is absent")
@pytest.mark.filterwarnings("ignore:merge.*much worse")  # halves of a bent grain are fitted worse by one pattern
def test_parts_of_the_grains_of_a_silver_film_are_found():
    with np.load(DATA / "ag_film_sparse.npz") as file:
        counts, thickness = file["counts"], file["thickness"].astype(float)
    result = Unmix(counts, centre=(68, 68)).prepare(direct_beam=10, bin=2).nmf(24, random_state=0)
    assert precision(result, thickness, 3) == 1
    edited = result.merge(result.suggest().merges[0])
    before, after = (np.mean(match_maps(one.intensities, thickness)[1]) for one in (result, edited))
    assert after > before - 1e-3
