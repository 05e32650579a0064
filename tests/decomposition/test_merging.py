"""Merging NMF and consensus: grains of known films, conservation, history, and the faults of the peer."""

import numpy as np
import pytest

from unmix4d import phantoms
from unmix4d.core.geometry import ScanGeometry
from unmix4d.decomposition.agglomeration import Components, gap_threshold, join_alike, join_fragments
from unmix4d.decomposition.consensus import consensus
from unmix4d.decomposition.map_smoothing import smooth_maps
from unmix4d.decomposition.merging import best_run, merge_components, merge_runs, noise_rank
from unmix4d.decomposition.merging_rounds import merge_in_rounds
from unmix4d.decomposition.nnls import nnls_rows
from unmix4d.decomposition.problems import Dense
from unmix4d.decomposition.pure_positions import PurePositions
from unmix4d.decomposition.redundant import drop_explained
from unmix4d.engine.weights import Weights
from unmix4d.scores import map_correlation


def film(n_grains=6, overlap=0.6, seed=1, scan=(30, 28)):
    """Binned counts of a film, scaled to even noise, and its phantom."""
    phantom = phantoms.polycrystal(
        n_grains=n_grains, overlap=overlap, scan_shape=scan, detector_shape=(48, 48), seed=seed, background=0.15
    )
    bins = phantom.data.reshape(*scan, 12, 4, 12, 4).sum((3, 5)).reshape(-1, 144).astype(float)
    bins = bins[:, bins.mean(0) > 0.5]
    return bins / np.sqrt(bins.mean(0)), phantom


def problem_of(values, scan, weights=None):
    return Dense(values.astype(np.float32), ScanGeometry(scan, (1, values.shape[1])), weights)


@pytest.fixture(scope="module")
def runs():
    values, phantom = film()
    problem = problem_of(values, phantom.scan_shape)
    return problem, phantom, merge_runs(problem, 18, n_runs=4, seed=3)


def images(maps, scan):
    return maps.T.reshape(-1, *scan)


def test_grains_are_found_without_their_number(runs):
    problem, phantom, found = runs
    agreed = consensus(problem, found)
    r = map_correlation(images(agreed.maps, phantom.scan_shape), phantom.maps[1:])
    assert r.mean() > 0.95 and r.min() > 0.85
    assert 6 <= agreed.maps.shape[1] <= 8  # six grains and the background at most split


@pytest.mark.one_in(4)
@pytest.mark.parametrize(("overlap", "seed"), [(0.3, 7), (0.6, 11), (0.9, 7), (0.9, 10)])
def test_other_films_from_as_many_components_as_stand_out_from_noise(overlap, seed):
    """Three times as many lose up to two of the grains of the last three films: they are here for that."""
    values, phantom = film(8, overlap, seed)
    problem = problem_of(values, phantom.scan_shape)
    initial = noise_rank(np.linalg.svd(values, compute_uv=False), values.shape, 1.0)
    agreed = consensus(problem, merge_runs(problem, initial, n_runs=4, seed=0))
    r = map_correlation(images(agreed.maps, phantom.scan_shape), phantom.maps[1:])
    assert r.min() > 0.9 and len(agreed.share) <= 9


def test_parts_of_one_grain_are_merged_and_grains_that_overlap_are_not():
    """Two grains whose maps correlate, each with two parts: the case for which patterns are compared too."""
    rng = np.random.default_rng(0)
    scan = (16, 16)
    maps = rng.random((2, 256)) * 0.1 + np.kron(np.array([[1, 1, 1, 0.0], [0, 1, 1, 1.0]]), np.ones(64))
    patterns = rng.gamma(0.3, 1.0, (2, 60))
    parts = np.concatenate([patterns * (1 + 0.3 * np.sin(np.arange(60) + phase)) for phase in (0, 2)])
    shares = np.concatenate([maps * 0.6, maps * 0.4])
    problem = problem_of(shares.T @ parts, scan)
    run = merge_components(problem, shares.T.astype(np.float32), parts.astype(np.float32), explained=1)
    assert run.members == ((0, 2), (1, 3))


