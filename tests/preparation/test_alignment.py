"""Alignment: what each host says of the beam, what is measured here, and where the patterns then are."""

import dask.array as da
import numpy as np
import pytest

from unmix4d import Unmix
from unmix4d.preparation.beam import beam_positions
from unmix4d.preparation.pixels import shift_between_pixels

DETECTOR = (40, 52)


def beams(rows=6, cols=9):
    """True positions (row, column) of a beam that drifts along both axes of the scan, not the same way."""
    return np.stack(np.broadcast_arrays(16.0 + np.arange(rows)[:, None], 21.0 + np.arange(cols)[None]), -1)


def drifting(centres, dose=400, spot=0.0, width=2.0, seed=0):
    """Counts of a beam at the given positions, with two other disks beside it that are `spot` times as strong."""
    row, col = np.indices(DETECTOR)
    out = np.empty((*centres.shape[:2], *DETECTOR))
    for i, j in np.ndindex(centres.shape[:2]):
        r, c = centres[i, j]
        out[i, j] = np.exp(-((row - r) ** 2 + (col - c) ** 2) / width**2)
        g = (9, 4) if j % 2 else (-3, 10)
        for sign in (1, -1):
            out[i, j] += spot * np.exp(-((row - r - sign * g[0]) ** 2 + (col - c - sign * g[1]) ** 2) / width**2)
    return np.random.default_rng(seed).poisson(dose * out).astype(np.uint16)


@pytest.fixture(scope="module")
def data():
    return drifting(beams())


def height(view):
    """Of the mean beam; as high as each of them only where they lie on each other."""
    return np.nanmax(view.mean_pattern())


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("options", [dict(method="blur", sigma=2), dict(method="center_of_mass")])
def test_beam_shifts_of_pyxem_are_shifts_and_not_positions(pyxem, data, lazy, options):
    signal = pyxem.signals.Diffraction2D(data)
    signal = signal.as_lazy() if lazy else signal
    view = signal.unmix.prepare(align=signal.get_direct_beam_position(**options))
    assert height(view) == pytest.approx(400, rel=0.02)
    assert view.geometry.centre == pytest.approx((18, 25), abs=0.1)
    assert view.geometry.n_pixels == (40 - 5) * (52 - 8)
    if not lazy:
        plane = signal.get_direct_beam_position(**options).get_linear_plane()
        assert height(signal.unmix.prepare(align=plane)) == pytest.approx(400, rel=0.02)


def test_beam_shifts_of_one_row_of_positions(pyxem, data):
    line = pyxem.signals.Diffraction2D(data[0])
    view = line.unmix.prepare(align=line.get_direct_beam_position(method="center_of_mass"))
    assert view.geometry.centre == pytest.approx((16, 25), abs=0.1) and height(view) == pytest.approx(400, rel=0.03)


def test_beam_shifts_of_something_else_are_refused(pyxem, data):
    signal = pyxem.signals.Diffraction2D(data)
    shifts = signal.get_direct_beam_position(method="center_of_mass")
    with pytest.raises(ValueError, match=r"BeamShift of the detector of \(20, 26\) pixels, got one measured on \(40, 52\)"):
        signal.unmix.prepare(bin=2).prepare(align=shifts)
    with pytest.raises(ValueError, match=r"align must be True or beam positions of the shape \(6, 9, 2\)"):
        signal.unmix.prepare(align=shifts.inav[1:])
    for axis in signal.axes_manager.signal_axes:
        axis.units, axis.scale = "1/Å", 0.01
    calibrated = signal.get_direct_beam_position(method="center_of_mass").pixels_to_calibrated_units()
    with pytest.raises(ValueError, match="align must be a BeamShift in pixels, got one in 1/Å"):
        signal.unmix.prepare(align=calibrated)


@pytest.mark.parametrize("form", ["calibration", "maps", "masked maps", "maps and where", "positions"])
def test_origins_of_py4dstem(py4dstem, data, form):
    cube, centres = py4dstem.DataCube(np.array(data)), beams()
    known = np.ones((6, 9), bool)
    known[2, 3] = False
    wrong = np.where(known[..., None], centres, 999.0)
    cube.calibration.set_origin((centres[..., 0], centres[..., 1]))
    align = {
        "calibration": cube.calibration,
        "maps": cube.calibration.get_origin(),
        "masked maps": tuple(np.ma.array(wrong[..., i], mask=~known) for i in (0, 1)),
        "maps and where": (wrong[..., 0], wrong[..., 1], known),
        "positions": centres,
    }[form]
    bare = Unmix(data, centre=(18, 25)).prepare(align=align)  # where nothing is known, the mean is taken, 3 pixels off here
    assert bare.geometry.centre == pytest.approx((18, 25), abs=0.1) and height(bare) > 392
    assert height(cube.unmix.prepare(align=True)) == pytest.approx(400, rel=0.02)


