"""Polar transform: right angles, right radii, nothing from masked pixels, nothing lost where that is promised."""

import numpy as np
import pytest

from unmix4d.core.geometry import Calibration, ScanGeometry
from unmix4d.core.polar import PolarTransform

SHAPE = (90, 100)
CENTRE = (42.3, 51.6)
GEOMETRY = ScanGeometry((2, 2), SHAPE, centre=CENTRE)


def spot(geometry, row, col, sigma=2.0):
    r, c = np.indices(geometry.detector_shape)
    return np.exp(-((r - row) ** 2 + (c - col) ** 2) / (2 * sigma**2)).reshape(1, -1)


def at_angle(angle_deg, radius, centre=CENTRE):
    """Row and column as a person reads them off the screen: counter-clockwise, row 0 on top."""
    return centre[0] - radius * np.sin(np.deg2rad(angle_deg)), centre[1] + radius * np.cos(np.deg2rad(angle_deg))


GEOMETRIES = {
    "round": GEOMETRY,
    "ellipse": GEOMETRY.replace(ellipse=(1.2, 1.0, 30.0)),
    "flat pixels": GEOMETRY.replace(calibration=Calibration(pixel_size=(0.013, 0.01), pixel_unit="1/Å")),
    "both": GEOMETRY.replace(
        ellipse=(1.0, 1.15, -70.0), calibration=Calibration(pixel_size=(0.01, 0.012), pixel_unit="1/Å")
    ),
}


@pytest.mark.parametrize("angle", [0, 37, 90, 181, 315])
def test_a_spot_is_found_at_its_angle_and_radius(angle):
    polar = PolarTransform(GEOMETRY)
    image = polar.forward(spot(GEOMETRY, *at_angle(angle, 25)))[0]
    azimuth, radius = np.unravel_index(image.argmax(), image.shape)
    # Interpolation lowers some points more than others: the highest may be the next one, half a pixel away.
    assert abs(polar.azimuth_deg[azimuth] - angle) <= 1 and polar.radius[radius] == 25
    assert 0.93 < image.max() <= 1  # a spot of sigma 2 loses up to 6 % of its height between pixels


def test_a_turned_pattern_is_shifted_along_the_azimuth():
    def pattern(turn):
        return sum(w * spot(GEOMETRY, *at_angle(a + turn, r)) for a, r, w in ((10, 20, 1), (75, 30, 0.7), (200, 24, 0.4)))

    polar = PolarTransform(GEOMETRY)
    before, after = polar.forward(np.concatenate([pattern(0), pattern(40)]))
    match = [np.corrcoef(np.roll(before, n, axis=0).ravel(), after.ravel())[0, 1] for n in range(360)]
    assert np.argmax(match) == 40 and max(match) > 0.995 and match[320] < 0.5


@pytest.mark.parametrize("name", GEOMETRIES)
def test_radii_are_those_of_the_frame(name):
    """The image of the radius itself becomes columns of constant value, in every geometry."""
    geometry = GEOMETRIES[name]
    polar = PolarTransform(geometry, r_min=3, r_max=30)
    found = polar.forward(geometry.radius().reshape(1, -1))[0]
    assert polar.valid.all()
    assert np.abs(found - polar.radius).max() < 0.08
    assert np.abs(PolarTransform(GEOMETRY, r_min=3, r_max=30).forward(geometry.radius()[None])[0] - polar.radius).max() > (
        1.0 if name != "round" else 0
    )


def test_an_elliptical_ring_becomes_straight():
    geometry = GEOMETRIES["ellipse"]
    ring = np.exp(-((geometry.radius() - 25) ** 2) / 8).reshape(1, -1)
    right, wrong = (PolarTransform(f, r_max=32).forward(ring)[0, :, 25] for f in (geometry, GEOMETRY))
    assert right.min() > 0.95
    assert wrong.min() < 0.5