def test_a_tree_goes_on_where_it_ended():
    rng = np.random.default_rng(0)
    rows = rng.random((4, 20))
    first = Components(rows, rows, np.ones(4), 0.0)
    first.merge(0, 2, "alike")
    assert (first.members, first.nodes) == (((0, 2), (1,), (3,)), [4, 1, 3])
    after = Components(rows[:3], rows[:3], np.ones(3), 0.0, first.nodes, 5)
    assert after.merge(0, 1, "alike").nodes == (4, 1)
    assert after.nodes == [5, 3]


def test_merging_conserves_intensity(runs):
    problem, _, _ = runs
    rng = np.random.default_rng(0)
    maps, patterns = rng.random((problem.shape[0], 9)), rng.random((9, problem.shape[1]))
    run = merge_components(problem, maps, patterns, threshold=0.0, explained=1)
    assert run.k < 9
    np.testing.assert_allclose(run.maps.sum(1), maps @ patterns.sum(1), rtol=1e-6)
    before = maps.sum(0) @ patterns
    np.testing.assert_allclose(run.maps.sum(0) @ run.patterns, before, rtol=1e-6)
    np.testing.assert_allclose(run.patterns.sum(1), 1, rtol=1e-6)


def test_the_published_rounds_find_two_grains():
    rng = np.random.default_rng(0)
    counts = rng.poisson(np.kron(np.eye(2), np.ones((1, 50))).T @ rng.gamma(1, 20, (2, 30)))
    assert [run.k for run in merge_in_rounds(Dense(counts, ScanGeometry((10, 10), (1, 30))), 5, n_runs=2)] == [2, 2]


def test_history_is_the_tree_of_the_members(runs):
    for run in runs[2]:
        nodes = {i: {i} for i in range(run.n_parts)}
        for step, merge in enumerate(run.history):
            a, b = merge.nodes
            nodes[run.n_parts + step] = nodes.pop(a) | nodes.pop(b)
            assert merge.k == run.n_parts - step - 1 == len(nodes)
            assert merge.similarity > (run.threshold if merge.reason == "alike" else 0.3)
            mean = (merge.map_correlation + 1.5 * merge.pattern_correlation) / 2.5
            assert merge.similarity == pytest.approx(mean)
        assert sorted(map(sorted, nodes.values())) == sorted(map(list, run.members))


def test_no_pair_is_left_above_the_threshold(runs):
    problem, _, _ = runs
    rng = np.random.default_rng(5)
    maps, patterns = rng.random((problem.shape[0], 12)), rng.random((12, problem.shape[1]))
    components = Components(maps.T, patterns, maps.sum(0), 1.0)
    join_alike(components, 0.02)
    assert 1 < len(components) < 12
    assert components.similarity().max() <= 0.02


def test_covariances_add_up_to_those_of_the_sums():
    rng = np.random.default_rng(0)
    maps, patterns, intensity = rng.random((4, 50)), rng.random((4, 30)), np.array([1.0, 2, 3, 4])
    components = Components(maps, patterns, intensity, 1.0)
    components.merge(1, 3, "alike")
    merged = np.array([maps[0], maps[1] + maps[3], maps[2]])
    mixed = np.array([patterns[0], 2 * patterns[1] + 4 * patterns[3], patterns[2]])
    expected = (np.corrcoef(merged) + np.corrcoef(mixed)) / 2
    np.fill_diagonal(expected, -1)
    np.testing.assert_allclose(components.similarity(), expected, atol=1e-12)
    assert components.members == ((0,), (1, 3), (2,))


def test_runs_are_repeatable_and_independent_of_their_number(runs):
    problem, _, found = runs
    again = merge_runs(problem, 18, n_runs=2, seed=3)
    other = merge_runs(problem, 18, n_runs=2, seed=4)
    for a, b in zip(again, found):
        np.testing.assert_array_equal(a.maps, b.maps)
        assert a.members == b.members
    assert not np.array_equal(other[0].maps, found[0].maps)


def test_scaling_the_data_scales_the_maps(runs):
    _, phantom, found = runs
    values, _ = film()
    scaled = merge_runs(problem_of(values * 64, phantom.scan_shape), 18, n_runs=1, seed=3)[0]
    assert scaled.members == found[0].members
    np.testing.assert_allclose(scaled.maps, found[0].maps * 64, rtol=1e-3, atol=1e-3 * scaled.maps.max())


