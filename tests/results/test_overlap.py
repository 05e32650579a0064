"""Overlap: known bands and noise, invariances, hostile arguments, memberships, features, hosts, figures."""

import warnings

import matplotlib
import numpy as np
import pytest

import unmix4d
from unmix4d import Unmix, maps, phantoms
from unmix4d.core.geometry import Calibration, ScanGeometry
from unmix4d.maps import pair_table
from unmix4d.methods.svd import MEANING
from unmix4d.results.decomposition import Decomposition
from unmix4d.results.meaning import Meaning
from unmix4d.results.overlap import Overlap

matplotlib.use("Agg")


# Small maps fill their scan.
pytestmark = pytest.mark.filterwarnings("ignore:overlap compares all components:unmix4d.UnmixWarning")


def result(images, *, patterns=None, step=(1.0, 1.0), mask=None, residual=0.0, method="nmf", **more):
    """A Decomposition with the given maps; patterns with one bright pixel each unless others are given."""
    images = np.array(images, float)
    k = len(images)
    geometry = ScanGeometry(images.shape[1:], (3, 4), scan_mask=mask, calibration=Calibration(step=step, step_unit="nm"))
    if mask is not None:
        images[:, mask] = np.nan
    if patterns is None:
        patterns = np.zeros((k, 12))
        patterns[np.arange(k), np.arange(k)] = 100.0
        patterns = patterns.reshape(k, 3, 4)
    more.setdefault("residuals", np.full(images.shape[1:], residual))
    return Decomposition(method, patterns, images, np.ones(k), 0.0, geometry, {}, **more)


def ramp(n=21, rows=5):
    """Two components that go over into one another along the columns."""
    share = np.linspace(0, 1, n)
    return np.stack([np.tile(1 - share, (rows, 1)), np.tile(share, (rows, 1))])


@pytest.fixture(scope="module")
def wire():
    """Two crystals that overlap in a band of 8 positions, vacuum around them, and what NMF makes of it."""
    shapes = {"scan_shape": (40, 20), "detector_shape": (56, 52)}
    phantom = phantoms.bicrystal_in_vacuum(**shapes, overlap=8, edge=0.6, dose=4e3, seed=1)
    view = Unmix(phantom.data, centre=phantom.centre, step=2.0, step_unit="nm")
    return phantom, view.nmf(3, n_starts=2, random_state=0)


def components(phantom, found):
    """Of each true component, the one found for it."""
    k = found.k
    both = np.corrcoef(found.maps.reshape(k, -1), phantom.maps.reshape(k, -1))[:k, k:]
    return [int(i) for i in both.argmax(0)]


# Truth


def test_width_of_a_known_band(wire):
    """The share goes from 0 to 1 along 9 positions: a ratio of r is reached along 9 (1 - r) / (1 + r) of them."""
    phantom, found = wire
    vacuum, upper, lower = components(phantom, found)
    overlap = found.overlap(background=vacuum, thresholds=(0.25, 0.5, 0.75))
    pair = overlap.pairs
    assert (pair["component"][0], pair["partner"][0]) == tuple(sorted((upper, lower)))
    for level in (0.25, 0.5):
        width = overlap.at(level).sum(axis=0)
        assert abs(np.median(width) - 9 * (1 - level) / (1 + level)) <= 1.0
        # Not only how wide: where.
        truth = np.sort(phantom.maps[1:], axis=0)
        true = truth[-2] >= level * np.maximum(truth[-1], 1e-9)
        inside = phantom.maps[0] < 0.05
        assert (overlap.at(level) == true)[inside].mean() > 0.95


