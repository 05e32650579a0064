"""Features of patterns: right geometry, one pass, the same methods as pixels, and patterns fitted to the scan."""

import pickle
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from scipy.optimize import nnls

import unmix4d
from unmix4d import Unmix, phantoms, scores
from unmix4d.constraints import Friedel, NoDarkSpots, SmoothMaps
from unmix4d.core.geometry import Calibration, ScanGeometry
from unmix4d.features import FeatureMatrix, Features, at_positions, feature_geometry
from unmix4d.features.passes import Weighting
from unmix4d.features.rings import beam_edge, find_rings, maximum_pattern
from unmix4d.features.scaling import KINDS
from unmix4d.features.sectors import Grid, sector_shares, weighted
from unmix4d.views.feature_view import FeatureView

CENTRE = (30.0, 32.0)
SHAPE = (61, 65)


def spots(turn=0.0, places=((12, 10, 1.0), (75, 20, 2.0), (200, 16, 1.5)), geometry=None):
    """A pattern of spots at (angle, radius, height), turned counter-clockwise as seen with row 0 on top."""
    geometry = ScanGeometry((1, 1), SHAPE, centre=CENTRE) if geometry is None else geometry
    row, col = np.indices(SHAPE)
    image = np.zeros(SHAPE)
    for angle, radius, height in places:
        angle = np.deg2rad(angle + turn)
        y, x = CENTRE[0] - radius * np.sin(angle), CENTRE[1] + radius * np.cos(angle)
        image += height * np.exp(-((row - y) ** 2 + (col - x) ** 2) / 4.5)
    return image


def view(*images, **facts):
    return Unmix(np.stack(images)[None], centre=CENTRE, **facts)


@pytest.fixture
def passes(monkeypatch):
    """How often a scan (not a matrix of features) is read."""
    count = [0]
    run = unmix4d.engine.matrix.run_pass

    def counted(plan, *rest):
        count[0] += plan.patterns.ndim == 4 and plan.patterns.shape[2] > 1
        return run(plan, *rest)

    monkeypatch.setattr("unmix4d.engine.matrix.run_pass", counted)
    return count


# --- geometry


def test_a_turned_pattern_is_shifted_by_sectors():
    u = view(spots(), spots(turn=30))
    first, turned = u.angular_average(10, rings=[(6, 13), (13, 24)], scaling="none").features.values.reshape(2, 2, 36)
    shifted = np.roll(first, 3, axis=1)
    assert np.abs(turned - shifted).max() < 0.06 * first.max()
    assert np.abs(turned - np.roll(first, -3, axis=1)).max() > 0.5 * first.max()


def test_sectors_are_where_they_should_be():
    """The spot at 75 degrees is up and a little to the right: sector 15 of 72, which begins at 75 degrees."""
    image = spots(places=((77.5, 20, 1.0),))
    values = view(image, image).angular_average(rings=[(6, 13), (13, 24)], scaling="none").features.values[0].reshape(2, 72)
    assert values.argmax() == 72 + 15


@pytest.mark.parametrize("ellipse, pixel_size", [(None, (1.0, 1.0)), ((1.2, 1.0, 30.0), (0.013, 0.01))])
def test_sectors_add_up_to_the_ring(ellipse, pixel_size):
    """Area-weighted mean of the sectors = mean over the pixels of the ring, whatever the geometry."""
    geometry = ScanGeometry((1, 1), SHAPE, centre=CENTRE, ellipse=ellipse, calibration=Calibration(pixel_size=pixel_size))
    image = np.random.default_rng(0).random(SHAPE).ravel()
    grid, rings = Grid(geometry), [(3, 9), (9, 20)]
    fine, whole = (sector_shares(grid, rings, n) for n in (72, 1))
    sectors = (weighted(fine) @ image).reshape(2, 72)
    assert np.allclose(sectors.mean(1), weighted(whole) @ image, rtol=0.02)
    radius = geometry.radius().ravel()
    rough = [image[(radius >= a) & (radius < b)].mean() for a, b in rings]
    assert np.allclose(weighted(whole) @ image, rough, atol=0.03)


def test_no_sector_is_empty_by_chance():
    """Five degrees at a radius of two pixels are a sixth of a pixel."""
    shares = sector_shares(Grid(ScanGeometry((1, 1), (31, 31))), [(1, 2), (2, 3), (0, 1)], 72)
    assert shares.used.all()
    assert np.allclose(weighted(shares).sum(1), 1)


