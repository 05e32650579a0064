"""SVD, PCA and scree against LAPACK and against the papers' observations."""

import numpy as np
import pytest

from unmix4d import Unmix, phantoms
from unmix4d.decomposition import svd as room
from unmix4d.results.scree import find_elbow, find_noise


@pytest.mark.one_in(6)
def test_svd_equals_lapack_on_every_host(as_host, scan):
    result = as_host(scan).svd(4, precision="double")
    X = np.asarray(scan.data).reshape(63, -1).astype(float)
    left, values, right = np.linalg.svd(X, full_matrices=False)
    found = result.maps.reshape(4, -1)
    assert np.allclose(np.linalg.norm(found, axis=1), values[:4], rtol=1e-9)
    assert np.allclose(np.abs(np.sum(result.patterns.reshape(4, -1) * right[:4], axis=1)), 1, atol=1e-8)
    assert np.allclose(result.explained, values[:4] ** 2 / (X**2).sum())
    biggest = np.abs(result.patterns.reshape(4, -1)).argmax(1)
    assert (result.patterns.reshape(4, -1)[np.arange(4), biggest] > 0).all()
    assert result.loss == pytest.approx((values[4:] ** 2).sum() / X.size, rel=1e-9)


def test_krylov_equals_the_exact_gram(monkeypatch):
    phantom = phantoms.polycrystal(n_grains=5, scan_shape=(20, 24), detector_shape=(40, 36), dose=2e3, seed=4)
    matrix = Unmix(phantom.data).matrix("double")
    exact = room.truncated_svd(matrix, 6)
    monkeypatch.setattr(room, "GRAM_LIMIT", 0)
    krylov = room.truncated_svd(matrix, 6)
    assert np.allclose(krylov.values, exact.values, rtol=1e-6)
    overlap = np.abs(np.sum(krylov.right * exact.right, axis=1))
    assert overlap[:5].min() > 1 - 1e-4
    assert np.allclose(krylov.right @ krylov.right.T, np.eye(6), atol=1e-8)
    assert np.allclose(krylov.left.T @ krylov.left, np.eye(6), atol=1e-8)


@pytest.mark.slow
def test_krylov_finds_weak_components_near_the_noise():
    """The usual randomised SVD with two power iterations loses the 1 % crystal (measured: 0.23 of 0.77)."""
    phantom = phantoms.case("kimoto_A")
    X = phantom.data.reshape(1296, -1).astype(float)
    values, vectors = np.linalg.eigh(X @ X.T)
    exact = vectors[:, ::-1][:, :4]
    found = Unmix(phantom.data).svd(4).maps.reshape(4, -1)
    found = found / np.linalg.norm(found, axis=1, keepdims=True)
    assert np.allclose(np.linalg.norm(found @ exact, axis=1)[:3], 1, atol=1e-5)
    assert np.linalg.norm(found[3] @ exact[:, :4]) > 0.995


@pytest.mark.parametrize("shape", [(1, 1, 5, 7), (1, 6, 60, 50), (3, 4, 10, 20), (2, 2, 1, 1)])
def test_any_number_up_to_the_rank_and_no_more(shape):
    data = np.random.default_rng(0).poisson(4.0, shape)
    smaller = min(shape[0] * shape[1], shape[2] * shape[3])
    result = Unmix(data).svd(smaller, precision="double")
    rebuilt = np.einsum("kij,krc->ijrc", result.maps, result.patterns)
    assert np.allclose(rebuilt, data, atol=1e-6 * data.max())
    assert result.explained.sum() == pytest.approx(1)
    with pytest.raises(ValueError, match=f"n must be at most {smaller}, the smaller of .* got {smaller + 1}"):
        Unmix(data).svd(smaller + 1)


@pytest.mark.parametrize("n_positions, n", [(16, 3), (25, 5), (42, 12), (63, 30)])
def test_few_positions_and_many_pixels(n_positions, n):
    """The Krylov space is cut off by the number of positions before it has settled: it must then be complete."""
    rng = np.random.default_rng(n)
    X = rng.poisson(rng.random((n_positions, 6)) @ rng.random((6, 4096)) ** 8 * 20).astype("u2")
    values = np.linalg.svd(X.astype(float), compute_uv=False)
    for precision, tolerance in (("single", 1e-5), ("double", 1e-9)):
        result = Unmix(X.reshape(1, n_positions, 64, 64)).svd(n, precision=precision)
        assert np.allclose(np.linalg.norm(result.maps[:, 0], axis=1), values[:n], rtol=tolerance)
        assert result.loss == pytest.approx((values[n:] ** 2).sum() / X.size, rel=10 * tolerance)
        assert result.settings["svd_residual"] < 1e-3


