"""Redrawn peaks: where and how much, lazily, with masks, from hosts; and who refuses them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from unmix4d import Unmix, load
from unmix4d.constraints import NoDarkSpots
from unmix4d.features.bragg_disks import BraggDisks
from unmix4d.preparation.peaks import find_spots


def spots(shape, places, sigma=1.2, background=0.0):
    rows, cols = np.indices(shape)
    image = np.full(shape, float(background))
    for row, col, total in places:
        image += total / (2 * np.pi * sigma**2) * np.exp(-((rows - row) ** 2 + (cols - col) ** 2) / (2 * sigma**2))
    return image


PLACES = [(10.3, 12.6, 400.0), (25.0, 30.5, 900.0), (30.7, 8.2, 250.0), (14.1, 31.9, 600.0)]


def test_spots_are_found_at_sub_pixel_places_with_their_intensity():
    """Without noise: places to 0.1 pixel, intensities to 8 % (the disk leaves 4 % of these Gaussians out)."""
    image = spots((40, 42), PLACES, background=0.5)
    rows, cols, totals = find_spots(image, 3.0, 5.0, np.ones(image.shape, bool))
    assert len(rows) == 4
    for row, col, total in PLACES:
        nearest = np.argmin(np.hypot(rows - row, cols - col))
        assert np.hypot(rows - row, cols - col)[nearest] < 0.1
        assert totals[nearest] == pytest.approx(total, rel=0.08)


def test_counts_with_a_halo_keep_their_spots_and_noise_makes_none():
    rng = np.random.default_rng(0)
    rows, cols = np.indices((64, 64)) - 31.5
    halo = 3 * np.exp(-(np.hypot(rows, cols) ** 2) / 400)
    found = wrong = 0
    for _ in range(40):
        places = [(*rng.uniform(8, 56, 2), 80.0) for _ in range(3)]
        image = rng.poisson(halo + spots((64, 64), places)).astype(float)
        r, c, _ = find_spots(image, 2.0, 5.0, np.ones(image.shape, bool))
        distance = np.hypot(r[:, None] - [p[0] for p in places], c[:, None] - [p[1] for p in places])
        found += (distance.min(0, initial=99) < 1.0).sum()
        wrong += (distance.min(1) > 2.5).sum()
    assert found >= 0.95 * 120
    assert wrong <= 0.05 * 40
    for level in (0.02, 0.3, 5.0):
        noise = [rng.poisson(level, (64, 64)).astype(float) for _ in range(20)]
        assert sum(find_spots(image, 2.0, 5.0, np.ones(image.shape, bool))[0].size for image in noise) <= 1


def test_the_unit_of_intensity_makes_no_difference():
    image = np.random.default_rng(1).poisson(spots((40, 42), PLACES, background=0.3)).astype(float)
    plain, scaled = (find_spots(f * image, 2.0, 5.0, np.ones(image.shape, bool)) for f in (1.0, 37.0))
    assert_allclose(plain[0], scaled[0], atol=1e-9)
    assert_allclose(37 * plain[2], scaled[2], rtol=1e-9)


def test_redrawn_patterns_are_spots_on_nothing(crystal):
    u = Unmix(crystal.data, centre=crystal.centre)
    view = u.prepare(direct_beam=4, redraw_peaks=2.0)
    assert view.scan.lazy and view.scan.dtype == np.float32 and view.geometry.redrawn
    assert view.scan.steps[-1]["redraw_peaks"] == {"radius": "2 px", "detector": "own", "threshold": 5.0}
    assert "redraw_peaks" in repr(view)
    patterns = np.asarray(view.scan.patterns)
    kept = view.geometry.kept_pixels.reshape(48, 44)
    assert (patterns[..., kept] >= 0).all() and (patterns[..., kept] == 0).mean() > 0.5
    raw, redrawn = crystal.data[5, 6].astype(float), patterns[5, 6].astype(float)
    rows, cols, totals = find_spots(np.where(kept, raw, 0), 2.0, 5.0, kept)
    assert len(rows) >= 4
    inside = [(r, c, t) for r, c, t in zip(rows, cols, totals)]
    assert redrawn[kept].sum() == pytest.approx(totals.sum(), rel=1e-3)
    row, col, total = max(inside, key=lambda spot: spot[2])
    window = np.hypot(*(np.indices(raw.shape) - np.array([row, col]).reshape(2, 1, 1))) < 3
    at = [(redrawn * index * window).sum() / (redrawn * window).sum() for index in np.indices(raw.shape)]
    assert_allclose(at, (row, col), atol=0.15)


def test_noise_falls_and_positions_are_kept(crystal):
    u = Unmix(crystal.data, centre=crystal.centre).prepare(direct_beam=4)
    before, after = u.noise_deviation(), u.prepare(redraw_peaks=True).noise_deviation()
    assert after < before / 3
    assert u.noise_deviation(random_state=1) == pytest.approx(before, rel=0.1)
    assert u.noise_deviation(5, random_state=3) == u.noise_deviation(5, random_state=3)


def test_noise_deviation_is_the_median_of_single_patterns(scan):
    from unmix4d.image_quality import noise_deviation

    u = Unmix(scan.data)
    assert u.noise_deviation(10_000) == pytest.approx(np.median(noise_deviation(scan.data)), rel=1e-6)
    with pytest.raises(ValueError, match="n must be at least 1"):
        u.noise_deviation(0)
    with pytest.raises(AttributeError, match="noise_deviation is not for"):
        Unmix(scan.data, centre=scan.centre).symmetry((2,), r_min=2, r_max=6).noise_deviation()
    with pytest.raises(ValueError, match="at least 3 x 3"):
        Unmix(np.ones((2, 2, 2, 9))).noise_deviation()


@pytest.mark.one_in(5)
def test_every_host_and_lazy_say_the_same(as_host, scan):
    mask = {"detector_mask": np.indices((20, 26)).sum(0) < 6}
    how = {"radius": 2, "threshold": 4}
    views = [u.prepare(**mask, redraw_peaks=how).persist() for u in (as_host(scan), Unmix(scan.data))]
    assert views[0].scan.dtype == np.float32
    assert_allclose(views[0].scan.patterns, views[1].scan.patterns, rtol=1e-5, atol=1e-5)


def test_the_masked_cannot_influence_and_nothing_is_changed(scan):
    mask = np.zeros((20, 26), bool)
    mask[8:12, 10:14] = mask[0, 0] = True
    data, other = scan.data.copy(), scan.data.astype(float)
    other[..., mask] = 1e7
    kept = ~mask
    views = [np.asarray(Unmix(d).prepare(detector_mask=mask, redraw_peaks=True).scan.patterns) for d in (data, other)]
    assert_allclose(views[0][..., kept], views[1][..., kept], rtol=1e-6)
    assert_array_equal(data, scan.data)
    other[..., mask] = np.nan
    third = np.asarray(Unmix(other).prepare(detector_mask=mask, redraw_peaks=True).scan.patterns)
    assert_allclose(third[..., kept], views[0][..., kept])


def test_nan_that_is_not_masked_is_still_refused(scan):
    data = scan.data.astype(np.float32)
    data[3, 4, 5, 6] = np.nan
    with pytest.raises(ValueError, match=r"the scan must be finite, .* \(3, 4\), first affected detector pixel \(5, 6\)"):
        Unmix(data).prepare(redraw_peaks=True).nmf(2, random_state=0)


def test_after_the_other_preparations(crystal):
    """In the stated order: on binned patterns with averaged neighbours, the radius counting in pixels of the given view."""
    u = Unmix(crystal.data, centre=crystal.centre, pixel_size=0.02, pixel_unit="1/Å")
    once = u.prepare(bin=2, average_neighbours=3, redraw_peaks=3.0)
    twice = u.prepare(bin=2).prepare(average_neighbours=3).prepare(redraw_peaks=1.5)
    assert_allclose(np.asarray(once.scan.patterns), np.asarray(twice.scan.patterns), rtol=1e-6)
    by_length = u.prepare(bin=2, average_neighbours=3, redraw_peaks="0.06 1/Å")
    assert_allclose(np.asarray(once.scan.patterns), np.asarray(by_length.scan.patterns), rtol=1e-6)


def test_what_needs_the_background_or_counts_refuses(crystal, tmp_path):
    u = Unmix(crystal.data, centre=crystal.centre).prepare(direct_beam=4)
    view = u.prepare(redraw_peaks=True).persist()
    with pytest.raises(ValueError, match="NoDarkSpots needs the halo between the spots, which prepare.redraw_peaks"):
        view.nmf(2, constraints=[NoDarkSpots()], random_state=0)
    with pytest.raises(ValueError, match="radial_variance needs patterns as measured, but prepare.redraw_peaks"):
        view.radial_variance(5, 15)
    with pytest.raises(ValueError, match="split_counts needs counts, but this view is prepared with redraw_peaks"):
        view.split_counts()
    result = view.nmf(3, random_state=0)
    with pytest.raises(ValueError, match="prepared with redraw_peaks, after which values are none"):
        result.log_likelihood(view)
    result.save(tmp_path / "r.h5")
    assert load(tmp_path / "r.h5").geometry.redrawn and not u.geometry.redrawn
    with pytest.raises(ValueError, match="NoDarkSpots"):
        NoDarkSpots().bind(view.prepare(bin=2).geometry)
    assert u.nmf(2, constraints=[NoDarkSpots()], random_state=0).k == 2


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (-1, ValueError, "redraw_peaks .* must be above 0"),
        (np.nan, ValueError, "redraw_peaks .* must be above 0"),
        (0.4, ValueError, "at least 1 pixel of the prepared view, got 0.4"),
        ("2 nm", ValueError, "redraw_peaks"),
        ({"size": 3}, ValueError, "keys radius, threshold and vectors, got size"),
        ({"threshold": 0}, ValueError, "redraw_peaks .threshold. must be above 0"),
        ({"vectors": [1, 2]}, TypeError, "found by a host: Bragg vectors .* got list"),
        ([1, 2], TypeError, "redraw_peaks .* must be a number"),
    ],
)
def test_wrong_arguments_are_refused_at_once(value, error, message, scan):
    with pytest.raises(error, match=message):
        Unmix(scan.data).prepare(redraw_peaks=value)


def given(scan_shape=(2, 3)):
    """Two disks in position (0, 0), one in (1, 2), in pixels from the beam."""
    return BraggDisks(scan_shape, [0, 0, 5], [-6.0, 4.5, 3.0], [2.0, 5.25, -7.0], [100.0, 50.0, 30.0])


def test_given_vectors_are_drawn_where_they_are():
    u = Unmix(np.ones((2, 3, 40, 44), np.uint16), centre=(20.0, 21.0))
    view = u.prepare(redraw_peaks={"vectors": given(), "radius": 2})
    patterns = np.asarray(view.scan.patterns)
    assert_allclose(patterns.sum((2, 3)), [[150, 0, 0], [0, 0, 30]], rtol=1e-5)
    assert_allclose(patterns[1, 2], spots((40, 44), [(23, 14, 30.0)], sigma=1.0), atol=0.02)
    assert patterns[0, 0, 14, 23] == pytest.approx(100 / (2 * np.pi), rel=0.02)
    assert view.scan.steps[-1]["redraw_peaks"] == {"radius": "2 px", "detector": "BraggDisks", "spots": 3}
    # Crop and bin move them along: pixel 23 is the middle of pixels 22 and 23 of bin 11, less a quarter.
    smaller = u.prepare(crop=((4, 40), (0, 44)), bin=2, redraw_peaks={"vectors": given(), "radius": 4})
    binned = np.asarray(smaller.scan.patterns)
    assert_allclose(binned[1, 2], spots((18, 22), [(9.25, 6.75, 30.0)], sigma=1.0), atol=0.02)


def test_vectors_beyond_the_detector_and_under_masks_are_left_out():
    disks = BraggDisks((1, 2), [0, 0, 1], [50.0, 0.0, 4.0], [0.0, 0.0, 4.0], [10.0, 20.0, 30.0])
    u = Unmix(np.ones((1, 2, 30, 30)), centre=(15.0, 15.0))
    view = u.prepare(direct_beam=4, redraw_peaks=disks)
    kept = view.geometry.kept_pixels.reshape(30, 30)
    assert_allclose(np.asarray(view.scan.patterns)[..., kept].sum(-1), [[0, 30]], rtol=1e-5)


def test_vectors_that_do_not_fit_are_refused():
    u = Unmix(np.ones((2, 3, 40, 44)), centre=(20.0, 21.0))
    with pytest.raises(ValueError, match="vectors must belong to the scan"):
        u.prepare(redraw_peaks=given((2, 4)))
    with pytest.raises(ValueError, match="needs vectors with intensities"):
        u.prepare(redraw_peaks=BraggDisks((2, 3), [0], [1.0], [2.0]))
    with pytest.raises(ValueError, match="leave them out"):
        u.prepare(average_neighbours=3, redraw_peaks=given())
    with pytest.raises(ValueError, match="threshold for its own detector only"):
        u.prepare(redraw_peaks={"vectors": given(), "threshold": 3})


def test_vectors_of_py4dstem(py4dstem, crystal):
    """Found by the host, drawn by us: at the spots of the pattern, in the cube's own calibration."""
    cube = crystal.to_py4dstem()
    probe = np.zeros((48, 44))
    probe[np.hypot(*(np.indices((48, 44)) - np.array(crystal.centre).reshape(2, 1, 1))) < 2] = 1
    vectors = cube.find_Bragg_disks(
        template=probe / probe.sum(), corrPower=1.0, sigma=0.0, subpixel="poly", minPeakSpacing=4, edgeBoundary=2,
        minRelativeIntensity=0.02, maxNumPeaks=30,
    )  # fmt: skip
    vectors.calibration.set_origin(tuple(crystal.centre))
    view = cube.unmix.prepare(redraw_peaks={"vectors": vectors, "radius": 2})
    drawn = np.asarray(view.scan.patterns[5:6, 6:7])[0, 0]
    raw = vectors.raw[5, 6].data
    brightest = raw[np.argmax(raw["intensity"])]
    place = np.unravel_index(drawn.argmax(), drawn.shape)
    assert np.hypot(place[0] - brightest["qx"], place[1] - brightest["qy"]) < 1
    assert drawn.sum() == pytest.approx(raw["intensity"].sum(), rel=0.02)


def test_vectors_of_pyxem(pyxem, crystal):
    signal = crystal.to_pyxem()
    matched = signal.template_match_disk(disk_r=2, subtract_min=False, show_progressbar=False)
    vectors = matched.get_diffraction_vectors(threshold_abs=0.3, min_distance=4, show_progressbar=False)
    view = signal.unmix.prepare(redraw_peaks=vectors)
    drawn = np.asarray(view.scan.patterns[5:6, 6:7])[0, 0]
    raw = np.asarray(vectors.data[5, 6], float)
    scale, offset = (np.ravel(v)[:2].astype(float) for v in (vectors.scales, vectors.offsets))
    pixels = (raw[:, :2] - offset) / scale
    brightest = pixels[np.argmax(raw[:, 2])]
    assert drawn.max() > 0
    assert drawn[tuple(np.rint(brightest).astype(int))] > 0.3 * drawn.max()
