"""Grains: known shapes on grids that are not square, known numbers of grains, invariances, files, figures, hosts."""

import csv
import inspect
import os
import re
import warnings
from pathlib import Path

import matplotlib
import numpy as np
import pytest

import unmix4d
from unmix4d import Unmix, maps, phantoms, scores
from unmix4d.core.geometry import Calibration, ScanGeometry
from unmix4d.results.decomposition import Decomposition
from unmix4d.results.grains import Grains

DOCS = Path(__file__).parents[2] / "docs"


def result(images, *, step=(1.0, 1.0), unit="nm", origin=(0.0, 0.0), mask=None, method="nmf"):
    """A Decomposition with the given maps and patterns of one total."""
    images = np.array(images, float)
    calibration = Calibration(step=step, step_unit=unit, scan_origin=origin)
    geometry = ScanGeometry(images.shape[1:], (3, 4), scan_mask=mask, calibration=calibration)
    if mask is not None:
        images[:, mask] = np.nan
    patterns = np.ones((len(images), 3, 4))
    return Decomposition(method, patterns, images, np.ones(len(images)), 0.0, geometry, {})


def boxes(*slices, shape=(20, 24)):
    out = np.zeros((len(slices), *shape))
    for image, where in zip(out, slices):
        image[where] = 1.0
    return out


@pytest.fixture(scope="module")
def film():
    """12 grains without a background, and what NMF makes of them."""
    phantom = phantoms.polycrystal(
        n_grains=12, scan_shape=(56, 50), detector_shape=(64, 60), overlap=0.4, background=0.0, dose=2e3, seed=1, step=3.0
    )
    return phantom, Unmix(phantom.data, step=3.0, step_unit="nm").nmf(12, random_state=0)


# Shapes


@pytest.mark.parametrize("step", [(1.0, 1.0), (2.0, 0.5), (0.4, 1.1)])
@pytest.mark.parametrize("angle", [0.0, 25.0, 90.0, 140.0])
def test_ellipse_on_a_grid_that_is_not_square(step, angle):
    """Semi-axes 20 and 11 nm at a known angle, counter-clockwise with row 0 on top."""
    a, b, centre = 20.0, 11.0, (103.3, -17.7)
    origin = (80.0, -40.0)
    row = origin[0] + step[0] * np.arange(round(48 / step[0]))
    col = origin[1] + step[1] * np.arange(round(46 / step[1]))
    up, right = -(row[:, None] - centre[0]), col[None, :] - centre[1]
    along = right * np.cos(np.deg2rad(angle)) + up * np.sin(np.deg2rad(angle))
    across = -right * np.sin(np.deg2rad(angle)) + up * np.cos(np.deg2rad(angle))
    found = maps.region_shape((along / a) ** 2 + (across / b) ** 2 <= 1, step, origin)
    assert found["area"] == pytest.approx(np.pi * a * b, rel=0.02)
    assert found["equivalent_diameter"] == pytest.approx(2 * np.sqrt(a * b), rel=0.01)
    assert found["major_axis"] == pytest.approx(2 * a, rel=0.02)
    assert found["minor_axis"] == pytest.approx(2 * b, rel=0.02)
    assert found["eccentricity"] == pytest.approx(np.sqrt(1 - (b / a) ** 2), abs=0.01)
    assert abs((found["orientation_deg"] - angle + 90) % 180 - 90) < 1.0 and 0 <= found["orientation_deg"] < 180
    assert found["centroid_row"] == pytest.approx(centre[0], abs=0.15 * step[0])
    assert found["centroid_col"] == pytest.approx(centre[1], abs=0.15 * step[1])
    assert abs(found["feret_max"] - 2 * a) < max(step) and abs(found["feret_min"] - 2 * b) < max(step)


def test_shape_is_that_of_scikit_image_where_steps_are_square():
    from skimage.measure import regionprops

    rng = np.random.default_rng(0)
    mask = np.zeros((30, 34), bool)
    mask[5:22, 8:27] = rng.random((17, 19)) > 0.3
    theirs, ours = regionprops(mask.astype(int))[0], maps.region_shape(mask)
    assert ours["area"] == theirs.area and ours["equivalent_diameter"] == pytest.approx(theirs.equivalent_diameter_area)
    assert (ours["centroid_row"], ours["centroid_col"]) == pytest.approx(theirs.centroid)
    # Theirs are moments of points, ours of squares.
    assert ours["eccentricity"] == pytest.approx(theirs.eccentricity, rel=3e-3)
    assert ours["major_axis"] == pytest.approx(theirs.axis_major_length, rel=3e-3)
    assert ours["feret_max"] == pytest.approx(theirs.feret_diameter_max)
    # Theirs is counted from the rows; ours from the columns, counter-clockwise.
    assert ours["orientation_deg"] == pytest.approx((np.rad2deg(theirs.orientation) + 90) % 180)