def test_vacuum_has_no_overlap(wire):
    """Two weights of noise are as equal as those of a real overlap; without the rule vacuum is full of it."""
    phantom, found = wire
    vacuum = components(phantom, found)[0]
    empty = phantom.maps[0] > 0.99
    assert empty.sum() > 100
    overlap = found.overlap(background=vacuum)
    assert np.isnan(overlap.ratio[empty]).mean() > 0.97
    assert (overlap.second[empty] == -1).mean() > 0.97
    without = found.overlap(background=vacuum, min_weight=None)
    assert without.at(0.3)[empty].mean() > 5 * overlap.at(0.3)[empty].mean() + 0.02


def test_standard_errors_are_those_of_repeated_counting():
    """Known patterns, 400 repetitions of the same counts: their spread is what is predicted, correlated patterns too."""
    rng = np.random.default_rng(0)
    patterns = rng.gamma(0.5, 1.0, (3, 200)) * 10
    patterns[1] = 0.7 * patterns[0] + 0.3 * patterns[1]
    true = np.array([1.0, 0.6, 0.3])
    counts = rng.poisson(np.broadcast_to(true @ patterns, (400, 200)))
    fitted = np.linalg.lstsq(patterns.T, counts.T, rcond=None)[0]
    residuals = np.sqrt(np.mean((counts.T - patterns.T @ fitted) ** 2, axis=0))
    assert (fitted > 0).all()
    errors = maps.weight_errors(fitted.reshape(3, 20, 20), patterns, residuals.reshape(20, 20))
    assert np.allclose(errors.mean(axis=(1, 2)), fitted.std(axis=1), rtol=0.1)
    # The same variance for all pixels.
    noisy = true @ patterns + rng.normal(0, 2.0, (400, 200))
    fitted = np.linalg.lstsq(patterns.T, noisy.T, rcond=None)[0]
    assert (fitted > 0).all()
    errors = maps.weight_errors(fitted.reshape(3, 20, 20), patterns, 2.0 * np.sqrt(197 / 200), counting=False)
    assert np.allclose(errors.mean(axis=(1, 2)), fitted.std(axis=1), rtol=0.1)


@pytest.mark.parametrize("counting", [True, False])
def test_standard_errors_are_those_of_the_active_components(counting):
    """Against the formula written out: those that are zero take no part, but for the one whose error is asked for."""
    rng = np.random.default_rng(1)
    k, patterns = 4, rng.gamma(0.5, 1.0, (4, 30))
    weights = np.maximum(rng.normal(size=(k, 3, 5)), 0)
    weights[:, 0, 0] = 0
    weights[:, 1, 1] = np.nan
    found = maps.weight_errors(weights, patterns, np.full((3, 5), 0.3), counting=counting)
    assert np.isnan(found[:, 1, 1]).all() and np.isfinite(np.delete(found.reshape(k, -1), 6, axis=1)).all()
    for at in set(np.ndindex(3, 5)) - {(1, 1)}:
        here, errors = weights[(slice(None), *at)], found[(slice(None), *at)]
        for i in range(k):
            use = (here > 0) | (np.arange(k) == i)
            solve = np.linalg.pinv(patterns[use].T)
            shape = here @ patterns / (here @ patterns).mean() if counting and here.any() else np.ones(30)
            variance = 0.09 * 30 / (30 - np.count_nonzero(here)) * shape
            number = use[:i].sum()
            assert errors[i] == pytest.approx(np.sqrt((solve * variance @ solve.T)[number, number]), rel=1e-6)


@pytest.mark.filterwarnings("ignore:overlap found no position:unmix4d.UnmixWarning")
def test_equal_patterns_tell_nothing_apart():
    """Of two components with one pattern, no weight is known: no overlap, and no division by zero."""
    patterns = np.ones((2, 3, 4))
    found = result(np.full((2, 4, 5), 0.5), patterns=patterns, residual=0.1)
    assert np.isnan(found.overlap().ratio).all()
    errors = maps.weight_errors(found.maps, patterns, 0.1)
    assert np.isfinite(errors).all() and errors.min() > 10


