"""Independent component analysis: sources that are independent, the observations of the paper, and its invariants."""

import inspect

import numpy as np
import pytest

import unmix4d
from unmix4d import Unmix, UnmixWarning, phantoms, scores
from unmix4d.decomposition.independent_components import centred_share, independent_components


def product(result):
    return np.einsum("kij,krc->ijrc", result.maps, result.patterns)


def sparse_scan(n=4, seed=0):
    """Sparse patterns drawn independently of one another, and maps likewise, with a little noise of both signs."""
    rng = np.random.default_rng(seed)
    patterns = rng.exponential(1, (n, 50, 60)) * (rng.random((n, 50, 60)) < 0.06)
    maps = rng.exponential(1, (n, 22, 24)) * (rng.random((n, 22, 24)) < 0.3)
    data = np.einsum("kij,krc->ijrc", maps, patterns)
    return data + 1e-3 * rng.standard_normal(data.shape), patterns, maps


@pytest.mark.one_in(4)
@pytest.mark.parametrize("on", ["patterns", "maps"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_independent_sources_are_recovered(on, seed):
    data, patterns, maps = sparse_scan(seed=seed)
    result = Unmix(data).ica(4, on=on, random_state=0)
    assert scores.map_correlation(result.maps, maps).min() > 0.99
    assert scores.pattern_cosine(result.patterns, patterns).min() > 0.99
    svd = Unmix(data).svd(4)
    assert max(scores.pattern_cosine(np.abs(svd.patterns), patterns).min(), 0) < 0.9


@pytest.mark.one_in(2)
@pytest.mark.parametrize("on", ["patterns", "maps"])
def test_the_reconstruction_is_that_of_the_svd_mean_included(on):
    plain, _, _ = sparse_scan()
    for data in (plain, plain + 0.2):
        ica, svd = Unmix(data).ica(4, on=on, random_state=0), Unmix(data).svd(4)
        assert np.allclose(product(ica), product(svd), atol=1e-10 * data.max())
        assert ica.loss == pytest.approx(svd.loss, rel=1e-9)
        assert np.allclose(ica.residual_map(), svd.residual_map(), rtol=1e-9)
        single = Unmix(data.astype(np.float32)).ica(4, on=on, random_state=0)
        assert single.patterns.dtype == np.float32 and single.loss == pytest.approx(svd.loss, rel=1e-5)


def test_martineau_fig5_and_fig6():
    """Spots apart are told apart, up to a little; of shared spots only the unique ones are left."""
    apart, shared = (phantoms.case(name) for name in ("martineau_fig5", "martineau_fig6"))
    result = Unmix(apart.data).ica(2, random_state=0)
    assert scores.score(result, apart).map_correlation.min() > 0.999
    assert scores.pattern_cosine(result.patterns, apart.patterns).min() > 0.998
    assert scores.pattern_cosine(Unmix(apart.data).svd(2).patterns, apart.patterns).max() < 0.8
    left, right = shared.patterns
    found = Unmix(shared.data).ica(2, random_state=0).patterns
    unique = np.where(left > 0, 0, right)
    assert scores.pattern_cosine(found, np.stack([left, unique])).min() > 0.99
    assert scores.pattern_cosine(found, shared.patterns).min() < 0.85


def test_each_twin_has_a_component_of_its_own():
    """Martineau 2019, Fig. 2: SVD "requires two components to describe the two twins [...] where ICA needs only one"."""
    phantom = phantoms.case("vacuum")
    ica, svd = Unmix(phantom.data).ica(3, random_state=0), Unmix(phantom.data).svd(3)
    for twin in phantom.maps[1:]:
        best = {
            name: max(abs(np.corrcoef(m.ravel(), twin.ravel())[0, 1]) for m in result.maps)
            for name, result in (("ica", ica), ("svd", svd))
        }
        assert best["ica"] > 0.9 and best["svd"] < 0.87


@pytest.mark.one_in(2)
@pytest.mark.parametrize("name, least", [("embedded", 0.97), ("polycrystal_5_mid", 0.95)])
def test_grains_are_found(name, least):
    phantom = phantoms.case(name)
    grains = [i for i, part in enumerate(phantom.names) if part != "amorphous"]
    result = Unmix(phantom.data).ica(phantom.k, random_state=0)
    assert scores.map_correlation(result.maps, phantom.maps)[grains].min() > least


def test_maps_that_add_up_to_a_constant_are_not_independent():
    with pytest.raises(ValueError, match="on must be 'patterns' for this scan, or n smaller: a combination of its maps is"):
        Unmix(phantoms.case("martineau_fig5").data).ica(2, on="maps")
    with pytest.warns(UnmixWarning, match="the maps of this scan add up to a constant but for 0.13 % of it"):
        Unmix(phantoms.case("polycrystal_5_mid").data).ica(6, on="maps", random_state=0)


def test_patterns_with_a_constant_among_them():
    data = np.einsum("kij,krc->ijrc", *(np.random.default_rng(s).random((3, 8, 12)) for s in (0, 1)))
    with pytest.raises(ValueError, match="on must be 'maps' for this scan, .* of its patterns is the same in all pixels"):
        Unmix(data + np.random.default_rng(2).random((8, 12, 1, 1))).ica(4)


def test_scale_sign_and_order(crystal):
    result = Unmix(crystal.data).ica(5, precision="double", random_state=0)
    flat = result.patterns.reshape(5, -1)
    assert (flat[np.arange(5), np.abs(flat).argmax(1)] > 0).all()
    assert np.allclose(np.abs(result.maps).max((1, 2)), 1)
    assert (np.diff(result.explained) <= 0).all()
    sizes = (result.maps**2).sum((1, 2)) * (flat**2).sum(1) / (crystal.data.astype(float) ** 2).sum()
    assert np.allclose(result.explained, sizes)
    assert "share of the sum of squares" in repr(result) and "FastICA" in result.citation


def test_the_most_independent_start_is_returned(crystal):
    each = [Unmix(crystal.data).ica(5, n_starts=n, random_state=3).settings["contrast"] for n in (1, 2, 6)]
    assert each[0] <= each[1] * (1 + 1e-6) and each[1] <= each[2] * (1 + 1e-6)


def test_as_many_passes_as_the_svd(crystal):
    assert Unmix(crystal.data).ica(4, random_state=0).settings["passes"] == Unmix(crystal.data).svd(4).settings["passes"]


def test_same_seed_same_answer(crystal):
    a, b = (Unmix(crystal.data).ica(4, random_state=5) for _ in range(2))
    assert np.array_equal(a.maps, b.maps) and np.array_equal(a.patterns, b.patterns)
    drawn = Unmix(crystal.data).ica(4)
    names = ("n", "on", "n_starts", "max_iter", "tol", "precision", "random_state")
    assert set(names) < set(inspect.signature(Unmix.ica).parameters)
    again = Unmix(crystal.data).ica(**{name: drawn.settings[name] for name in names})
    assert np.array_equal(drawn.maps, again.maps)


def test_lazy_equals_in_memory(crystal):
    views = [Unmix(source) for source in (crystal.data, crystal.to_dask(chunks=(5, 7, 48, 44)))]
    a, b = (view.ica(4, precision="double", random_state=0) for view in views)
    assert np.allclose(a.maps, b.maps, atol=1e-7) and np.allclose(a.patterns, b.patterns, atol=1e-7 * a.patterns.max())


def test_permuting_positions_permutes_the_maps(crystal):
    rows, cols = crystal.scan_shape
    order = np.random.default_rng(0).permutation(rows * cols)
    shuffled = crystal.data.reshape(rows * cols, -1)[order].reshape(crystal.data.shape)
    a, b = (Unmix(d).ica(4, precision="double", random_state=0) for d in (crystal.data, shuffled))
    assert np.allclose(a.maps.reshape(4, -1)[:, order], b.maps.reshape(4, -1), atol=1e-6)
    assert np.allclose(a.patterns, b.patterns, atol=1e-6 * a.patterns.max())


def test_scaling_the_data_scales_the_patterns(crystal):
    a, b = (Unmix(crystal.data * f).ica(4, precision="double", random_state=0) for f in (1.0, 37.5))
    assert np.allclose(a.maps, b.maps, atol=1e-7)
    assert np.allclose(a.patterns * 37.5, b.patterns, atol=1e-7 * b.patterns.max())


def test_excluded_values_cannot_influence_the_answer(crystal):
    data = crystal.data.astype(np.float32)
    scan_mask, detector_mask = np.zeros(data.shape[:2], bool), np.zeros(data.shape[2:], bool)
    scan_mask[3:6, 4:9], detector_mask[20:26, 18:24] = True, True
    spoilt = data.copy()
    spoilt[scan_mask] = np.nan
    spoilt[:, :, detector_mask] = -1e9
    masks = dict(scan_mask=scan_mask, detector_mask=detector_mask)
    a, b = (Unmix(d).prepare(**masks).ica(4, random_state=0) for d in (data, spoilt))
    assert np.array_equal(a.maps, b.maps, equal_nan=True) and np.array_equal(a.patterns, b.patterns, equal_nan=True)


def test_negative_values_are_welcome(crystal):
    # The mean is no part of the search, but it is part of what is explained.
    result = Unmix(crystal.data - crystal.data.mean((0, 1))).ica(3, precision="double", random_state=0)
    assert result.k == 3 and np.isfinite(result.maps).all()


def test_one_component_is_that_of_the_svd(scan):
    ica, svd = Unmix(scan.data).ica(1, precision="double", random_state=0), Unmix(scan.data).svd(1, precision="double")
    assert np.allclose(product(ica), product(svd))
    assert Unmix(np.ones((3, 4, 10, 20))).ica(1).loss < 1e-12


def test_an_iteration_that_does_not_settle_is_reported(crystal):
    with pytest.warns(UnmixWarning, match="ica did not settle within max_iter=2 iterations"):
        result = Unmix(crystal.data).ica(5, max_iter=2, random_state=0)
    assert result.settings["converged"] is False
    # The components are not final, but they still are a mixture of those of the SVD.
    assert result.loss == pytest.approx(Unmix(crystal.data).svd(5).loss, rel=1e-5)


def test_going_in_circles_is_no_end(scan):
    """In this scan FastICA, all components at once, alternates for ever between two answers."""
    result = Unmix(scan.data).ica(3, random_state=0)
    assert result.settings["converged"] and result.settings["iterations"] < 100


def test_results_are_saved(crystal, tmp_path):
    result = Unmix(crystal.data).ica(4, random_state=0)
    result.save(tmp_path / "run.h5")
    loaded = unmix4d.load(tmp_path / "run.h5")
    assert np.array_equal(loaded.maps, result.maps) and loaded.settings == result.settings and loaded.method == "ica"


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        (dict(n=0), ValueError, "n must be at least 1, got 0"),
        (dict(n=64), ValueError, "n must be at most 63, the smaller of 63 kept positions and 520 kept pixels, got 64"),
        (dict(n=2, on="loadings"), ValueError, "on must be one of 'patterns', 'maps', got 'loadings'"),
        (dict(n=2, n_starts=0), ValueError, "n_starts must be at least 1, got 0"),
        (dict(n=2, max_iter=0), ValueError, "max_iter must be at least 1, got 0"),
        (dict(n=2, tol=0), ValueError, "tol must be above 0"),
        (dict(n=2, precision="half"), ValueError, "precision must be one of"),
        (dict(n=2, random_state="x"), TypeError, "random_state must be None or a whole number"),
    ],
)
def test_wrong_arguments_are_refused_before_the_scan_is_read(scan, arguments, error, message, monkeypatch):
    from unmix4d.engine import matrix

    monkeypatch.setattr(matrix, "run_pass", lambda *a, **k: pytest.fail("the scan was read"))
    with pytest.raises(error, match=message):
        Unmix(scan.data).ica(**arguments)


