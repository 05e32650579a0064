"""Constrained NMF: weak grains on phantoms, what a constraint may be, and what comes back."""

import numpy as np
import pytest

from unmix4d import Unmix, UnmixWarning, load, phantoms, scores
from unmix4d.constraints import FixedPatterns, Friedel, NoDarkSpots, SmoothMaps, Sparse, SumToOne

BOTH = (SmoothMaps(sigma=1), NoDarkSpots())


@pytest.mark.parametrize(
    "name, crystal, least",
    [
        ("kimoto_A", 3, 0.90),
        pytest.param("kimoto_B", 2, 0.90, marks=pytest.mark.slow),
        pytest.param("kimoto_C", 3, 0.70, marks=pytest.mark.slow),
        pytest.param("kimoto_F", 1, 0.90, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_weak_grains_are_found(name, crystal, least, seed):
    """1 % at 1e4 and 3e3 electrons; 3 % and 9 % with half and 90 % of the dose in a beam that is not masked."""
    phantom = phantoms.case(name, seed)
    result = Unmix(phantom.data, centre=phantom.centre).nmf(4, constraints=BOTH, random_state=0)
    assert scores.map_correlation(result.maps, phantom.maps)[crystal] >= least


@pytest.mark.slow
def test_a_grain_that_plain_least_squares_loses():
    phantom = phantoms.case("kimoto_C")
    plain = Unmix(phantom.data, centre=phantom.centre).nmf(4, weights="none", smooth=0, random_state=0)
    assert scores.map_correlation(plain.maps, phantom.maps)[3] < 0.3


@pytest.fixture(scope="module")
def glass():
    return phantoms.kimoto(scan_shape=(18, 20), detector_shape=(48, 44), dose=2e4, seed=1)


def view(phantom):
    return Unmix(phantom.data, centre=phantom.centre)


@pytest.mark.slow
def test_every_host_gives_the_same_numbers(as_host, glass):
    reference = view(glass).nmf(4, constraints=BOTH, precision="double", max_iter=20, random_state=0)
    unmix = as_host(glass)
    double = unmix.nmf(4, constraints=BOTH, precision="double", max_iter=20, random_state=0)
    assert np.abs(double.maps - reference.maps).max() < 1e-6 and double.loss == pytest.approx(reference.loss, rel=1e-6)
    # Projections make rounding grow with the iterations: a few hundredths of the largest value after forty.
    single, reference = (u.nmf(4, constraints=BOTH, max_iter=10, random_state=0) for u in (unmix, view(glass)))
    assert np.abs(single.maps - reference.maps).max() < 1e-3
    double = view(glass).nmf(4, constraints=BOTH, max_iter=10, precision="double", random_state=0)
    assert np.abs(single.maps - double.maps).max() < 1e-3


def test_compressed_and_exact_agree(glass):
    """Without smoothing: a smoothed subspace is meant to see less noise than the full data."""
    rules = dict(constraints=[NoDarkSpots()], smooth=0, max_iter=30, random_state=0)
    a, b = (view(glass).nmf(4, exact=e, **rules) for e in (False, True))
    assert scores.map_correlation(a.maps, b.maps).min() > 0.97
    assert a.loss == pytest.approx(b.loss, rel=2e-3)
    # Maps, then patterns: two half passes for an iteration.
    assert b.settings["passes"] == pytest.approx(2 * len(b.convergence[0]) + 1 + 1 + 2, abs=1)
    assert a.settings["passes"] == 3


def test_what_the_constraints_promise_holds_at_the_end(glass):
    """The refit leaves constrained factors alone: the maps that come back are as smooth as asked for."""
    scan = view(glass)
    rough = scan.nmf(4, random_state=0, smooth=1)
    smooth = scan.nmf(4, constraints=[SmoothMaps(sigma=1)], random_state=0)

    def roughness(result):
        return (np.diff(result.maps, axis=1) ** 2).mean() / result.maps.var(axis=(1, 2)).mean()

    assert roughness(smooth) < 0.6 * roughness(rough)
    friedel = scan.nmf(3, constraints=[Friedel()], random_state=0).patterns
    assert np.allclose(friedel, friedel[:, ::-1, ::-1], rtol=1e-4, atol=1e-4 * friedel.max())


def test_unconstrained_factor_is_refitted_exactly(glass):
    from scipy.optimize import nnls

    result = view(glass).nmf(3, constraints=[NoDarkSpots()], weights="none", precision="double", random_state=0)
    X = glass.data.reshape(-1, 48 * 44).astype(float)
    exact = np.array([nnls(result.patterns.reshape(3, -1).T, row)[0] for row in X[::37]])
    assert np.allclose(result.maps.reshape(3, -1).T[::37], exact, atol=1e-6)


def test_convergence_is_kept_and_saved(glass, tmp_path):
    result = view(glass).nmf(4, constraints=BOTH, init="random", n_starts=3, max_iter=12, tol=0, random_state=0)
    assert [c.shape for c in result.changes] == [(12, 2)] * 3 and [c.shape for c in result.convergence] == [(12,)] * 3
    assert all((c[-1] < c[0]).all() for c in result.changes)
    path = tmp_path / "run.h5"
    result.save(path)
    loaded = load(path)
    assert np.array_equal(loaded.changes[2], result.changes[2]) and np.array_equal(loaded.strengths, result.strengths)
    assert np.array_equal(loaded.distinguishable, result.distinguishable)
    settings = loaded.settings["constraints"]
    assert [s["name"] for s in settings] == ["SmoothMaps", "NoDarkSpots"] and settings[0]["sigma"] == [1.0, 1.0]
    assert {e["constraint"] for e in loaded.settings["effects"]} == {"SmoothMaps", "NoDarkSpots"}
    assert "Kimoto" in loaded.citation


def test_constrained_starts_are_independent_of_their_number(glass):
    few, many = (view(glass).nmf(4, constraints=BOTH, init="random", n_starts=n, max_iter=8, random_state=3) for n in (2, 4))
    assert np.array_equal(few.losses, many.losses[:2])


def test_maps_that_sum_to_one_keep_their_scale():
    phantom = phantoms.martineau_fig5(scan_shape=(6, 40), detector_shape=(40, 36), dose=4e3, seed=0)
    result = Unmix(phantom.data, centre=phantom.centre).nmf(2, constraints=[SumToOne()], random_state=0)
    assert np.allclose(result.maps.sum(0), 1, atol=1e-5)
    ours, truth = (np.sort(p.sum(axis=(1, 2))) for p in (result.patterns, phantom.patterns))
    assert np.allclose(ours, truth, rtol=0.05)


def test_sum_to_one_warns_where_it_is_not_valid():
    phantom = phantoms.bicrystal_in_vacuum(scan_shape=(14, 12), detector_shape=(32, 30), dose=1e3, seed=1)
    thick = (phantom.data * np.linspace(0.3, 2, phantom.data.shape[1])[:, None, None]).astype(np.uint16)
    with pytest.warns(UnmixWarning, match="SumToOne|sum to one|total"):
        Unmix(thick, centre=phantom.centre).nmf(2, constraints=[SumToOne()], random_state=0)


def test_friedel_warns_on_asymmetric_patterns(small_film):
    data = small_film.data.copy()
    data[..., :14] //= 2
    with pytest.warns(UnmixWarning, match="asymmetric|Friedel"):
        Unmix(data, centre=small_film.centre).nmf(3, constraints=[Friedel()], random_state=0)


def test_a_known_background_is_kept_first(glass):
    known = glass.patterns[0]
    result = view(glass).nmf(4, constraints=[FixedPatterns(known[None])], random_state=0)
    cosine = (result.patterns[0] * known).sum() / np.linalg.norm(result.patterns[0]) / np.linalg.norm(known)
    assert cosine == pytest.approx(1, abs=1e-5)
    assert (np.diff(result.explained[1:]) <= 0).all()


def test_sparse_patterns_are_emptier(glass):
    dense, sparse = (view(glass).nmf(4, constraints=c, random_state=0) for c in ([], [Sparse(0.05, on="patterns")]))
    assert (sparse.patterns == 0).mean() > (dense.patterns == 0).mean() + 0.1


class Mine:
    """The least that a constraint of a user's own has."""

    on = "patterns"
    geometry, calls = None, None

    def bind(self, geometry):
        self.geometry = geometry
        return self

    def project(self, A):
        if self.calls is not None:
            self.calls.append(A.shape)
        assert A.shape[1] == self.geometry.detector_shape[0] * self.geometry.detector_shape[1]
        return A

    def settings(self):
        return {"name": "Mine"}


def test_anyone_can_write_one(glass):
    mine = Mine()
    mine.calls = calls = []
    mask = np.zeros((48, 44), bool)
    mask[20:30, 18:26] = True
    result = view(glass).prepare(detector_mask=mask).nmf(3, constraints=[mine], max_iter=7, tol=0, random_state=0)
    assert mine.geometry is None and calls == [] and result.settings["constraints"] == [{"name": "Mine"}]
    single = view(glass).nmf(3, constraints=Mine(), max_iter=2, random_state=0)
    assert single.k == 3


@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda A: A[:, :-1], r"the constraint Spoilt must return patterns of the shape \(3, 2112\).*got \(3, 2111\)"),
        (lambda A: A * np.nan, "the constraint Spoilt must return finite patterns, got NaN or infinity"),
    ],
)
def test_a_constraint_that_breaks_the_rules_is_named(glass, spoil, message):
    class Spoilt(Mine):
        def project(self, A):
            return spoil(A)

    with pytest.raises(ValueError, match=message):
        view(glass).nmf(3, constraints=[Spoilt()], random_state=0)


