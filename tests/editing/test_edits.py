"""Answers edited by hand: what an edit does to the numbers, the record of it, and the way back."""

import dataclasses
import json
import math

import numpy as np
import pytest

import unmix4d
from unmix4d import Unmix, UnmixWarning, phantoms, replay
from unmix4d.constraints import SmoothMaps, SumToOne
from unmix4d.editing.edits import CALLS
from unmix4d.engine.weights import choose_weights


@pytest.fixture(scope="module")
def film():
    return phantoms.polycrystal(n_grains=4, scan_shape=(16, 14), detector_shape=(40, 36), background=0, dose=4e3, seed=0)


@pytest.fixture(scope="module")
def view(film):
    return Unmix(film.data, centre=film.centre, step=2.0, step_unit="nm")


@pytest.fixture(scope="module")
def raw(view):
    """Six components of four grains: some of them are parts of one."""
    return view.nmf(6, random_state=0)


@pytest.fixture(scope="module")
def exact(view):
    """Without weights and smoothing, in double precision: the fit is that of the loss."""
    return view.nmf(5, weights="none", smooth=0, precision="double", random_state=0)


@pytest.fixture(scope="module")
def features(view):
    return view.angular_average(rings=[(4, 9), (9, 14)]).nmf(4, random_state=0)


@pytest.fixture(scope="module")
def clusters(view):
    return view.fuzzy_cmeans(4, n_starts=2, random_state=0)


@pytest.fixture(scope="module")
def merged_runs(view):
    return view.merge_nmf(6, n_runs=3, random_state=0)


def same(one, other):
    """Whether two answers are the same to the last bit, NaN being the same as NaN."""
    arrays = [name for name in one._saved_arrays if getattr(one, name) is not None]
    return all(np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True) for name in arrays) and (
        one.names == other.names and one.edits == other.edits and one.settings == other.settings
    )


def images(result):
    """Intensity of every position, and of every pixel, that the components have together."""
    maps, patterns = (np.nan_to_num(one).astype(float) for one in (result.maps, result.patterns))
    whole = np.einsum("kij,kpq->ijpq", maps, patterns)
    return whole.sum((2, 3)), whole.sum((0, 1))


# --------------------------------------------------------------------- merging


def test_merging_conserves_the_intensity_of_every_position_and_of_every_pixel(exact):
    merged = _quietly(exact.merge, [1, 3], refit=False)
    assert merged.k == 4 and exact.k == 5  # the old one is as it was
    for before, after in zip(images(exact), images(merged)):
        assert np.allclose(after, before, rtol=1e-6, atol=1e-6 * before.max())
    assert merged.explained[1] == pytest.approx(exact.explained[1] + exact.explained[3], rel=1e-6)
    assert float(np.nanmax(merged.maps[1])) == 1.0
    assert np.array_equal(merged.maps[[0, 2, 3]], exact.maps[[0, 2, 4]])


@pytest.mark.parametrize("unit", [1e-18, 1e14])
def test_merging_does_not_depend_on_the_unit_of_the_intensity(unit):
    data = phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data
    plain, scaled = (Unmix(values).nmf(3, random_state=0).merge([0, 2]) for values in (data.astype(float), data * unit))
    np.testing.assert_allclose(scaled.maps, plain.maps, atol=1e-4)
    np.testing.assert_allclose(scaled.patterns / unit, plain.patterns, atol=1e-4 * plain.patterns.max())


def test_refitting_is_never_worse_and_is_what_least_squares_says(exact, view):
    for pair in ([0, 1], [1, 3], [2, 4], [0, 1, 2]):
        as_it_adds_up = _quietly(exact.merge, pair, refit=False)
        fitted = _quietly(exact.merge, pair)
        assert fitted.loss <= as_it_adds_up.loss * (1 + 1e-12)
        data = np.asarray(view.scan.patterns, float)
        model = np.einsum("kij,kpq->ijpq", fitted.maps, fitted.patterns)
        assert fitted.loss == pytest.approx(np.mean((data - model) ** 2), rel=1e-9)
        assert np.allclose(fitted.residual_map(), np.sqrt(np.mean((data - model) ** 2, axis=(2, 3))), rtol=1e-7)