def test_smallest_regions_have_finite_numbers():
    one = maps.region_shape(np.array([[True]]), step=(3.0, 2.0))
    assert one["area"] == 6 and one["feret_max"] == 3 and one["feret_min"] == 2
    for mask in ([[1, 1]], [[1], [1], [1]], [[1, 0], [0, 1]], [[1, 1], [1, 0]]):
        shape = maps.region_shape(np.array(mask, bool), step=(3.0, 2.0))
        assert np.isfinite(list(shape.values())).all()
        assert 0 < shape["feret_min"] <= shape["feret_max"] <= 9.0 and 0 <= shape["eccentricity"] < 1
    assert maps.region_shape(np.ones((4, 4), bool))["orientation_deg"] == 0.0
    with pytest.raises(ValueError, match="mask must have at least one position"):
        maps.region_shape(np.zeros((3, 3), bool))


def test_orientation_is_counter_clockwise_with_row_0_on_top():
    rising = np.fliplr(np.eye(9, dtype=bool))  # to the upper right
    assert maps.region_shape(rising)["orientation_deg"] == pytest.approx(45)
    assert maps.region_shape(~rising[:, ::-1] ^ True)["orientation_deg"] == pytest.approx(135)
    # Steps of 1 along rows and 2 along columns make it flatter.
    assert maps.region_shape(rising, step=(1.0, 2.0))["orientation_deg"] == pytest.approx(26.565, abs=0.5)


def test_feret_of_a_u_is_that_of_its_hull():
    mask = np.zeros((12, 15), bool)
    mask[1:11, [2, 12]] = mask[10, 2:13] = True
    rows, cols = np.nonzero(mask)
    middles = [np.stack([rows + a, cols + b], 1) for a, b in ((0.5, 0), (-0.5, 0), (0, 0.5), (0, -0.5))]
    points = np.concatenate(middles) * (2.0, 1.0)
    angles = np.deg2rad(np.arange(0, 180, 0.25))
    widths = np.ptp(points @ np.stack([np.sin(angles), np.cos(angles)]), axis=0)
    shape = maps.region_shape(mask, step=(2.0, 1.0))
    assert shape["feret_max"] == pytest.approx(widths.max(), rel=1e-4)
    assert shape["feret_min"] == pytest.approx(widths.min(), rel=1e-2)


# Regions and thresholds


def test_separate_regions_of_one_map_are_separate_grains():
    image = boxes(np.s_[:8, :8])[0]
    image[10:18, 12:22] = 0.9
    image[0, 20] = 1.0  # a speck
    grains = result([image]).grains(min_size=5)
    assert grains.table["n_positions"].tolist() == [80, 64] and grains.components.tolist() == [0, 0]
    assert len(result([image]).grains(min_size=1)) == 3 and len(result([image]).grains(min_size=65)) == 1
    assert not (grains.masks[0] & grains.masks[1]).any()


def test_connectivity_holes_and_opening():
    image = boxes(np.s_[2:8, 2:8])[0]
    image[8:14, 8:14] = 1.0  # touches at a corner
    assert len(result([image]).grains(connectivity=1)) == 2 and len(result([image]).grains(connectivity=2)) == 1
    image[4, 4] = image[10, 10] = image[10, 11] = 0.0
    table = result([image]).grains(fill_holes=1).table
    assert sorted(table["n_positions"]) == [34, 36]
    assert result([image]).grains(fill_holes=2).table["n_positions"].tolist() == [36, 36]
    # A notch at the edge of the scan is no hole, and neither is a masked position.
    notched = boxes(np.s_[:6, :6])[0]
    notched[0, 2] = 0.0
    assert result([notched]).grains(fill_holes=3).masks[0, 0, 2] == np.False_
    mask = np.zeros(notched.shape, bool)
    mask[3, 3] = True
    assert not result([notched], mask=mask).grains(fill_holes=3).masks[0, 3, 3]
    bridge = boxes(np.s_[4:12, :8])[0]
    bridge[4:12, 14:22] = bridge[7, 8:14] = 1.0
    assert len(result([bridge]).grains()) == 1
    opened = result([bridge]).grains(opening=1)
    assert len(opened) == 2 and not opened.masks[:, 7, 9:13].any()
    assert opened.masks[:, 5:11, 0].any(0).all()  # the edge of the scan does not round a grain off


def test_threshold_rules():
    from skimage import filters

    rng = np.random.default_rng(0)
    image = np.exp(-(((np.indices((40, 40)) - 19.5) / 8) ** 2).sum(0)) + 0.01 * rng.random((40, 40))
    for rule in ("yen", "li", "otsu"):
        theirs = getattr(filters, f"threshold_{rule}")(image)
        assert maps.threshold(image, rule) == pytest.approx(theirs) == maps.threshold(image * 1e-6, rule) * 1e6
        assert (maps.above_threshold(image[None], rule=rule)[0] == (image > theirs)).all()
    half = np.count_nonzero(image > 0.5 * image.max())
    assert result([image]).grains(threshold=0.5).table["n_positions"].tolist() == [half]
    assert (
        not maps.above_threshold(np.ones((1, 4, 4))).any() and not maps.above_threshold(np.zeros((1, 4, 4)), rule=0.5).any()
    )
    assert not maps.above_threshold(np.full((1, 4, 4), np.nan)).any()


def test_noise_and_one_hot_position_do_not_decide():
    rng = np.random.default_rng(1)
    image = boxes(np.s_[4:14, 5:17])[0] * 0.8 + 0.02 * rng.random((20, 24))
    assert np.count_nonzero(image > maps.threshold(image)) > 125  # Yen's own threshold is within the noise
    assert result([image]).grains().table["n_positions"].tolist() == [120]
    image[17, 20] = 1000.0
    assert np.count_nonzero(image > maps.threshold(image)) == 1  # what the plain rule would leave
    assert result([image]).grains().table["n_positions"].tolist() == [120]