def test_excluded_pixels_and_positions_cannot_reach_a_constraint(glass):
    data = glass.data.astype(np.float32)
    masks = dict(scan_mask=np.zeros((18, 20), bool), detector_mask=np.zeros((48, 44), bool))
    masks["scan_mask"][2:5, 3:9] = masks["detector_mask"][20:28, 18:26] = True
    spoilt = data.copy()
    spoilt[masks["scan_mask"]] = np.nan
    spoilt[:, :, masks["detector_mask"]] = 1e9
    a, b = (
        Unmix(d, centre=glass.centre).prepare(**masks).nmf(3, constraints=BOTH, max_iter=10, random_state=0)
        for d in (data, spoilt)
    )
    assert np.array_equal(a.maps, b.maps, equal_nan=True) and np.array_equal(a.patterns, b.patterns, equal_nan=True)


def test_scaling_the_data(glass):
    a, b = (
        Unmix(glass.data * f, centre=glass.centre).nmf(3, constraints=BOTH, precision="double", max_iter=20, random_state=0)
        for f in (1.0, 37.5)
    )
    assert np.allclose(a.maps, b.maps, atol=1e-6)
    assert np.allclose(37.5 * a.patterns, b.patterns, atol=1e-6 * b.patterns.max())


def test_more_starts_find_what_one_finds(glass):
    result = view(glass).nmf(4, n_starts=4, random_state=0)
    assert np.isfinite(result.losses).all() and result.losses.argmin() == np.argmin(result.losses)
    vca = view(glass).nmf(4, init="vca", random_state=0)
    assert vca.settings["init"] == "vca" and scores.map_correlation(vca.maps, glass.maps)[1] > 0.9


