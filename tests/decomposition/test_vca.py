"""Vertex component analysis against the truth of phantoms, and what must not change its answer."""

import inspect
import warnings

import numpy as np
import pytest

import unmix4d
from support.scans import counts
from unmix4d import Unmix, UnmixWarning, phantoms, scores
from unmix4d.decomposition.svd import truncated_svd
from unmix4d.decomposition.vertex_components import find_vertices, vertex_start

SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))]


@pytest.mark.parametrize("name", ["martineau_fig5", "martineau_fig6"])
def test_martineau_models_are_recovered_exactly(name):
    """Fig. 6 among them, where ICA returns the common spots and the unique ones: the crystals are pure somewhere."""
    phantom = phantoms.case(name)
    result = Unmix(phantom.data).vca(2, sum_to_one=True, precision="double", random_state=0)
    pairs = scores.score(result, phantom).pairs
    assert np.allclose(result.maps[pairs], phantom.maps, atol=1e-6)
    assert np.allclose(result.patterns[pairs], phantom.patterns, atol=1e-6 * phantom.patterns.max())
    free = scores.score(Unmix(phantom.data).vca(2, random_state=0), phantom)
    assert free.map_correlation.min() > 1 - 1e-6 and free.pattern_cosine.min() > 1 - 1e-6


@pytest.mark.parametrize("seed", SEEDS[:2])
@pytest.mark.parametrize(
    "name",
    ["polycrystal_5_mid",
     *(pytest.param(name, marks=pytest.mark.slow) for name in ("twins", "polycrystal_5_low", "thickness"))],
)  # fmt: skip
def test_grains_are_found(name, seed):
    """As many components as grains: the film below them is nowhere pure, and so no corner."""
    phantom = phantoms.case(name, seed=seed)
    result = Unmix(phantom.data).vca(phantom.k - 1, random_state=0)
    assert scores.map_correlation(result.maps, phantom.maps[1:]).min() > 0.98
    assert scores.pattern_cosine(result.patterns, phantom.patterns[1:]).min() > 0.99


@pytest.mark.parametrize("seed", SEEDS)
def test_an_embedded_particle_is_found_but_not_its_pattern(seed):
    """Clustering cannot find it (Martineau 2019). Here its map is right; its pattern is the purest mixture there is."""
    phantom = phantoms.embedded_particle(seed=seed)
    result = Unmix(phantom.data).vca(2, random_state=0)
    score = scores.score(result, phantom)
    assert score.map_correlation.min() > 0.99
    assert score.pattern_cosine[0] > 0.999 and score.pattern_cosine[1] < 0.75
    share = phantom.maps[1].max()
    purest = (1 - share) * phantom.patterns[0] + share * phantom.patterns[1]
    assert scores.pattern_cosine(result.patterns[score.pairs[1]][None], purest[None]) > 0.998


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_sum_to_one_where_vacuum_is_a_component(seed):
    phantom = phantoms.bicrystal_in_vacuum(seed=seed)
    free, summed = (Unmix(phantom.data).vca(3, sum_to_one=s, random_state=0) for s in (False, True))
    assert np.allclose(summed.maps.sum(0), 1, atol=1e-6)
    errors = []
    for result in (free, summed):
        score = scores.score(result, phantom)
        assert score.map_correlation.min() > 0.985 and score.pattern_cosine.min() > 0.998
        errors.append(np.sqrt(((result.maps[score.pairs] - phantom.maps) ** 2).mean((1, 2))))
    assert (errors[1] < errors[0]).all() and errors[1].max() < 0.06


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the . components of vca account for")  # of 100 electrons: 112 % of the intensity
def test_sum_to_one_warns_where_it_is_not_valid():
    varying = phantoms.polycrystal(n_grains=4, background=0.0, thickness_variation=0.4, seed=1)
    with pytest.warns(UnmixWarning, match="sum_to_one is not valid for this scan: without it the sums of the maps vary by"):
        Unmix(varying.data).vca(4, sum_to_one=True, random_state=0)
    with pytest.warns(UnmixWarning, match="a component such as vacuum is missing"):
        Unmix(phantoms.case("vacuum").data).vca(2, sum_to_one=True, random_state=0)
    grains = phantoms.polycrystal(n_grains=4, background=0.0, dose=100, seed=1)
    for phantom in (grains, phantoms.bicrystal_in_vacuum(dose=300)):
        Unmix(phantom.data).vca(phantom.k, sum_to_one=True, random_state=0)  # noise alone is no reason