def test_a_weak_grain_beside_a_strong_one_is_kept():
    rng = np.random.default_rng(5)
    image = boxes(np.s_[2:12, 2:12])[0] + 0.25 * boxes(np.s_[10:18, 14:22])[0] + 0.02 * rng.random((20, 24))
    assert result([image]).grains().table["n_positions"].tolist() == [100, 64]


def test_background_is_told_from_grains():
    rng = np.random.default_rng(2)
    ramp = np.add.outer(np.linspace(0, 1, 20), np.linspace(0, 1, 24))
    spread = [0.6 + 0.2 * ramp, np.clip(0.35 * ramp + 0.1 * rng.standard_normal((20, 24)), 0, None)]
    halves = boxes(np.s_[:, :14], np.s_[:, 10:], np.s_[:16, :20])
    assert [maps.is_spread(image) for image in [*spread, *halves]] == [True, True, False, False, False]
    found = result([*spread, *halves]).grains()
    assert found.background == (0, 1) and sorted(set(found.components)) == [2, 3, 4]
    assert "spread over the scan: component 0, 1, taken as background" in repr(found)
    kept = result([*spread, *halves]).grains(background="keep")
    assert kept.background == (0, 1) and 0 in kept.components and "background, without" not in repr(kept)
    assert not maps.is_spread(np.zeros((4, 4)))