def test_third_components_and_the_rule_of_a_fraction():
    weights = np.array([[[1.0, 1.0, 0.0, 1.0]], [[0.8, 0.04, 0.0, 0.0]], [[0.3, 0.03, 0.0, 1.0]]])
    overlap = result(weights).overlap(min_weight=0.1, thresholds=0.5, background="keep")
    assert overlap.ratio[0, 0] == pytest.approx(0.8) and np.isnan(overlap.ratio[0, [1, 2]]).all()
    assert overlap.first.tolist() == [[0, 0, -1, 0]] and overlap.second.tolist() == [[1, -1, -1, 2]]
    free = result(weights).overlap(min_weight=0, background="keep")
    assert free.ratio[0, 1] == pytest.approx(0.04) and np.isnan(free.ratio[0, 2]) and free.ratio[0, 3] == 1.0


# Invariances


def test_scale_of_patterns_and_maps_does_not_matter(wire):
    _, found = wire
    factors = np.array([0.1, 3.0, 40.0])
    again = Decomposition(
        "nmf", found.patterns * factors[:, None, None], found.maps / factors[:, None, None], found.explained, found.loss,
        found.geometry, {}, residuals=found.residuals,
    )  # fmt: skip
    one, other = found.overlap(), again.overlap()
    assert np.allclose(one.ratio, other.ratio, rtol=1e-4, equal_nan=True)
    assert np.array_equal(one.first, other.first) and np.array_equal(one.second, other.second)


def test_permuting_components_permutes_their_numbers(wire):
    _, found = wire
    order = np.array([2, 0, 1])
    again = Decomposition(
        "nmf", found.patterns[order], found.maps[order], found.explained[order], found.loss, found.geometry, {},
        residuals=found.residuals,
    )  # fmt: skip
    one, other = found.overlap(), again.overlap()
    assert np.allclose(one.ratio, other.ratio, rtol=1e-5, equal_nan=True)
    new = np.argsort(order)
    for name in ("first", "second"):
        numbers = getattr(one, name)
        assert np.array_equal(np.where(numbers >= 0, new[numbers], -1), getattr(other, name))


def test_excluded_positions_are_nan_and_change_nothing(wire):
    phantom, _ = wire
    mask = np.zeros(phantom.scan_shape, bool)
    mask[5:9, 3:7] = True
    spoiled = phantom.data.copy()
    spoiled[mask] = 60000
    view = Unmix(phantom.data, centre=phantom.centre).prepare(scan_mask=mask)
    other = Unmix(spoiled, centre=phantom.centre).prepare(scan_mask=mask)
    one, two = (u.nmf(3, random_state=0).overlap() for u in (view, other))
    assert np.array_equal(one.ratio, two.ratio, equal_nan=True)
    assert np.isnan(one.ratio[mask]).all() and (one.first[mask] == -1).all() and not one.at(0.1)[mask].any()
    kept = np.count_nonzero(~mask)
    assert np.allclose(one.areas["share"], one.areas["n_positions"] / kept)


def test_inputs_are_not_changed_and_answers_read_only(wire):
    _, found = wire
    before = found.maps.copy(), found.patterns.copy()
    overlap = found.overlap()
    overlap.plot()
    found.composite()
    assert np.array_equal(before[0], found.maps) and np.array_equal(before[1], found.patterns)
    tables = overlap.areas["area"], overlap.pairs["area"]
    for array in (overlap.ratio, overlap.first, overlap.second, overlap.weights, *tables):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    assert overlap.ratio.dtype == found.maps.dtype == np.float32


# Scales, background, memberships, features


