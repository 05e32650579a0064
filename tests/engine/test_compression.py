"""Compression: the subspace, smoothing and weights, passes, and what is noise."""

import dask.array as da
import numpy as np
import pytest
from scipy import linalg

from unmix4d import Unmix, UnmixWarning, phantoms, scores
from unmix4d.constraints import SmoothMaps
from unmix4d.core.geometry import ScanGeometry
from unmix4d.decomposition.problems import Compressed
from unmix4d.engine import cells, compression, subspace
from unmix4d.engine.compression import Smoother, compress
from unmix4d.engine.matrix import PatternMatrix
from unmix4d.engine.noise import noise_edge
from unmix4d.engine.weights import WeightedMatrix, Weights, choose_weights, typical


@pytest.fixture(scope="module")
def film():
    """More pixels than an exact Gram matrix takes."""
    return phantoms.polycrystal(n_grains=5, scan_shape=(18, 16), detector_shape=(52, 48), background=0.2, dose=2e3, seed=2)


@pytest.fixture(scope="module")
def small_film():
    return phantoms.polycrystal(n_grains=5, scan_shape=(16, 14), detector_shape=(30, 28), background=0.2, dose=2e3, seed=2)


def angle(a, b):
    """Largest angle between two subspaces, in degrees; rows or columns."""
    return np.rad2deg(linalg.subspace_angles(np.asarray(a, float), np.asarray(b, float)).max())


def dense(matrix, weights):
    X = matrix.gather().astype(float)
    X = X if weights.pixels is None else X * weights.pixels
    return X if weights.positions is None else X * weights.positions[:, None]


def operator(smoother, n):
    return smoother(np.eye(n))


@pytest.fixture(params=["held", "read", "few cells"])
def way(request, monkeypatch):
    """A small scan that is held, a larger one that is read again and again, and one with fewer cells than directions."""
    if request.param != "held":
        monkeypatch.setattr(cells, "HELD_POSITIONS", 0)
    monkeypatch.setattr(cells, "_CELLS", {"held": 1024, "read": 60, "few cells": 12}[request.param])
    return request.param


def test_a_width_of_nothing_smooths_nothing():
    view = Unmix(phantoms.random_scan(shape=(6, 5, 8, 9), k=2, dose=2000, seed=0).data)
    none, zero = (view.nmf(2, smooth=smooth, random_state=0) for smooth in (None, 0))
    assert np.array_equal(none.maps, zero.maps) and zero.settings["smooth"] is None
    with pytest.raises(ValueError, match="sigma"):
        view.nmf(2, smooth=-1)


@pytest.mark.one_in(4)
@pytest.mark.parametrize("smooth", [None, 1.0])
@pytest.mark.parametrize("weights", ["none", "capped", "poisson"])
def test_subspace_is_that_of_the_exact_svd(small_film, way, weights, smooth):
    view = Unmix(small_film.data)
    smoothing = None if smooth is None else SmoothMaps(sigma=smooth).bind(view.geometry)
    matrix = view.matrix("double")
    low = compress(matrix, 8, wanted=5, weights=weights, smoothing=smoothing)
    assert low.above_noise >= 5
    X = dense(matrix, low.weights)
    seen = X if smooth is None else operator(Smoother(view.geometry, smoothing), len(X)) @ X
    exact = np.linalg.svd(seen, full_matrices=False)
    # They stand out, and turn no more; the other directions are only some help.
    assert angle(exact[2][:5].T, low.right[:5].T) < 0.5
    assert np.allclose(low.right @ low.right.T, np.eye(8), atol=1e-10)
    assert np.allclose(low.left, X @ low.right.T, atol=1e-9 * np.abs(X).max())
    assert np.allclose(low.sizes()[:5], exact[1][:5], rtol=1e-3)
    assert low.norm2 == pytest.approx((X**2).sum(), rel=1e-9)


