"""What the generated calls found, one test each; the first finds are in `test_hostile`."""

import numpy as np
import pytest

import unmix4d
from unmix4d import Unmix
from unmix4d.features.bragg_disks import BraggDisks


def counts(*shape, seed=0):
    return np.random.default_rng(seed).poisson(4, shape)


def vectors(intensity=(9.0, 1.0, 3.0)):
    return BraggDisks((1, 2), [0, 0, 1], [0.0, 2.0, 2.1], [0.0, 3.0, 3.0], intensity)


@pytest.mark.parametrize("rotation", ["x", float("nan"), (1, 2)])
def test_a_rotation_that_is_no_number_is_not_used(py4dstem, rotation):
    cube = py4dstem.DataCube(np.ones((2, 3, 4, 5)))
    cube.calibration["QR_rotation_degrees"] = rotation
    with pytest.warns(unmix4d.UnmixWarning, match="QR rotation of the calibration must be one finite number"):
        assert Unmix(cube).geometry.calibration.rotation_deg is None


def test_an_origin_with_infinite_values_is_that_of_the_others(py4dstem):
    cube = py4dstem.DataCube(np.ones((2, 3, 4, 5)))
    origin = np.full((2, 3), 1.5)
    origin[0, 0] = np.inf
    cube.calibration["qx0"], cube.calibration["qy0"] = origin, np.full((2, 3), 2.0)
    cube.calibration["qx0_mean"], cube.calibration["qy0_mean"] = np.inf, 2.0
    assert Unmix(cube).geometry.centre == (1.5, 2.0)


def test_radial_variance_that_single_precision_cannot_hold_is_refused():
    scan = (1e33 * counts(3, 5, 8, 6)).astype("f4")
    with pytest.raises(ValueError, match="radial variance must be at most 3.4e[+]38"):
        Unmix(scan, centre=(4, 3)).radial_variance().svd(2)
    assert np.isfinite(Unmix(scan.astype("f8"), centre=(4, 3)).radial_variance().svd(2).maps).all()


def test_more_groups_than_the_parts_that_are_left():
    scan = counts(5, 6, 7, 12).astype("u4")
    scan[:, :, 3, 6] = np.iinfo("u4").max  # which is all that any position shows
    groups = Unmix(scan, centre=(3, 5.5)).group_rotated(3, spots=0, linkage="complete")
    assert 1 <= len(groups) <= 3


@pytest.mark.filterwarnings("ignore::unmix4d.UnmixWarning")
def test_memberships_of_points_that_are_none():
    clusters = Unmix(counts(4, 5, 6, 7)).fuzzy_cmeans(2, random_state=0)
    for points in (3.0, np.zeros(1), np.zeros((2, 3)), np.zeros(0)):
        with pytest.raises(ValueError, match=r"loadings must have the shape \(..., 2\)"):
            clusters.membership_at(points)
    with pytest.raises(ValueError, match="loadings must be finite"):
        clusters.membership_at([np.nan, 1])
    with pytest.raises(TypeError, match="loadings must be an array of numbers"):
        clusters.membership_at("x")


def test_the_scree_of_nothing_can_be_drawn():
    ax = Unmix(np.zeros((2, 3, 4, 5))).scree(3).plot()
    ax.figure.canvas.draw()
    assert ax.get_yscale() == "linear"
    assert Unmix(counts(2, 3, 4, 5)).scree(3).plot().get_yscale() == "log"


def test_a_component_without_digits_is_empty():
    """Its weights had no number in single precision."""
    from unmix4d.decomposition.nnls import nnls_rows

    others = np.array([[1.0, 0, 0], [0, 1, 0.5], [0, 0, 3e-45]], np.float32)
    x = np.array([[1.0, 2, 3]], np.float32)
    rows = nnls_rows(x @ others.T, others.astype(float) @ others.T.astype(float))
    assert np.allclose(rows, [[1, 2.8, 0]], rtol=1e-6)