def test_both_scales():
    """Component 1 scatters ten times as much: in intensity it wins earlier than by its map."""
    patterns = np.zeros((2, 3, 4))
    patterns[0, 0, 0], patterns[1, 1, 1] = 10.0, 100.0
    found = result(ramp(), patterns=patterns)
    by_intensity, by_maps = (found.overlap(scale=scale, min_weight=None) for scale in ("intensity", "minmax"))
    assert np.allclose(by_maps.ratio[0], np.minimum(*ramp()[:, 0]) / np.maximum(*ramp()[:, 0]))
    equal = np.nanargmax(by_intensity.ratio[0]), np.nanargmax(by_maps.ratio[0])
    assert equal == (2, 10)  # 10 (1 - x) = 100 x at x = 1/11
    # The authors' min-max has one minimum for all maps, which is taken off.
    lifted = result(ramp() + 0.5).overlap(scale="minmax", min_weight=None)
    assert np.allclose(lifted.ratio, by_maps.ratio, atol=1e-12)


def test_background_is_never_a_partner():
    share = np.clip(ramp() * 5 - 2, 0, 1)
    found = result(np.concatenate([share, np.full((1, 5, 21), 0.9)]))
    for background in ("auto", 2, [2], np.int64(2)):
        overlap = found.overlap(background=background)
        assert overlap.background == (2,) and set(np.unique(overlap.first)) == {0, 1} and 2 not in overlap.second
        assert overlap.at(0.95).sum() == 5
    for background in (None, "keep"):
        kept = found.overlap(background=background)
        assert kept.background == () and 2 in kept.first and 2 in kept.second
    assert found.overlap().background == (2,) == found.grains(min_size=1).background
    assert result(ramp()).overlap().background == ()  # nothing would be left
    with pytest.raises(ValueError, match=r"besides the background \[0, 1\], got 0: name the background"):
        result(ramp()).overlap(background="auto")  # neither has an inside and an outside
    assert "no partner: component 2" in repr(found.overlap(background=2))


def absorbed(own=False):
    """Two grains and a background that is twice as strong where a third one is; `own`: that one has a component, too."""
    maps = np.zeros((4, 20, 24))
    maps[0, 2:8, 2:10] = maps[1, 12:18, 2:10] = 1
    maps[2] = 0.5 + 0.01 * np.random.default_rng(0).standard_normal((20, 24))
    maps[2, 5:15, 14:22] += 0.5
    maps[3, 5:15, 14:22] = 1
    return result(maps[: 4 if own else 3])


def test_where_a_background_is_higher_in_one_region():
    from unmix4d.maps.regions import grain_region

    even, grain = np.random.default_rng(0).normal(10, 1, (20, 20)), np.zeros((20, 20))
    grain[3:10, 4:12] = 8
    assert not grain_region(even).any() and np.array_equal(grain_region(even + grain), grain > 0)
    assert not grain_region(even + 8 - grain).any()  # a matrix with a hole


@pytest.mark.filterwarnings("ignore:overlap found no position:unmix4d.UnmixWarning")
def test_a_background_that_took_up_a_grain_is_said():
    found = absorbed()
    for call in (lambda: found.overlap(min_weight=None), lambda: found.grains(min_size=5)):
        with pytest.warns(unmix4d.UnmixWarning, match="takes component 2 for background"):
            answer = call()
        assert answer.background == (2,) and answer.settings["grain_in_background"] == [2]
        assert "perhaps with a grain in it: component 2" in repr(answer)
    kept = found.grains(min_size=5, background="keep")  # nothing was dropped, and nothing is said
    assert len(kept) == 3 and kept.masks[2].sum() == 80
    assert absorbed(own=True).grains(min_size=5).settings["grain_in_background"] == []


def test_memberships_are_compared_as_they_are():
    patterns = np.zeros((2, 3, 4))
    patterns[0, 0, 0], patterns[1, 1, 1] = 1.0, 1000.0

    geometry = result(ramp()).geometry
    shares = Meaning("shares", memberships=True)
    fuzzy = Decomposition("shares", patterns, ramp(), np.ones(2), 0.0, geometry, {}, meaning=shares)
    overlap = fuzzy.overlap()
    assert np.allclose(overlap.weights, ramp()) and overlap.settings["scale"] == "memberships"
    assert np.nanargmax(overlap.ratio[0]) == 10 and overlap.at(0.9).sum() == 5
    assert np.isnan(fuzzy.overlap(min_weight=0.45).ratio[:, :9]).all()