def test_turning_under_an_ellipse_is_a_shift_too():
    """Angles are those of the pattern before the optics stretched it."""
    a, b, tilt = 1.2, 1.0, np.deg2rad(30)
    geometry = GEOMETRIES["ellipse"]
    polar = PolarTransform(geometry)
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    stretch = turn @ np.diag([np.sqrt(a / b), np.sqrt(b / a)]) @ turn.T
    for angle in (0, 30, 65, 120, 250):
        right, up = stretch @ (25 * np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))]))
        image = polar.forward(spot(geometry, CENTRE[0] - up, CENTRE[1] + right))[0]
        azimuth, radius = np.unravel_index(image.argmax(), image.shape)
        assert abs(polar.azimuth_deg[azimuth] - angle) <= 1 and abs(polar.radius[radius] - 25) <= 1


def test_azimuth_wraps_round():
    polar = PolarTransform(GEOMETRY)
    image = polar.forward(spot(GEOMETRY, *at_angle(0, 30)))[0]
    assert image[359, 30] == pytest.approx(image[1, 30], rel=0.01) and image[359, 30] > 0.9
    geometry = GEOMETRY.replace(centre=(42.0, 51.0))
    coarse = PolarTransform(geometry, n_azimuth=36)
    first = np.zeros((1, *coarse.shape))
    first[0, 0] = 1
    back = coarse.back(first)[0].reshape(SHAPE)
    # Two pixels below the axis, 22.9 to the right: half way between the last azimuth and the first.
    above, below = back[40, 74], back[44, 74]
    assert below == pytest.approx(above, rel=1e-9) and below == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("name", GEOMETRIES)
def test_there_and_back(name):
    geometry = GEOMETRIES[name]
    rng = np.random.default_rng(0)
    places = [at_angle(rng.uniform(0, 360), rng.uniform(0, 30)) for _ in range(12)]
    smooth = sum(spot(geometry, *place, sigma=6) for place in places)
    polar = PolarTransform(geometry)
    back = polar.back(polar.forward(smooth))
    covered = np.isfinite(back)
    assert covered.mean() > 0.7
    assert np.abs(back - smooth)[covered].max() < 0.02 * smooth.max()


def test_masked_pixels_have_no_influence_and_are_reported():
    mask = np.zeros(SHAPE, bool)
    mask[20:40, 60:80] = True
    geometry = GEOMETRY.replace(detector_mask=mask)
    polar = PolarTransform(geometry)
    clean = np.random.default_rng(1).random((2, SHAPE[0] * SHAPE[1]))
    dirty = clean.copy()
    dirty[:, mask.ravel()] = np.nan
    for conserve in (False, True):
        assert np.array_equal(polar.forward(clean, conserve=conserve), polar.forward(dirty, conserve=conserve))
    out = polar.forward(np.ones((1, mask.size)))[0]
    assert np.allclose(out[polar.valid], 1) and (out[~polar.valid] == 0).all()
    row, col = at_angle(45, 20)
    assert mask[int(row), int(col)] and not polar.valid[45, 20] and polar.valid[45, 5] and polar.valid[225, 20]
    back = polar.back(np.where(polar.valid, 1.0, np.nan)[None])[0].reshape(SHAPE)
    assert np.isnan(back[mask]).all()
    ring = geometry.radius()
    assert np.allclose(back[~mask & (ring < 40)], 1)
    assert (polar.back(out[None], fill=-1.0)[0].reshape(SHAPE)[mask] == -1).all()


@pytest.mark.parametrize("dtype, tolerance", [("f8", 1e-12), ("f4", 1e-6)])
@pytest.mark.parametrize("name", GEOMETRIES)
def test_intensity_is_conserved(name, dtype, tolerance):
    geometry = GEOMETRIES[name]
    rng = np.random.default_rng(2)
    patterns = rng.random((3, *SHAPE)).astype(dtype)
    polar = PolarTransform(geometry, n_azimuth=72, r_max=geometry.radius().max() + 1)
    shared = polar.forward(patterns, conserve=True)
    assert shared.sum((1, 2), dtype="f8") == pytest.approx(patterns.sum((1, 2), dtype="f8"), rel=tolerance)
    assert polar.forward(patterns).sum() != pytest.approx(patterns.sum(), rel=0.01)  # the other form conserves values