def test_pca_of_small_differences_on_a_large_offset():
    """A saturated beam and an offset a thousand times the differences: the mean is taken off before multiplying."""
    rng = np.random.default_rng(0)
    base = np.full((64, 64), 3000.0)
    base[28:36, 28:36] = 60000
    spots = np.zeros((3, 64, 64))
    for i, (row, col) in enumerate([(10, 12), (40, 50), (55, 20)]):
        spots[i, row : row + 4, col : col + 4] = 150
    data = base + np.einsum("nk,krc->nrc", rng.random((300, 3)), spots) + 5 * rng.standard_normal((300, 64, 64))
    data = data.round().astype("u2").reshape(15, 20, 64, 64)
    single, double = (Unmix(data).pca(3, precision=p) for p in ("single", "double"))
    assert np.allclose(single.explained, double.explained, rtol=1e-4)
    assert np.abs(np.sum(single.patterns * double.patterns, axis=(1, 2))).min() > 0.9999


def test_pca_removes_the_mean(scan):
    from sklearn.decomposition import PCA

    X = scan.data.reshape(63, -1).astype(float)
    result = Unmix(scan.data).pca(3, precision="double")
    reference = PCA(3, svd_solver="full").fit(X)
    assert np.allclose(result.explained, reference.explained_variance_ratio_, rtol=1e-8)
    assert np.allclose(np.abs(np.sum(result.patterns.reshape(3, -1) * reference.components_, axis=1)), 1, atol=1e-7)
    assert np.allclose(result.maps.sum((1, 2)), 0, atol=1e-6)
    rebuilt = reference.inverse_transform(reference.transform(X)).reshape(scan.data.shape)
    assert np.allclose(result.reconstruct(2, 3), rebuilt[2, 3], atol=1e-8 * rebuilt.max())
    assert result.loss == pytest.approx(((X - rebuilt.reshape(63, -1)) ** 2).mean(), rel=1e-9)


def test_negative_data_are_welcome(scan):
    data = scan.data.astype(np.float32) - 3
    assert Unmix(data).svd(2).k == 2
    assert Unmix(data).pca(2).k == 2


# Six grains and a background whose contribution is within the noise of the grains' own patterns.
@pytest.mark.one_in(3)
@pytest.mark.parametrize("name, expected", [("embedded", 2), ("vacuum", 3), ("twins", 6)])
def test_scree_finds_the_number_of_components(name, expected):
    assert Unmix(phantoms.case(name).data).scree(30).noise_begins == expected


def test_precession_reduces_the_number_of_components():
    """Martineau 2019, Fig. 2a: the regime changes earlier the larger the precession angle."""
    visible = []
    for angle in (0, 9, 35):
        explained = Unmix(phantoms.bent_crystal(precession_mrad=angle).data).scree(12).explained
        visible.append(int((explained > 1e-4).sum()))
    assert visible[0] > visible[1] > visible[2]


def test_regime_change_of_a_bent_wire():
    """Martineau 2019, Fig. 2a: after 3 components at 35 mrad of precession, after 4 at 9 mrad, unclear without."""
    found = {}
    for angle in (0, 9, 35):
        view = Unmix(phantoms.bent_wire(precession_mrad=angle, azimuths=24, dose=1e5).data)
        found[angle] = {view.scree(n).elbow for n in (8, 40)}
    assert found == {0: {None}, 9: {4}, 35: {3}}


def test_elbow_of_known_curves():
    noise = 1e-4 * np.exp(-0.01 * np.arange(25))
    for find in (find_elbow, find_noise):
        assert find(np.r_[0.6, 0.2, 0.05, noise]) == 3
        assert find(0.5 ** np.arange(20)) is None
        assert find(np.r_[0.7, 0.3, np.zeros(8)]) == 2
        assert find([0.9, 0.1]) is None
        assert find([]) is None
    # Three strong components, five weak ones, noise: the slope breaks after 3, the noise begins after 8.
    both = np.r_[0.6, 0.3, 0.09, 2e-3, 1.5e-3, 1e-3, 6e-4, 3e-4, noise]
    assert find_elbow(both) == 3 and find_noise(both) == 8


def test_scree_is_limited_to_what_the_scan_has():
    scree = Unmix(np.random.default_rng(0).poisson(3.0, (2, 3, 10, 20))).scree(30)
    assert scree.explained.shape == (6,)
    assert "Scree of 6 components" in repr(scree)


def test_what_pca_of_three_huge_patterns_says_of_single_positions():
    pytest.importorskip("hypothesis")
    from support.strategies import ScanCase

    case = ScanCase(shape=(1, 3, 3, 6), dtype="f8", fill="huge", seed=42)
    means = Unmix(case.array()).pca(3).mean_patterns(single=True)
    assert means.shape == (3, 3, 6) and not np.isinf(means).any()


def test_only_pca_says_that_the_mean_was_taken_off(scan):
    view = Unmix(scan.data)
    assert view.pca(2).meaning.centred and not view.svd(2).meaning.centred