def test_fuzzy_clusters(wire):
    """The band between two crystals, from memberships: at the same place, and not wider."""
    phantom, _ = wire
    clusters = Unmix(phantom.data, centre=phantom.centre, step=2.0, step_unit="nm").fuzzy_cmeans(3, random_state=0)
    vacuum, upper, lower = components(phantom, clusters)
    overlap = clusters.overlap(background=vacuum, thresholds=(0.25,))
    assert np.array_equal(overlap.weights, clusters.memberships)
    inside = phantom.maps[0] < 0.05
    width = (overlap.at(0.25) & inside).sum(axis=0)
    assert 1 <= np.median(width) <= 9 * 0.75 / 1.25 + 1
    middle = np.abs(phantom.maps[1] - phantom.maps[2]) < 0.15
    assert overlap.at(0.25)[middle & inside].mean() > 0.9
    clusters.composite()


@pytest.mark.filterwarnings("ignore:overlap found no position:unmix4d.UnmixWarning")
def test_features_have_the_error_of_their_fit():
    """Where features were decomposed, their patterns and their loss say how well a weight is known."""
    features = np.array([[[10.0, 0, 0, 0]], [[0, 10.0, 0, 0]]])
    images = ramp()
    for loss, lost in ((1e-6, False), (4.0, True)):
        made = Decomposition(
            "nmf", result(images).patterns, images, np.ones(2), loss, result(images).geometry, {}, features=features
        )
        # 3 standard errors: 3 sqrt(4 x 4 / 2) / 10 = 0.85 where both are there.
        assert np.isnan(made.overlap().ratio[:, 1:-1]).all() == lost


def test_features_of_a_scan(crystal):
    view = Unmix(crystal.data, centre=crystal.centre).prepare(direct_beam=3).angular_average(rings=[(4, 10), (10, 18)])
    found = view.nmf(5, random_state=0)
    overlap = found.overlap(thresholds=(0.3,))
    assert found.features is not None and np.isfinite(overlap.ratio).mean() > 0.2
    assert found.residuals is None  # nothing was read for it


# Tables


def test_areas_and_pairs_are_calibrated():
    overlap = result(ramp(), step=(2.0, 5.0)).overlap(thresholds=[0.9, 0.5], min_weight=None)
    assert overlap.thresholds == (0.5, 0.9) and overlap.area_unit == "nm²"
    assert overlap.areas["n_positions"].tolist() == [5 * 7, 5] and overlap.areas["area"].tolist() == [350.0, 50.0]
    assert overlap.areas["share"].tolist() == pytest.approx([1 / 3, 1 / 21])
    for level, n in zip(overlap.thresholds, overlap.areas["n_positions"]):
        assert overlap.at(level).sum() == n
    assert overlap.pairs["component"].tolist() == [0] and overlap.pairs["partner"].tolist() == [1]
    assert overlap.pairs["n_above"].tolist() == [35] and overlap.pairs["area_above"].tolist() == [350.0]
    assert overlap.at(0.999).sum() == 5
    assert "350 nm²" in repr(overlap)


def test_profile_values_are_those_of_the_maps(wire):
    _, found = wire
    overlap = found.overlap()
    line = overlap.profile((35, 2), (4, 17))
    assert (line["row"][0], line["col"][0]) == (35, 2) and (line["row"][-1], line["col"][-1]) == (4, 17)
    assert np.array_equal(line["weights"], found.intensities[:, line["row"], line["col"]])
    assert np.array_equal(line["ratio"], overlap.ratio[line["row"], line["col"]], equal_nan=True)
    assert line["distance"][-1] == pytest.approx(2.0 * np.hypot(31, 15)) and (np.diff(line["distance"]) > 0).all()
    assert np.hypot(np.diff(line["row"]), np.diff(line["col"])).max() < 1.5