def test_order_of_components_and_of_features_does_not_matter(runs):
    problem, phantom, _ = runs
    rng = np.random.default_rng(0)
    maps, patterns = rng.random((problem.shape[0], 9)), rng.random((9, problem.shape[1]))
    order, columns = rng.permutation(9), rng.permutation(problem.shape[1])
    plain = merge_components(problem, maps, patterns, threshold=0.0)
    values, _ = film()
    other = problem_of(values[:, columns], phantom.scan_shape)
    turned = merge_components(other, maps[:, order], patterns[order][:, columns], threshold=0.0)
    named = {frozenset(order[list(m)]) for m in turned.members}
    assert plain.dropped == turned.dropped == 0
    assert named == {frozenset(m) for m in plain.members}


def test_weights_do_not_change_what_intensity_means():
    values, phantom = film()
    pixels = 1 / np.sqrt(values.mean(0) + 0.1)
    problem = problem_of(values, phantom.scan_shape, Weights("capped", pixels))
    rng = np.random.default_rng(0)
    maps, patterns = rng.random((len(values), 5)), rng.random((5, values.shape[1]))
    run = merge_components(problem, maps, patterns, threshold=1, fragment=0, explained=1)
    np.testing.assert_allclose(run.maps, maps * (patterns / pixels).sum(1), rtol=1e-6)


def test_compressed_scan_gives_the_same_grains():
    from unmix4d import Unmix
    from unmix4d.decomposition.problems import Compressed
    from unmix4d.engine.compression import compress

    phantom = phantoms.polycrystal(n_grains=4, scan_shape=(24, 22), detector_shape=(32, 32), seed=2)
    low = compress(Unmix(phantom.data, centre=phantom.centre).matrix("single"), 20, weights="poisson", seed=0)
    problem = Compressed(low)
    agreed = consensus(problem, merge_runs(problem, 12, n_runs=3, seed=0))
    r = map_correlation(images(agreed.maps, phantom.scan_shape), phantom.maps[1:])
    assert r.mean() > 0.9


def test_masked_positions_are_left_out():
    values, phantom = film()
    mask = np.zeros(phantom.scan_shape, bool)
    mask[5:9, 3:20] = True
    geometry = ScanGeometry(phantom.scan_shape, (1, values.shape[1]), scan_mask=mask)
    problem = Dense(values[geometry.kept_positions].astype(np.float32), geometry)
    run = merge_runs(problem, 15, n_runs=1, seed=0)[0]
    assert run.maps.shape[0] == (~mask).sum()
    r = map_correlation(geometry.to_maps(run.maps), phantom.maps[1:])
    assert r.mean() > 0.85


def test_smoothing_leaves_excluded_positions_out():
    mask = np.zeros((9, 9), bool)
    mask[:, 5:] = True
    geometry = ScanGeometry((9, 9), (1, 1), scan_mask=mask)
    flat = np.ones((1, 45))
    np.testing.assert_allclose(smooth_maps(flat, geometry, 2.0), 1, rtol=1e-12)
    assert smooth_maps(np.array([[0.0, 0, 1]]), ScanGeometry((1, 3), (1, 1)), 0.5).round(2).tolist() == [[0, 0.11, 0.89]]


# What the peer gets wrong (see the developers' notes on py4DSTEM's iterative NMF).


def test_merged_components_are_gone(runs):
    """py4DSTEM keeps the columns it merged, and counts their intensity twice."""
    for run in runs[2]:
        parts = sorted(i for m in run.members for i in m)
        assert parts == list(range(run.n_parts))
        assert run.k == run.n_parts - len(run.history)


def test_refits_are_on_the_data(runs):
    """py4DSTEM factorises the maps of the round before: its patterns no longer describe the data."""
    problem, _, found = runs
    refitted = merge_runs(problem, 18, n_runs=1, seed=3, refit=30)[0]

    def error(run):
        return problem.exact_error(np.ascontiguousarray(run.maps.T), run.patterns)

    assert error(refitted) < error(found[0])
    start = merge_runs(problem, 18, n_runs=1, seed=3, refit=1)[0]
    assert error(refitted) <= error(start) * (1 + 1e-6)


