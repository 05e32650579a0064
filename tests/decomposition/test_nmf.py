"""NMF: the objective of scikit-learn, the truth of phantoms, and what must not change the answer."""

import numpy as np
import pytest

from unmix4d import Unmix, UnmixWarning, phantoms, scores
from unmix4d.constraints import NoDarkSpots, SmoothMaps
from unmix4d.decomposition.hals import update_rows
from unmix4d.decomposition.starts import nndsvd
from unmix4d.decomposition.svd import truncated_svd

SMALL = {
    "fig5": lambda: phantoms.martineau_fig5(scan_shape=(2, 40), detector_shape=(32, 28)),
    "fig6": lambda: phantoms.martineau_fig6(scan_shape=(2, 40), detector_shape=(32, 28)),
    "vacuum": lambda: phantoms.bicrystal_in_vacuum(scan_shape=(14, 12), detector_shape=(32, 30), dose=1e3, seed=1),
    "grains": lambda: phantoms.polycrystal(n_grains=3, scan_shape=(14, 12), detector_shape=(32, 30), dose=1e3, seed=1),
    "embedded": lambda: phantoms.embedded_particle(scan_shape=(14, 12), detector_shape=(32, 30), radius=4, seed=1),
}


SOME_ARE_SLOW = ["fig5", "fig6", *(pytest.param(name, marks=pytest.mark.slow) for name in ("grains", "vacuum", "embedded"))]


@pytest.mark.parametrize("name", SOME_ARE_SLOW)
def test_objective_of_scikit_learn_from_the_same_start(name):
    """Coordinate descent from the same start, both run to convergence: 1e-4 relative."""
    from sklearn.decomposition import NMF

    phantom = SMALL[name]()
    data = phantom.data.astype(np.float64)
    k = phantom.k
    matrix = Unmix(data).matrix("double")
    maps, patterns = nndsvd(truncated_svd(matrix, k), np.float64)
    result = Unmix(data).nmf(k, init=(maps, patterns), max_iter=3000, tol=1e-7, weights="none", exact=True, random_state=0)
    X = data.reshape(matrix.shape)
    model = NMF(k, init="custom", solver="cd", max_iter=20000, tol=1e-4)
    W = model.fit_transform(X, W=maps.copy(), H=patterns.copy())
    theirs = ((X - W @ model.components_) ** 2).sum()
    ours = result.loss * X.size
    if name in ("fig5", "fig6"):  # noise-free and exactly solvable: the optimum is 0
        assert max(ours, theirs) < 1e-6 * (X**2).sum()
    else:
        assert ours == pytest.approx(theirs, rel=1e-4)


def test_martineau_fig5_is_recovered_exactly():
    """ "NMF decomposition exactly recovers the signal profile in this simple case"."""
    phantom = phantoms.case("martineau_fig5")
    result = Unmix(phantom.data).nmf(2, precision="double", tol=1e-12, max_iter=500, random_state=0)
    score = scores.score(result, phantom)
    assert score.map_correlation.min() > 1 - 1e-6
    assert score.pattern_cosine.min() > 1 - 1e-6


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name, least", [("embedded", 0.98), ("twins", 0.99), ("polycrystal_5_mid", 0.95)])
def test_grains_are_found(name, least):
    phantom = phantoms.case(name)
    result = Unmix(phantom.data).nmf(phantom.k, random_state=0)
    grains = [i for i, n in enumerate(phantom.names) if "grain" in n or "particle" in n or "matrix" in n]
    assert len(grains) >= 2
    assert scores.map_correlation(result.maps, phantom.maps)[grains].min() > least
    assert scores.pattern_cosine(result.patterns, phantom.patterns)[grains].min() > least - 0.03


@pytest.mark.one_in(3)
@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("weights", ["none", "capped", "poisson"])
def test_the_error_never_rises(crystal, exact, weights):
    options = dict(max_iter=40, tol=0, precision="double", random_state=1, n_starts=2)
    result = Unmix(crystal.data).nmf(5, weights=weights, exact=exact, **options)
    for history, loss in zip(result.convergence, result.losses):
        assert (np.diff(history) <= 1e-12 * history[0]).all()
        assert loss == pytest.approx(history[-1], rel=1e-8)
    if exact and weights == "none":
        # The exact refit of maps, then patterns, can only lower the error.
        assert result.loss <= result.losses.min() * (1 + 1e-12)