def test_positions_without_signal_are_no_corner():
    """A specimen in front of nothing: shares do not add up to 1, and the origin would be a corner."""
    rng = np.random.default_rng(0)
    film = phantoms.polycrystal(n_grains=4, background=0.0, thickness_variation=0.3, seed=1)
    row, col = np.indices(film.scan_shape)
    inside = np.hypot(row - 19.5, col - 17.5) < 13
    counts = rng.poisson(np.einsum("kij,krc->ijrc", film.maps * inside, film.patterns))
    result = Unmix(counts).vca(4, random_state=0)
    assert result.settings["projection_used"] == "projective"
    assert all(inside[tuple(vertex)] for vertex in result.settings["vertices"])
    assert scores.map_correlation(result.maps, film.maps * inside).min() > 0.98
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnmixWarning)
        affine = Unmix(counts).vca(5, projection="affine", random_state=0)
    assert any(not inside[tuple(vertex)] for vertex in affine.settings["vertices"])


def test_projection_follows_the_signal_to_noise_ratio():
    noisy = Unmix(phantoms.case("twins").data).vca(6, random_state=0).settings
    assert noisy["projection_used"] == "affine" and 5 < noisy["snr_db"] < 15
    clean = Unmix(phantoms.case("martineau_fig5").data).vca(2, random_state=0).settings
    assert clean["projection_used"] == "projective" and clean["snr_db"] > 50
    # Mean squared signal over mean squared noise, the counts of a pattern.
    phantom = phantoms.random_scan(shape=(30, 30, 20, 26), k=3, dose=5000, seed=1)
    truth = 10 * np.log10((phantom.expectation() ** 2).sum() / phantom.expectation().sum())
    assert Unmix(phantom.data).vca(3, random_state=0).settings["snr_db"] == pytest.approx(truth, abs=0.2)


def test_vertices_are_the_purest_positions():
    phantom = phantoms.case("polycrystal_5_mid")
    result = Unmix(phantom.data).vca(5, random_state=0)
    grains = phantom.maps[1:] / phantom.maps[1:].sum(0)
    shares = np.array([grains[:, row, col] for row, col in result.settings["vertices"]])
    assert sorted(shares.argmax(1)) == [0, 1, 2, 3, 4]
    assert shares.max(1).min() > 0.97
    assert result.settings["averaged"] == 6  # 0.5 % of 1224


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the 3 components of vca account for")
def test_averaging_helps_where_a_pattern_is_noisy(monkeypatch):
    from unmix4d.decomposition import vertex_components as vertices

    phantom = phantoms.bicrystal_in_vacuum(dose=100, seed=0)
    several = scores.score(Unmix(phantom.data).vca(3, random_state=0), phantom)
    monkeypatch.setattr(vertices, "_AVERAGED", 1)
    single = scores.score(Unmix(phantom.data).vca(3, random_state=0), phantom)
    assert several.mean_map_correlation > single.mean_map_correlation + 0.02


@pytest.mark.parametrize("weights", ["none", "capped"])
def test_maps_are_the_exact_non_negative_fit(crystal, weights):
    from scipy.optimize import nnls

    from unmix4d.engine.weights import choose_weights

    result = Unmix(crystal.data).vca(4, weights=weights, precision="double", random_state=0)
    patterns, X = result.patterns.reshape(4, -1), crystal.data.reshape(24 * 20, -1).astype(float)
    factors = choose_weights(Unmix(crystal.data).matrix("double").statistics(), weights).pixels
    factors = np.ones(X.shape[1]) if factors is None else factors
    for i in range(0, 480, 53):
        fit = nnls((patterns * factors).T, X[i] * factors)[0]
        assert np.allclose(result.maps.reshape(4, -1)[:, i], fit, atol=1e-8)
    assert result.loss == pytest.approx(((X - result.maps.reshape(4, -1).T @ patterns) ** 2).mean(), rel=1e-10)