def test_min_size_as_an_area():
    image = boxes(np.s_[:4, :5])[0]  # 20 positions of 6 nm^2
    some = result([image], step=(3.0, 2.0))
    for text, n in (("120 nm^2", 1), ("121 nm²", 0), ("12000 A^2", 1), ("1.2e-4 µm**2", 1), ("120 nm2", 1), ("20 px^2", 1)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", unmix4d.UnmixWarning)
            grains = some.grains(min_size=text)
        assert len(grains) == n, text
    assert some.grains(min_size="115 nm^2").settings["min_positions"] == 20
    for text, message in (
        ("25", "an area such as"),
        ("25 nm", "an area such as"),
        ("big^2", "must be"),
        ("5 mrad^2", "does not fit"),
    ):
        with pytest.raises(ValueError, match=f"min_size.*{message}"):
            some.grains(min_size=text)
    with pytest.raises(ValueError, match="above 0"):
        some.grains(min_size="-5 nm^2")
    with pytest.raises(ValueError, match="scan is not calibrated"):
        result([image], unit="px").grains(min_size="25 nm^2")


# A film with a known answer


def test_every_grain_of_a_film_is_found(film):
    phantom, found = film
    grains = found.grains()
    assert len(grains) == 12 and sorted(grains.components) == list(range(12))
    score = scores.grain_scores(grains, phantom)
    assert score.found == 12 and score.IoU_all > 0.8 and score.TPR_G > 0.98 and score.TNR_G > 0.97
    # Yen takes in the soft edges; Li comes within 10 % of where the thickness is above 0.15 of the maximum.
    true = scores.true_grains(phantom.maps).sum((1, 2)) * 9.0
    ratio = {}
    for rule in ("yen", "li"):
        other = found.grains(threshold=rule, min_size=50)
        area = np.array([other.table["area"][other.components == i].max() for i in score.pairs])
        ratio[rule] = area / true
    assert 1.0 < ratio["yen"].mean() < 1.3 and abs(ratio["li"].mean() - 1) < 0.06 and np.abs(ratio["li"] - 1).max() < 0.2


def test_what_is_shared_is_kept_by_both(film):
    _, found = film
    grains = found.grains()
    assert (grains.count == grains.masks.sum(0)).all() and grains.count.max() >= 2
    share = [(grains.count[mask] > 1).mean() for mask in grains.masks]
    assert np.allclose(grains.table["overlap"], share) and max(share) > 0.2
    labels = grains.labels()
    assert ((labels >= 0) == (grains.count > 0)).all()
    weights = grains.weights
    assert (labels == np.where(grains.count > 0, weights.argmax(0), -1)).all()
    means = [found.intensities[i][mask].mean() for i, mask in zip(grains.components, grains.masks)]
    assert np.allclose(grains.table["mean_weight"], means)
    assert (grains.table["touches_edge"] == [m[[0, -1]].any() or m[:, [0, -1]].any() for m in grains.masks]).all()


def test_mean_patterns_are_those_of_the_scan_also_when_lazy(film):
    phantom, found = film
    grains = found.grains()
    for single in (False, True):
        means = grains.mean_patterns(single=single)
        member = grains.masks & (grains.count == 1) if single else grains.masks
        expected = np.stack([phantom.data[mask].mean(0) for mask in member])
        assert means.dtype == np.float32 and np.allclose(means, expected, rtol=1e-5)
    lazy = Unmix(phantom.to_dask(chunks=(16, 50, 64, 60)), step=3.0, step_unit="nm").nmf(12, random_state=0).grains()
    assert (lazy.masks == grains.masks).mean() > 0.999
    same = Grains(grains.masks, grains.components, lazy.result)
    assert np.allclose(same.mean_patterns(single=True), means, rtol=1e-5)
    assert np.allclose(same.dissimilarity(), grains.dissimilarity(), rtol=1e-3)
    # Single patterns are nearer to the truth than all of a grain.
    pairs = scores.grain_scores(grains, phantom).pairs
    single = scores.pattern_cosine(grains.mean_patterns(single=True)[pairs], phantom.patterns)
    assert (
        single > scores.pattern_cosine(grains.mean_patterns()[pairs], phantom.patterns)
    ).mean() > 0.9 and single.min() > 0.97


def test_dissimilarity_is_larger_where_grains_overlap(film):
    phantom, found = film
    grains = found.grains()
    i = int(np.argmax(grains.table["overlap"]))
    single = Grains((grains.masks & (grains.count == 1))[i : i + 1], grains.components[i : i + 1], found)
    assert single.dissimilarity()[0] < grains.dissimilarity()[i]
    weights = np.nan_to_num(grains.weights[i]).ravel()
    patterns = phantom.data.reshape(-1, *phantom.detector_shape)
    assert grains.dissimilarity()[i] == pytest.approx(scores.dissimilarity(patterns, weights), rel=1e-4)


# Invariants


def test_order_and_scale_of_the_components_do_not_matter(film):
    _, found = film
    before = found.grains()
    order = np.random.default_rng(3).permutation(12)
    scale = np.linspace(0.5, 400, 12)
    after = result(np.array(found.maps, float)[order] * scale[:, None, None], step=(3.0, 3.0)).grains()
    assert (order[after.components] == before.components[np.argsort(before.components, kind="stable")][order]).all()
    for mask, component in zip(after.masks, after.components):
        assert any((mask == other).all() for other in before.masks[before.components == order[component]])


def test_transposing_the_scan_swaps_rows_and_columns(film):
    _, found = film
    images = np.array(found.maps, float)
    plain = result(images, step=(3.0, 2.0), origin=(10.0, -4.0)).grains().table
    turned = result(images.transpose(0, 2, 1), step=(2.0, 3.0), origin=(-4.0, 10.0)).grains().table
    assert np.allclose(plain["centroid_row"], turned["centroid_col"]) and np.allclose(
        plain["centroid_col"], turned["centroid_row"]
    )
    for name in ("area", "feret_max", "feret_min", "eccentricity", "major_axis", "overlap", "touches_edge"):
        assert np.allclose(plain[name], turned[name]), name
    # Mirrored at the falling diagonal: an axis at t goes to 270 - t, that is 90 - t.
    difference = (plain["orientation_deg"] + turned["orientation_deg"] + 90) % 180
    assert np.allclose(np.minimum(difference, 180 - difference), 0, atol=1e-6)


def test_excluded_positions_belong_to_no_grain_and_do_not_matter():
    image = boxes(np.s_[2:16, 3:18])[0] + 0.01 * np.random.default_rng(4).random((20, 24))
    mask = np.zeros(image.shape, bool)
    mask[6:9, 6:9] = mask[:, 20] = True
    clean = result([image], mask=mask).grains(fill_holes=20)
    image[mask] = 1e9
    dirty = result([image], mask=mask).grains(fill_holes=20)
    assert (clean.masks == dirty.masks).all() and not clean.masks[:, mask].any()
    assert (clean.count[mask] == -1).all() and (clean.labels()[mask] == -1).all() and np.isnan(clean.weights[:, mask]).all()
    assert clean.table["n_positions"].tolist() == [14 * 15 - 9] and clean.table["touches_edge"].all()


def test_an_edge_is_also_where_nothing_was_measured():
    grains = result(boxes(np.s_[4:9, 4:9], np.s_[12:17, 4:9], np.s_[4:9, 19:24])).grains()
    assert grains.table["touches_edge"].tolist() == [False, False, True]
    mask = np.zeros((20, 24), bool)
    mask[17, 6] = True
    assert result(boxes(np.s_[4:9, 4:9], np.s_[12:17, 4:9]), mask=mask).grains().table["touches_edge"].tolist() == [
        False,
        True,
    ]


def test_line_scans():
    image = np.zeros((1, 60))
    image[0, 10:25] = image[0, 40:60] = 1.0
    grains = result([image], step=(1.0, 0.5)).grains()
    assert grains.table["n_positions"].tolist() == [20, 15] and grains.table["touches_edge"].tolist() == [True, False]
    assert grains.table["feret_max"].tolist() == pytest.approx([10.0, 7.5], rel=0.02)
    assert grains.table["orientation_deg"].tolist() == [0, 0]
    with pytest.raises(ValueError, match="line scan"):
        grains.plot()


def test_nothing_to_be_found():
    with pytest.warns(unmix4d.UnmixWarning, match="found none: no map has a position above its threshold"):
        grains = result(np.zeros((2, 8, 9))).grains()
    assert len(grains) == 0 and grains.masks.shape == (0, 8, 9) and "<Grains: 0 in 0 of 2" in repr(grains)
    assert all(len(column) == 0 for column in grains.table.values()) and (grains.labels() == -1).all()
    assert grains.weights.shape == (0, 8, 9) and grains.plot().get_title() == "0 grains"
    with pytest.raises(ValueError, match="no grain to draw"):
        grains.plot_sizes()
    with pytest.raises(ValueError, match="no grain to return"):
        grains.to_host()
    with pytest.warns(unmix4d.UnmixWarning, match="found none"):
        linked = Unmix(np.ones((8, 9, 6, 6))).nmf(1, random_state=0, max_iter=3).grains()
    assert linked.mean_patterns().shape == (0, 6, 6) and linked.dissimilarity().shape == (0,)


@pytest.mark.parametrize(
    "arguments, kind, message",
    [
        ({"min_size": 0}, ValueError, "min_size must be at least 1"),
        ({"min_size": 2.5}, TypeError, "min_size must be a whole number"),
        ({"min_size": None}, TypeError, "min_size must be a whole number"),
        ({"threshold": "mean"}, ValueError, "threshold must be one of 'yen', 'otsu', 'li' or a number"),
        ({"threshold": 1.5}, ValueError, "threshold must be between 0 and 1"),
        ({"threshold": float("nan")}, ValueError, "threshold must be between 0 and 1"),
        ({"threshold": True}, TypeError, "threshold must be one of"),
        ({"threshold": [0.5]}, TypeError, "threshold must be one of"),
        ({"connectivity": 3}, ValueError, "connectivity must be at most 2"),
        ({"fill_holes": -1}, ValueError, "fill_holes must be at least 0"),
        ({"opening": 100}, ValueError, "opening must be at most 24"),
        ({"background": "guess"}, ValueError, "background must be one of"),
        ({"components": [7]}, ValueError, "components must be at most 0"),
        ({"components": []}, ValueError, "components must be different numbers"),
        ({"components": [0, 0]}, ValueError, "components must be different numbers"),
        ({"components": "all"}, TypeError, "components must be a whole number"),
    ],
)
def test_wrong_arguments(arguments, kind, message):
    with pytest.raises(kind, match=message):
        result(boxes(np.s_[:5, :5])).grains(**arguments)


def test_results_with_two_signs_are_refused(scan):
    for method in ("svd", "pca"):
        with pytest.raises(ValueError, match=f"those of {method} have both signs"):
            getattr(Unmix(scan.data), method)(2).grains()
    ica = Unmix(scan.data).ica(2, random_state=0)
    assert isinstance(ica.grains(min_size=1, background="keep"), Grains)


def test_components_can_be_chosen(film):
    _, found = film
    grains = found.grains(components=[7, 2])
    assert list(dict.fromkeys(grains.components.tolist())) == [7, 2]


def test_saved_results_have_grains_but_no_patterns(film, tmp_path):
    phantom, found = film
    found.save(tmp_path / "run.h5")
    loaded = unmix4d.load(tmp_path / "run.h5").grains()
    assert (loaded.masks == found.grains().masks).all()
    for call in (loaded.mean_patterns, loaded.dissimilarity):
        with pytest.raises(ValueError, match="needs the scan"):
            call()


def test_nothing_can_be_changed(film):
    grains = film[1].grains()
    for array in (grains.masks, grains.components, grains.count, *grains.table.values()):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    for name, member in inspect.getmembers(Grains):
        if not name.startswith("_") and (callable(member) or isinstance(member, property)):
            assert inspect.getdoc(member), name


# Table, file, figures, hosts


def test_table_is_what_a_data_frame_takes(film):
    grains = film[1].grains()
    assert {len(column) for column in grains.table.values()} == {12} and all(c.ndim == 1 for c in grains.table.values())
    assert (
        set(grains.units) == set(grains.table) and grains.units["area"] == "nm²" and grains.units["orientation_deg"] == "°"
    )
    assert all(np.isfinite(column.astype(float)).all() for column in grains.table.values())
    pandas = pytest.importorskip("pandas")
    geometry = pandas.DataFrame(grains.table)
    assert geometry.shape == (12, len(grains.table)) and geometry.area.dtype == float


def test_csv_has_units_and_all_digits(film, tmp_path):
    grains = film[1].grains()
    path = tmp_path / "grains.csv"
    grains.to_csv(path)
    with open(path, encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    assert head[:4] == ["grain", "component", "n_positions", "area (nm²)"] and "orientation_deg" in head
    assert [name.split(" (")[0] for name in head] == list(grains.table) and len(rows) == 12
    read = np.array(rows, float).T
    assert all((column == grains.table[name]).all() for name, column in zip(grains.table, read))
    assert os.listdir(tmp_path) == ["grains.csv"] and path.stat().st_mode & 0o044 == 0o666 & ~_umask() & 0o044


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_failed_csv_leaves_the_old_one(film, tmp_path, monkeypatch):
    grains = film[1].grains()
    path = tmp_path / "grains.csv"
    path.write_text("old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="the table cannot be saved to .*No space left"):
        grains.to_csv(path)
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["grains.csv"]
    monkeypatch.undo()
    with pytest.raises(OSError, match="path must name a file"):
        grains.to_csv(tmp_path)
    with pytest.raises(OSError, match="cannot be saved"):
        grains.to_csv(tmp_path / "no" / "folder.csv")
    with pytest.raises(TypeError, match="path must be the name of a file"):
        grains.to_csv(7)


def test_figure_of_boundaries(film):
    _, found = film
    grains = found.grains()
    ax = grains.plot()
    numbers = [text.get_text() for text in ax.texts]
    assert numbers == [str(i) for i in range(12)] and ax.get_title() == "12 grains"
    for i, text in enumerate(ax.texts):
        col, row = text.get_position()
        assert grains.masks[i, int(row), int(col)]
    bars = [a for a in ax.artists if type(a).__name__ == "AnchoredSizeBar"]
    assert bars[0].txt_label.get_text().endswith(" nm") and ax.images[0].cmap.name == "gray"
    # Boundaries lie within their own grain: half a position from the outermost centres, and no farther.
    outlines = ax.collections[0].get_segments()
    assert len(outlines) >= 12
    row, col = np.nonzero(grains.masks[0])
    drawn = outlines[0]
    assert row.min() - 0.5 <= drawn[:, 1].min() and drawn[:, 0].max() <= col.max() + 0.5
    # Neighbours never have the same colour here.
    colours = [text.get_color() for text in ax.texts]
    for i in range(12):
        for j in range(i):
            assert colours[i] != colours[j] or not (grains.masks[i] & grains.masks[j]).any()
    assert not grains.plot(numbers=False, image=found.totals).texts
    given = matplotlib.figure.Figure().subplots()
    assert grains.plot(given) is given
    with pytest.raises(ValueError, match="image must have the shape of the scan"):
        grains.plot(image=np.ones((3, 3)))
    ax.figure.canvas.draw()


def test_figure_has_the_aspect_of_the_specimen():
    ax = result(boxes(np.s_[2:12, 3:9]), step=(6.0, 2.0)).grains().plot()
    assert ax.get_aspect() == pytest.approx(3.0) and ax.get_title() == "1 grain"
    ax.figure.canvas.draw()


def test_figure_of_sizes(film):
    grains = film[1].grains()
    ax = grains.plot_sizes()
    assert ax.get_xlabel() == "equivalent diameter (nm)"
    assert max(bar.get_y() + bar.get_height() for bar in ax.patches) <= 12
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    cut = grains.table["touches_edge"].sum()
    assert labels == [f"whole ({12 - cut})", f"cut by an edge ({cut})"]
    assert grains.plot_sizes(column="orientation_deg", bins=6).get_xlabel() == "orientation (°)"
    with pytest.raises(ValueError, match="column must be one of"):
        grains.plot_sizes(column="colour")


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"min_size": 200}, "the threshold has 64 positions, and min_size leaves none of fewer than 200"),
        ({"opening": 9}, "min_size and the opening leaves none"),
        ({"components": [1]}, 'taken for background: background="keep"'),
    ],
)
def test_why_nothing_was_found_is_said(arguments, message):
    images = boxes(np.s_[2:10, 4:12], np.s_[:, :])
    images[1] += 0.1 * np.random.default_rng(0).random(images[1].shape)
    with pytest.warns(unmix4d.UnmixWarning, match=f"grains found none: .*{re.escape(message)}"):
        assert len(result(images).grains(**{"components": [0], **arguments})) == 0