def _quietly(call, *args, **more):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnmixWarning)
        return call(*args, **more)


def test_parts_of_one_grain_become_that_grain(raw, film):
    found = raw.suggest().merges[0]
    merged = raw.merge(found)
    truth = film.maps.reshape(len(film.maps), -1)

    def best(result, i):
        return np.corrcoef(result.intensities[i].ravel(), truth)[0, 1:].max()

    assert best(merged, found[0]) > max(best(raw, i) for i in found) and best(merged, found[0]) > 0.97


def test_a_weighted_fit_stays_weighted(view):
    result = view.nmf(5, weights="poisson", smooth=0, precision="double", random_state=0)
    weights = choose_weights(view.matrix("double").statistics(), "poisson")
    data = view.matrix("double").gather()

    def error(answer):
        model = answer.geometry.from_maps(answer.maps) @ answer.geometry.from_images(answer.patterns)
        return float(np.square(weights.positions[:, None] * (data - model) * weights.pixels).sum())

    plain = dataclasses.replace(result, settings={**result.settings, "weights": "none"}).refit()
    assert error(result.refit()) <= error(result) * (1 + 1e-12) < error(plain)


def test_negative_and_other_numbers_of_numpy(raw):
    assert _quietly(raw.merge, np.array([1, 3])).edits == _quietly(raw.merge, [np.int64(3), 1]).edits
    with pytest.raises(ValueError, match="each of components must be at least 0, got -1"):
        raw.merge([0, -1])


# --------------------------------------------------------------------- splitting


def test_splitting_takes_a_merge_apart_again(exact, film):
    merged = _quietly(exact.merge, [0, 1])
    parts = merged.split(0, random_state=1)
    assert parts.k == 5 and parts.loss < 1.06 * exact.loss
    truth = film.maps.reshape(len(film.maps), -1)
    of = [np.corrcoef(parts.intensities[i].ravel(), truth)[0, 1:] for i in (0, 1)]
    assert min(one.max() for one in of) > 0.95 and of[0].argmax() != of[1].argmax()


@pytest.mark.parametrize("into", [2, 3])
def test_a_split_divides_the_map(exact, into):
    parts = exact.split(0, into=into, refit=False, random_state=0)
    assert images(parts)[0] == pytest.approx(images(exact)[0], rel=1e-6)
    assert (np.diff(parts.explained[:into]) <= 0).all()


def test_regions_become_components_without_the_data(film, view, tmp_path):
    maps = np.zeros((2, 16, 14))
    maps[0, :, :4], maps[0, :, 10:], maps[1, :, 4:10] = 1, 0.5, 1
    patterns = np.array(film.patterns[:2]) + 1
    data = np.einsum("kij,kpq->ijpq", maps, patterns)
    data[:, 10:] += 0.5 * np.array(film.patterns[2])
    result = Unmix(data, centre=film.centre).nmf(2, init=(maps, patterns), weights="none", smooth=0, random_state=0)
    i = int(result.labels()[0, 0])
    result.save(tmp_path / "r.h5")
    alone = unmix4d.load(tmp_path / "r.h5").split(i, by="regions", refit=False)
    assert alone.k == 3 and np.array_equal(alone.patterns[i] > 0, alone.patterns[i + 1] > 0)
    assert (alone.maps[i][:, :4] > 0).all() and (alone.maps[i][:, 10:] == 0).all()
    assert math.isnan(alone.loss) and "loss not known" in repr(alone) and "loss not known" in repr(alone.edits)
    fitted = result.split(i, by="regions")
    assert fitted.loss < 0.2 * result.loss and np.abs(fitted.patterns[i] - fitted.patterns[i + 1]).max() > 0.1
    with pytest.raises(ValueError, match=r"into must be at most the number of separate regions .* has 2 regions"):
        result.split(i, into=3, by="regions")