def test_scale_and_order(crystal):
    result = Unmix(crystal.data).vca(4, random_state=0)
    assert np.array_equal(result.maps.max(axis=(1, 2)), np.ones(4, np.float32))
    assert (np.diff(result.explained) <= 0).all()
    shares = result.maps.sum((1, 2)) * result.patterns.sum((1, 2)) / crystal.data.sum()
    assert np.allclose(result.explained, shares, rtol=1e-4)
    assert result.maps.min() >= 0 and result.patterns.min() >= 0
    assert "share of the intensity" in repr(result) and "Nascimento" in result.citation


def test_two_passes_more_than_the_svd(crystal):
    unmix = Unmix(crystal.data)
    matrix = unmix.matrix()
    matrix.statistics()
    truncated_svd(matrix, 4)
    # The fit of the maps and the error; statistics are part of both.
    assert unmix.vca(4, weights="none", random_state=0).settings["passes"] == matrix.passes + 2


def beamed(beam, seed):
    """Two crystals with most spots in common, whose direct beam dims where they overlap; and the share of the first."""
    p = phantoms.martineau_fig5(seed=seed)
    expected = p.expectation()
    common = p.patterns.mean(axis=0)
    expected = 0.3 * expected / expected.sum(axis=(2, 3), keepdims=True) + 0.7 * common / common.sum()
    spot = np.exp(-(np.hypot(*(np.indices(p.detector_shape) - np.array(p.centre)[:, None, None])) ** 2) / 4.5)
    share = p.maps[0] / p.maps.sum(axis=0)
    dimmed = (beam * (1 - 2.4 * share * (1 - share)))[..., None, None]
    expected = (1 - dimmed) * expected + dimmed * spot / spot.sum()
    return Unmix(np.random.default_rng(seed).poisson(1e4 * expected).astype(np.uint16), centre=p.centre), share


def likeness(result, share):
    return max(abs(np.corrcoef(image.ravel(), share.ravel())[0, 1]) for image in result.maps)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_beam_in_the_data_is_damped(seed):
    view, share = beamed(0.28, seed)
    damped, plain = (view.vca(2, weights=w, random_state=0) for w in ("auto", "none"))
    assert damped.settings["weights"] == "capped" and plain.settings["weights"] == "none"
    assert likeness(damped, share) > 0.99 and likeness(plain, share) < 0.7  # measured 0.998 and 0.53
    assert view.prepare(direct_beam=6).vca(2, random_state=0).settings["weights"] == "none"


def test_a_beam_that_rules_all_the_same_is_said():
    view, _ = beamed(0.5, 0)
    with pytest.warns(UnmixWarning, match="loading 1 of vca is mostly that of the brightest spot"):
        view.vca(2, random_state=0)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.filterwarnings("ignore:the 3 components of vca account for")  # without weights
def test_weights_help_where_electrons_are_few(seed):
    """docs/vca.md."""
    p = phantoms.bicrystal_in_vacuum(dose=100, seed=seed)
    view = Unmix(p.data, centre=p.centre).prepare(direct_beam=5)
    plain, capped = (scores.score(view.vca(3, weights=w, random_state=0), p) for w in ("none", "capped"))
    assert plain.map_correlation.mean() < 0.85 and capped.map_correlation.mean() > 0.97


def test_same_seed_same_answer_and_more_starts_a_larger_simplex(crystal):
    a, b = (Unmix(crystal.data).vca(4, random_state=5) for _ in range(2))
    assert np.array_equal(a.maps, b.maps) and np.array_equal(a.patterns, b.patterns)
    drawn = Unmix(crystal.data).vca(4)
    again = Unmix(crystal.data).vca(4, random_state=drawn.settings["random_state"])
    assert np.array_equal(drawn.maps, again.maps)
    names = ("n", "sum_to_one", "projection", "n_starts", "precision", "random_state")
    assert set(names) < set(inspect.signature(Unmix.vca).parameters)
    same = Unmix(crystal.data).vca(**{name: drawn.settings[name] for name in names})
    assert np.array_equal(drawn.maps, same.maps)


