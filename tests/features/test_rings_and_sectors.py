"""Rings, sectors and radial variance: where they lie, how wide they are, and which radii are refused."""

import numpy as np
import pytest

import unmix4d
from support.scans import counts
from unmix4d import Unmix
from unmix4d.core.geometry import ScanGeometry
from unmix4d.features import radial_variance
from unmix4d.features.rings import beam_edge, find_rings, radial_profile, reach
from unmix4d.features.sectors import Grid, PolarGrid, sector_shares, weighted


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


def test_a_beam_behind_a_mask_has_no_edge():
    geometry = ScanGeometry((1, 1), (41, 41), centre=(20, 20))
    beam = np.exp(-(geometry.radius() ** 2) / 18) + 0.02 * geometry.radius()
    assert beam_edge(Grid(geometry), beam.ravel()) > 3
    masked = ScanGeometry((1, 1), (41, 41), centre=(20, 20), detector_mask=geometry.radius() < 1.5)
    assert beam_edge(Grid(masked), beam.ravel()[masked.kept_pixels]) == 0


def test_sectors_of_a_ring_share_its_pixels():
    geometry = ScanGeometry((1, 1), (41, 41), centre=(20, 20))
    shares = sector_shares(Grid(geometry), [(5, 12)], 8)
    image = np.arctan2(20 - np.indices((41, 41))[0], np.indices((41, 41))[1] - 20) % (2 * np.pi)
    middles = (np.arange(8) + 0.5) * np.pi / 4
    # Pixels on the border of the first and the last one hold 0 and 360 degrees.
    assert np.allclose((weighted(shares) @ image.ravel())[1:-1], middles[1:-1], atol=0.05)


def test_radial_variance_that_single_precision_cannot_hold_is_refused():
    scan = (1e33 * counts(3, 5, 8, 6)).astype("f4")
    with pytest.raises(ValueError, match="radial variance must be at most 3.4e[+]38"):
        Unmix(scan, centre=(4, 3)).radial_variance().svd(2)
    assert np.isfinite(Unmix(scan.astype("f8"), centre=(4, 3)).radial_variance().svd(2).maps).all()


@pytest.mark.parametrize("feature", ["polar", "radial_variance", "symmetry"])
def test_radii_far_beyond_the_detector_are_refused(feature):
    view = Unmix(np.ones((2, 3, 12, 20), np.uint16), centre=(6, 10))
    with pytest.raises(ValueError, match="r_max must be at most 100000 steps of radial_step above r_min"):
        getattr(view, feature)(r_max=2**70)


def test_a_detector_of_one_pixel_has_no_rings():
    with pytest.raises(ValueError, match="rings must be given"), pytest.warns(unmix4d.UnmixWarning, match="corner"):
        Unmix(np.ones((2, 3, 1, 1)), centre=(0, 0)).angular_average()


def test_a_centre_far_outside_leaves_no_rings():
    with pytest.raises(ValueError, match="rings must"), pytest.warns(unmix4d.UnmixWarning, match="outside the detector"):
        Unmix(np.random.default_rng(0).poisson(4, (2, 1, 5, 9)), centre=(-5.5, 99)).angular_average()


def test_a_centre_a_million_pixels_away_is_refused_at_once():
    counts = np.random.default_rng(0).poisson(4, (2, 3, 4, 7))
    for name in ("angular_average", "radial_variance", "symmetry", "polar"):
        view = Unmix(counts, centre=(1e6, 0))
        with pytest.raises(ValueError, match="centre must be within 30 detector sizes"), pytest.warns(unmix4d.UnmixWarning):
            getattr(view, name)()


def test_steps_far_below_a_pixel_are_refused():
    view = Unmix(np.random.default_rng(0).poisson(4, (2, 3, 9, 9)), centre=(4, 4))
    for name in ("radial_variance", "symmetry", "polar"):
        with pytest.raises(ValueError, match="radial_step must be at least 0.01 pixels"):
            getattr(view, name)(radial_step=1e-300, r_min=0)