@pytest.mark.slow
def test_the_plain_randomised_svd_would_not_do():
    """Near the noise two power iterations are not enough; this is why the iteration goes on."""
    phantom = phantoms.case("kimoto_A", 1)
    view = Unmix(phantom.data)
    exact = np.linalg.svd(view.matrix().gather().astype(float), full_matrices=False)[2][:4]

    class Counted:
        def __init__(self, matrix):
            self.matrix, self.shape, self.dtype, self.calls = matrix, matrix.shape, matrix.dtype, 0

        def normal(self, right):
            self.calls += 1
            return self.matrix.normal(right)

    counted = Counted(view.matrix())
    found, residual = subspace.leading_right(counted, 4, tol=1e-3)
    assert residual <= 2e-3 and 5 <= counted.calls <= 13
    assert angle(found, exact.T) < 5
    two = np.linalg.qr(view.matrix().normal(np.random.default_rng(0).standard_normal((exact.shape[1], 14))))[0]
    two = np.linalg.qr(view.matrix().normal(two))[0]
    assert angle(two @ np.linalg.svd(view.matrix().times(two), full_matrices=False)[2][:4].T, exact.T) > 20


def test_passes(small_film, monkeypatch):
    """Statistics and cells, then a pass with the first block; a round of two passes is enough where things stand out."""
    view = Unmix(small_film.data)
    several = tuple(SmoothMaps(sigma=sigma).bind(view.geometry) for sigma in (0.5, 1.0))

    def passes(smoothing):
        matrix, ticks = view.matrix(), []
        compress(matrix, 8, wanted=3, smoothing=smoothing, tick=lambda: ticks.append(1))
        assert matrix.passes == 1 + len(ticks)
        return matrix.passes

    assert {passes(smoothing) for smoothing in (None, several[1], several)} == {1}  # it is held
    monkeypatch.setattr(cells, "HELD_POSITIONS", 0)
    monkeypatch.setattr(cells, "_CELLS", 60)
    assert {passes(smoothing) for smoothing in (None, several[1], several)} == {4}
    noise = np.random.default_rng(0).poisson(2.0, (14, 12, 20, 24)).astype(np.uint16)
    view = Unmix(noise)
    assert passes(None) <= 1 + compression.MAX_PASSES


@pytest.mark.parametrize("shape, most", [((40, 30), 100), ((1, 900), 100), ((700, 1), 64), ((3, 400), 90)])
def test_cells_are_neighbours_and_as_many_as_fit(shape, most, monkeypatch):
    monkeypatch.setattr(cells, "HELD_POSITIONS", 500)
    monkeypatch.setattr(cells, "_CELLS", most)
    mask = np.random.default_rng(0).random(shape) < 0.2
    geometry = ScanGeometry(shape, (5, 4), scan_mask=mask)
    labels = cells.cells_of(geometry, 20, 4)
    number = labels.max() + 1
    assert labels.shape == (geometry.n_positions,) and most / 3 < number <= most and len(np.unique(labels)) == number
    where = np.argwhere(~mask)
    extent = max(np.ptp(where[labels == cell], axis=0).max() for cell in range(number))
    assert extent + 1 <= 2 * np.ceil(np.sqrt(mask.size / most)) or min(shape) < 4
    monkeypatch.setattr(cells, "HELD_BYTES", 20 * 4 * 10)
    assert cells.cells_of(geometry, 20, 4).max() < 10


@pytest.mark.parametrize("batch", [300, 1 << 20])
def test_sums_of_cells(scan, monkeypatch, batch):
    from unmix4d.engine import passes

    monkeypatch.setattr(passes, "BATCH_VALUES", batch)
    monkeypatch.setattr(cells, "HELD_POSITIONS", 0)
    monkeypatch.setattr(cells, "_CELLS", 12)
    for data in (scan.data, da.from_array(scan.data, chunks=(3, 4, -1, -1))):
        matrix = Unmix(data).matrix()
        labels, X = matrix.cells(), scan.data.reshape(matrix.shape).astype(float)
        expected = np.stack([X[labels == cell].sum(0) for cell in range(labels.max() + 1)])
        assert np.allclose(matrix.cell_sums(), expected) and matrix.passes == 1
        assert np.allclose(matrix.cell_sums(), expected) and matrix.passes == 2  # given away the first time


@pytest.mark.parametrize("held", [True, False])
def test_the_width_of_the_smoothing_is_what_lets_most_stand_out(film, held, monkeypatch):
    """Neighbours that see the same are smoothed; permuted positions, unlike series and data without noise are not."""
    if not held:
        monkeypatch.setattr(cells, "HELD_POSITIONS", 0)
        monkeypatch.setattr(cells, "_CELLS", 60)
    data = film.data.reshape(-1, *film.data.shape[2:])
    permuted = data[np.random.default_rng(0).permutation(len(data))]

    def chosen(data, **options):
        smoother = Unmix(data).compress(14, **options).smoother
        return None if smoother is None else smoother.smoothing.sigma

    assert chosen(film.data)[0] >= 0.5
    assert chosen(permuted.reshape(film.data.shape)) is None
    assert chosen(permuted[None]) is None
    clean = np.einsum("krc,kij->rcij", film.maps, film.patterns)
    assert chosen(clean, precision="double") is None