def test_a_constraint_serves_several_scans_at_once(glass):
    """Each run works on a copy of its own: neither another scan nor an earlier compression is disturbed."""
    from concurrent.futures import ThreadPoolExecutor

    shared = SmoothMaps(sigma=2)
    low = view(glass).compress(8, constraints=[shared])
    small = Unmix(glass.data[:11, :13], centre=glass.centre)
    views = [view(glass), small, view(glass).prepare(scan_mask=np.arange(360).reshape(18, 20) % 7 == 0)] * 2
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda v: v.nmf(3, constraints=[shared], random_state=0).maps, views))
    for one, two in zip(found[:3], found[3:]):
        assert np.array_equal(one, two, equal_nan=True)
    assert shared.geometry is None
    assert np.array_equal(low.sizes(), view(glass).compress(8, constraints=[SmoothMaps(sigma=2)]).sizes())


class Wrapped:
    """A smoothing of a user's own with an object inside, whose bind returns nothing."""

    on, smoothing = "maps", True

    def __init__(self):
        self.inner = SmoothMaps(sigma=1)

    def bind(self, geometry):
        self.inner.bind(geometry)

    def smooth(self, A):
        return self.inner.smooth(A)

    def adjoint(self, A):
        return self.inner.adjoint(A)

    def project(self, A):
        return self.inner.project(A)

    def settings(self):
        return {"name": "Wrapped"}


def test_a_smoothing_of_ones_own(glass):
    masked = view(glass).prepare(scan_mask=np.arange(360).reshape(18, 20) < 60)
    a, b = (masked.nmf(3, constraints=[c], random_state=0).maps for c in (Wrapped(), SmoothMaps(sigma=1)))
    assert np.array_equal(a, b, equal_nan=True)