def test_scans_without_enough_components_are_refused(scan):
    with pytest.raises(ValueError, match="n must be at most 2, the rank of the scan, because ica needs .* got 3"):
        Unmix(phantoms.case("martineau_fig5").data).ica(3)
    with pytest.raises(ValueError, match="ica needs a signal, but every value of the scan is 0"):
        Unmix(np.zeros((3, 4, 10, 20))).ica(2)
    with pytest.raises(ValueError, match="the scan must be finite"):
        Unmix(np.full((3, 4, 10, 20), np.nan)).ica(2)


def test_contrast_and_mixture_by_hand():
    rng = np.random.default_rng(0)
    left, right = rng.random((30, 3)), rng.standard_normal((3, 4000)) ** 3
    before = left.copy(), right.copy()
    answer = independent_components(left, right, on="patterns", n_starts=2, max_iter=300, tol=1e-10, seed=0)
    assert np.array_equal(left, before[0]) and np.array_equal(right, before[1])
    assert np.allclose(answer.maps @ answer.patterns, left @ right)
    white = answer.patterns - answer.patterns.mean(1, keepdims=True)
    assert np.allclose(white @ white.T / 4000, np.eye(3), atol=1e-10)
    expected = ((np.log(np.cosh(white)).mean(1) - 0.3745672) ** 2).sum()
    assert answer.contrast == pytest.approx(expected, rel=1e-9)


def test_share_that_centring_leaves():
    rows = np.random.default_rng(0).standard_normal((3, 500))
    assert 0.9 < centred_share(rows) <= 1
    assert centred_share(np.concatenate([rows, 2 - rows.sum(0, keepdims=True)])) < 1e-12