def test_a_component_that_is_one_cannot_be_split(film):
    data = np.einsum("kij,kpq->ijpq", film.maps[:2], film.patterns[:2])
    result = Unmix(data, centre=film.centre).nmf(2, weights="none", smooth=0, random_state=0)
    with pytest.raises(ValueError, match=r"component 0 cannot be split into 3|into"):
        parts = result.split(0, into=3, random_state=0)
        raise ValueError(f"into {parts.explained}") if parts.explained.min() < 1e-3 else AssertionError


# --------------------------------------------------------------------- dropping, replacing, refitting


def test_what_is_dropped_is_explained_by_the_others_or_is_residual(exact):
    left, explained = _quietly(exact.drop, [2], refit=False), _quietly(exact.drop, [2])
    assert left.explained.sum() == pytest.approx(exact.explained.sum() - exact.explained[2], rel=1e-6)
    assert exact.loss < explained.loss < left.loss
    assert np.array_equal(left.maps, np.delete(exact.maps, 2, axis=0))
    where = exact.labels() == 2
    assert left.residual_map()[where].mean() > 1.5 * exact.residual_map()[where].mean()


def test_the_replaced_pattern_stays(exact, film):
    true = np.array(film.patterns[0], float)
    i = int(np.argmax([np.corrcoef(true.ravel(), p.ravel())[0, 1] for p in exact.patterns]))
    changed = exact.replace(i, 7 * true)
    assert np.corrcoef(changed.patterns[i].ravel(), true.ravel())[0, 1] == pytest.approx(1, abs=1e-12)
    assert changed.loss < 1.05 * exact.loss
    # To the last digit also where it comes back from its record.
    assert same(replay(json.loads(json.dumps(changed.edits.to_json())), exact), changed)


def test_refitting_lowers_the_loss_and_keeps_order_and_names(exact):
    edited = _quietly(exact.merge, exact.suggest().merges[0], refit=False).rename({1: "a"})
    fitted, iterated = edited.refit(), edited.refit(n_iter=30)
    assert fitted.loss < edited.loss and iterated.loss <= 1.001 * fitted.loss
    assert iterated.names == edited.names
    assert all(np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.9 for a, b in zip(iterated.maps[1:], edited.maps[1:]))


def test_constraints_are_kept_in_mind(exact):
    smooth = exact.refit(n_iter=5, constraints=[SmoothMaps(sigma=1.0)])
    assert smooth.settings["constraints"][0]["name"] == "SmoothMaps"
    merged = _quietly(smooth.merge, [0, 1])  # maps under a constraint are not fitted
    assert np.allclose(merged.maps[1:], smooth.maps[2:])
    assert same(replay(smooth.edits, exact), smooth)
    with pytest.warns(UnmixWarning, match="refit iterates without SmoothMaps"):
        smooth.refit(n_iter=2)
    whole = exact.refit(n_iter=20, constraints=[SumToOne()])
    assert np.allclose(_quietly(whole.merge, [0, 2]).maps.sum(0), 1, atol=1e-5)


# --------------------------------------------------------------------- names, order, background


