"""The number of components: recommendations against the truth, criteria against their definitions, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from skimage.metrics import structural_similarity

import unmix4d
from unmix4d import Unmix, UnmixWarning, phantoms
from unmix4d.choose_k import cao2025, decide, loss_knee, region_of_interest
from unmix4d.choose_k.agreement import agreement_each
from unmix4d.choose_k.coherence import morans_i
from unmix4d.choose_k.decision import RULES
from unmix4d.choose_k.held_out import gains_per_position
from unmix4d.choose_k.losses import absolute_losses
from unmix4d.choose_k.similarity import near_duplicates, pattern_similarities
from unmix4d.choose_k.stability import correlations, stability

KS = range(2, 8)


def film(seed=0, k=4, dose=3e3, **more):
    settings = dict(scan_shape=(18, 20), detector_shape=(32, 34), background=0, overlap=0.3, dose=dose, seed=seed)
    return phantoms.polycrystal(n_grains=k, **{**settings, **more})


@pytest.fixture(scope="module")
def phantom():
    return film()


@pytest.fixture(scope="module")
def choice(phantom):
    return Unmix(phantom.data, centre=phantom.centre).choose_k(KS, random_state=0)


class Copy:
    """Evidence as it was for a choice."""

    def __init__(self, choice):
        self.ks, self.sizes, self.table = choice.ks, choice.sizes, dict(choice.table)
        self.above_noise = int((choice.sizes > 1).sum())
        self.similarities = [choice.similarities[k] for k in choice]


def factors_of(choice, k):
    """Maps (n_positions, k) and patterns (k, n_pixels) of a result without masks."""
    result = choice[k]
    return result.maps.reshape(k, -1).T, result.patterns.reshape(k, -1)


# ------------------------------------------------------------------------------------------------ recommendations


@pytest.mark.one_in(3)
@pytest.mark.parametrize("seed, k, more", [(1, 3, {}), (2, 6, {"overlap": 0.0}), (3, 4, {"direct_beam": 0.5})])
def test_the_true_number_is_recommended(seed, k, more):
    made = film(seed=seed, k=k, dose=6e3, **more)
    found = Unmix(made.data, centre=made.centre).choose_k(range(2, 9), n_starts=2, random_state=0)
    assert (found.recommended, found.confidence) == (k, "clear"), found.reasons


def test_a_background_is_one_component():
    made = film(seed=4, k=3, background=0.4, dose=2e4)
    found = Unmix(made.data, centre=made.centre).choose_k(range(2, 8), n_starts=2, random_state=0)
    assert found.recommended == 4


def test_all_criteria_that_decide_agree_on_an_easy_scan(choice):
    assert choice.recommended == 4
    assert choice.votes["noise_edge"] == choice.votes["held_out"] == choice.votes["loss_knee"] == 4
    assert choice.table["worst_stability"][2] > 0.99 > choice.table["worst_stability"][5]


def test_a_component_inside_the_noise_is_not_counted():
    """1 % of a crystal at this dose is far below what noise makes: to count it would be to count noise."""
    made = phantoms.kimoto(scan_shape=(18, 18), detector_shape=(32, 32), dose=500, seed=0)
    with pytest.warns(UnmixWarning, match="that stands out of the noise but the mean pattern"):
        found = Unmix(made.data, centre=made.centre).choose_k(range(1, 6), n_starts=1, random_state=0)
    assert found.recommended == 1


@pytest.mark.slow
def test_a_bent_crystal_has_as_many_as_can_be_told_apart():
    """One crystal, several patterns; more of them with more electrons, fewer with precession."""

    def count(**more):
        made = phantoms.bent_crystal(scan_shape=(8, 24), detector_shape=(32, 32), seed=1, **more)
        view = Unmix(made.data, centre=made.centre)
        return view.choose_k(range(1, 11), n_starts=1, fraction=None, random_state=0).recommended

    few, many, smoothed = count(dose=300), count(dose=2e4), count(dose=2e4, precession_mrad=35.0)
    assert 1 < few < many
    assert 1 < smoothed < many


def test_the_end_of_the_range_is_ambiguous(phantom):
    view = Unmix(phantom.data, centre=phantom.centre)
    found = view.choose_k([2, 3], n_starts=1, fraction=None, random_state=0)
    assert (found.recommended, found.confidence) == (3, "ambiguous")
    assert any("largest number that was tried" in reason for reason in found.reasons)


def test_disagreement_is_ambiguous(choice):
    """Evidence whose held-out counts prefer another number."""

    found = decide(Copy(choice), {**choice.votes, "held_out": 6})
    assert found.confidence == "ambiguous"
    assert any("6" in reason and "disagree" in reason for reason in found.reasons)


def test_one_number_alone(phantom):
    found = Unmix(phantom.data, centre=phantom.centre).choose_k([4], n_starts=1, random_state=0)
    assert found.recommended == 4 and list(found) == [4]


# ------------------------------------------------------------------------------------------- what it is made of


def test_votes_and_table(choice):
    assert set(choice.votes) == {"noise_edge", "held_out", "loss_knee", "distinct", "stable", "coherent"}
    for name, values in choice.table.items():
        assert values.shape == (len(KS),), name
        assert not values.flags.writeable
    assert (np.diff(choice.table["mse"]) < 0.02 * choice.table["mse"][0]).all()
    assert choice.table["mse_over_svd"].min() > 1 - 1e-4
    assert choice.table["held_out_behind"][np.nanargmax(choice.table["held_out"])] == 0
    assert (choice.sizes > 1).sum() == 4


def test_the_results_are_those_of_nmf(phantom, choice):
    view = Unmix(phantom.data, centre=phantom.centre)
    alone = view.nmf_series(KS, n_starts=2, smooth=1.0, random_state=0)
    for k in choice:
        assert choice[k].k == k
        assert choice[k].loss == pytest.approx(alone[k].loss, rel=2e-3)
    assert choice.settings["passes"] == choice[2].settings["passes"]


def test_unknown_number(choice):
    with pytest.raises(KeyError, match="k must be one of the numbers that were tried, 2, 3, 4, 5, 6, 7, got 9"):
        choice[9]


def test_repr_says_why(choice):
    text = repr(choice)
    assert text.startswith("<KChoice: 4 components of 2 to 7, clear (rule unmix4d)>")
    assert "stand out of the noise" in text and "held out 4" in text
    assert len(text.splitlines()) <= 9


def test_loss_is_the_mean_absolute_residual(phantom, choice):
    X = phantom.data.reshape(360, -1).astype(float)
    matrix = Unmix(phantom.data).matrix("double")
    factors = [factors_of(choice, k) for k in (2, 5)]
    wanted = [np.abs(X - maps.astype(float) @ patterns).mean() for maps, patterns in factors]
    assert absolute_losses(matrix, factors) == pytest.approx(wanted, rel=1e-6)
    assert choice.table["loss"][[0, 3]] == pytest.approx(wanted, rel=1e-4)


def test_gains_are_those_of_log_likelihood(phantom):
    fit, rest = Unmix(phantom.data).split_counts(0.8, random_state=1)
    results = fit.nmf_series([2, 4], random_state=0)
    factors = [(r.maps.reshape(r.k, -1).T, r.patterns.reshape(r.k, -1)) for r in results.values()]
    statistics = fit.matrix().statistics()
    gains, electrons = gains_per_position(rest.matrix(), factors, statistics.totals, statistics.mean_pattern * 360, 0.25)
    wanted = [r.log_likelihood(rest, relative_to="mean") for r in results.values()]
    assert gains.shape == (360, 2)
    assert gains.sum(0) / electrons == pytest.approx(wanted, abs=2e-5)


def test_agreement_against_mean_patterns(phantom, choice):
    result = choice[4]
    means = result.mean_patterns().reshape(4, -1)
    wanted = [np.corrcoef(a, b)[0, 1] for a, b in zip(means, result.patterns.reshape(4, -1))]
    (found,) = agreement_each(Unmix(phantom.data).matrix(), [factors_of(choice, 4)])
    assert found == pytest.approx(wanted, abs=1e-5)
    assert choice.table["worst_agreement"][2] == pytest.approx(min(wanted), abs=1e-3)


def test_similarity_uses_intensities_and_roots():
    rng = np.random.default_rng(0)
    patterns = rng.random((3, 12, 14))
    patterns[2] = 7 * patterns[0]
    tables = pattern_similarities(patterns)
    unit = patterns / patterns.sum((1, 2), keepdims=True)
    wanted = structural_similarity(*np.sqrt(unit[:2]), data_range=np.sqrt(unit.max()))
    assert tables["ssim_sqrt"][0, 1] == pytest.approx(wanted, rel=1e-6)
    assert tables["cosine"][0, 2] == pytest.approx(1)
    assert near_duplicates(tables["cosine_sqrt"]) == [(0, 2)]


def test_the_annulus_limits_the_comparison(phantom):
    view = Unmix(phantom.data, centre=phantom.centre)
    mask = ~view.prepare(annulus=(4, 12)).geometry.kept_pixels.reshape(32, 34)
    found = view.choose_k([3, 4], n_starts=1, fraction=None, annulus=(4, 12), random_state=0)
    wanted = pattern_similarities(found[3].patterns, mask)["cosine"]
    assert found.similarities[3]["cosine"] == pytest.approx(wanted, abs=1e-4)
    everywhere = pattern_similarities(found[3].patterns)["ssim"]
    assert not np.allclose(found.similarities[3]["ssim"], everywhere, atol=1e-3)


def test_stability_of_permuted_and_of_unrelated_maps():
    rng = np.random.default_rng(0)
    maps = rng.random((200, 4))
    assert stability(maps, [3 * maps[:, ::-1]]) == pytest.approx(np.ones(4))
    assert np.abs(stability(maps, [rng.random((200, 4))])).max() < 0.3
    assert np.isnan(stability(maps, [])).all()
    assert correlations(np.ones((5, 1)), maps[:5]).tolist() == [[0, 0, 0, 0]]


def test_morans_i_by_its_definition():
    rng = np.random.default_rng(0)
    image = rng.random((6, 7))
    image[2, 3] = np.nan
    z = image - np.nanmean(image)
    products = [z[r, c] * z[r + dr, c + dc] for dr, dc in ((0, 1), (1, 0)) for r in range(6 - dr) for c in range(7 - dc)]
    wanted = np.nanmean(products) / np.nanmean(z**2)
    assert morans_i(image[None])[0] == pytest.approx(wanted)
    assert np.isnan(morans_i(np.full((1, 1, 1), 2.0))).all()
    assert morans_i(np.full((1, 4, 4), 2.0)).tolist() == [0]


def test_knee_and_region():
    ks = np.arange(3, 21)
    losses = np.where(ks < 10, 30 - 2.5 * ks, 5 - 0.02 * (ks - 10))
    assert loss_knee(ks, losses) == 10
    assert region_of_interest(ks, 10) == (6, 14)
    assert region_of_interest(ks, None) == (3, 20)
    assert region_of_interest(ks, 4) == (3, 8)
    assert loss_knee([2, 3, 4, 5], [1, 1, 1, 1]) is None
    assert loss_knee([2, 3], [2, 1]) is None


# --------------------------------------------------------------------------------------------------- rules


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule not in ("unmix4d", "cao2025")])
def test_a_criterion_alone(choice, rule):
    if choice.votes[rule] is None:
        with pytest.raises(ValueError, match="no opinion on this scan: no number of the range fails"):
            decide(Copy(choice), choice.votes, rule=rule)
        return
    found = decide(Copy(choice), choice.votes, rule=rule)
    assert found.recommended == choice.votes[rule]
    assert rule.replace("_", " ") in found.reasons[0]


def test_a_criterion_alone_from_the_scan(phantom):
    view = Unmix(phantom.data, centre=phantom.centre)
    found = view.choose_k([3, 4, 5], rule="noise_edge", n_starts=1, fraction=None, random_state=0)
    assert found.recommended == 4 and "rule noise_edge" in repr(found)


def test_cao2025_takes_the_steps_of_the_paper(phantom):
    """Knee of the loss; then, among the components of the largest factorisation, the one least like the others."""
    view = Unmix(phantom.data, centre=phantom.centre)
    found = view.choose_k(range(2, 12), rule="cao2025", n_starts=1, fraction=None, random_state=0)
    steps = found.details
    assert steps.knee == loss_knee(found.ks, found.table["loss"])
    assert steps.region == (max(2, steps.knee - 4), min(11, steps.knee + 4)) == found.region
    for table in steps.matrices.values():
        assert table.shape == (11, 11)
    # The patterns are those of the factorisation with 11, in the order of its solver: all of them, once.
    own = pattern_similarities(found[11].patterns)
    assert own["cosine"].shape == (11, 11)
    low, high = steps.region
    inside = range(low, high + 1)
    least_alike = min(inside, key=lambda i: np.delete(steps.matrices["ssim"][i - 1], i - 1).mean())
    most_unlike = [max(inside, key=lambda i: np.delete(steps.matrices[m][i - 1], i - 1).mean()) for m in ("gmsd", "mdsi")]
    assert [steps.chosen[m] for m in ("ssim", "gmsd", "mdsi")] == [least_alike, *most_unlike]
    assert found.recommended == sorted([least_alike, *most_unlike])[1]
    with pytest.raises(ValueError, match="rule='cao2025'"):
        view.choose_k([2, 3], n_starts=1, fraction=None, random_state=0).plot_image_quality()


def test_script_of_the_paper(phantom, tmp_path, capsys, monkeypatch):
    """It says that there are no data, and takes the steps on any scan."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks" / "reproduce"))
    import cao_fig3

    assert cao_fig3.main([]) == 0
    assert "Skipped" in capsys.readouterr().out
    np.save(tmp_path / "scan.npy", phantom.data)
    figure = tmp_path / "figure.png"
    assert cao_fig3.main(["--data", str(tmp_path / "scan.npy"), "--largest", "9", "--figure", str(figure)]) == 0
    assert "| knee of the loss" in capsys.readouterr().out
    assert figure.stat().st_size > 10_000


