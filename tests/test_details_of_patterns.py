"""Details of the geometry of patterns and their likeness that mutation testing (benchmarks/checks/mutants.py)
found unguarded."""

import numpy as np
import pytest

from unmix4d import Unmix, image_quality
from unmix4d.clustering.group_angles import _along_tree, group_angles, symmetry_order
from unmix4d.clustering.similarity import diffraction_similarity, rings_of
from unmix4d.constraints import NoDarkSpots
from unmix4d.constraints._rings import Rings
from unmix4d.core.centre import require_centre
from unmix4d.core.geometry import ScanGeometry
from unmix4d.core.messages import UnmixWarning
from unmix4d.core.polar import PolarTransform
from unmix4d.features import radial_variance
from unmix4d.features.rings import beam_edge, find_rings, radial_profile, reach
from unmix4d.features.sectors import Grid, PolarGrid, sector_shares, weighted
from unmix4d.preparation import disks
from unmix4d.preparation.masks import with_masks


@pytest.mark.parametrize("centre", [(0.2, 0.3), (0.2, 27.5), (37.8, 0.3), (37.8, 27.5)])
def test_a_centre_in_any_corner_is_told(centre):
    with pytest.warns(UnmixWarning, match="is in a corner of the detector of 39 x 29 pixels"):
        require_centre(ScanGeometry((2, 2), (39, 29), centre=centre, centre_known=True), "this")


NEAR = [(0.2, 1.0), (0.2, 27.0), (1.0, 0.3), (37.0, 0.3), (0.0, 14.0), (19.0, 0.0), (38.0, 14.0), (19.0, 28.0)]


@pytest.mark.parametrize("centre", NEAR)
def test_a_centre_near_or_on_an_edge_is_not_told(centre):
    require_centre(ScanGeometry((2, 2), (39, 29), centre=centre, centre_known=True), "this")


@pytest.mark.parametrize("centre", [(0.5, 1.0), (1.0, 0.5)])
def test_a_fiftieth_of_the_detector_from_an_edge_is_no_corner(centre):
    require_centre(ScanGeometry((2, 2), (50, 50), centre=centre, centre_known=True), "this")


@pytest.mark.parametrize("centre", [(-0.1, 14.0), (19.0, -0.1), (38.1, 14.0), (19.0, 28.1)])
def test_a_centre_outside_is_told(centre):
    with pytest.warns(UnmixWarning, match="is outside the detector of 39 x 29 pixels"):
        require_centre(ScanGeometry((2, 2), (39, 29), centre=centre, centre_known=True), "this")


def polar_grid(axis, by_area):
    shape = (36, 12) if axis == 0 else (12, 36)
    return PolarGrid(ScanGeometry((1, 1), shape), axis, (5.0, 10.0), (2.0, 0.5), by_area=by_area)


@pytest.mark.parametrize("axis", [0, 1])
def test_pixels_of_polar_patterns_are_where_their_axes_say(axis):
    grid = polar_grid(axis, False)
    azimuth, radius = grid.place(*((3, 4) if axis == 0 else (4, 3)))
    assert np.degrees(azimuth) == pytest.approx(35) and radius == 4.0


@pytest.mark.parametrize("by_area", [True, False])
def test_a_sector_of_a_polar_pattern_holds_as_much_as_its_pixels(by_area):
    """4 rows of 10 degrees and 4 columns of half a pixel, from radius 3 to 5."""
    grid = polar_grid(0, by_area)
    radii = 3.25 + 0.5 * np.arange(4)
    assert grid.area(3, 5, 9) == pytest.approx(4 * (radii.sum() if by_area else 4))


def test_a_ring_without_intensity_is_not_uneven():
    row, col = np.indices((41, 41)) - 20
    data = np.where(np.hypot(row, col) < 8, 5.0, 0.0)[None, None].repeat(2, axis=1)
    features = radial_variance(Unmix(data, centre=(20, 20)), [4.0, 14.0], 2.0, "normalised")
    assert np.allclose(features.values, 0, atol=1e-5)