def test_names_are_in_tables_figures_reports_and_files(raw, tmp_path):
    named = raw.rename({0: "matrix", "2": "twin"}).reorder([2, 0, 1, 3, 4, 5])
    assert named.names == ("twin", "matrix", "1", "3", "4", "5")[:2] + ("2", "3", "4", "5")
    assert named.table["name"].tolist() == list(named.names) and named[1].name == "matrix"
    titles = [ax.get_title() for ax in named.plot([0, 1])[0]]
    assert titles[0].startswith("twin ") and titles[1].startswith("matrix ")
    named.report(tmp_path / "r.html", sections=["summary", "components", "grains"])
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "matrix" in page and "rename" in page
    assert "matrix" in named.grains().table["name"].tolist()
    named.grains().to_csv(tmp_path / "g.csv")
    assert "matrix" in (tmp_path / "g.csv").read_text(encoding="utf-8")
    named.save(tmp_path / "r.h5")
    assert unmix4d.load(tmp_path / "r.h5").names == named.names
    bare = raw.rename({0: "a"}).rename({0: None}).drop([1], refit=False)
    bare.save(tmp_path / "b.h5")
    assert unmix4d.load(tmp_path / "b.h5").names == ("0", "1", "2", "3", "4")
    assert named.rename({0: None}).names[0] == "0" and _quietly(named.merge, ["twin", "matrix"]).names[0] == "twin"
    assert named.split("twin", random_state=0).names[:2] == ("twin 1", "twin 2")
    assert named.drop(["twin"], refit=False).names[0] == "matrix"


def test_a_background_stays_and_takes_no_part(raw):
    whole = raw.labels()
    apart = raw.background([0])
    assert np.array_equal(apart.maps, raw.maps) and 0 not in apart.labels()
    others = whole != 0
    assert np.array_equal(apart.labels()[others], whole[others])
    assert 0 not in apart.grains().components and 0 in apart.grains().background
    assert 0 in apart.grains(background="keep").components
    assert 0 in apart.overlap().background and not np.isin(apart.overlap().first, [0]).any()
    assert apart.table["background"].tolist() == [True] + [False] * 5
    assert not apart.single_positions()[0].any() and 0 in apart.background([]).labels()
    assert apart.drop([1], refit=False).settings["background"] == [0]
    assert _quietly(apart.merge, [1, 2]).settings["background"] == [0]


@pytest.mark.parametrize("kind", ["pyxem", "py4dstem"])
def test_hosts_carry_the_names(kind, request, film):
    request.getfixturevalue(kind)
    obj = film.to_pyxem() if kind == "pyxem" else film.to_py4dstem()
    named = obj.unmix.nmf(3, random_state=0).rename({1: "twin"})
    maps, patterns = named.to_host()
    if kind == "pyxem":
        assert patterns.metadata.unmix4d.names == ["0", "twin", "2"]
    else:
        assert list(maps.slicelabels) == ["component_0", "twin", "component_2"]


# --------------------------------------------------------------------- record, undo, replay


def chain(result):
    edited = result.merge([1, 3]).split(0, random_state=5).rename({0: "matrix", 1: "other"})
    return edited.drop([4]).reorder([3, 2, 1, 0] if edited.k == 5 else list(range(edited.k - 1))[::-1]).background([1])


def test_features_that_were_saved_are_fitted_again(features, view, tmp_path):
    features.save(tmp_path / "f.h5")
    again = {"rings": [(4, 9), (9, 14)]}
    loaded = unmix4d.load(tmp_path / "f.h5", data=view.angular_average(**again))
    assert same(_quietly(loaded.merge, [0, 2]), _quietly(features.merge, [0, 2]))
    with pytest.raises(ValueError, match=r"needs the features .*load it with them, .* or refit=False"):
        unmix4d.load(tmp_path / "f.h5", data=view).merge([0, 2])
    with pytest.raises(ValueError, match=r"data must be the features that were decomposed, .*but rings.* is not as in"):
        unmix4d.load(tmp_path / "f.h5", data=view.angular_average(rings=[(4, 9), (9, 13)]))


def test_answers_before_are_kept_as_long_as_they_are_small(exact, monkeypatch):
    from unmix4d.editing import history

    many = exact
    for n in range(6):
        many = many.rename({0: f"name {n}"})
    assert many.patterns is exact.patterns and many.maps is exact.maps  # what is the same is there once
    assert len(many._before) == 6 and many.undo(2).names[0] == "name 3"
    monkeypatch.setattr(history, "MOST_BYTES", 0)
    steps = [exact]
    for pair in ([0, 1], [0, 1], [0, 1]):
        steps.append(_quietly(steps[-1].merge, pair))
    assert len(steps[-1]._before) == 2  # the first, and the last before it
    for n in (1, 2):
        assert same(steps[-1].undo(n), steps[-1 - n])  # made again, to the last bit, without the warnings of the first time
    assert steps[-1].undo(3) is exact and same(steps[-1].undo(1).undo(1), steps[1])