def test_masked_pixels_have_no_influence_and_their_sectors_are_dropped():
    mask = np.zeros(SHAPE, bool)
    mask[:31, 33:] = True
    clean, dirty = np.random.default_rng(1).random((2, *SHAPE)), None
    dirty = clean.copy()
    dirty[:, mask] = np.nan
    made = [view(*images).prepare(detector_mask=mask).angular_average(rings=[(8, 20)]) for images in (clean, dirty)]
    assert np.array_equal(*(m.features.values for m in made))
    dropped = made[0].geometry.detector_mask[0]
    assert 15 <= dropped.sum() <= 18 and dropped[2:16].all() and not dropped[20:].any()
    # Half a sector is enough to know its mean.
    flat = view(np.full(SHAPE, 3.0), np.full(SHAPE, 5.0)).prepare(detector_mask=mask)
    values = flat.angular_average(rings=[(8, 20)], scaling="none").features.values
    assert np.allclose(values, [[3], [5]])
    result = view(*clean, *clean).prepare(detector_mask=mask).angular_average(rings=[(8, 20)]).svd(1)
    assert np.array_equal(np.isnan(result.features[0, 0]), dropped) and np.isnan(result.patterns[0][mask]).all()


def test_the_ellipse_is_followed():
    """An elliptical ring is even in the geometry that knows its ellipse, uneven in one that does not."""
    ellipse = (1.2, 1.0, 30.0)
    geometry = ScanGeometry((1, 1), SHAPE, centre=CENTRE, ellipse=ellipse)
    ring = np.exp(-((geometry.radius() - 16) ** 2) / 4)
    right = Unmix(unmix4d.core.scan.Scan(ring[None, None], geometry)).angular_average(rings=[(12, 20)], scaling="none")
    wrong = view(ring).angular_average(rings=[(14, 18)], scaling="none")
    spread = [values.std() / values.mean() for values in (right.features.values, wrong.features.values)]
    assert spread[0] < 0.02 and spread[1] > 0.08


# --- rings


def test_rings_are_found_from_the_maximum_pattern(passes):
    rng = np.random.default_rng(2)
    images = []
    for i in range(40):
        places = [(rng.uniform(0, 360), radius, 200) for radius in (12, 22)] if i % 8 == 0 else []
        images.append(rng.poisson(spots(places=[*places, (0, 0, 3000)]) + 1.0))
    u = view(*images)
    made = u.angular_average()
    assert passes == [1] and made.shape == (1, 40, 2, 72)
    (a, b), (c, d) = made.features.settings["rings"]
    assert 4 < a < 9 and 15 < b < 19 and b == c and 24 < d < 30
    assert made.features.values is made.features.values
    assert passes == [2]
    assert 4 < beam_edge(Grid(u.geometry), u.geometry.from_images(u.maximum_pattern()[None])[0]) < 9 and passes == [2]


def test_without_rings_they_must_be_given():
    smooth = np.exp(-((ScanGeometry((1, 1), SHAPE, centre=CENTRE).radius() / 10) ** 2))
    with pytest.raises(ValueError, match="rings must be given"):
        view(smooth, smooth).angular_average()
    assert find_rings(Grid(ScanGeometry((1, 1), (61, 61))), _two_rings(9, 20).ravel())


def _two_rings(a, b):
    radius = ScanGeometry((1, 1), (61, 61)).radius()
    return sum(np.exp(-((radius - r) ** 2) / 6) for r in (a, b)) + 1e-3


@pytest.mark.slow
def test_the_maximum_pattern_is_that_of_every_kind_of_input(as_host, scan):
    mask = np.zeros(scan.scan_shape, bool)
    mask[2, 3] = mask[5] = True
    pixels = np.zeros(scan.detector_shape, bool)
    pixels[4:8, 3:11] = True
    matrix = as_host(scan).prepare(scan_mask=mask, detector_mask=pixels).matrix()
    assert np.array_equal(maximum_pattern(matrix), scan.data[~mask][:, ~pixels].max(0))
    assert matrix.passes == 1


# --- variance, symmetry, polar


@pytest.mark.parametrize("kind", ["variance", "normalised"])
def test_radial_variance_is_that_of_the_pixels_of_a_ring(kind):
    rng = np.random.default_rng(3)
    images = rng.gamma(2.0, 5.0, (2, *SHAPE))
    found = view(*images).radial_variance(6, 25, kind=kind, scaling="none").features.values
    radius = ScanGeometry((1, 1), SHAPE, centre=CENTRE).radius()
    for i, r in enumerate(range(6, 26)):
        ring = images[:, (radius >= r - 0.5) & (radius < r + 0.5)]
        expected = ring.var(1) / (1 if kind == "variance" else ring.mean(1) ** 2)
        # Pixels on the border of the ring count with their share in one, wholly or not at all in the other.
        assert np.allclose(found[:, i], expected, rtol=0.35)
    assert 0.9 < np.median(found / (50 if kind == "variance" else 0.5)) < 1.1