def test_a_stale_origin_beside_the_detector_is_refused(py4dstem, data):
    cube = py4dstem.DataCube(np.array(data))
    cube.calibration.set_origin((beams()[..., 0] + 30, beams()[..., 1]))
    with pytest.raises(ValueError, match=r"on the detector of \(40, 52\) pixels, got \(46, 21\) at scan position \(0, 0\)"):
        cube.unmix.prepare(align=True)


@pytest.mark.parametrize(
    "align, error, message",
    [
        (beams() - 17, ValueError, r"got \(-1, 4\) at scan position \(0, 0\) and 9 of 54 beside it"),
        (beams()[..., ::-1] + 20, ValueError, r"on the detector of \(40, 52\) pixels, got \(41, 36\)"),
        (np.where(np.arange(2) == 1, np.inf, beams()), ValueError, "NaN, masked or infinite ones at kept positions"),
        (np.ma.masked_less(beams(), 17), ValueError, "NaN, masked or infinite ones at kept positions"),
        (beams()[..., 0], ValueError, r"beam positions of the shape \(6, 9, 2\), or 'measure', got \(6, 9\)"),
        (beams() * 1j, ValueError, "beam positions of the shape"),
        ([[1.0], [2.0, 3.0]], ValueError, "beam positions of the shape"),
        ((18.0, 25.0), ValueError, r"beam positions of the shape \(6, 9, 2\), or 'measure', got \(2,\)"),
        ({}, ValueError, "beam positions of the shape"),
        ("measured", ValueError, "align must be one of 'measure', got 'measured'"),
    ],
)
def test_what_is_no_position_is_refused(data, align, error, message):
    with pytest.raises(error, match=message):
        Unmix(data).prepare(align=align)


def test_excluded_positions_may_lie_anywhere(data):
    centres, mask = beams(), np.zeros((6, 9), bool)
    mask[1, 2], mask[4, 4] = True, True
    centres[1, 2], centres[4, 4] = np.nan, (-500, 1e9)
    view = Unmix(data).prepare(align=centres, scan_mask=mask)
    assert view.geometry.n_pixels == (40 - 5) * (52 - 8) and height(view) == pytest.approx(400, rel=0.02)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("spot", [0.0, 0.5, 1.5])
@pytest.mark.parametrize("offset", [0.0, 0.4])
def test_measured_positions_are_those_of_the_beam(spot, offset):
    """To a tenth of a pixel, beside disks that are stronger than it is, and with an excluded pixel that is brighter."""
    centres = beams() + offset
    data = drifting(centres, spot=spot)
    mask = np.zeros(DETECTOR, bool)
    mask[5, 40] = True
    data[:, :, 5, 40] = 65535
    scan = Unmix(data).prepare(detector_mask=mask).scan
    assert np.abs(beam_positions(scan) - centres).max() < 0.12


def test_a_pattern_without_a_beam_lies_on_the_plane_of_the_others():
    data, mask = drifting(beams(), spot=0.4), np.zeros((6, 9), bool)
    data[2, 3], data[5, 0], mask[0, 8] = 0, 0, True
    data[0, 8] = np.random.default_rng(1).poisson(50, DETECTOR)
    scan = Unmix(data).prepare(scan_mask=mask).scan
    assert np.abs(beam_positions(scan) - beams()).max() < 0.2


@pytest.mark.one_in(7)
def test_measuring_is_the_same_for_every_kind_of_input(as_host, scan):
    unmix = as_host(scan)
    assert np.array_equal(beam_positions(unmix.scan), beam_positions(Unmix(scan.data, centre=scan.centre).scan))


def test_measured_alignment(data):
    view = Unmix(data).prepare(align="measure")
    assert height(view) == pytest.approx(400, rel=0.02) and view.scan.dtype == data.dtype
    assert view.geometry.centre == pytest.approx((18, 25), abs=0.05) and view.geometry.centre_known
    assert view.geometry.n_pixels == (40 - 5) * (52 - 8)
    assert view.scan.steps[0]["align"] == {"rows": [-3, 2], "cols": [-4, 4], "positions": "measured"}
    fit, held = view.split_counts(random_state=0)  # still counts
    assert np.array_equal(np.asarray(fit.scan.patterns) + np.asarray(held.scan.patterns), np.asarray(view.scan.patterns))


@pytest.mark.parametrize("centre, wanted", [((17.0, 25.0), (17, 25)), ((32.0, 40.0), (18, 25))])
def test_a_centre_far_from_every_beam_is_not_aimed_at(data, centre, wanted):
    """As after a cube is binned: the origin of the host is stale, and following it would push the patterns off."""
    assert Unmix(data, centre=centre).prepare(align="measure").geometry.centre == pytest.approx(wanted, abs=0.1)