def test_edits_are_recorded_replayed_saved_and_undone(raw, view, tmp_path):
    edited = _quietly(chain, raw)
    assert [edit.call for edit in edited.edits] == ["merge", "split", "rename", "drop", "reorder", "background"]
    assert edited.edits[0].loss == (raw.loss, _quietly(raw.merge, [1, 3]).loss) and edited.edits[0].components == (6, 5)
    code = "r.merge([1, 3]).split(0, into=2, random_state=5).rename({0: 'matrix', 1: 'other'})"
    assert edited.edits.code.startswith(code)
    assert "6 -> 5 components, loss " in repr(edited.edits)
    assert same(_quietly(replay, edited.edits, raw), edited)
    assert same(_quietly(replay, edited.edits[:2], raw), edited.undo(4))
    assert edited.undo(len(edited.edits)) is raw and not raw.edits
    edited.save(tmp_path / "r.h5")
    loaded = unmix4d.load(tmp_path / "r.h5")
    assert same(loaded, edited)
    assert same(_quietly(replay, loaded.edits, raw), edited)
    with pytest.raises(ValueError, match=r"undo needs the previous result, .*replay\(r.edits\[:-1\], raw\)"):
        loaded.undo()
    linked = unmix4d.load(tmp_path / "r.h5", data=view)
    assert same(_quietly(linked.merge, [0, 2]), _quietly(edited.merge, [0, 2]))


def test_the_code_does_it_again(raw):
    edited = _quietly(raw.merge, [1, 3]).rename({0: "matrix"})
    assert same(_quietly(eval, edited.edits.code, {"r": raw}), edited)  # noqa: S307


def test_a_saved_result_says_what_it_lacks(raw, features, tmp_path):
    raw.save(tmp_path / "r.h5")
    loaded = unmix4d.load(tmp_path / "r.h5")
    calls = (lambda: loaded.merge([0, 1]), lambda: loaded.drop([0]), lambda: loaded.refit(), lambda: loaded.split(0))
    for call in calls:
        with pytest.raises(ValueError, match="needs the scan, which is not part of a saved result"):
            call()
    assert loaded.merge([0, 1], refit=False).k == 5 and loaded.drop([0], refit=False).k == 5
    features.save(tmp_path / "f.h5")
    linked = unmix4d.load(tmp_path / "f.h5", data=features.source)
    with pytest.raises(ValueError, match="needs the features that were decomposed"):
        linked.merge([0, 1])


def test_an_edit_that_ruins_the_fit_is_warned_of(exact):
    with pytest.warns(UnmixWarning, match=r"merge\(\[0, 1\]\) makes the fit much worse: .* previous one where component"):
        bad = exact.merge([0, 1])
    assert bad.edits[0].where > 1.1


# --------------------------------------------------------------------- other kinds of answers


def test_features_are_edited_with_their_patterns(features):
    merged = _quietly(features.merge, [0, 1])
    assert merged.k == 3 and merged.features.shape == (3, *features.features.shape[1:])
    assert np.isfinite(merged.loss) and merged.residual_map().shape == (16, 14)
    parts = merged.split(0, random_state=0)
    assert parts.k == 4 and parts.loss < merged.loss
    assert same(_quietly(replay, parts.edits, features), parts)


