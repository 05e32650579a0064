"""Scores against truth: matching, missing components, excluded entries."""

from types import SimpleNamespace

import numpy as np
import pytest

from unmix4d import phantoms, scores
from unmix4d.scores.matching import assign


@pytest.fixture
def truth():
    return phantoms.polycrystal(n_grains=4, scan_shape=(14, 12), detector_shape=(32, 30), beam_stop=3.0, dose=None)


def test_perfect_is_one(truth):
    assert np.allclose(scores.pattern_cosine(truth.patterns, truth.patterns), 1)
    assert np.allclose(scores.map_correlation(truth.maps, truth.maps), 1)
    assert scores.grains_found(truth.maps, truth.maps) == truth.k
    s = scores.score(truth, truth)
    assert s.found == truth.k and s.pairs.tolist() == list(range(truth.k))
    assert s.mean_map_correlation == pytest.approx(1) and s.mean_pattern_cosine == pytest.approx(1)


def test_order_and_scale_do_not_matter(truth):
    rng = np.random.default_rng(0)
    maps = truth.maps + 0.2 * rng.random(truth.maps.shape)
    patterns = truth.patterns * (1 + 0.3 * rng.random(truth.patterns.shape))
    before = scores.score((patterns, maps), truth)
    order = rng.permutation(truth.k)
    # A map's offset does not matter either: the correlation is centred.
    moved = (patterns[order] * 1e-9, maps[order] * 1e6 + 3)
    after = scores.score(moved, truth)
    assert np.allclose(after.map_correlation, before.map_correlation, atol=1e-6)
    assert np.allclose(after.pattern_cosine, before.pattern_cosine)
    assert np.array_equal(order[after.pairs], before.pairs)
    assert (before.map_correlation < 1).all()


def test_missing_counts_as_zero(truth):
    pairs, r = scores.match_maps(truth.maps[[3, 1]], truth.maps)
    assert pairs.tolist() == [-1, 1, -1, 0, -1]
    assert np.allclose(r, [0, 1, 0, 1, 0])
    s = scores.score((truth.patterns[[3, 1]], truth.maps[[3, 1]]), truth)
    assert s.mean_map_correlation == pytest.approx(0.4) and s.found == 2
    assert np.allclose(s.pattern_cosine, [0, 1, 0, 1, 0])


def test_surplus_components_are_left_unmatched(truth):
    noise = np.random.default_rng(1).random((3, *truth.scan_shape))
    pairs, r = scores.match_maps(np.concatenate([noise, truth.maps]), truth.maps)
    assert pairs.tolist() == [3, 4, 5, 6, 7] and np.allclose(r, 1)


def test_each_found_component_is_used_once():
    # One found map is the best for both true ones: it may serve only one of them.
    true = np.array([[1.0, 1, 0, 0], [1, 1, 1, 0]])
    found = np.array([[1.0, 1, 0.5, 0], [0, 0, 0, 1]])
    pairs, _ = scores.match_maps(found, true)
    assert sorted(pairs) == [0, 1]


def test_hungarian_beats_greedy():
    # Greedy takes 0.9 and is left with 0.0 (sum 0.9); the assignment takes 0.8 + 0.7.
    pairs, values = assign(np.array([[0.9, 0.8], [0.7, 0.0]]))
    assert pairs.tolist() == [1, 0] and values.tolist() == [0.8, 0.7]


def test_nan_is_ignored_on_both_sides(truth):
    maps, true = truth.maps.copy(), truth.maps.copy()
    maps[:, :3] = np.nan
    true[0, 5, 5] = np.nan
    maps[1, 5, 6] = np.nan
    assert np.allclose(scores.map_correlation(maps, true), 1)
    patterns = truth.patterns.copy()
    patterns[:, truth.detector_mask] = np.nan
    assert np.allclose(scores.pattern_cosine(patterns, truth.patterns), 1)
    # A component that is excluded throughout is worth 0, not NaN.
    maps[2] = np.nan
    assert scores.match_maps(maps, true)[1][2] == 0


def test_masked_pixels_do_not_count_in_score(truth):
    patterns = truth.patterns.copy()
    patterns[:, truth.detector_mask] = 1e6
    assert np.allclose(scores.score((patterns, truth.maps), truth).pattern_cosine, 1)
    assert truth.patterns[:, truth.detector_mask].sum() == 0  # the truth is not written to


