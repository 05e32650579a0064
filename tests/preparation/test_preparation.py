"""Preparation: lazy, never changing the input, and each step what its name says."""

import numpy as np
import pytest

from unmix4d import Unmix, UnmixWarning, phantoms
from unmix4d.preparation import pixels

CENTRE = (9.0, 13.0)


def values(unmix):
    """The prepared patterns, computed."""
    return np.asarray(unmix.scan.patterns)


def test_nothing_is_computed_and_nothing_is_changed(as_host, scan):
    unmix = as_host(scan)
    before = np.array(scan.data)
    view = unmix.prepare(
        direct_beam=3, annulus=(0, 12), crop=((0, 20), (2, 26)), bin=2, friedel=True, average_neighbours=3, hot_pixels=True,
        gain=2.0,
    )  # fmt: skip
    assert view.scan.lazy and view.shape == (7, 9, 10, 12)
    assert unmix.shape == (7, 9, 20, 26) and unmix.geometry.detector_mask is None
    assert np.array_equal(before, scan.data)
    assert view.geometry.calibration.step_unit == "nm" and view.geometry.calibration.pixel_unit == "1/Å"


@pytest.mark.one_in(6)
def test_persisted_views_give_the_same_answer(as_host, scan):
    unmix = as_host(scan)
    view = unmix.prepare(direct_beam=2, bin=2)
    held = view.persist()
    assert type(held.scan.patterns) is np.ndarray and held.scan.dtype == view.scan.dtype
    assert np.array_equal(held.scan.patterns, values(view))
    assert held.scan.steps == view.scan.steps and held.scan.host == view.scan.host
    a, b = (v.nmf(3, random_state=0, max_iter=10) for v in (view, held))
    assert np.allclose(a.maps, b.maps, atol=1e-5)
    plain = unmix.persist()
    assert type(plain.scan.patterns) is np.ndarray and np.array_equal(plain.scan.patterns, scan.data)


@pytest.mark.one_in(6)
def test_every_host_prepares_alike(as_host, scan):
    options = dict(direct_beam=3, crop=((0, 20), (2, 26)), bin=2, friedel=True, average_neighbours=3, gain=2.0)
    view = as_host(scan).prepare(**options)
    reference = Unmix(
        scan.data, centre=scan.centre, pixel_size=scan.pixel_size, pixel_unit="1/Å", step=scan.step, step_unit="nm"
    ).prepare(**options)
    assert np.allclose(values(view), values(reference), rtol=1e-6)
    assert np.array_equal(view.geometry.detector_mask, reference.geometry.detector_mask)
    assert view.geometry.centre == pytest.approx(reference.geometry.centre)
    assert view.geometry.calibration.pixel_size == pytest.approx(reference.geometry.calibration.pixel_size)


def test_direct_beam_and_annulus_in_pixels_and_units(scan):
    u = Unmix(scan.data, centre=CENTRE, pixel_size=0.05, pixel_unit="1/Å")
    rows, cols = np.indices((20, 26))
    radius = np.hypot(rows - 9, cols - 13)
    assert np.array_equal(u.prepare(direct_beam=4).geometry.detector_mask, radius <= 4)
    assert np.array_equal(u.prepare(direct_beam="0.2 1/Å").geometry.detector_mask, radius <= 4)
    assert np.array_equal(u.prepare(direct_beam="2 1/nm").geometry.detector_mask, radius <= 4)
    both = u.prepare(direct_beam=4, annulus=("0.1 1/Å", 8)).geometry.detector_mask
    assert np.array_equal(both, (radius <= 4) | (radius > 8))
    assert np.array_equal(u.prepare(annulus=(None, 8)).geometry.detector_mask, radius > 8)
    assert "direct_beam=4 px (0.2 1/Å)" in repr(u.prepare(direct_beam=4))