def test_last_fit_and_its_patterns_are_returned(runs):
    """py4DSTEM discards the last fit and returns no patterns."""
    problem, _, found = runs
    run = merge_components(problem, *_factors(problem), threshold=1, fragment=0, explained=1, keep_parts=True)
    np.testing.assert_allclose(run.maps, run.parts[0], rtol=1e-6)
    np.testing.assert_allclose(run.patterns, run.parts[1], rtol=1e-5)
    assert all(r.patterns.shape == (r.k, problem.shape[1]) for r in found)


def _factors(problem):
    rng = np.random.default_rng(0)
    return rng.random((problem.shape[0], 4)), rng.random((4, problem.shape[1]))


def test_runs_differ(runs):
    """In py4DSTEM every model has the same seed."""
    found = runs[2]
    assert len({run.error for run in found}) == len(found)


# Redundant components, fragments, threshold, rank, starts.


def test_mixtures_are_dropped_and_their_maps_shared_out():
    rng = np.random.default_rng(0)
    pure = rng.gamma(0.5, 1.0, (3, 40))
    patterns = np.vstack([pure, 0.7 * pure[0] + 0.3 * pure[1]])
    maps = rng.random((4, 50))
    left, kept, dropped = drop_explained(maps, patterns)
    assert dropped == 1 and len(kept) == 3
    np.testing.assert_allclose(left.T @ kept, maps.T @ patterns, rtol=1e-6)
    assert drop_explained(maps, patterns, 1)[2] == 0
    assert drop_explained(maps[:3], pure)[2] == 0


def test_fragments_join_what_they_resemble():
    line = np.linspace(0, 1, 60)
    maps = np.array([line, 1 - line, 0.05 * line**2])
    patterns = np.array([[5.0, 1, 0, 0], [0, 0, 5, 1], [4, 2, 0, 0]])
    components = Components(maps, patterns, maps.sum(1), 1.0)
    history = join_fragments(components, 0.4, 0.3)
    assert components.members == ((0, 2), (1,)) and history[0].reason == "fragment"


def test_threshold_lies_in_the_gap():
    rng = np.random.default_rng(0)
    base = rng.standard_normal((4, 400))
    rows = np.repeat(base, 2, axis=0) + 0.75 * rng.standard_normal((8, 400))  # pairs correlate by about 0.64
    components = Components(rows, rows, np.ones(8), 0.0)
    heights = np.sort([m.similarity for m in join_alike(components.copy(), 0.5)])
    found = gap_threshold(Components(rows, rows, np.ones(8), 0.0), (0.5, 0.9))
    assert len(heights) == 4 and (found < heights[0] or found > heights[-1])
    assert gap_threshold(Components(base, base, np.ones(4), 0.0), (0.4, 0.6)) == pytest.approx(0.5)


def test_rank_of_noise():
    rng = np.random.default_rng(0)
    signal = 3 * rng.random((600, 7)) @ rng.random((7, 90))
    values = np.linalg.svd(signal + rng.standard_normal(signal.shape), compute_uv=False)
    assert noise_rank(values, signal.shape, 1.0) == pytest.approx(7, abs=1)
    assert noise_rank(3 * values, signal.shape, 3.0) == noise_rank(values, signal.shape)


def test_pure_positions_find_the_pure_patterns():
    values, phantom = film(5, 0.4, 4)
    pure = PurePositions(problem_of(values, phantom.scan_shape), 6)
    patterns = pure(np.random.default_rng(0), part=1.0)
    truth = np.linalg.lstsq(phantom.maps.reshape(6, -1).T, values, rcond=None)[0][1:]
    cosine = patterns @ truth.T / np.outer(np.linalg.norm(patterns, axis=1), np.linalg.norm(truth, axis=1))
    assert cosine.max(axis=0).min() > 0.95


# Consensus.