def test_variance_keeps_its_digits_on_a_large_background():
    """Uneven by a thousandth, in single precision; an even ring has no variance at all."""
    radius = ScanGeometry((1, 1), SHAPE, centre=CENTRE).radius()
    row, col = np.indices(SHAPE)
    wave = np.cos(2 * np.arctan2(CENTRE[0] - row, col - CENTRE[1]))
    even = 1e4 + 0 * radius
    made = view((even + 10 * wave).astype("f4"), even.astype("f4")).radial_variance(10, 20, scaling="none")
    assert made.features.values.dtype == np.float32
    assert np.allclose(made.features.values[0], 50, rtol=0.05)
    assert (made.features.values[1] < 1e-3).all() and (made.features.values >= 0).all()


def test_symmetry_finds_the_order_and_does_not_turn():
    four = [(a, 16, 1.0) for a in range(0, 360, 90)]
    u = view(spots(places=four), spots(turn=27, places=four), spots(places=[(a, 16, 1.0) for a in (0, 180)]))
    values = u.symmetry((1, 2, 3, 4), r_min=14, r_max=18, kind="normalised", scaling="none").features.values
    values = values.reshape(3, 4, 5)[:, :, 2]
    assert (values >= 0).all()
    assert values[0].argmax() == 3 and values[0, 3] > 50 * values[0, :3].max()
    assert np.allclose(values[1], values[0], rtol=0.1, atol=0.01)
    assert values[2, 1] > 50 * values[2, 0] and values[2, 3] > 0.3 * values[2, 1]


def test_masked_azimuths_are_no_symmetry_of_an_even_ring():
    mask = np.zeros(SHAPE, bool)
    mask[:30] = True
    u = view(np.full(SHAPE, 7.0), np.full(SHAPE, 3.0)).prepare(detector_mask=mask)
    assert u.symmetry(r_min=8, r_max=20, scaling="none").features.values.max() < 1e-12


def test_polar_features_are_the_polar_pattern():
    u = view(spots(), spots(turn=45))
    made = u.polar(72, r_min=4, r_max=24, scaling="none")
    assert made.shape == (1, 2, 72, 21) and made.geometry.polar
    first, turned = made.features.values.reshape(2, 72, 21)
    assert np.abs(turned - np.roll(first, 9, axis=0)).max() < 0.1 * first.max()
    from unmix4d.core.polar import PolarTransform

    transform = PolarTransform(u.geometry, n_azimuth=72, r_min=4, r_max=24)
    assert np.allclose(first, transform.forward(spots()[None])[0])


# --- every kind of input


@pytest.mark.one_in(5)
@pytest.mark.parametrize("make", [
    lambda u: u.angular_average(rings=[(2, 5), (5, 9)]),
    lambda u: u.radial_variance(2, 8),
    lambda u: u.symmetry((2, 3), r_min=2, r_max=8),
    lambda u: u.polar(24, r_min=2, r_max=8),
    lambda u: u.friedel_odd(2, 8, cell=2),
], ids=["average", "variance", "symmetry", "polar", "odd"])  # fmt: skip
def test_every_input_gives_the_same_features(as_host, scan, make):
    mask = np.zeros(scan.scan_shape, bool)
    mask[2, 3] = mask[6] = True
    there = make(as_host(scan).prepare(scan_mask=mask))
    here = make(Unmix(scan.data, centre=scan.centre).prepare(scan_mask=mask))
    assert there.features.values.dtype == np.float32
    assert np.allclose(there.features.values, here.features.values, rtol=1e-4, atol=1e-6)
    assert there.features.values.shape == (there.geometry.n_positions, there.geometry.n_pixels)
    assert there.features.values.shape == (53, here.geometry.n_pixels)


def test_features_take_one_pass_and_the_patterns_another(scan, passes):
    u = Unmix(scan.data, centre=scan.centre)
    made = u.angular_average(rings=[(2, 9)])
    assert passes == [0]
    result = made.nmf(1, random_state=0)
    assert passes == [2]
    made.nmf(1, random_state=0)
    assert passes == [3]
    result.residual_map()
    result.residual_map()
    assert passes == [4]


def test_double_precision_input_gives_double_features(scan):
    made = Unmix(scan.data.astype("f8"), centre=scan.centre).angular_average(rings=[(2, 9)])
    assert made.features.values.dtype == np.float64 and made.nmf(2, random_state=0).maps.dtype == np.float64


# --- results


@pytest.fixture(scope="module")
def film():
    return phantoms.polycrystal(
        n_grains=5, scan_shape=(24, 22), detector_shape=(64, 60), overlap=0.4, direct_beam=0.5, dose=5e3, background=0,
        seed=1,
    )  # fmt: skip