def many_regions(n=40):
    """A map of n x n single positions, and another one a column farther that shares none, and one that covers some."""
    images = np.zeros((3, 2 * n, 2 * n))
    images[0, ::2, ::2] = images[1, ::2, 1::2] = 1.0
    images[2, 1:7, :9] = images[2, :3, :3] = 2.0
    return images


def test_hundreds_of_grains_take_what_their_positions_take():
    import tracemalloc

    found = result(many_regions(20))
    found.grains(min_size=1)
    tracemalloc.start()
    grains = found.grains(min_size=1)
    peak = tracemalloc.get_traced_memory()[1]
    assert grains.count.max() == 2 and len(grains.labels()) == 40 and "<Grains: 801 in 3" in repr(grains)
    whole = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(grains) == 801 and peak < 0.3e6 and whole < 0.9e6  # masks: 1.3 MB
    assert "masks" not in vars(grains)
    assert grains.masks.shape == (801, 40, 40) and (grains.masks[17] == grains.mask(17)).all()
    assert (grains.masks.sum((1, 2)) == grains.table["n_positions"]).all()
    with pytest.raises(ValueError, match="i must be at most 800"):
        grains.mask(801)


def test_plots_and_hosts_of_many_grains(monkeypatch):
    import unmix4d.hosts

    grains = result(many_regions(12)).grains(min_size=1)
    ax = grains.plot()
    assert len(ax.texts) == 0 and len(ax.collections[0].get_segments()) == len(grains) > 200
    assert len(result(boxes(np.s_[:3, :3])).grains(min_size=1).plot(numbers=False).texts) == 0
    masks, labels = grains.to_host(chosen=[5, 0])
    assert (masks == grains.masks[[5, 0]]).all() and labels.max() <= len(grains) - 1
    monkeypatch.setattr(unmix4d.hosts, "_MOST_MASKS", 1000)
    with pytest.raises(ValueError, match="name those that are wanted"):
        grains.to_host()
    for wrong in ([], [10**6], [-1]):
        with pytest.raises(ValueError, match="chosen must be"):
            grains.to_host(chosen=wrong)


