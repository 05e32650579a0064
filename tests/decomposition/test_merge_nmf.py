"""`merge_nmf` as users call it: grains that nobody counted, consensus, the tree, files, figures, hostile input."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

import unmix4d
from unmix4d import Unmix, UnmixWarning, phantoms, scores
from unmix4d.views.feature_view import FeatureView

DIRECT_BEAM = 4


def angular(unmix):
    return unmix.prepare(direct_beam=DIRECT_BEAM).angular_average(rings=[(5, 12), (12, 20)])


@pytest.fixture(scope="module")
def film():
    return phantoms.polycrystal(n_grains=8, scan_shape=(30, 28), detector_shape=(64, 60), overlap=0.6, dose=5e3, seed=7)


@pytest.fixture(scope="module")
def view(film):
    return angular(Unmix(film.data, centre=film.centre, step=film.step, step_unit=film.step_unit))


@pytest.fixture(scope="module")
def result(view):
    return view.merge_nmf(n_runs=6, random_state=0)


@pytest.fixture(scope="module")
def agreed(result):
    return result.consensus()


def test_grains_are_counted_and_found(film, result, agreed):
    found = scores.score(agreed, film)
    grains = [i for i, name in enumerate(film.names) if "grain" in str(name)]
    correlation = np.asarray(found.map_correlation)[grains]
    assert agreed.k == 8 and correlation.min() > 0.9 and correlation.mean() > 0.95
    assert (agreed.stability >= 0.5).all() and (agreed.agreement > 0.9).all()
    assert result.settings["initial_components"] >= 8 and len(result.runs) == 6


@pytest.mark.slow
@pytest.mark.parametrize("overlap, seed", [(0.3, 31), (0.6, 32), (0.9, 33)])
def test_other_films_with_the_same_settings(overlap, seed):
    shapes = {"scan_shape": (28, 28), "detector_shape": (64, 60)}
    film = phantoms.polycrystal(n_grains=6, overlap=overlap, dose=5e3, seed=seed, **shapes)
    agreed = angular(Unmix(film.data, centre=film.centre)).merge_nmf(n_runs=5, random_state=0).consensus()
    grains = [i for i, name in enumerate(film.names) if "grain" in str(name)]
    correlation = scores.map_correlation(agreed.maps, film.maps[grains])
    assert (correlation > 0.7).sum() >= 6 and correlation.mean() > 0.85 and agreed.k <= 8


def test_the_published_threshold_is_that_of_the_feature(film):
    view = Unmix(film.data[:12, :10], centre=film.centre)
    options = {"n_runs": 1, "as_published": True, "max_iter": 2, "random_state": 0}
    rings = view.angular_average(rings=[(5, 18)])
    wanted = {rings: 0.45, view.radial_variance(4, 20): 0.4, view: 0.45, view.symmetry(r_min=4, r_max=20): 0.45}
    for source, expected in wanted.items():
        result = source.merge_nmf(4, **options)
        assert result.settings["threshold"] == expected == result.runs[0].threshold, source
    disks = FeatureView(dataclasses.replace(rings.features, kind="bragg_disks"))  # without a host that finds any
    assert disks.merge_nmf(4, **options).settings["threshold"] == 0.215
    assert rings.merge_nmf(4, **options, threshold=0.3).settings["threshold"] == 0.3
    assert rings.merge_nmf(4, n_runs=1, max_iter=2, random_state=0).settings["threshold"] == "auto"


@pytest.mark.slow
def test_pixels_and_published_form_find_them_too(film):
    prepared = Unmix(film.data, centre=film.centre).prepare(direct_beam=DIRECT_BEAM)
    grains = [i for i, name in enumerate(film.names) if "grain" in str(name)]
    pixels = prepared.merge_nmf(10, n_runs=4, random_state=0).consensus()
    assert (scores.map_correlation(pixels.maps, film.maps[grains]) > 0.7).sum() >= 7
    published = angular(Unmix(film.data, centre=film.centre)).merge_nmf(20, n_runs=4, as_published=True, random_state=0)
    assert published.settings["as_published"]
    assert (scores.map_correlation(published.maps, film.maps[grains]) > 0.7).sum() >= 4
    total = sum(run.maps.sum() for run in published.runs)
    assert total > 0 and len({run.k for run in published.runs} | {run.error for run in published.runs}) > 1


@pytest.mark.slow
def test_every_host_gives_the_same_numbers(as_host, film):
    options = {"n_runs": 2, "precision": "double", "random_state": 1}
    plain = angular(Unmix(film.data, centre=film.centre)).merge_nmf(10, **options).consensus()
    hosted = angular(as_host(film)).merge_nmf(10, **options).consensus()
    assert hosted.k == plain.k
    assert np.abs(hosted.maps - plain.maps).max() < 1e-5
    assert np.allclose(hosted.patterns, plain.patterns, rtol=0, atol=1e-5 * np.nanmax(plain.patterns), equal_nan=True)


def test_what_the_result_is_made_of(film, view, result, agreed):
    assert result.method == agreed.method == "merge_nmf"
    assert result.patterns.shape == (result.k, 64, 60) and result.features.shape == (result.k, 2, 72)
    assert np.allclose(np.nanmax(result.maps, (1, 2)), 1) and np.allclose(np.nanmax(agreed.maps, (1, 2)), 1)
    parts = sorted(part for parts in result.members for part in parts)
    assert parts == list(range(result.runs[result.best].n_parts))
    # Patterns are the exact non-negative fit to the scan for these maps.
    from unmix4d.decomposition.nnls import nnls_rows

    maps = agreed.geometry.from_maps(agreed.maps).astype(float)
    X = film.data.reshape(-1, 64 * 60)[:, agreed.geometry.kept_pixels].astype(float)
    fitted = nnls_rows(X.T @ maps, maps.T @ maps).T
    assert np.allclose(agreed.geometry.from_images(agreed.patterns), fitted, rtol=1e-3, atol=1e-3 * fitted.max())
    assert agreed.spread.shape == agreed.maps.shape and np.nanmin(agreed.spread) >= 0
    assert "consensus; 8 of 8" in repr(agreed) and "merged from" in repr(result)
    assert "Bruefach" in result.citation


def test_intensity_of_the_runs_is_what_was_fitted(result):
    for run in result.runs:
        assert np.allclose(run.patterns.sum(1), 1, atol=1e-4)
        assert len(run.members) == run.k == run.maps.shape[1]


def test_same_seed_same_answer_and_runs_do_not_depend_on_their_number(view, result):
    fewer = view.merge_nmf(n_runs=2, random_state=0)
    for one, other in zip(fewer.runs, result.runs):
        assert np.array_equal(one.maps, other.maps)
    assert not np.array_equal(view.merge_nmf(n_runs=1, random_state=1).maps, view.merge_nmf(n_runs=1, random_state=0).maps)


def test_scaling_the_data_scales_the_patterns(film):
    one, other = (
        angular(Unmix(data, centre=film.centre)).merge_nmf(10, n_runs=2, precision="double", random_state=0)
        for data in (film.data.astype(float), 4 * film.data.astype(float))
    )
    assert np.abs(one.maps - other.maps).max() < 1e-6
    assert np.allclose(4 * one.patterns, other.patterns, equal_nan=True, atol=1e-6 * np.nanmax(other.patterns))


def test_excluded_positions_cannot_influence_the_answer(film):
    mask = np.zeros((30, 28), bool)
    mask[3:6, 10:14] = True
    wrong = film.data.copy()
    wrong[mask] = 999
    answers = [
        Unmix(data, centre=film.centre).prepare(direct_beam=DIRECT_BEAM, scan_mask=mask)
        .angular_average(rings=[(5, 12), (12, 20)]).merge_nmf(10, n_runs=2, random_state=0).consensus()
        for data in (film.data, wrong)
    ]  # fmt: skip
    assert np.array_equal(answers[0].maps, answers[1].maps, equal_nan=True)
    assert np.isnan(answers[0].maps[:, mask]).all()


def test_min_share_leaves_components_out(result):
    everything = result.consensus(min_share=0)
    agreed = result.consensus()
    assert everything.k >= agreed.k and (everything.stability > 0).all()
    told = agreed.settings["consensus"]
    assert told["left_out"] == everything.k - agreed.k
    assert result.consensus(how="mean").k == agreed.k


def test_files_keep_everything_but_the_runs(result, agreed, tmp_path, film):
    for one in (result, agreed):
        one.save(tmp_path / "merged.h5")
        again = unmix4d.load(tmp_path / "merged.h5")
        assert type(again) is unmix4d.MergedDecomposition and repr(again).splitlines()[0] == repr(one).splitlines()[0]
        for name in ("maps", "patterns", "features", "stability", "agreement", "spread"):
            mine, theirs = getattr(one, name), getattr(again, name)
            assert (mine is None and theirs is None) or np.array_equal(mine, theirs, equal_nan=True)
        assert again.history == one.history and again.members == one.members and again.best == one.best
        with pytest.raises(ValueError, match="consensus needs the runs"):
            again.consensus()
    assert again.plot_stability() is not None


def test_figures(result, agreed):
    ax = result.plot_history()
    assert ax.get_ylabel() == "similarity" and len(ax.get_xticks()) == result.k
    assert len(agreed.plot_stability().patches) == agreed.k
    with pytest.raises(ValueError, match="consensus"):
        agreed.plot_history()


def test_a_scan_with_too_much_to_start_with_is_said(monkeypatch, film):
    from unmix4d.methods import merge_nmf

    monkeypatch.setattr(merge_nmf, "_MOST", 5)
    with pytest.warns(UnmixWarning, match="5 or more components stand out"):
        angular(Unmix(film.data, centre=film.centre)).merge_nmf(n_runs=1, random_state=0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"initial_components": 1}, ValueError, "initial_components must be at least 2, got 1"),
        ({"initial_components": "many"}, TypeError, "initial_components"),
        ({"initial_components": 10**6}, ValueError, "initial_components"),
        ({"threshold": 2}, ValueError, "threshold must be"),
        ({"threshold": "high"}, ValueError, "threshold must be"),
        ({"n_runs": 0}, ValueError, "n_runs"),
        ({"sigma": -1}, ValueError, "sigma"),
        ({"pattern_share": np.nan}, ValueError, "pattern_share"),
        ({"fragment": "some"}, TypeError, "fragment"),
        ({"max_iter": 0}, ValueError, "max_iter"),
        ({"refit": -1}, ValueError, "refit"),
        ({"weights": "heavy"}, ValueError, "weights"),
        ({"as_published": True, "sigma": 2}, ValueError, "sigma has no part"),
    ],
)
def test_wrong_arguments_are_refused_before_the_scan_is_read(film, arguments, error, message, monkeypatch):
    monkeypatch.setattr("unmix4d.engine.matrix.run_pass", lambda *_: pytest.fail("the scan was read"))
    with pytest.raises(error, match=message):
        Unmix(film.data, centre=film.centre).merge_nmf(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"how": "mode"}, "how"), ({"min_share": 2}, "min_share"), ({"alike": -1}, "alike")],
)
def test_wrong_arguments_of_consensus(result, arguments, message):
    with pytest.raises(ValueError, match=message):
        result.consensus(**arguments)


def test_negative_values_are_refused(film):
    data = film.data.astype(float)
    data[2, 3, 20, 20] = -5
    with pytest.raises(ValueError, match="merge_nmf needs values that are not negative"):
        Unmix(data, centre=film.centre).merge_nmf(5, n_runs=1)


@pytest.mark.slow
def test_the_guide_page_runs_and_counts_the_grains():
    page = Path(__file__).parents[2] / "docs" / "merging.md"
    names = {}
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.S):
        exec(compile(block, str(page), "exec"), names)  # noqa: S102
    assert names["c"].k == 8 and len(names["g"].table["area"]) >= 8


def test_runs_that_begin_where_nothing_is_are_no_answer():
    pytest.importorskip("hypothesis")
    from support.hostile_judge import clear_refusal

    counts = np.zeros((5, 4, 4, 4), "i2")
    counts.flat[1162 % counts.size] = 100
    for seed in range(6):
        try:
            result = Unmix(counts).merge_nmf(2, n_runs=2, as_published=True, random_state=seed)
        except ValueError as error:
            assert clear_refusal(error) == "" and "found no component" in str(error)
        else:
            assert result.k == 1 and result.labels().max() == 0