RINGS = [(5, 11), (11, 18), (18, 26)]


@pytest.fixture(scope="module")
def averages(film):
    return Unmix(film.data, centre=film.centre, step=2.0, step_unit="nm").angular_average(rings=RINGS)


def test_grains_are_found_from_angular_averages(film, averages):
    result = averages.nmf(5, n_starts=3, random_state=0)
    score = scores.score(result, film)
    assert score.found == 5 and min(score.map_correlation) > 0.97 and min(score.pattern_cosine) > 0.99
    # The direct beam is in no feature, but in the fitted patterns.
    assert result.patterns[:, 32, 30].max() > 0 and result.geometry.detector_shape == (64, 60)
    assert result.features.shape == (5, 3, 72)
    assert result.settings["features"]["kind"] == "angular_average" and result.settings["features"]["rings"][0] == [5, 11]
    assert np.allclose(np.nanmax(result.maps, axis=(1, 2)), 1)
    assert result.explained.sum() == pytest.approx(1, abs=0.02) and (np.diff(result.explained) <= 0).all()


def test_the_fitted_patterns_are_the_non_negative_fit_to_the_scan(film, averages):
    result = averages.nmf(5, random_state=0)
    maps = result.geometry.from_maps(result.maps).astype(float)
    pixels = film.data.reshape(maps.shape[0], -1)
    for pixel in (0, 500, 1010, 32 * 60 + 30, 3000):
        expected = nnls(maps, pixels[:, pixel].astype(float))[0]
        assert np.allclose(result.patterns.reshape(5, -1)[:, pixel], expected, rtol=1e-3, atol=1e-3 * expected.max() + 1e-6)


def test_the_fitted_features_are_those_of_the_view(averages):
    result = averages.nmf(5, random_state=0)
    maps, values = result.geometry.from_maps(result.maps).astype(float), averages.features.values
    fitted = maps @ result.features.reshape(5, -1)
    assert result.loss == pytest.approx(((values - fitted) ** 2).mean(), rel=1e-4)
    assert result.loss < 2  # in units of counting noise


@pytest.mark.one_in(3)
@pytest.mark.parametrize("method", ["svd", "pca", "ica", "vca", "nmf"])
def test_every_method_shows_patterns_of_the_scan(film, averages, method):
    arguments = {} if method in ("svd", "pca") else {"random_state": 0}
    result = getattr(averages, method)(4, **arguments)
    data = film.data.reshape(528, -1).astype(float)
    fitted = result.geometry.from_maps(result.maps).astype(float) @ result.patterns.reshape(4, -1)
    if result.offset is not None:
        fitted = fitted + result.offset.ravel()
    residual = np.sqrt(((data - fitted) ** 2).mean(1)).reshape(24, 22)
    assert np.allclose(result.residual_map(), residual, rtol=1e-3)
    assert residual.mean() < data.std()
    assert np.allclose(result.reconstruct(3, 5).ravel(), fitted[3 * 22 + 5], rtol=1e-3, atol=1e-3)
    assert np.allclose(result.totals, film.data.sum((2, 3)), rtol=1e-5)
    assert np.allclose(result.mean_pattern, film.data.mean((0, 1)), rtol=1e-4)
    maps, values = result.geometry.from_maps(result.maps).astype(float), averages.features.values
    model = maps @ result.features.reshape(4, -1) + (values.mean(0) if method == "pca" else 0)
    assert result.loss == pytest.approx(((values - model) ** 2).mean(), rel=1e-3)


def test_excluded_positions_have_no_influence(film, averages):
    mask = np.zeros((24, 22), bool)
    mask[:4] = True
    data = film.data.copy()
    data[:4] = 60000
    u = Unmix(data, centre=film.centre).prepare(scan_mask=mask)
    result = u.angular_average(rings=RINGS).nmf(4, random_state=0)
    other = Unmix(film.data, centre=film.centre).prepare(scan_mask=mask).angular_average(rings=RINGS).nmf(4, random_state=0)
    assert np.isnan(result.maps[:, :4]).all() and np.allclose(result.maps, other.maps, equal_nan=True)
    assert np.allclose(result.patterns, other.patterns, equal_nan=True)


def test_scaling_the_data_scales_the_patterns(film, averages):
    double = Unmix(film.data.astype("f4") * 4, centre=film.centre).angular_average(rings=RINGS)
    for kind in ("none", "minmax"):
        once, twice = (
            Unmix(d, centre=film.centre).angular_average(rings=RINGS, scaling=kind).nmf(3, random_state=0)
            for d in (film.data, film.data.astype("f4") * 4)
        )
        assert np.allclose(twice.maps, once.maps, atol=2e-3)
        assert np.allclose(twice.patterns, 4 * once.patterns, rtol=0.02, atol=0.5)
    assert np.allclose(double.features.values, 2 * averages.features.values, rtol=1e-4)  # noise units of counts