def test_calibrated_coordinates_are_those_of_the_measured_beam(pyxem, data):
    signal = pyxem.signals.ElectronDiffraction2D(data)
    for axis, offset in zip(signal.axes_manager.signal_axes, (-0.26, -0.2)):
        axis.scale, axis.offset, axis.units = 0.01, offset, "1/Å"
    maps, patterns = signal.unmix.prepare(align="measure").nmf(1, max_iter=2, random_state=0).to_host()
    top = np.unravel_index(patterns.data[0].argmax(), DETECTOR)
    kx, ky = patterns.axes_manager.signal_axes
    assert (ky.index2value(int(top[0])), kx.index2value(int(top[1]))) == pytest.approx((0, 0), abs=0.006)


@pytest.mark.parametrize("how", ["measure", "given"])
def test_alignment_by_parts_of_pixels(how):
    centres = beams() + np.array((0.25, -0.4)) * (np.arange(9) % 2)[None, :, None]
    data = drifting(centres, spot=0.3)
    align = centres if how == "given" else how
    view = Unmix(data, centre=(18.5, 25.0)).prepare(align=align, align_subpixel=True)
    assert view.scan.dtype == np.float32 and view.geometry.centre == pytest.approx((18.5, 25), abs=1e-6)
    found = beam_positions(view.scan)
    assert np.abs(found - (18.5, 25)).max() < 0.12
    assert np.asarray(view.scan.patterns).sum() == pytest.approx(data.sum(), rel=2e-3)  # but for what leaves at an edge
    with pytest.raises(ValueError, match="prepared with align_subpixel"):
        view.split_counts()


def test_between_pixels_is_linear():
    rng = np.random.default_rng(0)
    image = rng.random((1, 2, 6, 7))
    shifts = np.array([[[[1.25, -0.5]], [[-2.0, 0.0]]]])
    found = shift_between_pixels(image, shifts)
    row = 0.75 * image[0, 0, 1:4] + 0.25 * image[0, 0, :3]  # rows 2-4 of the answer
    assert np.allclose(found[0, 0, 2:5, :6], (row[:, :-1] + row[:, 1:]) / 2)
    assert np.array_equal(found[0, 1, :4], image[0, 1, 2:]) and not found[0, 1, 4:].any()
    assert shift_between_pixels(image.astype(">u2"), shifts).dtype == np.float32
    assert shift_between_pixels(image.astype("f2"), shifts).dtype == np.float32


def test_nan_of_an_excluded_pixel_stays_where_the_mask_is():
    data, mask = drifting(beams()).astype(np.float32), np.zeros(DETECTOR, bool)
    mask[8, 9] = True
    data[:, :, 8, 9] = np.nan
    centres = beams() + 0.5 * (np.arange(9) == 4)[:, None]
    for subpixel in (False, True):
        view = Unmix(data).prepare(align=centres, align_subpixel=subpixel, detector_mask=mask)
        assert np.isfinite(view.mean_pattern()[~view.geometry.detector_mask]).all()


def test_nothing_is_read_when_another_argument_is_wrong():
    def gone(block):
        raise AssertionError("the scan was read")

    scan = da.map_blocks(gone, da.zeros((6, 9, *DETECTOR), chunks=(2, 3, -1, -1)), dtype=float, meta=np.empty((0,) * 4))
    for options, message in (
        (dict(bin=3), "bin must divide"), (dict(direct_beam=-1), "direct_beam must be"),
        (dict(align_subpixel=1), "align_subpixel must be True or False"), (dict(crop=((0, 99), (0, 3))), "crop must lie"),
    ):  # fmt: skip
        with pytest.raises((ValueError, TypeError), match=message):
            Unmix(scan, centre=(20, 26)).prepare(**{"align": "measure", **options})


def test_patterns_that_show_nothing_cannot_be_measured():
    with pytest.raises(ValueError, match="needs patterns with a direct beam, but 12 of 12 show nothing"):
        Unmix(np.zeros((3, 4, 20, 26))).prepare(align="measure")
    with pytest.raises(ValueError, match="align_subpixel needs align"):
        Unmix(np.ones((3, 4, 20, 26))).prepare(align_subpixel=True)


def test_a_centre_in_a_corner_was_never_calibrated(pyxem, data):
    """pyxem's own example data have the scale set and the offset 0: the beam must not be moved to pixel (0, 0)."""
    signal = pyxem.signals.Diffraction2D(data)
    for axis in signal.axes_manager.signal_axes:
        axis.scale, axis.units = 0.01, "1/Å"
    for align in ("measure", signal.get_direct_beam_position(method="center_of_mass")):
        view = signal.unmix.prepare(align=align)
        assert view.geometry.centre == pytest.approx((18, 25), abs=0.1) and height(view) == pytest.approx(400, rel=0.02)
        origin = view.geometry.calibration.detector_origin
        assert origin == pytest.approx((-0.18, -0.25), abs=2e-3)