def test_rings_of_radial_variance_are_as_wide_as_their_step():
    """The variance of the radius itself over a ring of width w is w**2 / 12."""
    row, col = np.indices((61, 61)) - 30
    data = np.hypot(row, col)[None, None].repeat(2, axis=1)
    features = radial_variance(Unmix(data, centre=(30, 30)), [18.0, 20.0], 8.0, "variance")
    assert features.values == pytest.approx(64 / 12, rel=0.03)


def test_radii_beyond_the_detector_are_dropped_where_others_remain():
    data = np.random.default_rng(0).random((1, 2, 41, 41))
    features = radial_variance(Unmix(data, centre=(20, 20)), [6.0, 60.0], 2.0, "variance")
    assert features.geometry.kept_pixels.tolist() == [True, False]
    with pytest.raises(ValueError, match="find pixels that take part, got radii 60 to 70 pixels"):
        radial_variance(Unmix(data, centre=(20, 20)), [60.0, 70.0], 2.0, "variance")


def test_rings_do_not_know_the_unit_of_the_data():
    geometry = ScanGeometry((1, 1), (101, 101))
    r = geometry.radius().ravel()
    rings = np.exp(-((r - 15) ** 2) / 8) + np.exp(-((r - 30) ** 2) / 8) + 0.01
    expected = find_rings(Grid(geometry), rings)
    for scale in (1e-12, 1e12):
        assert np.allclose(find_rings(Grid(geometry), rings * scale), expected)


def test_the_radial_profile_has_two_radii_a_pixel():
    geometry = ScanGeometry((1, 1), (41, 41))
    radius, profile = radial_profile(Grid(geometry), geometry.radius().ravel())
    assert np.all(np.diff(radius) == 0.5) and radius[0] == 0.25
    middle = slice(10, -10)  # away from where the smoothing meets an end
    assert np.allclose(profile[middle], radius[middle], atol=0.15)


def test_the_last_radius_is_that_of_which_half_is_on_the_detector():
    """Of a square, seen from its middle: an eighth of a circle is cut off at each of its corners and sides."""
    for size in (41, 101):
        grid = Grid(ScanGeometry((1, 1), (size, size)))
        assert reach(grid) == pytest.approx(size / 2 / np.cos(np.pi / 8), abs=1)


def test_cross_correlation_does_not_know_the_unit_of_the_data():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 12, 15))
    expected = image_quality.cross_correlation(a, b)
    for scale in (1e-20, 1e20):
        assert image_quality.cross_correlation(a * scale, b * scale) == pytest.approx(expected)


def test_a_single_radius_goes_back_to_the_pixels_beside_it():
    polar = PolarTransform(ScanGeometry((1, 1), (41, 41), centre=(20, 20)), n_azimuth=36, r_min=10, r_max=10.5)
    assert polar.shape == (36, 1)
    images = polar.back(np.ones((1, 36, 1)), fill=0).reshape(41, 41)
    assert images[20, 30] == 1 and images[20, 29] == images[20, 31] == 0
    counts = polar.forward(np.ones((1, 41, 41)), conserve=True)
    assert counts.sum() == pytest.approx(2 * np.pi * 10, rel=0.02)  # all that lies within half a pixel of the radius


def test_the_last_half_pixel_belongs_to_the_detector():
    geometry = ScanGeometry((1, 1), (41, 41), centre=(20, 20))
    assert PolarTransform(geometry, n_azimuth=4, r_min=20.4, r_max=20.41).valid.all()
    with pytest.raises(ValueError, match="must find a pixel that takes part"):
        PolarTransform(geometry, n_azimuth=4, r_min=20.6, r_max=20.61)