@pytest.mark.one_in(5)
@pytest.mark.parametrize("smooth", [None, SmoothMaps(sigma=0.8), "auto"])
def test_every_host_gives_the_same_compression(as_host, scan, smooth, monkeypatch):
    monkeypatch.setattr(cells, "HELD_POSITIONS", 0)
    monkeypatch.setattr(cells, "_CELLS", 10)
    low, reference = as_host(scan).compress(6, smooth=smooth), Unmix(scan.data).compress(6, smooth=smooth)
    assert low.edge == pytest.approx(reference.edge, rel=1e-4)
    assert np.allclose(low.left @ low.right, reference.left @ reference.right, atol=2e-3 * np.abs(reference.left).max())


def test_smoothing_is_left_out_of_the_data(film):
    """The subspace is that of smoothed data, the data themselves are not blurred."""
    view = Unmix(film.data)
    plain, smooth = view.compress(12, weights="none", smooth=0), view.compress(12, weights="none", smooth=1.0)
    X = film.data.reshape(plain.shape).astype(float)
    for low in (plain, smooth):
        assert np.allclose(low.left, X @ low.right.T, rtol=1e-3, atol=1e-3)
    assert angle(plain.right.T, smooth.right.T) > 5


def test_smoother_and_its_transpose(film):
    mask = np.zeros((18, 16), bool)
    mask[4:9, 3:7] = True
    for view in (Unmix(film.data), Unmix(film.data).prepare(scan_mask=mask)):
        for rule in (SmoothMaps(sigma=(1.0, 0.6)), SmoothMaps(cutoff=0.3), SmoothMaps(kernel=np.ones((3, 5)))):
            smoother = Smoother(view.geometry, rule.bind(view.geometry))
            n = view.geometry.n_positions
            K = smoother(np.eye(n))
            assert np.allclose(smoother.adjoint(np.eye(n)), K.T, atol=1e-12)
            assert np.allclose(K.sum(1), 1)


def test_exact_error_is_the_error_of_all_data(film):
    rng = np.random.default_rng(0)
    for precision, tolerance in (("double", 1e-10), ("single", 1e-5)):
        view = Unmix(film.data)
        low = view.compress(6, weights="none", precision=precision)
        problem = Compressed(low)
        patterns = np.abs(low.right[:3]) * 100
        maps = rng.random((3, low.shape[0]))
        X = low.left.astype(float) @ low.right
        rest = (film.data.astype(float) ** 2).sum() - (X**2).sum()
        direct = ((X - maps.T @ patterns) ** 2).sum() + rest
        assert problem.exact_error(maps.astype(low.dtype), patterns) == pytest.approx(direct, rel=tolerance)


def test_weights():
    phantom = phantoms.case("direct_beam")
    statistics = Unmix(phantom.data).matrix().statistics()
    assert choose_weights(statistics, "none").pixels is None
    capped = choose_weights(statistics, "capped")
    level = typical(statistics.mean_pattern)
    dark = statistics.mean_pattern <= 3 * level
    assert capped.positions is None and (capped.pixels[dark] == 1).all() and (capped.pixels[~dark] < 1).all()
    # What is damped then has the noise of a pixel three times as bright as the typical one.
    assert np.allclose((capped.pixels**2 * statistics.mean_pattern)[~dark], 3 * level)
    poisson = choose_weights(statistics, "poisson")
    assert poisson.pixels.shape == (96 * 90,) and poisson.positions.shape == (statistics.totals.size,)
    flat = Unmix(np.full((3, 4, 10, 20), 7, np.uint8)).matrix().statistics()
    assert choose_weights(flat, "capped").kind == "none"


def test_weights_go_on_and_off():
    rng = np.random.default_rng(0)
    maps, patterns = rng.random((5, 2)), rng.random((2, 7))
    weights = Weights("poisson", rng.random(7) + 0.5, rng.random(5) + 0.5)
    on = weights.on(maps, patterns)
    assert np.allclose(on[0] @ on[1], weights.positions[:, None] * (maps @ patterns) * weights.pixels)
    back = weights.off(*on)
    assert np.allclose(back[0], maps) and np.allclose(back[1], patterns)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("kind", ["none", "capped", "poisson"])
