"""NMF of least Kullback-Leibler divergence: the iterates of scikit-learn, the optimum, and what must not change it."""

import warnings

import dask.array as da
import numpy as np
import pytest
from scipy.special import kl_div

from unmix4d import Unmix, phantoms, scores
from unmix4d.decomposition import kullback_leibler
from unmix4d.decomposition.kullback_leibler import nmf_kl, positive_start, solve_kl
from unmix4d.engine.compression import compress
from unmix4d.engine.sparse_matrix import sparsified

SMALL = {
    "fig5": lambda: phantoms.martineau_fig5(scan_shape=(2, 40), detector_shape=(32, 28)),
    "vacuum": lambda: phantoms.bicrystal_in_vacuum(scan_shape=(14, 12), detector_shape=(32, 30), dose=300, seed=1),
    "grains": lambda: phantoms.polycrystal(n_grains=3, scan_shape=(14, 12), detector_shape=(32, 30), dose=300, seed=1),
}


def random_start(matrix, k, seed=0):
    rng = np.random.default_rng(seed)
    start = rng.random((matrix.shape[0], k)) + 0.1, rng.random((k, matrix.shape[1])) + 0.1
    return tuple(part.astype(matrix.dtype) for part in start)


def start_and_data(phantom):
    data = phantom.data.astype(np.float64)
    matrix = Unmix(data).matrix("double")
    return matrix, data.reshape(matrix.shape), random_start(matrix, phantom.k)