def test_results_are_saved_and_loaded(averages, tmp_path):
    result = averages.nmf(4, random_state=0)
    path = tmp_path / "run.h5"
    result.save(path)
    alone = unmix4d.load(path)
    assert np.array_equal(alone.features, result.features, equal_nan=True)
    assert alone.settings["features"] == result.settings["features"] and alone.residuals is None
    with pytest.raises(ValueError, match="residual_map needs the scan"):
        alone.residual_map()
    for data in (averages.features.source, averages):
        again = unmix4d.load(path, data=data)
        assert np.allclose(again.residual_map(), result.residual_map())
        assert again.mean_patterns().shape == (4, 64, 60)
    result.save(path)  # the residuals are known now
    assert np.allclose(unmix4d.load(path).residual_map(), result.residual_map())


def test_held_out_counts_judge_features_too(film):
    fit, held_out = Unmix(film.data, centre=film.centre).split_counts(random_state=0)
    features, pixels = (v.nmf(6, random_state=0) for v in (fit.angular_average(rings=RINGS), fit))
    gained = [r.log_likelihood(held_out, relative_to="mean") for r in (features, pixels)]
    assert gained[0] > 0.9 * gained[1] > 0


def test_the_same_seed_gives_the_same_answer(averages):
    first, second = (averages.nmf(4, n_starts=2, random_state=7) for _ in range(2))
    assert np.array_equal(first.maps, second.maps) and np.array_equal(first.patterns, second.patterns)


# --- scaling and concatenation


@pytest.mark.parametrize("kind", KINDS)
def test_scaling(averages, kind):
    raw = averages.features.source.angular_average(rings=RINGS, scaling="none")
    values, before = raw.scaled(kind).features.values, raw.features.values.astype(float)
    assert (values >= 0).all() and values.dtype == np.float32
    if kind == "poisson":
        noise = values.std(0)[values.mean(0) > 0]
        assert values.mean() > 1 and (noise > 0.7).all()  # at least the counting noise
    elif kind == "minmax":
        assert np.allclose(values.min(0), 0) and np.allclose(values.max(0), 1)
    elif kind == "global":
        assert values.min() == 0 and values.max() == pytest.approx(1)
    elif kind == "robust":
        assert np.allclose(np.percentile(values, 99.5, axis=0), 1, atol=1e-3)
    else:
        assert np.array_equal(values, before.astype("f4"))


def test_poisson_scaling_makes_the_noise_one():
    counts = np.random.default_rng(5).poisson(np.linspace(0.5, 9, 61)[:, None] * np.ones(65), (300, *SHAPE)).astype("u2")
    values = Unmix(counts[None], centre=CENTRE).angular_average(30, rings=[(5, 12), (12, 20)]).features.values
    assert np.allclose(values.std(0), 1, atol=0.15) and abs(values.std(0).mean() - 1) < 0.03


def test_a_constant_feature_becomes_zero():
    images = np.ones((3, *SHAPE)) * 4
    for kind in ("minmax", "global", "robust"):
        assert not view(*images).angular_average(rings=[(5, 9)], scaling=kind).features.values.any()


def test_concatenation(averages):
    u = averages.features.source
    variance = u.radial_variance(5, 25)
    single = averages.concatenate(variance, weights=[1, 0])
    assert np.array_equal(single.features.values, averages.features.values)
    assert np.allclose(single.nmf(3, random_state=0).maps, averages.nmf(3, random_state=0).maps, atol=1e-5)
    both = averages.concatenate(variance, weights=[1, 0.5])
    assert both.shape == (24, 22, 1, 216 + 21) and both.features.settings["blocks"][1]["kind"] == "radial_variance"
    squares = np.square(both.features.values.astype(float))
    assert squares[:, 216:].sum() == pytest.approx(0.25 * squares[:, :216].sum(), rel=1e-4)
    result = both.nmf(4, random_state=0)
    assert result.patterns.shape == (4, 64, 60) and result.features.shape == (4, 1, 237)


# --- what is refused


def test_constraints_that_need_a_centre_are_refused_and_others_are_not(averages):
    for constraint in (Friedel(), NoDarkSpots()):
        with pytest.raises(ValueError, match="needs the pixels of patterns"):
            averages.nmf(3, constraints=[constraint])
    smooth = averages.nmf(3, constraints=[SmoothMaps(sigma=0.7)], random_state=0)
    assert smooth.settings["constraints"][0]["name"] == "SmoothMaps"