def test_cao2025_finds_the_odd_pattern():
    """Of nearly equal patterns and a different one, the index of that is the answer, whatever its meaning."""
    rng = np.random.default_rng(0)
    base = rng.random((24, 24))
    patterns = np.stack([base + 0.01 * rng.random((24, 24)) for _ in range(8)])
    patterns[5] = rng.random((24, 24)) ** 4
    ks = np.arange(2, 9)
    found = cao2025(ks, np.exp(-ks / 1.5), patterns)
    assert found.recommended == 6
    assert set(found.chosen.values()) == {6}


# ------------------------------------------------------------------------------------------- kinds of input


@pytest.mark.slow
def test_every_host_gives_the_same(as_host):
    made = phantoms.polycrystal(n_grains=3, scan_shape=(9, 10), detector_shape=(20, 22), background=0, dose=2e3, seed=1)
    found = as_host(made).choose_k(range(2, 5), n_starts=1, random_state=0)
    direct = Unmix(made.data, centre=made.centre).choose_k(range(2, 5), n_starts=1, random_state=0)
    assert found.recommended == direct.recommended == 3
    assert found.table["loss"] == pytest.approx(direct.table["loss"], rel=1e-3)
    assert found.table["held_out"] == pytest.approx(direct.table["held_out"], abs=1e-3)