def test_best_of_all_starts_is_kept(crystal):
    result = Unmix(crystal.data).nmf(5, n_starts=4, max_iter=15, weights="none", smooth=0, random_state=2)
    assert result.losses.shape == (4,) and len(result.convergence) == 4 and result.changes[0].shape == (15, 2)
    assert len(set(result.losses)) == 4
    # The refit to the full data lowers the error a little, and by no means to that of another start.
    assert result.losses.min() * 0.99 < result.loss < result.losses.min()
    assert np.sort(result.losses)[1] > result.losses.min() * 1.02


def test_starts_are_compared_by_what_is_really_left_over():
    """Under a saturated beam the sums of the iterations are rounding, and would choose any start."""
    rng = np.random.default_rng(3)
    patterns = np.zeros((4, 40, 44))
    patterns[0, 18:22, 20:24] = 60000
    for i in (1, 2, 3):
        patterns[i, 8 * i : 8 * i + 3, 5:9] = 30
    maps = np.concatenate([np.ones((1, 12, 14)), rng.random((3, 12, 14)) ** 2])
    data = np.einsum("kij,krc->ijrc", maps, patterns).round().astype("u2")
    result = Unmix(data).nmf(4, n_starts=5, weights="none", random_state=0)
    X, kept = data.astype(float), np.einsum("kij,krc->ijrc", *(p.astype(float) for p in (result.maps, result.patterns)))
    assert result.loss == pytest.approx(((X - kept) ** 2).mean(), rel=0.05)
    # Both are rounding by now, of 60 000 in single precision.
    assert result.loss <= 2 * result.losses.min() < 1e-3


@pytest.mark.parametrize("init", ["nndsvd", pytest.param("random", marks=pytest.mark.slow)])
def test_single_precision_stops_where_every_layout_stops(init, crystal):
    """Rounding depends on the blocks; the iteration at which a run ends, and so its numbers, must not."""
    views = [Unmix(source, centre=crystal.centre) for source in (crystal.data, crystal.to_dask(chunks=(7, 11, 48, 44)))]
    a, b = (view.prepare(direct_beam=3).nmf(5, init=init, random_state=0) for view in views)
    assert len(a.convergence[0]) == len(b.convergence[0]) < 200
    assert np.abs(a.maps - b.maps).max() < 1e-3
    assert b.loss == pytest.approx(a.loss, rel=1e-5)


def test_starts_are_independent_of_their_number(crystal):
    few = Unmix(crystal.data).nmf(3, n_starts=2, max_iter=5, random_state=7)
    many = Unmix(crystal.data).nmf(3, n_starts=4, max_iter=5, random_state=7)
    assert np.array_equal(few.losses, many.losses[:2])


def test_same_seed_same_answer_other_seed_another(crystal):
    a, b, c = (Unmix(crystal.data).nmf(3, init="random", max_iter=4, random_state=s) for s in (5, 5, 6))
    assert np.array_equal(a.maps, b.maps) and np.array_equal(a.patterns, b.patterns)
    assert not np.array_equal(a.maps, c.maps)
    drawn = Unmix(crystal.data).nmf(3, init="random", max_iter=4)
    again = Unmix(crystal.data).nmf(3, init="random", max_iter=4, random_state=drawn.settings["random_state"])
    assert np.array_equal(drawn.maps, again.maps)


def test_permuting_positions_permutes_the_maps(crystal):
    rows, cols = crystal.scan_shape
    order = np.random.default_rng(0).permutation(rows * cols)
    shuffled = crystal.data.reshape(rows * cols, -1)[order].reshape(crystal.data.shape)
    options = dict(smooth=0, precision="double", max_iter=30, random_state=0)
    a, b = (Unmix(d).nmf(5, **options) for d in (crystal.data, shuffled))
    assert np.allclose(a.maps.reshape(5, -1)[:, order], b.maps.reshape(5, -1), atol=1e-6)
    assert np.allclose(a.patterns, b.patterns, atol=1e-6 * a.patterns.max())


def test_scaling_the_data_scales_the_patterns(crystal):
    a, b = (Unmix(crystal.data * f).nmf(5, precision="double", max_iter=30, random_state=0) for f in (1.0, 37.5))
    assert np.allclose(a.maps, b.maps, atol=1e-6)
    assert np.allclose(a.patterns * 37.5, b.patterns, atol=1e-6 * b.patterns.max())
    assert b.loss == pytest.approx(a.loss * 37.5**2, rel=1e-9)