def test_vacuum_does_not_swallow_the_intensity(glass):
    data = glass.data.copy()
    data[:, :9] = np.random.default_rng(1).poisson(0.02, data[:, :9].shape)
    scan = Unmix(data, centre=glass.centre)
    result = scan.nmf(3, weights="poisson", constraints=[SmoothMaps(sigma=1)], random_state=0)
    assert 0.9 < result.explained.sum() < 1.15


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_the_unit_of_the_data_does_not_matter_for_sum_to_one(glass, factor):
    a, b = (
        Unmix(glass.data * f, centre=glass.centre).nmf(3, constraints=[SumToOne()], precision="double", random_state=0)
        for f in (1.0, factor)
    )
    assert np.allclose(a.maps, b.maps, atol=1e-6)


def test_fixed_patterns_are_counted_before_the_scan_is_read(glass, monkeypatch):
    from unmix4d.engine import matrix

    monkeypatch.setattr(matrix, "run_pass", lambda *a, **k: pytest.fail("the scan was read"))
    one, three = FixedPatterns(glass.patterns[:1]), FixedPatterns(glass.patterns[:3])
    with pytest.raises(ValueError, match="n must be at least 3, the number of fixed patterns, got 2"):
        view(glass).nmf(2, constraints=[three])
    with pytest.raises(ValueError, match="at most one with fixed patterns, got FixedPatterns, FixedPatterns"):
        view(glass).nmf(4, constraints=[one, one])


def test_patterns_of_a_given_start_count(glass):
    maps = np.ones((4, 18, 20))
    true, flat = (
        view(glass).nmf(4, constraints=[NoDarkSpots()], init=(maps, p), max_iter=3, random_state=0)
        for p in (glass.patterns, np.ones_like(glass.patterns))
    )
    assert scores.map_correlation(true.maps, glass.maps)[1] > 0.9 > scores.map_correlation(flat.maps, glass.maps)[1]


def test_effects_are_in_the_order_of_the_components(glass):
    result = view(glass).nmf(4, constraints=[NoDarkSpots(tolerance=0)], smooth=0, random_state=0)
    (effect,) = result.settings["effects"]
    rule = NoDarkSpots(tolerance=0).bind(view(glass).geometry)
    rule.project(result.patterns.reshape(4, -1))
    # A second application adds nearly nothing to what has been raised; the first added most to the weakest.
    assert len(effect["added_per_component"]) == 4 and np.argmin(effect["added_per_component"]) == 0
    assert (rule.bias < np.array(effect["added_per_component"])).all()


@pytest.mark.parametrize(
    "part, message",
    [
        (dict(settings=lambda self: {"f": len}), "settings\\(\\) of Broken must be a dict of JSON types"),
        (dict(smoothing=True), "without smooth, adjoint"),
        (dict(on="spectra"), "on of Broken must be one of 'patterns', 'maps', got 'spectra'"),
    ],
)
def test_broken_constraints_are_refused_before_the_scan_is_read(glass, part, message, monkeypatch):
    from unmix4d.engine import matrix

    monkeypatch.setattr(matrix, "run_pass", lambda *a, **k: pytest.fail("the scan was read"))
    with pytest.raises((TypeError, ValueError), match=message):
        view(glass).nmf(2, constraints=[type("Broken", (Mine,), part)()])


@pytest.mark.parametrize(
    "answer, error, message",
    [
        (lambda A: A * 1j, TypeError, "must return real numbers, got patterns of dtype complex"),
        (lambda A: A.astype("U8"), TypeError, "must return real numbers"),
        (lambda A: -A, ValueError, "must leave some patterns, got only 0 or less"),
        (lambda A: A.astype(float) * 1e300, ValueError, "must return finite patterns"),
        (lambda A: A.__imul__(2), ValueError, "read-only"),
    ],
)
def test_strange_answers_of_a_constraint(glass, answer, error, message):
    with pytest.raises(error, match=message):
        view(glass).nmf(2, constraints=[type("Odd", (Mine,), {"project": lambda self, A: answer(A)})()])


def test_history_of_exact_runs_with_both_weights(glass):
    data = glass.data.copy()
    data[:9] //= 8
    data[..., 20:24, 20:24] += 500
    result = Unmix(data, centre=glass.centre).nmf(3, exact=True, weights="poisson", max_iter=20, tol=0, random_state=0)
    assert result.convergence[0][-1] == pytest.approx(result.losses[0], rel=1e-3)