def test_clusters_keep_memberships_that_add_up(clusters):
    merged = _quietly(clusters.merge, [0, 1])
    assert np.allclose(merged.maps[0], clusters.maps[0] + clusters.maps[1], atol=1e-6)
    for edited in (merged, _quietly(clusters.drop, [2]), clusters.split(0, random_state=0),
                   _quietly(clusters.merge, [0, 1], refit=False)):  # fmt: skip
        assert np.allclose(edited.memberships.sum(0), 1, atol=1e-5)
        assert len(edited.loading_centres) == len(edited.covariances) == len(edited.pure_fraction) == edited.k
        assert same(_quietly(replay, edited.edits, clusters), edited)
        assert edited.validity == {}
    again = clusters.reorder([3, 2, 1, 0])
    assert np.array_equal(again.loading_centres, clusters.loading_centres[::-1])


def test_merged_runs_keep_what_is_known_of_the_rest(merged_runs):
    k = merged_runs.k
    edited = _quietly(merged_runs.merge, [0, 1])
    assert np.isnan(edited.stability[0]) and np.array_equal(edited.stability[1:], merged_runs.stability[2:])
    assert edited.best == -1 and edited.runs == () and edited.k == k - 1
    with pytest.raises(ValueError, match="which a saved result, an edited one or a consensus does not hold"):
        edited.consensus()
    assert merged_runs.rename({0: "a"}).consensus().k == merged_runs.consensus().k


def test_vertex_components_keep_their_sum(view):
    result = _quietly(view.vca, 3, sum_to_one=True, random_state=0)
    assert np.allclose(_quietly(result.merge, [0, 1]).maps.sum(0), result.maps.sum(0), atol=1e-5)


@pytest.mark.parametrize("method", ["svd", "pca", "ica"])
def test_components_of_both_signs_are_refused(view, method):
    result = getattr(view, method)(3)
    for call in ("merge", "drop", "background"):
        with pytest.raises(ValueError, match=f"{call} needs components that are not negative"):
            getattr(result, call)([0, 1])
    for call in (lambda: result.split(0), lambda: result.suggest(), lambda: result.edit(), lambda: result.refit()):
        with pytest.raises(ValueError, match="needs components that are not negative"):
            call()
    assert result.rename({0: "mean"}).names[0] == "mean" and result.reorder([2, 1, 0]).k == 3


def test_every_host_is_edited_alike(as_host, small_film):
    edited = as_host(small_film).nmf(4, random_state=0)
    merged = _quietly(edited.merge, [0, 2])
    assert merged.k == 3 and np.isfinite(merged.loss) and same(_quietly(replay, merged.edits, edited), merged)


# --------------------------------------------------------------------- bad input

