"""Scores of grains: by hand, against scikit-learn and plain loops, and where each definition must differ."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn import metrics

from unmix4d import Unmix, phantoms, scores


def boxes(*slices, shape=(20, 20)):
    out = np.zeros((len(slices), *shape))
    for image, where in zip(out, slices):
        image[where] = 1.0
    return out


@pytest.fixture(scope="module")
def halves():
    """Two grains of 10 columns each but the last two, which are vacuum."""
    return boxes(np.s_[:, :9], np.s_[:, 9:18])


@pytest.fixture(scope="module")
def film():
    return phantoms.polycrystal(
        n_grains=8, scan_shape=(40, 36), detector_shape=(48, 44), overlap=0.4, background=0.3, dose=3e3, seed=4
    )


def test_perfect_is_one(halves):
    for found in (halves, halves > 0, halves * 1e-6):
        s = scores.grain_scores(found, halves)
        ones = {name: value for name, value in s.as_dict().items() if name not in ("found", "FPR_A", "FNR_A")}
        assert all(value == pytest.approx(1) for value in ones.values()), ones
        assert s.found == 2 and s.FPR_A == s.FNR_A == 0 and s.pairs.tolist() == [0, 1]


TRUTHS = {
    "columns": lambda: phantoms.polycrystal(n_grains=6, overlap=0.0, scan_shape=(30, 28), detector_shape=(24, 24), seed=1),
    "overlap": lambda: phantoms.polycrystal(n_grains=9, overlap=0.8, scan_shape=(40, 36), detector_shape=(24, 24), seed=2),
    "two": lambda: phantoms.polycrystal(n_grains=2, overlap=0.3, scan_shape=(24, 20), detector_shape=(24, 24), seed=3),
    "vacuum": lambda: phantoms.bicrystal_in_vacuum(detector_shape=(32, 30)),
    "dynamical": lambda: phantoms.dynamical_film(n_grains=7, overlap=0.7, scan_shape=(30, 28), detector_shape=(32, 32)),
    "holes": lambda: phantoms.dynamical_film(n_grains=6, vacuum=0.3, scan_shape=(30, 28), detector_shape=(32, 32), seed=1),
    "small grains": lambda: phantoms.polycrystal(n_grains=24, overlap=0.7, scan_shape=(28, 26), detector_shape=(24, 24)),
}  # fmt: skip


@pytest.mark.parametrize("name", TRUTHS)
def test_the_truth_scores_one_in_every_score(name):
    film = TRUTHS[name]()
    grains = [i for i, kind in enumerate(film.names) if kind not in ("amorphous", "background", "vacuum")]
    for found, options in ((film.maps[grains], {}), (1e3 * film.maps[grains] + 7, {"least": 0.1})):
        s = scores.grain_scores(found, film, **options)
        zero = {"FPR_A": 0, "FNR_A": 0, "found": len(s.grains)}
        for score, value in s.as_dict().items():
            if not score.endswith("_paper"):  # cut by Yen's criterion, which the truth is not
                assert value == pytest.approx(zero.get(score, 1), abs=1e-12) or np.isnan(value), score
        assert np.isnan(s.TNR_A) == scores.true_grains(film.maps[grains], 0.15, 1, **options).any(axis=0).all()
    paper = scores.grain_scores(film.maps[grains], film, threshold="yen")
    assert paper.TPR_G_paper == scores.grain_scores(film.maps[grains], film).TPR_G_paper and paper.IoU < 1


def test_a_map_is_cut_on_the_scale_of_its_grain():
    """A found map that is weak, has an offset, or is noisy is present where its grain is."""
    rng = np.random.default_rng(0)
    row = np.clip(1 - np.abs(np.arange(40.0) - 12) / 10, 0, None)
    thick = np.stack([np.tile(row, (30, 1)), np.tile(np.roll(row, 15), (30, 1))])
    found = np.stack([0.01 * thick[0] + 3, 50 * thick[1]])
    s = scores.grain_scores(found, thick)
    assert s.IoU == s.TPR_G == s.TNR_G == 1 and s.ARI < 1  # the strongest is a matter of scale
    noisy = found + np.array([0.0005, 2.5])[:, None, None] * rng.standard_normal(thick.shape)
    s = scores.grain_scores(noisy, thick)
    assert s.IoU > 0.9 and s.TPR_G > 0.95 and s.TNR_G > 0.95
    # A mask is not cut again, however small a part of the grain it is.
    part = np.zeros((1, 30, 40), bool)
    part[0, :3, 10:14] = True
    assert scores.grain_scores(part, thick, least_correlation=0.1).components[0].true_positive == 12


def test_rates_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    found, truth = rng.random((2, 30, 20)) > 0.4
    excluded = rng.random((30, 20)) > 0.8
    ours = scores.rates(found, truth, excluded)
    a, b = truth[~excluded], found[~excluded]
    assert ours.precision == pytest.approx(metrics.precision_score(a, b))
    assert ours.TPR == pytest.approx(metrics.recall_score(a, b)) and ours.FNR == pytest.approx(1 - ours.TPR)
    assert ours.TNR == pytest.approx(metrics.recall_score(~a, ~b)) and ours.FPR == pytest.approx(1 - ours.TNR)
    assert ours.IoU == pytest.approx(metrics.jaccard_score(a, b))
    assert np.isnan(scores.rates(np.array([False]), np.array([False])).precision)


def test_area_scores_by_hand(halves):
    """Found: columns 4 to 19. True: 0 to 17. Both 14, only found 2, only true 4, neither 0."""
    s = scores.grain_scores(boxes(np.s_[:, 4:9], np.s_[:, 9:20]), halves)
    assert s.precision_A == pytest.approx(14 / 16) and s.TPR_A == pytest.approx(14 / 18)
    assert s.TNR_A == 0 and s.FPR_A == 1 and s.FNR_A == pytest.approx(4 / 18)
    # Single grains: 5 of 9 columns with nothing else, and all 9 with 2 of the other 11.
    assert s.TPR_G == pytest.approx((5 / 9 + 1) / 2) and s.TNR_G == pytest.approx((1 + 9 / 11) / 2)
    assert s.IoU == pytest.approx((5 / 9 + 9 / 11) / 2)


def test_a_missed_grain_counts_as_zero_only_where_it_says_so(halves):
    s = scores.grain_scores(halves[1:], halves)
    assert s.TPR_G == s.TPR_G_matched == s.TPR_G_paper == s.IoU == 1
    assert s.TPR_G_all == s.IoU_all == 0.5 and s.mean_map_correlation == pytest.approx(0.5)
    assert s.pairs.tolist() == [-1, 0] and s.matched[0] is None and s.found == 1


def test_a_grain_in_two_pieces_counts_twice_in_tpr_g_and_once_matched():
    true = boxes(np.s_[:, :10])
    s = scores.grain_scores(boxes(np.s_[:14, :10], np.s_[14:, :10]), true)
    assert s.best.tolist() == [0, 0] and s.TPR_G == pytest.approx(0.5)
    assert s.TPR_G_matched == s.TPR_G_all == pytest.approx(0.7)


def test_what_correlates_with_nothing_is_no_pair(halves):
    noise = np.random.default_rng(1).random((3, 20, 20))
    clean, s = scores.grain_scores(halves, halves), scores.grain_scores(np.concatenate([halves, 0.1 * noise]), halves)
    assert s.best.tolist() == [0, 1, -1, -1, -1] and s.components[2] is None
    for name in ("TPR_G", "TNR_G", "IoU", "TPR_G_all", "found", "ARI"):
        assert getattr(s, name) == getattr(clean, name), name
    # The paper's variant asks for no correlation: noise belongs to some grain, and lowers the mean.
    assert s.TPR_G_paper < 1
    assert scores.grain_scores(noise, halves, least_correlation=0.9).TPR_G is not None
    assert np.isnan(scores.grain_scores(noise, halves, least_correlation=0.9).TPR_G)


def test_the_papers_match_goes_by_weight_not_by_correlation():
    true = boxes(np.s_[:, :15], np.s_[:5, 14:20])
    found = boxes(np.s_[:5, 8:20])  # 35 positions in the large grain, 30 in the small one
    s = scores.grain_scores(found, true)
    assert s.best.tolist() == [1] and s.TPR_G == pytest.approx(1.0)
    assert s.TPR_G_paper == pytest.approx(35 / 300)


def test_ari_is_that_of_scikit_learn_where_a_grain_is():
    rng = np.random.default_rng(2)
    truth, found = rng.integers(-1, 4, (15, 16)), rng.integers(-1, 5, (15, 16))
    use = truth >= 0
    expected = metrics.adjusted_rand_score(truth[use], found[use])
    assert scores.adjusted_rand_index(found, truth) == pytest.approx(expected)
    names = np.array([3, 0, 4, 1, 2, 7])
    assert scores.adjusted_rand_index(names[found + 1], truth) == pytest.approx(expected)
    assert abs(expected) < 0.05
    mixed = boxes(np.s_[:, :9], np.s_[:, 9:18])
    assert scores.grain_scores(mixed + 0.9 * mixed[::-1], mixed).ARI == 1


def test_order_and_scale_do_not_matter(film):
    rng = np.random.default_rng(3)
    maps = np.clip(film.maps[1:] + 0.1 * rng.standard_normal((8, 40, 36)), 0, None)
    before = scores.grain_scores(maps, film)
    order = rng.permutation(8)
    after = scores.grain_scores(maps[order] * 1e4, film)
    assert np.allclose(list(before.as_dict().values()), list(after.as_dict().values()), atol=1e-9, equal_nan=True)
    assert np.array_equal(order[after.pairs], before.pairs) and 0.5 < before.IoU < 1


def test_excluded_positions_do_not_count(film):
    maps, truth = film.maps[1:].copy(), film.maps[1:].copy()
    clean = scores.grain_scores(maps[:, :, 4:], truth[:, :, 4:])
    maps[:, :, :3] = np.nan
    truth[:, :, :3], truth[:, :, 3], maps[:, :, 3] = 1e9, np.nan, 1e9
    masked = scores.grain_scores(maps, truth)
    assert np.allclose(list(clean.as_dict().values()), list(masked.as_dict().values()), equal_nan=True)


def test_what_a_true_grain_is(film):
    thickness = boxes(np.s_[:5, :5], np.s_[10:14, :6], np.s_[:, 10:]) * np.array([2.0, 8.0, 20.0])[:, None, None]
    assert scores.grain_scores(thickness, thickness).grains.tolist() == [2]  # 2 is below 0.15 of 20, 24 positions too few
    assert scores.grain_scores(thickness, thickness, min_positions=24).grains.tolist() == [1, 2]
    assert scores.grain_scores(thickness, thickness, least=1.5).grains.tolist() == [0, 2]
    assert (scores.true_grains(thickness, least=3, min_positions=1) == (thickness > 3)).all()
    assert scores.grain_scores(thickness, thickness, fraction=0.05, min_positions=1, grains=[2, 1]).grains.tolist() == [2, 1]
    # The background of a phantom is no grain.
    assert film.names[0] == "amorphous" and scores.grain_scores(film.maps, film).grains.tolist() == list(range(1, 9))
    bare = SimpleNamespace(maps=film.maps)
    assert len(scores.grain_scores(film.maps, bare, fraction=0.05).grains) == 9


def test_results_and_grains_are_taken_as_they_are(film):
    result = Unmix(film.data, centre=film.centre).nmf(8, random_state=0)
    same = scores.grain_scores(result.intensities, film).as_dict().values()
    assert np.array_equal(list(scores.grain_scores(result, film).as_dict().values()), list(same), equal_nan=True)
    grains = result.grains()
    s = scores.grain_scores(grains, film)
    assert s.found == 8 and s.IoU > 0.8 and s.TPR_G > 0.93 and s.TNR_G > 0.97
    assert s.area.true_positive == np.count_nonzero((grains.count > 0) & scores.true_grains(film.maps[1:]).any(0))
    masks = scores.grain_scores(grains.masks, film)
    assert masks.TPR_G_all == pytest.approx(s.TPR_G_all) and masks.IoU == pytest.approx(s.IoU)
    text = repr(s)
    assert "8 of 8 grains found" in text and "TPR_G_all" in text and "ARI" in text


def test_a_background_is_no_grain_of_the_area_scores(halves):
    ramp = 5 + np.add.outer(np.arange(20.0), np.arange(20.0)) / 20
    found = np.concatenate([halves, ramp[None]])
    clean, s = scores.grain_scores(halves, halves), scores.grain_scores(found, halves)
    assert s.precision_A == s.TNR_A == s.ARI == clean.ARI == 1
    kept = scores.grain_scores(found, halves, background="keep")
    assert kept.TNR_A < 1 and kept.ARI == 0 and kept.IoU == s.IoU == 1


def test_nothing_found_scores_nothing(halves):
    for found in (np.zeros((0, 20, 20)), np.zeros((2, 20, 20)), np.full((1, 20, 20), 3.0)):
        s = scores.grain_scores(found, halves)
        assert s.found == 0 and s.TPR_G_all == s.IoU_all == s.mean_map_correlation == s.TPR_A == 0
        assert np.isnan(s.TPR_G) and np.isnan(s.precision_A) and s.TNR_A == 1


def naive(patterns, weights):
    """Eq. 6 of Bruefach 2022 in words, with the absolute value."""
    mean = sum(w * p for w, p in zip(weights, patterns)) / sum(weights)
    mean = (mean - mean.min()) / (mean.max() - mean.min())
    total = 0.0
    for w, p in zip(weights, patterns):
        total += w * np.abs((p - p.min()) / (p.max() - p.min()) - mean).sum()
    return total / sum(weights)


def test_dissimilarity_is_eq_6_with_absolute_differences():
    rng = np.random.default_rng(4)
    patterns, weights = rng.random((12, 5, 6)), rng.random((12, 3))
    weights[4] = 0
    found = scores.dissimilarity(patterns, weights)
    assert np.allclose(found, [naive(patterns, w) for w in weights.T])
    assert scores.dissimilarity(patterns, weights[:, 0]) == pytest.approx(found[0])
    patterns[4] = 1e3  # weighs nothing
    assert np.allclose(scores.dissimilarity(patterns, weights), found)
    assert np.allclose(scores.dissimilarity(patterns * 7 + 2, weights * 5), found)
    patterns[0, 2, 2] = patterns[7, 0, 0] = np.nan
    left = np.isfinite(patterns).all(0)
    assert np.allclose(scores.dissimilarity(patterns, weights), scores.dissimilarity(patterns[:, left], weights))
    same = np.outer([1.0, 2.0, 3.0], [0.0, 1.0, 5.0])
    assert scores.dissimilarity(same, [1.0, 1.0, 2.0]) == pytest.approx(0, abs=1e-12)
    # Without the absolute value two opposite patterns would cancel.
    assert scores.dissimilarity([[0.0, 1.0, 0.5], [1.0, 0.0, 0.5]], [1.0, 1.0]) > 0.9


def test_dissimilarity_of_a_scan_in_passes(film):
    view = Unmix(film.to_dask(chunks=(10, 36, 48, 44)), centre=film.centre).prepare(direct_beam=4)
    rng = np.random.default_rng(5)
    weights = rng.random((40 * 36, 2)) * (rng.random((40 * 36, 2)) > 0.6)
    matrix = view.matrix()
    found = scores.matrix_dissimilarity(matrix, weights)
    assert matrix.passes == 2
    kept = ~view.geometry.detector_mask
    expected = scores.dissimilarity(film.data[:, :, kept].reshape(40 * 36, -1), weights)
    assert np.allclose(found, expected, rtol=1e-4)


def test_dissimilarity_grows_with_noise():
    rng = np.random.default_rng(6)
    pattern = np.exp(-(((np.indices((20, 20)) - 9.5) / 4) ** 2).sum(0))
    values = [scores.dissimilarity(rng.poisson(dose * pattern, (30, 20, 20)), np.ones(30)) for dose in (1000, 100, 10)]
    assert values[0] < values[1] < values[2]


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: scores.grain_scores(np.ones((4, 4)), np.ones((1, 4, 4))), "found must be"),
        (lambda: scores.grain_scores("nmf", np.ones((1, 4, 4))), "found must be"),
        (lambda: scores.grain_scores(np.ones((1, 4, 4)), np.ones((1, 4, 5))), "truth must be"),
        (lambda: scores.grain_scores(np.full((1, 8, 8), np.inf), np.ones((1, 8, 8))), "found must be finite"),
        (lambda: scores.grain_scores(np.ones((1, 8, 8)), np.full((1, 8, 8), np.inf)), "truth must be finite"),
        (lambda: scores.grain_scores(np.ones((1, 4, 4)), np.ones((1, 4, 4))), "truth must have a grain of at least 25"),
        (lambda: scores.grain_scores(np.ones((1, 8, 8)), np.full((1, 8, 8), np.nan)), "thickness must have a finite value"),
        (lambda: scores.grain_scores(np.ones((1, 8, 8)), np.ones((1, 8, 8)), grains=[1]), "grains must be indices"),
        (lambda: scores.grain_scores(np.ones((1, 8, 8)), np.ones((1, 8, 8)), threshold="mean"), "threshold must be one of"),
        (
            lambda: scores.grain_scores(np.ones((1, 8, 8)), np.ones((1, 8, 8)), least_correlation=3),
            "least_correlation must be",
        ),
        (lambda: scores.grain_scores(np.ones((1, 8, 8)), np.ones((1, 8, 8)), least=np.nan), "least must be"),
        (lambda: scores.grain_scores(np.ones((1, 8, 8)), np.ones((1, 8, 8)), background="no"), "background must be one of"),
        (lambda: scores.rates(np.ones(3), np.ones(3, bool)), "found must be boolean"),
        (lambda: scores.rates(np.ones(3, bool), np.ones(4, bool)), "truth's shape"),
        (lambda: scores.rates(np.ones(3, bool), np.ones(3, bool), np.ones(2, bool)), "excluded must have"),
        (lambda: scores.adjusted_rand_index([0, 1], [0, 1, 2]), "truth's shape"),
        (lambda: scores.adjusted_rand_index([0.5, 1], [0, 1]), "found must hold whole numbers"),
        (lambda: scores.adjusted_rand_index([0, 1], [-1, -1]), "truth must have a label"),
        (lambda: scores.dissimilarity(np.ones(4), np.ones(4)), "patterns must be"),
        (lambda: scores.dissimilarity(np.ones((4, 2)), np.ones(3)), "weights must be"),
        (lambda: scores.dissimilarity(np.ones((4, 2)), -np.ones(4)), "weights must be finite and not negative"),
        (lambda: scores.dissimilarity(np.full((4, 2), np.inf), np.ones(4)), "patterns must be finite"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_inputs_are_unchanged(halves):
    found, truth = halves.copy(), halves.copy()
    found[0, 0, 0] = truth[1, 1, 1] = np.nan
    copies = found.copy(), truth.copy()
    scores.grain_scores(found, truth)
    assert np.array_equal(found, copies[0], equal_nan=True) and np.array_equal(truth, copies[1], equal_nan=True)