def test_excluded_values_cannot_influence_the_answer(crystal):
    data = crystal.data.astype(np.float32)
    scan_mask, detector_mask = np.zeros(data.shape[:2], bool), np.zeros(data.shape[2:], bool)
    scan_mask[3:6, 4:9], detector_mask[20:28, 18:26] = True, True
    spoilt = data.copy()
    spoilt[scan_mask] = np.nan
    spoilt[:, :, detector_mask] = -1e9
    masks = dict(scan_mask=scan_mask, detector_mask=detector_mask)
    a, b = (Unmix(d).prepare(**masks).nmf(4, max_iter=20, random_state=0) for d in (data, spoilt))
    assert np.array_equal(a.maps, b.maps, equal_nan=True)
    assert np.array_equal(a.patterns, b.patterns, equal_nan=True)
    assert np.isnan(a.maps[:, scan_mask]).all() and np.isfinite(a.maps[:, ~scan_mask]).all()
    assert np.isnan(a.patterns[:, detector_mask]).all() and np.isfinite(a.patterns[:, ~detector_mask]).all()
    cut = data[:, :, :20]
    reference = Unmix(cut).nmf(4, max_iter=20, random_state=0)
    mask = np.zeros(data.shape[2:], bool)
    mask[20:] = True
    same = Unmix(spoilt[:3]).prepare(detector_mask=mask | detector_mask)
    assert np.allclose(Unmix(data).prepare(detector_mask=mask).nmf(4, max_iter=20, random_state=0).maps, reference.maps)
    assert same.geometry.n_pixels == 20 * 44 - (mask | detector_mask)[:20].sum()


def test_scale_and_order(crystal):
    result = Unmix(crystal.data).nmf(5, random_state=0)
    assert np.array_equal(result.maps.max(axis=(1, 2)), np.ones(5, np.float32))
    assert (np.diff(result.explained) <= 0).all()
    shares = result.maps.sum((1, 2)) * result.patterns.sum((1, 2)) / crystal.data.sum()
    assert np.allclose(result.explained, shares, rtol=1e-4)
    assert 0.97 < result.explained.sum() < 1.03
    assert result.maps.min() >= 0 and result.patterns.min() >= 0


def test_factor_update_reaches_the_non_negative_optimum():
    from scipy.optimize import nnls

    rng = np.random.default_rng(1)
    other, X = rng.random((3, 40)), rng.random((6, 40))
    factor = rng.random((6, 3))
    before = factor.copy()
    found = update_rows(other @ X.T, other @ other.T, factor.T, sweeps=500).T
    assert np.array_equal(factor, before)
    assert np.allclose(found, [nnls(other.T, row)[0] for row in X], atol=1e-10)


PASSES = {"statistics": 1, "compression of few positions": 0, "iterations": 0, "finish": 2}


@pytest.mark.parametrize("options", [dict(), dict(n_starts=7, max_iter=90, tol=0), dict(weights="poisson", init="random")])
def test_passes_do_not_depend_on_starts_and_iterations(crystal, options):
    result = Unmix(crystal.data).nmf(4, random_state=0, **options)
    assert result.settings["passes"] == sum(PASSES.values())


def test_exact_iterations_are_one_pass_each(crystal):
    few, many = (
        Unmix(crystal.data).nmf(3, exact=True, max_iter=n, tol=0, random_state=0).settings["passes"] for n in (5, 12)
    )
    assert many - few == 7
    assert few == sum(PASSES.values()) + 5 + 1  # and the exact error of the start