def test_conserved_intensity_stays_where_it_was():
    polar = PolarTransform(GEOMETRY, n_azimuth=36)
    shared = polar.forward(spot(GEOMETRY, *at_angle(130, 25), sigma=1.0), conserve=True)[0]
    rows, cols = np.indices(shared.shape)
    assert (shared * cols).sum() / shared.sum() == pytest.approx(25, abs=0.1)
    assert (shared * rows).sum() / shared.sum() == pytest.approx(13, abs=0.1)


def test_precision_follows_the_input_and_nothing_is_changed():
    polar = PolarTransform(GEOMETRY)
    pattern = np.random.default_rng(3).random((1, *SHAPE))
    for dtype in ("f4", "f8"):
        given = pattern.astype(dtype)
        given.setflags(write=False)
        out = polar.forward(given)
        assert out.dtype == dtype and polar.back(out).dtype == dtype
        assert np.allclose(out, polar.forward(pattern), atol=1e-6)
    assert polar.forward((pattern * 100).astype("u2")).dtype == "f8"


def test_default_radii_reach_what_half_of_the_azimuths_reach():
    polar = PolarTransform(GEOMETRY)
    longer = PolarTransform(GEOMETRY, r_max=polar.radius[-1] + 1)
    assert longer.valid[:, -2].mean() >= 0.5 > longer.valid[:, -1].mean()
    corner = PolarTransform(GEOMETRY.replace(centre=(0.0, 0.0)))
    assert corner.radius[-1] >= 1 and corner.valid.any()


def test_lengths_may_have_units():
    geometry = GEOMETRIES["flat pixels"]
    length = geometry.pixel_length
    radii = {"r_min": f"{5 * length} 1/Å", "r_max": f"{20.5 * length} 1/Å", "radial_step": f"{2 * length} 1/Å"}
    polar = PolarTransform(geometry, **radii)
    assert np.allclose(polar.radius, [5, 7, 9, 11, 13, 15, 17, 19])


@pytest.mark.parametrize("arguments, error, message", [
    (dict(n_azimuth=3), ValueError, "n_azimuth"),
    (dict(n_azimuth=36.5), TypeError, "n_azimuth"),
    (dict(radial_step=0), ValueError, "radial_step"),
    (dict(radial_step=True), TypeError, "radial_step"),
    (dict(r_min=-1), ValueError, "r_min"),
    (dict(r_min=np.nan), ValueError, "r_min"),
    (dict(r_max=[3]), TypeError, "r_max"),
    (dict(r_min=10, r_max=10), ValueError, "r_max must be above r_min"),
    (dict(r_min=500, r_max=510), ValueError, "contain a pixel"),
    (dict(r_max="2 1/nm"), ValueError, "not calibrated"),
])  # fmt: skip
def test_arguments_that_make_no_sense(arguments, error, message):
    with pytest.raises(error, match=message):
        PolarTransform(GEOMETRY, **arguments)


def test_patterns_that_do_not_fit():
    polar = PolarTransform(GEOMETRY)
    for bad in (np.ones((2, 5)), np.ones(9000), np.ones((1, 100, 91))):
        with pytest.raises(ValueError, match="patterns must have 9000 values"):
            polar.forward(bad)
    with pytest.raises(ValueError, match="polar must have"):
        polar.back(np.ones((1, 9000)))
    with pytest.raises(ValueError, match="polar already"):
        PolarTransform(GEOMETRY.replace(polar=True))


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
    with pytest.raises(ValueError, match="must contain a pixel that is not excluded"):
        PolarTransform(geometry, n_azimuth=4, r_min=20.6, r_max=20.61)


def test_two_radii_that_are_far_apart_fill_what_is_between():
    polar = PolarTransform(ScanGeometry((1, 1), (41, 41), centre=(20, 20)), n_azimuth=36, radial_step=4, r_min=8, r_max=12)
    assert polar.radius.tolist() == [8, 12]
    image = polar.back(np.broadcast_to([0.0, 1.0], (1, 36, 2)), fill=-1).reshape(41, 41)
    assert image[20, 26:34] == pytest.approx([-1, -1, 0, 0.25, 0.5, 0.75, 1, -1])