@pytest.mark.parametrize("value", [0.0, 0.1, 1e8])
def test_constant_maps_give_zero(value):
    true = np.array([[0.0, 1, 2, 3], [1, 0, 0, 1]])
    r = scores.map_correlation(np.full((2, 4), value), true)
    assert r.tolist() == [0, 0]
    assert scores.map_correlation(true, np.full((2, 4), value)).tolist() == [0, 0]


def test_values_are_those_of_numpy():
    rng = np.random.default_rng(2)
    a, b = rng.random((1, 6, 7)), rng.random((1, 6, 7))
    assert scores.map_correlation(a, b)[0] == pytest.approx(np.corrcoef(a.ravel(), b.ravel())[0, 1])
    expected = (a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b)
    assert scores.pattern_cosine(a, b)[0] == pytest.approx(expected)


def test_anticorrelated_maps_keep_their_sign():
    assert scores.map_correlation([[3.0, 2, 1]], [[1.0, 2, 3]])[0] == pytest.approx(-1)
    assert scores.grains_found([[3.0, 2, 1]], [[1.0, 2, 3]]) == 0


def test_threshold_of_found():
    rng = np.random.default_rng(3)
    true = rng.standard_normal((1, 4000))
    found = true + rng.standard_normal((1, 4000))  # correlation 0.71 expected
    r = scores.map_correlation(found, true)[0]
    assert scores.grains_found(found, true, r - 1e-6) == 1
    assert scores.grains_found(found, true, r + 1e-6) == 0


def test_true_grains():
    thickness = np.zeros((3, 12, 12))
    thickness[0, :5, :5] = 2.0  # 25 positions
    thickness[1, 6:10, 6:12] = 2.0  # 24 positions: no true grain
    thickness[2] = 0.3  # exactly 0.15 of the maximum is not above it
    grains = scores.true_grains(thickness)
    assert grains.dtype == bool and grains.sum(axis=(1, 2)).tolist() == [25, 0, 0]
    assert scores.true_grains(thickness, min_positions=24)[1].sum() == 24
    assert scores.true_grains(thickness, fraction=0.1)[2].all()
    thickness[0, 0, 0] = np.nan
    assert scores.true_grains(thickness, min_positions=1).sum(axis=(1, 2)).tolist() == [24, 24, 0]


def test_table_names_every_component(truth):
    s = scores.score((truth.patterns[:4], truth.maps[:4]), truth)
    text = repr(s)
    assert all(name in text for name in truth.names)
    assert "found 4 of 5 (map r > 0.7)" in text
    bare = SimpleNamespace(patterns=truth.patterns, maps=truth.maps)
    plain = scores.score((truth.patterns, truth.maps), bare)
    assert plain.names[0] == "component 0"


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda: scores.match_maps(np.ones((2, 3)), np.ones((2, 4))), ValueError, "truth's shape"),
        (lambda: scores.match_maps(np.ones(3), np.ones((2, 3))), ValueError, "found must be"),
        (lambda: scores.pattern_cosine([[np.inf, 1.0]], [[1.0, 1.0]]), ValueError, "finite or NaN"),
        (lambda: scores.grains_found([[1.0, 2]], [[1.0, 2]], threshold=2), ValueError, "threshold must be"),
        (lambda: scores.true_grains(np.ones((4, 4))), ValueError, "thickness must be"),
        (lambda: scores.true_grains(np.ones((1, 4, 4)), fraction=15), ValueError, "fraction must be"),
        (lambda: scores.score("nmf", None), TypeError, "result must be"),
        (lambda: scores.score((np.ones((2, 3)), np.ones((3, 3))), None), ValueError, "as many patterns"),
    ],
)
def test_errors(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_likelihood_refuses_what_is_no_count():
    from unmix4d.scores import poisson_log_likelihood

    for counts, expected, message in (
        ([[0, 1]], [[0.5]], "expected must have the shape of counts"),
        ([[np.nan, np.nan]], [[1.0, 1.0]], "must have an entry that is not NaN"),
        ([[0, 1.5]], [[1.0, 1.0]], "counts must be whole numbers"),
        ([[0, -1]], [[1.0, 1.0]], "counts must be whole numbers"),
        ([[0, 1]], [[1.0, np.inf]], "expected must be finite and not negative"),
    ):
        with pytest.raises(ValueError, match=message):
            poisson_log_likelihood(counts, expected)
    # Of the entries that both have: the logarithm of the Poisson probability of 2 where 2 is expected.
    assert poisson_log_likelihood([[2, np.nan]], [[2.0, 1.0]]) == pytest.approx(2 * np.log(2) - 2 - np.log(2))