def test_the_seed_is_recorded_and_repeats(phantom):
    view = Unmix(phantom.data, centre=phantom.centre)
    first = view.choose_k([3, 4], n_starts=2)
    again = view.choose_k([4, 3], n_starts=2, random_state=first.settings["random_state"])
    assert all(np.array_equal(first.table[name], again.table[name]) for name in first.table)


def test_transposing_scan_and_detector_changes_nothing(phantom):
    turned = np.ascontiguousarray(phantom.data.transpose(1, 0, 3, 2))
    first, second = (
        Unmix(data).choose_k([3, 4, 5], n_starts=1, fraction=None, random_state=0) for data in (phantom.data, turned)
    )
    assert first.recommended == second.recommended == 4
    assert first.sizes[:4] == pytest.approx(second.sizes[:4], rel=1e-3)


def test_scaling_changes_nothing_but_the_unit(phantom):
    data = phantom.data.astype(np.float32)
    first, second = (Unmix(data * factor).choose_k(KS, n_starts=1, fraction=None, random_state=0) for factor in (1, 0.37))
    assert first.recommended == second.recommended == 4
    assert first.sizes[:6] == pytest.approx(second.sizes[:6], rel=1e-3)
    assert second.table["loss"] == pytest.approx(0.37 * first.table["loss"], rel=1e-3)