def test_more_components_than_the_data_hold_are_reported():
    pattern = np.arange(1.0, 201).reshape(10, 20)
    data = np.multiply.outer(np.arange(1.0, 13).reshape(3, 4), pattern)
    with pytest.warns(UnmixWarning, match="2 of the 3 components hold less than 1e-06"):
        result = Unmix(data).nmf(3, random_state=0)
    assert result.maps[0].max() == 1 and np.isfinite(result.maps).all() and np.isfinite(result.patterns).all()
    assert np.allclose(np.einsum("kij,krc->ijrc", result.maps, result.patterns), data, rtol=1e-6)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        (dict(n=0), ValueError, "n must be at least 1, got 0"),
        (dict(n=2.5), TypeError, "n must be a whole number, got 2.5"),
        (dict(n=True), TypeError, "n must be a whole number"),
        (dict(n=64), ValueError, "n must be at most 63, the smaller of 63 kept positions and 520 kept pixels, got 64"),
        (dict(n=2, n_starts=0), ValueError, "n_starts must be at least 1, got 0"),
        (dict(n=2, max_iter=-1), ValueError, "max_iter must be at least 1"),
        (dict(n=2, tol=-1.0), ValueError, "tol must be at least 0"),
        (dict(n=2, tol=float("nan")), ValueError, "tol must be"),
        (dict(n=2, init="magic"), ValueError, "init must be one of 'nndsvd', 'vca', 'random', got 'magic'"),
        (dict(n=2, init=3), ValueError, "init must be 'nndsvd', 'random' or a pair"),
        (dict(n=2, init=(np.ones((3, 3)), np.ones((2, 520)))), ValueError, r"init must be maps \(2, 7, 9\)"),
        (dict(n=2, init=(-np.ones((63, 2)), np.ones((2, 520)))), ValueError, "its maps hold"),
        (dict(n=2, init=(1j * np.ones((63, 2)), np.ones((2, 520)))), TypeError, "init must hold real numbers"),
        (dict(n=2, init=(np.zeros((63, 2)), np.ones((2, 520)))), ValueError, "init must not be 0 everywhere, but its maps"),
        (dict(n=2, weights="heavy"), ValueError, "weights must be one of 'auto', 'none', 'capped', 'poisson', got 'heavy'"),
        (dict(n=2, smooth=-1.0), ValueError, "sigma must be"),
        (dict(n=2, constraints=3), TypeError, "constraints must be a list of constraints, got 3"),
        (dict(n=2, constraints=[SmoothMaps]), TypeError, "constraints must be objects, got the class SmoothMaps itself"),
        (dict(n=2, constraints=["smooth"]), TypeError, "constraints must have on, bind, project and settings"),
        (dict(n=2, compression=3), TypeError, "compression must come from .compress\\(\\), got int"),
        (dict(n=2, precision="half"), ValueError, "precision must be one of"),
        (dict(n=2, random_state="x"), TypeError, "random_state must be None or a whole number"),
        (dict(n=2, random_state=-1), ValueError, "random_state must be at least 0"),
    ],
)
def test_wrong_arguments_are_refused_before_the_scan_is_read(scan, arguments, error, message, monkeypatch):
    from unmix4d.engine import matrix

    monkeypatch.setattr(matrix, "run_pass", lambda *a, **k: pytest.fail("the scan was read"))
    with pytest.raises(error, match=message):
        Unmix(scan.data).nmf(**arguments)


def test_negative_and_empty_scans_are_refused(scan):
    with pytest.raises(ValueError, match="nmf needs values that are not negative, but the smallest .* -2"):
        Unmix(scan.data.astype(int) - 2).nmf(2)
    with pytest.raises(ValueError, match="nmf needs a signal, but every value of the scan is 0"):
        Unmix(np.zeros((3, 4, 10, 20))).nmf(2)


def test_given_start_may_be_images(scan):
    rng = np.random.default_rng(0)
    maps, patterns = rng.random((2, 7, 9)), rng.random((2, 20, 26))
    a = Unmix(scan.data).nmf(2, init=(maps, patterns), max_iter=3, random_state=0)
    b = Unmix(scan.data).nmf(2, init=(maps.reshape(2, -1).T, patterns.reshape(2, -1)), max_iter=3, random_state=0)
    assert np.array_equal(a.maps, b.maps)
    assert a.settings["init"] == "given"
    again = Unmix(scan.data).nmf(2, init=(a.maps, a.patterns), max_iter=1, random_state=0)
    assert again.loss <= a.loss


def test_one_component_is_the_best_rank_one_fit(scan):
    result = Unmix(scan.data).nmf(1, precision="double", tol=1e-14, max_iter=500, random_state=0)
    X = scan.data.reshape(63, -1).astype(float)
    values = np.linalg.svd(X, compute_uv=False)
    assert result.loss * X.size == pytest.approx((values[1:] ** 2).sum(), rel=1e-9)


def test_polar_patterns_are_unmixed_too(pyxem):
    """Rows and columns of the detector are azimuth and radius then; whatever needs a centre is refused."""
    phantom = phantoms.random_scan(shape=(6, 8, 24, 18), k=3, seed=2)
    signal = pyxem.signals.PolarDiffraction2D(phantom.data)
    result = signal.unmix.nmf(3, constraints=[SmoothMaps(sigma=0.5)], random_state=0)
    maps, patterns = result.to_host()
    assert type(patterns) is pyxem.signals.PolarDiffraction2D and patterns.data.shape == (3, 24, 18)
    assert np.allclose(signal.unmix.nmf(3, random_state=0).maps, Unmix(phantom.data).nmf(3, random_state=0).maps)
    assert signal.unmix.ica(3, random_state=0).k == signal.unmix.vca(3, random_state=0).k == 3
    message = "NoDarkSpots needs patterns in rows and columns, but the axes .* azimuth and radius"
    with pytest.raises(ValueError, match=message):
        signal.unmix.nmf(3, constraints=[NoDarkSpots()])