def test_weighted_products(film, kind):
    matrix = Unmix(film.data).matrix("double")
    weighted = WeightedMatrix(matrix, choose_weights(matrix.statistics(), kind))
    X = dense(matrix, weighted.weights)
    rng = np.random.default_rng(0)
    right, left, patterns = rng.random((X.shape[1], 3)), rng.random((X.shape[0], 3)), rng.random((3, X.shape[1]))
    assert np.allclose(weighted.times(right), X @ right)
    assert np.allclose(weighted.transpose_times(left), X.T @ left)
    assert np.allclose(weighted.normal(right), X.T @ (X @ right))
    assert np.allclose(weighted.gram(), X.T @ X)
    assert np.allclose(weighted.squared_residuals(left, patterns), ((X - left @ patterns) ** 2).sum(1))
    projected, rows, pixels = weighted.project(right)
    assert np.allclose(projected, X @ right)
    assert np.allclose(rows, (X**2).sum(1)) and np.allclose(pixels, (X**2).sum(0))
    maps, xtm, mtm = weighted.alternate(patterns, left, lambda cross, gram, maps: cross + maps @ gram)
    expected = X @ patterns.T + left @ (patterns @ patterns.T)
    assert np.allclose(maps, expected) and np.allclose(xtm, X.T @ expected) and np.allclose(mtm, expected.T @ expected)
    # With both weights only the margins are known.
    assert weighted.norm2 == pytest.approx((X**2).sum(), rel=0.05 if kind == "poisson" else 1e-12)


@pytest.mark.parametrize("shape", [(300, 2000), (1000, 400)])
@pytest.mark.parametrize("uneven", [False, True])
def test_noise_edge_is_just_above_pure_noise(shape, uneven):
    rng = np.random.default_rng(4)
    rows, columns = (rng.gamma(2, 1, n) if uneven else np.ones(n) for n in shape)
    noise = np.sqrt(rows)[:, None] * rng.standard_normal(shape) * columns
    edge = noise_edge((noise**2).sum(1), (noise**2).sum(0))
    assert 1.0 < edge / np.linalg.norm(noise, 2) < 1.1


@pytest.mark.parametrize("shape", [(1, 1), (3, 500), (400, 90), (2000, 3000)])
def test_noise_edge_of_even_noise_is_that_of_marchenko_and_pastur(shape):
    n, m = shape
    finite = np.sqrt(1 + 2 * min(shape) ** (-2 / 3))
    edge = noise_edge(np.full(n, 7.0 * m), np.full(m, 7.0 * n))
    assert np.isclose(edge, np.sqrt(7) * (np.sqrt(n) + np.sqrt(m)) * finite, rtol=1e-5)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("seed", range(4))
def test_above_the_noise_edge_the_resolvent_has_a_solution_and_below_it_none(seed):
    """The definition: z x = sum a / (1 - y a), z y = sum b / (1 - x b), iterated from zero."""
    rng = np.random.default_rng(seed)
    a, b = rng.exponential(1, 60) ** (seed + 1), rng.exponential(1, 90) ** (4 - seed)
    a *= len(a) / a.sum()
    edge = noise_edge(a, b * len(a)) ** 2 / (1 + 2 * 60 ** (-2 / 3))

    def solved(z):
        x = y = 0.0
        for _ in range(20_000):
            x = (a / (1 - y * a)).sum() / z
            if x * b.max() >= 1:
                return False
            y = (b / (1 - x * b)).sum() / z
            if y * a.max() >= 1:
                return False
        return True

    assert solved(1.0005 * edge) and not solved(0.9995 * edge)


def test_noise_edge_of_smoothed_noise():
    rng = np.random.default_rng(5)
    view = Unmix(np.ones((20, 18, 30, 40), np.uint8))
    smoother = Smoother(view.geometry, SmoothMaps(sigma=1).bind(view.geometry))
    noise = rng.standard_normal((360, 1200))
    edge = noise_edge((noise**2).sum(1), (noise**2).sum(0), smoother.spectrum)
    assert 1.0 < edge / np.linalg.norm(smoother(noise), 2) < 1.1
    assert edge < 0.9 * noise_edge((noise**2).sum(1), (noise**2).sum(0))


