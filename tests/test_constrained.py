"""Constrained NMF: weak grains on phantoms, what a constraint may be, and what comes back."""

import numpy as np
import pytest

from unmix4d import Unmix, UnmixWarning, load, phantoms, scores
from unmix4d.constraints import FixedPatterns, Friedel, NoDarkSpots, SmoothMaps, Sparse, SumToOne

BOTH = (SmoothMaps(sigma=1), NoDarkSpots())


@pytest.mark.parametrize(
    "name, crystal, least", [("kimoto_A", 3, 0.90), ("kimoto_C", 3, 0.70), ("kimoto_B", 2, 0.90), ("kimoto_F", 1, 0.90)]
)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_weak_grains_are_found(name, crystal, least, seed):
    """1 % at 1e4 and 3e3 electrons; 3 % and 9 % with half and 90 % of the dose in a beam that is not masked."""
    phantom = phantoms.case(name, seed)
    result = Unmix(phantom.data, centre=phantom.centre).nmf(4, constraints=BOTH, random_state=0)
    assert scores.map_correlation(result.maps, phantom.maps)[crystal] >= least


def test_a_grain_that_plain_least_squares_loses():
    phantom = phantoms.case("kimoto_C")
    plain = Unmix(phantom.data, centre=phantom.centre).nmf(4, weights="none", random_state=0)
    assert scores.map_correlation(plain.maps, phantom.maps)[3] < 0.3


@pytest.fixture(scope="module")
def glass():
    return phantoms.kimoto(scan_shape=(18, 20), detector_shape=(48, 44), dose=2e4, seed=1)


def view(phantom):
    return Unmix(phantom.data, centre=phantom.centre)


def test_every_host_gives_the_same_numbers(as_host, glass):
    reference = view(glass).nmf(4, constraints=BOTH, precision="double", max_iter=20, random_state=0)
    unmix = as_host(glass)
    double = unmix.nmf(4, constraints=BOTH, precision="double", max_iter=20, random_state=0)
    assert np.abs(double.maps - reference.maps).max() < 1e-6 and double.loss == pytest.approx(reference.loss, rel=1e-6)
    single = unmix.nmf(4, constraints=BOTH, max_iter=20, random_state=0)
    assert np.abs(single.maps - reference.maps).max() < 1e-3


def test_compressed_and_exact_agree(glass):
    """Without smoothing: a smoothed subspace is meant to see less noise than the full data."""
    rules = dict(constraints=[NoDarkSpots()], max_iter=30, random_state=0)
    a, b = (view(glass).nmf(4, exact=e, **rules) for e in (False, True))
    assert scores.map_correlation(a.maps, b.maps).min() > 0.97
    assert a.loss == pytest.approx(b.loss, rel=2e-3)
    # Maps, then patterns: two half passes for an iteration.
    assert b.settings["passes"] == pytest.approx(2 * len(b.convergence[0]) + 1 + 1 + 1 + 2, abs=1)
    assert a.settings["passes"] == 4


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
    few, many = (
        view(glass).nmf(4, constraints=BOTH, init="random", n_starts=n, max_iter=8, random_state=3) for n in (2, 4)
    )
    assert np.array_equal(few.losses, many.losses[:2])


def test_maps_that_sum_to_one_keep_their_scale():
    phantom = phantoms.martineau_fig5(scan_shape=(6, 40), detector_shape=(40, 36), dose=4e3, seed=0)
    result = Unmix(phantom.data, centre=phantom.centre).nmf(2, constraints=[SumToOne()], random_state=0)
    assert np.allclose(result.maps.sum(0), 1, atol=1e-5)
    ours, truth = (np.sort(p.sum(axis=(1, 2))) for p in (result.patterns, phantom.patterns))
    assert np.allclose(ours, truth, rtol=0.05)


def test_sum_to_one_warns_where_it_is_not_valid():
    phantom = phantoms.case("vacuum")
    thick = (phantom.data * np.linspace(0.3, 2, phantom.data.shape[1])[:, None, None]).astype(np.uint16)
    with pytest.warns(UnmixWarning, match="SumToOne|sum to one|total"):
        Unmix(thick, centre=phantom.centre).nmf(2, constraints=[SumToOne()], random_state=0)


def test_friedel_warns_on_asymmetric_patterns():
    phantom = phantoms.case("twins")
    data = phantom.data.copy()
    data[..., :45] //= 2
    with pytest.warns(UnmixWarning, match="asymmetric|Friedel"):
        Unmix(data, centre=phantom.centre).nmf(4, constraints=[Friedel()], random_state=0)


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
    frame, calls = None, 0

    def bind(self, frame):
        self.frame = frame
        return self

    def project(self, A):
        self.calls += 1
        assert A.shape[1] == self.frame.detector_shape[0] * self.frame.detector_shape[1]
        return A

    def settings(self):
        return {"name": "Mine"}


def test_anyone_can_write_one(glass):
    mine = Mine()
    mask = np.zeros((48, 44), bool)
    mask[20:30, 18:26] = True
    result = view(glass).prepare(detector_mask=mask).nmf(3, constraints=[mine], max_iter=7, tol=0, random_state=0)
    assert mine.calls == 7 and result.settings["constraints"] == [{"name": "Mine"}]
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