# Hosts, files


@pytest.mark.one_in(5)
def test_every_host(as_host):
    phantom = phantoms.bicrystal_in_vacuum(scan_shape=(16, 8), detector_shape=(24, 20), overlap=4, seed=2)
    overlap = as_host(phantom).nmf(3, random_state=0).overlap(thresholds=(0.3,), background="keep")
    reference = Unmix(phantom.data, centre=phantom.centre).nmf(3, random_state=0)
    reference = reference.overlap(thresholds=(0.3,), background="keep")
    both = np.isfinite(overlap.ratio) & np.isfinite(reference.ratio)
    assert both.sum() > 20 and (np.isfinite(overlap.ratio) == np.isfinite(reference.ratio)).mean() > 0.98
    assert np.allclose(overlap.ratio[both], reference.ratio[both], atol=2e-3)
    assert overlap.area_unit == "nm²" and overlap.areas["area"][0] == 4 * overlap.areas["n_positions"][0]


def test_after_saving(wire, tmp_path):
    _, found = wire
    found.save(tmp_path / "run.h5")
    again = unmix4d.load(tmp_path / "run.h5").overlap()
    assert np.array_equal(again.ratio, found.overlap().ratio, equal_nan=True)


# Hostile arguments


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"thresholds": 0.0}, ValueError, "thresholds"),
        ({"thresholds": (0.5, 1.0)}, ValueError, "thresholds"),
        ({"thresholds": (0.5, np.nan)}, ValueError, "thresholds"),
        ({"thresholds": ()}, ValueError, "thresholds"),
        ({"thresholds": "high"}, TypeError, "thresholds"),
        ({"thresholds": (None,)}, TypeError, "thresholds"),
        ({"background": "carbon"}, ValueError, "background"),
        ({"background": 2}, ValueError, "background"),
        ({"background": -1}, ValueError, "background"),
        ({"background": 0.5}, TypeError, "background"),
        ({"background": 0}, ValueError, "at least 2 components"),
        ({"scale": "loud"}, ValueError, "scale"),
        ({"min_weight": "loud"}, TypeError, "min_weight"),
        ({"min_weight": 1.0}, ValueError, "min_weight"),
        ({"min_weight": -0.1}, ValueError, "min_weight"),
        ({"min_weight": True}, TypeError, "min_weight"),
        ({"min_weight": np.nan}, ValueError, "min_weight"),
    ],
)
def test_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        result(ramp()).overlap(**arguments)


def test_what_has_no_overlap():
    with pytest.raises(ValueError, match="at least 2 components, got 1"):
        result(ramp()[:1]).overlap()
    for method in ("svd", "pca"):
        with pytest.raises(ValueError, match=f"which those of {method} have"):
            result(ramp(), method=method, meaning=MEANING[method]).overlap()
        with pytest.raises(ValueError, match=f"which those of {method} have"):
            result(ramp(), method=method, meaning=MEANING[method]).composite()
    with pytest.raises(ValueError, match="needs the residuals"):
        result(ramp(), residuals=None).overlap()
    negative = result(ramp(), patterns=-np.ones((2, 3, 4)), method="ica", meaning=Meaning(signed=True))
    with pytest.raises(ValueError, match="positive total"):
        negative.overlap()
    assert np.nanmax(negative.overlap(scale="minmax", min_weight=None).ratio) == 1
    with pytest.raises(ValueError, match="two components besides the background"):
        maps.two_largest(ramp(), background=[0])
    with pytest.raises(ValueError, match="of one decomposition"):
        maps.weight_errors(ramp(), np.ones((3, 4)), 1.0)