def test_no_counts_no_held_out_part(phantom):
    """Averages are no counts: that criterion is left out and says why; the others remain."""
    view = Unmix(phantom.data.astype(np.float32) / 3, centre=phantom.centre)
    found = view.choose_k(KS, n_starts=1, random_state=0)
    assert found.votes["held_out"] is None and "held_out" not in found.table
    assert any("needs counts" in reason for reason in found.reasons)
    assert found.recommended == 4
    with pytest.raises(ValueError, match="rule 'held_out' has no opinion on this scan: .*needs counts"):
        view.choose_k([3, 4], rule="held_out", n_starts=1, random_state=0)


def test_masked_values_have_no_influence(phantom):
    data = phantom.data.astype(np.float32)
    data[3, 4], data[:, :, 5, 6] = np.nan, 1e9
    scan_mask, detector_mask = np.zeros((18, 20), bool), np.zeros((32, 34), bool)
    scan_mask[3, 4] = detector_mask[5, 6] = True
    found = Unmix(data).prepare(scan_mask=scan_mask, detector_mask=detector_mask).choose_k(KS, n_starts=1, random_state=0)
    assert found.recommended == 4 and found.votes["held_out"] == 4
    assert np.isnan(found[4].maps[:, 3, 4]).all() and np.isnan(found[4].patterns[:, 5, 6]).all()


