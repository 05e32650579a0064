"""ScanGeometry, Scan and the facts a caller may override."""

import numpy as np
import pytest

from unmix4d import Unmix
from unmix4d.core.geometry import ScanGeometry
from unmix4d.core.scan import Scan


def test_images_and_maps_there_and_back():
    scan_mask, detector_mask = np.zeros((3, 4), bool), np.zeros((10, 20), bool)
    scan_mask[1, 2], detector_mask[4:6, 7:9] = True, True
    geometry = ScanGeometry((3, 4), (10, 20), scan_mask, detector_mask)
    assert (geometry.n_positions, geometry.n_pixels) == (11, 196)
    rows, columns = np.random.default_rng(0).random((2, 196)), np.random.default_rng(1).random((11, 2))
    images, maps = geometry.to_images(rows), geometry.to_maps(columns)
    assert images.shape == (2, 10, 20) and maps.shape == (2, 3, 4)
    assert np.isnan(images[:, detector_mask]).all() and np.isnan(maps[:, scan_mask]).all()
    assert np.array_equal(geometry.from_images(images), rows)
    assert np.array_equal(geometry.from_maps(maps), columns)


def test_a_frame_is_frozen_and_keeps_its_own_masks():
    mask = np.zeros((3, 4), bool)
    geometry = ScanGeometry((3, 4), (10, 20), scan_mask=mask)
    mask[0, 0] = True
    assert not geometry.scan_mask.any()
    with pytest.raises(ValueError, match="read-only"):
        geometry.scan_mask[0, 0] = True
    with pytest.raises(AttributeError):
        geometry.centre = (0, 0)


def test_the_unset_centre_is_the_middle():
    geometry = ScanGeometry((3, 4), (10, 21))
    assert geometry.centre == (4.5, 10.0) and not geometry.centre_known
    assert ScanGeometry((3, 4), (10, 21), centre=(4.5, 10.0)).centre_known


def test_radius_is_in_pixels_and_knows_square_ones():
    geometry = ScanGeometry((1, 1), (11, 21), centre=(5, 10))
    assert geometry.radius()[5, 13] == 3 and geometry.radius()[2, 10] == 3
    # Pixels four times as tall as wide: two rows are as far as eight columns, and lengths are calibrated alike.
    from unmix4d.core.geometry import Calibration

    tall = ScanGeometry((1, 1), (11, 21), centre=(5, 10), calibration=Calibration(pixel_size=(0.4, 0.1), pixel_unit="1/Å"))
    assert tall.radius()[7, 10] == pytest.approx(tall.radius()[5, 18])
    assert tall.radius()[7, 10] * tall.pixel_length == pytest.approx(0.8)


def test_scan_and_frame_must_agree():
    with pytest.raises(ValueError, match="its geometry says"):
        Scan(np.ones((3, 4, 10, 20)), ScanGeometry((4, 3), (10, 20)))


def test_overrides_on_every_host(as_host, scan):
    view = as_host(scan)
    other = Unmix(view.scan, centre=(3, 4), pixel_size=(0.1, 0.2), pixel_unit="A^-1", step=5, step_unit="Å")
    assert other.geometry.centre == (3.0, 4.0) and other.geometry.centre_known
    assert other.geometry.calibration.pixel_size == (0.1, 0.2) and other.geometry.calibration.pixel_unit == "1/Å"
    assert other.geometry.calibration.step == (5.0, 5.0) and other.geometry.calibration.step_unit == "Å"
    assert view.geometry.centre == pytest.approx(scan.centre)


@pytest.mark.parametrize(
    "facts, error, message",
    [
        (dict(centre=(1, 2, 3)), ValueError, "centre must be one finite number or a"),
        (dict(centre=(np.nan, 2)), ValueError, "centre must be"),
        (dict(centre="middle"), ValueError, "centre must be"),
        (dict(pixel_size=0), ValueError, "pixel_size must be above 0"),
        (dict(step=-1), ValueError, "step must be above 0"),
        (dict(step_unit=3), TypeError, "step_unit must be a string"),
    ],
)
def test_overrides_that_make_no_sense(facts, error, message):
    with pytest.raises(error, match=message):
        Unmix(np.ones((3, 4, 10, 20)), **facts)


def test_hosts_are_read_with_units_and_energy(as_host, scan):
    view = as_host(scan)
    cal = view.geometry.calibration
    assert view.shape == (7, 9, 20, 26)
    assert cal.step == pytest.approx((scan.step, scan.step)) and cal.step_unit == "nm"
    assert cal.pixel_size == pytest.approx((scan.pixel_size, scan.pixel_size)) and cal.pixel_unit == "1/Å"
    assert view.geometry.centre == pytest.approx(scan.centre) and view.geometry.centre_known
    if "pyxem" in as_host.kind:
        assert cal.beam_energy == scan.beam_energy
    text = repr(view)
    assert f"7 x 9 positions, 20 x 26 pixels, {view.scan.dtype}" in text and "nm per step" in text


def test_the_attribute_is_stateless(pyxem, py4dstem, scan):
    for host in (scan.to_pyxem(), scan.to_py4dstem()):
        before = set(vars(host))
        assert host.unmix is not host.unmix
        host.unmix.svd(1)
        assert set(vars(host)) == before


def test_a_signal_that_is_no_scan_fails_only_when_used(pyxem):
    signal = pyxem.signals.Diffraction2D(np.ones((1, 2, 3, 4, 5, 6)))
    accessor = signal.unmix
    assert hasattr(signal, "unmix")
    with pytest.raises(ValueError, match="at most three navigation axes, got 4"):
        accessor.nmf(2)