def test_a_halo_with_two_grains_in_it_is_said():
    """Its map has three levels, and the upper ones are two regions: no single one stands for it."""
    rng = np.random.default_rng(0)
    images = boxes(np.s_[1:6, 1:7], np.s_[9:19, 10:20])
    halo = 1.0 + 0.01 * rng.standard_normal((20, 24))
    halo[1:7, 14:20] += 0.1
    halo[10:18, 1:7] += 0.2
    images[1, 0:9, 0:12] = images[1, 0:9, 21:] = images[1, 0:1] = images[1, 8:9] = 1.0
    images[1, 9:, 7:] = images[1, 18:] = images[1, :, 0] = images[1, 0:10, 12:14] = images[1, 7:10] = images[1, :, 20:] = 1.0
    images[0] = 0
    images[0, 1:6, 1:7] = 1.0
    with pytest.warns(unmix4d.UnmixWarning, match="component 2 for background"):
        result([*images, halo]).grains(min_size=5)


@pytest.mark.slow
@pytest.mark.parametrize("seed, k", [(6, 8), (6, 9), (3, 7)])
def test_the_multi_phase_film_of_pyxem_loses_no_grain_in_silence(pyxem, seed, k):
    """Eight grains, half of the dose in a halo: those that the halo has taken up are missing, and that is said."""
    from pyxem.data import fe_multi_phase_grains

    state = np.random.get_state()  # noqa: NPY002  pyxem's orientations are drawn from the global generator
    np.random.seed(seed)  # noqa: NPY002
    film = fe_multi_phase_grains(num_grains=4, seed=seed, size=20, recip_pixels=64).data
    np.random.set_state(state)  # noqa: NPY002
    halo = np.exp(-((np.hypot(*(np.indices((64, 64)) - 31.5)) / 13) ** 2))
    expected = 0.5 * film / film.sum((2, 3)).mean() + 0.5 * halo / halo.sum()
    counts = np.random.default_rng(seed).poisson(1e4 * expected).astype(np.uint16)
    found = Unmix(counts, centre=(31.5, 31.5)).nmf(k, random_state=0)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", unmix4d.UnmixWarning)
        grains = found.grains()
    true = np.unique(film.reshape(400, -1), axis=0, return_inverse=True)[1].reshape(20, 20)
    best = [max((grains.mask(j) & (true == i)).sum() for j in range(len(grains))) for i in range(8)]
    missing = [i for i in range(8) if best[i] < 0.5 * (true == i).sum()]
    assert not missing or any("may have taken up a grain" in str(w.message).replace("\n", " ") for w in said)