@pytest.mark.parametrize(
    "name, smooth, components, slack",
    [("vacuum", None, 3, 0),
     *(pytest.param(*more, marks=pytest.mark.slow) for more in [
         ("kimoto_B", None, 3, 0), ("kimoto_B", 1.0, 4, 0), ("kimoto_A", None, 4, 0),
         ("kimoto_C", None, 3, 0), ("kimoto_D", None, 2, 0), ("twins", None, 7, 1),
         ("polycrystal_15_low", None, 16, 1)])],
)  # fmt: skip
def test_how_many_components_stand_out(name, smooth, components, slack):
    """At lower dose the weak crystals sink into the noise one after the other; smoothing can bring one back."""
    phantom = phantoms.case(name)
    low = Unmix(phantom.data, centre=phantom.centre).compress(2 * phantom.k + 2, smooth=smooth)
    assert abs(low.above_noise - components) <= slack


def test_pure_noise_holds_one_component():
    data = np.random.default_rng(0).poisson(2.0, (20, 22, 30, 32)).astype(np.uint16)
    for smooth in (None, 1.0):
        assert Unmix(data).compress(8, smooth=smooth).above_noise == 1
    with pytest.warns(UnmixWarning, match="finds nothing in this scan that stands out of the noise"):
        result = Unmix(data).nmf(3, random_state=0)
    assert result.distinguishable.sum() == 1
    assert "not distinguishable from noise: component" in repr(result)


def test_compression_is_shared_by_many_runs(film, monkeypatch):
    view = Unmix(film.data)
    low = view.compress(10)
    before = low.matrix.passes
    shared = view.nmf(4, compression=low, random_state=0)
    assert shared.settings["passes"] == 2 and low.matrix.passes == before + 2
    alone = view.nmf(4, random_state=0)
    assert np.allclose(shared.maps, alone.maps, atol=1e-3)
    with pytest.raises(ValueError, match="compression must come from .compress\\(\\) of this very view"):
        Unmix(film.data).nmf(4, compression=low)
    with pytest.raises(ValueError, match="n must be at most the rank of the compression, 10, got 11"):
        view.nmf(11, compression=low)


def test_lazy_and_in_memory_agree(film):
    lazy = Unmix(da.from_array(film.data, chunks=(5, 7, 13, 48)))
    a, b = Unmix(film.data).nmf(5, random_state=0), lazy.nmf(5, random_state=0)
    assert np.allclose(a.maps, b.maps, atol=1e-3) and b.loss == pytest.approx(a.loss, rel=1e-5)
    a, b = (v.nmf(5, random_state=0, precision="double", smooth=1) for v in (Unmix(film.data), lazy))
    assert np.allclose(a.maps, b.maps, atol=1e-6)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        (dict(rank=0), ValueError, "rank must be at least 1, got 0"),
        (dict(rank=64), ValueError, "rank must be at most 63"),
        (dict(rank=3, weights="x"), ValueError, "weights must be one of"),
        (dict(rank=3, smooth="2 parsec"), ValueError, "probe_fwhm"),
        (dict(rank=3, smooth=True), TypeError, "sigma must be"),
    ],
)
def test_wrong_arguments(scan, arguments, error, message):
    with pytest.raises(error, match=message):
        Unmix(scan.data).compress(**arguments)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("rank", [4, 30, 62])
def test_more_directions_do_not_make_more_of_the_noise(rank):
    """Counted from above, the noise along the directions kept would be taken for signal."""
    data = np.random.default_rng(3).poisson(np.full((10, 12, 24, 24), 2.0)).astype(np.uint16)
    assert Unmix(data).compress(rank).above_noise == 1
    profile = 8 * np.exp(-(np.indices((40, 40)) - 19.5).__pow__(2).sum(0) / 200)
    data = np.random.default_rng(4).poisson(np.broadcast_to(profile, (20, 20, 40, 40))).astype(np.uint16)
    assert Unmix(data).compress(rank, weights="none").above_noise == 1


@pytest.mark.parametrize("smooth", [None, 1, 2])
def test_thickness_does_not_count_as_a_component(smooth):
    """A scan that is thick on one side has more noise there, smoothed or not."""
    thick = np.where(np.arange(20) < 10, 0.1, 1.9)[None, :, None, None]
    data = np.random.default_rng(0).poisson(np.broadcast_to(4 * thick, (20, 20, 30, 30))).astype(np.uint16)
    assert Unmix(data).compress(10, smooth=smooth).above_noise == 1