def test_a_percentile_of_rings_is_taken_away(pyxem):
    """pyxem has no percentile of its own, and refused to work without one."""
    from unmix4d.core.geometry import Calibration, ScanGeometry
    from unmix4d.orientation.match_pyxem import polar_patterns

    calibration = Calibration(pixel_size=(0.1, 0.1), pixel_unit="1/Å")
    geometry = ScanGeometry((1, 2), (21, 21), centre=(10, 10), calibration=calibration)
    patterns = np.full((2, 21, 21), 7.0)
    patterns[:, 10, 16] = 50
    polar = polar_patterns(patterns, geometry, q_max=0.9, gamma=1.0, background="radial percentile").data
    assert np.median(polar) == pytest.approx(0, abs=1e-6) and polar.max() > 1


def test_bragg_vectors_without_intensity_are_refused():
    for call in (lambda v: Unmix(v), lambda v: Unmix(np.ones((1, 2, 9, 9)), centre=(4, 4)).bragg_disks(v)):
        with pytest.raises(ValueError, match="must have intensities above 0"):
            call(vectors((0, 0, 0)))


@pytest.mark.parametrize("dtype, expected", [("f8", "f8"), (">f8", "f8"), ("f4", "f4"), ("u2", "f4")])
def test_maps_and_patterns_of_bragg_disks_are_of_one_type(dtype, expected):
    view = Unmix(np.ones((1, 2, 9, 9), dtype), centre=(4, 4))
    result = view.bragg_disks(vectors(), bin=1).nmf(1, random_state=0)
    assert {result.maps.dtype, result.patterns.dtype, result.features.dtype} == {np.dtype(expected)}


def test_groups_about_a_centre_a_million_pixels_away_are_refused_at_once():
    scan = counts(4, 5, 20, 24)
    view = Unmix(scan, centre=(1e6, 3))
    result = view.nmf(2, random_state=0, max_iter=2)
    for call in (view.group_rotated, result.group_rotated):
        with pytest.warns(unmix4d.UnmixWarning, match="outside"), pytest.raises(ValueError, match="within 30 detector"):
            call()


@pytest.mark.filterwarnings("ignore::unmix4d.UnmixWarning")
def test_as_many_components_as_positions_in_single_precision():
    """Those that are nothing beside the others took steps that single precision cannot hold."""
    scan = np.random.default_rng(75).poisson(4.0, (5, 4, 4, 9)).astype(bool)
    for seed in range(3):
        result = Unmix(scan).nmf(20, random_state=seed)
        assert np.isfinite(result.maps).all() and np.isfinite(result.patterns).all()


@pytest.mark.parametrize("detector", ["pyxem", "py4dstem"])
def test_disks_larger_than_half_of_the_detector_are_refused(detector, request):
    request.getfixturevalue(detector)
    view = Unmix(counts(2, 3, 9, 12), centre=(4, 5.5))
    with pytest.raises(ValueError, match="disk_radius must be below half of the detector of 9 x 12 pixels, got 50"):
        view.bragg_disks(detector=detector, disk_radius=50)


def test_a_power_that_no_number_holds_is_refused(pyxem):
    from unmix4d.core.geometry import Calibration, ScanGeometry
    from unmix4d.orientation.match_pyxem import polar_patterns

    calibration = Calibration(pixel_size=(0.1, 0.1), pixel_unit="1/Å")
    geometry = ScanGeometry((1, 2), (21, 21), centre=(10, 10), calibration=calibration)
    patterns = np.full((2, 21, 21), 1e30)
    with pytest.raises(ValueError, match="gamma must leave numbers below 1e100, got 20 for values"):
        polar_patterns(patterns, geometry, q_max=0.9, gamma=20.0)


@pytest.fixture(scope="module")
def grains():
    scan = np.zeros((6, 8, 8, 9))
    scan[:, :4, 2, 3], scan[:, 4:, 6, 6] = 50, 40
    return Unmix(scan, centre=(3.5, 4)).nmf(2, random_state=0).grains(min_size=1, background="keep")