def test_features(phantom):
    view = Unmix(phantom.data, centre=phantom.centre).angular_average(rings=[(5, 10), (10, 15)])
    found = view.choose_k(range(2, 7), n_starts=1, random_state=0)
    assert found.votes["held_out"] is None
    assert any("features" in reason for reason in found.reasons)
    assert found[4].features.shape == (4, 2, 72)
    assert set(found.similarities[4]) == {"cosine", "cosine_sqrt"}
    with pytest.raises(ValueError, match="annulus"):
        view.choose_k([2, 3], annulus=(3, 9))


def test_a_line_scan_and_a_scan_without_noise():
    made = film(scan_shape=(2, 60), dose=3e3)
    line = made.data[:1]
    assert Unmix(line).choose_k(range(2, 7), n_starts=1, random_state=0).recommended in (3, 4)
    exact = film(dose=None)
    found = Unmix(exact.data).choose_k(KS, n_starts=1, random_state=0)
    assert found.votes["noise_edge"] == 4
    assert found.votes["held_out"] is None


def test_numbers_far_above_the_noise_edge_are_not_tried_on_a_part(phantom):
    found = Unmix(phantom.data, centre=phantom.centre).choose_k([3, 4, 8, 9, 12], n_starts=1, random_state=0)
    assert np.isnan(found.table["held_out"]).tolist() == [False, False, False, True, True]
    assert np.isfinite(found.table["loss"]).all() and found.votes["held_out"] in (4, 8)