def test_a_mirror_image_need_not_be_much_more_alike_to_be_one():
    even = np.cos(2 * np.pi * np.arange(60) / 60)[:, None] * np.ones(4)
    curve = even + 0.3 * np.random.default_rng(0).normal(size=(60, 4))
    rings = rings_of(np.stack([curve, np.roll(curve[::-1], 1, axis=0)]), np.ones((60, 4), bool), np.ones(4))
    plain, found = diffraction_similarity(rings), diffraction_similarity(rings, mirror=True)
    assert 0.6 < plain.matrix[0, 1] < 0.99 and not plain.mirrored.any()
    assert found.matrix[0, 1] == pytest.approx(1, abs=1e-3) and found.mirrored[0, 1]


def test_two_radii_that_are_far_apart_fill_what_is_between():
    polar = PolarTransform(ScanGeometry((1, 1), (41, 41), centre=(20, 20)), n_azimuth=36, radial_step=4, r_min=8, r_max=12)
    assert polar.radius.tolist() == [8, 12]
    image = polar.back(np.broadcast_to([0.0, 1.0], (1, 36, 2)), fill=-1).reshape(41, 41)
    assert image[20, 26:34] == pytest.approx([-1, -1, 0, 0.25, 0.5, 0.75, 1, -1])


def test_a_beam_behind_a_mask_has_no_edge():
    geometry = ScanGeometry((1, 1), (41, 41), centre=(20, 20))
    beam = np.exp(-(geometry.radius() ** 2) / 18) + 0.02 * geometry.radius()
    assert beam_edge(Grid(geometry), beam.ravel()) > 3
    masked = ScanGeometry((1, 1), (41, 41), centre=(20, 20), detector_mask=geometry.radius() < 1.5)
    assert beam_edge(Grid(masked), beam.ravel()[masked.kept_pixels]) == 0


def test_members_that_have_nothing_in_common_are_turned_too():
    distances, pairs = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[0.0, -30.0], [30.0, 0.0]])
    angles, mirrored = _along_tree(distances, pairs, np.zeros((2, 2), bool), 0)
    assert angles.tolist() == [0, 30] and not mirrored.any()


def test_sectors_of_a_ring_share_its_pixels():
    geometry = ScanGeometry((1, 1), (41, 41), centre=(20, 20))
    shares = sector_shares(Grid(geometry), [(5, 12)], 8)
    image = np.arctan2(20 - np.indices((41, 41))[0], np.indices((41, 41))[1] - 20) % (2 * np.pi)
    middles = (np.arange(8) + 0.5) * np.pi / 4
    # Pixels on the border of the first and the last one hold 0 and 360 degrees.
    assert np.allclose((weighted(shares) @ image.ravel())[1:-1], middles[1:-1], atol=0.05)