@pytest.mark.one_in(2)
@pytest.mark.parametrize("constraints", [(), [SmoothMaps(sigma=1), NoDarkSpots()]], ids=["free", "constrained"])
def test_a_series_is_one_run_after_the_other(crystal, constraints):
    view = Unmix(crystal.data, centre=crystal.centre)
    low = view.compress(26, constraints=constraints, random_state=0)
    options = dict(constraints=constraints, compression=low, n_starts=2, random_state=3)
    series = view.nmf_series([4, 2, 6], **options)
    assert list(series) == [4, 2, 6]
    for n, result in series.items():
        alone = view.nmf(n, **options)
        assert result.k == n and result.settings["n"] == n
        assert result.loss == pytest.approx(alone.loss, rel=1e-6)
        assert np.abs(result.maps - alone.maps).max() < 1e-4
        assert np.allclose(result.losses, alone.losses, rtol=1e-6)
        assert np.allclose(result.residual_map(), alone.residual_map(), rtol=1e-4)


def test_a_series_costs_the_passes_of_one_run(crystal):
    view = Unmix(crystal.data, centre=crystal.centre)
    one = view.nmf(6, random_state=0).settings["passes"]
    series = view.nmf_series(range(2, 7), random_state=0)
    assert {result.settings["passes"] for result in series.values()} == {one}
    estimated = view.nmf_series(range(2, 7), refit=False, random_state=0)
    assert estimated[6].settings["passes"] == one - 2
    losses = [series[n].loss for n in range(2, 7)]
    assert losses == sorted(losses, reverse=True)


def test_a_series_of_many_components_is_refitted_in_groups():
    phantom = phantoms.random_scan(shape=(16, 16, 20, 20), k=4, dose=2000, seed=1)
    view = Unmix(phantom.data)
    low = view.compress(130, random_state=0)
    series = view.nmf_series([40, 60, 64], compression=low, max_iter=5, random_state=0)
    for n, result in series.items():
        alone = view.nmf(n, compression=low, max_iter=5, random_state=0)
        assert result.loss == pytest.approx(alone.loss, rel=1e-6)
    assert series[40].settings["passes"] == 4


@pytest.mark.parametrize(
    ("ns", "error", "message"),
    [
        ([], ValueError, "at least one number"),
        (3, TypeError, "ns must be a sequence"),
        ([2, 3, 2], ValueError, "every number once, got 2"),
        ([2, 0], ValueError, "ns must be"),
        ([2.5], TypeError, "ns must be"),
        ([2, 10**6], ValueError, "ns must be"),
    ],
)
def test_wrong_numbers_of_a_series_are_refused(scan, ns, error, message):
    with pytest.raises(error, match=message):
        Unmix(scan.data).nmf_series(ns)


def test_a_series_needs_a_named_start(scan):
    with pytest.raises(TypeError, match="init must be one of"):
        Unmix(scan.data).nmf_series([2], init=(np.ones(3), np.ones(3)))


def test_a_sweep_does_not_know_the_unit_of_the_data():
    rng = np.random.default_rng(0)
    left, factor = rng.random((30, 3)), rng.random((3, 11))
    gram, cross = left.T @ left, left.T @ rng.random((30, 11))
    expected = update_rows(cross, gram, factor)
    assert not np.allclose(expected, factor)
    for scale in (1e-9, 1e9):
        assert np.allclose(update_rows(cross * scale, gram * scale, factor), expected, rtol=1e-10)


@pytest.mark.filterwarnings("ignore::unmix4d.UnmixWarning")
def test_as_many_components_as_positions_in_single_precision():
    """Those that are nothing beside the others took steps that single precision cannot hold."""
    scan = np.random.default_rng(75).poisson(4.0, (5, 4, 4, 9)).astype(bool)
    for seed in range(3):
        result = Unmix(scan).nmf(20, random_state=seed)
        assert np.isfinite(result.maps).all() and np.isfinite(result.patterns).all()


def test_components_that_are_all_nothing_stay_as_they_are():
    factor = np.random.default_rng(0).random((3, 11))
    assert np.array_equal(update_rows(np.zeros((3, 11)), np.zeros((3, 3)), factor), factor)