def test_what_does_not_overlap_is_said():
    apart = np.zeros((3, 12, 12))
    apart[0, :4], apart[1, 4:8], apart[2, 8:] = 1, 1, 1
    with pytest.warns(unmix4d.UnmixWarning, match="no position with two components that mean anything"):
        result(apart).overlap(min_weight=None)
    apart[1, 3] = 0.5
    with pytest.warns(unmix4d.UnmixWarning, match="the largest ratio is 0.5, thresholds="):
        result(apart).overlap(min_weight=None)
    assert result(apart).overlap(thresholds=0.5, min_weight=None).areas["n_positions"].tolist() == [12]


@pytest.mark.filterwarnings("default:overlap compares all components:unmix4d.UnmixWarning")
def test_a_background_that_is_kept_for_want_of_others_is_said():
    with pytest.warns(unmix4d.UnmixWarning, match="beside component 0, spread over the scan"):
        result(np.stack([np.ones((5, 9)), np.eye(5, 9)])).overlap(thresholds=0.1, min_weight=None)
    assert result(np.ones((2, 5, 9))).overlap(background="keep", min_weight=None).background == ()


def test_empty_and_constant_maps():
    nothing = result(np.zeros((2, 4, 5)))
    for rule in ("noise", None, 0.2):
        with pytest.warns(unmix4d.UnmixWarning, match="no position with two components that mean anything"):
            overlap = nothing.overlap(min_weight=rule)
        assert np.isnan(overlap.ratio).all() and (overlap.first == -1).all() and overlap.areas["n_positions"].sum() == 0
        assert overlap.pairs["component"].size == 0 and "0 %" in repr(overlap)
        overlap.plot()
    nothing.composite()
    assert (result(np.ones((2, 4, 5))).overlap().ratio == 1).all()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (((0, 0), (0, 0)), ValueError, "two positions"),
        (((0, 0), (5, 0)), ValueError, "row of stop"),
        (((-1, 0), (4, 0)), ValueError, "row of start"),
        (((0, 0.5), (4, 0)), TypeError, "column of start"),
        ((3, (4, 0)), TypeError, "start"),
    ],
)
def test_wrong_lines(arguments, error, message):
    overlap = result(ramp()).overlap()
    with pytest.raises(error, match=message):
        overlap.profile(*arguments)


def test_wrong_arguments_of_figures():
    overlap = result(ramp()).overlap()
    for wrong in (0, 1.0, -1):
        with pytest.raises(ValueError, match="threshold"):
            overlap.at(wrong)
    for wrong in ((0, 0), (0, 5), (0,)):
        with pytest.raises(ValueError, match="components"):
            overlap.plot(components=wrong)
    for wrong in (0, [30], 13, []):
        with pytest.raises(ValueError, match="points"):
            overlap.plot_profile((0, 0), (0, 20), points=wrong)
    with pytest.raises(ValueError, match="components"):
        overlap.plot_profile((0, 0), (0, 20), components="both")
    with pytest.raises(ValueError, match="line scan"):
        result(ramp(rows=1)).overlap().plot()
    for wrong in ({"scale": "loud"}, {"components": [7]}, {"components": []}):
        with pytest.raises(ValueError, match="scale|components"):
            result(ramp()).composite(**wrong)


# Figures


def test_overlay_has_the_colours_of_its_legend():
    overlap = result(ramp(), mask=np.eye(5, 21, dtype=bool)).overlap(thresholds=(0.5, 0.9))
    ax = overlap.plot()
    image = np.asarray(ax.images[0].get_array())
    colours = [patch.get_facecolor()[:3] for patch in ax.get_legend().get_patches()]
    assert len(colours) == 2
    assert np.array_equal(np.isclose(image, colours[1]).all(-1), overlap.at(0.9))
    assert np.array_equal(np.isclose(image, colours[0]).all(-1), overlap.at(0.5) & ~overlap.at(0.9))
    assert np.allclose(image[0, 0], 0.55)  # excluded
    assert len(overlap.plot(components=(1, 0)).get_legend().get_patches()) == 4