@pytest.mark.parametrize("taken", [True, False])
def test_a_halo_that_took_up_a_grain_is_said(taken):
    """Its map is that of a halo, but its pattern has spots, and in one region nothing else is."""
    from unmix4d.core.geometry import ScanGeometry
    from unmix4d.results.decomposition import Decomposition

    p = phantoms.polycrystal(n_grains=4, scan_shape=(24, 20), detector_shape=(64, 60), background=0.3, dose=None, seed=1)
    patterns, maps = np.array(p.patterns), np.array(p.maps)
    if taken:
        patterns[0] += patterns[1]
        patterns, maps = np.delete(patterns, 1, axis=0), np.delete(maps, 1, axis=0)
    geometry = ScanGeometry(p.scan_shape, p.detector_shape, centre=p.centre)
    found = Decomposition("nmf", patterns, maps, np.ones(len(maps)) / len(maps), 0.0, geometry, {})
    if not taken:
        assert len(found.grains()) == 4 and found.grains().settings["grain_in_background"] == []
        return
    with pytest.warns(unmix4d.UnmixWarning, match="takes component 0 for background"):
        grains = found.grains()
    assert len(grains) == 3 and "perhaps with a grain in it: component 0" in repr(grains)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("lazy", [False, True])
def test_pyxem_gets_calibrated_signals(pyxem, crystal, lazy, tmp_path):
    import hyperspy.api as hs

    signal = crystal.to_pyxem(lazy=lazy)
    before = signal.metadata.as_dictionary()
    grains = signal.unmix.nmf(5, random_state=0).grains()
    masks, labels = grains.to_host()
    assert type(masks) is hs.signals.Signal2D and not masks._lazy and labels.data.shape == crystal.scan_shape
    assert (masks.data == grains.masks).all() and (labels.data == grains.labels()).all()
    for ours, theirs in zip(masks.axes_manager.signal_axes, signal.axes_manager.navigation_axes):
        assert (ours.scale, ours.offset, str(ours.units), ours.size) == (
            theirs.scale, theirs.offset, str(theirs.units), theirs.size,
        )  # fmt: skip
    told = masks.metadata.unmix4d.grains.as_dictionary()
    assert np.allclose(told["table"]["area"], grains.table["area"]) and told["units"]["area"] == "nm²"
    assert signal.metadata.as_dictionary() == before
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # HyperSpy's and zarr's own
        masks.save(tmp_path / "masks.zspy")
        assert (hs.load(tmp_path / "masks.zspy").data == grains.masks).all()
        masks.plot()
    line = signal.inav[:, 3].unmix.nmf(2, random_state=0, max_iter=5).grains(min_size=1, background="keep")
    assert type(line.to_host()[0]) is hs.signals.Signal1D and line.to_host()[1].data.shape == (20,)