def scikit_learn(X, maps, patterns, max_iter):
    from sklearn.decomposition import NMF

    model = NMF(len(patterns), init="custom", solver="mu", beta_loss="kullback-leibler", max_iter=max_iter, tol=1e-10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged
        maps = model.fit_transform(X, W=maps.copy(), H=patterns.copy())
    return maps @ model.components_


@pytest.mark.parametrize("name", SMALL)
def test_plain_updates_are_those_of_scikit_learn(name, monkeypatch):
    matrix, X, start = start_and_data(SMALL[name]())
    monkeypatch.setattr(kullback_leibler, "_FIRST_STEP", 0.0)
    answer = solve_kl(matrix, *start, max_iter=30, tol=0)
    theirs = scikit_learn(X, *start, 30)
    assert np.allclose(answer.maps @ answer.patterns, theirs, rtol=1e-4, atol=1e-7 * theirs.max())
    assert answer.objective == pytest.approx(kl_div(X, theirs).mean(), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("name", [pytest.param("vacuum", marks=pytest.mark.slow), "grains"])
def test_converged_objective_of_scikit_learn_is_reached(name):
    """From the same start, run to convergence: 1e-4 relative, or below."""
    matrix, X, start = start_and_data(SMALL[name]())
    answer = solve_kl(matrix, *start, max_iter=3000, tol=1e-5)
    assert answer.converged
    assert answer.objective <= kl_div(X, scikit_learn(X, *start, 800)).mean() * (1 + 1e-4)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("precision, slack", [("single", 1e-6), ("double", 1e-12)])
@pytest.mark.parametrize("held", [False, True], ids=["blocks", "non-zeros"])
def test_the_divergence_never_rises(precision, slack, held):
    matrix = Unmix(SMALL["grains"]().data).matrix(precision)
    matrix = sparsified(matrix, max_fill=1) if held else matrix
    for seed in (0, 1):
        answer = solve_kl(matrix, *random_start(matrix, 5, seed), max_iter=80, tol=0)
        assert len(answer.history) == 80
        assert (np.diff(answer.history) <= slack * answer.history[0]).all()
        assert answer.objective <= answer.history[-1] * (1 + 1e-5)
        assert answer.history[-1] < 0.9 * answer.history[0]


def test_extrapolation_saves_passes(crystal, monkeypatch):
    matrix = Unmix(crystal.data).matrix()
    start = random_start(matrix, 5)
    fast = solve_kl(matrix, *start, max_iter=30, tol=0)
    monkeypatch.setattr(kullback_leibler, "_FIRST_STEP", 0.0)
    slow = solve_kl(matrix, *start, max_iter=45, tol=0)
    assert fast.objective < slow.objective


def test_objective_and_squares_are_computed_directly(crystal):
    matrix = Unmix(crystal.data).matrix("double")
    X = crystal.data.reshape(matrix.shape).astype(float)
    for held in (matrix, sparsified(matrix, max_fill=1)):
        answer = solve_kl(held, *random_start(matrix, 4), max_iter=5, tol=0)
        expected = answer.maps @ answer.patterns
        assert answer.objective == pytest.approx(kl_div(X, expected).mean(), rel=1e-9)
        assert np.allclose(answer.squares, ((X - expected) ** 2).sum(1), rtol=1e-9)
        assert np.allclose(answer.patterns.sum(1), 1)


def test_the_answer_is_stationary(scan):
    """The conditions of Karush, Kuhn and Tucker: no slope where an entry is positive, none downwards where it is 0."""
    matrix = Unmix(scan.data).matrix("double")
    X = scan.data.reshape(matrix.shape).astype(float)
    answer = solve_kl(matrix, *random_start(matrix, 3), max_iter=5000, tol=1e-9)
    M, P = answer.maps, answer.patterns
    expected = M @ P
    slope = 1 - np.divide(X, expected, out=np.zeros_like(X), where=X > 0)
    for part, gradient in ((M, slope @ P.T), (P.T, slope.T @ M / M.sum(0))):
        assert np.abs(gradient * part).max() < 1e-4 * part.max()
        assert gradient[part < 1e-6 * part.max()].min(initial=0) > -0.02


@pytest.mark.one_in(6)
def test_every_input_gives_the_same_answer(as_host, scan):
    reference = Unmix(scan.data).matrix("double")
    start = random_start(reference, 3)
    expected = solve_kl(reference, *start, max_iter=25, tol=0)
    found = solve_kl(as_host(scan).matrix("double"), *start, max_iter=25, tol=0)
    assert np.allclose(found.history, expected.history, rtol=1e-11)
    assert np.allclose(found.maps, expected.maps, rtol=1e-6, atol=1e-6 * expected.maps.max())


def test_blocks_batches_and_sparse_rows_change_nothing(scan, monkeypatch):
    from unmix4d.engine import blocks, passes

    scan_mask, detector_mask = np.zeros((7, 9), bool), np.zeros((20, 26), bool)
    scan_mask[2], detector_mask[5:9, 5:9] = True, True
    view = Unmix(scan.data).prepare(scan_mask=scan_mask, detector_mask=detector_mask)
    start = random_start(view.matrix("double"), 3)
    expected = solve_kl(view.matrix("double"), *start, max_iter=20, tol=0)
    monkeypatch.setattr(blocks, "_SLICE_BYTES", 2000)
    monkeypatch.setattr(passes, "BATCH_VALUES", 1100)
    for matrix in (view.matrix("double"), sparsified(view.matrix("double"), max_fill=1)):
        found = solve_kl(matrix, *start, max_iter=20, tol=0)
        assert np.allclose(found.history, expected.history, rtol=1e-12)
        assert np.allclose(found.patterns, expected.patterns, rtol=1e-7, atol=1e-9)


def test_zero_rows_columns_and_starts():
    """Empty positions, dead pixels, a start that expects nothing where something is, and a component that is nowhere."""
    rng = np.random.default_rng(2)
    data = rng.poisson(1.0, (5, 6, 8, 9)).astype("u2")
    data[2, 3] = 0
    data[:, :, 4, 4] = 0
    data[0, 0, 0, 0] = 3
    for precision in ("single", "double"):
        matrix = Unmix(data).matrix(precision)
        maps, patterns = (np.array(part) for part in random_start(matrix, 4))
        maps[:, 1] = 0
        patterns[2] = 0
        patterns[:, 0] = 0
        before = maps.copy(), patterns.copy()
        answer = solve_kl(matrix, maps, patterns, max_iter=200, tol=0)
        assert np.array_equal(before[0], maps) and np.array_equal(before[1], patterns)
        assert np.isfinite(answer.objective) and np.isfinite(answer.maps).all() and np.isfinite(answer.patterns).all()
        assert (np.diff(answer.history) <= 1e-6 * answer.history[0]).all()
        assert (answer.maps[2 * 6 + 3] == 0).all() and (answer.patterns[:, 4 * 9 + 4] == 0).all()
        assert (answer.maps @ answer.patterns)[0, 0] > 0.01


def test_more_components_than_there_are(monkeypatch):
    data = np.multiply.outer(np.arange(1.0, 13).reshape(3, 4), np.arange(1.0, 201).reshape(10, 20))
    matrix = Unmix(data).matrix("double")
    answer = solve_kl(matrix, *random_start(matrix, 3), max_iter=500, tol=1e-8)
    assert np.allclose(answer.maps @ answer.patterns, data.reshape(12, 200), rtol=1e-4)


def test_scaling_the_data_scales_the_maps(crystal):
    start = random_start(Unmix(crystal.data).matrix(), 4)
    a, b = (solve_kl(Unmix(crystal.data * f).matrix("double"), *start, max_iter=20, tol=0) for f in (1.0, 1e-6))
    assert np.allclose(a.maps * 1e-6, b.maps, rtol=1e-6, atol=1e-12 * b.maps.max())
    assert np.allclose(a.patterns, b.patterns, rtol=1e-6, atol=1e-12)
    assert b.objective == pytest.approx(a.objective * 1e-6, rel=1e-9)


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_single_precision_takes_small_and_large_values(crystal, scale):
    data = (crystal.data * scale).astype("f4")
    answer = solve_kl(Unmix(data).matrix(), *random_start(Unmix(data).matrix(), 4), max_iter=20, tol=0)
    plain = solve_kl(Unmix(crystal.data).matrix(), *random_start(Unmix(data).matrix(), 4), max_iter=20, tol=0)
    assert answer.objective == pytest.approx(plain.objective * scale, rel=1e-3)


def test_one_pass_per_iteration(crystal):
    matrix = Unmix(crystal.data).matrix()
    ticks = []
    answer = solve_kl(matrix, *random_start(matrix, 3), max_iter=11, tol=0, tick=lambda: ticks.append(1))
    assert len(answer.history) == len(ticks) == 11 and answer.changes.shape == (11, 2)
    assert matrix.passes == 1 + 11 + 1  # statistics, iterations, exact divergence


def test_the_tolerance_ends_it(crystal):
    matrix = Unmix(crystal.data).matrix()
    answer = solve_kl(matrix, *random_start(matrix, 3), max_iter=500, tol=1e-2)
    assert answer.converged and len(answer.history) < 500
    assert answer.changes[-1].max() <= 1e-2 < answer.changes[-2].max()


def test_zeros_of_a_start_are_filled():
    maps, patterns = positive_start(np.array([[0.0, 2.0], [1.0, 1.0]]), np.array([[1.0, 3.0], [0.0, 4.0]]))
    assert maps.min() > 0 and patterns.min() > 0 and np.allclose(patterns.sum(1), 1)
    assert np.allclose(maps @ patterns, [[0.01 + 0.02 * 2, 0.03 + 8], [1 + 0.02, 7]], rtol=1e-12)


def test_several_starts(crystal):
    matrix = Unmix(crystal.data).matrix()
    low = compress(matrix, 8, wanted=3, weights="none", seed=0)
    options = dict(max_iter=6, tol=1e-3, init="nndsvd", seed=7)
    best, few = nmf_kl(matrix, low, 3, n_starts=2, **options)
    again, many = nmf_kl(matrix, low, 3, n_starts=4, **options)
    assert [a.objective for a in few] == [a.objective for a in many[:2]]
    assert again.objective == min(a.objective for a in many) and len({a.objective for a in many}) == 4
    data = da.from_array(crystal.data, chunks=(5, 7, 48, 44))
    lazy = nmf_kl(Unmix(data).matrix(), low, 3, n_starts=2, **options)[0]
    assert lazy.objective == pytest.approx(best.objective, rel=1e-5)


def test_negative_and_empty_scans_are_refused():
    start = np.ones((12, 2)), np.ones((2, 20))
    for value, message in ((-1.0, "needs values that are not negative"), (0.0, "needs a signal")):
        with pytest.raises(ValueError, match=f"nmf with the objective 'kl'.*{message}"):
            solve_kl(Unmix(np.full((3, 4, 4, 5), value)).matrix(), *start, max_iter=2, tol=0)


def test_a_bright_beam_needs_no_weights():
    """Plain least squares fits the noise of the beam; the divergence knows that a bright pixel is a noisy one."""
    phantom = phantoms.polycrystal(
        n_grains=4, scan_shape=(24, 20), detector_shape=(48, 44), direct_beam=0.9, dose=4e3, background=0.0, seed=1
    )
    view = Unmix(phantom.data)
    plain = view.nmf(4, weights="none", random_state=0)
    matrix = view.matrix()
    low = compress(matrix, 10, wanted=4, weights="capped", seed=0)
    best, _ = nmf_kl(matrix, low, 4, n_starts=1, max_iter=40, tol=0, init="nndsvd", seed=0)
    found = scores.map_correlation(view.geometry.to_maps(best.maps), phantom.maps).mean()
    assert found > 0.95
    assert found > scores.map_correlation(plain.maps, phantom.maps).mean() + 0.05