def test_profile_figure_draws_the_maps(wire):
    _, found = wire
    overlap = found.overlap()
    ax = overlap.plot_profile((4, 3), (36, 3), components="all", points=[0, 16, 32])
    line = overlap.profile((4, 3), (36, 3))
    drawn = [one for one in ax.lines if len(one.get_xdata()) == 33]
    assert len(drawn) == 3
    for one, values in zip(drawn, line["weights"]):
        assert np.allclose(one.get_ydata(), values) and np.allclose(one.get_xdata(), line["distance"])
    panels = [other for other in ax.figure.axes if other is not ax]
    assert len(panels) == 9
    # The strongest component of the first point, with the intensity it has there.
    first = overlap.first[4, 3]
    shown = [np.asarray(panel.images[0].get_array()) for panel in panels if panel.images]
    assert any(np.allclose(image, found.maps[first, 4, 3] * found.patterns[first], rtol=1e-5) for image in shown)
    alone = matplotlib.pyplot.subplots()[1]
    assert overlap.plot_profile((4, 3), (36, 3), ax=alone) is alone and len(alone.figure.axes) == 1


def test_composite_mixes_light(wire):
    images = np.zeros((2, 3, 3))
    images[0, 0], images[1, 1], images[:, 2] = 1.0, 1.0, 0.5
    ax = result(images, mask=np.eye(3, dtype=bool)).composite()
    image = np.asarray(ax.images[0].get_array())
    one, other, mixed = image[0, 2], image[1, 2], image[2, 1]
    linear = [np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) for c in (one, other, mixed)]
    assert np.allclose(linear[2], (linear[0] + linear[1]) / 2, atol=1e-6)
    assert np.abs(one - other).max() > 0.3 and np.allclose(image[0, 0], 0.55)
    _, found = wire
    assert len(found.composite().figure.axes) == 4 and len(found.composite([0, 1], legend=False).figure.axes) == 1
    line = result(ramp(rows=1)).composite()
    assert len(line.lines) == 2 and np.allclose(line.lines[0].get_ydata(), ramp()[0, 0])


def test_colours_are_apart():
    from skimage.color import rgb2lab

    from unmix4d.plots.colours import component_colours

    for k in (2, 5, 8, 12):
        lab = rgb2lab(component_colours(k)[None])[0]
        apart = np.linalg.norm(lab[:, None] - lab[None], axis=2) + 1e3 * np.eye(k)
        assert apart.min() > 15
    assert np.ptp(component_colours(3, grey=[1])[1]) < 0.02


def test_names():
    assert unmix4d.Overlap is Overlap
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert repr(result(ramp()).overlap(background="keep")).startswith("<Overlap: of 2 of 2 components, intensity>")


def test_pairs_that_overlap_alike_are_ordered_by_where_they_are_the_largest():
    ratio = np.full((1, 5), 0.5)
    first, second = np.array([[0, 1, 1, 2, 2]]), np.array([[1, 2, 2, 3, 3]])
    table = pair_table(ratio, first, second, threshold=0.9)  # no position is above
    assert table["component"].tolist() == [1, 2, 0] and table["n_positions"].tolist() == [2, 2, 1]


def test_the_mean_ratio_of_a_pair_at_one_position_is_that_ratio():
    table = pair_table(np.array([[0.8, np.nan]]), np.array([[0, 0]]), np.array([[1, -1]]), threshold=0.5)
    assert table["mean_ratio"].tolist() == [0.8]


def test_pairs_that_are_alike_in_all_are_in_the_order_of_their_numbers():
    first, second = np.array([[3, 2, 0, 1]]), np.array([[2, 1, 3, 0]])
    table = pair_table(np.full((1, 4), 0.5), first, second, threshold=0.2, area=4.0)
    assert list(zip(table["component"].tolist(), table["partner"].tolist())) == [(0, 1), (0, 3), (1, 2), (2, 3)]
    assert table["area"].tolist() == table["area_above"].tolist() == [4.0] * 4