def test_masks_follow_the_ellipse():
    """The radius is constant along an ellipse of the given axes and angle (counter-clockwise on screen)."""
    geometry = Unmix(np.ones((1, 2, 200, 220)), centre=(100, 110)).geometry.replace(ellipse=(1.5, 1.0, 30.0))
    angle = np.deg2rad(np.arange(0, 360, 5.0))
    along, across = 60 * np.cos(angle), 40 * np.sin(angle)
    turn = np.deg2rad(30)
    right = along * np.cos(turn) - across * np.sin(turn)
    up = along * np.sin(turn) + across * np.cos(turn)
    sampled = geometry.radius()[np.round(100 - up).astype(int), np.round(110 + right).astype(int)]
    assert np.allclose(sampled, np.sqrt(60 * 40), rtol=0.02)


def test_masks_may_be_hyperspy_signals(pyxem, scan):
    import hyperspy.api as hs

    detector, positions = np.zeros((20, 26), bool), np.zeros((7, 9), bool)
    detector[2, 5], positions[3, 4] = True, True
    signal = scan.to_pyxem()
    view = signal.unmix.prepare(detector_mask=hs.signals.Signal2D(detector), scan_mask=hs.signals.BaseSignal(positions).T)
    assert np.array_equal(view.geometry.detector_mask, detector)
    assert np.array_equal(view.geometry.scan_mask, positions)


def test_masks_add_up(scan):
    one, two = np.zeros((20, 26), bool), np.zeros((20, 26), bool)
    one[0], two[:, 0] = True, True
    view = Unmix(scan.data).prepare(detector_mask=one).prepare(detector_mask=two)
    assert np.array_equal(view.geometry.detector_mask, one | two)
    assert len(view.scan.steps) == 2


def test_crop_and_bin_keep_the_calibration_true(scan):
    """A spot keeps its calibrated coordinate, whatever the grid."""
    u = Unmix(scan.data, centre=CENTRE, pixel_size=0.05, pixel_unit="1/Å")
    view = u.prepare(crop=((2, 18), (3, 24)), bin=(4, 3))
    assert view.shape == (7, 9, 4, 7)
    expected = scan.data[:, :, 2:18, 3:24].reshape(7, 9, 4, 4, 7, 3).sum((3, 5))
    assert np.array_equal(values(view), expected)
    assert view.geometry.calibration.pixel_size == pytest.approx((0.2, 0.15))
    # Original pixels 6..9 x 9..11 (middle 7.5, 10) are pixel (1, 2) of the view.
    here = (np.array((1, 2)) - view.geometry.centre) * view.geometry.calibration.pixel_size
    assert here == pytest.approx((np.array((7.5, 10.0)) - CENTRE) * 0.05)


def test_bin_cannot_overflow():
    full = np.full((1, 2, 4, 4), 65535, np.uint16)
    view = Unmix(full).prepare(bin=4)
    assert view.scan.dtype == np.uint32 and (values(view) == 16 * 65535).all()
    assert pixels.binned_dtype(np.uint8, (2, 2)) == np.uint16
    assert pixels.binned_dtype(np.int16, (2, 2)) == np.int32
    assert pixels.binned_dtype(np.uint32, (2, 2)) == np.uint64
    assert pixels.binned_dtype(bool, (4, 4)) == np.uint8
    assert pixels.binned_dtype(">f4", (4, 4)) == np.float32
    assert pixels.binned_dtype(np.float16, (2, 2)) == np.float32
    assert pixels.binned_dtype(np.int8, (2, 129)) == np.int32
    assert pixels.binned_dtype(np.int64, (2, 2)) == np.float64
    half = np.full((1, 2, 4, 4), 30000, np.float16)
    assert (values(Unmix(half).prepare(bin=2)) == 4 * float(np.float16(30000))).all()


@pytest.mark.parametrize("bin", [np.int64(2), np.array([2, 2]), [2, 2], 2.0])
def test_numbers_may_come_from_numpy(scan, bin):
    assert Unmix(scan.data).prepare(bin=bin).shape == (7, 9, 10, 13)
    assert Unmix(scan.data).prepare(average_neighbours=np.int64(3)).scan.lazy
    assert np.array_equal(
        Unmix(scan.data, centre=CENTRE).prepare(annulus=(np.float32(2), np.inf)).geometry.detector_mask,
        Unmix(scan.data, centre=CENTRE).prepare(annulus=(2, None)).geometry.detector_mask,
    )