def order_of(curve):
    """Highest order whose turns give back 80 % of the autocorrelation, from the curve itself."""
    curve = curve - curve.mean()
    for order in (6, 4, 3, 2):
        back = [curve @ np.roll(curve, len(curve) * j // order) for j in range(1, order)]
        if min(back) >= 0.8 * (curve @ curve):
            return order
    return 1


@pytest.mark.parametrize("weak", [1.0, 0.6, 0.3, 0.2])
@pytest.mark.parametrize("strong", [2, 3, 4, 5, 6])
def test_symmetry_is_that_of_the_autocorrelation(strong, weak):
    """The highest frequency of an even number of azimuths counts once, as the mean does."""
    angle = np.arange(12) * np.pi / 6
    for curve in (np.cos(strong * angle) + weak * np.cos(angle), np.cos(strong * angle) + weak * np.cos(5 * angle) + 3):
        rings = rings_of(curve[None, :, None], np.ones((12, 1), bool), np.ones(1))
        assert symmetry_order(rings.spectra[:, 0], rings) == order_of(curve)


def test_what_is_even_along_the_rings_has_no_symmetry():
    rings = rings_of(np.ones((1, 12, 3)), np.ones((12, 3), bool), np.ones(3))
    assert symmetry_order(rings.spectra[:, 0], rings) == 1


def test_angles_do_not_know_the_unit_of_the_weights():
    rng = np.random.default_rng(0)
    curve = rng.random((60, 4))
    values = np.stack([np.roll(curve, turn, axis=0) + 0.5 * rng.random((60, 4)) for turn in (0, 7, 20, 33, 41)])
    rings = rings_of(values, np.ones((60, 4), bool), np.ones(4))
    found, weights = diffraction_similarity(rings), np.array([9.0, 1, 4, 2, 1])
    expected = group_angles(found, rings, np.arange(5), weights)
    assert not np.allclose(group_angles(found, rings, np.arange(5), np.ones(5)).angles_deg, expected.angles_deg, atol=1e-6)
    for scale in (1e-12, 1e12):
        answer = group_angles(found, rings, np.arange(5), weights * scale)
        assert np.allclose(answer.angles_deg, expected.angles_deg, atol=1e-9) and answer.angles_deg[0] == 0


def test_disks_are_the_kept_pixels_within_their_radius():
    mask = np.zeros((9, 12), bool)
    mask[3, 4] = True
    geometry = ScanGeometry((1, 1), (9, 12), detector_mask=mask)
    row, col = np.indices((9, 12))
    wanted = (np.hypot(row - 3, col - 4) <= 2) | (np.hypot(row - 6, col - 9) <= 2)
    assert np.array_equal(disks(geometry, [(3, 4), (6, 9)], 2), wanted[~mask])
    assert np.array_equal(disks(geometry, (6, 9), 0), ((row == 6) & (col == 9))[~mask])
    for bad in ([], [1, 2, 3], [[1, 2, 3]], "spots", [(np.nan, 1)], np.zeros((1, 2, 2))):
        with pytest.raises(ValueError, match="spots must be positions"):
            disks(geometry, bad, 2)
    with pytest.raises(ValueError, match="there is none within 0 pixels of"):
        disks(geometry, (3, 4), 0)


@pytest.mark.parametrize("tolerance", [0, 2])
def test_kept_totals_lower_the_rest_of_the_ring(tolerance):
    """With `conserve` what is below the baseline is raised to it, and all but bright spots lowered by what that adds."""
    geometry = ScanGeometry((1, 1), (41, 41), centre=(20, 20))
    pattern = np.random.default_rng(0).normal(100, 5, (1, 41 * 41))
    pattern[0, 41 * 20 + 32] = 1000.0  # a bright spot
    rule = NoDarkSpots(conserve=True, tolerance=tolerance).bind(geometry)
    raised = rule.project(pattern)
    assert abs(rule.bias[0]) < 2e-3  # 2e-2 were it not kept
    change = (raised - pattern)[0]
    assert change[41 * 20 + 32] == 0
    ring = np.flatnonzero(np.abs(geometry.radius().ravel() - 12) < 0.4)
    ring = ring[ring != 41 * 20 + 32]
    above = pattern[0, ring] > rule.baseline(pattern)[0, ring]
    assert np.all(change[ring][above] < 0) and change[ring][~above].mean() > 0


@pytest.mark.parametrize(("n", "mean"), [(5, 0.0), (6, 4.0), (7, 4.0)])
def test_a_ring_of_six_pixels_has_a_mean(n, mean):
    rings = Rings(np.full((1, n), 3.0), np.ones(n, bool), np.float64)
    assert rings.mean(np.full((n, 1), 4.0), rings.full)[3, 0] == mean


def test_what_leaves_nothing_is_named():
    geometry, everything = ScanGeometry((2, 2), (3, 4)), np.ones((2, 2), bool)
    with pytest.raises(ValueError, match="^scan_mask leaves no position: all 4 are excluded"):
        with_masks(geometry, scan_mask=everything)
    with pytest.raises(ValueError, match="^this mask leaves no detector pixel: all 12 are excluded"):
        with_masks(geometry, detector_mask=np.ones((3, 4), bool), reason="this mask")