def test_bins_are_a_number_of_them_or_edges(grains):
    """A thousand million of them took 24 GB."""
    for bins in (10**9, 0, (3, 2, 1), (), (1,), "auto", (0, float("nan")), 2.5, None):
        if bins is None:
            grains.plot_sizes(bins=bins), grains.plot_sizes(bins=5), grains.plot_sizes(bins=(0, 10, 20.0))
            continue
        with pytest.raises((ValueError, TypeError), match="bins must be"):
            grains.plot_sizes(bins=bins)


@pytest.mark.parametrize("wrong", ["3", None, {}, True, [1, 2], 1j, 1e300])
def test_excluded_pixels_are_filled_with_a_number(wrong):
    mask = np.zeros((6, 7), bool)
    mask[2, 3] = True
    result = Unmix(counts(3, 4, 6, 7).astype("f4")).prepare(detector_mask=mask).nmf(2, random_state=0, max_iter=2)
    with pytest.raises((ValueError, TypeError), match="fill_value must be"):
        result.to_host(fill_value=wrong)
    result.to_host(fill_value=float("nan"))


def test_a_tree_without_height_can_be_drawn():
    groups = Unmix(counts(4, 5, 8, 9), centre=(3.5, 4)).nmf(2, random_state=0).group_rotated()
    flat = np.array(groups.linkage)
    flat[:, 2] = 0
    import dataclasses

    ax = dataclasses.replace(groups, linkage=flat, height=0.0).plot_dendrogram()
    ax.figure.canvas.draw()
    assert ax.get_ylim()[1] == 1


def test_the_power_of_a_huge_scan_is_compared_in_double_precision():
    """With NumPy 2 a number of single precision makes the product with a large one overflow."""
    scan = 1e33 * counts(5, 6, 8, 8)
    result = Unmix(scan).vca(2, n_starts=2, sum_to_one=True, precision="double", random_state=1)
    assert np.isfinite(result.maps).all()


def test_an_image_that_is_none_is_refused(grains):
    for image in (b"x", {}, "text", [[1], [1, 2]]):
        with pytest.raises(TypeError, match="image must be an array of numbers"):
            grains.plot(image=image)


def test_weights_of_radii_that_are_no_numbers_are_refused():
    view = Unmix(counts(4, 5, 20, 24), centre=(9, 11))
    with pytest.raises(TypeError, match="weight must be an array of numbers, got dict"):
        view.group_rotated(weight={})


def test_groups_on_a_detector_of_one_pixel_are_refused():
    with pytest.raises(ValueError, match="r_max must be above r_min"), pytest.warns(unmix4d.UnmixWarning, match="corner"):
        Unmix(counts(2, 6, 1, 1), centre=(0, 0)).group_rotated()


def test_disks_of_huge_values_are_found_where_they_are(pyxem):
    row, col = np.indices((32, 32))
    pattern = np.where(np.hypot(row - 9, col - 22) < 3, 9.0, 1.0) + np.where(np.hypot(row - 20, col - 10) < 3, 5.0, 0)
    found = []
    for scale in (1.0, 1e30):
        view = Unmix(np.tile(scale * pattern, (1, 2, 1, 1)).astype("f4"), centre=(15.5, 15.5))
        found.append(view.bragg_disks(detector="pyxem", disk_radius=3, bin=1, q_min=0).features.disks)
    assert len(found[0]) >= 4
    assert np.allclose(found[0].q_row, found[1].q_row) and np.allclose(found[0].q_col, found[1].q_col)


def test_patterns_that_are_the_same_everywhere_are_grouped():
    """With NumPy 2 the smallest divisor was zero in single precision."""
    view = Unmix(np.full((4, 5, 8, 9), 3, "u1"), centre=(3.5, 4)).prepare(friedel=True)
    assert len(view.group_rotated(friedel=True)) == 1


@pytest.mark.parametrize("feature", ["polar", "radial_variance", "symmetry"])
def test_radii_far_beyond_the_detector_are_refused(feature):
    view = Unmix(np.ones((2, 3, 12, 20), np.uint16), centre=(6, 10))
    with pytest.raises(ValueError, match="r_max must be at most 100000 steps of radial_step above r_min"):
        getattr(view, feature)(r_max=2**70)