def test_bin_one_changes_nothing(scan):
    assert Unmix(scan.data).prepare(bin=(1, 1)).scan.patterns is scan.data


def test_a_bin_with_an_excluded_pixel_is_excluded(scan):
    mask = np.zeros((20, 26), bool)
    mask[5, 7] = True
    view = Unmix(scan.data).prepare(detector_mask=mask, bin=2)
    assert np.argwhere(view.geometry.detector_mask).tolist() == [[2, 3]]


def test_friedel_averages_opposite_pixels(scan):
    mask = np.zeros((20, 26), bool)
    mask[4, 10] = True
    view = Unmix(scan.data, centre=(9.1, 13.4)).prepare(friedel=True, detector_mask=mask)
    found, data = values(view), scan.data.astype(float)
    # Nearest half pixel: the centre is at (9, 13.5).
    assert found[2, 3, 5, 8] == (data[2, 3, 5, 8] + data[2, 3, 13, 19]) / 2
    assert found[2, 3, 13, 19] == found[2, 3, 5, 8]
    assert found[2, 3, 14, 17] == data[2, 3, 14, 17]  # its partner (4, 10) is masked
    assert found[2, 3, 19, 5] == data[2, 3, 19, 5]  # its partner is outside
    assert found.shape == data.shape


def test_friedel_result_is_symmetric_and_full_size():
    phantom = phantoms.polycrystal(n_grains=3, scan_shape=(10, 9), detector_shape=(41, 41), dose=1e3, seed=2)
    result = Unmix(phantom.data, centre=(20, 20)).prepare(friedel=True).nmf(3, random_state=0)
    assert result.patterns.shape == (3, 41, 41)
    assert np.allclose(result.patterns, result.patterns[:, ::-1, ::-1], atol=1e-5 * result.patterns.max())


@pytest.mark.parametrize("size", [3, 5])
def test_neighbour_mean_leaves_excluded_positions_out(scan, size):
    data = scan.data.astype(np.float32)
    mask = np.zeros((7, 9), bool)
    mask[2, 3] = mask[6, 8] = True
    data[mask] = np.nan
    half = size // 2
    for source in (data, phantoms_dask(data)):
        found = values(Unmix(source).prepare(scan_mask=mask, average_neighbours=size))
        for i, j in np.argwhere(~mask):
            window = data[max(i - half, 0) : i + half + 1, max(j - half, 0) : j + half + 1]
            assert np.allclose(found[i, j], np.nanmean(window, axis=(0, 1)), rtol=1e-5)


def phantoms_dask(data):
    import dask.array as da

    return da.from_array(data, chunks=(1, 4, 20, 26))


def test_a_window_wider_than_the_scan_is_the_whole_scan(scan):
    found = values(Unmix(scan.data).prepare(average_neighbours=99))
    assert np.allclose(found, scan.data.mean((0, 1)), rtol=1e-5)


def test_polar_patterns_have_no_centre(pyxem, scan):
    polar = pyxem.signals.PolarDiffraction2D(scan.data)
    for options in (dict(direct_beam=3), dict(annulus=(1, 5)), dict(friedel=True), dict(align=np.ones((7, 9, 2)))):
        with pytest.raises(ValueError, match="the axes of this scan are azimuth and radius"):
            polar.unmix.prepare(**options)
    result = polar.unmix.prepare(bin=2).nmf(2, max_iter=3, random_state=0)
    assert type(result.to_host()[1]).__name__ == "PolarDiffraction2D"


def test_neighbour_mean_on_a_line_scan(scan):
    line = scan.data[:1]
    found = values(Unmix(line).prepare(average_neighbours=3))
    assert np.allclose(found[0, 4], line[0, 3:6].mean(0), rtol=1e-6)
    with pytest.warns(UnmixWarning, match="does nothing on a scan of one position"):
        Unmix(line[:, :1]).prepare(average_neighbours=3)