@pytest.mark.parametrize("k", [1, 3, 30])
def test_constant_data_hold_one_component(k):
    low = Unmix(np.full((5, 6, 8, 8), 7, np.uint8)).compress(k)
    assert low.above_noise == 1


def test_the_spectrum_of_a_smoothing_does_not_look_at_masked_positions(film):
    mask = np.zeros((18, 16), bool)
    mask[6:12, 5:11] = True
    whole, holed = (Unmix(film.data).prepare(scan_mask=m) for m in (None, mask))
    a, b = (Smoother(v.geometry, SmoothMaps(sigma=0.8).bind(v.geometry)).spectrum for v in (whole, holed))
    assert a.max() == pytest.approx(1) and np.abs(np.sort(a) - np.sort(b)).max() < 0.05


def test_what_does_not_go_with_a_compression_is_refused(film):
    view = Unmix(film.data)
    low = view.compress(8)
    for options, message in (
        (dict(precision="double"), "precision must be that of the compression, which is single, got 'double'"),
        (dict(smooth=1), "smooth must be given to .compress\\(\\) when compression is given"),
        (dict(weights="none"), "weights must be given to .compress\\(\\) when compression is given"),
    ):
        with pytest.raises(ValueError, match=message):
            view.nmf(3, compression=low, **options)
    with pytest.warns(UnmixWarning, match="the compression is not smoothed although a constraint smooths the maps"):
        view.nmf(3, compression=view.compress(8, smooth=0), constraints=[SmoothMaps(sigma=1)], random_state=0)
    with pytest.raises(ValueError, match="compression must be made with the same constraints on maps"):
        view.nmf(3, compression=view.compress(8, weights="poisson"), constraints=[SmoothMaps(sigma=1)])
    smooth = view.nmf(3, compression=view.compress(8, smooth=1, precision="double"), random_state=0)
    assert smooth.settings["smooth"]["name"] == "SmoothMaps" and smooth.settings["compression"]["smoothed"]
    assert smooth.patterns.dtype == np.float64 and smooth.settings["precision"] == "double"


@pytest.mark.one_in(3)
@pytest.mark.parametrize("weights", ["none", "capped", "poisson"])
def test_many_numbers_of_components_from_one_compression(film, weights):
    """Without the refit nothing is read any more, and the estimated loss is the true one to a few thousandths."""
    view = Unmix(film.data)
    low = view.compress(20, weights=weights, smooth=0)
    before = low.matrix.passes
    found = [view.nmf(k, compression=low, refit=False, random_state=0) for k in range(1, 10)]
    assert low.matrix.passes == before and all(r.settings["passes"] == 0 for r in found)
    assert len(np.unique([r.loss for r in found])) == 9
    for k in (3, 6, 9):
        result, exact = found[k - 1], view.nmf(k, compression=low, random_state=0)
        X = film.data.reshape(low.shape).astype(float)
        direct = ((X - result.maps.reshape(k, -1).T.astype(float) @ result.patterns.reshape(k, -1)) ** 2).mean()
        assert result.loss == pytest.approx(direct, rel=3e-3)
        assert np.sqrt((result.residual_map() ** 2).mean()) == pytest.approx(np.sqrt(direct), rel=3e-3)
        assert k > film.k or scores.map_correlation(result.maps, exact.maps).min() > 0.99


def test_zeros_have_singular_vectors_that_are_numbers():
    low = compression.LowRank(np.zeros((6, 2)), np.eye(2, 5), None, None, 0.0, 0.0, 0.0)
    left, values, right = low.svd()
    assert np.all(left == 0) and np.all(values == 0) and np.isfinite(right).all()


def test_bright_positions_count_less_unless_told_otherwise():
    rng = np.random.default_rng(0)
    data = rng.poisson(20 * rng.random((6, 7, 5, 4)) * np.linspace(1, 30, 42).reshape(6, 7, 1, 1))
    low = [compression.compress(PatternMatrix(data, ScanGeometry((6, 7), (5, 4))), 3, weights="poisson", **how)
           for how in ({}, {"position_weights": True}, {"position_weights": False})]  # fmt: skip
    assert low[0].norm2 == low[1].norm2 != low[2].norm2


def test_a_compressed_scan_tells_its_shape():
    low = compression.LowRank(np.zeros((6, 2)), np.eye(2, 5), Weights(), None, 0.0, 0.0, 0.0)
    assert repr(low) == "LowRank(6 x 5, rank 2, weights none)"
    assert low.leading(2) is low and low.leading(1).rank == 1