def test_py4dstem_gets_slices_that_save(py4dstem, crystal, tmp_path):
    cube = crystal.to_py4dstem()
    tree = cube.treekeys
    grains = cube.unmix.nmf(5, random_state=0).grains()
    masks, labels = grains.to_host()
    assert type(masks).__name__ == type(labels).__name__ == "RealSlice" and cube.treekeys == tree
    assert (masks.data == grains.masks).all() and (labels.data == grains.labels()).all()
    assert masks.calibration.get_R_pixel_size() == pytest.approx(crystal.step)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # emdfile's own, on writing the file
        py4dstem.save(str(tmp_path / "grains.h5"), masks.root)
        read = py4dstem.read(str(tmp_path / "grains.h5"), datapath="unmix4d_nmf_grains/masks")
    assert (read.data == grains.masks).all()
    assert np.allclose(read.root.metadata["grains"]["table"]["area"], grains.table["area"])


def test_arrays_get_arrays(film):
    grains = film[1].grains()
    masks, labels = grains.to_host()
    assert masks.dtype == np.uint8 and (masks == grains.masks).all() and (labels == grains.labels()).all()


def test_the_page_runs(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    text = "".join((DOCS / page).read_text(encoding="utf-8") for page in ("grains.md", "details/grains.md"))
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.S)
    assert len(blocks) >= 2
    namespace = {}
    for block in blocks:
        exec(compile(block, "grains.md", "exec"), namespace)  # noqa: S102
    assert namespace["score"].found == 12 and (tmp_path / "grains.csv").exists()


@pytest.fixture(scope="module")
def two_grains():
    scan = np.zeros((6, 8, 8, 9))
    scan[:, :4, 2, 3], scan[:, 4:, 6, 6] = 50, 40
    return Unmix(scan, centre=(3.5, 4)).nmf(2, random_state=0).grains(min_size=1, background="keep")


def test_bins_are_a_number_of_them_or_edges(two_grains):
    """A thousand million of them took 24 GB."""
    for bins in (10**9, 0, (3, 2, 1), (), (1,), "auto", (0, float("nan")), 2.5, None):
        if bins is None:
            two_grains.plot_sizes(bins=bins), two_grains.plot_sizes(bins=5), two_grains.plot_sizes(bins=(0, 10, 20.0))
            continue
        with pytest.raises((ValueError, TypeError), match="bins must be"):
            two_grains.plot_sizes(bins=bins)


def test_an_image_that_is_none_is_refused(two_grains):
    for image in (b"x", {}, "text", [[1], [1, 2]]):
        with pytest.raises(TypeError, match="image must be an array of numbers"):
            two_grains.plot(image=image)


def test_yen_of_values_that_are_nearly_alike_is_quiet():
    from unmix4d.maps import threshold

    rng = np.random.default_rng(0)
    for scale in (1.0, 1e33, 1e-30):
        nearly = scale * (1 + 1e-15 * rng.integers(0, 3, 9))
        for values in (np.array([0.0, 0.0, scale]), scale * np.array([-1.0, 1.0, 1.0]), nearly):
            assert not np.isnan(threshold(values))


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("rule", ["yen", "otsu", "li"])
def test_no_threshold_cuts_through_the_level_of_a_large_grain(share, rule):
    rng = np.random.default_rng(3)
    grain = np.arange(600) < 600 * share
    values = np.where(grain, rng.uniform(0.75, 0.95, 600), rng.uniform(0, 0.04, 600))
    cut = maps.threshold(values, rule, outliers=4, noise=4.0)
    assert np.array_equal(values > cut, grain)
    steps = np.repeat([0.0, 0.5, 1.0], 200) + rng.normal(0, 0.01, 600)  # three levels are for the rule alone
    assert maps.threshold(steps, rule, noise=4.0) >= maps.threshold(steps, rule)


@pytest.mark.parametrize("share", [0.5, 0.7, 0.9])
def test_a_grain_that_fills_most_of_the_scan_is_whole(share):
    rng = np.random.default_rng(0)
    rows, cols = np.indices((20, 20))
    large, small = cols < 20 * share, np.hypot(rows - 6, cols - 16) < 3
    patterns = rng.random((2, 24, 24)) ** 6
    patterns /= patterns.sum((1, 2), keepdims=True)
    data = rng.poisson(900 * (large[..., None, None] * patterns[0] + small[..., None, None] * patterns[1]))
    grains = Unmix(data.astype("u2"), centre=(11.5, 11.5)).nmf(2, random_state=0).grains(min_size=4)
    assert len(grains) == 2 and sorted(grains.masks.sum((1, 2))) == sorted([large.sum(), small.sum()])


def test_components_that_are_too_small_are_named():
    """A component whose regions are all left out is said, not silently without grains."""
    film = phantoms.polycrystal(n_grains=3, scan_shape=(24, 20), detector_shape=(48, 44), background=0, seed=0)
    result = Unmix(film.data, step=2.0, step_unit="nm").nmf(3, random_state=0)
    sizes = result.grains().table["n_positions"]
    least = int(np.sort(sizes)[-1])
    kept = result.grains(min_size=least)
    missing = sorted(set(range(3)) - set(kept.components.tolist()))
    named = ", ".join(map(str, missing))
    assert missing and f"no region of {least} positions or more (min_size) in component {named}" in repr(kept)
    assert "min_size" not in repr(result.grains())