def test_consensus_is_better_than_a_run_and_its_patterns_are_the_fit(runs):
    problem, phantom, found = runs
    agreed = consensus(problem, found)
    truth = phantom.maps[1:]
    single = np.mean([map_correlation(images(r.maps, phantom.scan_shape), truth).mean() for r in found])
    assert map_correlation(images(agreed.maps, phantom.scan_shape), truth).mean() > single - 0.01
    wide = agreed.maps.astype(float)
    expected = nnls_rows(film()[0].T @ wide, wide.T @ wide).T
    np.testing.assert_allclose(agreed.patterns, expected, atol=2e-4 * expected.max())


def test_stability_is_the_share_of_runs(runs):
    problem, _, found = runs
    agreed = consensus(problem, found, min_share=0)
    for share, members in zip(agreed.share, agreed.members):
        assert share == len({run for run, _ in members}) / len(found)
    assert sum(map(len, agreed.members)) == sum(run.k for run in found)
    strict = consensus(problem, found, min_share=1.0)
    assert (strict.share == 1).all() and len(strict.share) == (agreed.share == 1).sum()


def test_consensus_of_one_run_is_that_run(runs):
    problem, _, found = runs
    agreed = consensus(problem, found[:1], alike=1.0)
    np.testing.assert_allclose(np.sort(agreed.maps.sum(0)), np.sort(found[0].maps.sum(0)), rtol=1e-5)
    assert (agreed.spread == 0).all() and np.allclose(agreed.agreement, 1, atol=1e-5)


def test_parts_of_one_run_in_one_match_add_up(runs):
    problem, _, found = runs
    one = consensus(problem, found, alike=0.0, how="mean", min_share=0, denoise=False)
    for map_, members in zip(one.maps.T, one.members):
        used = {i for i, _ in members}
        expected = sum(found[i].maps[:, j] for i, j in members) / len(used)
        np.testing.assert_allclose(map_, expected, rtol=1e-4, atol=1e-4 * expected.max())


def test_best_run_compares_equal_numbers_of_parts_only(runs):
    found = runs[2]
    best = best_run(found)
    same = [run for run in found if run.n_parts == found[best].n_parts]
    assert found[best].error == min(run.error for run in same)
    assert found[best_run(found, "weighted_error")].error == min(run.error for run in found)


def test_the_published_error_is_the_mean_of_all_rounds(runs):
    """A run that merged in vain has the error of one factorisation; one of several rounds their mean."""
    problem = runs[0]
    found = merge_in_rounds(problem, 6, threshold=0.3, n_runs=3, max_iter=20, seed=0)
    for run in found:
        assert (run.weighted_error < np.sqrt(run.error)) == bool(run.history)  # fewer components fit worse
    best = best_run(found, "weighted_error")
    assert found[best].weighted_error == min(run.weighted_error for run in found)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"initial": 1}, "initial_components must be at least 2"),
        ({"initial": 10**6}, "initial_components must be at most"),
        ({"threshold": 1.5}, "threshold must be 'auto' or a number from -1 to 1, got 1.5"),
        ({"threshold": "gap"}, "threshold must be 'auto'"),
        ({"n_runs": 0}, "n_runs must be at least 1"),
        ({"sigma": -1}, "sigma must be at least 0"),
        ({"start": "best"}, "start must be one of"),
    ],
)
def test_wrong_arguments(runs, changes, message):
    with pytest.raises(ValueError, match=message):
        merge_runs(runs[0], **{"initial": 8, "n_runs": 1, **changes})


def test_wrong_values_and_runs(runs):
    geometry = ScanGeometry((2, 3), (1, 2))
    for bad in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="finite and not negative"):
            Dense(np.full((6, 2), bad), geometry)
    with pytest.raises(ValueError, match="6 rows"):
        Dense(np.ones((5, 2)), geometry)
    with pytest.raises(ValueError, match="at least one run"):
        consensus(runs[0], [])
    with pytest.raises(ValueError, match="min_share must be from 0 to 1"):
        consensus(runs[0], runs[2], min_share=2)


def test_input_is_not_changed(runs):
    problem, _, _ = runs
    maps, patterns = _factors(problem)
    before = maps.copy(), patterns.copy()
    merge_components(problem, maps, patterns, threshold=0.0, explained=0.5, refit=2)
    np.testing.assert_array_equal(maps, before[0])
    np.testing.assert_array_equal(patterns, before[1])