def test_a_view_of_features_refuses_what_makes_no_sense(averages):
    for call in (
        lambda: averages.prepare(bin=2), lambda: averages.persist(), lambda: averages.split_counts(),
        lambda: averages.angular_average(), lambda: averages.radial_variance(), lambda: averages.symmetry(),
        lambda: averages.polar(), lambda: averages.noise_deviation(), lambda: averages.virtual_image((1, 1), 1),
    ):  # fmt: skip
        with pytest.raises(AttributeError, match="is not for angular_average features"):
            call()
    with pytest.raises(TypeError, match="concatenate takes views of features, got Unmix"):
        averages.concatenate(averages.features.source)
    with pytest.raises(TypeError, match="features must be Features, got ndarray"):
        FeatureView(np.ones(3))


def test_what_cannot_be_concatenated(averages, film):
    mask = np.zeros((24, 22), bool)
    mask[0] = True
    other = averages.features.source.prepare(scan_mask=mask).angular_average(rings=RINGS)
    with pytest.raises(ValueError, match="same scan positions"):
        averages.concatenate(other)
    for weights, message in (([1], "one for each of the 2"), ([0, 0], "a value above 0"), ([1, -1], "at least 0"),
                             ([1, np.nan], "at least 0")):  # fmt: skip
        with pytest.raises(ValueError, match=f"weights must .*{message}"):
            averages.concatenate(averages, weights=weights)
    with pytest.raises(TypeError, match="weights must be a list of 2 numbers"):
        averages.concatenate(averages, weights=3)


@pytest.mark.parametrize("arguments, error, message", [
    ({"sector_deg": 7}, ValueError, "sector_deg must be 360 divided by a whole number"),
    ({"sector_deg": 0}, ValueError, "sector_deg must be above 0"),
    ({"sector_deg": "5"}, TypeError, "sector_deg must be a number"),
    ({"rings": []}, ValueError, "rings must be a list"),
    ({"rings": 5}, TypeError, "rings must be a list"),
    ({"rings": [(5, 5)]}, ValueError, "inner < outer"),
    ({"rings": [(500, 600)]}, ValueError, "rings must be on the detector"),
    ({"rings": [("1 nm", "2 nm")]}, ValueError, "rings = '1 nm' has a unit, but the axis is not calibrated"),
    ({"rings": RINGS, "scaling": "log"}, ValueError, "scaling must be one of"),
    ({"rings": RINGS, "polar": "theirs"}, ValueError, "polar must be one of"),
    ({"rings": RINGS, "polar": "host"}, ValueError, "needs a scan of pyxem or py4DSTEM, got one of array"),
])  # fmt: skip
def test_wrong_arguments_of_angular_average(averages, arguments, error, message):
    with pytest.raises(error, match=message):
        averages.features.source.angular_average(**arguments)


def test_values_and_their_matrix_know_what_is_left_out():
    geometry = feature_geometry(ScanGeometry((1, 3), (9, 9)), (1, 1))
    three = Features("three", geometry, lambda: np.array([[1.0], [2.0], [3.0]]))
    assert at_positions(three, [[True, False, True]]).values.ravel().tolist() == [1, 3]
    assert three.record() == {"kind": "three", "shape": [1, 1], "dropped": 0}
    masked = ScanGeometry((1, 2), (1, 3), detector_mask=np.array([[False, True, False]]))
    assert FeatureMatrix(np.ones((2, 2), np.float32), masked).times(np.ones((2, 1))).ravel().tolist() == [2, 2]


def test_a_masked_pixel_in_a_sector_is_made_up_for():
    weights = scipy.sparse.csr_matrix(np.array([[0, 0.5, 0.5], [0, 0, 1]]))
    assert Weighting(weights)(np.array([[np.nan, 1.0, 3.0]])).tolist() == [[2, 3]]


def test_wrong_radii_and_orders(averages):
    u = averages.features.source
    with pytest.raises(ValueError, match="r_max must be above r_min"):
        u.radial_variance(20, 10)
    with pytest.raises(ValueError, match="must find pixels that take part"):
        u.symmetry(r_min=300, r_max=310)
    with pytest.raises(ValueError, match="kind must be one of"):
        u.radial_variance(3, 10, kind="std")
    for orders, error in (((0,), ValueError), ((2, 2), ValueError), ((), ValueError), (("a",), TypeError), (3, TypeError)):
        with pytest.raises(error, match="orders"):
            u.symmetry(orders, r_min=3)
    with pytest.raises(ValueError, match="n_azimuth must be at least 4"):
        u.polar(2, r_min=3)
    with pytest.raises(ValueError, match="precision must be one of"):
        averages.matrix("half")
    with pytest.raises(ValueError, match="n must be at most 216"):
        averages.nmf(300)