def test_lazy_equals_in_memory(crystal):
    views = [Unmix(source) for source in (crystal.data, crystal.to_dask(chunks=(5, 7, 48, 44)))]
    a, b = (view.vca(4, precision="double", random_state=0) for view in views)
    assert np.allclose(a.maps, b.maps, atol=1e-9) and np.allclose(a.patterns, b.patterns, atol=1e-9 * a.patterns.max())


def test_permuting_positions_permutes_the_maps(crystal):
    rows, cols = crystal.scan_shape
    order = np.random.default_rng(0).permutation(rows * cols)
    shuffled = crystal.data.reshape(rows * cols, -1)[order].reshape(crystal.data.shape)
    a, b = (Unmix(d).vca(4, precision="double", random_state=0) for d in (crystal.data, shuffled))
    assert np.allclose(a.maps.reshape(4, -1)[:, order], b.maps.reshape(4, -1), atol=1e-8)
    assert np.allclose(a.patterns, b.patterns, atol=1e-8 * a.patterns.max())
    places = [np.ravel_multi_index(np.transpose(r.settings["vertices"]), (rows, cols)) for r in (a, b)]
    assert np.array_equal(order[places[1]], places[0])


@pytest.mark.parametrize("sum_to_one", [False, True])
def test_scaling_the_data_scales_the_patterns(crystal, sum_to_one):
    a, b = (Unmix(crystal.data * f).vca(4, sum_to_one=sum_to_one, random_state=0) for f in (1.0, 37.5))
    assert np.allclose(a.maps, b.maps, atol=1e-7)
    assert np.allclose(a.patterns * 37.5, b.patterns, atol=1e-9 * b.patterns.max())


def test_excluded_values_cannot_influence_the_answer(crystal):
    data = crystal.data.astype(np.float32)
    scan_mask, detector_mask = np.zeros(data.shape[:2], bool), np.zeros(data.shape[2:], bool)
    scan_mask[3:6, 4:9], detector_mask[20:26, 18:24] = True, True
    spoilt = data.copy()
    spoilt[scan_mask] = np.nan
    spoilt[:, :, detector_mask] = -1e9
    masks = dict(scan_mask=scan_mask, detector_mask=detector_mask)
    a, b = (Unmix(d).prepare(**masks).vca(4, random_state=0) for d in (data, spoilt))
    assert np.array_equal(a.maps, b.maps, equal_nan=True) and np.array_equal(a.patterns, b.patterns, equal_nan=True)
    assert not any(scan_mask[tuple(vertex)] for vertex in a.settings["vertices"])


def test_results_are_saved(crystal, tmp_path):
    result = Unmix(crystal.data).vca(4, random_state=0)
    result.save(tmp_path / "run.h5")
    loaded = unmix4d.load(tmp_path / "run.h5")
    assert np.array_equal(loaded.maps, result.maps) and loaded.settings == result.settings and loaded.method == "vca"


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        (dict(n=0), ValueError, "n must be at least 1, got 0"),
        (dict(n=64), ValueError, "n must be at most 63, the smaller of 63 kept positions and 520 kept pixels, got 64"),
        (dict(n=2, n_starts=0), ValueError, "n_starts must be at least 1, got 0"),
        (dict(n=2, projection="flat"), ValueError, "projection must be one of 'auto', 'affine', 'projective', got 'flat'"),
        (dict(n=2, precision="half"), ValueError, "precision must be one of"),
        (dict(n=2, random_state=-1), ValueError, "random_state must be at least 0"),
    ],
)
def test_wrong_arguments_are_refused_before_the_scan_is_read(scan, arguments, error, message, monkeypatch):
    from unmix4d.engine import matrix

    monkeypatch.setattr(matrix, "run_pass", lambda *a, **k: pytest.fail("the scan was read"))
    with pytest.raises(error, match=message):
        Unmix(scan.data).vca(**arguments)