BAD = {
    "merge of one": (lambda r: r.merge([2]), "components must list at least 2 components, got 1"),
    "merge twice": (lambda r: r.merge([2, 2]), "components must list each component once, got 2 more than once"),
    "merge out of range": (lambda r: r.merge([0, 6]), "each of components must be at most 5, as there are 6"),
    "merge of a number": (lambda r: r.merge(2), "components must be a list of components"),
    "merge of a text": (lambda r: r.merge("01"), "components must be a list of components"),
    "merge of halves": (lambda r: r.merge([0.5, 1]), "each of components must be a whole number"),
    "merge of flags": (lambda r: r.merge([True, False]), "each of components must be a whole number"),
    "merge of unknown": (lambda r: r.merge(["a", 0]), "each of components must be one of '0', '1'"),
    "merge, no flag": (lambda r: r.merge([0, 1], refit=1), "refit must be True or False"),
    "split of none": (lambda r: r.split(9), "component must be at most 5"),
    "split into one": (lambda r: r.split(0, into=1), "into must be at least 2"),
    "split into many": (lambda r: r.split(0, into=10**6), "into must be at most"),
    "split by nothing": (lambda r: r.split(0, by="colour"), "by must be one of 'intensity', 'regions'"),
    "split, seed": (lambda r: r.split(0, random_state=-1), "random_state must be at least 0"),
    "drop all": (lambda r: r.drop(range(6)), "components must leave at least one, got all 6"),
    "drop none": (lambda r: r.drop([]), "components must list at least 1 component, got 0"),
    "name twice": (lambda r: r.rename({0: "a", 1: "a"}), "names must be different, got 'a' twice"),
    "name known": (lambda r: r.rename({0: "a"}).rename({1: " a "}), "names must be different, got 'a' twice"),
    "name a number": (lambda r: r.rename({0: "3"}), "a name must not be a number"),
    "name too long": (lambda r: r.rename({0: 41 * "a"}), "a name must have at most 40 characters, got 41"),
    "name no text": (lambda r: r.rename({0: 3}), "a name must be a string, got 3"),
    "names no dict": (lambda r: r.rename(["a"]), "names must be a dict"),
    "names empty": (lambda r: r.rename({}), "names must be a dict"),
    "name of none": (lambda r: r.rename({7: "a"}), "each key of names must be at most 5"),
    "order too short": (lambda r: r.reorder([0, 1]), "order must list all 6 components, but lacks 2, 3, 4, 5"),
    "order twice": (lambda r: r.reorder([0, 0, 1, 2, 3, 4]), "order must list each component once"),
    "background of all": (lambda r: r.background(range(6)), "components must leave at least one that is not a background"),
    "replace, shape": (lambda r: r.replace(0, np.ones((3, 3))), r"pattern must have the shape \(40, 36\)"),
    "replace, negative": (lambda r: r.replace(0, -np.ones((40, 36))), "pattern must not be negative"),
    "replace, empty": (lambda r: r.replace(0, np.zeros((40, 36))), "pattern must not be negative and not be 0"),
    "replace, nan": (lambda r: r.replace(0, np.full((40, 36), np.nan)), "pattern must be finite at all kept pixels"),
    "replace, text": (lambda r: r.replace(0, "x"), "pattern must be an array of numbers"),
    "refit, negative": (lambda r: r.refit(n_iter=-1), "n_iter must be at least 0"),
    "refit, constraints": (lambda r: r.refit(constraints=[SumToOne()]), "n_iter must be at least 1 with constraints"),
    "undo of nothing": (lambda r: r.undo(), "undo needs an edit, but"),
    "undo too much": (lambda r: r.rename({0: "a"}).undo(2), "n must be at most 1, the number of edits"),
    "replay of a text": (lambda r: replay("merge", r), "edits must be the record of a result"),
    "replay of anything": (lambda r: replay([1], r), "edits must be the record of a result"),
    "replay of a dict": (lambda r: replay([{"call": "save"}], r), "edits must be the record of a result"),
    "replay on too few": (lambda r: replay(r.rename({0: "a"}).edits, r.drop([5])), "was made on 6 components, got 5"),
    "replay on none": (lambda r: replay([], 3), "result must be a result with components, got int"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.filterwarnings("ignore::unmix4d.UnmixWarning")
def test_bad_input_is_refused_in_a_sentence(case, raw):
    call, sentence = BAD[case]
    with pytest.raises((ValueError, TypeError), match=sentence):
        call(raw)


@pytest.mark.parametrize("call", ["save", "edit", "__class__", "report"])
def test_a_file_calls_nothing_but_edits(call, raw):
    edit = dataclasses.replace(raw.rename({0: "a"}).edits[0], call=call)
    with pytest.raises(ValueError, match="edits must be the record of a result"):
        replay([edit], raw)
    assert call not in CALLS


def test_forged_names_and_edits_are_refused(raw, tmp_path, monkeypatch):
    from unmix4d.editing import edits

    for settings in ({"names": ["a"]}, {"names": 3}, {"background": [9]}, {"background": [0, 0]}, {"edits": [{}]},
                     {"edits": [{"call": "merge"}]}, {"edits": 3}):  # fmt: skip
        with pytest.raises(ValueError, match="cannot be"):
            edits.require_edits(settings, raw.k)
    for told in (None, {"shape": [2, 2], "data": "x"}, {"shape": [2, 2], "data": "eJw="}, {"shape": [10**9, 2], "data": ""}):
        with pytest.raises(ValueError, match="pattern of replace"):
            edits.unpacked_pattern(told)