def test_nan_in_a_pattern_is_reported_with_its_place():
    images = np.ones((2, 3, *SHAPE))
    images[1, 2, 30, 45] = np.nan
    u = Unmix(images, centre=CENTRE)
    with pytest.raises(ValueError, match=r"finite, but 1 pattern\(s\) hold NaN.*scan position \(1, 2\)"):
        u.angular_average(rings=[(8, 20)]).nmf(2)
    with pytest.raises(ValueError, match=r"scan position \(1, 2\)"):
        u.angular_average()
    # Outside the rings it is met when the patterns are fitted.
    with pytest.raises(ValueError, match=r"scan position \(1, 2\)"):
        u.angular_average(rings=[(3, 8)]).nmf(1, random_state=0)


def test_features_that_break_their_promise_are_refused():
    geometry = feature_geometry(ScanGeometry((2, 2), (5, 5)), (1, 3))
    with pytest.raises(ValueError, match="of my features must return float32 or float64 of the shape"):
        _ = Features("my", geometry, lambda: np.ones((4, 2), "f4")).values


def test_an_unknown_centre_is_said_once():
    with pytest.warns(unmix4d.UnmixWarning, match="angular_average needs the centre") as caught:
        Unmix(np.ones((2, 2, 20, 20))).angular_average(rings=[(3, 6)])
    assert len(caught) == 1


def test_the_repr_says_what_the_features_are(averages):
    text = repr(averages)
    assert "angular average, 3 x 72 features of 24 x 22 positions" in text and "2 nm per step" in text
    assert "of the features, angular average" in repr(averages.nmf(2, random_state=0))


# --- beside the hosts