def test_scans_that_have_no_vertices_are_refused(scan):
    with pytest.raises(ValueError, match="vca needs values that are not negative, but the smallest .* -2"):
        Unmix(scan.data.astype(int) - 2).vca(2)
    with pytest.raises(ValueError, match="vca needs a signal, but every value of the scan is 0"):
        Unmix(np.zeros((3, 4, 10, 20))).vca(2)
    with pytest.raises(ValueError, match="the scan must be finite"):
        Unmix(np.full((3, 4, 10, 20), np.nan)).vca(2)
    with pytest.raises(ValueError, match="n must be at most 2, the rank of the scan, because vca needs .* got 3"):
        Unmix(phantoms.case("martineau_fig5").data).vca(3)


def test_one_component_is_the_brightest_pattern():
    phantom = phantoms.case("twins")
    with pytest.warns(UnmixWarning, match="accounts for 83"):
        result = Unmix(phantom.data).vca(1, random_state=0)
    mean = phantom.data.mean((0, 1))
    assert result.maps.min() > 0 and scores.pattern_cosine(result.patterns, mean[None]) > 0.9


def test_a_start_for_nmf(crystal):
    matrix = Unmix(crystal.data).matrix()
    svd = truncated_svd(matrix, 10)
    loadings = svd.left * svd.values.astype(np.float32)
    before = loadings.copy()
    maps, patterns = vertex_start(loadings, svd.right, 4, np.random.default_rng(0))
    assert np.array_equal(loadings, before) and maps.dtype == patterns.dtype == np.float32
    assert maps.shape == (480, 4) and patterns.shape == (4, matrix.shape[1])
    assert maps.min() >= 0 and patterns.min() >= 0
    best = Unmix(crystal.data).svd(4).loss
    start = matrix.squared_residuals(maps, patterns).sum() / np.prod(matrix.shape)
    assert start < 1.1 * best
    again = vertex_start(loadings, svd.right, 4, np.random.default_rng(0))
    assert np.array_equal(maps, again[0]) and np.array_equal(patterns, again[1])
    # Any factorisation of the same scan will do, and the basis need not be orthonormal.
    turn = np.random.default_rng(1).standard_normal((10, 10))
    other = vertex_start(loadings.astype(float) @ turn, np.linalg.inv(turn) @ svd.right, 4, np.random.default_rng(0))
    assert np.allclose(other[1], patterns, atol=1e-3 * patterns.max())


def test_a_start_of_more_components_than_the_rank():
    loadings = np.random.default_rng(0).random((50, 2))
    maps, patterns = vertex_start(loadings, np.eye(2, 30), 5, np.random.default_rng(0))
    assert maps.shape == (50, 5) and patterns.shape == (5, 30)
    assert np.isfinite(maps).all() and maps.min() >= 0 and patterns.min() >= 0
    assert patterns.max(1).min() > 0


def test_a_start_without_noise_is_the_answer():
    shares, basis = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]), np.eye(2, 5)
    maps, patterns = vertex_start(shares, basis, 2, np.random.default_rng(0))
    assert np.allclose(maps @ patterns, shares @ basis)


def test_corners_of_a_simplex_are_found():
    rng = np.random.default_rng(0)
    corners = rng.random((6, 6)) + 2 * np.eye(6)
    shares = rng.dirichlet(np.full(6, 0.3), 150)
    shares[:6] = np.eye(6)
    for projection, thickness in (("affine", np.ones(150)), ("projective", rng.uniform(0.3, 3, 150))):
        points = (shares * thickness[:, None]) @ corners
        found = find_vertices(points, 6, [np.random.default_rng(1)], projection=projection)
        assert sorted(found.members[:, 0]) == list(range(6))


def test_the_power_of_a_huge_scan_is_compared_in_double_precision():
    """With NumPy 2 a number of single precision makes the product with a large one overflow."""
    scan = 1e33 * counts(5, 6, 8, 8)
    result = Unmix(scan).vca(2, n_starts=2, sum_to_one=True, precision="double", random_state=1)
    assert np.isfinite(result.maps).all()