def test_hot_pixels_become_the_local_median(scan):
    data = np.array(scan.data)
    data[:, :, 7, 11] = 60000
    data[2, 3, 0, 0] = 60000
    for hot in (True, 20):
        found = values(Unmix(data).prepare(hot_pixels=hot))
        around = [data[4, 4, 7 + i, 11 + j] for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
        assert found[4, 4, 7, 11] == int(np.median(around))
        assert found[2, 3, 0, 0] <= data[2, 3, :2, :2].ravel()[1:].max()
        assert found.dtype == data.dtype
        untouched = np.ones(data.shape, bool)
        untouched[:, :, 7, 11] = untouched[2, 3, 0, 0] = False
        assert np.array_equal(found[untouched], data[untouched])
    # Two columns of hot pixels: only neighbours that are good themselves may speak.
    known = np.zeros((20, 26), bool)
    known[5:10, 11:13] = True
    data[:, :, known] = 60000
    found = values(Unmix(data).prepare(hot_pixels=known))
    assert found[4, 4, 7, 11] == int(np.median(data[4, 4, 6:9, 10]))
    assert found[4, 4, 7, 12] == int(np.median(data[4, 4, 6:9, 13]))


def test_hot_pixels_leave_bragg_spots_alone(crystal):
    assert np.array_equal(values(Unmix(crystal.data).prepare(hot_pixels=True)), crystal.data)


@pytest.mark.parametrize("unit", [1, 11, 1e-3])
def test_hot_pixels_leave_single_electrons_alone(unit):
    """Whatever the intensity of one electron, integers or floats: few counts are not hot pixels."""
    counts = np.random.default_rng(0).poisson(0.05, (3, 4, 40, 42))
    data = counts * unit
    assert np.array_equal(values(Unmix(data).prepare(hot_pixels=True)), data)
    data[1, 2, 20, 20] = 500 * unit
    assert values(Unmix(data).prepare(hot_pixels=True))[1, 2, 20, 20] <= unit


def test_hot_pixels_ask_no_excluded_neighbours(scan):
    data, mask = np.array(scan.data), np.ones((20, 26), bool)
    mask[5:9, 5:9] = False
    data[:, :, mask] = 0
    mask[6, 6] = True
    single = np.ones((20, 26), bool)
    single[6, 6] = False
    assert np.array_equal(values(Unmix(data).prepare(hot_pixels=True, detector_mask=single)), data)


def test_gain_gives_electrons(scan):
    view = Unmix(scan.data).prepare(gain=4.0)
    assert view.scan.dtype == np.float32
    assert np.allclose(values(view), scan.data / 4.0)


def test_align_brings_the_beam_to_the_centre():
    rng = np.random.default_rng(0)
    centres = np.array((9.0, 12.0)) + rng.integers(-2, 3, (3, 4, 2)) + 0.2
    data = np.zeros((3, 4, 20, 26), np.uint16)
    for i, j in np.ndindex(3, 4):
        data[(i, j, *np.round(centres[i, j]).astype(int))] = 100
    view = Unmix(data, centre=(9, 12)).prepare(align=centres)
    found = values(view)
    assert (found[:, :, 9, 12] == 100).all()
    assert view.geometry.centre == pytest.approx((9.2, 12.2))
    # Pixels to which some pattern contributes nothing are excluded.
    shifts = np.round((9, 12) - centres).astype(int)
    expected = np.zeros((20, 26), bool)
    for dr, dc in shifts.reshape(-1, 2):
        inside = np.zeros((20, 26), bool)
        inside[max(dr, 0) : 20 + min(dr, 0), max(dc, 0) : 26 + min(dc, 0)] = True
        expected |= ~inside
    assert np.array_equal(view.geometry.detector_mask, expected)


def test_crop_and_bin_move_the_beam_positions_along():
    """Aligning after cropping and binning lands where aligning before does."""
    centres = np.array([[[9.0, 12.0], [13.0, 16.0]]])
    data = np.zeros((1, 2, 20, 28), np.uint16)
    for j in (0, 1):
        row, col = centres[0, j].astype(int)
        data[0, j, row : row + 2, col : col + 2] = 25
    scan = Unmix(data, centre=(9.5, 12.5)).scan.replace(centres=centres + 0.5)
    view = Unmix(scan).prepare(crop=((1, 19), (2, 28)), bin=2).prepare(align=True)
    found = values(view)
    assert found[0, 0].max() == 100 and np.array_equal(found[0, 0], found[0, 1])
    assert tuple(np.argwhere(found[0, 0] == 100)[0]) == pytest.approx(view.geometry.centre)


def test_align_keeps_calibrated_coordinates_true():
    """A pixel keeps its distance from the beam: the origin of the detector moves against the shift."""
    from dataclasses import replace

    centres = np.full((1, 2, 2), (9.0, 12.0))
    centres[0, 1] = (11.0, 12.0)
    scan = Unmix(np.ones((1, 2, 20, 26)), centre=(10, 12), pixel_size=0.05, pixel_unit="1/Å").scan
    calibration = replace(scan.geometry.calibration, detector_origin=(-0.5, -0.6))
    scan = scan.replace(geometry=scan.geometry.replace(calibration=calibration))
    elsewhere = scan.replace(geometry=scan.geometry.replace(centre=(9.6, 12.3)))
    for target, patterns in (((10, 12), scan), ((9.6, 12.3), elsewhere)):
        geometry = Unmix(patterns).prepare(align=centres).geometry
        moved = np.array(geometry.calibration.detector_origin) - (-0.5, -0.6)
        assert moved == pytest.approx(-0.05 * (np.array(geometry.centre) - target))


def test_align_without_a_known_centre_lets_the_beam_be_the_origin(pyxem, scan):
    signal = pyxem.signals.Diffraction2D(scan.data)
    view = signal.unmix.prepare(align=np.full((7, 9, 2), (12.0, 20.0)))
    assert view.geometry.centre == (12.0, 20.0)
    _, patterns = view.nmf(2, max_iter=2, random_state=0).to_host()
    assert patterns.calibration.center == pytest.approx([20, 12])


def test_align_asks_nothing_of_excluded_positions():
    centres = np.full((1, 3, 2), (9.0, 12.0))
    centres[0, 1] = np.nan
    mask = np.array([[False, True, False]])
    view = Unmix(np.ones((1, 3, 20, 26)), centre=(9, 12)).prepare(align=centres, scan_mask=mask)
    assert view.geometry.centre == (9.0, 12.0) and view.geometry.detector_mask is None
    with pytest.raises(ValueError, match="NaN, masked or infinite ones at kept positions"):
        Unmix(np.ones((1, 3, 20, 26)), centre=(9, 12)).prepare(align=centres)


def test_align_moves_the_mask_along():
    centres = np.array([[[9.0, 12.0], [10.0, 12.0]]])
    mask = np.zeros((20, 26), bool)
    mask[5, 5] = True
    view = Unmix(np.ones((1, 2, 20, 26)), centre=(9, 12)).prepare(align=centres, detector_mask=mask)
    excluded = view.geometry.detector_mask
    assert excluded[5, 5] and excluded[4, 5] and excluded[19].all() and excluded.sum() == 2 + 26


def test_align_uses_what_py4dstem_knows(py4dstem, scan):
    cube = scan.to_py4dstem()
    rows, cols = np.full((7, 9), 9.0), np.full((7, 9), 13.0)
    rows[2:] += 1
    cube.calibration.set_origin((rows, cols))
    view = cube.unmix.prepare(align=True)
    assert np.array_equal(values(view)[4, 4, :19], scan.data[4, 4, 1:]) or np.array_equal(
        values(view)[0, 0, 1:], scan.data[0, 0, :19]
    )
    assert view.geometry.detector_mask.sum() == 26


def test_masks_of_the_aligned_beam_are_at_the_centre():
    centres = np.array([[[9.0, 12.0], [11.0, 15.0]]])
    view = Unmix(np.ones((1, 2, 20, 26)), centre=(9, 12)).prepare(align=centres, direct_beam=1)
    mask = view.geometry.detector_mask
    assert mask[9, 12] and mask[8, 12] and not mask[7, 12]


@pytest.mark.parametrize(
    "options, error, message",
    [
        (dict(bin=3), ValueError, r"bin must divide the detector of 20 x 26 pixels, got 3 x 3: crop it first"),
        (dict(bin=0), ValueError, "bin must be at least 1"),
        (dict(bin=(2, 2, 2)), ValueError, "bin must be one whole number or"),
        (dict(bin=1.5), TypeError, "bin must be a whole number"),
        (dict(crop=((0, 30), (0, 5))), ValueError, "crop must lie inside the detector"),
        (dict(crop=((5, 5), (0, 5))), ValueError, "crop must lie inside the detector"),
        (dict(crop=5), ValueError, "crop must be"),
        (dict(detector_mask=np.ones((20, 26), bool)), ValueError, "detector_mask excludes everything"),
        (dict(scan_mask=np.ones((7, 9), bool)), ValueError, "scan_mask excludes everything"),
        (dict(detector_mask=np.zeros((26, 20), bool)), ValueError, r"detector_mask must have the shape \(20, 26\)"),
        (dict(scan_mask=np.full((7, 9), 0.5)), ValueError, "scan_mask must be boolean"),
        (dict(direct_beam=100), ValueError, "leaves no detector pixel"),
        (dict(direct_beam=-1), ValueError, "direct_beam must be at least 0"),
        (dict(direct_beam="0.1 1/Å"), ValueError, "direct_beam = '0.1 1/Å' has a unit, but the axis is not calibrated"),
        (dict(annulus=(5, 3)), ValueError, "annulus must have an inner radius below"),
        (dict(annulus=5), ValueError, "annulus must be"),
        (dict(average_neighbours=0), ValueError, "average_neighbours must be at least 1"),
        (dict(average_neighbours=True), TypeError, "average_neighbours must be a whole number, got True"),
        (dict(bin=True), TypeError, "bin must be a whole number, got True"),
        (dict(hot_pixels=1), ValueError, "hot_pixels must be True, a mask, or a factor above 1, got 1"),
        (dict(direct_beam=np.array([1, 2])), TypeError, "direct_beam must be a number of pixels or a string"),
        (dict(detector_mask=[[True], [True, False]]), ValueError, "detector_mask must have the shape"),
        (dict(average_neighbours=4), ValueError, "average_neighbours must be odd"),
        (dict(gain=0), ValueError, "gain must be above 0"),
        (dict(friedel="yes"), TypeError, "friedel must be True or False"),
        (dict(align=True), ValueError, "align=True needs the beam position of every pattern"),
        (dict(align=np.zeros((7, 9))), ValueError, r"align must be True or beam positions of the shape \(7, 9, 2\)"),
        (dict(hot_pixels=np.zeros((3, 3), bool)), ValueError, "hot_pixels must have the shape"),
        (dict(hot_pixels=-2.0), ValueError, "hot_pixels must be above 0"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(scan, options, error, message):
    with pytest.raises(error, match=message):
        Unmix(scan.data, centre=CENTRE).prepare(**options)


def test_the_centre_is_questioned_where_it_matters(scan):
    with pytest.warns(UnmixWarning, match=r"direct_beam needs the centre .* \(9.5, 12.5\), is taken"):
        Unmix(scan.data).prepare(direct_beam=3)
    with pytest.warns(UnmixWarning, match="in a corner of the detector"):
        Unmix(scan.data, centre=(0, 0)).prepare(annulus=(2, 5))
    with pytest.warns(UnmixWarning, match="outside the detector of 20 x 26"):
        Unmix(scan.data, centre=(40, -3)).prepare(annulus=(2, 35))
    Unmix(scan.data).prepare(bin=2)  # needs no centre, says nothing


def test_warnings_point_at_the_users_line(scan):
    with pytest.warns(UnmixWarning) as caught:
        Unmix(scan.data).prepare(direct_beam=3)
    assert caught[0].filename == __file__


def test_persist_says_that_the_scan_could_not_be_read(tmp_path):
    pytest.importorskip("hypothesis")
    from support.hostile_judge import clear_refusal
    from support.strategies import ScanCase

    scan = ScanCase(holder="broken dask")
    with pytest.raises(OSError, match="the scan could not be read: OSError: the disk is gone") as caught:
        Unmix(scan.obj(tmp_path, scan.array())[0]).persist()
    assert clear_refusal(caught.value) == ""