def test_the_input_is_not_changed(phantom):
    before = phantom.data.copy()
    Unmix(phantom.data).choose_k([2, 3], n_starts=1, random_state=0)
    assert np.array_equal(before, phantom.data)


# ---------------------------------------------------------------------------------------------- hostile input


@pytest.mark.parametrize(
    "ks, arguments, error, message",
    [
        ([], {}, ValueError, "ks must hold at least one number"),
        (5, {}, TypeError, "ks must be a sequence"),
        ([2, 2], {}, ValueError, "ks must name every number once, got 2, 2"),
        ([0, 1], {}, ValueError, "ks must be at least 1, got 0"),
        ([2, 1000], {}, ValueError, "ks must be at most 360.*got 1000"),
        ([2.5], {}, TypeError, "ks must be a whole number"),
        ("ab", {}, TypeError, "ks must be a whole number"),
        ([2, 3], {"rule": "magic"}, ValueError, "rule must be one of"),
        ([2, 3], {"rule": None}, ValueError, "rule must be one of"),
        ([2, 3], {"fraction": 1.0}, ValueError, "fraction must be below 1"),
        ([2, 3], {"fraction": 0}, ValueError, "fraction must be above 0"),
        ([2, 3], {"n_starts": 0}, ValueError, "n_starts must be at least 1"),
        ([2, 3], {"weights": "heavy"}, ValueError, "weights must be one of"),
        ([2, 3], {"smooth": -1}, ValueError, "sigma"),
        ([2, 3], {"precision": "half"}, ValueError, "precision must be one of"),
        ([2, 3], {"random_state": -1}, ValueError, "random_state"),
        ([2, 3], {"annulus": (9, 3)}, ValueError, "annulus"),
        ([2, 3], {"annulus": "wide"}, (TypeError, ValueError), "annulus"),
    ],
)
def test_hostile_arguments(phantom, ks, arguments, error, message):
    with pytest.raises(error, match=message):
        Unmix(phantom.data, centre=phantom.centre).choose_k(ks, **arguments)


@pytest.mark.parametrize("value, message", [(-1.0, "not negative"), (np.nan, "finite")])
def test_hostile_data(phantom, value, message):
    data = phantom.data.astype(np.float32)
    data[2, 3, 4, 5] = value
    with pytest.raises(ValueError, match=message):
        Unmix(data).choose_k([2, 3])


def test_small_detector_for_the_paper():
    data = np.random.default_rng(0).poisson(3.0, (6, 6, 5, 9))
    with pytest.raises(ValueError, match="rule 'cao2025' compares images of at least 7 x 7 pixels, got .5, 9."):
        Unmix(data).choose_k([2, 3], rule="cao2025")


# ------------------------------------------------------------------------------------------------ figures


def test_figure_shows_the_recommendation(choice):
    import matplotlib.pyplot as plt

    axes = choice.plot()
    assert axes.shape == (5,) and list(axes) == axes[0].figure.axes
    assert "4 components, clear" in axes[0].figure._suptitle.get_text()
    ax = plt.subplots()[1]
    assert choice.plot(ax=ax) is ax
    assert [t.get_text() for t in ax.get_yticklabels()][-1] == "noise edge"
    drawn = choice.plot_similarity(3, "ssim").images[0].get_array()
    assert np.array_equal(drawn, choice.similarities[3]["ssim"])
    with pytest.raises(ValueError, match="metric must be one of"):
        choice.plot_similarity(3, "psnr")


def test_public_name():
    assert unmix4d.KChoice.__name__ == "KChoice"