@pytest.mark.slow
def test_pyxem_agrees(pyxem, film):
    """Its polar patterns on the same pattern: azimuths counter-clockwise from -180 degrees, 0 along the columns."""
    u = film.to_pyxem().unmix
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = u.angular_average(rings=RINGS, scaling="none", polar="host").features.values
        ours = u.angular_average(rings=RINGS, scaling="none").features.values
        variance = film.to_pyxem().get_variance(
            25, method="r", spatial=True, radial_range=(0, 25 * film.pixel_size)
        )[1].data[..., 5:].reshape(528, -1)  # fmt: skip
    for ring in np.split(np.arange(216), 3):
        assert np.corrcoef(theirs[:, ring].mean(0), ours[:, ring].mean(0))[0, 1] > 0.995
        turned = np.roll(ours[:, ring].mean(0), 6)
        assert np.corrcoef(theirs[:, ring].mean(0), turned)[0, 1] < 0.9
    assert np.median(theirs.mean(0) / ours.mean(0)) == pytest.approx(1, abs=0.01)
    own = u.radial_variance(5.5, 24.5, kind="normalised", scaling="none").features.values
    assert np.corrcoef(variance.ravel(), own.ravel())[0, 1] > 0.99
    assert np.median(variance / own) == pytest.approx(1, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(("host", "lower"), [("pyxem", 0.41), ("py4dstem", 0.63)])
def test_how_much_noise_the_polar_patterns_of_the_hosts_lose(request, host, lower):
    """By interpolation; the numbers of docs/features.md, for a detector of 64 pixels."""
    hosted = request.getfixturevalue(host)
    counts, centre = np.random.default_rng(0).poisson(100, (4, 5, 64, 64)).astype(np.float32), (31.7, 31.2)
    if host == "pyxem":
        signal = hosted.signals.ElectronDiffraction2D(counts)
        signal.calibration(scale=0.03, units="$A^{-1}$", center=centre[::-1])
    else:
        signal = hosted.DataCube(counts)
        signal.calibration.set_origin(centre)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = signal.unmix.radial_variance(5, 28, scaling="none", polar="host").features.values
    ours = Unmix(counts, centre=centre).radial_variance(5, 28, scaling="none").features.values
    assert np.median(ours.mean(0)) == pytest.approx(100, rel=0.02)
    assert 1 - np.median(theirs.mean(0)) / 100 == pytest.approx(lower, abs=0.03)


@pytest.mark.slow
def test_polar_patterns_of_pyxem_are_taken_as_they_are(pyxem, film):
    signal = film.to_pyxem()
    ours = signal.unmix.angular_average(rings=RINGS, scaling="none").features.values
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        polar = signal.get_azimuthal_integral2d(
            npt=30, npt_azim=360, radial_range=(0, 30 * film.pixel_size), inplace=False, show_progressbar=False
        )
    rings = [tuple(f"{r * film.pixel_size} 1/Å" for r in ring) for ring in RINGS]
    made = polar.unmix.angular_average(rings=rings, scaling="none")
    for (inner, outer), ring in zip(RINGS, np.split(np.arange(216), 3)):
        area = np.pi * (outer**2 - inner**2) / 360 / (outer - inner)  # of a polar pixel: pyxem gives sums
        assert np.corrcoef(made.features.values[:, ring].ravel(), ours[:, ring].ravel())[0, 1] > 0.98
        assert np.median(made.features.values[:, ring].mean(0) / ours[:, ring].mean(0)) == pytest.approx(area, rel=0.02)
    assert made.nmf(3, random_state=0).patterns.shape == (3, 30, 360)
    with pytest.raises(ValueError, match="polar"):
        polar.unmix.polar()
    for axis in polar.axes_manager.signal_axes:
        axis.units = "px"
    with pytest.raises(ValueError, match="which axis of the polar patterns is the azimuth"):
        polar.unmix.angular_average(rings=rings)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("masked", [20, 0])
def test_py4dstem_agrees(py4dstem, film, masked):
    """Its polar patterns on the same pattern: azimuths counter-clockwise from downwards, our -90 degrees."""
    mask = np.zeros(film.detector_shape, bool)
    mask[:, :masked] = True
    u = film.to_py4dstem().unmix.prepare(detector_mask=mask) if masked else film.to_py4dstem().unmix
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs, ours = (u.angular_average(rings=RINGS, scaling="none", polar=p) for p in ("host", "own"))
    both = ~(theirs.geometry.detector_mask if theirs.geometry.detector_mask is not None else np.zeros((3, 72), bool))
    both &= ours.geometry.kept_pixels.reshape(3, 72)
    theirs, ours = (v.geometry.to_images(v.features.values.mean(0)[None])[0] for v in (theirs, ours))
    assert both.sum() > 130
    assert np.corrcoef(theirs[both], ours[both])[0, 1] > 0.985
    assert np.corrcoef(theirs[both], np.roll(ours, 18, axis=1)[both])[0, 1] < 0.95 or np.isnan(ours).any()


def test_results_go_back_to_the_host(pyxem, film):
    result = film.to_pyxem().unmix.angular_average(rings=RINGS).nmf(3, random_state=0)
    maps, patterns = result.to_host()
    assert type(patterns).__name__ == "ElectronDiffraction2D" and patterns.data.shape == (3, 64, 60)
    assert maps.axes_manager.signal_axes[0].scale == pytest.approx(film.step)


def test_the_page_about_features_runs():
    text = (Path(__file__).parents[2] / "docs" / "features.md").read_text(encoding="utf-8")
    namespace = {}
    for block in re.findall(r"```python\n(.*?)```", text, flags=re.S):
        exec(compile(block, "features.md", "exec"), namespace)  # noqa: S102
    assert namespace["c"].settings["features"]["blocks"][1]["kind"] == "radial_variance"
    assert scores.score(namespace["r"], namespace["film"]).found >= 5


def test_features_can_travel_to_other_machines(scan):
    """The kernels of a pass are sent to the workers of a cluster."""
    u = Unmix(scan.data, centre=scan.centre)
    for made in (
        u.angular_average(rings=[(2, 9)]),
        u.radial_variance(2, 8),
        u.symmetry((2,), r_min=2, r_max=8),
        u.polar(8, r_min=2),
    ):
        compute = made.features.compute.args[0].compute if made.features.settings.get("scaling") else made.features.compute
        kernel = pickle.loads(pickle.dumps(compute.args[1]))
        X = scan.data[:1, :2].reshape(2, -1).astype("f4")
        assert np.array_equal(kernel(X)[0], compute.args[1](X)[0]) and kernel(X)[0].shape == (2, made.geometry.n_pixels)


def test_features_without_a_scan_are_patterns_themselves(tmp_path):
    """As of Bragg vectors alone: the raster is the detector."""
    rng = np.random.default_rng(4)
    mask = np.zeros((6, 7), bool)
    mask[2] = True
    values = (rng.random((20, 2)) @ rng.random((2, 35))).astype("f4")
    view = FeatureView(Features("raster", ScanGeometry((4, 5), (6, 7), detector_mask=mask, centre=(3, 3)), lambda: values))
    result = view.nmf(2, random_state=0)
    assert result.features is None and result.source is view and result.patterns.shape == (2, 6, 7)
    assert np.isnan(result.patterns[:, 2]).all() and np.nanmax(result.residual_map()) < 0.02
    assert result.settings["features"]["kind"] == "raster" and result.to_host()[1].shape == (2, 6, 7)
    images = np.asarray(view.scan.patterns)
    assert np.allclose(images.reshape(20, 42)[:, ~mask.ravel()], values) and not images[:, :, 2].any()
    result.save(tmp_path / "run.h5")
    again = unmix4d.load(tmp_path / "run.h5", data=view)
    assert np.allclose(again.mean_patterns(), result.mean_patterns(), equal_nan=True)
